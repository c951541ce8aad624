"""The memories of a receiver, and what is to be read in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

Cell = tuple[str, bool]  # a character, and whether it is in italics
Memory = dict[int, dict[int, Cell]]  # row (1 to 15) -> column (0 to 31) -> cell


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One row of the screen. number 1 to 15 from the top, column 0 to 31 of its first character.

    italics: where in the text, (start, end) by (start, end), it is in italics; spaces at the ends left out.
    """

    number: int
    column: int
    text: str
    italics: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DisplayedText:
    """What is on the screen from frame `start` to before frame `end`. Never without a row.

    end is None when nothing blanks it before the words run out.
    """

    start: int
    end: int | None
    rows: tuple[MemoryRow, ...]

    @property
    def text(self) -> str:
        return " ".join(row.text.strip() for row in self.rows)


def rows_of(memory: Memory) -> Iterator[MemoryRow]:
    """The rows of a memory that have something to read, from the top."""
    for number in sorted(memory):
        cells = memory[number]
        if not cells:
            continue
        first, last = min(cells), max(cells)
        # A column that was skipped is transparent; it reads as a space.
        blank = (" ", False)
        text = "".join(cells.get(column, blank)[0] for column in range(first, last + 1))
        visible = text.replace("\u00a0", " ")
        stripped = visible.lstrip()
        if stripped:
            column = first + len(visible) - len(stripped)
            text = stripped.rstrip()
            slanted = [cells.get(column + place, blank)[1] for place in range(len(text))]
            yield MemoryRow(number, column, text, tuple(_runs(text, slanted)) if any(slanted) else ())


def indented_by_spaces(memory: Memory) -> bool:
    """Whether a row begins with two spaces or more that were sent as characters."""
    for cells in memory.values():
        if cells:
            first = min(cells)
            if all(column in cells and cells[column][0] == " " for column in (first, first + 1)):
                return True
    return False


def _runs(text: str, slanted: list[bool]) -> Iterator[tuple[int, int]]:
    place = 0
    for italic, group in groupby(slanted):
        end = place + len(list(group))
        run = text[place:end]
        if italic and run.strip():
            yield end - len(run.lstrip()), place + len(run.rstrip())
        place = end
