"""PostgreSQL as the monitor sees it: a real server, really loaded."""

import asyncio
import time

import asyncpg
import pytest
from tests.conftest import Servers

from archivist_common.database.engine import Database, engine
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch
from archivist_monitor.check import Status
from archivist_monitor.checks.database import ACTIVE_DEGRADED, DatabaseCheck
from archivist_monitor.thresholds import judge


async def test_an_idle_database_is_healthy_and_its_connections_are_counted(db: Database) -> None:
    reading = await DatabaseCheck(db).read()
    values = {value.name: value for value in reading.values}
    assert judge(reading, 0, {})[0].status is Status.HEALTHY
    assert values["active_connections"].degraded_above == 50
    assert values["max_connections"].value == 100


async def test_more_than_fifty_active_connections_degrade_it(database_url: str, servers: Servers) -> None:
    bind = engine(database_url, 1, 0, "tests")
    dsn = servers.postgres.dsn_of("postgres")
    busy = await asyncio.gather(*(asyncpg.connect(dsn) for _ in range(ACTIVE_DEGRADED + 1)))
    try:
        working = [asyncio.create_task(each.execute("SELECT pg_sleep(60)")) for each in busy]
        judged = None
        async with asyncio.timeout(20):
            while judged is None or judged.status is not Status.DEGRADED:
                judged, _ = judge(await DatabaseCheck(Database(bind)).read(), 0, {})
                await asyncio.sleep(0.05)
        assert "active_connections is 51 connections, degraded above 50" in (judged.reason or "")
    finally:
        # A backend whose client is gone sleeps on, and is active: the next tests count it too.
        pids = ", ".join(str(each.get_server_pid()) for each in busy)
        await servers.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM unnest(ARRAY[{pids}]) AS pid")
        await asyncio.gather(*working, return_exceptions=True)
        await bind.dispose()


async def test_a_database_that_is_not_migrated_is_said_to_be_so(empty_database: str) -> None:
    bind = engine(empty_database, 1, 0, "tests")
    try:
        with pytest.raises(SchemaMismatch, match="run archivist-migrate"):
            await DatabaseCheck(Database(bind)).read()
    finally:
        await bind.dispose()


@pytest.mark.parametrize(
    "dsn",
    [
        pytest.param("postgresql+asyncpg://postgres@/archivist?host=/nonexistent", id="no-server"),
        pytest.param("postgresql+asyncpg://postgres@127.0.0.1:1/archivist", id="connection-refused"),
    ],
)
async def test_a_database_that_is_away_is_found_out_within_the_deadline(dsn: str) -> None:
    bind = engine(dsn, 1, 0, "tests")
    check = DatabaseCheck(Database(bind))
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await check.read()
    assert time.monotonic() - began < check.deadline.total_seconds()
    await bind.dispose()


async def test_a_database_that_does_not_exist_is_away_rather_than_an_accident(servers: Servers) -> None:
    bind = engine(servers.url("nobody_made_this"), 1, 0, "tests")
    with pytest.raises(DatabaseUnavailable):
        await DatabaseCheck(Database(bind)).read()
    await bind.dispose()


def test_the_pools_of_all_processes_stay_below_the_alarm_and_the_servers_limit() -> None:
    """Seed defect 7: four processes of 20 + 30 connections against a limit of 100 and an alarm at 50."""
    from archivist_common.settings import ApiSettings, MonitorSettings, TranscriberSettings, VodSettings

    most = 0
    for cls in (ApiSettings, MonitorSettings, TranscriberSettings, VodSettings):
        fields = cls.model_fields
        most += fields["database_pool_size"].default + fields["database_max_overflow"].default
    assert most <= ACTIVE_DEGRADED
