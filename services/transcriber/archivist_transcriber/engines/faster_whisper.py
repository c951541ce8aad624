"""faster-whisper (CTranslate2): Whisper on a processor or a GPU, from a model folder, never from the network."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from archivist_captions.cue import Word
from archivist_common.errors import EngineUnavailable, InvalidRequest, ModelMissing, ResourceExhausted
from archivist_transcriber.engines import EngineSettings, Heard, Options
from archivist_transcriber.engines.guard import Suspicion, suspect, without_repeats
from archivist_transcriber.engines.placing import Before, Placed, place
from archivist_transcriber.engines.windows import Window, pack
from archivist_transcriber.models import check_folder
from archivist_transcriber.speech import RATE, Piece, Samples

log = logging.getLogger(__name__)

_WRITABLE = (":", "/", "#")
"""Symbols faster-whisper forbids by default that captions need: 7:30, 24/7, item #5. Brackets, quotes,
music notes and the like stay forbidden: models use them for `[MUSIC]` and for speaker tags."""
_NO_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_DETECTED_IN = 4  # windows
_BIG_MODEL = 10**9  # bytes of model.bin; on a processor one window of such a model takes some ten seconds


class FasterWhisper:
    """One model in memory, used by one thread at a time."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._device = settings.device
        self._model: Any = None
        self._pipeline: Any = None
        self._batch_size = settings.batch_size

    @property
    def device(self) -> str:
        return self._device

    def load(self) -> None:
        if self._model is not None:
            return
        check_folder(self._settings.model)
        try:
            import ctranslate2
            from faster_whisper import BatchedInferencePipeline, WhisperModel
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
        if self._device == "cpu" and (self._settings.model / "model.bin").stat().st_size > _BIG_MODEL:
            self._batch_size = 1
        self._model, self._pipeline = model, BatchedInferencePipeline(model)
        self._warm_up()
        log.info("model loaded", extra={"model": str(self._settings.model), "device": self._device,
                                        "compute_type": compute_type, "threads": self._settings.threads})  # fmt: skip

    def _warm_up(self) -> None:
        """The first inference allocates and, on a GPU, compiles. Whether the model works at all shows here."""
        noise = np.random.default_rng(0).normal(0, 0.01, RATE).astype(np.float32)
        list(self._decode([noise], "en"))

    @property
    def _longest(self) -> int:
        """Samples the model hears at once."""
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

    def words(self, piece: Piece, options: Options) -> Iterator[Heard]:
        self._loaded()
        language = options.language or self.detect_language(piece)[0]
        windows = pack(piece.speech, piece.samples, self._longest)
        before = Before()
        for n in range(0, len(windows), self._batch_size):
            batch = windows[n : n + self._batch_size]
            heard: list[Word] = []
            dropped = 0
            found = self._decode([window.audio(piece.samples) for window in batch], language)
            for window, segments in zip(batch, found, strict=True):
                kept, lost = self._checked(window, segments, piece, language)
                placed, before = place([_moved(word, window) for word in kept], piece.speech, before)
                heard += [_word(word, piece) for word in placed]
                dropped += lost
            done = piece.start_ms + batch[-1].end * 1000 // RATE
            yield Heard(tuple(heard), done, language, dropped)
        yield Heard((), piece.end_ms, language)

    def _checked(self, window: Window, segments: list[Any], piece: Piece, language: str) -> tuple[list[Placed], int]:
        """The words of a window (times in samples of the window) less what the model made up."""
        words = _joined(segments, language)
        suspicion = suspect(segments, window.length / RATE)
        if suspicion is Suspicion.NOTHING_SAID:
            return [], len(words)
        if suspicion is Suspicion.LOOP:
            again = next(iter(self._decode([window.audio(piece.samples)], language, careful=True)))
            if suspect(again, window.length / RATE) is None:
                return _joined(again, language), 0
        kept = without_repeats(words)
        return kept, len(words) - len(kept)

    def _decode(self, windows: Sequence[Samples], language: str, *, careful: bool = False) -> Iterator[list[Any]]:
        """Segments of each window, times in seconds from the start of the window."""
        slot = -(-self._longest // RATE) * RATE
        sound = np.zeros(len(windows) * slot, np.float32)
        clips = []
        for n, window in enumerate(windows):
            sound[n * slot : n * slot + len(window)] = window
            # Half a sample more: the library multiplies by 16,000 and rounds down.
            clips.append({"start": n * slot / RATE, "end": (n * slot + len(window) + 0.5) / RATE})
        found: list[list[Any]] = [[] for _ in windows]
        try:
            segments, _ = self._pipeline.transcribe(
                sound,
                language=language,
                clip_timestamps=clips,
                batch_size=len(windows),
                beam_size=5 if careful else self._settings.beam_size,
                repetition_penalty=1.1 if careful else 1.0,
                no_repeat_ngram_size=4 if careful else 0,
                word_timestamps=True,
                condition_on_previous_text=False,
                suppress_tokens=self._suppressed(language),
            )
            for segment in segments:
                n = int(segment.seek) // (slot // RATE * 100)
                for word in segment.words or ():
                    word.start, word.end = word.start - n * slot / RATE, word.end - n * slot / RATE
                found[n].append(segment)
        except (RuntimeError, ValueError, MemoryError) as exc:
            self._fail(exc, "decoding failed")
        return iter(found)

    def _suppressed(self, language: str) -> list[int]:
        from faster_whisper.tokenizer import Tokenizer

        multilingual = self._model.model.is_multilingual
        tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
        allowed = {tokens[0] for tokens in map(tokenizer.encode, _WRITABLE) if len(tokens) == 1}
        return [token for token in tokenizer.non_speech_tokens if token not in allowed]

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


def _joined(segments: Sequence[Any], language: str) -> list[Placed]:
    """Words as people write them: what the model glues on without a space belongs to the word before."""
    words: list[Placed] = []
    for segment in segments:
        for word in segment.words or ():
            text = word.word.strip()
            glued = not word.word.startswith(" ") and language not in _NO_SPACES
            if not text:
                continue
            if words and glued and word is not (segment.words or [None])[0]:
                before = words[-1]
                confidence = min(before.confidence, float(word.probability))
                words[-1] = Placed(before.start, float(word.end) * RATE, before.text + text, confidence)
            else:
                start, end = float(word.start) * RATE, float(word.end) * RATE
                words.append(Placed(start, max(start, end), text, float(word.probability)))
    return words


def _moved(word: Placed, window: Window) -> Placed:
    """From samples of the window to samples of the piece; both ends in the part where its middle lies."""
    start, end = window.span(word.start, word.end)
    return Placed(start, end, word.text, word.confidence)


def _word(word: Placed, piece: Piece) -> Word:
    start = min(piece.start_ms + round(word.start * 1000 / RATE), piece.end_ms)
    end = min(piece.start_ms + round(word.end * 1000 / RATE), piece.end_ms)
    return Word(start, max(start, end), word.text, round(min(1.0, max(0.0, word.confidence)), 3))
