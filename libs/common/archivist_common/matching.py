"""Which show a recording belongs to: every show with a score and reasons a clerk understands, and what they allow.

Only evidence that nothing contradicts links a recording: the number in its name, our own key on the show, its file on
one of the show's reels, or title and day together. All else is laid before a person.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from archivist_common.recording_names import MONTHS, RecordingName, dated_text, spelled

SUGGESTED = 5
"""How many shows a person is given to choose from."""

_MARGIN = 15  # points by which a winner by title and day leads the next
_WORTH_SHOWING = 25  # points
_LENGTH_AGREES_S = 30
_ALIKE_FROM = 5  # letters; shorter words have no typing errors but are other words
_ENOUGH = 0.6  # of the words of a name, for its title to agree in part
_CREATION_DAYS = 3  # a show made within so many days of its meeting may carry that day for the meeting's


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """The cities and other bodies that hold meetings, with the words each goes by in titles, in lower case."""

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
            "North St Paul": ("north saint paul",),
            "White Bear Lake": ("white bear lake", "wb lake", "wbl", "white bear"),
            "White Bear Township": ("white bear township", "white bear town", "wb township", "wb town", "wbt"),
        }
    )
)
"""The station's own. "White Bear" alone is the Lake; the Township is another body."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A show as its server has it. Titles may be missing or empty.

    created: the day the show was made; an event date equal to it may never have been set. length_s: of its reels.
    files: names of its reels' files. place: its location or channel, for titles that name no city.
    """

    id: int
    title: str | None = None
    cg_title: str | None = None
    event_date: date | None = None
    created: date | None = None
    length_s: int | None = None
    local_id: str | None = None
    files: tuple[str, ...] = ()
    place: str | None = None


class Kind(StrEnum):
    NUMBER = "number"
    NUMBER_OTHER = "number_other"
    KEY = "key"
    FILE = "file"
    TITLE = "title"
    TITLE_PARTLY = "title_partly"
    TITLE_OTHER = "title_other"
    OCCASION_OTHER = "occasion_other"
    DATE = "date"
    DATE_PARTLY = "date_partly"
    DATE_OTHER = "date_other"
    DATE_UNSURE = "date_unsure"
    LENGTH = "length"
    LENGTH_OTHER = "length_other"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a show may or may not be the one, in words for a person."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A show with 0 to 100 points and the reasons for them."""

    candidate: Candidate
    score: int
    reasons: tuple[Reason, ...]

    def has(self, *kinds: Kind) -> bool:
        return any(reason.kind in kinds for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Match:
    """The one show."""

    show: Scored


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It may be one of these, best first; a person has to say which."""

    suggestions: tuple[Scored, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No show fits. The nearest, if any, are for a person to look at."""

    suggestions: tuple[Scored, ...]


Verdict = Match | Ambiguous | Nothing

_POINTS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.NUMBER: 40,
        Kind.NUMBER_OTHER: -15,
        Kind.KEY: 60,
        Kind.FILE: 45,
        Kind.TITLE: 45,
        Kind.TITLE_PARTLY: 25,
        Kind.TITLE_OTHER: -60,
        Kind.OCCASION_OTHER: -15,
        Kind.DATE: 40,
        Kind.DATE_PARTLY: 20,
        Kind.DATE_OTHER: -25,
        Kind.DATE_UNSURE: 0,
        Kind.LENGTH: 7,
        Kind.LENGTH_OTHER: -7,
    }
)
"""Length may not outweigh _MARGIN between two shows that are alike in all else."""

_NAMED = (Kind.NUMBER, Kind.KEY, Kind.FILE)
_CONTRADICTED = (Kind.TITLE_OTHER, Kind.DATE_OTHER)
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


@dataclass(frozen=True, slots=True)
class _Title:
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A candidate whose titles and dates are taken apart, once for all the names it is held against."""

    candidate: Candidate
    titles: tuple[_Title, ...]
    dates: tuple[date, ...]
    month_day: tuple[int, int] | None
    unsure: bool
    files: frozenset[str]


def prepare(candidate: Candidate, bodies: Bodies = STATION) -> Prepared:
    """The candidate, ready to be held against many names."""
    place = _taken_apart(candidate.place or "", bodies).bodies
    titles: list[_Title] = []
    written: tuple[date, ...] = ()
    month_day = None
    for text in (candidate.title, candidate.cg_title):
        if not text or not text.strip():
            continue
        dated = dated_text(text)
        written = written or dated.dates
        month_day = month_day or dated.month_day
        title = _taken_apart(dated.rest, bodies)
        titles.append(title if title.bodies else replace(title, place=place))
    # A day that somebody wrote into the title is meant; the event date may be the day the show was made.
    event = (candidate.event_date,) if candidate.event_date else ()
    return Prepared(
        candidate,
        tuple(dict.fromkeys(titles)),
        written or event,
        month_day,
        unsure=not written and candidate.event_date is not None and candidate.event_date == candidate.created,
        files=frozenset(name.replace("\\", "/").rpartition("/")[2].casefold() for name in candidate.files),
    )


def score(
    name: RecordingName,
    recording_length_s: int | None,
    key: str,
    candidate: Candidate | Prepared,
    bodies: Bodies = STATION,
) -> Scored:
    """How well one show fits a recording. key: ours, as it would stand in the show's local id; empty for none."""
    prepared = candidate if isinstance(candidate, Prepared) else prepare(candidate, bodies)
    return _score(name, _taken_apart(name.title, bodies, cut=name.truncated), recording_length_s, key, prepared)


def rank(
    name: RecordingName,
    recording_length_s: int | None,
    key: str,
    shows: Iterable[Candidate | Prepared],
    bodies: Bodies = STATION,
) -> tuple[Scored, ...]:
    """Every show that has anything to say for it, best first. Prepare the shows where there are many names."""
    title = _taken_apart(name.title, bodies, cut=name.truncated)
    scored = [
        _score(name, title, recording_length_s, key, show if isinstance(show, Prepared) else prepare(show, bodies))
        for show in shows
    ]
    return tuple(sorted((one for one in scored if one.score > 0 or one.has(*_NAMED)), key=_best))


def decide(scored: Sequence[Scored]) -> Verdict:
    """What the scores of all shows allow.

    The number in the name counts where title or date agrees and neither contradicts; then our key; then the file on a
    reel. Two shows by these, or one that is contradicted, wait for a person. Without any of them title and day
    together link the one show that has both, if no other comes near. A title alone never does.
    """
    shows = sorted(scored, key=_best)
    suggestions = tuple(one for one in shows if one.score >= _WORTH_SHOWING or one.has(*_NAMED))
    named = [one for one in shows if one.has(*_NAMED)]
    if named:
        sure = [one for one in named if _is_sure(one)]
        if len(named) == 1 and sure:
            return Match(sure[0])
        return Ambiguous(_first(suggestions, named))
    winner = next((one for one in shows if one.has(Kind.TITLE) and one.has(Kind.DATE)), None)
    if winner is not None and not winner.has(Kind.OCCASION_OTHER, Kind.NUMBER_OTHER):
        rivals = [one for one in shows if one is not winner and winner.score - one.score < _MARGIN]
        if not rivals:
            return Match(winner)
    if any(_is_likely(one) for one in shows):
        return Ambiguous(suggestions[:SUGGESTED])
    return Nothing(suggestions[:SUGGESTED])


def match(
    name: RecordingName,
    recording_length_s: int | None,
    key: str,
    shows: Iterable[Candidate | Prepared],
    bodies: Bodies = STATION,
) -> Verdict:
    """`decide` on the `rank` of these shows."""
    return decide(rank(name, recording_length_s, key, shows, bodies))


def _is_sure(one: Scored) -> bool:
    if one.has(Kind.KEY):
        return not one.has(Kind.TITLE_OTHER)
    if one.has(*_CONTRADICTED, Kind.NUMBER_OTHER):
        return False
    return one.has(Kind.FILE) or one.has(Kind.TITLE, Kind.TITLE_PARTLY, Kind.DATE, Kind.DATE_PARTLY)


def _is_likely(one: Scored) -> bool:
    """Whether a person should look before a new show is made."""
    if one.has(*_CONTRADICTED):
        return False
    return one.has(Kind.TITLE) or (one.has(Kind.TITLE_PARTLY) and one.score >= _WORTH_SHOWING)


def _first(suggestions: Sequence[Scored], named: Sequence[Scored]) -> tuple[Scored, ...]:
    rest = [one for one in suggestions if one not in named]
    return (*named, *rest)[: max(SUGGESTED, len(named))]


def _best(one: Scored) -> tuple[int, int]:
    return (-one.score, -one.candidate.id)


def _score(name: RecordingName, title: _Title, length_s: int | None, key: str, show: Prepared) -> Scored:
    candidate = show.candidate
    reasons: list[Reason] = []
    if name.show_number is not None:
        if name.show_number == candidate.id:
            reasons.append(Reason(Kind.NUMBER, f"number {candidate.id} stands in the file name"))
        else:
            reasons.append(Reason(Kind.NUMBER_OTHER, f"the file name has the number {name.show_number}"))
    if key and candidate.local_id == key:
        reasons.append(Reason(Kind.KEY, "the show carries this recording's own key"))
    if show.files and name.file.casefold() in show.files:
        reasons.append(Reason(Kind.FILE, f"a reel of the show plays {name.file}"))
    reasons += _title_reasons(title, show)
    reasons += _date_reasons(name, show)
    reasons += _length_reasons(length_s, candidate.length_s)
    points = sum(_POINTS[reason.kind] for reason in reasons)
    return Scored(candidate, max(0, min(100, points)), tuple(reasons))


def _title_reasons(name: _Title, show: Prepared) -> list[Reason]:
    if not (name.plain and show.titles):
        return []
    kinds = [_compared(name, title) for title in show.titles]
    shown = next(text for text in (show.candidate.title, show.candidate.cg_title) if text and text.strip())
    reasons: list[Reason] = []
    if Kind.TITLE_OTHER in kinds:
        other = show.titles[kinds.index(Kind.TITLE_OTHER)]
        theirs = other.bodies or other.place
        if theirs and name.bodies and theirs.isdisjoint(name.bodies):
            return [Reason(Kind.TITLE_OTHER, f"the show's title is a different body: {' and '.join(sorted(theirs))}")]
        return [Reason(Kind.TITLE_OTHER, f"the show's title is another one: {shown}")]
    if Kind.TITLE in kinds:
        reasons.append(Reason(Kind.TITLE, f"title agrees: {shown}"))
    elif Kind.TITLE_PARTLY in kinds:
        reasons.append(Reason(Kind.TITLE_PARTLY, f"title agrees in part: {shown}"))
    # A cut name may have lost the word.
    if reasons and name.last is None and all(title.occasions != name.occasions for title in show.titles):
        their, our = (" and ".join(sorted(title.occasions)) or "regular" for title in (show.titles[0], name))
        reasons.append(Reason(Kind.OCCASION_OTHER, f"the show is a {their} meeting, the recording a {our} one"))
    return reasons


def _compared(name: _Title, title: _Title) -> Kind | None:
    """What one title of a show says about a name."""
    if name.bodies and title.bodies and name.bodies.isdisjoint(title.bodies):
        return Kind.TITLE_OTHER
    # A channel shows other cities' parades too, but its council is its own.
    if name.bodies and not title.bodies and title.groups and title.place and name.bodies.isdisjoint(title.place):
        return Kind.TITLE_OTHER
    if name.last is not None and title.plain.startswith(name.plain):
        return Kind.TITLE
    same_body = name.bodies == (title.bodies or title.place)
    if name.plain == title.plain:
        return Kind.TITLE
    if name.last is not None and not any(token.startswith(name.last) for token in (*title.tokens, *_LEFT_OUT)):
        return Kind.TITLE_OTHER if name.last in _GROUPS and name.last not in title.groups and title.groups else None
    if not name.words and not title.words:
        if not (same_body and name.bodies):
            return None
        return Kind.TITLE if name.occasions and name.occasions == title.occasions else Kind.TITLE_PARTLY
    if not name.words or not title.words:
        return Kind.TITLE_PARTLY if name.bodies and not name.bodies.isdisjoint(title.bodies) else None
    ours = sum(any(_alike(word, other) for other in title.words) for word in name.words)
    theirs = sum(any(_alike(word, other) for other in name.words) for word in title.words)
    if name.groups and title.groups and name.groups.isdisjoint(title.groups):
        return Kind.TITLE_OTHER
    if not ours:
        return Kind.TITLE_OTHER
    if name.last is not None:
        return Kind.TITLE_PARTLY if ours == len(name.words) and same_body else None
    if ours == len(name.words) and theirs == len(title.words) and same_body:
        return Kind.TITLE
    same_group = same_body and name.groups and name.groups == title.groups
    return Kind.TITLE_PARTLY if same_group or ours >= _ENOUGH * len(name.words) else None


def _date_reasons(name: RecordingName, show: Prepared) -> list[Reason]:
    if name.dates and show.dates:
        ours, theirs = min(((a, b) for a in name.dates for b in show.dates), key=lambda pair: abs(pair[0] - pair[1]))
        days = abs((ours - theirs).days)
        if days == 0:
            return [Reason(Kind.DATE, f"date agrees: {spelled(ours)}")]
        if days == 1:
            return [Reason(Kind.DATE_PARTLY, f"date agrees but for a day: {spelled(theirs)}")]
        if show.unsure and days <= _CREATION_DAYS:
            return [Reason(Kind.DATE_UNSURE, f"the show's date, {spelled(theirs)}, may be the day it was made")]
        return [Reason(Kind.DATE_OTHER, f"date differs by {days} days: {spelled(theirs)}")]
    if name.dates and show.month_day:
        return _by_day([(day.month, day.day) for day in name.dates], [show.month_day])
    if name.month_day and (show.dates or show.month_day):
        return _by_day(
            [name.month_day], [show.month_day] if show.month_day else [(d.month, d.day) for d in show.dates]
        )
    if name.captured and any(abs((name.captured - day).days) <= 1 for day in show.dates):
        return [Reason(Kind.DATE_PARTLY, f"recorded on {spelled(name.captured)}, the day of the show")]
    return []


def _by_day(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> list[Reason]:
    month, day = theirs[0]
    said = f"{day} {MONTHS[month - 1]}"
    # In a leap year, so that 29 February is a day.
    days = min(abs(date(2000, *a) - date(2000, *b)) for a in ours for b in theirs)
    if days <= timedelta(days=1):
        return [Reason(Kind.DATE_PARTLY, f"day and month agree, without a year: {said}")]
    return [Reason(Kind.DATE_OTHER, f"day and month differ: {said}")]


def _length_reasons(ours: int | None, theirs: int | None) -> list[Reason]:
    if not ours or not theirs:
        return []
    if abs(ours - theirs) <= _LENGTH_AGREES_S:
        return [Reason(Kind.LENGTH, f"length agrees within {_LENGTH_AGREES_S} s")]
    if abs(ours - theirs) > max(ours, theirs) // 10:
        return [Reason(Kind.LENGTH_OTHER, f"length differs: {theirs // 60} min, the recording has {ours // 60} min")]
    return []


@lru_cache(maxsize=65_536)
def _taken_apart(text: str, bodies: Bodies, *, cut: bool = False) -> _Title:
    """A title as bodies and words. cut: its last word may be the beginning of one."""
    tokens = _tokens(text)
    if not tokens:
        return _Title()
    last = tokens[-1] if cut else None
    rest, named = _bodies(tokens, bodies, cut=cut)
    words = {word for word in rest if word not in _GENERIC and word not in _OCCASIONS}
    occasions = {word for word in rest if word in _OCCASIONS}
    if last in words:  # "Me" of "Meeting" is no word of its own
        words.discard(last)
    return _Title(frozenset(named), frozenset(words), frozenset(occasions), tuple(tokens), last)


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
                length = _fits(tokens, place, phrase.split(), cut=cut)
                if length > best:
                    best, found = length, body
        if best:
            named.add(found)
            place += best
        else:
            rest.append(tokens[place])
            place += 1
    return rest, named


def _fits(tokens: list[str], place: int, phrase: list[str], *, cut: bool) -> int:
    """How many tokens at a place are this phrase, whose last word may be cut where they end; 0 if they are not."""
    found = tokens[place : place + len(phrase)]
    if len(found) < len(phrase):
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
