"""The words that put a caption into the hidden memory and show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from archivist_captions.cea608.characters import BASIC, EXTENDED, FALLBACKS, SPECIAL
from archivist_captions.cea608.codes import COLUMNS, ENM, EOC, RCL, ROWS, TAB_OFFSETS, pac

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


def load(rows: Sequence[str], thrift: Thrift = LAVISH) -> list[Atom]:
    """Atoms of one pop-on caption at the bottom rows, centred, ending with the swap (EOC).

    Raises KeyError for a character that CEA-608 cannot show, ValueError for more than 32 columns.
    """
    atoms: list[Atom] = [_twice(RCL)]
    if not thrift.enm:
        atoms.append(_twice(ENM))
    for number, text in enumerate(rows, ROWS + 1 - len(rows)):
        atoms.extend(_row(number, text.translate(_STRAIGHT) if thrift.curly_quotes else text, thrift))
    atoms.append(_twice(EOC))
    return atoms


def length(atoms: Sequence[Atom]) -> int:
    """Words in a load; one word is one frame."""
    return sum(map(len, atoms))


def text_atoms(text: str) -> list[Atom]:
    """Characters two to a word; special and extended ones as doubled pairs on their own word boundary."""
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


def _row(number: int, text: str, thrift: Thrift) -> list[Atom]:
    if len(text) > COLUMNS:
        raise ValueError(f"a row holds {COLUMNS} columns: {text!r}")
    indent, tab = divmod((COLUMNS - len(text)) // 2, 4)
    atoms = [_twice(pac(number, indent * 4))]
    if tab and not thrift.tab_offset:
        atoms.append(_twice(TAB_OFFSETS[tab - 1]))
    return atoms + text_atoms(text)


def _twice(word: int) -> Atom:
    return (word, word)
