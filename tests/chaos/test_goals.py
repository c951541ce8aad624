"""How a run tells of its goals: a part of a log that was kept must say what was missed."""

import time

import pytest

from tests.goals import Goal, tell

KEPT = Goal("leases expired", "0", "0", True, "postgres")
MISSED = Goal("submit to start", "p99 2.1 s", "<= 1 s", False, "start")


def test_a_missed_goal_is_said_once_more_at_the_end_and_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell([MISSED, KEPT], time.monotonic() - 61) == 1
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[0] for line in lines[:3]] == ["section", "start", "postgres"]
    assert [line.rstrip().endswith("NOT KEPT") for line in lines[:3]] == [False, True, False]
    assert lines[3:] == [
        "1 of 2 goals kept in 1 min 1 s",
        "NOT KEPT: start submit to start: p99 2.1 s, asked for <= 1 s",
    ]


def test_goals_that_were_all_kept_end_the_log_with_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell([KEPT], time.monotonic()) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("1 of 1 goals kept in 0 min 0 s")
