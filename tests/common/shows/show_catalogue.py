"""A made-up archive of some 1,400 shows of nine cities over five years, with what makes them hard to tell apart."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from archivist_common.shows.matching import Candidate

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, SATURDAY = 0, 1, 2, 3, 5
FIRST_NUMBER = 14_013
YEARS = range(2019, 2024)

# Title, public title, day of the week, which of them in the month, channel.
SERIES = (
    ("Birchwood City Council", "Birchwood City Council Meeting", TUESDAY, (2,), "Birchwood"),
    ("Dellwood City Council", "Dellwood City Council Meeting", TUESDAY, (2,), "Dellwood, Grant, Willernie"),
    ("Grant City Council Meeting", "Grant City Council Meeting", TUESDAY, (1,), "Dellwood, Grant, Willernie"),
    ("Willernie City Council", "Willernie City Council Meeting", WEDNESDAY, (3,), "Dellwood, Grant, Willernie"),
    ("Lake Elmo City Council", "Lake Elmo City Council Meeting", TUESDAY, (1, 3), "Lake Elmo"),
    ("Lake Elmo City Council Workshop", "Lake Elmo City Council Workshop", TUESDAY, (2,), "Lake Elmo"),
    ("Lake Elmo Planning Commission", "Lake Elmo Planning Commission Meeting", MONDAY, (2, 4), "Lake Elmo"),
    ("Mahtomedi City Council", "Mahtomedi City Council Meeting", TUESDAY, (1, 3), "Mahtomedi"),
    ("Mahtomedi Planning Commission", "", WEDNESDAY, (2,), "Mahtomedi"),
    ("Mahtomedi School Board", "Mahtomedi School Board Meeting", THURSDAY, (2,), "Mahtomedi"),
    ("Oakdale City Council", "Oakdale City Council Meeting", TUESDAY, (2, 4), "Oakdale"),
    ("Oakdale City Council Workshop", "Oakdale City Council Workshop", TUESDAY, (2,), "Oakdale"),
    ("Oakdale Planning Commission", "Oakdale Planning Commission Meeting", THURSDAY, (1,), "Oakdale"),
    ("White Bear Lake City Council", "White Bear Lake City Council Meeting", TUESDAY, (2, 4), "White Bear Lake"),
    ("White Bear Lake Planning Commission", None, MONDAY, (4,), "White Bear Lake"),
    ("White Bear Township Board", "White Bear Township Town Board Meeting", MONDAY, (1, 3), "White Bear Township"),
)  # fmt: skip

# Shows that no calendar makes: title, public title, day, channel.
ONCE = (
    ("Grant Special Meeting", "Grant City Council Special Meeting", date(2019, 1, 29), "Dellwood, Grant, Willernie"),
    ("Grant City Council Special Meeting", "", date(2021, 5, 18), "Dellwood, Grant, Willernie"),
    ("Oakdale City Council Special Meeting", None, date(2022, 8, 16), "Oakdale"),
    ("Joint Meeting of White Bear Lake and White Bear Township", "", date(2022, 3, 30), "White Bear Lake"),
    ("Joint Meeting: Dellwood and Grant City Councils", None, date(2020, 10, 20), "Dellwood, Grant, Willernie"),
    ("Birchwood City Council Budget Workshop", None, date(2021, 9, 28), "Birchwood"),
    ("Lake Elmo Parks Commission", "Lake Elmo Parks Commission Meeting", date(2021, 11, 15), "Lake Elmo"),
    ("City Council Meeting", None, date(2021, 8, 25), "Oakdale"),
    ("Mahtomedi Environmental Commission", "", date(2020, 2, 19), "Mahtomedi"),
    ("Town Board Annual Meeting", "White Bear Township Annual Meeting", date(2021, 3, 9), "White Bear Township"),
    ("Candidate Forum: Oakdale Mayor", None, date(2022, 10, 6), "Community"),
    ("José Reyes: A Portrait", None, date(2022, 5, 5), "Community"),
    ("Harbor City Council 2021-06-30", "Harbor City Council", date(2021, 7, 6), "Community"),
    (None, None, date(2022, 6, 1), "Oakdale"),
    ("", "  ", date(2022, 6, 2), "Oakdale"),
)  # fmt: skip

# Entered twice by two people: title and day of the one that exists already.
TWICE = (
    ("Birchwood City Council", date(2020, 3, 10)),
    ("Oakdale City Council", date(2021, 2, 23)),
    ("White Bear Lake City Council", date(2022, 11, 22)),
)


def catalogue() -> tuple[Candidate, ...]:
    """The shows in order of their numbers. The same on every run."""
    meetings = sorted(_meetings(), key=lambda show: (show[2], show[0] or ""))
    shows = [
        Candidate(
            id=FIRST_NUMBER + 7 * place,
            title=title,
            cg_title=public,
            event_date=day,
            created=day - timedelta(days=place % 9),
            length_s=3_600 + 37 * (place % 200) if place % 3 else None,
            place=channel,
        )
        for place, (title, public, day, channel) in enumerate(meetings)
    ]
    return (*shows, *_doubles(shows))


def _meetings() -> Iterator[tuple[str | None, str | None, date, str]]:
    for title, public, weekday, weeks, channel in SERIES:
        for year in YEARS:
            for month in range(1, 13):
                for week in weeks:
                    yield title, public, _nth(year, month, weekday, week), channel
    for year in YEARS:
        yield "White Bear Lake Shortest Marathon", "Shortest Marathon", _nth(year, 6, SATURDAY, 3), "Community"
        yield "Manitou Days Parade", None, _nth(year, 6, THURSDAY, 4), "Community"
        for month in range(1, 13):
            yield "The Mayor's Corner", None, date(year, month, 1), "Community"
    yield from ONCE


def _doubles(shows: list[Candidate]) -> Iterator[Candidate]:
    number = shows[-1].id
    for title, day in TWICE:
        first = next(show for show in shows if show.title == title and show.event_date == day)
        number += 7
        yield replace(first, id=number, cg_title=None, length_s=None)


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
