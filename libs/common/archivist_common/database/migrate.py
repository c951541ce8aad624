"""Brings the database to the schema this program needs, and says whether it is there.

`archivist-migrate` is run once before the services start; they refuse to work on another schema.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.engine import Database, is_unavailable
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch
from archivist_common.settings import CommonSettings, read

_SCRIPTS = Path(__file__).parent / "migrations"
_WAIT_FOR_DATABASE = timedelta(seconds=60)
_LOCK = 0x41726368  # "Arch": two migrations at once wait for one another


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; it needs no alembic.ini."""
    result = Config()
    result.set_main_option("script_location", str(_SCRIPTS))
    result.attributes["connection"] = connection
    return result


@cache
def head() -> str:
    """The revision this program needs."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    assert revision is not None, "there is at least one migration"  # noqa: S101
    return revision


async def upgrade(dsn: str, revision: str = "head") -> None:
    """Run migrations up to a revision. dsn: `postgresql+asyncpg://…`."""
    await _run(dsn, lambda connection: command.upgrade(config(connection), revision))


async def downgrade(dsn: str, revision: str = "base") -> None:
    """Run migrations back to a revision; `base` leaves an empty database."""

    def work(connection: Connection) -> None:
        command.downgrade(config(connection), revision)
        if revision == "base":
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))

    await _run(dsn, work)


async def check(db: Database) -> None:
    """Raises SchemaMismatch when the database is not at the revision this program needs."""
    try:
        async with db.transaction() as session:
            found = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    except ProgrammingError:
        found = None
    if found != head():
        raise SchemaMismatch(
            f"the database schema is at {found or 'nothing'}, this program needs {head()}: run archivist-migrate"
        )


async def _run(dsn: str, work: Callable[[Connection], None]) -> None:
    engine = create_async_engine(dsn, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await connection.run_sync(work)
    finally:
        await engine.dispose()


async def _wait_and_upgrade(dsn: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WAIT_FOR_DATABASE.total_seconds()
    while True:
        try:
            return await upgrade(dsn)
        except Exception as exc:
            if not is_unavailable(exc):
                raise
            if loop.time() > deadline:
                raise DatabaseUnavailable(f"no database within {_WAIT_FOR_DATABASE.total_seconds():g} s") from exc
        await asyncio.sleep(1)


def main() -> None:
    settings = read(CommonSettings)
    try:
        asyncio.run(_wait_and_upgrade(settings.database_dsn))
    except DatabaseUnavailable as exc:
        sys.exit(f"archivist-migrate: {exc}")
    sys.stdout.write(f"database schema at {head()}\n")


if __name__ == "__main__":
    main()
