"""A wall-clock time in a named zone as an instant: "tonight at 23:00", right on the nights the clocks are changed.

An hour that the spring leaves out begins when the clock goes on; one that the autumn repeats is the first of the two.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from archivist_common.errors import InvalidRequest

LATEST = timedelta(days=366)
_GRACE = timedelta(minutes=5)  # a start time that passed while the request was written means now
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_SECOND = timedelta(seconds=1)

T = TypeVar("T")


def start_time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The instant, in UTC, that a user at the station means.

    text: `23:00`, the next time the station's clock shows it; `2026-11-01T01:30`, by that clock; or an instant with
    its zone, `2026-11-01T01:30:00-05:00`. Raises InvalidRequest for anything else, and for what is past or more than
    a year ahead.
    """
    if _TIME.fullmatch(text):
        return next_at(_parsed(text, time.fromisoformat), zone, now)
    moment = _parsed(text, datetime.fromisoformat)
    try:
        instant = moment.astimezone(UTC) if moment.tzinfo is not None else at(moment, zone)
    except OverflowError as exc:
        raise InvalidRequest(f"start_at {text!r} is beyond any calendar") from exc
    if instant < now - _GRACE:
        raise InvalidRequest(f"start_at {text!r} is past; it is {now.astimezone(zone):%Y-%m-%dT%H:%M} at the station")
    if instant > now + LATEST:
        raise InvalidRequest(f"start_at {text!r} is more than {LATEST.days} days ahead")
    return instant


def next_at(wall: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next instant, in UTC, at which the clock in this zone shows a time of day; now counts."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(3))
    return next(instant for day in days if (instant := _on(day, wall, zone)) >= now)


def at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which the clock in this zone shows this date and time, or the first one after it.

    wall: without a zone. Of two such instants it is the first.
    """
    # Where the clock skips this time, PEP 495 gives fold=0 the offset of before: that instant lies behind the skip.
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return instant
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(before, instant, zone)


def _on(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return at(datetime.combine(day, wall), zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's offset becomes another one, between two instants on either side of it."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def _parsed(text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except ValueError as exc:
        raise InvalidRequest(
            f"start_at {text!r} is no time: write 23:00, 2026-11-01T01:30 or 2026-11-01T06:30:00Z"
        ) from exc
