"""Who meets at a station: its places, by the settings and by the titles of its shows. Pure.

A place (Lake Elmo, Quillan County) is what stands before the words for a council, board or commission. What is learnt
is the station's own and nobody else's; general words are in `rules/en.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from archivist_common.shows.rules.en import (
    GENERIC,
    GROUPS,
    HEADS,
    KINDS,
    MONTHS,
    NAME_KINDS,
    OCCASIONS,
    QUALIFIERS,
    SMALL_WORDS,
)
from archivist_common.shows.words import alike, in_phrases, is_known, spelled, words

_SEEN = (
    2  # shows whose titles name a place before it is believed; one is enough where Cablecast names it elsewhere too
)
_LONGEST_PLACE = 4  # words; a longer beginning of a title is a sentence
_SHORTEST_INITIALS = 2
_SHORTEST_GROUP_INITIALS = 3  # of a place and who meets there

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """The cities and other bodies that hold meetings.

    words: by name, what each goes by in titles. short: initials and the words they stand for. "White Bear" alone may
    be one of the Lake's names and none of the Township's: the longest name that fits counts.
    """

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    short: Mapping[str, Phrase] = field(default_factory=dict)


NONE = Bodies()
"""Nothing known of the station: the general words of titles alone."""


@dataclass(frozen=True, slots=True)
class TitleCount:
    """Titles that `shows` shows have in common. place: their project and location, as the sync stores them."""

    title: str | None
    cg_title: str | None = None
    place: str | None = None
    shows: int = 1


def learn(titles: Iterable[TitleCount]) -> Bodies:
    """The places that these titles name, each with its other forms: `White Bear Lake`, `wb lake`, `WBL`.

    A place counts that two shows name, or one where its project or location names it as well.
    """
    places = _Places()
    for one in titles:
        places.add(one)
    return places.bodies()


def merged(configured: Mapping[str, Sequence[str]], learnt: Bodies) -> Bodies:
    """The settings' bodies, and those learnt that they do not name. Where both know a form, the settings count."""
    own = {name: tuple(dict.fromkeys((*names, name))) for name, names in configured.items()}
    taken = {phrase(form) for forms in own.values() for form in forms}
    further = {
        name: kept
        for name, forms in learnt.words.items()
        if phrase(forms[0]) not in taken and (kept := tuple(form for form in forms if phrase(form) not in taken))
    }
    short = {initials: full for initials, full in learnt.short.items() if (initials,) not in taken}
    return Bodies(MappingProxyType({**own, **further}), MappingProxyType(short))


@lru_cache(maxsize=4_096)
def phrase(text: str) -> Phrase:
    """A name as it is looked for in titles."""
    return tuple(in_phrases([spelled(word) for word in words(text)]))


@dataclass(frozen=True, slots=True)
class _Mention:
    """A place in a title, and the words behind it up to those for who meets. is_certain: its kind is said as well."""

    place: Phrase
    written: Phrase
    group: Phrase
    is_certain: bool


class _Places:
    """What the titles of an archive say, counted."""

    def __init__(self) -> None:
        self._shows: Counter[Phrase] = Counter()
        self._written: defaultdict[Phrase, Counter[Phrase]] = defaultdict(Counter)
        self._groups: defaultdict[Phrase, set[Phrase]] = defaultdict(set)
        self._certain: set[Phrase] = set()
        self._named_elsewhere: set[Phrase] = set()

    def add(self, one: TitleCount) -> None:
        seen = set()
        for text in (one.title, one.cg_title, one.place):
            for mention in _mentions(text or ""):
                seen.add(mention.place)
                self._written[mention.place][mention.written] += one.shows
                self._groups[mention.place].add(mention.group)
                if mention.is_certain:
                    self._certain.add(mention.place)
        for place in seen:
            self._shows[place] += one.shows
        self._named_elsewhere.update(_pieces(one.place or ""))

    def bodies(self) -> Bodies:
        places = self._believed()
        short = self._initials(places)
        names = {place: name for place, name in places.items() if len(place) > 1 or place[0] not in short}
        forms = {place: list(dict.fromkeys((" ".join(place), *self._other_forms(place)))) for place in names}
        owners = Counter(form for mine in forms.values() for form in mine)
        return Bodies(
            MappingProxyType(
                {
                    names[place]: (mine[0], *(form for form in mine[1:] if owners[form] == 1))
                    for place, mine in forms.items()
                }
            ),
            MappingProxyType(short),
        )

    def _believed(self) -> dict[Phrase, str]:
        """Places by their words, with their names as most titles write them."""
        found: dict[Phrase, str] = {}
        for place, shows in sorted(self._shows.items(), key=lambda pair: (-pair[1], pair[0])):
            if shows < _SEEN and place not in self._named_elsewhere:
                continue
            if any(_is_misspelling(place, other) for other in found):
                continue
            within = next((place[:n] for n in range(1, len(place)) if self._is_known(place[:n])), None)
            if within is not None and place not in self._certain:
                # The "Lake Elmo Airport" of an airport committee is no place beside Lake Elmo.
                self._groups[within] |= {(*place[len(within) :], *group) for group in self._groups[place]}
                continue
            found[place] = _name(self._written[place].most_common(1)[0][0])
        return found

    def _is_known(self, place: Phrase) -> bool:
        """Whether this is a place, whatever may be behind it in other titles."""
        return place in self._certain or self._shows[place] >= _SEEN

    def _other_forms(self, place: Phrase) -> Iterator[str]:
        *first, last = place
        if last == "township":
            yield " ".join((*first, "town"))
        if len(first) > 1:
            yield " ".join(("".join(word[0] for word in first), last))
            if last == "township":
                yield " ".join(("".join(word[0] for word in first), "town"))
            for group in self._groups[place]:
                if group and group[0] in KINDS:
                    yield " ".join((*first, group[0]))

    def _initials(self, places: Iterable[Phrase]) -> dict[str, Phrase]:
        """Initials of places, and of places with who meets there, that can stand for one of them only."""
        of_places: defaultdict[str, set[Phrase]] = defaultdict(set)
        of_groups: defaultdict[str, set[Phrase]] = defaultdict(set)
        for place in places:
            if len(place) == 1 and place[0] in of_places:
                continue
            if len(place) > 1:
                of_places["".join(word[0] for word in place)].add(place)
            for group in self._groups[place]:
                for end, word in enumerate(group, 1):
                    if word == "and":
                        break
                    if word in HEADS:
                        whole = (*place, *group[:end])
                        of_groups["".join(word[0] for word in whole)].add(whole)
        found = {}
        for initials, full in (*of_groups.items(), *of_places.items()):
            least = _SHORTEST_INITIALS if initials in of_places else _SHORTEST_GROUP_INITIALS
            if len(full) == 1 and len(initials) >= least and not is_known(initials):
                found[initials] = next(iter(full))
            else:
                found.pop(initials, None)
        return found


def _mentions(text: str) -> Iterator[_Mention]:
    """The places of a title whose words end with those for who meets; none in one of anything else."""
    written = words(text)
    if any(letter.isdigit() or letter == "#" for letter in text):
        written = [word for word in written if word not in MONTHS and not any(map(str.isdigit, word))]
    plain = [spelled(word) for word in written]
    heads = [n for n, word in enumerate(plain) if word in HEADS]
    if not heads:
        return
    first = 0
    while first < heads[0] and plain[first] in GENERIC | OCCASIONS | KINDS:
        first += 1
    of_a_kind = first > 1 and plain[first - 1] == "of" and plain[first - 2] in KINDS
    while first < heads[0]:
        end = next((n for n in range(first, heads[0]) if plain[n] == "and"), heads[0])
        is_last = end == heads[0]
        stop = end
        while is_last and stop > first and _belongs_to_group(plain, first, stop):
            stop -= 1
        if 0 < stop - first <= _LONGEST_PLACE and not any(word in SMALL_WORDS for word in plain[first:stop]):
            after = tuple(plain[stop : heads[-1] + 1]) if is_last else ()
            is_certain = of_a_kind or plain[stop - 1] in NAME_KINDS or bool(after and after[0] in KINDS)
            yield _Mention(tuple(plain[first:stop]), tuple(written[first:stop]), after, is_certain)
        first = end + 1


def _belongs_to_group(plain: Sequence[str], first: int, stop: int) -> bool:
    """Whether the word before `stop` tells who meets, and not where. "Harbor" of Harbor City is a place."""
    word = plain[stop - 1]
    if word in NAME_KINDS:
        return stop - 1 == first
    if word in GROUPS and stop - 1 == first and plain[stop] in KINDS:
        return False
    return word in GENERIC or word in OCCASIONS or word in QUALIFIERS or word in GROUPS or word in KINDS


def _pieces(place: str) -> Iterator[Phrase]:
    """The names in a project and location: `City Council (Harbor City)`, `Dellwood, Grant, Willernie`."""
    for piece in place.replace("(", ",").replace(")", ",").replace("/", ",").replace(" and ", ",").split(","):
        plain = [spelled(word) for word in words(piece)]
        while plain and plain[-1] in KINDS - NAME_KINDS:
            plain.pop()
        if plain:
            yield tuple(plain)


def _is_misspelling(place: Phrase, other: Phrase) -> bool:
    return len(place) == len(other) and all(map(alike, place, other))


def _name(written: Phrase) -> str:
    return " ".join(word.capitalize() for word in written)
