"""The chain of migrations: up, down and up again, twice at once, and in step with the models."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database import migrate
from archivist_common.database.engine import Database
from archivist_common.database.models import Base, User
from archivist_common.errors import SchemaMismatch

KINDS = "SELECT relkind, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'"


@asynccontextmanager
async def connection(dsn: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(dsn, poolclass=NullPool)
    try:
        async with engine.begin() as one:
            yield one
    finally:
        await engine.dispose()


async def tables(dsn: str) -> set[str]:
    async with connection(dsn) as one:
        return set(await one.run_sync(lambda sync: inspect(sync).get_table_names()))


def differences(sync: Connection) -> list[Any]:
    context = MigrationContext.configure(sync, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


def checks(sync: Connection) -> dict[str, set[str]]:
    """Alembic does not compare check constraints."""
    return {
        table: {str(check["name"]) for check in inspect(sync).get_check_constraints(table)}
        for table in Base.metadata.tables
    }


async def test_up_down_and_up_again(empty: str) -> None:
    await migrate.upgrade(empty)
    assert await tables(empty) == {*Base.metadata.tables, "alembic_version"}
    async with connection(empty) as one:
        assert await one.run_sync(differences) == []

    await migrate.downgrade(empty)
    async with connection(empty) as one:
        assert (await one.execute(text(KINDS))).all() == []
        extensions = await one.scalars(text("SELECT extname FROM pg_extension"))
        assert set(extensions) == {"plpgsql"}

    await migrate.upgrade(empty)
    async with connection(empty) as one:
        assert await one.run_sync(differences) == []
        wanted = {
            name: {str(check.name) for check in table.constraints if type(check).__name__ == "CheckConstraint"}
            for name, table in Base.metadata.tables.items()
        }
        assert await one.run_sync(checks) == wanted
    await migrate.downgrade(empty)


async def test_a_model_without_its_migration_is_seen(own_database: str) -> None:
    """The comparison above can fail."""
    async with connection(own_database) as one:
        await one.execute(text("ALTER TABLE users DROP COLUMN last_login"))
        await one.execute(text("ALTER TABLE transcriptions ALTER progress TYPE bigint"))
        await one.execute(text("DROP INDEX idx_api_keys_active"))
        await one.execute(text("ALTER TABLE users DROP CONSTRAINT check_role"))
        found = str(await one.run_sync(differences))
        assert "last_login" in found
        assert "modify_type" in found
        assert "idx_api_keys_active" in found
        assert (await one.run_sync(checks))["users"] == set()


async def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    await migrate.upgrade(empty_database)
    async with connection(empty_database) as one:
        await one.execute(insert(User).values(username="ada", email="ada@station.test", password_hash="-"))
    await migrate.upgrade(empty_database)
    async with connection(empty_database) as one:
        assert await one.scalar(text("SELECT username FROM users")) == "ada"


async def test_four_at_once_make_one_schema(empty_database: str) -> None:
    await asyncio.gather(*(migrate.upgrade(empty_database) for _ in range(4)))
    assert await tables(empty_database) == {*Base.metadata.tables, "alembic_version"}
    async with connection(empty_database) as one:
        assert await one.scalar(text("SELECT count(*) FROM alembic_version")) == 1


async def test_a_migration_that_breaks_leaves_nothing_half_done(empty_database: str) -> None:
    async with connection(empty_database) as one:
        await one.execute(text("CREATE TABLE workers (id int)"))
    with pytest.raises(Exception, match="workers"):
        await migrate.upgrade(empty_database)
    assert await tables(empty_database) == {"workers"}


async def test_a_program_refuses_another_schema(empty_database: str) -> None:
    engine = create_async_engine(empty_database, poolclass=NullPool)
    db = Database(engine)
    try:
        with pytest.raises(SchemaMismatch, match=r"is at nothing.*run archivist-migrate"):
            await migrate.check(db)
        await migrate.upgrade(empty_database)
        await migrate.check(db)
        async with db.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        with pytest.raises(SchemaMismatch, match=f"is at older, this program needs {migrate.head()}"):
            await migrate.check(db)
    finally:
        await engine.dispose()


def test_the_chain_has_one_head_and_no_branch() -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    assert scripts.get_heads() == [migrate.head()]
    assert all(not isinstance(script.down_revision, tuple) for script in scripts.walk_revisions())


def run_migrate(**env: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    command = [sys.executable, "-m", "archivist_common.database.migrate"]
    return subprocess.run(command, env=plain | env, capture_output=True, text=True, timeout=60, cwd="/", check=False)


async def test_the_command_migrates_and_says_where_it_is(empty_database: str) -> None:
    dsn = empty_database.replace("postgresql+asyncpg:", "postgresql:")
    done = await asyncio.to_thread(run_migrate, DATABASE_URL=dsn)
    assert (done.returncode, done.stdout) == (0, f"database schema at {migrate.head()}\n"), done.stderr
    assert await tables(empty_database) == {*Base.metadata.tables, "alembic_version"}


async def test_the_command_says_in_a_line_what_is_missing() -> None:
    done = await asyncio.to_thread(run_migrate)
    assert (done.returncode, done.stderr) == (2, "DATABASE_URL: Field required\n")
