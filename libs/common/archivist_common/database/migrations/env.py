"""Alembic's entry: works on the connection that migrate.py hands in, or on DATABASE_URL for the alembic command."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.models import Base
from archivist_common.settings import CommonSettings


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_migrate() -> None:
    engine = create_async_engine(CommonSettings().database_dsn, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    _migrate(handed_in)
else:
    asyncio.run(_connect_and_migrate())
