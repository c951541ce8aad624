"""Captions in a terminal: played in real time, or drawn one below the other."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from archivist_captions.cea608.codes import COLUMNS
from archivist_captions.cea608.decoder import DisplayedText
from archivist_captions.report.preview import as_text, screen_at
from archivist_captions.timecode import LAST_DROP_FRAME, LAST_NON_DROP, NTSC_30, drop_frame_label, label

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # another page without a cursor; back again
_HOME, _REST = "\x1b[H", "\x1b[K"  # to the top; blank to the end of the line
_ITALIC, _PLAIN = "\x1b[3m", "\x1b[23m"
_TICK_S = 0.1  # how often the clock moves
_LEAD = 30  # frames shown before the first caption
_UNENDED = 120  # frames; how long a caption that nothing erases stays


def play(
    screens: Sequence[DisplayedText],
    *,
    begin: int | None = None,
    speed: float = 1.0,
    drop_frame: bool = True,
    out: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Play from frame `begin` to the last erase; 0 as exit code. Ctrl-C gives the terminal back and goes on.

    On a terminal the whole screen is drawn, else each caption with its time code as it comes.
    """
    out = out or sys.stdout
    if not screens:
        print("nothing is ever on the screen", file=sys.stderr)
        return 0
    first = max(0, screens[0].start - _LEAD) if begin is None else begin
    last = screens[-1].end if screens[-1].end is not None else screens[-1].start + _UNENDED
    terminal = out.isatty()
    began = clock()
    if terminal:
        out.write(_ENTER)
    try:
        shown: DisplayedText | None = None
        while True:
            frame = first + int((clock() - began) * speed * NTSC_30)
            if frame >= last:
                break
            screen = screen_at(screens, frame)
            if terminal:
                out.write(_page(screen, _label(frame, drop_frame)))
            elif screen is not None and screen is not shown:
                out.write(f"{_label(screen.start, drop_frame)}  {' / '.join(row.text for row in screen.rows)}\n")
            shown = screen
            out.flush()
            due = (_next_change(screens, frame, last) - first) / (speed * NTSC_30) - (clock() - began)
            sleep(max(0.001, min(due, _TICK_S)))
    finally:
        if terminal:
            out.write(_LEAVE)
            out.flush()
    return 0


def drawn(screens: Sequence[DisplayedText], most: int) -> Iterator[str]:
    """Lines to print: each screen framed, with its time code above, at most `most` of them."""
    for screen in screens[:most]:
        yield f" {drop_frame_label(screen.start)}"
        yield f" ┌{'─' * (COLUMNS + 2)}┐"
        for row in screen.rows:
            text = " " * row.column + row.text.strip()
            yield f" │ {text:<{COLUMNS}} │"
        yield f" └{'─' * (COLUMNS + 2)}┘"
    if len(screens) > most:
        yield f" … and {len(screens) - most} more"


def _next_change(screens: Sequence[DisplayedText], frame: int, last: int) -> int:
    screen = screen_at(screens, frame)
    if screen is not None and screen.end is not None:
        return screen.end
    return next((following.start for following in screens if following.start > frame), last)


def _page(screen: DisplayedText | None, at: str) -> str:
    lines = as_text(screen).split("\n")
    for row in screen.rows if screen is not None else ():
        line = lines[row.number - 1]
        for start, end in reversed(row.italics):
            start, end = start + row.column, end + row.column
            line = line[:start] + _ITALIC + line[start:end] + _PLAIN + line[end:]
        lines[row.number - 1] = line
    body = "\n".join(f"  {line}{_REST}" for line in lines)
    return f"{_HOME}{body}\n{_REST}\n  {at}   Ctrl-C ends{_REST}"


def _label(frame: int, drop_frame: bool) -> str:
    return label(min(frame, LAST_DROP_FRAME if drop_frame else LAST_NON_DROP), drop_frame=drop_frame)
