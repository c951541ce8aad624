"""The control codes of caption channel CC1. Source: 47 CFR 79.101 (formerly 15.119), CTA-608.

A code is one word: two bytes of seven bits and odd parity, written here without parity as 0xAABB.
"""

from functools import cache

PADDING = 0x0000  # a word that says nothing; 8080 once parity is on

RCL = 0x1420  # resume caption loading: pop-on, write to the hidden memory
BS = 0x1421  # backspace
DER = 0x1424  # delete to end of row
RU2, RU3, RU4 = 0x1425, 0x1426, 0x1427  # roll-up with 2, 3, 4 rows
FON = 0x1428  # flash on
RDC = 0x1429  # resume direct captioning: paint-on, write to the screen
TR = 0x142A  # text restart
RTD = 0x142B  # resume text display
EDM = 0x142C  # erase displayed memory: blank the screen
CR = 0x142D  # carriage return: roll up by one row
ENM = 0x142E  # erase non-displayed memory
EOC = 0x142F  # end of caption: swap the memories
TAB_OFFSETS = (0x1721, 0x1722, 0x1723)  # move right 1, 2, 3 columns, writing nothing

COLUMNS = 32
ROWS = 15
MOST_ROWS_SHOWN = 4

# Row -> first byte and base of the second byte of its preamble address codes.
PAC_BASES: dict[int, int] = {
    1: 0x1140, 2: 0x1160, 3: 0x1240, 4: 0x1260, 5: 0x1540, 6: 0x1560, 7: 0x1640, 8: 0x1660,
    9: 0x1740, 10: 0x1760, 11: 0x1040, 12: 0x1340, 13: 0x1360, 14: 0x1440, 15: 0x1460,
}  # fmt: skip
PAC_INDENT = 0x10  # added to a base: white text at column 4n, n in bits 1 to 3
PAC_ITALIC = 0x0E  # added to a base: white italics at column 0
MID_ROW_WHITE = 0x1120
MID_ROW_ITALIC = 0x112E


def pac(row: int, indent: int) -> int:
    """Preamble address code for white text at a row (1 to 15) and a column that is a multiple of 4 (0 to 28)."""
    if indent % 4 or not 0 <= indent <= 28:
        raise ValueError(f"a preamble indents by 0, 4, .. 28: {indent}")
    return PAC_BASES[row] + PAC_INDENT + indent // 2


def with_parity(byte: int) -> int:
    """Seven bits with odd parity in the eighth: 0x14 -> 0x94."""
    return byte if byte.bit_count() % 2 else byte | 0x80


@cache
def hex_of(word: int) -> str:
    """A word as the four hex digits a file holds, with parity: 0x1420 -> `9420`."""
    return f"{with_parity(word >> 8):02x}{with_parity(word & 0x7F):02x}"


def is_control(word: int) -> bool:
    """Whether a word (without parity) is a control pair rather than two characters."""
    return 0x1000 <= word < 0x2000
