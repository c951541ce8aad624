import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from archivist_cli.local.data_folder import DataFolder, running
from archivist_cli.local.errors import StackError, StackInterrupted
from archivist_cli.local.ports import Ports, Reserved
from archivist_cli.local.stack import Stack

SCRIPT = """
import asyncio, sys
from pathlib import Path
from archivist_cli.local.stack import Stack

async def main():
    async with Stack(Path(sys.argv[1]), settings={}, services=(), durable=False) as stack:
        print(stack.database_url, flush=True)
        await stack.wait()

asyncio.run(main())
"""


def _fast(data, **settings: str) -> Stack:
    return Stack(data, settings=settings, services=(), durable=False)


async def test_servers_run_migrated_inside_are_gone_outside_and_continue_next_time(place, look):
    for rows in (1, 2):
        async with _fast(place) as stack:
            assert set(stack.pids()) == {"postgres", "valkey"}
            assert running(place).database_url == stack.database_url
            sockets = Path(running(place).runtime)
            connection = await asyncpg.connect(stack.database_url)
            try:
                assert await connection.fetchval("SELECT count(*) FROM transcriptions") == 0
                await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)")
                assert await connection.fetchval("SELECT count(*) FROM kept") == rows
            finally:
                await connection.close()
        assert await look.until(lambda: not look.mentioning(place), 2)
        assert not sockets.exists()
        assert running(place) is None


async def test_the_secret_is_made_once_and_read_by_its_owner_alone(place):
    folder = DataFolder(place)
    secret = folder.secret_key()
    folder.release()
    folder = DataFolder(place)
    assert folder.secret_key() == secret
    folder.release()
    assert len(secret) >= 43
    assert stat.S_IMODE((place / "secret_key").stat().st_mode) == 0o600


async def test_a_busy_port_is_one_sentence_before_anything_is_touched(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = Stack(place / "data", settings={}, ports=Ports(api=port))
        with pytest.raises(StackError, match=f"^port {port} is in use by another program") as caught:
            await stack.__aenter__()
    assert "\n" not in str(caught.value)
    assert not (place / "data").exists()


def test_a_reserved_port_is_for_our_services_alone():
    held = Reserved("127.0.0.1", 0)
    try:
        with socket.create_server(("127.0.0.1", held.port)) as ours:
            assert ours.getsockname()[1] == held.port
            with pytest.raises(StackError, match="in use"):
                Reserved("127.0.0.1", held.port)
    finally:
        held.release()


async def test_a_folder_in_use_is_one_sentence_naming_the_process(place):
    folder = DataFolder(place)
    try:
        with pytest.raises(StackError, match=f"in use by another Archivist .process {os.getpid()}."):
            async with _fast(place):
                pass
    finally:
        folder.release()


async def test_a_folder_that_cannot_be_made_is_one_sentence(place):
    (place / "file").write_text("")
    with pytest.raises(StackError, match="cannot write to the data folder"):
        async with _fast(place / "file" / "data"):
            pass


async def test_given_servers_are_used_and_none_is_started(place, own_database, redis_url):
    async with _fast(place, DATABASE_URL=own_database, REDIS_URL=redis_url) as stack:
        assert stack.pids() == {}
        assert (stack.database_url, stack.redis_url) == (own_database, redis_url)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stack.wait(), 5)
    assert not (place / "postgres").exists()


async def test_a_failed_migration_shows_what_was_said(place, own_database, redis_url):
    connection = await asyncpg.connect(own_database.replace("+asyncpg", ""))
    await connection.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    await connection.close()
    with pytest.raises(StackError, match=r"(?s)could not be migrated:\n.*from_the_future"):
        async with _fast(place, DATABASE_URL=own_database, REDIS_URL=redis_url):
            pass


@pytest.fixture
def heeded():
    """Whoever started the tests with nohup has had SIGHUP ignored, and that is inherited."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


async def test_killed_servers_come_back_with_their_data(place, look, heeded):
    async with _fast(place) as stack:
        connection = await asyncpg.connect(stack.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        before = stack.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        connection.terminate()

        def back() -> bool:
            now = stack.pids()
            return now.keys() == before.keys() and not set(now.values()) & set(before.values())

        assert await look.until(back, 10)
        async with asyncio.timeout(10):
            while True:
                try:
                    connection = await asyncpg.connect(stack.database_url)
                    break
                except (OSError, asyncpg.CannotConnectNowError):
                    await asyncio.sleep(0.05)
        assert await connection.fetchval("SELECT n FROM kept") == 1
        await connection.close()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(stack.wait(), 5)


async def test_sigterm_during_the_start_stops_everything(place, look):
    asyncio.get_running_loop().call_later(0.3, os.kill, os.getpid(), signal.SIGTERM)
    with pytest.raises(StackInterrupted):
        await _fast(place).__aenter__()
    assert await look.until(lambda: not look.mentioning(place), 2)


async def test_sigterm_ends_everything_within_ten_seconds(place, look):
    (place / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(place / "script.py"), str(place / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as script:
        assert script.stdout.readline().startswith("postgresql://")
        began = time.monotonic()
        script.send_signal(signal.SIGTERM)
        assert script.wait(10) == 0
        assert time.monotonic() - began < 10
    assert await look.until(lambda: not look.mentioning(place), 2)


async def test_the_next_start_removes_the_sockets_of_a_killed_one(place, look):
    (place / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(place / "script.py"), str(place / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        script.stdout.readline()
        sockets = Path(running(place / "data").runtime)
        script.kill()
    assert running(place / "data") is None
    assert sockets.exists()
    async with _fast(place / "data") as stack:
        assert set(stack.pids()) == {"postgres", "valkey"}
    assert not sockets.exists()
