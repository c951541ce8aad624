"""Cues made fit for the screen: showable characters, 32 columns, 4 rows, one caption at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

from archivist_captions.cea608.characters import EXTENDED
from archivist_captions.cea608.codes import COLUMNS, MOST_ROWS_SHOWN
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Cue
from archivist_captions.notes import Note, NoteKind
from archivist_captions.timecode import frame_at


@dataclass(frozen=True, slots=True)
class Screen:
    """What is to be shown from frame `start` to before frame `end`. cues: indexes of the cues it shows."""

    cues: tuple[int, ...]
    start: int
    end: int
    rows: tuple[str, ...]


def screens_of(
    cues: Sequence[Cue], rate: Fraction, offset_ms: int, first_frame: int
) -> tuple[list[Screen], list[Note]]:
    """Screens in order of time, none longer than to the start of the next, and what that took.

    A cue with nothing showable is noted and left out. first_frame is added to every frame.
    """
    notes: list[Note] = []
    screens: list[Screen] = []
    order = sorted(range(len(cues)), key=lambda index: cues[index].start_ms)
    for index, following in zip_longest(order, order[1:], fillvalue=-1):
        cue = cues[index]
        rows = _rows(index, cue, notes)
        if not rows:
            notes.append(Note(NoteKind.EMPTY, index, f"nothing to show in {cue.text!r}"))
            continue
        start = first_frame + frame_at(cue.start_ms + offset_ms, rate)
        end = first_frame + frame_at(cue.end_ms + offset_ms, rate)
        if following >= 0:
            limit = first_frame + frame_at(cues[following].start_ms + offset_ms, rate)
            if limit < end:
                notes.append(Note(NoteKind.OVERLAP, index, f"ended by cue {following + 1}", end - limit))
                end = limit
        screens.extend(_split(index, start, max(start + 1, end), rows, notes))
    return screens, notes


def _rows(index: int, cue: Cue, notes: list[Note]) -> list[str]:
    rows: list[str] = []
    for line in cue.lines:
        shown, changes = transliterate(line)
        for change in changes:
            kind = NoteKind.TRANSLITERATED if change.shown else NoteKind.REMOVED
            notes.append(Note(kind, index, f"{change.wanted!r} as {change.shown!r}"))
        words = shown.split()
        text = " ".join(words)
        if _fits(text):
            if text:
                rows.append(text)
            continue
        notes.append(Note(NoteKind.REWRAPPED, index, f"{len(text)} columns"))
        rows.extend(_wrap(index, words, notes))
    return rows


def _wrap(index: int, words: Sequence[str], notes: list[Note]) -> list[str]:
    """Rows of whole words; a word longer than a row is cut, and nothing is added to it."""
    rows: list[str] = []
    row = ""
    for word in words:
        if not _fits(word):
            notes.append(Note(NoteKind.CUT, index, f"a word of {len(word)} letters"))
        piece = word
        if row and _fits(f"{row} {piece}"):
            row = f"{row} {piece}"
            continue
        if row:
            rows.append(row)
        while not _fits(piece):
            size = COLUMNS if _fits(piece[:COLUMNS]) else COLUMNS - 1
            rows.append(piece[:size])
            piece = piece[size:]
        row = piece
    rows.append(row)
    return rows


def _fits(text: str) -> bool:
    """Whether a row holds it. Receivers differ on an extended character in the last column: keep it out."""
    return len(text) < COLUMNS or (len(text) == COLUMNS and text[-1] not in EXTENDED)


def _split(index: int, start: int, end: int, rows: list[str], notes: list[Note]) -> list[Screen]:
    """One screen, or several of at most four rows that share the time by their letters."""
    if len(rows) <= MOST_ROWS_SHOWN:
        return [Screen((index,), start, end, tuple(rows))]
    count = -(-len(rows) // MOST_ROWS_SHOWN)
    notes.append(Note(NoteKind.SPLIT, index, f"{len(rows)} rows as {count} captions"))
    size = -(-len(rows) // count)
    groups = [rows[first : first + size] for first in range(0, len(rows), size)]
    letters = sum(map(len, rows))
    screens: list[Screen] = []
    done = 0
    for group in groups:
        first = start + (end - start) * done // letters
        done += sum(map(len, group))
        last = start + (end - start) * done // letters
        screens.append(Screen((index,), first, max(first + 1, last), tuple(group)))
    return screens
