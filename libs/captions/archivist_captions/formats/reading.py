"""What reading a caption file made of it, and how bytes become text."""

from collections.abc import Iterable
from dataclasses import dataclass

from archivist_captions.cue import Captions, Cue, Italic
from archivist_captions.errors import CannotRead
from archivist_captions.notes import Note, NoteKind

MOST_BYTES = 64_000_000  # a day of captions is a few million
_LEAST_MS = 1_000  # a cue that has no length is given this much, or up to the next


@dataclass(frozen=True, slots=True)
class Reading:
    """Captions of a file, with a note for everything that had to be repaired or left out."""

    captions: Captions
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class RawCue:
    """A cue as its file has it; its end may be anything. place: where in the file, for messages."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    place: str
    top: bool = False
    italics: tuple[Italic, ...] = ()


def text_of(data: bytes, *, nul: str | None = None) -> tuple[str, tuple[Note, ...]]:
    """The file as text with LF line ends: UTF-8, UTF-16 by its mark, else Windows-1252, which is noted.

    A few broken bytes among letters of valid UTF-8 are shown as U+FFFD each. nul: what a NUL byte is read as.

    Raises CannotRead when it is too large to be captions, or holds NUL bytes and `nul` is None.
    """
    if len(data) > MOST_BYTES:
        raise CannotRead(f"{len(data)} bytes is more than a day of captions")
    notes: tuple[Note, ...] = ()
    try:
        marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "replace")
        broken = text.count("\ufffd")
        whole = sum(not character.isascii() for character in text) - broken
        if whole >= broken:  # letters of Windows-1252 hardly ever look like UTF-8
            notes = (Note(NoteKind.REPAIRED, -1, f"{broken} broken bytes in UTF-8"),)
        else:
            text = data.decode("cp1252", "replace")
            notes = (Note(NoteKind.REPAIRED, -1, "not UTF-8: read as Windows-1252"),)
    if nul is not None:
        text = text.replace("\0", nul)
    if "\0" in text:
        raise CannotRead("not a text file: it holds NUL bytes")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def cues_of(raw: Iterable[RawCue]) -> tuple[tuple[Cue, ...], list[Note]]:
    """Cues in order of start. An end that is not after its start is moved; a cue without text is left out."""
    notes: list[Note] = []
    wanted = sorted((cue for cue in raw if any(line.strip() for line in cue.lines)), key=lambda cue: cue.start_ms)
    cues: list[Cue] = []
    for index, cue in enumerate(wanted):
        end = cue.end_ms
        if end <= cue.start_ms:
            following = wanted[index + 1].start_ms if index + 1 < len(wanted) else cue.start_ms + _LEAST_MS
            end = max(cue.start_ms + 1, min(following, cue.start_ms + _LEAST_MS))
            notes.append(Note(NoteKind.REPAIRED, index, f"{cue.place}: its end was not after its start"))
        cues.append(Cue(cue.start_ms, end, cue.lines, cue.top, cue.italics))
    return tuple(cues), notes
