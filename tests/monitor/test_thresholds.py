"""Thresholds with hysteresis: time is an argument, every case a table or a property."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_monitor.check import CheckResult, Status, Value
from archivist_monitor.thresholds import ENTER_AFTER_S, MARGIN, Judged, Line, Lines, cross, judge, whole

HEALTHY, DEGRADED, UNHEALTHY = Status


def _levels(*seen: tuple[float, float]) -> list[Status]:
    """The statuses of a mount that is this full (%) at these times (s)."""
    lines: Lines = {}
    statuses = []
    for now, used in seen:
        reading = CheckResult(values=(Value("used", used, "%", degraded_above=80, unhealthy_above=90),))
        judged, lines = judge(reading, now, lines)
        statuses.append(judged.status)
    return statuses


def test_a_value_above_its_threshold_counts_after_a_minute() -> None:
    assert _levels((0, 50), (10, 85), (60, 85), (70, 85)) == [HEALTHY, HEALTHY, HEALTHY, DEGRADED]


def test_a_dip_below_the_threshold_starts_the_minute_anew() -> None:
    assert _levels((0, 50), (10, 85), (60, 79), (65, 85), (75, 85), (126, 85))[-2:] == [HEALTHY, DEGRADED]


def test_what_a_monitor_finds_when_it_starts_counts_at_once() -> None:
    assert _levels((0, 95)) == [UNHEALTHY]


def test_a_level_is_left_only_five_points_below_its_threshold() -> None:
    assert _levels((0, 85), (10, 79), (20, 75.1), (30, 75)) == [DEGRADED, DEGRADED, DEGRADED, HEALTHY]


def test_exactly_at_the_threshold_is_not_above_it() -> None:
    assert _levels((0, 80), (100, 80)) == [HEALTHY, HEALTHY]


def test_a_mount_at_85_then_95_percent_degrades_then_is_unhealthy_and_recovery_clears_it() -> None:
    """Scenario 25 of the station's acceptance scenarios."""
    seen = [(0, 50), (60, 85), (120, 85), (180, 95), (240, 95), (300, 84), (360, 70)]
    assert _levels(*seen) == [HEALTHY, HEALTHY, DEGRADED, DEGRADED, UNHEALTHY, DEGRADED, HEALTHY]


def test_a_value_that_flaps_about_its_threshold_changes_the_status_at_most_once_in_a_quarter_hour() -> None:
    times = range(0, 900, 10)
    statuses = _levels(*zip(times, itertools.cycle([79, 81, 82, 78, 83, 81, 81, 81, 81, 81, 81, 81]), strict=False))
    assert sum(before != after for before, after in itertools.pairwise(statuses)) <= 1


@given(st.lists(st.floats(0, 80), min_size=1, max_size=300))
def test_a_clean_fortnight_is_healthy_throughout(used: list[float]) -> None:
    assert set(_levels(*((60.0 * minute, each) for minute, each in enumerate(used)))) == {HEALTHY}


@given(st.lists(st.tuples(st.floats(0.1, 30), st.floats(0, 100)), min_size=1, max_size=60))
def test_a_line_is_crossed_only_after_a_minute_above_and_left_only_below_the_margin(
    steps: list[tuple[float, float]],
) -> None:
    now, above_since = 0.0, 0.0
    before = cross(None, 0.0, 80, now)
    for wait, value in steps:
        now += wait
        if value <= 80 or (before.over_since is None and not before.crossed):
            above_since = now
        after = cross(before, value, 80, now)
        if after.crossed and not before.crossed:
            assert now - above_since >= ENTER_AFTER_S
            assert value > 80
        if before.crossed and not after.crossed:
            assert value <= 80 - MARGIN
        before = after


def test_a_value_that_is_not_known_is_not_judged_and_keeps_no_line() -> None:
    judged, lines = judge(
        CheckResult(values=(Value("used", None, "%", 80, 90),)), 0, {("", "used", DEGRADED): Line(True, 0)}
    )
    assert judged.status is HEALTHY
    assert lines == {}


def _part(status: Status, *, vital: bool) -> Judged:
    return Judged(status, None, vital=vital)


@pytest.mark.parametrize(
    ("vital", "others", "expected"),
    [
        pytest.param([HEALTHY], [HEALTHY, HEALTHY], HEALTHY, id="all-well"),
        pytest.param([HEALTHY], [UNHEALTHY, HEALTHY], DEGRADED, id="one-mount-of-several-down"),
        pytest.param([HEALTHY], [UNHEALTHY, UNHEALTHY], UNHEALTHY, id="no-mount-left"),
        pytest.param([UNHEALTHY], [HEALTHY, HEALTHY], UNHEALTHY, id="output-mount-down"),
        pytest.param([DEGRADED], [HEALTHY], DEGRADED, id="output-mount-filling"),
        pytest.param([HEALTHY], [UNHEALTHY, DEGRADED], DEGRADED, id="one-down-one-filling"),
        pytest.param([HEALTHY], [], HEALTHY, id="only-the-output"),
        pytest.param([], [], HEALTHY, id="no-parts"),
    ],
)
def test_one_mount_of_several_degrades_the_whole_unless_the_output_lies_on_it(
    vital: list[Status], others: list[Status], expected: Status
) -> None:
    parts = [_part(each, vital=True) for each in vital] + [_part(each, vital=False) for each in others]
    assert whole(parts) is expected


def test_the_reason_names_the_part_the_figure_and_the_threshold() -> None:
    full = CheckResult(values=(Value("used", 95.25, "%", 80, 90),), vital=False)
    gone = CheckResult(UNHEALTHY, reason="not mounted: an empty folder", vital=False)
    judged, _ = judge(CheckResult(parts={"flex-1": full, "flex-2": gone, "flex-3": CheckResult(vital=False)}), 0, {})
    assert judged.status is DEGRADED
    assert judged.reason == ("flex-1: used is 95.2 %, unhealthy above 90; flex-2: not mounted: an empty folder")
    assert judged.parts["flex-1"].status is UNHEALTHY


def test_the_lines_of_two_parts_are_kept_apart() -> None:
    lines: Lines = {}
    for now, (one, two) in ((0, (50, 50)), (10, (95, 50)), (70, (95, 95))):
        parts = {
            name: CheckResult(values=(Value("used", used, "%", 80, 90),), vital=False)
            for name, used in (("one", one), ("two", two))
        }
        judged, lines = judge(CheckResult(parts=parts), now, lines)
    assert judged.parts["one"].status is UNHEALTHY
    assert judged.parts["two"].status is HEALTHY
