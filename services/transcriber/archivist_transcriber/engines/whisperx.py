"""whisperx, optional: word times by forced alignment, and who speaks. Steps after the transcript, never before it.

The library is heavy (torch) and wants to download its own models; here it gets folders on this machine only.
Whatever fails in it after it is loaded costs its improvement, not the words: those of faster-whisper are kept.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import by_sentence
from archivist_common.errors import EngineUnavailable
from archivist_transcriber.audio.vad import Piece, Samples
from archivist_transcriber.engines import EngineSettings, Options, TranscribedBatch
from archivist_transcriber.engines.faster_whisper import FasterWhisper

log = logging.getLogger(__name__)

_FARTHEST_MS = 1_500  # an aligned word farther from where it was heard is a mistake of the aligner
_INSTALL = "pip install 'archivist[whisperx]'"

# Outside our control: torch raises RuntimeError, pandas and transformers the others on odd input.
_FAILURES = (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError, OSError)


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody speaks. Times in milliseconds of the recording."""

    start_ms: int
    end_ms: int
    speaker: str


class WhisperX:
    """faster-whisper, then forced alignment of every word.

    Alignment models lie beside the speech model: `<models>/align-<language>` for each language.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._heard = FasterWhisper(settings)
        self._aligners: dict[str, Aligner | None] = {}

    @property
    def device(self) -> str:
        return self._heard.device

    def load(self) -> None:
        _library()
        self._heard.load()

    def detect_language(self, piece: Piece) -> tuple[str, float]:
        return self._heard.detect_language(piece)

    def words(self, piece: Piece, options: Options) -> Iterator[TranscribedBatch]:
        for heard in self._heard.words(piece, options):
            aligner = self._aligner(heard.language) if heard.words else None
            yield heard if aligner is None else replace(heard, words=aligner.align(heard.words, piece))

    def measure(self) -> float:
        return self._heard.measure()

    def _aligner(self, language: str) -> "Aligner | None":
        """The aligner of a language; None, said once, where there is none."""
        if language not in self._aligners:
            aligner = Aligner(language, self._settings.model.parent / f"align-{language}", self.device)
            try:
                aligner.load()
                self._aligners[language] = aligner
            except EngineUnavailable as exc:
                log.warning("no forced alignment", extra={"language": language, "reason": exc.message})
                self._aligners[language] = None
        return self._aligners[language]


class Aligner:
    """Word times by a phoneme model of one language."""

    def __init__(self, language: str, folder: Path, device: str) -> None:
        self._language = language
        self._folder = folder
        self._device = device
        self._model: Any = None
        self._metadata: Any = None

    def load(self) -> None:
        """Raises EngineUnavailable where the library or the model of the language is not here."""
        if not self._folder.is_dir():
            raise EngineUnavailable(
                f"no alignment model for {self._language}: put a wav2vec2 CTC model into {self._folder}"
            )
        whisperx = _library()
        try:
            self._model, self._metadata = whisperx.load_align_model(
                language_code=self._language, device=self._device, model_name=str(self._folder), model_cache_only=True
            )
        except _FAILURES as exc:
            raise EngineUnavailable(f"the alignment model in {self._folder} cannot be loaded: {exc}") from exc

    def align(self, words: Sequence[Word], piece: Piece) -> tuple[Word, ...]:
        """The same words with better times; a sentence that cannot be aligned keeps its own."""
        return _rising([word for group in by_sentence(words) for word in self._sentence(group, piece)])

    def _sentence(self, words: Sequence[Word], piece: Piece) -> Sequence[Word]:
        if not words:
            return words
        transcript = [
            {
                "start": max(0, words[0].start_ms - piece.start_ms) / 1000,
                "end": (words[-1].end_ms - piece.start_ms) / 1000,
                "text": " ".join(word.text for word in words),
            }
        ]
        try:
            result = _library().align(
                transcript, self._model, self._metadata, piece.samples, self._device, return_char_alignments=False
            )
            found = [word for segment in result["segments"] for word in segment["words"]]
        except _FAILURES as exc:
            log.warning("a sentence could not be aligned", extra={"reason": repr(exc)[:200]})
            return words
        if len(found) != len(words):
            return words
        return [_timed(word, times, piece.start_ms) for word, times in zip(words, found, strict=True)]


class Diarizer:
    """Who speaks when, by pyannote through whisperx, from a model folder."""

    def __init__(self, folder: Path, device: str) -> None:
        self._folder = folder
        self._device = device
        self._pipeline: Any = None

    def load(self) -> None:
        """Raises EngineUnavailable where the library or the model is not here."""
        if not self._folder.is_dir():
            raise EngineUnavailable(f"no speaker model: put a pyannote pipeline into {self._folder}")
        _library()
        try:
            from whisperx.diarize import DiarizationPipeline

            self._pipeline = DiarizationPipeline(model_name=str(self._folder), device=self._device)
        except _FAILURES as exc:
            raise EngineUnavailable(f"the speaker model in {self._folder} cannot be loaded: {exc}") from exc

    def turns(self, samples: Samples) -> tuple[Turn, ...]:
        """Turns of a whole recording, by start. It needs all of it at once: 230 MB an hour.

        Raises EngineUnavailable when the library fails.
        """
        try:
            rows = self._pipeline(samples).to_dict("records")
            turns = [Turn(round(r["start"] * 1000), round(r["end"] * 1000), str(r["speaker"])) for r in rows]
        except _FAILURES as exc:
            raise EngineUnavailable(f"speakers could not be told apart: {exc}") from exc
        return tuple(sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms)))


def with_speakers(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[Word, ...]:
    """Each word with the speaker it overlaps most; none where nobody's turn touches it."""
    labelled = []
    for word in words:
        best = max(turns, key=lambda turn: _overlap(word, turn), default=None)
        known = best is not None and _overlap(word, best) > 0
        labelled.append(replace(word, speaker=best.speaker if best is not None and known else None))
    return tuple(labelled)


def _overlap(word: Word, turn: Turn) -> int:
    return min(max(word.end_ms, word.start_ms + 1), turn.end_ms) - max(word.start_ms, turn.start_ms)


def _timed(word: Word, times: dict[str, Any], start_ms: int) -> Word:
    """The word at its aligned times, which may be missing, not a number or far off."""
    start, end = times.get("start"), times.get("end")
    if start is None or end is None or not math.isfinite(start) or not math.isfinite(end):
        return word
    begin, stop = start_ms + round(float(start) * 1000), start_ms + round(float(end) * 1000)
    if abs(begin - word.start_ms) > _FARTHEST_MS or not 0 <= begin <= stop:
        return word
    return replace(word, start_ms=begin, end_ms=stop)


def _rising(words: Sequence[Word]) -> tuple[Word, ...]:
    """Aligned and unaligned words may disagree: none begins before the one before it, none reaches into the next."""
    rising: list[Word] = []
    for word in words:
        start = max(word.start_ms, rising[-1].start_ms if rising else 0)
        rising.append(replace(word, start_ms=start, end_ms=max(start, word.end_ms)))
    for n, following in enumerate(rising[1:]):
        rising[n] = replace(rising[n], end_ms=min(rising[n].end_ms, following.start_ms))
    return tuple(rising)


def _library() -> Any:
    """whisperx, or one sentence on why not: it is missing, or a shared library beneath it is."""
    try:
        import whisperx
    except (ImportError, OSError) as exc:
        raise EngineUnavailable(f"whisperx cannot be loaded ({exc}): {_INSTALL}, or use faster_whisper") from exc
    return whisperx
