"""A database that forgets each test, and what the checks are made from."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.engine import Database
from archivist_common.settings import MonitorSettings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_connection(database_url: str) -> AsyncIterator[AsyncConnection]:
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


@pytest.fixture
def settings(tmp_path: Path, own_database: str, redis_url: str) -> Callable[..., MonitorSettings]:
    """Makes the monitor's settings: a database of the test's own, one folder of recordings, quick checks."""

    def make(**changes: object) -> MonitorSettings:
        for folder in ("media", "output"):
            (tmp_path / folder).mkdir(exist_ok=True)
        plain: dict[str, object] = {
            "database_url": own_database,
            "redis_url": redis_url,
            "flex_servers": f"media={tmp_path}/media+folder",
            "default_output_path": tmp_path / "output",
            "check_interval": "0.5",
            "storage_deadline": "2",
        }
        return MonitorSettings(_env_file=None, **plain | changes)  # type: ignore[call-arg, arg-type]

    return make
