"""A CEA-608 receiver for CC1: one word a frame in, what is on the screen out.

Pop-on, roll-up and paint-on. It plays any file, damaged or not, and says what it met; `verifier` turns that into
findings. Source: 47 CFR 79.101. Nothing here knows how the encoder works.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from archivist_captions.cea608 import codes
from archivist_captions.cea608.characters import BASIC_OF_CODE, EXTENDED_OF_CODE, FALLBACKS, SPECIAL_OF_CODE
from archivist_captions.cea608.memory import DisplayedText, Memory, MemoryRow, indented_by_spaces, rows_of

__all__ = ["DisplayedText", "Event", "MemoryRow", "Mode", "Receiver", "receive"]


class Mode(StrEnum):
    NONE = "none"
    POP_ON = "pop-on"
    ROLL_UP = "roll-up"
    PAINT_ON = "paint-on"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a receiver copes with but a good file does not do. what: a rule's name in `verifier`."""

    what: str
    frame: int
    detail: str


_ROW_OF_PAC = {base: row for row, base in codes.PAC_BASES.items()}


class Receiver:
    """The state of a CC1 receiver. Feed it `word` in order of frames, then read `screens` and `events`."""

    def __init__(self) -> None:
        self.screens: list[DisplayedText] = []
        self.events: list[Event] = []
        self.modes: list[Mode] = []  # each mode once, in order of appearance
        self.shows: list[int] = []  # frames at which a caption was swapped in or a row begun
        self.rolled: list[DisplayedText] = []  # rows that rolled up or were erased, each as a screen of its own
        self.captions: list[DisplayedText] = []  # what was popped on, rolled up, painted in one go; by time of end
        self.letters: list[str] = []  # everything that became visible, without spaces
        self.frames: list[int] = []  # when each of the letters did
        self._mode = Mode.NONE
        self._shown: Memory = {}
        self._hidden: Memory = {}
        self._row = codes.ROWS
        self._column = 0
        self._italic = False
        self._depth = 0  # rows of a roll-up
        self._other_channel = False
        self._last = 0  # control pair that the next frame may repeat
        self._last_frame = -2
        self._since = 0  # first frame of the present screen
        self._rows: tuple[MemoryRow, ...] = ()
        self._swap_frame = -2
        self._written_frame = -2
        self._row_since: int | None = None  # frame of the first letter of the row that rolls up
        self._popped = False  # the present screen was swapped in
        self._painted: Memory = {}  # what was painted on since the last erase, without what it covers
        self._painted_since = 0
        self._stale = False  # the hidden memory holds an earlier caption

    def word(self, frame: int, word: int) -> None:
        """Take one word, without parity bits. Frames must rise."""
        if codes.is_control(word):
            if word == self._last and frame == self._last_frame + 1:
                self._last = 0  # the second copy; a third would count again
                return
            self._last, self._last_frame = word, frame
            self._control(frame, word)
            return
        self._last = 0
        if word == codes.PADDING or self._other_channel:
            return
        for byte in (word >> 8, word & 0x7F):
            if byte >= 0x20:
                self._write(frame, BASIC_OF_CODE[byte])
            elif byte:
                self.events.append(Event("stray-code", frame, f"byte {byte:02X} is neither text nor control"))
        if self._mode in (Mode.ROLL_UP, Mode.PAINT_ON):
            self._refresh(frame)

    def finish(self, frame: int) -> None:
        """The words have run out at `frame`."""
        self._end_row(frame)
        self._end_paint(None)
        if self._rows:
            self.screens.append(DisplayedText(self._since, None, self._rows))
            if self._popped:
                self.captions.append(self.screens[-1])
            self._rows = ()

    @property
    def pending(self) -> bool:
        """Whether text was loaded that nothing has shown."""
        return self._mode is Mode.POP_ON and self._written_frame > self._swap_frame

    def _control(self, frame: int, word: int) -> None:
        first, second = word >> 8, word & 0x7F
        if first >= 0x18:
            self._other_channel = True
            self.events.append(Event("other-channel", frame, f"{word:04X} addresses CC2"))
            return
        if first == 0x15 and 0x20 <= second < 0x30:
            self.events.append(Event("other-field", frame, f"{word:04X} belongs to field 2"))
            return
        self._other_channel = False
        if second < 0x20:
            self.events.append(Event("unknown-code", frame, f"{word:04X}"))
        elif first == 0x14 and second < 0x30:
            self._command(frame, word)
        elif word in SPECIAL_OF_CODE:
            self._write(frame, SPECIAL_OF_CODE[word])
        elif word in EXTENDED_OF_CODE:
            self._extended(frame, EXTENDED_OF_CODE[word])
        elif second >= 0x40:
            self._preamble(frame, word)
        elif word in codes.TAB_OFFSETS:
            self._column = min(self._column + word - 0x1720, codes.COLUMNS - 1)
        elif 0x1120 <= word < 0x1130:
            self._italic = False
            self._write(frame, " ")
            self._italic = word >= codes.MID_ROW_ITALIC
        elif 0x1020 <= word < 0x1030 or 0x1724 <= word < 0x1730:
            pass  # character sets and background colours: nothing to read in them
        else:
            self.events.append(Event("unknown-code", frame, f"{word:04X}"))
        if self._mode in (Mode.ROLL_UP, Mode.PAINT_ON):
            self._refresh(frame)

    def _command(self, frame: int, word: int) -> None:
        if word == codes.RCL:
            self._enter(Mode.POP_ON)
        elif word == codes.ENM:
            self._hidden = {}
            self._stale = False
        elif word == codes.EOC:
            self._enter(Mode.POP_ON)
            self._end_row(frame)
            self._end_paint(frame)
            self._shown, self._hidden = self._hidden, self._shown
            self._stale = bool(self._hidden)
            if len(self._shown) > codes.MOST_ROWS_SHOWN:
                self.events.append(Event("rows", frame, f"{len(self._shown)} rows at once"))
            if indented_by_spaces(self._shown):
                self.events.append(Event("space-indent", frame, "a row is moved right by spaces"))
            self.shows.append(frame)
            for row in rows_of(self._shown):
                self._appear(frame, row.text)
            self._swap_frame = frame
            self._refresh(frame, swapped=True)
        elif word == codes.EDM:
            self._end_row(frame)
            self._end_paint(frame)
            self._shown = {}
            self._refresh(frame)
        elif word in (codes.RU2, codes.RU3, codes.RU4):
            self._roll_up(frame, word - 0x1423)
        elif word == codes.RDC:
            self._end_row(frame)
            self._enter(Mode.PAINT_ON)
        elif word == codes.CR:
            if self._mode is Mode.ROLL_UP:
                self._carriage_return(frame)
        elif word == codes.BS:
            if self._column > 0:
                self._column -= 1
                self._memory().get(self._row, {}).pop(self._column, None)
                self._painted.get(self._row, {}).pop(self._column, None)
        elif word == codes.DER:
            cells = self._memory().get(self._row, {})
            for column in [column for column in cells if column >= self._column]:
                del cells[column]
                self._painted.get(self._row, {}).pop(column, None)
        elif word in (codes.TR, codes.RTD):
            self._enter(Mode.TEXT)
            self.events.append(Event("text-mode", frame, "text mode is not captions"))
        elif word == codes.FON:
            self._write(frame, " ")
        else:
            self.events.append(Event("unknown-code", frame, f"{word:04X}"))

    def _enter(self, mode: Mode) -> None:
        self._mode = mode
        if mode not in self.modes:
            self.modes.append(mode)

    def _roll_up(self, frame: int, depth: int) -> None:
        if self._mode is not Mode.ROLL_UP:
            self._end_row(frame)
            self._end_paint(frame)
            self._shown, self._hidden = {}, {}
            self._row, self._column = codes.ROWS, 0
            self._enter(Mode.ROLL_UP)
        self._depth = depth
        self._shown = {row: cells for row, cells in self._shown.items() if row > self._row - depth}
        self._refresh(frame)

    def _carriage_return(self, frame: int) -> None:
        self._end_row(frame)
        top = self._row - self._depth + 1
        self._shown = {row - 1: cells for row, cells in self._shown.items() if top < row <= self._row}
        self._column = 0
        self._italic = False
        self.shows.append(frame)
        self._refresh(frame)

    def _end_row(self, frame: int) -> None:
        """The row that rolls up is complete: keep it."""
        if self._row_since is not None:
            rows = tuple(row for row in rows_of(self._shown) if row.number == self._row)
            if rows:
                self.rolled.append(DisplayedText(self._row_since, frame, rows))
                self.captions.append(self.rolled[-1])
            self._row_since = None

    def _end_paint(self, frame: int | None) -> None:
        """What was painted on is erased or painted over: keep it."""
        rows = tuple(rows_of(self._painted))
        if rows and frame != self._painted_since:
            self.captions.append(DisplayedText(self._painted_since, frame, rows))
        self._painted = {}

    def _preamble(self, frame: int, word: int) -> None:
        base = word & 0xFF60
        row = _ROW_OF_PAC.get(base)
        if row is None:
            self.events.append(Event("no-row", frame, f"{word:04X} addresses no row"))
            return
        if self._mode is Mode.NONE:
            self.events.append(Event("no-mode", frame, "text before any mode is chosen"))
        if self._mode is Mode.ROLL_UP and row != self._row:
            self._shown = {
                number + row - self._row: cells
                for number, cells in self._shown.items()
                if 1 <= number + row - self._row <= codes.ROWS
            }
        self._row = row
        attribute = (word & 0x1F) >> 1
        self._italic = attribute == codes.PAC_ITALIC >> 1
        self._column = (attribute - 8) * 4 if attribute >= 8 else 0
        if self._mode is Mode.PAINT_ON and max(self._painted.get(row, {}), default=-1) >= self._column:
            self._end_paint(frame)  # a row that is written over begins another caption

    def _extended(self, frame: int, character: str) -> None:
        if self._column == 0:
            self.events.append(Event("no-fallback", frame, f"{character} at the left edge replaces nothing"))
        else:
            cells = self._memory().get(self._row, {})
            # At the right edge the cursor stands on the character it replaces.
            full = self._column == codes.COLUMNS - 1 and self._column in cells
            column = self._column if full else self._column - 1
            cell = cells.pop(column, None)
            self._painted.get(self._row, {}).pop(column, None)
            self._column = column
            if cell is not None and cell[0] != " " and self._mode in (Mode.ROLL_UP, Mode.PAINT_ON):
                self.letters.pop()
                self.frames.pop()
            if cell is None or not _stands_in(cell[0], character):
                eaten = "nothing" if cell is None else repr(cell[0])
                self.events.append(Event("no-fallback", frame, f"{character} replaces {eaten}"))
        self._write(frame, character)

    def _write(self, frame: int, character: str) -> None:
        if self._mode in (Mode.NONE, Mode.TEXT):
            if self._mode is Mode.NONE:
                self.events.append(Event("no-mode", frame, f"{character!r} before any mode is chosen"))
            return
        if self._mode is Mode.POP_ON and self._stale:
            self._stale = False
            self.events.append(Event("stale-memory", frame, "text is loaded over an earlier caption (no ENM)"))
        cells = self._memory().setdefault(self._row, {})
        if self._column == codes.COLUMNS - 1 and self._column in cells:
            self.events.append(Event("columns", frame, f"{character!r} overwrites column 32 of row {self._row}"))
        cells[self._column] = (character, self._italic)
        if self._mode is Mode.PAINT_ON:
            if not self._painted:
                self._painted_since = frame
            self._painted.setdefault(self._row, {})[self._column] = cells[self._column]
        self._column = min(self._column + 1, codes.COLUMNS - 1)
        self._written_frame = frame
        if self._mode in (Mode.ROLL_UP, Mode.PAINT_ON):
            self._appear(frame, character)
        if self._mode is Mode.ROLL_UP and self._row_since is None:
            self._row_since = frame

    def _appear(self, frame: int, text: str) -> None:
        letters = "".join(text.split())
        self.letters += letters
        self.frames += [frame] * len(letters)

    def _memory(self) -> Memory:
        return self._hidden if self._mode is Mode.POP_ON else self._shown

    def _refresh(self, frame: int, *, swapped: bool = False) -> None:
        rows = tuple(rows_of(self._shown))
        if rows == self._rows and not swapped:  # a caption that says the same again is a caption
            return
        if self._rows and frame > self._since:
            self.screens.append(DisplayedText(self._since, frame, self._rows))
            if self._popped:
                self.captions.append(self.screens[-1])
        self._popped = self._mode is Mode.POP_ON
        self._rows = rows
        self._since = frame


def receive(words: Iterable[tuple[int, int]]) -> Receiver:
    """Play (frame, word without parity) pairs, in order of frames, to the end."""
    receiver = Receiver()
    frame = 0
    for frame, word in words:
        receiver.word(frame, word)
    receiver.finish(frame + 1)
    return receiver


def _stands_in(fallback: str, character: str) -> bool:
    """Whether a receiver without the extended set would do well to show this instead."""
    if fallback == FALLBACKS[character] or fallback == unicodedata.normalize("NFD", character)[0]:
        return True
    return fallback != " " and not fallback.isalnum() and not character.isalpha()
