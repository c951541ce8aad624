"""Roll-up captions: text is written to the screen as it is sent and moves up row by row, as in live captions.

A row costs six words before its first letter: the mode, a carriage return and the place, each sent twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archivist_captions.cea608.caption_load import LAVISH, Thrift, row_atoms
from archivist_captions.cea608.codes import CR, EDM, ROWS, RU2
from archivist_captions.cea608.screens import Row, Screen
from archivist_captions.notes import Note, NoteKind

_OVERHEAD = 6  # words before the first letter of a row
_PAIR = 2  # frames that a doubled control code takes
_QUIET = 90  # frames; the screen is blanked when nothing is said for longer


@dataclass(frozen=True, slots=True)
class Rolled:
    """A row with its words in time. `wanted` is the frame at which its first letter should be seen.

    first: whether it is the first row of its screen. erase: frame at which the screen is blanked after it, None
    when the next row comes soon.
    """

    screen: Screen
    words: tuple[int, ...]
    begin: int
    wanted: int
    first: bool
    straight: bool
    erase: int | None = None

    @property
    def shown(self) -> int:
        return self.begin + _OVERHEAD

    @property
    def end(self) -> int:
        return self.erase if self.erase is not None else self.begin + len(self.words)


def schedule(screens: Sequence[Screen], origin: int, depth: int) -> list[Rolled]:
    """Every row of every screen, spread over the screen's time by its letters, as early as the channel allows."""
    rolled: list[Rolled] = []
    free = origin
    for place, screen in enumerate(screens):
        letters = sum(len(row.text) for row in screen.rows)
        done = 0
        for number, row in enumerate(screen.rows):
            wanted = screen.start + (screen.end - screen.start) * done // letters
            done += len(row.text)
            begin = max(free, wanted - _OVERHEAD)
            straight = begin > wanted - _OVERHEAD
            words = _words(row, depth, Thrift(curly_quotes=True) if straight else LAVISH)
            free = begin + len(words)
            last = number == len(screen.rows) - 1
            following = screens[place + 1].start if place + 1 < len(screens) else None
            erase = None
            if last and (following is None or following - max(free, screen.end) > _QUIET):
                erase = max(free, screen.end)
                free = erase + _PAIR
            rolled.append(Rolled(screen, words, begin, wanted, number == 0, straight, erase))
    return rolled


def notes_on(rolled: Sequence[Rolled]) -> Iterator[Note]:
    """What had to give, in order of rows."""
    for row in rolled:
        cue = row.screen.cues[0]
        if row.first and row.screen.top:
            yield Note(NoteKind.MOVED, cue, "roll-up captions stay at the bottom")
        if row.straight and any(not {"“", "”", "—"}.isdisjoint(text.text) for text in row.screen.rows):
            yield Note(NoteKind.STRAIGHTENED, cue, "curly quotes and dashes sent straight")
        if row.first and row.shown > row.wanted:
            yield Note(NoteKind.LATE, cue, "its words could not be sent sooner", row.shown - row.wanted)


def runs(rolled: Sequence[Rolled]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Runs of words in consecutive frames, in order of time."""
    for row in rolled:
        yield row.begin, row.words
        if row.erase is not None:
            yield row.erase, (EDM, EDM)


def _words(row: Row, depth: int, thrift: Thrift) -> tuple[int, ...]:
    mode = RU2 + depth - 2
    atoms = row_atoms(ROWS, row, 0, thrift)
    return (mode, mode, CR, CR, *(word for atom in atoms for word in atom))
