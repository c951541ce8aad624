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
class Italic:
    """Letters `start` to before `end` of a cue's line (counted from 0) that are to be shown in italics."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines shown together. Times are integer milliseconds from the first picture of the recording.

    top: to be shown at the top of the picture, out of the way of what the bottom holds.
    """

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    top: bool = False
    italics: tuple[Italic, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"cue must have a positive length: {self.start_ms}..{self.end_ms}")
        if not self.lines:
            raise ValueError(f"cue must have a line: {self.start_ms}..{self.end_ms}")
        for italic in self.italics:
            if not (
                0 <= italic.line < len(self.lines) and 0 <= italic.start < italic.end <= len(self.lines[italic.line])
            ):
                raise ValueError(f"italics must be letters of the cue: {italic} of {self.lines}")

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
