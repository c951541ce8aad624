"""The words of the status columns and the moves between them."""

import pytest

from archivist_common.states import JOB_MOVES, LIVE, TERMINAL, JobStatus, Role, role_covers


def test_every_status_has_its_moves() -> None:
    assert set(JOB_MOVES) == set(JobStatus)


def test_every_status_is_live_or_terminal_and_never_both() -> None:
    assert set(JobStatus) == LIVE | TERMINAL
    assert not LIVE & TERMINAL


def test_completed_is_left_by_no_move() -> None:
    assert not JOB_MOVES[JobStatus.COMPLETED]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_retry_is_the_only_way_out_of_failed_and_cancelled(status: JobStatus) -> None:
    assert JOB_MOVES[status] == {JobStatus.PENDING}


def test_a_job_completes_only_from_processing() -> None:
    assert [status for status in JobStatus if JobStatus.COMPLETED in JOB_MOVES[status]] == [JobStatus.PROCESSING]


def test_every_status_can_be_reached_from_pending() -> None:
    reached, edge = {JobStatus.PENDING}, {JobStatus.PENDING}
    while edge:
        edge = {target for status in edge for target in JOB_MOVES[status]} - reached
        reached |= edge
    assert reached == set(JobStatus)


@pytest.mark.parametrize(
    ("held", "needed", "expected"),
    [
        (Role.ADMIN, Role.USER, True),
        (Role.ADMIN, Role.ADMIN, True),
        (Role.OPERATOR, Role.USER, True),
        (Role.OPERATOR, Role.ADMIN, False),
        (Role.USER, Role.OPERATOR, False),
        (Role.USER, Role.USER, True),
    ],
)
def test_a_role_covers_those_below_it(held: Role, needed: Role, expected: bool) -> None:
    assert role_covers(held, needed) is expected
