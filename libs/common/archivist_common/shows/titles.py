"""Titles of shows compared as people read them: short forms, typing errors, cut ends, who meets and why. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from archivist_common.shows.bodies import Bodies, Phrase, phrase
from archivist_common.shows.rules.en import GENERIC, GROUPS, HEADS, OCCASIONS, OPTIONAL
from archivist_common.shows.words import alike, in_phrases, spelled, words

_ENOUGH = 0.6  # of the words of a name, for its title to agree in part


class Agreement(StrEnum):
    """What two titles say of each other. OTHER: they name different bodies or different things."""

    FULL = "full"
    PARTLY = "partly"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart. bodies: who is named; words: what tells it from others; last: a word that may be cut.

    place: who holds the channel, where no body is named. plain: all its letters.
    """

    bodies: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    occasions: frozenset[str] = frozenset()
    tokens: tuple[str, ...] = ()
    last: str | None = None
    place: frozenset[str] = frozenset()
    plain: str = ""

    @property
    def groups(self) -> frozenset[str]:
        return self.words & GROUPS


@lru_cache(maxsize=65_536)
def parse(text: str, bodies: Bodies, *, cut: bool = False) -> Title:
    """A title as bodies and words. cut: its last word may be the beginning of one."""
    written = words(text)
    if not written:
        return Title()
    last = written[-1] if cut else None
    whole = [spelled(word) for word in (written[:-1] if cut else written)]
    spoken = [full for word in whole for full in bodies.short.get(word, (word,))]
    tokens = in_phrases([*spoken, last] if last else spoken)
    rest, named = _bodies(tokens, bodies, cut=cut)
    said = {word for word in rest if word not in GENERIC and word not in OCCASIONS}
    occasions = {word for word in rest if word in OCCASIONS}
    if last in said:  # "Me" of "Meeting" is no word of its own
        said.discard(last)
    plain = "".join([*whole, last] if last else whole)
    return Title(frozenset(named), frozenset(said), frozenset(occasions), tuple(tokens), last, plain=plain)


@lru_cache(maxsize=16_384)
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
    if name.last is not None and not _may_be_cut_from(name.last, title):
        return Agreement.OTHER if name.last in GROUPS and name.last not in title.groups and title.groups else None
    if not name.words and not title.words:
        if not (same_body and name.bodies):
            return None
        return Agreement.FULL if name.occasions and name.occasions == title.occasions else Agreement.PARTLY
    if not name.words or not title.words:
        return Agreement.PARTLY if name.bodies and not name.bodies.isdisjoint(title.bodies) else None
    ours = sum(any(alike(word, other) for other in title.words) for word in name.words)
    theirs = sum(any(alike(word, other) for other in name.words) for word in title.words)
    if name.groups and title.groups and name.groups.isdisjoint(title.groups):
        return Agreement.OTHER
    if not ours or _name_other_places(name, title):
        return Agreement.OTHER
    if name.last is not None:
        return Agreement.PARTLY if ours == len(name.words) and same_body else None
    if ours == len(name.words) and theirs == len(title.words) and same_body:
        return Agreement.FULL
    same_group = same_body and name.groups and name.groups == title.groups
    return Agreement.PARTLY if same_group or ours >= _ENOUGH * len(name.words) else None


def _name_other_places(name: Title, title: Title) -> bool:
    """Whether both have a word beside who meets that the other has not: two places that nobody has told us of."""
    if name.bodies or title.bodies or not name.groups & title.groups or name.last is not None:
        return False
    ours, theirs = (one.words - GROUPS - HEADS for one in (name, title))
    return bool(ours and theirs) and not any(alike(word, other) for word in ours for other in theirs)


def _may_be_cut_from(last: str, title: Title) -> bool:
    """Whether a title has a word that the last one of a cut name is, or begins."""
    return any(token.startswith(last) or token == spelled(last) for token in (*title.tokens, *OPTIONAL))


def _bodies(tokens: list[str], bodies: Bodies, *, cut: bool) -> tuple[list[str], set[str]]:
    """The tokens without the names of bodies, and these. The longest name that fits counts."""
    rest: list[str] = []
    named: set[str] = set()
    at = 0
    while at < len(tokens):
        best = 0
        found = ""
        for body, name in _beginning_with(tokens[at], bodies):
            length = _fits(tokens, at, name, cut=cut)
            if length > best:
                best, found = length, body
        if best:
            named.add(found)
            at += best
        else:
            rest.append(tokens[at])
            at += 1
    return rest, named


@lru_cache(maxsize=65_536)
def _beginning_with(token: str, bodies: Bodies) -> tuple[tuple[str, Phrase], ...]:
    """The names of bodies whose first word this is, with its typing error."""
    forms = ((body, phrase(name)) for body, names in bodies.words.items() for name in names)
    return tuple((body, name) for body, name in forms if name and alike(token, name[0]))


def _fits(tokens: list[str], at: int, name: Phrase, *, cut: bool) -> int:
    """How many tokens at a place are this name, whose last word may be cut where they end; 0 if they are not."""
    found = tokens[at : at + len(name)]
    if len(found) < len(name):
        return 0
    for number, (token, word) in enumerate(zip(found, name, strict=True)):
        at_the_cut = cut and number > 0 and at + number == len(tokens) - 1
        if not (alike(token, word) or (at_the_cut and word.startswith(token))):
            return 0
    return len(name)
