"""Titles of shows compared as people read them: short forms, typing errors, cut ends, who meets and why. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

_ALIKE_FROM = 5  # letters; shorter words have no typing errors but are other words
_ENOUGH = 0.6  # of the words of a name, for its title to agree in part


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """The cities and other bodies that hold meetings, with the words each goes by in titles."""

    words: Mapping[str, tuple[str, ...]]


STATION = Bodies(
    MappingProxyType(
        {
            "Birchwood": ("birchwood village", "birchwood"),
            "Dellwood": ("dellwood",),
            "Grant": ("grant",),
            "Willernie": ("willernie",),
            "Lake Elmo": ("lake elmo",),
            "Mahtomedi": ("mahtomedi",),
            "Oakdale": ("oakdale",),
            "North St Paul": ("north st paul",),
            "White Bear Lake": ("white bear lake", "wb lake", "wbl", "white bear"),
            "White Bear Township": ("white bear township", "white bear town", "wb township", "wb town", "wbt"),
        }
    )
)
"""The station's own. "White Bear" alone is the Lake; the Township is another body."""


_GENERIC = frozenset({
    "a", "an", "and", "at", "for", "from", "in", "of", "on", "the", "to", "with", "city", "meeting", "regular",
    "full", "video", "live", "hd", "final", "recording", "recorded", "village", "rebroadcast", "replay",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun",
})  # fmt: skip
"""Words that tell no meeting from another."""
_LEFT_OUT = ("meeting", "regular")
"""Words a title may do without."""
_OCCASIONS = frozenset({"special", "workshop", "joint", "emergency", "closed", "annual", "retreat", "forum"})
_GROUPS = frozenset({
    "council", "planning", "park", "environmental", "eda", "hra", "school", "charter", "utility", "library", "cable",
    "historical", "finance", "board", "arts", "energy", "airport", "watershed",
})  # fmt: skip
"""Words that name who meets; two titles with different ones are of different meetings."""
_SAME = MappingProxyType({
    "mtg": "meeting", "mtgs": "meeting", "meetings": "meeting", "cc": "council", "cncl": "council",
    "wksp": "workshop", "wkshp": "workshop", "worksession": "workshop", "spec": "special", "reg": "regular",
    "twp": "township", "st": "saint", "bd": "board", "pz": "planning", "comm": "commission",
    "committee": "commission", "parks": "park", "utilities": "utility", "environment": "environmental",
    "ctr": "center", "supervisors": "board",
})  # fmt: skip
_KNOWN = frozenset(
    {*_OCCASIONS, *_GROUPS, *_SAME, "commission", "committee", "meeting", "regular", "township", "supervisors"}
)
_KNOWN_IN_ORDER = tuple(sorted(_KNOWN))
_PHRASES = (("work session", "workshop"), ("work shop", "workshop"), ("p and z", "planning"), ("pl comm", "planning"))
_TOKEN = re.compile(r"[a-z0-9]+")


class Agreement(StrEnum):
    """What two titles say of each other. OTHER: they name different bodies or different things."""

    FULL = "full"
    PARTLY = "partly"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart. bodies: who is named; words: what tells it from others; last: a word that may be cut.

    place: who holds the channel, where no body is named.
    """

    bodies: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    occasions: frozenset[str] = frozenset()
    tokens: tuple[str, ...] = ()
    last: str | None = None
    place: frozenset[str] = frozenset()

    @property
    def plain(self) -> str:
        return "".join(self.tokens)

    @property
    def groups(self) -> frozenset[str]:
        return self.words & _GROUPS


@lru_cache(maxsize=65_536)
def parse(text: str, bodies: Bodies, *, cut: bool = False) -> Title:
    """A title as bodies and words. cut: its last word may be the beginning of one."""
    tokens = _tokens(text)
    if not tokens:
        return Title()
    last = tokens[-1] if cut else None
    rest, named = _bodies(tokens, bodies, cut=cut)
    words = {word for word in rest if word not in _GENERIC and word not in _OCCASIONS}
    occasions = {word for word in rest if word in _OCCASIONS}
    if last in words:  # "Me" of "Meeting" is no word of its own
        words.discard(last)
    return Title(frozenset(named), frozenset(words), frozenset(occasions), tuple(tokens), last)


def compare(name: Title, title: Title) -> Agreement | None:
    """How far the title of a show is that of a name; None where that cannot be said."""
    if name.bodies and title.bodies and name.bodies.isdisjoint(title.bodies):
        return Agreement.OTHER
    # A channel shows other cities' parades too, but its council is its own.
    if name.bodies and not title.bodies and title.groups and title.place and name.bodies.isdisjoint(title.place):
        return Agreement.OTHER
    if name.last is not None and title.plain.startswith(name.plain):
        return Agreement.FULL
    same_body = name.bodies == (title.bodies or title.place)
    if name.plain == title.plain:
        return Agreement.FULL
    if name.last is not None and not any(token.startswith(name.last) for token in (*title.tokens, *_LEFT_OUT)):
        return Agreement.OTHER if name.last in _GROUPS and name.last not in title.groups and title.groups else None
    if not name.words and not title.words:
        if not (same_body and name.bodies):
            return None
        return Agreement.FULL if name.occasions and name.occasions == title.occasions else Agreement.PARTLY
    if not name.words or not title.words:
        return Agreement.PARTLY if name.bodies and not name.bodies.isdisjoint(title.bodies) else None
    ours = sum(any(_alike(word, other) for other in title.words) for word in name.words)
    theirs = sum(any(_alike(word, other) for other in name.words) for word in title.words)
    if name.groups and title.groups and name.groups.isdisjoint(title.groups):
        return Agreement.OTHER
    if not ours:
        return Agreement.OTHER
    if name.last is not None:
        return Agreement.PARTLY if ours == len(name.words) and same_body else None
    if ours == len(name.words) and theirs == len(title.words) and same_body:
        return Agreement.FULL
    same_group = same_body and name.groups and name.groups == title.groups
    return Agreement.PARTLY if same_group or ours >= _ENOUGH * len(name.words) else None


def _tokens(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("&", " and ")
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter) and letter not in "'’.")
    tokens = [_spelled(token) for token in _TOKEN.findall(bare.replace("_", " "))]
    joined = f" {' '.join(tokens)} "
    for phrase, word in _PHRASES:
        joined = joined.replace(f" {phrase} ", f" {word} ")
    return joined.split()


@lru_cache(maxsize=65_536)
def _spelled(token: str) -> str:
    """A word of a title in the form in which it is compared: typing errors in words we know go, and short forms."""
    word = token if token in _KNOWN else next((known for known in _KNOWN_IN_ORDER if _alike(token, known)), token)
    return _SAME.get(word, word)


@lru_cache(maxsize=1_024)
def _phrase(text: str) -> tuple[str, ...]:
    return tuple(_tokens(text))


def _bodies(tokens: list[str], bodies: Bodies, *, cut: bool) -> tuple[list[str], set[str]]:
    """The tokens without the names of bodies, and these. The longest name that fits counts."""
    rest: list[str] = []
    named: set[str] = set()
    place = 0
    while place < len(tokens):
        best = 0
        found = ""
        for body, names in bodies.words.items():
            for phrase in names:
                length = _fits(tokens, place, _phrase(phrase), cut=cut)
                if length > best:
                    best, found = length, body
        if best:
            named.add(found)
            place += best
        else:
            rest.append(tokens[place])
            place += 1
    return rest, named


def _fits(tokens: list[str], place: int, phrase: tuple[str, ...], *, cut: bool) -> int:
    """How many tokens at a place are this phrase, whose last word may be cut where they end; 0 if they are not."""
    found = tokens[place : place + len(phrase)]
    if not phrase or len(found) < len(phrase):
        return 0
    for number, (token, word) in enumerate(zip(found, phrase, strict=True)):
        at_the_cut = cut and number > 0 and place + number == len(tokens) - 1
        if not (_alike(token, word) or (at_the_cut and word.startswith(token))):
            return 0
    return len(phrase)


@lru_cache(maxsize=65_536)
def _alike(word: str, other: str) -> bool:
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
