"""The words of a title as they are compared: folded, typing errors gone, short forms spelled out. Pure."""

import re
import unicodedata
from functools import lru_cache

from archivist_common.shows.rules.en import (
    GENERIC,
    GROUPS,
    HEADS,
    KINDS,
    MONTHS,
    OCCASIONS,
    PHRASES,
    QUALIFIERS,
    SAME,
    SMALL_WORDS,
)

_ALIKE_FROM = 5  # letters; shorter words have no typing errors but are other words
_CORRECTED_FROM = 6  # letters of a word we know that a typing error is taken for; "point" is not "joint"
_BEGINNING_FROM = 3  # letters that stand for the word they begin: "env" for environmental
_LEFT_OUT = 2  # letters at least that such a short form leaves out: "work" is not short for "works"
_KNOWN = frozenset({*OCCASIONS, *GROUPS, *HEADS, *KINDS, *SAME, "committee", "meeting", "regular"})
_KNOWN_IN_ORDER = tuple(sorted(_KNOWN))
_NEVER_SHORT = _KNOWN | GENERIC | QUALIFIERS | SMALL_WORDS | MONTHS
_TOKEN = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?<!\bMc)(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


def words(text: str) -> list[str]:
    """The words of a text, folded: small letters without accents, `CamelCase` apart, `&` as and."""
    folded = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text).casefold()).replace("&", " and ")
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter) and letter not in "'’.")
    return _TOKEN.findall(bare.replace("_", " "))


def in_phrases(tokens: list[str]) -> list[str]:
    """Spelled words, with those that only together have a meaning replaced."""
    joined = f" {' '.join(tokens)} "
    for phrase, word in PHRASES:
        joined = joined.replace(f" {phrase} ", f" {word} ")
    return joined.split()


@lru_cache(maxsize=65_536)
def spelled(word: str) -> str:
    """A folded word without its typing error, where we know it, and without its short form."""
    if word not in _KNOWN:
        corrected = (one for one in _KNOWN_IN_ORDER if len(one) >= _CORRECTED_FROM and alike(word, one))
        word = next(corrected, word)
    if len(word) >= _BEGINNING_FROM and word not in _NEVER_SHORT:
        begun = [one for one in GROUPS if one.startswith(word) and len(one) - len(word) >= _LEFT_OUT]
        word = begun[0] if len(begun) == 1 else word
    return SAME.get(word, word)


@lru_cache(maxsize=65_536)
def alike(word: str, other: str) -> bool:
    """Whether two words are the same but for one typing error: a letter wrong, missing, doubled or swapped."""
    if word == other:
        return True
    if (
        min(len(word), len(other)) < _ALIKE_FROM
        or word.isdigit()
        or other.isdigit()
        or abs(len(word) - len(other)) > 1
    ):
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    if len(word) == len(other):
        swapped = word[at + 1 : at + 2] + word[at : at + 1]
        return word[at + 1 :] == other[at + 1 :] or swapped + word[at + 2 :] == other[at:]
    longer, shorter = (word, other) if len(word) > len(other) else (other, word)
    return longer[at + 1 :] == shorter[at:]


def is_known(word: str) -> bool:
    """Whether a word has a meaning of its own in titles, so that it is no one's initials."""
    return word in _NEVER_SHORT
