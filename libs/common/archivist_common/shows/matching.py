"""Which show a recording belongs to: every show with a score and reasons a clerk understands, and what they allow.

Only evidence that nothing contradicts links a recording: the number in its name, our own key on the show, its file on
one of the show's reels, or title and day together. All else is laid before a person. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from archivist_common.shows.bodies import Bodies
from archivist_common.shows.recording_names import MONTHS, RecordingName, dated_text, spelled
from archivist_common.shows.titles import Agreement, Title, compare, parse

SUGGESTED = 5
"""How many shows a person is given to choose from."""

_MARGIN = 15  # points by which a winner by title and day leads the next
_WORTH_SHOWING = 25  # points
_LENGTH_AGREES_S = 30
_CREATION_DAYS = 3  # a show made within so many days of its meeting may carry that day for the meeting's


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


@dataclass(frozen=True, slots=True)
class KnownShows:
    """Shows that a recording may be, and who meets at the station they are of."""

    shows: Sequence[Candidate]
    bodies: Bodies


class Evidence(StrEnum):
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

    kind: Evidence
    text: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A show with 0 to 100 points and the reasons for them."""

    candidate: Candidate
    score: int
    reasons: tuple[Reason, ...]

    def has(self, *kinds: Evidence) -> bool:
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

_POINTS: Mapping[Evidence, int] = MappingProxyType(
    {
        Evidence.NUMBER: 40,
        Evidence.NUMBER_OTHER: -15,
        Evidence.KEY: 60,
        Evidence.FILE: 45,
        Evidence.TITLE: 45,
        Evidence.TITLE_PARTLY: 25,
        Evidence.TITLE_OTHER: -60,
        Evidence.OCCASION_OTHER: -15,
        Evidence.DATE: 40,
        Evidence.DATE_PARTLY: 20,
        Evidence.DATE_OTHER: -25,
        Evidence.DATE_UNSURE: 0,
        Evidence.LENGTH: 7,
        Evidence.LENGTH_OTHER: -7,
    }
)
"""Length may not outweigh _MARGIN between two shows that are alike in all else."""

_NAMED = (Evidence.NUMBER, Evidence.KEY, Evidence.FILE)
_CONTRADICTED = (Evidence.TITLE_OTHER, Evidence.DATE_OTHER)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A candidate whose titles and dates are taken apart, once for all the names it is held against."""

    candidate: Candidate
    titles: tuple[Title, ...]
    dates: tuple[date, ...]
    month_day: tuple[int, int] | None
    unsure: bool
    files: frozenset[str]


def prepare(candidate: Candidate, bodies: Bodies) -> Prepared:
    """The candidate, ready to be held against many names."""
    place = parse(candidate.place or "", bodies).bodies
    titles: list[Title] = []
    written: tuple[date, ...] = ()
    month_day = None
    for text in (candidate.title, candidate.cg_title):
        if not text or not text.strip():
            continue
        dated = dated_text(text)
        written = written or dated.dates
        month_day = month_day or dated.month_day
        title = parse(dated.rest, bodies)
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
    bodies: Bodies,
) -> Scored:
    """How well one show fits a recording. key: ours, as it would stand in the show's local id; empty for none."""
    prepared = candidate if isinstance(candidate, Prepared) else prepare(candidate, bodies)
    return _score(name, parse(name.title, bodies, cut=name.truncated), recording_length_s, key, prepared)


def rank(
    name: RecordingName,
    recording_length_s: int | None,
    key: str,
    shows: Iterable[Candidate | Prepared],
    bodies: Bodies,
) -> tuple[Scored, ...]:
    """Every show that has anything to say for it, best first. Prepare the shows where there are many names."""
    title = parse(name.title, bodies, cut=name.truncated)
    scored = [
        _score(name, title, recording_length_s, key, show if isinstance(show, Prepared) else prepare(show, bodies))
        for show in shows
    ]
    return tuple(sorted((one for one in scored if one.score > 0 or one.has(*_NAMED)), key=_best))


def decide(scored: Sequence[Scored]) -> Verdict:
    """What the scores of all shows allow.

    The number in the name counts where title or date agrees and neither contradicts; then our key; then the file on
    a reel. Two shows by these wait for a person, and so does one that is contradicted or that another one surpasses.
    Without any of them title and day together link the one show that has both, if no other comes near. A title
    alone never does.
    """
    shows = sorted(scored, key=_best)
    suggestions = tuple(one for one in shows if one.score >= _WORTH_SHOWING or one.has(*_NAMED))
    named = [one for one in shows if one.has(*_NAMED)]
    if named:
        if len(named) == 1 and _is_sure(named[0]) and not _is_surpassed(named[0], shows):
            return Match(named[0])
        return Ambiguous(_first(suggestions, named))
    winner = shows[0] if shows and _fits_exactly(shows[0]) else None
    if winner is not None and not winner.has(Evidence.NUMBER_OTHER):
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
    bodies: Bodies,
) -> Verdict:
    """`decide` on the `rank` of these shows."""
    return decide(rank(name, recording_length_s, key, shows, bodies))


def _fits_exactly(one: Scored) -> bool:
    return one.has(Evidence.TITLE) and one.has(Evidence.DATE) and not one.has(Evidence.OCCASION_OTHER)


def _is_surpassed(one: Scored, shows: Sequence[Scored]) -> bool:
    """Whether another show has title and day, and this one has not both: its number may be a slip."""
    if one.has(Evidence.KEY) or _fits_exactly(one):
        return False
    return any(_fits_exactly(other) for other in shows)


def _is_sure(one: Scored) -> bool:
    if one.has(Evidence.KEY):
        return not one.has(Evidence.TITLE_OTHER)
    if one.has(*_CONTRADICTED, Evidence.NUMBER_OTHER):
        return False
    return one.has(Evidence.FILE) or one.has(
        Evidence.TITLE, Evidence.TITLE_PARTLY, Evidence.DATE, Evidence.DATE_PARTLY
    )


def _is_likely(one: Scored) -> bool:
    """Whether a person should look before a new show is made."""
    if one.has(*_CONTRADICTED):
        return False
    if one.has(Evidence.TITLE_PARTLY):
        return one.score >= _WORTH_SHOWING
    return one.has(Evidence.TITLE, Evidence.DATE)


def _first(suggestions: Sequence[Scored], named: Sequence[Scored]) -> tuple[Scored, ...]:
    rest = [one for one in suggestions if one not in named]
    return (*named, *rest)[: max(SUGGESTED, len(named))]


def _best(one: Scored) -> tuple[int, int]:
    return (-one.score, -one.candidate.id)


def _score(name: RecordingName, title: Title, length_s: int | None, key: str, show: Prepared) -> Scored:
    candidate = show.candidate
    reasons: list[Reason] = []
    if name.show_number is not None:
        if name.show_number == candidate.id:
            reasons.append(Reason(Evidence.NUMBER, f"number {candidate.id} stands in the file name"))
        else:
            reasons.append(Reason(Evidence.NUMBER_OTHER, f"the file name has the number {name.show_number}"))
    if key and candidate.local_id == key:
        reasons.append(Reason(Evidence.KEY, "the show carries this recording's own key"))
    if show.files and name.file.casefold() in show.files:
        reasons.append(Reason(Evidence.FILE, f"a reel of the show plays {name.file}"))
    reasons += _title_reasons(title, show)
    reasons += _date_reasons(name, show)
    reasons += _length_reasons(length_s, candidate.length_s)
    points = sum(_POINTS[reason.kind] for reason in reasons)
    return Scored(candidate, max(0, min(100, points)), tuple(reasons))


def _title_reasons(name: Title, show: Prepared) -> list[Reason]:
    if not (name.plain and show.titles):
        return []
    said = [compare(name, title) for title in show.titles]
    shown = next(text for text in (show.candidate.title, show.candidate.cg_title) if text and text.strip())
    reasons: list[Reason] = []
    if Agreement.OTHER in said:
        other = show.titles[said.index(Agreement.OTHER)]
        theirs = other.bodies or other.place
        if theirs and name.bodies and theirs.isdisjoint(name.bodies):
            return [
                Reason(Evidence.TITLE_OTHER, f"the show's title is a different body: {' and '.join(sorted(theirs))}")
            ]
        if Agreement.FULL not in said:  # many shows have a public title, and one of a few letters for the staff
            return [Reason(Evidence.TITLE_OTHER, f"the show's title is another one: {shown}")]
    if Agreement.FULL in said:
        reasons.append(Reason(Evidence.TITLE, f"title agrees: {shown}"))
    elif Agreement.PARTLY in said:
        reasons.append(Reason(Evidence.TITLE_PARTLY, f"title agrees in part: {shown}"))
    # A cut name may have lost the word.
    if reasons and name.last is None and all(title.occasions != name.occasions for title in show.titles):
        their, our = (" and ".join(sorted(title.occasions)) or "regular" for title in (show.titles[0], name))
        reasons.append(Reason(Evidence.OCCASION_OTHER, f"the show is a {their} meeting, the recording a {our} one"))
    return reasons


def _date_reasons(name: RecordingName, show: Prepared) -> list[Reason]:
    if name.dates and show.dates:
        ours, theirs = min(((a, b) for a in name.dates for b in show.dates), key=lambda pair: abs(pair[0] - pair[1]))
        days = abs((ours - theirs).days)
        if days == 0 and len(name.dates) == len(show.dates) == 1:
            return [Reason(Evidence.DATE, f"date agrees: {spelled(ours)}")]
        if days == 0:
            return [Reason(Evidence.DATE_PARTLY, f"date agrees in one way of reading it: {spelled(ours)}")]
        if days == 1:
            return [Reason(Evidence.DATE_PARTLY, f"date agrees but for a day: {spelled(theirs)}")]
        if show.unsure and days <= _CREATION_DAYS:
            return [Reason(Evidence.DATE_UNSURE, f"the show's date, {spelled(theirs)}, may be the day it was made")]
        return [Reason(Evidence.DATE_OTHER, f"date differs by {days} days: {spelled(theirs)}")]
    if name.dates and show.month_day:
        return _by_day([(day.month, day.day) for day in name.dates], [show.month_day])
    if name.month_day and (show.dates or show.month_day):
        return _by_day(
            [name.month_day], [show.month_day] if show.month_day else [(d.month, d.day) for d in show.dates]
        )
    if name.captured and any(abs((name.captured - day).days) <= 1 for day in show.dates):
        return [Reason(Evidence.DATE_PARTLY, f"recorded on {spelled(name.captured)}, the day of the show")]
    return []


def _by_day(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> list[Reason]:
    month, day = theirs[0]
    said = f"{day} {MONTHS[month - 1]}"
    # In a leap year, so that 29 February is a day.
    days = min(abs(date(2000, *a) - date(2000, *b)) for a in ours for b in theirs)
    if days <= timedelta(days=1):
        return [Reason(Evidence.DATE_PARTLY, f"day and month agree, without a year: {said}")]
    return [Reason(Evidence.DATE_OTHER, f"day and month differ: {said}")]


def _length_reasons(ours: int | None, theirs: int | None) -> list[Reason]:
    if not ours or not theirs:
        return []
    if abs(ours - theirs) <= _LENGTH_AGREES_S:
        return [Reason(Evidence.LENGTH, f"length agrees within {_LENGTH_AGREES_S} s")]
    if abs(ours - theirs) > max(ours, theirs) // 10:
        return [
            Reason(Evidence.LENGTH_OTHER, f"length differs: {theirs // 60} min, the recording has {ours // 60} min")
        ]
    return []
