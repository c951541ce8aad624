import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from archivist_cli.local.errors import StackError
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.unprivileged_user import Identity

SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.valkey import Valkey

async def main():
    place = Path(sys.argv[1])
    sockets = runtime.make()
    postgres = Postgres(place / "postgres", runtime=sockets, log=place / "postgres.log", durable=False)
    valkey = Valkey(place / "valkey", runtime=sockets, log=place / "valkey.log")
    await postgres.start()
    await valkey.start()
    connection = await postgres.connect("archivist")
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    rows = await connection.fetchval("SELECT count(*) FROM kept")
    await connection.close()
    print(os.getuid(), rows, postgres.pid, valkey.pid, sockets, flush=True)
    if sys.argv[2] == "stay":
        await asyncio.sleep(120)
    await valkey.stop()
    await postgres.stop()
    runtime.remove(sockets)

asyncio.run(main())
"""


async def _write(server: Postgres) -> None:
    connection = await server.connect("archivist")
    await connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    await connection.close()


async def _count(server: Postgres) -> int:
    connection = await server.connect("archivist")
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


async def test_the_first_start_makes_a_utf8_database_whose_case_is_the_same_everywhere(postgres):
    connection = await postgres.connect("archivist")
    try:
        assert await connection.fetchval("SELECT lower('ÆØÅ Ж')") == "æøå ж"
        row = await connection.fetchrow(
            "SELECT pg_encoding_to_char(encoding) AS encoding, datlocale, datcollate FROM pg_database"
            " WHERE datname = current_database()"
        )
        assert tuple(row) == ("UTF8", "C.UTF-8", "C.UTF-8")
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()


async def test_a_second_start_finds_what_was_written(postgres):
    await _write(postgres)
    await postgres.stop()
    await postgres.start()
    assert await _count(postgres) == 1000


async def test_a_killed_server_recovers_what_was_committed(postgres, look):
    await _write(postgres)
    idle = await postgres.connect("archivist")  # a process of the server that must end with it
    killed = postgres.pid
    os.kill(killed, signal.SIGKILL)
    assert await look.until(lambda: postgres.exit_code() is not None, 5)
    await postgres.start()
    assert postgres.pid != killed
    assert await _count(postgres) == 1000
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await idle.execute("SELECT 1")


async def test_stopping_leaves_no_process_and_no_socket(postgres, look, place):
    assert look.mentioning(place)
    await postgres.stop()
    assert await look.until(lambda: not look.mentioning(place), 2)
    assert not postgres.socket_dir.exists()


async def test_a_data_folder_deeper_than_a_socket_path_may_be(cluster, place, sockets):
    deep = place / ("d" * 100) / ("e" * 100) / "postgres"
    shutil.copytree(cluster, deep)
    server = Postgres(deep, runtime=sockets, log=place / "log", durable=False)
    try:
        await server.start()
        await _write(server)
    finally:
        await server.stop()


async def test_a_process_number_that_went_to_another_program_does_not_stop_a_start(postgres, look):
    os.kill(postgres.pid, signal.SIGKILL)
    assert await look.until(lambda: postgres.exit_code() is not None, 5)
    notes = postgres.data / "postmaster.pid"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            notes.write_text("".join([f"{other.pid}\n", *notes.read_text().splitlines(keepends=True)[1:]]))
            await postgres.start()
            assert other.poll() is None, "somebody else's process was ended"
        finally:
            other.kill()


async def test_the_zombie_of_a_server_is_not_taken_for_a_server(postgres, look):
    os.kill(postgres.pid, signal.SIGKILL)
    assert await look.until(lambda: postgres.exit_code() is not None, 5)
    notes = postgres.data / "postmaster.pid"
    with subprocess.Popen(["/bin/true"]) as zombie:
        assert await look.until(lambda: not look.alive(zombie.pid), 5)
        notes.write_text("".join([f"{zombie.pid}\n", *notes.read_text().splitlines(keepends=True)[1:]]))
        await postgres.start()


async def test_a_server_that_a_killed_launcher_left_is_ended_before_the_next_starts(postgres, sockets, place):
    await _write(postgres)
    next_one = Postgres(postgres.data, runtime=sockets, log=place / "next.log")
    try:
        await next_one.start()
        assert await _count(next_one) == 1000
        assert postgres.exit_code() == 0
    finally:
        await next_one.stop()


async def test_what_cannot_start_says_why(postgres):
    await postgres.stop()
    (postgres.data / "postgresql.conf").write_text("shared_buffers = many\n")
    with pytest.raises(StackError, match="shared_buffers"):
        await postgres.start()


async def test_a_folder_with_something_else_in_it_is_left_alone(place, sockets):
    (place / "postgres").mkdir()
    (place / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(StackError, match="not a PostgreSQL data folder"):
        await Postgres(place / "postgres", runtime=sockets, log=place / "log").start()
    assert [path.name for path in (place / "postgres").iterdir()] == ["letter.txt"]


async def test_a_folder_of_another_version_is_refused_in_a_sentence(place, sockets):
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text("99\n")
    with pytest.raises(StackError, match="made by PostgreSQL 99"):
        await Postgres(place / "postgres", runtime=sockets, log=place / "log").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_root_without_user_namespaces_runs_it_as_nobody_and_changes_no_folder_above(place, sockets, look):
    above = [(path, path.stat().st_mode, path.stat().st_uid) for path in (place, *place.parents)]
    data = place / "data"
    data.mkdir(mode=0o700)
    place.chmod(0o711)  # what a folder like /var/lib has
    nobody = Identity("other", 65_534, 65_534)
    server = Postgres(data / "postgres", runtime=sockets, log=place / "log", durable=False, identity=nobody)
    try:
        await server.start()
        await _write(server)
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner == data.joinpath("postgres").stat().st_uid == 65_534
    finally:
        await server.stop()
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in place.parents] == above[1:]
    # And back: the same folder where namespaces are allowed again.
    again = Postgres(data / "postgres", runtime=sockets, log=place / "log", durable=False)
    try:
        await again.start()
        assert await _count(again) == 1000
    finally:
        await again.stop()


async def test_an_ordinary_user_starts_it_twice(as_ordinary_user, place):
    if os.geteuid() == 0:
        os.chown(place, 65_534, 65_534)
    (place / "script.py").write_text(SCRIPT)
    for rows in (1, 2):
        with as_ordinary_user(str(place / "script.py"), str(place), "go") as script:
            said, _ = script.communicate(timeout=60)
        assert script.returncode == 0, said
        uid, found, *_ = said.split()
        assert int(uid) != 0
        assert int(found) == rows


async def test_servers_die_with_a_killed_launcher_and_start_again_at_once(cluster, place, look):
    shutil.copytree(cluster, place / "postgres")
    (place / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(place / "script.py"), str(place)]
    with subprocess.Popen([*command, "stay"], stdout=subprocess.PIPE, text=True) as script:
        try:
            _, _, *pids, sockets = script.stdout.readline().split()
        finally:
            script.kill()
    again = subprocess.run([*command, "go"], capture_output=True, text=True, timeout=60, check=True)
    assert again.stdout.split()[1] == "2", "a committed row was lost"
    assert await look.until(lambda: not any(look.alive(int(pid)) for pid in pids), 5)
    assert await look.until(lambda: not look.mentioning(place), 5)
    shutil.rmtree(sockets, ignore_errors=True)
