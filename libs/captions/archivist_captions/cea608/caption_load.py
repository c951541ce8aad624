"""The words that put a caption into the hidden memory and show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from archivist_captions.cea608.characters import BASIC, EXTENDED, FALLBACKS, SPECIAL
from archivist_captions.cea608.codes import (
    COLUMNS,
    ENM,
    EOC,
    MID_ROW_ITALIC,
    MID_ROW_WHITE,
    PAC_BASES,
    PAC_ITALIC,
    RCL,
    ROWS,
    TAB_OFFSETS,
    pac,
)
from archivist_captions.cea608.screens import Row

# Words that may not be separated: a control pair and its second copy, or two characters.
Atom = tuple[int, ...]

_STRAIGHT = str.maketrans({"“": '"', "”": '"', "—": "-"})


@dataclass(frozen=True, slots=True)
class Thrift:
    """What may be left out of a load to save words."""

    enm: bool = False
    curly_quotes: bool = False
    tab_offset: bool = False


LAVISH = Thrift()


def load(rows: Sequence[Row], thrift: Thrift = LAVISH, *, top: bool = False) -> list[Atom]:
    """Atoms of one pop-on caption, centred at the bottom rows or the top ones, ending with the swap (EOC).

    Raises KeyError for a character that CEA-608 cannot show, ValueError for more than 32 columns.
    """
    atoms: list[Atom] = [_twice(RCL)]
    if not thrift.enm:
        atoms.append(_twice(ENM))
    for number, row in enumerate(rows, 1 if top else ROWS + 1 - len(rows)):
        atoms.extend(row_atoms(number, row, (COLUMNS - len(row.text)) // 2, thrift))
    atoms.append(_twice(EOC))
    return atoms


def length(atoms: Sequence[Atom]) -> int:
    """Words in a load; one word is one frame."""
    return sum(map(len, atoms))


def text_atoms(text: str) -> list[Atom]:
    """Characters two to a word; special and extended ones as doubled pairs on their own word boundary."""
    if BASIC.keys() >= set(text):
        codes = [BASIC[character] for character in text]
        return [(first << 8 | second,) for first, second in zip_longest(codes[::2], codes[1::2], fillvalue=0)]
    atoms: list[Atom] = []
    waiting = 0  # an odd character that still lacks its second half
    for character in text:
        code = BASIC.get(character)
        pair = 0
        if code is None:
            pair = SPECIAL.get(character, 0) or EXTENDED[character]
            code = BASIC[FALLBACKS[character]] if character in EXTENDED else None
        if code is not None:
            if waiting:
                atoms.append((waiting | code,))
                waiting = 0
            else:
                waiting = code << 8
        if pair:
            if waiting:
                atoms.append((waiting,))
                waiting = 0
            atoms.append(_twice(pair))
    if waiting:
        atoms.append((waiting,))
    return atoms


def row_atoms(number: int, row: Row, column: int, thrift: Thrift = LAVISH) -> list[Atom]:
    """Atoms that place the cursor at a row and column and write there.

    Italics begin with a mid-row code, which takes a column: the one before the text, or that of a space. At the
    left edge there is none to take, and the preamble itself is italic.
    """
    text = row.text.translate(_STRAIGHT) if thrift.curly_quotes else row.text
    if column + len(text) > COLUMNS:
        raise ValueError(f"a row holds {COLUMNS} columns: {column} + {text!r}")
    if not any(row.italics):
        return _cursor(number, column, thrift) + text_atoms(text)
    if not row.italics[0]:
        atoms = _cursor(number, column, thrift)
    elif column:
        atoms = [*_cursor(number, column - 1, thrift), _twice(MID_ROW_ITALIC)]
    else:
        atoms = [_twice(PAC_BASES[number] + PAC_ITALIC)]
    run: list[str] = []
    italic = row.italics[0]
    for word, flag in zip(text.split(), row.italics, strict=True):
        if flag is not italic:
            atoms += [*text_atoms(" ".join(run)), _twice(MID_ROW_ITALIC if flag else MID_ROW_WHITE)]
            run, italic = [], flag
        run.append(word)
    return atoms + text_atoms(" ".join(run))


def _cursor(number: int, column: int, thrift: Thrift) -> list[Atom]:
    indent, tab = divmod(column, 4)
    atoms = [_twice(pac(number, indent * 4))]
    if tab and not thrift.tab_offset:
        atoms.append(_twice(TAB_OFFSETS[tab - 1]))
    return atoms


def _twice(word: int) -> Atom:
    return (word, word)
