"""Any one process killed in the midst of a job: the job completes once, with one set of files."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from tests.e2e.conftest import Start, System

from archivist_common.errors import ArchivistError

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def short_leases(start: Start) -> AsyncIterator[System]:
    """A third of the usual lease, so that waiting for one to lapse does not fill the test run."""
    async with start(JOB_LEASE="10") as running:
        yield running


async def _ended(system: System, job_id: str) -> dict[str, object]:
    """As a client that goes on asking through refused connections and 503."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await system.ended(job_id)
            except (httpx.TransportError, ArchivistError):
                await asyncio.sleep(0.5)


@pytest.mark.parametrize("victim", ["api", "transcriber", "vod", "monitor", "postgres", "valkey"])
async def test_a_process_killed_in_the_midst_of_a_job_costs_no_job(short_leases: System, victim: str) -> None:
    system = short_leases
    job = await system.gateway.submit("flex-1", system.recording(f"killed {victim}.ogg"))
    await system.transcribing(job["id"])
    before = system.stack.pids()[victim]
    os.kill(before, signal.SIGKILL)
    ended = await _ended(system, job["id"])
    assert ended["status"] == "completed"
    assert len(system.attempts_on_disk(job["id"])) == 1
    async with asyncio.timeout(30):
        while system.stack.pids().get(victim) in {before, None}:
            await asyncio.sleep(0.2)
    connection = await asyncpg.connect(system.stack.database_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        ends = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE transcription_id::text = $1 AND event = 'transcription.completed'",
            job["id"],
        )
    finally:
        await connection.close()
    assert ends == 1


async def test_a_submission_is_taken_while_redis_is_down(start: Start) -> None:
    async with start(REDIS_URL="redis://127.0.0.1:9/0") as system:
        job = await system.gateway.submit("flex-1", system.recording("no redis.flac", "short-20s.flac"))
        assert (await system.ended(job["id"]))["status"] == "completed"


async def test_without_its_database_the_gateway_answers_503_and_when_to_come_back(short_leases: System) -> None:
    system = short_leases
    system.recording("no database.flac", "short-20s.flac")
    stopped = _family(system.stack.pids()["postgres"])
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await http.post(
                f"{system.stack.api_url}/api/v1/transcriptions",
                json={"storage": "flex-1", "path": "no database.flac"},
                headers={"Authorization": f"Bearer {system.key}"},
            )
            live = await http.get(f"{system.stack.api_url}/health/live")
            ready = await http.get(f"{system.stack.api_url}/health/ready")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert (live.status_code, ready.status_code) == (200, 503)


async def test_started_again_on_the_same_data_everything_is_still_there(start: Start) -> None:
    async with start() as system:
        folder = system.media.parent
        job = await system.gateway.submit("flex-1", system.recording("kept.flac", "short-20s.flac"))
        done = await system.ended(job["id"])
        waiting = await system.gateway.submit("flex-1", system.recording("half done.ogg"))
        await system.transcribing(waiting["id"])
    async with start(folder) as again:
        async with asyncpg_connection(again) as connection:
            kept = await connection.fetchval("SELECT status FROM transcriptions WHERE id::text = $1", done["id"])
            assert kept == "completed"
        async with asyncio.timeout(90):
            while True:
                async with asyncpg_connection(again) as connection:
                    status = await connection.fetchval(
                        "SELECT status FROM transcriptions WHERE id::text = $1", waiting["id"]
                    )
                if status == "completed":
                    break
                await asyncio.sleep(0.5)


def _family(postmaster: int) -> list[int]:
    """A postmaster and its backends, which would go on answering without it."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


def asyncpg_connection(system: System) -> "_Connection":
    return _Connection(system.stack.database_url.replace("postgresql+asyncpg", "postgresql"))


class _Connection:
    """A connection for the length of a block."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await asyncpg.connect(self._url)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()
