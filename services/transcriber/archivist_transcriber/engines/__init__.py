"""Speech engines by name. Listing them costs nothing: libraries and models are loaded in `load()`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from archivist_captions.cue import Word
from archivist_transcriber.audio.vad import Piece


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine is made.

    model: folder of the model. threads: what one inference may use, the cores this process is pinned to.
    compute_type: `default` is int8 on a processor and float16 on a GPU. batch_size: windows decoded together.
    """

    model: Path
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "default"
    threads: int = 1
    batch_size: int = 4
    beam_size: int = 1


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a job. language: ISO 639-1 code, None to detect it.

    sparing: one window at a time, for a chunk that took too much memory or a slot with it before.
    """

    language: str | None = None
    sparing: bool = False


@dataclass(frozen=True, slots=True)
class TranscribedBatch:
    """Words transcribed in one step, in time order, none before those of the step before.

    done_ms: the recording is done up to here. language: as requested, or as detected. dropped: words removed
    as hallucinations (loops, speech in silence or noise). unheard: stretches of speech, (start, end) in milliseconds
    of the recording, that stay without words though they were decoded by themselves.
    """

    words: tuple[Word, ...]
    done_ms: int
    language: str
    dropped: int = 0
    unheard: tuple[tuple[int, int], ...] = ()


class Engine(Protocol):
    """Speech to timed words. One object per process; it is used by one thread at a time."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu` or `cuda`. Known after `load`."""

    def load(self) -> None:
        """Load the model and warm it up. May take minutes.

        Raises ModelMissing, EngineUnavailable, ResourceExhausted.
        """

    def detect_language(self, piece: Piece) -> tuple[str, float]:
        """Language of a piece and how sure that is (0 to 1). Without speech in the piece: ("en", 0.0)."""

    def words(self, piece: Piece, options: Options) -> Iterator[TranscribedBatch]:
        """Yield after every batch, so that progress moves and the caller may stop by closing the iterator.

        The last one's `done_ms` is the end of the piece. The same piece gives the same words, whatever was
        transcribed before, on the same machine with the same settings. Another batch size or processor may round
        differently. Raises EngineUnavailable, ResourceExhausted.
        """

    def measure(self) -> float:
        """Seconds of computing for 30 seconds of speech, some hundred tokens, at the batch size of the settings.

        The same work whatever the model would say: estimates are made from it. Takes a few seconds for a small
        model, half a minute for the largest on one core. Raises EngineUnavailable, ResourceExhausted.
        """


def _faster_whisper(settings: EngineSettings) -> Engine:
    from archivist_transcriber.engines.faster_whisper import FasterWhisper

    return FasterWhisper(settings)


def _whisperx(settings: EngineSettings) -> Engine:
    from archivist_transcriber.engines.whisperx import WhisperX

    return WhisperX(settings)


ENGINES: dict[str, Callable[[EngineSettings], Engine]] = {
    "faster_whisper": _faster_whisper,
    "whisperx": _whisperx,
}
