"""faster-whisper (CTranslate2): Whisper on a processor or a GPU, from a model folder, never from the network."""

import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from archivist_common.errors import EngineUnavailable, InvalidRequest, ModelMissing, ResourceExhausted
from archivist_transcriber.audio.vad import RATE, Piece, Samples
from archivist_transcriber.engines import EngineSettings, Options, TranscribedBatch
from archivist_transcriber.engines.hallucinations import DecodedWindow
from archivist_transcriber.engines.models import check_folder
from archivist_transcriber.engines.passes import How, Passes
from archivist_transcriber.engines.windows import Window, batches, pack

log = logging.getLogger(__name__)

T = TypeVar("T")

_WRITABLE = (":", "/", "#")
"""Symbols faster-whisper forbids by default that captions need: 7:30, 24/7, item #5. Brackets, quotes,
music notes and the like stay forbidden: models use them for `[MUSIC]` and for speaker tags."""
_BEAM = 5  # of the second pass (Whisper's own, where it is asked for one)
_DETECTED_IN = 4  # windows
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # what belongs to the next word and to the last
_SUMS_IN_FLOAT32 = frozenset({"int8", "int8_float32", "int16", "float32"})
_BIG_MODEL = 10**9  # bytes of model.bin; on a processor one window of such a model takes some ten seconds

_PROCESSOR = Path("/proc/cpuinfo")

_TOKENS = 100  # in 30 seconds of talk
_MEASUREMENTS, _MEASURED_S = 3, 4.0  # the quickest of three, while they are quick
_SLOW_S, _FEWER = 0.5, 21  # a model that encodes slower than this is measured on fewer tokens

_FAILURES = (RuntimeError, ValueError, MemoryError)  # of CTranslate2 and faster-whisper, outside our control


class FasterWhisper:
    """One model in memory, used by one thread at a time."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._device = settings.device
        self._model: Any = None
        self._batch_size = settings.batch_size
        self._one_by_one = False
        self._spellings: dict[str, tuple[Any, list[int]]] = {}

    @property
    def device(self) -> str:
        return self._device

    def load(self) -> None:
        if self._model is not None:
            return
        check_folder(self._settings.model)
        _use_wide_instructions()
        try:
            import ctranslate2
            from faster_whisper import WhisperModel
        except (ImportError, OSError) as exc:
            raise EngineUnavailable(f"faster-whisper cannot be loaded: {exc}") from exc
        if self._device == "auto":
            self._device = "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
        compute_type = self._settings.compute_type
        if compute_type == "default":
            compute_type = "int8" if self._device == "cpu" else "float16"
        try:
            model = WhisperModel(
                str(self._settings.model),
                device=self._device,
                compute_type=compute_type,
                cpu_threads=self._settings.threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError, KeyError) as exc:
            self._fail(exc, f"the model in {self._settings.model} cannot be loaded on {self._device}")
        if self._device == "cpu" and self._is_big:
            self._batch_size = 1
        # Larger batches leave a processor's caches: two windows at once take longer than two in turn.
        self._one_by_one = self._device == "cpu" and compute_type in _SUMS_IN_FLOAT32
        self._model = model
        self._warm_up()
        log.info("model loaded", extra={"model": str(self._settings.model), "device": self._device,
                                        "compute_type": compute_type, "threads": self._settings.threads})  # fmt: skip

    @property
    def _is_big(self) -> bool:
        return (self._settings.model / "model.bin").stat().st_size > _BIG_MODEL

    def _warm_up(self) -> None:
        """The first inference allocates and, on a GPU, compiles. Whether the model works at all shows here."""
        try:
            self._decoded(self._encoded([_noise(RATE)]), [RATE], "en")
        except _FAILURES as exc:
            self._fail(exc, "the first inference failed")

    @property
    def _longest(self) -> int:
        """Samples of a window, the most that the model transcribes at once."""
        return int(min(self._model.feature_extractor.chunk_length, 30) * RATE)

    def detect_language(self, piece: Piece) -> tuple[str, float]:
        self._loaded()
        if not self._model.model.is_multilingual or not piece.speech:
            return "en", 0.0 if not piece.speech else 1.0
        windows = pack(piece.speech, piece.samples, self._longest)[:_DETECTED_IN]
        votes: dict[str, float] = {}
        for window in windows:
            try:
                _, _, all_probs = self._model.detect_language(audio=window.audio(piece.samples))
            except (RuntimeError, ValueError) as exc:
                self._fail(exc, "language detection failed")
            for language, probability in all_probs:
                votes[language] = votes.get(language, 0.0) + float(probability) * window.length
        best = max(sorted(votes), key=lambda language: votes[language])
        return best, votes[best] / sum(window.length for window in windows)

    def words(self, piece: Piece, options: Options) -> Iterator[TranscribedBatch]:
        self._loaded()
        language = options.language or self.detect_language(piece)[0]
        most = 1 if options.sparing else self._batch_size

        def decode(windows: Sequence[Window], how: How) -> Sequence[DecodedWindow]:
            return self._transcribed(windows, piece, language, how)

        quick = self._settings.beam_size < _BEAM
        passes = Passes(piece, language, decode, longest=self._longest, most=most, beam=quick)
        for batch in batches(pack(piece.speech, piece.samples, self._longest), most):
            kept = passes.kept(batch)
            done_ms = piece.start_ms + batch[-1].end * 1000 // RATE
            yield TranscribedBatch(kept.words, done_ms, language, kept.dropped, kept.unheard)
        yield TranscribedBatch((), piece.end_ms, language)

    def _transcribed(
        self, windows: Sequence[Window], piece: Piece, language: str, how: How
    ) -> Sequence[DecodedWindow]:
        try:
            encoded = self._encoded([window.audio(piece.samples) for window in windows])
            return self._decoded(encoded, [window.length for window in windows], language, how)
        except _FAILURES as exc:
            self._fail(exc, "decoding failed")

    def _encoded(self, sounds: Sequence[Samples]) -> Any:
        """The encoder's output for a batch of windows, as CTranslate2 holds it."""
        import ctranslate2
        from faster_whisper.audio import pad_or_trim

        model = self._model
        features = [pad_or_trim(model.feature_extractor(sound)[..., :-1]) for sound in sounds]
        if not self._one_by_one or len(sounds) == 1:
            return model.encode(np.stack(features))
        rows = np.concatenate([np.asarray(model.encode(row)) for row in features])
        return ctranslate2.StorageView.from_array(rows)

    def _decoded(
        self, encoded: Any, lengths: Sequence[int], language: str, how: How = How.QUICK
    ) -> list[DecodedWindow]:
        """Decode a batch of windows. lengths: samples of audio in each."""
        tokenizer, suppressed = self._spelling(language)
        careful = how is How.CAREFUL
        results = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * len(lengths),
            beam_size=self._settings.beam_size if how is How.QUICK else _BEAM,
            repetition_penalty=1.1 if careful else 1.0,
            no_repeat_ngram_size=4 if careful else 0,
            max_length=self._model.max_length,
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [result.sequences_ids[0] for result in results]
        timed = self._timed(encoded, tokens, lengths, language)
        return [
            DecodedWindow(
                words=words,
                no_speech=result.no_speech_prob,
                log_probability=result.scores[0] * len(written) / (len(written) + 1),  # one more for the end
                compression=_compression(tokenizer.decode(written)),
            )
            for result, written, words in zip(results, tokens, timed, strict=True)
        ]

    def _timed(
        self, encoded: Any, tokens: Sequence[Sequence[int]], lengths: Sequence[int], language: str
    ) -> list[tuple[dict[str, Any], ...]]:
        """The words of each window with their times in seconds from its start, as faster-whisper gives them."""
        tokenizer, _ = self._spelling(language)
        slot = -(-self._longest // RATE)  # seconds; it corrects the first word by where the window before ended
        frames = self._model.frames_per_second
        segments = [
            [{"seek": n * slot * frames, "start": n * slot, "end": n * slot + length / RATE, "tokens": written}]
            for n, (written, length) in enumerate(zip(tokens, lengths, strict=True))
        ]
        sizes = [-(-length // RATE) * frames for length in lengths]
        self._model.add_word_timestamps(segments, tokenizer, encoded, sizes, _PREPENDED, _APPENDED, 0.0)
        return [
            tuple(
                {**word, "start": word["start"] - n * slot, "end": word["end"] - n * slot} for word in only["words"]
            )
            for n, (only,) in enumerate(segments)
        ]

    def measure(self) -> float:
        self._loaded()
        taken: list[float] = []
        began = time.perf_counter()
        try:
            while len(taken) < _MEASUREMENTS and time.perf_counter() - began < _MEASURED_S:
                taken.append(self._measured())
        except _FAILURES as exc:
            self._fail(exc, "measuring failed")
        return min(taken)

    def _measured(self) -> float:
        """Seconds for 30 seconds of talk, from one batch: a window encoded, a hundred tokens written and timed."""
        share = self._longest / (30 * RATE)  # of the 30 seconds that one window holds
        tokens, many = round(_TOKENS * share), self._batch_size
        encoded, encode_s = _clocked(self._encoded, [_noise(self._longest)] * (1 if self._one_by_one else many))
        if self._one_by_one:
            encoded, encode_s = _repeated(encoded, many), encode_s * many
        steps = min(tokens, _FEWER if encode_s / many > _SLOW_S else tokens)
        _, generate_s = _clocked(self._write, encoded, steps)
        if steps < tokens:  # the first step is longer: what others look up is made in it
            _, first_s = _clocked(self._write, encoded, 1)
            generate_s = first_s + (generate_s - first_s) * (tokens - 1) / (steps - 1)
        _, align_s = _clocked(self._timed, encoded, [list(range(tokens))] * many, [self._longest] * many, "en")
        return (encode_s + generate_s + align_s) / many / share

    def _write(self, encoded: Any, tokens: int) -> None:
        """Decode exactly so many tokens in each window of a batch."""
        tokenizer, suppressed = self._spelling("en")
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        self._model.model.generate(
            encoded,
            [prompt] * encoded.shape[0],
            beam_size=self._settings.beam_size,
            max_length=len(prompt) + tokens,
            suppress_tokens=[*suppressed, tokenizer.eot],
        )

    def _spelling(self, language: str) -> tuple[Any, list[int]]:
        """The tokenizer of a language and the tokens it may not write."""
        if language not in self._spellings:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            multilingual = self._model.model.is_multilingual
            tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
            allowed = {tokens[0] for tokens in map(tokenizer.encode, _WRITABLE) if len(tokens) == 1}
            symbols = [token for token in tokenizer.non_speech_tokens if token not in allowed]
            self._spellings[language] = tokenizer, list(get_suppressed_tokens(tokenizer, symbols))
        return self._spellings[language]

    def _loaded(self) -> None:
        if self._model is None:
            raise EngineUnavailable("the engine was used before it was loaded")

    def _fail(self, exc: BaseException, what: str) -> NoReturn:
        text = str(exc)
        if (
            isinstance(exc, MemoryError)
            or "out of memory" in text.lower()
            or "bad_alloc" in text
            or "allocate" in text
        ):
            raise ResourceExhausted(f"{what}: not enough memory on {self._device}: {text}") from exc
        if "language code" in text:
            raise InvalidRequest(f"{what}: {text}") from exc
        if "Unable to open file" in text:
            raise ModelMissing(f"{what}: {text}") from exc
        raise EngineUnavailable(f"{what}: {text}") from exc


def _compression(text: str) -> float:
    """How much smaller text becomes: what repeats itself does so a lot (Whisper's own measure)."""
    plain = text.encode()
    return len(plain) / len(zlib.compress(plain))


def _clocked(work: Callable[..., T], *what: Any) -> tuple[T, float]:
    """What a call gives and the seconds it takes."""
    began = time.perf_counter()
    result = work(*what)
    return result, time.perf_counter() - began


def _repeated(encoded: Any, times: int) -> Any:
    """One window's encoder output as that of a batch."""
    import ctranslate2

    return ctranslate2.StorageView.from_array(np.repeat(np.asarray(encoded), times, axis=0))


def _use_wide_instructions() -> None:
    """Let CTranslate2 use AVX-512, which it does not use by default: a sixth off the encoder where it is quick.

    It was not on the first processors that had it; those with bfloat16 in it are later. Read when the library loads.
    """
    try:
        flags = _PROCESSOR.read_text().split()
    except OSError:
        return
    if "avx512_bf16" in flags:
        os.putenv("CT2_FORCE_CPU_ISA", "AVX512")


def _noise(samples: int) -> Samples:
    return np.random.default_rng(0).normal(0, 0.01, samples).astype(np.float32)
