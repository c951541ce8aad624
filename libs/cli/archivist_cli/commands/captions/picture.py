"""The screen as a PNG: white letters in black cells on a grey picture, as a television set draws them.

The letters come from `glyphs.png`, one cell for each character CEA-608 can show, so the same captions give the same
picture on every machine, whatever fonts it has. The sheet is drawn anew by
`python -m archivist_cli.commands.captions.picture FONT.ttf` from a monospaced font (the one here: DejaVu Sans Mono).
"""

import io
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from archivist_captions.cea608.characters import SHOWABLE
from archivist_captions.cea608.codes import COLUMNS, ROWS
from archivist_captions.cea608.decoder import DisplayedText

if TYPE_CHECKING:
    from PIL import Image

# 32 x 15 cells fill the safe area, 80 % of an 800 x 600 picture.
CELL_WIDTH, CELL_HEIGHT = 20, 32
WIDTH, HEIGHT = 800, 600
_LEFT, _TOP = (WIDTH - COLUMNS * CELL_WIDTH) // 2, (HEIGHT - ROWS * CELL_HEIGHT) // 2
_BEHIND = 0x55  # grey of the picture behind the captions
_SLANT = 0.2  # columns that an italic letter leans a row
_SHEET = Path(__file__).with_name("glyphs.png")
_ACROSS = 32  # glyphs in a row of the sheet
_SIZE = 27  # points at which the sheet's letters fit their cells

CHARACTERS = tuple(sorted(SHOWABLE))  # in the order of the sheet


def png(screen: DisplayedText | None) -> bytes:
    """The screen, or a blank one, as a grey PNG of 800 x 600."""
    from PIL import Image

    picture = Image.new("L", (WIDTH, HEIGHT), _BEHIND)
    for row in screen.rows if screen is not None else ():
        slanted = {place for start, end in row.italics for place in range(start, end)}
        for place, character in enumerate(row.text):
            left = _LEFT + (row.column + place) * CELL_WIDTH
            cell = glyph(character)
            if place in slanted:
                lean = (1, _SLANT, -_SLANT * CELL_HEIGHT / 2, 0, 1, 0)
                cell = cell.transform(cell.size, Image.Transform.AFFINE, lean, Image.Resampling.BILINEAR)
            picture.paste(cell, (left, _TOP + (row.number - 1) * CELL_HEIGHT))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


@cache
def glyph(character: str) -> "Image.Image":
    """The cell of a character, white on black. A transparent space is a blank cell."""
    number = CHARACTERS.index(character if character in SHOWABLE else " ")
    left, top = number % _ACROSS * CELL_WIDTH, number // _ACROSS * CELL_HEIGHT
    return _sheet().crop((left, top, left + CELL_WIDTH, top + CELL_HEIGHT))


@cache
def _sheet() -> "Image.Image":
    from PIL import Image

    with Image.open(_SHEET) as sheet:
        return sheet.convert("L")


def draw_sheet(font: Path) -> "Image.Image":
    """The glyph sheet from a monospaced font that has all of `CHARACTERS`."""
    from PIL import Image, ImageDraw, ImageFont

    face = ImageFont.truetype(str(font), _SIZE)
    small = ImageFont.truetype(str(font), _SIZE // 2)
    rows = -(-len(CHARACTERS) // _ACROSS)
    sheet = Image.new("L", (_ACROSS * CELL_WIDTH, rows * CELL_HEIGHT), 0)
    ascent, descent = face.getmetrics()
    baseline = ascent + (CELL_HEIGHT - ascent - descent) // 2
    for number, character in enumerate(CHARACTERS):
        cell = Image.new("L", (CELL_WIDTH, CELL_HEIGHT), 255 if character == "█" else 0)
        if character == "℠":  # few monospaced fonts have it
            ImageDraw.Draw(cell).text((CELL_WIDTH / 2, baseline - 8), "SM", 255, small, anchor="ms")
        elif character != "█":
            where = ((CELL_WIDTH - face.getlength(character)) / 2, baseline)
            ImageDraw.Draw(cell).text(where, character, 255, face, anchor="ls")
        sheet.paste(cell, (number % _ACROSS * CELL_WIDTH, number // _ACROSS * CELL_HEIGHT))
    return sheet


if __name__ == "__main__":
    draw_sheet(Path(sys.argv[1])).save(_SHEET, optimize=True)
