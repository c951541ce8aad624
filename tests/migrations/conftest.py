"""The servers migrations are tried on: the embedded PostgreSQL, and Debian's 15 where the machine has it."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from archivist_cli.local import children, runtime
from archivist_cli.local.unprivileged_user import give, unprivileged
from archivist_common.database.engine import Database

OLDEST = Path("/usr/lib/postgresql/15/bin")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_15(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of an empty database on PostgreSQL 15, the oldest we promise to run on."""
    if not (OLDEST / "initdb").exists():
        pytest.skip(f"there is no PostgreSQL 15 in {OLDEST}")
    identity = unprivileged(OLDEST / "postgres")
    folder, sockets = tmp_path_factory.mktemp("postgres-15"), runtime.make()
    data, log = folder / "data", folder / "log"
    for own in (data, sockets / "pg"):
        own.mkdir(mode=0o700)
        give(own, identity)
    if identity.kind == "other":
        for above in (sockets, folder, folder.parent):
            above.chmod(0o711)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    initdb = [str(OLDEST / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    making = children.spawn(initdb, log=log, env=env, cwd=data, identity=identity)
    assert await children.ended(making, 60), log.read_text()
    assert making.returncode == 0, log.read_text()
    options = ("listen_addresses=", "fsync=off", "port=5432")
    serve = [str(OLDEST / "postgres"), "-D", str(data), "-k", str(sockets / "pg")]
    server = children.spawn(
        [*serve, *(word for option in options for word in ("-c", option))],
        log=log,
        env=env,
        cwd=data,
        identity=identity,
    )
    try:
        await _answers(sockets / "pg", log)
        yield f"postgresql+asyncpg://postgres@/postgres?host={sockets / 'pg'}&port=5432"
    finally:
        await children.end(server, ((signal.SIGINT, 7.0), (signal.SIGQUIT, 3.0)))
        runtime.remove(sockets)


async def _answers(sockets: Path, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = await asyncpg.connect(host=str(sockets), port=5432, user="postgres", timeout=5, ssl=False)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            assert time.monotonic() < deadline, log.read_text()
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return


@pytest.fixture(params=["newest", "15"])
def empty(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, on each server in turn."""
    return str(request.getfixturevalue("postgres_15" if request.param == "15" else "empty_database"))


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    """The migrated database, to be read."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    yield Database(engine)
    await engine.dispose()
