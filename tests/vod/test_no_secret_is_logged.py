"""What we log in with stands in no log, row, address, answer or list of processes, whatever the server does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.simulators.cablecast.process import Simulator
from tests.vod.processes import PublisherProcess, environment, mended, until
from tests.vod.recordings import asked_for_twice, ends
from tests.vod.world import World, station

from archivist_common.publishing import targets

USER, PASSWORD, KEY_SECRET = "clerk-7", "Hx9-harbor-lantern-77", "k3y-Birch-4410-wharf"
_LEASE = timedelta(seconds=6)
_WITHIN_S = 60.0
_SOON = (
    "UPDATE publications SET available_at = clock_timestamp() WHERE status = 'pending' AND error_code IS NOT NULL",
    "UPDATE publish_targets SET paused_until = clock_timestamp() WHERE paused_until > clock_timestamp()",
)


@asynccontextmanager
async def another_host() -> AsyncIterator[tuple[str, list[str]]]:
    """A web server that is not Cablecast's: its address, and what it was asked, whole."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/elsewhere", asked


@pytest.mark.parametrize("by_key", [False, True], ids=["password", "key"])
async def test_a_run_through_all_kinds_of_refusals_tells_nobody_our_secret(
    by_key: bool, own_database: str, redis_url: str, tmp_path: Path
) -> None:
    secret = KEY_SECRET if by_key else PASSWORD
    token = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    echo = f"You sent Authorization: Basic {token} for {USER}:{secret}"
    account = {"cablecast_user_id": None if by_key else USER, "cablecast_password": None if by_key else secret}
    key = f"{USER}:{KEY_SECRET}"
    async with (
        Simulator.start("modern", user=f"{USER}:{secret}:write") as sim,
        another_host() as (elsewhere, asked),
        station(
            own_database,
            tmp_path,
            sim,
            cablecast_stores="Flex 1=flex-1",
            vod_status_check_interval=0.2,
            job_lease=_LEASE,
            cablecast_api_key=key,
            **account,
        ) as world,
    ):
        await sim.control.auto(75)
        await sim.control.switch(index_s=15, transcode_speed=20)
        api = "/CablecastAPI/v1/(shows|reels|assets|vods|media)"
        for status in (500, 502):
            await sim.control.fault("status", path=api, status=status, text=echo, times=1)
        await sim.control.fault("malformed", path=api, kind="login_redirect", location=elsewhere, times=1)
        await sim.control.fault("malformed", path="/store-", kind="login_redirect", location=elsewhere, times=1)
        await sim.control.fault("status", path="/chapters", method="POST", status=401, text=echo, times=1)
        env = environment(world.settings, redis_url, log_level="DEBUG", max_retries=0, cablecast_api_key=key)
        process = PublisherProcess("publisher", tmp_path, env)
        try:
            await process.up()
            process.arm("publish-start", "kill")
            recording = await asked_for_twice(world, 3)
            async with mended(world, redis_url, _LEASE):
                await _killed(world, process)
                await _lapsed(world)
                await process.up()
                await _stopped(world)
                listed = await asyncio.to_thread(_processes)
                answers = [(await process.get(path)).text for path in ("/health/ready", "/metrics", "/version")]
                assert "stopped" in answers[0]
                async with world.db.transaction() as session:
                    kept = str(await targets.all_of(session))
                    await targets.resume(session, "cablecast")
                await _published(world, recording.publication)
            log = process.log.read_text()
            assert process.pid is not None
        finally:
            await process.kill()
            process.close()
        (end,) = await ends(world, [recording])
        end.require_once()
        assert asked, "nobody was sent to another host"
        told = {
            "log": log,
            "processes": listed,
            "answers": "\n".join(answers) + kept + str(await world.read(recording.publication)),
            "other host": "\n".join(asked),
            "journal": json.dumps([[one["path"], one["query"]] for one in await sim.control.journal()]),
            **await _rows(world),
        }
        assert "HTTP 500" in log
        assert "HTTP 401" in told["publish_targets"] + told["system_logs"] + told["outbox"]
        await world.check(only=["secret_leaked", "control_call"])
    for word in (secret, token, KEY_SECRET):
        found = [place for place, said in told.items() if word in said]
        assert found == [], f"{word[:4]}… stands in {found}"


async def _killed(world: World, process: PublisherProcess) -> None:
    async def is_gone() -> bool:
        await _soon(world)
        return not process.runs

    await until(is_gone, _WITHIN_S, "the publisher is killed")


async def _stopped(world: World) -> None:
    async def is_stopped() -> bool:
        await _soon(world)
        return (await world.target()).state == "stopped"

    await until(is_stopped, _WITHIN_S, "the target is stopped by a 401")


async def _published(world: World, publication: object) -> None:
    async def is_published() -> bool:
        await _soon(world)
        async with world.db.transaction() as session:
            return await session.scalar(text("SELECT status FROM publications")) == "published"

    await until(is_published, _WITHIN_S, f"{publication} is published")


async def _lapsed(world: World) -> None:
    """What the dead publisher held is given up at once."""
    async with world.db.transaction() as session:
        await session.execute(
            text("UPDATE publications SET lease_expires_at = clock_timestamp() WHERE status = 'processing'")
        )


async def _soon(world: World) -> None:
    async with world.db.transaction() as session:
        for statement in _SOON:
            await session.execute(text(statement))


async def _rows(world: World) -> dict[str, str]:
    """Every row of every table, as text."""
    async with world.db.transaction() as session:
        names = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        return {
            name: "\n".join((await session.scalars(text(f'SELECT t::text FROM "{name}" t'))).all())
            for name in names.all()
        }


def _processes() -> str:
    """What `ps` shows of every process: its command line."""
    lines = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                lines.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
    return "\n".join(line for line in lines if "tests.simulators" not in line)
