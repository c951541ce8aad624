"""What is on the screen at a moment: as text for a terminal, as a picture for a page."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from archivist_captions.cea608.codes import COLUMNS, ROWS
from archivist_captions.cea608.decoder import DisplayedText, MemoryRow

# A cell of the picture in its own units; the 15 rows and 32 columns fill 80 % of a 4:3 picture, the safe area.
_CELL_WIDTH = 10
_CELL_HEIGHT = 16
_MARGIN_X = COLUMNS * _CELL_WIDTH // 8
_MARGIN_Y = ROWS * _CELL_HEIGHT // 8
WIDTH = COLUMNS * _CELL_WIDTH + 2 * _MARGIN_X
HEIGHT = ROWS * _CELL_HEIGHT + 2 * _MARGIN_Y

_STYLE = "text{font:14px monospace;fill:#fff;white-space:pre}.t{font:12px sans-serif;fill:#333}.i{font-style:italic}"


def screen_at(screens: Sequence[DisplayedText], frame: int) -> DisplayedText | None:
    """What is shown while `frame` is, or None for a blank screen. Screens in order of start, as a receiver gives."""
    place = bisect_right(screens, frame, key=lambda screen: screen.start) - 1
    if place < 0:
        return None
    screen = screens[place]
    return screen if screen.end is None or frame < screen.end else None


def as_text(screen: DisplayedText | None) -> str:
    """The screen as 15 lines of 32 columns, without trailing space."""
    lines = [""] * ROWS
    for row in screen.rows if screen is not None else ():
        lines[row.number - 1] = " " * row.column + row.text
    return "\n".join(lines)


def as_svg(screen: DisplayedText | None) -> str:
    """The screen as an SVG picture of its own: white letters on black cells on a grey picture."""
    return _document(WIDTH, HEIGHT, _picture(screen.rows if screen is not None else ()))


def strip_svg(labelled: Sequence[tuple[str, DisplayedText]], across: int = 4) -> str:
    """Screens side by side with a label under each, `across` to a row, as one SVG picture."""
    step_x, step_y = WIDTH + 16, HEIGHT + 34
    rows = -(-len(labelled) // across)
    return _document(across * step_x, max(1, rows) * step_y, _strip(labelled, across, step_x, step_y))


def _strip(labelled: Sequence[tuple[str, DisplayedText]], across: int, step_x: int, step_y: int) -> Iterator[str]:
    for place, (text, screen) in enumerate(labelled):
        x, y = place % across * step_x, place // across * step_y
        yield f'<g transform="translate({x} {y})">'
        yield from _picture(screen.rows)
        yield f'<text class="t" x="0" y="{HEIGHT + 16}">{escape(text)}</text></g>'


def _document(width: int, height: int, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{_STYLE}</style>{''.join(parts)}</svg>"
    )


def _picture(rows: Sequence[MemoryRow]) -> Iterator[str]:
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#566"/>'
    for row in rows:
        x = _MARGIN_X + row.column * _CELL_WIDTH
        y = _MARGIN_Y + (row.number - 1) * _CELL_HEIGHT
        width = len(row.text) * _CELL_WIDTH
        yield f'<rect x="{x}" y="{y}" width="{width}" height="{_CELL_HEIGHT}" fill="#000"/>'
        # textLength holds every letter in its cell whatever font the reader has.
        yield (
            f'<text x="{x}" y="{y + 12}" textLength="{width}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">'
            f"{''.join(_runs(row))}</text>"
        )


def _runs(row: MemoryRow) -> Iterator[str]:
    place = 0
    for start, end in row.italics:
        yield escape(row.text[place:start])
        yield f'<tspan class="i">{escape(row.text[start:end])}</tspan>'
        place = end
    yield escape(row.text[place:])
