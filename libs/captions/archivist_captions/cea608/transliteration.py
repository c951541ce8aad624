"""Any text in the characters of CEA-608: never a wrong glyph, never a silent loss."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from archivist_captions.cea608.characters import SHOWABLE

# What has no code but is said as well another way. Typographic apostrophes take the basic one: it costs one byte
# instead of five, and receivers draw it curly anyway.
_REPLACEMENTS: dict[str, str] = {
    "’": "'", "‘": "'", "‚": ",", "‛": "'", "′": "'", "´": "'", "`": "'", "ʼ": "'", "ʻ": "'",
    "„": "“", "‟": "”", "″": '"', "‹": "<", "›": ">",
    "–": "-", "‐": "-", "‑": "-", "‒": "-", "−": "-", "―": "—", "…": "...", "⋯": "...",
    "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "€": "EUR", "₤": "£", "№": "No.", "§": "Sec.", "¶": "Par.",
    "♫": "♪", "♬": "♪", "♩": "♪", "×": "x", "⁄": "/", "∕": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "±": "+/-", "µ": "u", "μ": "u",
    "→": "->", "←": "<-", "·": "•", "∙": "•", "‣": "•", "●": "•",
    "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ð": "D", "ð": "d", "Đ": "D", "đ": "d",
    "Þ": "Th", "þ": "th", "Ł": "L", "ł": "l", "ı": "i", "ẞ": "SS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One character that is shown as other characters; `shown` is empty when nothing stands for it."""

    wanted: str
    shown: str


def transliterate(text: str) -> tuple[str, tuple[Change, ...]]:
    """The text in showable characters, and every visible change that took.

    Spaces of any kind become a plain space and invisible characters vanish; neither counts as a change.
    """
    if SHOWABLE.issuperset(text):
        return text, ()
    out: list[str] = []
    changes: list[Change] = []
    for character in unicodedata.normalize("NFC", text):
        shown, visible = _shown(character)
        out.append(shown)
        if visible:
            changes.append(Change(character, shown))
    return "".join(out), tuple(changes)


@lru_cache(maxsize=4096)
def _shown(character: str) -> tuple[str, bool]:
    if character in SHOWABLE:
        return character, False
    category = unicodedata.category(character)
    if category in {"Zs", "Zl", "Zp"} or character in "\t\n\r\v\f":
        return " ", False
    if category in {"Cf", "Cc"} or "VARIATION SELECTOR" in unicodedata.name(character, ""):
        return "", False
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character], True
    plain = "".join(
        _REPLACEMENTS.get(part, part)
        for part in unicodedata.normalize("NFKD", character)
        if unicodedata.category(part) != "Mn"
    )
    return (plain if SHOWABLE.issuperset(plain) else ""), True
