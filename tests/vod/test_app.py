"""The publisher as a process: comes up without a database, finds it, loses it, and mends with the others."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import insert, select, text

from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres
from archivist_common.database import migrate
from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Transcription
from archivist_common.settings import MonitorSettings, VodSettings
from archivist_monitor.app import create_app as create_monitor
from archivist_vod.app import create_app as create_vod

# The two processes that nothing but this is asked of, and the monitor beside them: one promise for both.
PROCESSES = [
    pytest.param(create_vod, VodSettings, id="vod"),
    pytest.param(create_monitor, MonitorSettings, id="monitor"),
]


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield client


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """Wait for a condition; how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.parametrize(("create", "cls"), PROCESSES)
async def test_a_process_comes_up_without_its_database_and_recovers_by_itself(
    create: Callable[[Any], FastAPI], cls: type[Any], tmp_path: Path
) -> None:
    """Scenario 24: the database off is not ready within 5 s, and alive throughout."""
    sockets = runtime.make()
    postgres = Postgres(tmp_path / "postgres", runtime=sockets, log=tmp_path / "postgres.log", durable=False)
    settings = cls(
        _env_file=None,
        database_url=postgres.dsn,
        redis_url=f"unix://{sockets}/none.sock",
        default_output_path=tmp_path,
    )
    app = create(settings)

    async def is_ready() -> bool:
        return (await client.get("/health/ready")).status_code == 200

    async def wants_tables() -> bool:
        return "run archivist-migrate" in (await client.get("/health/ready")).json()["reason"]

    async def is_not_ready() -> bool:
        return not await is_ready()

    try:
        async with running(app) as client:
            away = await client.get("/health/ready")
            assert (away.status_code, away.json()["reason"]) == (503, "database unavailable")
            assert away.headers["Retry-After"]

            await postgres.start()
            await _until(wants_tables, 10)
            await migrate.upgrade(settings.database_dsn)
            await _until(is_ready, 10)

            await postgres.stop()
            assert await _until(is_not_ready, 10) < 5
            assert (await client.get("/health/live")).status_code == 200
            await postgres.start()
            await _until(is_ready, 10)
    finally:
        await postgres.stop()
        runtime.remove(sockets)


@pytest.mark.parametrize(("create", "cls"), PROCESSES)
async def test_a_process_takes_back_a_job_whose_worker_is_gone(
    create: Callable[[Any], FastAPI], cls: type[Any], own_database: str, redis_url: str, tmp_path: Path
) -> None:
    bind = engine(own_database, 1, 0, "tests")
    db = Database(bind)
    async with db.transaction() as session:
        job = await session.scalar(
            insert(Transcription)
            .values(
                storage="flex-1",
                filename="a.mp4",
                file_path="a.mp4",
                dedupe_key="a",
                status="processing",
                attempt=1,
                lease_owner="gone",
                lease_expires_at=database_in(timedelta(seconds=-60)),
            )
            .returning(Transcription.id)
        )
        # Nothing lapses while the server has been up for less than a lease.
        await session.execute(
            text("SELECT pg_sleep(greatest(0, 1.2 - extract(epoch FROM now() - pg_postmaster_start_time())))")
        )

    async def taken_back() -> bool:
        async with db.transaction() as session:
            found = await session.scalar(select(Transcription.status).where(Transcription.id == job))
            return found == "pending"

    settings = cls(
        _env_file=None, database_url=own_database, redis_url=redis_url, job_lease="1", default_output_path=tmp_path
    )
    async with running(create(settings)):
        await _until(taken_back, 15)
    await bind.dispose()


async def test_the_publisher_says_what_it_is_and_exports_its_figures(own_database: str, redis_url: str) -> None:
    settings = VodSettings(_env_file=None, database_url=own_database, redis_url=redis_url)  # type: ignore[call-arg, arg-type]
    async with running(create_vod(settings)) as client:
        assert (await client.get("/version")).json()["service"] == "vod"
        assert (await client.get("/health/live")).json() == {"status": "live", "service": "vod"}
        figures = (await client.get("/metrics")).text
    assert "archivist_build_info" in figures
    assert "archivist_http_requests_total" in figures
