"""JOB_TIMEOUT against what a machine needs for a long recording; all pools against the database's connections."""

import logging
import socket
from datetime import timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import create_async_engine

from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database
from archivist_common.database.models import MachineSpeed
from archivist_common.maintenance import limits

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("limit", "machines", "said"),
    [
        pytest.param(None, [], None, id="not-set"),
        pytest.param(2 * HOUR, [], "real time, as no speed is measured yet", id="documentation-no-machine"),
        pytest.param(2 * HOUR, [(4, None)], "may take 4 h 10 min (real time", id="not-measured"),
        pytest.param(5 * HOUR, [(4, None)], None, id="more-than-real-time"),
        # 4 h of speech in 10 of 30 seconds each over 2 slots, and half as much again: 1 h, and 10 min beside it
        pytest.param(2 * HOUR, [(2, 10.0)], None, id="fast-enough"),
        pytest.param(HOUR, [(2, 10.0)], "may take 1 h 10 min (by this machine's measured speed)", id="too-short"),
        pytest.param(timedelta(minutes=70), [(2, 10.0)], None, id="just-enough"),
        pytest.param(2 * HOUR, [(2, 10.0), (1, 20.0)], "may take 4 h 10 min (by this", id="the-slowest-counts"),
    ],
)
def test_a_job_timeout_is_short_where_the_slowest_machine_needs_longer_for_four_hours(limit, machines, said) -> None:
    found = limits.short_job_timeout(limit, machines)
    assert found is None if said is None else said in (found or "")


async def measured(db: Database, window_s: float, *, host: str, model: str = "small") -> None:
    row = {"host": host, "model": model, "recipe": "r", "threads": 1, "window_s": window_s}
    async with db.transaction() as session:
        await session.execute(insert(MachineSpeed).values(**row, measured_date=database_in(timedelta())))


async def test_a_short_job_timeout_is_warned_of_by_the_speed_last_measured_here(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await measured(db, 1.0, host="another-machine")
    with caplog.at_level(logging.WARNING):
        await limits.warn_of_short_job_timeout(db, None, 2)
        await limits.warn_of_short_job_timeout(db, 5 * HOUR, 2)
        assert caplog.messages == []
        await limits.warn_of_short_job_timeout(db, 2 * HOUR, 2)
        assert caplog.messages == ["JOB_TIMEOUT is short; raise it, or leave it unset"]
        assert "real time" in caplog.records[0].why
        await measured(db, 10.0, host=socket.gethostname())
        await limits.warn_of_short_job_timeout(db, 2 * HOUR, 2)
        assert len(caplog.messages) == 1, "two hours are enough at this speed"


async def test_without_the_database_real_time_is_assumed(caplog: pytest.LogCaptureFixture) -> None:
    away = Database(create_async_engine("postgresql+asyncpg://u@127.0.0.1:9/d"))
    with caplog.at_level(logging.WARNING):
        await limits.warn_of_short_job_timeout(away, HOUR, 2)
    assert "real time" in caplog.records[0].why
    await away.close()


@pytest.mark.parametrize(("transcribers", "processes"), [(0, 4), (1, 4), (3, 6)])
async def test_connections_of_all_processes_are_counted(db: Database, transcribers: int, processes: int) -> None:
    async with db.transaction() as session:
        found = await limits.connections(session, 20, 30, transcribers)
        most = int(await session.scalar(text("SHOW max_connections")))
        kept = int(await session.scalar(text("SHOW superuser_reserved_connections")))
    assert (found.processes, found.each, found.wanted) == (processes, 50, 50 * processes)
    assert kept > 0, "else the next line shows nothing"
    assert found.allowed <= most - kept
    assert found.allowed >= most - kept - 10
