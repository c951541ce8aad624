"""The characters a CEA-608 receiver can show. Source: 47 CFR 79.101(f)-(g), CTA-608.

Basic: one byte. Special: a control pair, one column, nothing sent before it. Extended: a control pair that first
moves back one column, so a basic character (its fallback) is sent before it; a receiver without the set shows that.
"""

_REPLACED = {
    0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú",
    0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ", 0x7F: "█",
}  # fmt: skip

BASIC_OF_CODE: dict[int, str] = {code: _REPLACED.get(code, chr(code)) for code in range(0x20, 0x80)}

TRANSPARENT_SPACE = "\u00a0"  # special 0x39; the decoder reads it as a space that does not paint

SPECIAL_OF_CODE: dict[int, str] = {
    0x1130 + index: character for index, character in enumerate("®°½¿™¢£♪à\u00a0èâêîôû")
}

# In the order of their codes, 0x1220 up and 0x1320 up: the character, then the fallback sent before it.
_EXTENDED_12 = (
    "ÁA ÉE ÓO ÚU ÜU üu ‘' ¡! *x '' —- ©c ℠s •. “\" ”\" "
    "ÀA ÂA ÇC ÈE ÊE ËE ëe ÎI ÏI ïi ÔO ÙU ùu ÛU «< »>"
)  # fmt: skip
_EXTENDED_13 = (
    "ÃA ãa ÍI ÌI ìi ÒO òo ÕO õo {( }) \\/ ^' _- |! ~- "
    "ÄA äa ÖO öo ßs ¥Y ¤o ¦! ÅA åa ØO øo ┌+ ┐+ └+ ┘+"
)  # fmt: skip

EXTENDED_OF_CODE: dict[int, str] = {}
FALLBACKS: dict[str, str] = {}
for _first, _pairs in ((0x1220, _EXTENDED_12), (0x1320, _EXTENDED_13)):
    for _index, _pair in enumerate(_pairs.split()):
        EXTENDED_OF_CODE[_first + _index] = _pair[0]
        FALLBACKS[_pair[0]] = _pair[1]

BASIC: dict[str, int] = {character: code for code, character in BASIC_OF_CODE.items()}
SPECIAL: dict[str, int] = {
    character: code for code, character in SPECIAL_OF_CODE.items() if character != TRANSPARENT_SPACE
}
# The apostrophe is basic 0x27 as well; the cheaper code is the one to send.
EXTENDED: dict[str, int] = {character: code for code, character in EXTENDED_OF_CODE.items() if character not in BASIC}

SHOWABLE: frozenset[str] = frozenset(BASIC) | frozenset(SPECIAL) | frozenset(EXTENDED)
