"""A county that no rule knows: an invented archive of another state, and how its people name their recordings.

Its towns have select boards, villages trustees, the county a legislature. Channels are named by number, titles of
some series carry their day, and names begin with dates or write the day before the month. Written before any rule was
run on it, and left as it was since.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from archivist_common.shows.matching import Candidate

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = 0, 1, 2, 3
FIRST_NUMBER = 6_201
YEARS = (2023, 2024)
GOVERNMENT, EDUCATION, PUBLIC = "Channel 15 Government", "Channel 16 Education", "Channel 17 Public"

# Title, public title, day of the week, which of them in the month, channel. `{}`: the day, written into the title.
SERIES = (
    ("Port Verity Common Council", "Port Verity Common Council - Regular Meeting", MONDAY, (1, 3), GOVERNMENT),
    ("PV Planning Bd", "Port Verity Planning Board", WEDNESDAY, (2,), GOVERNMENT),
    ("Port Verity ZBA", "Port Verity Zoning Board of Appeals", THURSDAY, (3,), GOVERNMENT),
    ("Port Verity Harbor Commission", None, TUESDAY, (2,), GOVERNMENT),
    ("Ashgrove Select Board {:%-m/%-d/%Y}", "Ashgrove Select Board", TUESDAY, (2, 4), GOVERNMENT),
    ("Ashgrove Conservation Commission", "", THURSDAY, (1,), GOVERNMENT),
    ("Ashgrove Finance Committee", None, WEDNESDAY, (3,), GOVERNMENT),
    ("Upper Ashgrove Village Trustees", "Village of Upper Ashgrove Board of Trustees", MONDAY, (2,), GOVERNMENT),
    ("Tarn Hollow Town Board", "Town of Tarn Hollow - Town Board", THURSDAY, (2,), GOVERNMENT),
    ("Tarn Hollow Planning Board", None, MONDAY, (3,), GOVERNMENT),
    ("Sable Point Village Board", "Sable Point Village Board of Trustees", TUESDAY, (1,), GOVERNMENT),
    (
        "QVCSD Board of Education",
        "Quillan Valley Central School District Board of Education",
        TUESDAY,
        (3,),
        EDUCATION,
    ),
    ("Quillan County Legislature - {:%B %-d, %Y}", "Quillan County Legislature", WEDNESDAY, (1,), GOVERNMENT),
    (
        "County Legislature Public Works Cmte",
        "Quillan County Legislature Public Works Committee",
        WEDNESDAY,
        (4,),
        GOVERNMENT,
    ),
    ("Hollins Water District", "Hollins Water District Commissioners", MONDAY, (4,), GOVERNMENT),
)

# Shows that no calendar makes: title, public title, day, channel.
ONCE = (
    (
        "Port Verity Common Council Special Meeting",
        "Port Verity Common Council - Special Meeting",
        date(2023, 9, 27),
        GOVERNMENT,
    ),
    ("Ashgrove Select Board and Finance Committee Joint Session", None, date(2024, 3, 5), GOVERNMENT),
    ("Ashgrove Annual Town Meeting", "Ashgrove Town Meeting 2024", date(2024, 5, 6), GOVERNMENT),
    ("Varsity Hockey: Port Verity vs. Tarn Hollow", None, date(2024, 1, 26), EDUCATION),
    ("Varsity Hockey: Tarn Hollow vs. Port Verity", None, date(2024, 2, 9), EDUCATION),
    ("Quillan Harvest Fair Parade", "", date(2023, 9, 30), PUBLIC),
    ("QVCSD Budget Hearing", "Quillan Valley CSD Budget Hearing", date(2024, 5, 7), EDUCATION),
)

# Entered twice: title and day of the one that exists already.
TWICE = (("Tarn Hollow Town Board", date(2023, 10, 12)), ("Port Verity Harbor Commission", date(2024, 4, 9)))

# Names with one right show, and its title and day.
NAMES: tuple[tuple[str, str, date], ...] = (
    ("2023-05-15_Port-Verity-Common-Council.mp4", "Port Verity Common Council", date(2023, 5, 15)),
    ("PVCC 6-5-23.mp4", "Port Verity Common Council", date(2023, 6, 5)),
    ("PV Planning Bd 14 Jun 2023.mp4", "PV Planning Bd", date(2023, 6, 14)),
    ("Port Verity Zoning Board of Appeals 2023.06.15.mov", "Port Verity ZBA", date(2023, 6, 15)),
    ("PortVerityZBA_07202023.mp4", "Port Verity ZBA", date(2023, 7, 20)),
    (
        "Harbor Commission Port Verity July 11th 2023.mp4",
        "Port Verity Harbor Commission",
        date(2023, 7, 11),
    ),
    ("Ashgrove Selectboard 8.8.23.mp4", "Ashgrove Select Board 8/8/2023", date(2023, 8, 8)),
    ("20230822 Ashgrove Select Bd.mp4", "Ashgrove Select Board 8/22/2023", date(2023, 8, 22)),
    ("Ashgrove ConCom 9-7-2023.mp4", "Ashgrove Conservation Commission", date(2023, 9, 7)),
    ("Finance Committee - Ashgrove - 20 September 2023.mp4", "Ashgrove Finance Committee", date(2023, 9, 20)),
    ("Upper Ashgrove Trustees 11_13_23.mp4", "Upper Ashgrove Village Trustees", date(2023, 11, 13)),
    (
        "Village of Upper Ashgrove Board of Trustees (12-11-2023).mp4",
        "Upper Ashgrove Village Trustees",
        date(2023, 12, 11),
    ),
    ("TH Town Board 2024-01-11.mp4", "Tarn Hollow Town Board", date(2024, 1, 11)),
    ("Tarn Holow Planning Board 01-15-2024.mp4", "Tarn Hollow Planning Board", date(2024, 1, 15)),
    ("Sable Pt Village Board 2-6-2024.mp4", "Sable Point Village Board", date(2024, 2, 6)),
    ("QVCSD BOE 20240220.mp4", "QVCSD Board of Education", date(2024, 2, 20)),
    ("Quillan Valley School Board Mar 19 2024.mp4", "QVCSD Board of Education", date(2024, 3, 19)),
    (
        "Quillan County Legislature 03062024.mp4",
        "Quillan County Legislature - March 6, 2024",
        date(2024, 3, 6),
    ),
    (
        "Legislature 2024-04-03 Quillan County (2).mp4",
        "Quillan County Legislature - April 3, 2024",
        date(2024, 4, 3),
    ),
    (
        "Quillan Co. Legislature Public Works Committee 24 April 2024.mp4",
        "County Legislature Public Works Cmte",
        date(2024, 4, 24),
    ),
    ("Hollins Water Dist. Commissioners 5-27-24.mp4", "Hollins Water District", date(2024, 5, 27)),
    ("6591-1-Port Verity Common Cou.mp4", "Port Verity Common Council", date(2023, 8, 7)),
    ("6651-1-Ashgrove Select Board (20230912).mp4", "Ashgrove Select Board 9/12/2023", date(2023, 9, 12)),
    ("7167 - Tarn Hollow Town Board.mp4", "Tarn Hollow Town Board", date(2024, 6, 13)),
    ("6933-1-Upper Ashgrove Vill.mp4", "Upper Ashgrove Village Trustees", date(2024, 2, 12)),
    ("7176-2-QVCSD Board of Educat.mov", "QVCSD Board of Education", date(2024, 6, 18)),
    (
        "Varsity Hockey Port Verity vs Tarn Hollow 1-26-2024.mp4",
        "Varsity Hockey: Port Verity vs. Tarn Hollow",
        date(2024, 1, 26),
    ),
    (
        "Kitchen Table Politics with Dee Marsh 2023-10-05.mp4",
        "Kitchen Table Politics with Dee Marsh",
        date(2023, 10, 5),
    ),
    (
        "Port Verity Common Council Special Meeting 9-27-23.mp4",
        "Port Verity Common Council Special Meeting",
        date(2023, 9, 27),
    ),
    (
        "Joint Session Ashgrove Select Board & Finance Committee 2024-03-05.mp4",
        "Ashgrove Select Board and Finance Committee Joint Session",
        date(2024, 3, 5),
    ),
)

# Names for a person: nothing tells which, two do, or what tells contradicts itself.
ASK = (
    "Port Verity Common Council.mp4",
    "Ashgrove 2023-08-22.mp4",
    "Ashgrove Trustees 11_13_23.mp4",  # the village is Upper Ashgrove
    "Dunmore Select Board 8.8.23.mp4",  # a town this archive has nothing of
    "Sable Point Planning Board 2-6-24.mp4",  # only the village board was that day
    "Port Verity Planning Board 6-15-23.mp4",  # a day after it, on the day of another board
    "Tarn Hollow Town Board 10-12-2023.mp4",  # entered twice
    "Harbor Commission, Port Verity, 9 April 2024.mp4",  # entered twice
    "Quillan Valley Middle School Concert 2024-02-20.mp4",
    "Varsity Hockey Tarn Hollow vs Port Verity.mp4",
    "6912-1-Ashgrove Finance Commi.mp4",  # the number is the conservation commission's
    "6477-1-Tarn Hollow Town Board (20230608).mp4",  # the number is the council's of Port Verity
)


def catalogue() -> tuple[Candidate, ...]:
    """The shows in order of their numbers. The same on every run."""
    meetings = sorted(_meetings(), key=lambda show: (show[2], show[0]))
    shows = [
        Candidate(
            id=FIRST_NUMBER + 3 * place,
            title=title,
            cg_title=public,
            event_date=day,
            created=day - timedelta(days=place % 5),
            place=channel,
        )
        for place, (title, public, day, channel) in enumerate(meetings)
    ]
    for title, day in TWICE:
        twin = Candidate(id=shows[-1].id + 3, title=title, event_date=day, created=day, place=GOVERNMENT)
        shows.append(twin)
    return tuple(shows)


def _meetings() -> Iterator[tuple[str, str | None, date, str]]:
    for title, public, weekday, weeks, channel in SERIES:
        for year in YEARS:
            for month in range(1, 13):
                for week in weeks:
                    first = date(year, month, 1)
                    day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (week - 1))
                    yield title.format(day), public, day, channel
    for year in YEARS:
        for month in range(1, 13):
            yield "Kitchen Table Politics with Dee Marsh", None, date(year, month, 5), PUBLIC
    yield from ONCE
