"""The wait before a retry, and what a crash waits for."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from archivist_common.errors import EngineUnavailable, WorkerCrashed
from archivist_common.leases import retry


@given(attempt=st.integers(min_value=-3, max_value=10_000), spread=st.floats(min_value=0, max_value=1))
def test_a_wait_stays_within_its_bounds(attempt: int, spread: float) -> None:
    wait, most = retry.retry_delay(attempt, spread), retry.retry_delay(attempt, 1.0)
    assert timedelta() <= wait <= most <= timedelta(minutes=10)
    assert most >= timedelta(seconds=15)
    assert retry.retry_delay(attempt + 1, 1.0) >= most


def test_waits_double_up_to_ten_minutes() -> None:
    assert [retry.retry_delay(attempt, 1.0).total_seconds() for attempt in range(1, 9)] == [
        *(15, 30, 60, 120, 240, 480, 600, 600)
    ]


def test_after_a_crash_the_next_attempt_waits_for_nothing() -> None:
    assert retry.wait_before(WorkerCrashed("killed"), 5, 1.0) == timedelta()
    assert retry.wait_before(EngineUnavailable("gone"), 5, 1.0) == timedelta(seconds=240)
