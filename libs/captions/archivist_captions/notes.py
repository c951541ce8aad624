"""What had to be changed to put a programme on air: one note per compromise, for the report."""

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    TRANSLITERATED = "transliterated"  # a character shown as others
    REMOVED = "removed"  # a character that nothing stands for
    EMPTY = "empty"  # a cue with nothing left to show
    REWRAPPED = "rewrapped"  # a line too long for its row
    CUT = "cut"  # a word too long for a row
    SPLIT = "split"  # a cue of too many rows, shown as several captions
    OVERLAP = "overlap"  # a cue ended by the start of the next
    STRAIGHTENED = "straightened"  # curly quotes sent straight to save words
    UNTABBED = "untabbed"  # centred to four columns only, to save words
    CHAINED = "chained"  # left on screen until its successor, its erase would have delayed that
    JOINED = "joined"  # shown together with its predecessor
    MOVED = "moved"  # shown elsewhere on the screen than asked for
    PLAIN = "plain"  # italics and places given up where cues are laid out anew
    REPAIRED = "repaired"  # a fault of the file it was read from
    LATE = "late"  # shown later than wanted


@dataclass(frozen=True, slots=True)
class Note:
    """One compromise. frames: by how much, where that has a meaning.

    cue: index of the cue it happened to, -1 for the whole file.
    """

    kind: NoteKind
    cue: int
    detail: str
    frames: int = 0
