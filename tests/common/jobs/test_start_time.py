"""Start times by the station's clock, on ordinary nights and on the two when it is changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_common.errors import InvalidRequest
from archivist_common.jobs.start_time import at, next_at, start_time

CHICAGO = ZoneInfo("America/Chicago")  # 2026: forward on 8 March at 02:00, back on 1 November at 02:00


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "instant"),
    [
        pytest.param("23:00", "2026-06-01T20:00", "2026-06-02T04:00", id="tonight-in-summer"),
        pytest.param("23:00", "2026-01-15T20:00", "2026-01-16T05:00", id="tonight-in-winter"),
        pytest.param("23:00", "2026-06-02T04:00", "2026-06-02T04:00", id="at-the-very-moment"),
        pytest.param("23:00", "2026-06-02T04:01", "2026-06-03T04:00", id="just-missed-is-tomorrow"),
        pytest.param("23:00:30", "2026-06-01T20:00", "2026-06-02T04:00:30", id="with-seconds"),
        pytest.param("02:30", "2026-03-08T06:00", "2026-03-08T08:00", id="the-hour-spring-leaves-out-is-03:00"),
        pytest.param("02:30", "2026-03-08T08:10", "2026-03-09T07:30", id="and-then-the-next-night"),
        pytest.param("02:00", "2026-03-08T06:00", "2026-03-08T08:00", id="the-first-moment-left-out"),
        pytest.param("03:00", "2026-03-08T06:00", "2026-03-08T08:00", id="the-first-moment-behind-it"),
        pytest.param("01:59", "2026-03-08T06:00", "2026-03-08T07:59", id="the-last-moment-before-it"),
        pytest.param("23:00", "2026-03-07T20:00", "2026-03-08T05:00", id="the-evening-before-spring"),
        pytest.param("23:00", "2026-03-08T20:00", "2026-03-09T04:00", id="the-evening-after-spring"),
        pytest.param("01:30", "2026-11-01T05:00", "2026-11-01T06:30", id="the-hour-autumn-repeats-is-the-first"),
        pytest.param("01:30", "2026-11-01T06:45", "2026-11-02T07:30", id="between-the-two-it-is-the-next-night"),
        pytest.param("02:00", "2026-11-01T05:00", "2026-11-01T08:00", id="behind-the-repeated-hour"),
        pytest.param("2026-11-01T01:30", "2026-10-01T00:00", "2026-11-01T06:30", id="a-date-in-the-repeated-hour"),
        pytest.param("2026-03-08T02:30", "2026-03-01T00:00", "2026-03-08T08:00", id="a-date-in-the-skipped-hour"),
        pytest.param("2026-11-01T01:30:00-06:00", "2026-10-01T00:00", "2026-11-01T07:30", id="the-second-by-offset"),
        pytest.param("2026-11-01T06:30:00Z", "2026-10-01T00:00", "2026-11-01T06:30", id="an-instant"),
        pytest.param("2026-06-01T19:57Z", "2026-06-01T20:00", "2026-06-01T19:57", id="minutes-ago-is-now"),
    ],
)
def test_a_start_time_is_what_the_stations_clock_says(text: str, now: str, instant: str) -> None:
    assert start_time(text, CHICAGO, utc(now)) == utc(instant)


@pytest.mark.parametrize(
    "text",
    ["tonight", "", "25:00", "23:60", "2026-13-01T00:00", "7", "2026-06-01T12:00Z", "2028-01-01T00:00", "1",
     "0001-01-01T00:00", "9999-12-31T23:59", "２３:００"],
)  # fmt: skip
def test_what_is_no_time_or_past_or_too_far_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="start_at"):
        start_time(text, CHICAGO, utc("2026-06-01T20:00"))


def test_a_whole_day_that_was_left_out_begins_on_the_next() -> None:
    apia = ZoneInfo("Pacific/Apia")  # crossed the date line: there was no 30 December 2011
    begins = at(datetime.fromisoformat("2011-12-30T12:00"), apia)
    assert begins == utc("2011-12-30T10:00")
    assert begins.astimezone(apia).isoformat() == "2011-12-31T00:00:00+14:00"


@given(
    wall=st.times(max_value=time(23, 59, 59)).map(lambda value: value.replace(microsecond=0)),
    now=st.integers(0, 2 * 366 * 86_400).map(lambda seconds: utc("2026-01-01T00:00") + timedelta(seconds=seconds)),
    zone=st.sampled_from(["UTC", "America/Chicago", "Australia/Lord_Howe", "Europe/London", "Asia/Kathmandu"]),
)
def test_the_next_time_of_day_comes_within_a_day_and_the_hour_that_autumn_adds(
    wall: time, now: datetime, zone: str
) -> None:
    station = ZoneInfo(zone)
    instant = next_at(wall, station, now)
    assert now <= instant <= now + timedelta(hours=25)
    shown = instant.astimezone(station)
    assert shown.time() == wall or at(shown.replace(tzinfo=None), station) == instant
