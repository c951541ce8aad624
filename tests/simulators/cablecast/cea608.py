"""What a viewer reads of a Scenarist SCC file: cues in milliseconds, and what is wrong with the file.

Written from the rules of the channel (47 CFR 79.101, CTA-608) for the simulator alone: it shares no line and no
table with the product, so that a fault of the one cannot be blessed by the other. First caption channel (CC1) only.
"""

import re
from dataclasses import dataclass, field

COLUMNS = 32
_HEADER = "Scenarist_SCC V1.0"
_LINE = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;])(\d{2})\t(\S.*)")
_OPEN_END_MS = 5_000  # how long a caption that nothing erases is taken to stay

# The basic set is ASCII but for these.
_BASIC = {
    0x2A: "á",
    0x5C: "é",
    0x5E: "í",
    0x5F: "ó",
    0x60: "ú",
    0x7B: "ç",
    0x7C: "÷",
    0x7D: "Ñ",
    0x7E: "ñ",
    0x7F: "█",
}
_BASIC[0x27] = "'"
_SPECIAL = "®°½¿™¢£♪à\u00a0èâêîôû"  # 11 30 to 11 3F; the tenth is the transparent space
_EXTENDED = {
    0x12: "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»",  # 12 20 to 12 3F
    0x13: "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘",  # 13 20 to 13 3F
}
# First byte, and whether the second is 60 or more: the row that a preamble names.
_ROWS = {
    (0x11, False): 1, (0x11, True): 2, (0x12, False): 3, (0x12, True): 4, (0x15, False): 5, (0x15, True): 6,
    (0x16, False): 7, (0x16, True): 8, (0x17, False): 9, (0x17, True): 10, (0x10, False): 11, (0x13, False): 12,
    (0x13, True): 13, (0x14, False): 14, (0x14, True): 15,
}  # fmt: skip


class BadCaptions(Exception):
    """The file is no SCC that a server would air. The message names the line and the fault."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Rows shown together, top to bottom. Times are milliseconds from the file's 00:00:00;00."""

    start_ms: int
    end_ms: int
    rows: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


@dataclass(frozen=True, slots=True)
class Line:
    """One data line: the frame of its first word, and its words with the parity still on."""

    number: int
    frame: int
    words: tuple[int, ...]


def decode(data: bytes) -> list[Cue]:
    """The cues of an SCC file. Raises BadCaptions."""
    screen = _Screen()
    for line in lines(data):
        for at, word in enumerate(line.words):
            screen.take(line.frame + at, (word >> 8) & 0x7F, word & 0x7F)
    return screen.finish()


def lines(data: bytes) -> list[Line]:
    """The data lines of an SCC file, checked: header, rising time codes of one kind, four hex digits, odd parity.

    Raises BadCaptions.
    """
    try:
        read = data.decode("ascii").splitlines()
    except UnicodeDecodeError as exc:
        raise BadCaptions(f"byte {exc.start} is not ASCII") from None
    if not read or read[0] != _HEADER:
        raise BadCaptions(f"line 1 is not {_HEADER}")
    found: list[Line] = []
    kind = None
    for number, row in enumerate(read[1:], 2):
        if not row.strip():
            continue
        match = _LINE.fullmatch(row.strip())
        if match is None:
            raise BadCaptions(f"line {number} is not a time code, a tab and words")
        hours, minutes, seconds, mark, frames, words = match.groups()
        frame = frame_of(int(hours), int(minutes), int(seconds), int(frames), drop=mark == ";", number=number)
        if kind not in (None, mark):
            raise BadCaptions(f"line {number} mixes drop-frame and non-drop time codes")
        kind = mark
        if found and frame <= found[-1].frame:
            raise BadCaptions(f"line {number}: its time code does not rise")
        found.append(Line(number, frame, tuple(_word(word, number) for word in words.split(" "))))
    return found


def frame_of(hours: int, minutes: int, seconds: int, frames: int, *, drop: bool, number: int = 0) -> int:
    """The frame, at 30000/1001 a second, that a time code names. Raises BadCaptions where none has that name."""
    label = f"{hours:02}:{minutes:02}:{seconds:02}{';' if drop else ':'}{frames:02}"
    if hours > 23 or minutes > 59 or seconds > 59 or frames > 29:
        raise BadCaptions(f"line {number}: there is no time code {label}")
    if drop and seconds == 0 and frames < 2 and minutes % 10:
        raise BadCaptions(f"line {number}: drop-frame counting has no {label}")
    frame = ((hours * 60 + minutes) * 60 + seconds) * 30 + frames
    if drop:
        whole = hours * 60 + minutes
        frame -= 2 * (whole - whole // 10)
    return frame


def ms_of(frame: int) -> int:
    """Milliseconds at which a frame is shown."""
    return round(frame * 1001 / 30)


def _word(word: str, number: int) -> int:
    if not re.fullmatch(r"[0-9a-fA-F]{4}", word):
        raise BadCaptions(f"line {number}: {word[:12]!r} is not a word of four hex digits")
    value = int(word, 16)
    for byte in (value >> 8, value & 0xFF):
        if byte.bit_count() % 2 == 0:
            raise BadCaptions(f"line {number}: word {word} has even parity")
    return value


@dataclass(slots=True)
class _Memory:
    """One caption memory: cells by row and column, and where the next character goes."""

    cells: dict[int, list[str | None]] = field(default_factory=dict)
    row: int = 15
    column: int = 0

    def put(self, character: str) -> None:
        self.cells.setdefault(self.row, [None] * COLUMNS)[min(self.column, COLUMNS - 1)] = character
        self.column = min(self.column + 1, COLUMNS)

    def back(self) -> None:
        if self.column:
            self.column -= 1
            self.cells.setdefault(self.row, [None] * COLUMNS)[self.column] = None

    def clear_right(self) -> None:
        if self.row in self.cells:
            self.cells[self.row][self.column :] = [None] * (COLUMNS - self.column)

    def rows(self) -> tuple[str, ...]:
        found = (
            "".join(cell or " " for cell in self.cells[row]).replace("\u00a0", " ").strip()
            for row in sorted(self.cells)
        )
        return tuple(row for row in found if row)

    def line(self, row: int) -> str:
        cells = self.cells.get(row)
        return "".join(cell or " " for cell in cells).replace("\u00a0", " ").strip() if cells else ""


class _Screen:
    """A decoder chip: two memories, a mode, and the cues that were seen so far."""

    def __init__(self) -> None:
        self._shown, self._hidden = _Memory(), _Memory()
        self._mode = ""  # pop, roll, paint, text
        self._depth = 0  # rows of a roll-up
        self._ours = True  # the last control code was for CC1
        self._last: tuple[int, int, int] | None = None  # frame and bytes of a control pair that may come twice
        self._since: int | None = None  # frame since which what is shown is shown
        self._cues: list[Cue] = []
        self._frame = 0

    def take(self, frame: int, first: int, second: int) -> None:
        self._frame = frame
        if 0x10 <= first <= 0x1F:
            if self._last == (frame - 1, first, second):
                self._last = None  # the second copy
                return
            self._last = (frame, first, second)
            self._control(frame, first, second)
            return
        self._last = None
        if self._ours:
            for byte in (first, second):
                if byte >= 0x20:
                    self._character(frame, _BASIC.get(byte, chr(byte)))

    def finish(self) -> list[Cue]:
        if self._since is not None:
            self._close(self._since + round(_OPEN_END_MS * 30 / 1001))
        return self._cues

    def _control(self, frame: int, first: int, second: int) -> None:
        if first == 0x15 and 0x20 <= second <= 0x2F:
            return  # the second field's
        self._ours = not first & 0x08
        if not self._ours:
            return
        if second >= 0x40:
            self._preamble(frame, first, second)
        elif first == 0x11 and second >= 0x30:
            self._character(frame, _SPECIAL[second - 0x30])
        elif first == 0x11:
            self._character(frame, " ")  # a mid-row code takes a column
        elif first in _EXTENDED:
            memory = self._memory()
            if memory is not None:
                memory.back()  # the stand-in for receivers without the set
            self._character(frame, _EXTENDED[first][second - 0x20])
        elif first == 0x17 and 0x21 <= second <= 0x23:
            memory = self._memory()
            if memory is not None:
                memory.column = min(memory.column + second - 0x20, COLUMNS - 1)
        elif first == 0x14:
            self._command(frame, second)

    def _preamble(self, frame: int, first: int, second: int) -> None:
        row, memory = _ROWS.get((first, second >= 0x60)), self._memory()
        if row is None or memory is None:
            return
        if self._mode == "roll" and row != memory.row:
            self._move(memory, row)
        memory.row = row
        memory.column = ((second & 0x0E) << 1) if second & 0x10 else 0

    def _command(self, frame: int, second: int) -> None:
        memory = self._memory()
        match second:
            case 0x20:
                self._mode = "pop"
            case 0x21 if memory is not None:
                memory.back()
            case 0x24 if memory is not None:
                memory.clear_right()
            case 0x25 | 0x26 | 0x27:
                if self._mode != "roll":
                    self._close(frame)
                    self._shown, self._hidden = _Memory(), _Memory()
                self._mode, self._depth = "roll", second - 0x23
            case 0x29:
                self._mode = "paint"
            case 0x2A | 0x2B:
                self._mode = "text"
            case 0x2C:
                self._close(frame)
                self._shown.cells.clear()
            case 0x2D if self._mode == "roll":
                self._roll(frame)
            case 0x2E:
                self._hidden.cells.clear()
            case 0x2F:
                self._close(frame)
                self._shown, self._hidden = self._hidden, self._shown
                self._mode = "pop"
                if self._shown.rows():
                    self._since = frame

    def _memory(self) -> _Memory | None:
        if self._mode == "pop":
            return self._hidden
        return self._shown if self._mode in ("roll", "paint") else None

    def _character(self, frame: int, character: str) -> None:
        memory = self._memory()
        if memory is None:
            return
        memory.put(character)
        if self._mode != "pop" and self._since is None and character.strip():
            self._since = frame

    def _roll(self, frame: int) -> None:
        """A carriage return: the row that is done is a cue of its own, the rows above it were one before."""
        self._close(frame)
        base = self._shown.row
        kept = {row - 1: cells for row, cells in self._shown.cells.items() if base - self._depth + 1 < row <= base}
        self._shown.cells = kept
        self._shown.column = 0

    @staticmethod
    def _move(memory: _Memory, row: int) -> None:
        by = row - memory.row
        memory.cells = {at + by: cells for at, cells in memory.cells.items() if 1 <= at + by <= 15}

    def _close(self, frame: int) -> None:
        """End what is shown at this frame: a cue, where there is something to read."""
        if self._since is None:
            return
        rows = self._shown.rows()
        if self._mode == "roll":
            last = self._shown.line(self._shown.row)
            rows = (last,) if last else ()
        if rows and frame > self._since:
            self._cues.append(Cue(ms_of(self._since), ms_of(frame), rows))
        self._since = None
