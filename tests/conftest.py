"""Real servers for every test that asks: one PostgreSQL and one Valkey per session, the same launcher as
`archivist up`, without its care for power cuts. Databases are cheap: cloned from a migrated one, then emptied."""

import gc
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.valkey import Valkey
from archivist_common.database.engine import Database
from tests import costs, selection
from tests.simulators.cablecast.process import Simulator
from tests.spare_databases import SpareDatabases

_TEMPLATE = "archivist_template"


_ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test gets the mark of its cost, the dearest come first, and long matrices run when they are due."""
    cost = {item: costs.ORDER.index(costs.mark(item)) for item in items}
    items.sort(key=cost.__getitem__)
    matrices = selection.left_out(_ROOT, config.args)
    left_out = [item for item in items if any(matrix.holds(item.nodeid) for matrix in matrices)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_collection_finish() -> None:
    """What was imported and collected lives as long as the process: a full collection of garbage that walks it stops
    an event loop for seconds on a busy machine, and PostgreSQL ends what is idle in a transaction for five."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    matrices = selection.left_out(_ROOT, config.args)
    if matrices:
        terminalreporter.write_line(
            f"left out, as nothing that they guard has changed in {selection.EVERY} commits "
            f"({selection.ALL}=1 or `make test-all` runs them): " + "; ".join(matrix.name for matrix in matrices)
        )


@dataclass
class Servers:
    """The session's servers. `database` makes a database and drops it when the block ends."""

    postgres: Postgres
    valkey: Valkey
    _numbers: "count[int]" = field(default_factory=count)

    def url(self, database: str) -> str:
        """The address of a database as SQLAlchemy and DATABASE_URL take it."""
        return self.postgres.dsn_of(database).replace("postgresql:", "postgresql+asyncpg:", 1)

    @asynccontextmanager
    async def database(self, template: str = "template1") -> AsyncIterator[str]:
        """The address of a new database. template: `template1` makes it empty, `archivist_template` migrated."""
        name = await self.create(template)
        try:
            yield self.url(name)
        finally:
            await self.drop(name)

    async def create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def drop(self, name: str) -> None:
        await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def execute(self, statement: str) -> None:
        connection = await self.postgres.connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncIterator[Servers]:
    folder, sockets = Path(tempfile.mkdtemp(prefix="archivist-tests-")), runtime.make()
    postgres = Postgres(folder / "postgres", runtime=sockets, log=folder / "postgres.log", durable=False)
    valkey = Valkey(folder / "valkey", runtime=sockets, log=folder / "valkey.log")
    try:
        await postgres.start()
        await valkey.start()
        yield Servers(postgres, valkey)
    finally:
        await valkey.stop()
        await postgres.stop()
        runtime.remove(sockets)
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_template(servers: Servers) -> str:
    """Name of a migrated database that nobody is connected to, for cloning."""
    from archivist_common.database import migrate

    await servers.execute(f"CREATE DATABASE {_TEMPLATE}")
    await migrate.upgrade(servers.url(_TEMPLATE))
    return _TEMPLATE


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_url(servers: Servers, migrated_template: str) -> AsyncIterator[str]:
    """The session's migrated database, `postgresql+asyncpg://…`. Tests that use it roll back."""
    async with servers.database(migrated_template) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of the session's own, for transactions that are rolled back."""
    bind = create_async_engine(database_url, poolclass=NullPool)
    async with bind.connect() as connection:
        yield connection
    await bind.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def db(one_connection: AsyncConnection) -> AsyncIterator[Database]:
    """A `Database` on one connection. Whatever the test commits is gone after it."""
    outer = await one_connection.begin()
    try:
        yield Database(one_connection)
    finally:
        await outer.rollback()


@pytest.fixture(scope="session")
def spare_databases(servers: Servers, migrated_template: str) -> SpareDatabases:
    return SpareDatabases(servers.postgres.connect, lambda: servers.create(migrated_template), servers.drop)


@pytest_asyncio.fixture(loop_scope="session")
async def own_database(servers: Servers, spare_databases: SpareDatabases) -> AsyncIterator[str]:
    """A migrated database for one test, which may commit as it likes."""
    async with spare_databases.lent() as name:
        yield servers.url(name)


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(servers: Servers) -> AsyncIterator[str]:
    """A database without a table, for one test of migrations."""
    async with servers.database() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(servers: Servers) -> str:
    """The session's Valkey, `unix://…`; shared, so use keys of your own."""
    return servers.valkey.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cablecast() -> AsyncIterator[Simulator]:
    """One process for all tests: it starts as new for each."""
    async with Simulator.start("modern") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def sim(cablecast: Simulator) -> Simulator:
    """A Cablecast 7.8 in which nothing has happened yet."""
    await cablecast.control.auto(0)
    await cablecast.control.reset()
    return cablecast
