"""What file names say: the shapes seen at the station, and any text at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_common.shows.recording_names import dated_text, read, spelled


@pytest.mark.parametrize(
    ("name", "number", "reel", "title", "day"),
    [
        ("17837-1-Birchwood City Council (20220412).mp4", 17837, 1, "Birchwood City Council", "2022-04-12"),
        ("14013-Grant Special Meeting (20190129).mp4", 14013, None, "Grant Special Meeting", "2019-01-29"),
        ("16380 - Lake Elmo City Council 11092020.mov", 16380, None, "Lake Elmo City Council", "2020-11-09"),
        ("18000-2-Oakdale Planning_(20210304).mp4", 18000, 2, "Oakdale Planning", "2021-03-04"),
        ("17837-1 Birchwood City Council.mp4", 17837, 1, "Birchwood City Council", None),
        ("21413-1-Birchwood Council Me.mp4", 21413, 1, "Birchwood Council Me", None),
        ("Grant City Council Meeting - 01 07 2025.mp4", None, None, "Grant City Council Meeting", "2025-01-07"),
        ("Grant City Council (04_01_2025).mp4", None, None, "Grant City Council", "2025-04-01"),
        ("Birchwood City Council 6_10_25.mp4", None, None, "Birchwood City Council", "2025-06-10"),
        ("Birchwood City Council May 13, 2025.mp4", None, None, "Birchwood City Council", "2025-05-13"),
        ("Sept 9th 2025 - Willernie council.mp4", None, None, "Willernie council", "2025-09-09"),
        ("Mahtomedi 3 March 2024.MOV", None, None, "Mahtomedi", "2024-03-03"),
        ("Oakdale planning recorded 9 24 20_1.mp4", None, None, "Oakdale planning", "2020-09-24"),
        ("Mahtomedi Council 202584.mp4", None, None, "Mahtomedi Council", "2025-08-04"),
        ("Council 61025.mp4", None, None, "Council", "2025-06-10"),
        ("Grant 01 07 2024_2025-06-11_08_47_36.mp4", None, None, "Grant", "2024-01-07"),
        ("2025-06-11 Council.mp4", None, None, "Council", "2025-06-11"),
        ("06-11-2025 Council.mp4", None, None, "Council", "2025-06-11"),
        ("6-10-25 Birchwood.mp4", None, None, "Birchwood", "2025-06-10"),
        ("20250611-Council.mp4", None, None, "Council", "2025-06-11"),
        ("2025.03.01 Council (1).mp4", None, None, "Council", "2025-03-01"),
        ("Council 6 10 25 copy_captioned.mp4", None, None, "Council", "2025-06-10"),
        ("Grant City Council March 1st 2022 7pm.mp4", None, None, "Grant City Council", "2022-03-01"),
        ("Oakdale 2024-2025 Budget 12-3-24.mp4", None, None, "Oakdale 2024-2025 Budget", "2024-12-03"),
        ("Birchwood 13 05 2025.mp4", None, None, "Birchwood", "2025-05-13"),
        ("folder\\sub/Mayor's Q&A – José.mp4", None, None, "Mayor's Q&A – José", None),
        ("", None, None, "", None),
    ],
)  # fmt: skip
def test_a_name_says_number_reel_title_and_day(
    name: str, number: int | None, reel: int | None, title: str, day: str | None
) -> None:
    said = read(name)
    assert (said.show_number, said.reel, said.title) == (number, reel, title)
    assert said.date == (date.fromisoformat(day) if day else None)
    assert said.month_day is None


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("Council 101112.mp4", ["2012-10-11", "2010-11-12"]),
        ("Council 2025111.mp4", ["2025-11-01", "2025-01-11"]),
        ("Council 1112025.mp4", ["2025-11-01", "2025-01-11"]),
        ("Council 11125.mp4", ["2025-11-01", "2025-01-11"]),
    ],
)
def test_digits_that_can_be_read_in_two_ways_are_given_in_both(name: str, days: list[str]) -> None:
    said = read(name)
    assert sorted(said.dates) == sorted(date.fromisoformat(day) for day in days)
    assert said.date is None


@pytest.mark.parametrize("digits", ["99999999", "20251399", "00000000", "123456789", "20221345"])
def test_digits_that_are_no_day_are_no_date(digits: str) -> None:
    assert read(f"Council {digits}.mp4").dates == ()


@pytest.mark.parametrize(
    ("name", "month_day"),
    [
        ("Oakdale Council - 7_29.mp4", (7, 29)),
        ("Council Meeting May 6.mp4", (5, 6)),
        ("6-10 Birchwood.mp4", (6, 10)),
        ("Council (2-29).mp4", (2, 29)),
    ],
)
def test_a_day_without_a_year_is_partial(name: str, month_day: tuple[int, int]) -> None:
    said = read(name)
    assert (said.month_day, said.dates, said.show_number) == (month_day, (), None)


@pytest.mark.parametrize("name", ["Council 6_30pm.mp4", "Council 13-32.mp4", "Ward 3 of 12.mp4", "Council 2-30"])
def test_times_of_day_and_other_numbers_are_no_date(name: str) -> None:
    said = read(name)
    assert (said.dates, said.month_day) == ((), None)


def test_a_stamp_alone_is_when_it_was_recorded_and_not_the_day_of_the_meeting() -> None:
    said = read("Council_2025-06-11_18-59-03.mp4")
    assert (said.captured, said.dates, said.title) == (date(2025, 6, 11), (), "Council")


@pytest.mark.parametrize(
    ("name", "truncated"),
    [
        ("21413-1-Birchwood Council Me.mp4", True),
        ("20453-1-Birchwood City Council (2022.mp4", True),
        ("21413-1-Birchwood.mp4", False),
        ("21413-1-Birchwood City Council Meeting.mp4", False),
        ("Birchwood Council Me.mp4", False),
    ],
)
def test_a_title_as_long_as_the_playout_server_keeps_may_be_cut(name: str, truncated: bool) -> None:
    assert read(name).truncated is truncated


@given(st.text(max_size=80))
def test_any_name_at_all_can_be_read(name: str) -> None:
    said = read(name)
    assert said.title == " ".join(said.title.split())
    assert len(said.dates) == len(set(said.dates))


SHAPES = st.sampled_from(["%Y-%m-%d", "%m_%d_%Y", "%Y%m%d", "%m%d%Y", "%m %d %y"])


@given(st.dates(date(1990, 1, 1), date(2069, 12, 31)), SHAPES)
def test_a_date_in_any_full_shape_comes_back(day: date, shape: str) -> None:
    found = dated_text(f"Grant City Council ({day.strftime(shape)})")
    assert found.dates == (day,)
    assert found.rest == "Grant City Council"


def test_a_date_is_spelled_as_people_say_it() -> None:
    assert spelled(date(2022, 4, 12)) == "12 April 2022"
