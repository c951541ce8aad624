"""Captions as a viewer would see them, in a terminal: the screen's 32 columns, at its time."""

from collections.abc import Iterator, Sequence

from archivist_captions.cea608.decoder import DisplayedText
from archivist_captions.timecode import drop_frame_label

_COLUMNS = 32
_TOP, _BOTTOM = "┌" + "─" * (_COLUMNS + 2) + "┐", "└" + "─" * (_COLUMNS + 2) + "┘"


def drawn(screens: Sequence[DisplayedText], most: int) -> Iterator[str]:
    """Lines to print: each screen framed, with the time code at which it comes up, at most `most` of them."""
    for screen in screens[:most]:
        yield f" {drop_frame_label(screen.start)}"
        yield f" {_TOP}"
        for row in screen.rows:
            text = " " * row.column + row.text.strip()
            yield f" │ {text:<{_COLUMNS}} │"
        yield f" {_BOTTOM}"
    if len(screens) > most:
        yield f" … and {len(screens) - most} more"
