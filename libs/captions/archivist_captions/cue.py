"""Words as they were spoken, cues as they are shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word with its punctuation, without surrounding space.

    Times are integer milliseconds from the first picture of the recording.
    confidence: 0 to 1, None when the engine gives none.
    """

    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None
    speaker: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms <= self.end_ms:
            raise ValueError(f"word times must rise from zero: {self.start_ms}..{self.end_ms} {self.text!r}")
        if not self.text or self.text != self.text.strip():
            raise ValueError(f"a word has text and no space around it: {self.text!r}")


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines shown together. Times are integer milliseconds from the first picture of the recording."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"cue must have a positive length: {self.start_ms}..{self.end_ms}")
        if not self.lines:
            raise ValueError(f"cue must have a line: {self.start_ms}..{self.end_ms}")

    @property
    def text(self) -> str:
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Captions:
    """A captioned programme: what was said and how it is laid out. What every format writes from."""

    cues: tuple[Cue, ...]
    words: tuple[Word, ...] = ()
    language: str = "en"
    title: str = ""
