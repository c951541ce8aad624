"""What the file name of a recording says: the show's number, the reel, the title and the day of the meeting. Pure.

Names come from a playout server (`17837-1-Birchwood City Council (20220412).mp4`), cut short or not, and from people
(`Grant City Council (04_01_2025).mp4`). Nothing here guesses: what can be read in two ways is given in both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from archivist_common.storage.paths import MEDIA_SUFFIXES

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_EARLIEST, _LATEST = 1980, 2079  # years; what lies outside is no year of a recording
_CENTURY = 80  # two digits from here on are of the last century
_LONGEST_NUMBER = 7  # digits of a show's number; eight are a date
_CUT = range(17, 22)  # letters; a playout server cuts titles at 18 to 20
_SEPARATOR = r"\s*[-_./ ]\s*"

_NUMBER = re.compile(r"(\d+)\s*-\s*(?:(?<=-)(\d{1,2})(?:-|\s+(?=\D))|)\s*(?=\S)", re.ASCII)
_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)[-_ Tt]+(?:[01]\d|2[0-3])[-_:.h]?[0-5]\d(?:[-_:.m]?[0-5]\d)?(?!\d)",
    re.ASCII,
)
_YEAR_FIRST = re.compile(rf"(?<!\d)((?:19|20)\d\d){_SEPARATOR}(\d\d?){_SEPARATOR}(\d\d?)(?!\d)", re.ASCII)
_YEAR_LAST = re.compile(rf"(?<!\d)(\d\d?){_SEPARATOR}(\d\d?){_SEPARATOR}((?:19|20)\d\d|'?\d\d)(?!\d)", re.ASCII)
_RUN = re.compile(r"(?<!\d)(?<!\d[-_.])\d{5,8}(?!\d)", re.ASCII)
_NAMES = "|".join(f"{month[:3]}(?:{month[3:]}|{month[3]})?" if len(month) > 3 else month for month in MONTHS)
_SUFFIX = r"(?:st|nd|rd|th)?"
_YEAR = r"(?:[\s,._-]*((?:19|20)\d\d|'?\d\d)(?![\d:]))?"
_NAME_FIRST = re.compile(rf"(?i)(?<![A-Za-z])({_NAMES})[\s._-]*(\d\d?){_SUFFIX}(?![\dA-Za-z]){_YEAR}", re.ASCII)
_DAY_FIRST = re.compile(rf"(?i)(?<!\d)(\d\d?){_SUFFIX}[\s._-]+(?:of\s+)?({_NAMES})(?![A-Za-z])\.?{_YEAR}", re.ASCII)
_NO_YEAR = re.compile(r"(?:^|(?<=[\s(_-]))(\d\d?)[-_./ ](\d\d?)(?=\s*\)?\s*$|\s*\))", re.ASCII)
_NO_YEAR_AT_START = re.compile(r"(?i)^(\d\d?)[-_./](\d\d?)(?=[\s_]+[A-Za-z])(?!\s*[ap]\.?m\b)", re.ASCII)
_OPEN = re.compile(r"\s*\([\d\s_./-]*$", re.ASCII)
_COPY = re.compile(r"(?i)(?:\s*\(\d\)|[\s_-]+copy(?:\s*\d+)?|_captioned)$|^copy of\s+", re.ASCII)
_LEFT_BY_DATE = re.compile(r"\b(?:recorded|dated|taped)(?:\s+on)?\s*(?=\0)|(?<=\0)_\d(?!\d)", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"(?i)(?<!\d)\d\d?(?:[:_.]?[0-5]\d)?\s*[ap]\.?m\b\.?", re.ASCII)
_EMPTY = re.compile(r"[\[({]\s*[\])}]")


@dataclass(frozen=True, slots=True)
class Dated:
    """The dates of a text and what is left of it without them.

    dates: every reading of the day, the likeliest first. month_day: where no year is written. captured: the day of a
    stamp with a time of day, which says when a machine began and not what was recorded.
    """

    rest: str
    dates: tuple[date, ...] = ()
    month_day: tuple[int, int] | None = None
    captured: date | None = None


@dataclass(frozen=True, slots=True)
class RecordingName:
    """What a name says; nothing in it is checked against a show.

    file: the name itself, without folders. dates: every reading of the meeting's day. month_day: a day without its
    year. captured: when the recorder began, where it stamped that on. truncated: the title may have been cut.
    """

    file: str
    title: str
    show_number: int | None = None
    reel: int | None = None
    dates: tuple[date, ...] = ()
    month_day: tuple[int, int] | None = None
    captured: date | None = None
    truncated: bool = False

    @property
    def date(self) -> date | None:
        """The day of the meeting, where the name has one and it can be read in one way only."""
        return self.dates[0] if len(self.dates) == 1 else None


def read(name: str) -> RecordingName:
    """What the name of a recording says, with or without its folders and its ending. Any text will do."""
    file = name.replace("\\", "/").rpartition("/")[2]
    stem = PurePosixPath(file).stem if PurePosixPath(file).suffix.lower() in MEDIA_SUFFIXES else file
    before = None
    while before != stem:
        before, stem = stem, _COPY.sub("", stem)
    number, reel, rest = _number(stem)
    raw = rest.strip()
    cut = _OPEN.search(raw)
    dated = dated_text(raw[: cut.start()] if cut else raw)
    undated = not (dated.dates or dated.month_day or dated.captured)
    return RecordingName(
        file=file,
        title=dated.rest,
        show_number=number,
        reel=reel,
        dates=dated.dates,
        month_day=dated.month_day,
        captured=dated.captured,
        truncated=cut is not None or (number is not None and undated and len(raw) in _CUT),
    )


def dated_text(text: str) -> Dated:
    """The dates in a title or a name, month first as Americans write them, and the words around them.

    A day stamped with its time is the meeting's only where no other date is written.
    """
    if not any(letter.isdigit() for letter in text):
        return Dated(_words(text))
    captured = None
    stamp = _STAMP.search(text)
    if stamp is not None and (day := _day(int(stamp[1]), int(stamp[3]), int(stamp[4]))):
        captured = day
        text = f"{text[: stamp.start()]}\0{text[stamp.end() :]}"
    found = next(_whole(text), None)
    month_day = None
    if found is not None:
        start, end, dates = found
        text = f"{text[:start]}\0{text[end:]}"
    else:
        dates = ()
        partial = next(_partial(text), None)
        if partial is not None:
            start, end, month_day = partial
            text = f"{text[:start]}\0{text[end:]}"
    return Dated(_words(text), dates, month_day, captured)


def spelled(day: date) -> str:
    """A date as people say it: `12 April 2022`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _number(stem: str) -> tuple[int | None, int | None, str]:
    """Show and reel as Cablecast reads them, `17837-1-` or `16380 - `, and what follows. A date is no number."""
    match = _NUMBER.match(stem)
    if match is None or len(match[1]) > _LONGEST_NUMBER:
        return None, None, stem
    dated = (shape.match(stem) for shape in (_YEAR_FIRST, _YEAR_LAST))
    begins_with_date = any(found is not None and _readings(found) for found in dated)
    year_and_month = re.match(r"(19|20)\d\d-(0[1-9]|1[0-2])(?!\d)", stem)
    month_and_day = _NO_YEAR_AT_START.match(stem)
    if begins_with_date or year_and_month or (month_and_day and _fits(int(month_and_day[1]), int(month_and_day[2]))):
        return None, None, stem
    return int(match[1]), int(match[2]) if match[2] else None, stem[match.end() :]


def _whole(text: str) -> Iterator[tuple[int, int, tuple[date, ...]]]:
    """Dates with their year, surest shape first: where each begins and ends, and its readings."""
    for shape in (_YEAR_FIRST, _NAME_FIRST, _DAY_FIRST, _YEAR_LAST, _RUN):
        for match in shape.finditer(text):
            if dates := _readings(match):
                yield match.start(), match.end(), dates


def _partial(text: str) -> Iterator[tuple[int, int, tuple[int, int]]]:
    for shape in (_NAME_FIRST, _DAY_FIRST, _NO_YEAR, _NO_YEAR_AT_START):
        for match in shape.finditer(text):
            first, second = (match[2], match[1]) if shape is _DAY_FIRST else (match[1], match[2])
            month = int(first) if first.isdigit() else _month(first)
            if _fits(month, int(second)):
                yield match.start(), match.end(), (month, int(second))


def _readings(match: re.Match[str]) -> tuple[date, ...]:
    if match.re is _RUN:
        return _run(match[0])
    if match[3] is None:
        return ()
    if match.re is _YEAR_FIRST:
        parts = [(int(match[1]), int(match[2]), int(match[3]))]
    elif match.re is _NAME_FIRST:
        parts = [(_year(match[3]), _month(match[1]), int(match[2]))]
    elif match.re is _DAY_FIRST:
        parts = [(_year(match[3]), _month(match[2]), int(match[1]))]
    else:
        parts = [(_year(match[3]), int(match[1]), int(match[2]))]
        if int(match[1]) > len(MONTHS):  # the day stands first, as elsewhere in the world
            parts = [(_year(match[3]), int(match[2]), int(match[1]))]
    return tuple(day for year, month, number in parts if (day := _day(year, month, number)) is not None)


def _run(digits: str) -> tuple[date, ...]:
    """Readings of digits without separators: `20220412`, `11092020`, `061025`, `202584`."""
    splits: list[tuple[str, str, str]] = []
    if len(digits) >= 6:
        rest = digits[4:]
        splits += [(digits[:4], rest[:at], rest[at:]) for at in (2, 1)]
        rest = digits[:-4]
        splits += [(digits[-4:], rest[:at], rest[at:]) for at in (2, 1)]
    whole = _days(splits, padded=len(digits) == 8)
    if whole or len(digits) in (7, 8):
        return whole
    short = [(digits[-2:], digits[:at], digits[at:-2]) for at in (2, 1)]
    if len(digits) == 6:
        short = [short[0], (digits[:2], digits[2:4], digits[4:])]
    return _days(short, padded=len(digits) == 6)


def _days(splits: list[tuple[str, str, str]], *, padded: bool) -> tuple[date, ...]:
    days: list[date] = []
    for year, month, number in splits:
        lengths = {len(month), len(number)}
        if not lengths <= {1, 2} or (padded and lengths != {2}):
            continue
        if not padded and any(part.startswith("0") for part in (month, number)):
            continue
        day = _day(_year(year), int(month), int(number))
        if day is not None and day not in days:
            days.append(day)
    return tuple(days)


def _day(year: int, month: int, number: int) -> date | None:
    if not _EARLIEST <= year <= _LATEST:
        return None
    try:
        return date(year, month, number)
    except ValueError:
        return None


def _year(text: str) -> int:
    digits = text.strip("'")
    return int(digits) if len(digits) == 4 else int(digits) + (1900 if int(digits) >= _CENTURY else 2000)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.lower().startswith(name.lower()[:3]))


def _fits(month: int, number: int) -> bool:
    return _day(2000, month, number) is not None  # a leap year: 29 February is a day


def _words(text: str) -> str:
    """What is left of a name: words with single spaces. A NUL marks where a date stood."""
    text = _TIME_OF_DAY.sub(" ", _LEFT_BY_DATE.sub("", text)).replace("\0", " ").replace("_", " ")
    text = _EMPTY.sub(" ", text)
    return " ".join(text.split()).strip(" -–,.;:([")
