"""The words of the status columns."""

from archivist_common.states import LIVE, TERMINAL, JobStatus


def test_every_status_is_live_or_terminal_and_never_both() -> None:
    assert set(JobStatus) == LIVE | TERMINAL
    assert not LIVE & TERMINAL
