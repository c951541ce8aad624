"""Cues made fit for the screen: showable characters, 32 columns, 4 rows, one caption at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest

from archivist_captions.cea608.characters import EXTENDED, SHOWABLE
from archivist_captions.cea608.codes import COLUMNS, MOST_ROWS_SHOWN
from archivist_captions.cea608.transliteration import Change, transliterate
from archivist_captions.cue import Cue, Italic
from archivist_captions.notes import Note, NoteKind
from archivist_captions.timecode import frame_at

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be shown: words with one space between. italics: one flag a word, or empty when none is."""

    text: str
    italics: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """What is to be shown from frame `start` to before frame `end`. cues: indexes of the cues it shows."""

    cues: tuple[int, ...]
    start: int
    end: int
    rows: tuple[Row, ...]
    top: bool = False


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
        screens.extend(_split(Screen((index,), start, max(start + 1, end), tuple(rows), cue.top), notes))
    return screens, notes


def _rows(index: int, cue: Cue, notes: list[Note]) -> list[Row]:
    rows: list[Row] = []
    changes: list[Change] = []
    for number, line in enumerate(cue.lines):
        words: list[str] = []
        italics: Sequence[bool] = ()
        if SHOWABLE.issuperset(line) and not cue.italics:
            words = line.split()
        else:
            italics = _take_apart(line, [span for span in cue.italics if span.line == number], words, changes)
        text = " ".join(words)
        if _fits(text):
            if text:
                rows.append(_row(words, italics))
            continue
        notes.append(Note(NoteKind.REWRAPPED, index, f"{len(text)} columns"))
        rows.extend(_wrap(index, words, italics or [False] * len(words), notes))
    told = dict.fromkeys(changes)
    shown_else = ", ".join(f"{change.wanted} as {change.shown}" for change in told if change.shown)
    removed = ", ".join(change.wanted for change in told if not change.shown)
    if shown_else:
        notes.append(Note(NoteKind.TRANSLITERATED, index, shown_else))
    if removed:
        notes.append(Note(NoteKind.REMOVED, index, removed))
    return rows


def _take_apart(line: str, spans: Sequence[Italic], words: list[str], changes: list[Change]) -> list[bool]:
    """Adds the line's words as they can be shown, and what that changed; gives for each whether it is in italics."""
    italics: list[bool] = []
    for match in _WORD.finditer(line):
        shown, changed = transliterate(match[0])
        changes += changed
        pieces = shown.split()
        words += pieces
        # Italics begin and end with a code in place of a space, so a word has them or has not.
        slanted = any(span.start < match.end() and match.start() < span.end for span in spans)
        italics += [slanted] * len(pieces)
    return italics


def _row(words: Sequence[str], italics: Sequence[bool]) -> Row:
    return Row(" ".join(words), tuple(italics) if any(italics) else ())


def _wrap(index: int, words: Sequence[str], italics: Sequence[bool], notes: list[Note]) -> list[Row]:
    """Rows of whole words; a word longer than a row is cut, and nothing is added to it."""
    rows: list[Row] = []
    row: list[str] = []
    flags: list[bool] = []
    for word, italic in zip(words, italics, strict=True):
        if not _fits(word):
            notes.append(Note(NoteKind.CUT, index, f"a word of {len(word)} letters"))
        piece = word
        if row and not _fits(" ".join([*row, piece])):
            rows.append(_row(row, flags))
            row, flags = [], []
        while not _fits(piece):
            size = COLUMNS if _fits(piece[:COLUMNS]) else COLUMNS - 1
            rows.append(_row([piece[:size]], [italic]))
            piece = piece[size:]
        row.append(piece)
        flags.append(italic)
    rows.append(_row(row, flags))
    return rows


def _fits(text: str) -> bool:
    """Whether a row holds it. Receivers differ on an extended character in the last column: keep it out."""
    return len(text) < COLUMNS or (len(text) == COLUMNS and text[-1] not in EXTENDED)


def _split(screen: Screen, notes: list[Note]) -> list[Screen]:
    """The screen, or several of at most four rows that share its time by their letters."""
    rows = screen.rows
    if len(rows) <= MOST_ROWS_SHOWN:
        return [screen]
    count = -(-len(rows) // MOST_ROWS_SHOWN)
    notes.append(Note(NoteKind.SPLIT, screen.cues[0], f"{len(rows)} rows as {count} captions"))
    size = -(-len(rows) // count)
    letters = sum(len(row.text) for row in rows)
    screens: list[Screen] = []
    done = 0
    for begin in range(0, len(rows), size):
        group = rows[begin : begin + size]
        first = screen.start + (screen.end - screen.start) * done // letters
        done += sum(len(row.text) for row in group)
        last = screen.start + (screen.end - screen.start) * done // letters
        screens.append(replace(screen, start=first, end=max(first + 1, last), rows=group))
    return screens
