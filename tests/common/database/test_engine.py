"""The database as processes hold it: a block is a transaction, and its absence has one name."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from archivist_cli.local.postgres import Postgres
from archivist_common.database.engine import Database, engine, is_unavailable
from archivist_common.database.models import User
from archivist_common.errors import DatabaseUnavailable
from archivist_common.settings import CommonSettings


def person(name: str = "ada") -> User:
    return User(username=name, email=f"{name}@station.test", password_hash="-")


async def people(db: Database) -> int:
    async with db.transaction() as session:
        return int(await session.scalar(select(func.count()).select_from(User)) or 0)


@asynccontextmanager
async def pooled(dsn: str, size: int = 1) -> AsyncIterator[Database]:
    bind = engine(dsn, size, 0, "tests")
    try:
        yield Database(bind)
    finally:
        await bind.dispose()


def dsn_of(server: Postgres) -> str:
    return server.dsn.replace("postgresql:", "postgresql+asyncpg:", 1)


async def test_a_block_that_ends_is_committed(committed_db: Database, pool: AsyncEngine) -> None:
    async with committed_db.transaction() as session:
        session.add(person())
    async with pool.connect() as other:
        assert await other.scalar(text("SELECT count(*) FROM users")) == 1


@pytest.mark.parametrize("exc", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_block_that_raises_leaves_nothing(committed_db: Database, exc: type[BaseException]) -> None:
    async def breaks() -> None:
        async with committed_db.transaction() as session:
            session.add(person())
            await session.flush()
            raise exc

    with pytest.raises(exc):
        await breaks()
    assert await people(committed_db) == 0


async def test_what_was_read_can_be_used_after_the_block(db: Database) -> None:
    async with db.transaction() as session:
        ada = person()
        session.add(ada)
        await session.flush()
    assert ada.username == "ada"


async def test_a_refused_statement_keeps_its_own_name(db: Database) -> None:
    with pytest.raises(ProgrammingError):
        async with db.transaction() as session:
            await session.execute(text("SELECT * FROM nothing"))
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            session.add_all([person(), person()])
    assert await people(db) == 0


async def test_a_connection_names_its_process_and_speaks_utc(
    own_database: str, settings: Callable[..., CommonSettings]
) -> None:
    db = Database.connect(settings(DATABASE_URL=own_database), name="archivist-tests")
    try:
        async with db.transaction() as session:
            assert await session.scalar(text("SELECT current_setting('application_name')")) == "archivist-tests"
            assert await session.scalar(text("SELECT current_setting('TimeZone')")) == "UTC"
        await db.ping()
    finally:
        await db.close()


async def test_closing_lets_every_connection_go(own_database: str, db: Database) -> None:
    bind = engine(own_database, 2, 0, "to-be-closed")
    other = Database(bind)
    await other.ping()
    await other.close()
    async with db.transaction() as session:
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'to-be-closed'"
        deadline = time.monotonic() + 5
        while await session.scalar(text(left)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with pooled(f"postgresql+asyncpg://u@/db?host={tmp_path}") as db:
        with pytest.raises(DatabaseUnavailable, match="database unavailable"):
            async with db.transaction() as session:
                await session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            await db.ping()


async def test_a_pool_that_is_used_up_is_unavailable(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bind = engine(own_database, 1, 0, "tests")
    monkeypatch.setattr(bind.sync_engine.pool, "_timeout", 0.1)
    db = Database(bind)
    try:
        async with db.transaction() as session:
            await session.execute(text("SELECT 1"))
            with pytest.raises(DatabaseUnavailable):
                async with db.transaction() as second:
                    await second.execute(text("SELECT 1"))
    finally:
        await bind.dispose()


async def test_a_server_without_a_place_left_is_unavailable(own_database: str) -> None:
    """A refusal while connecting comes from another place than one of a statement."""
    async with pooled(own_database) as admin, admin.transaction() as session:
        await session.execute(text("CREATE ROLE limited LOGIN CONNECTION LIMIT 0"))
    try:
        async with pooled(own_database.replace("postgres@", "limited@")) as db:
            with pytest.raises(DatabaseUnavailable):
                async with db.transaction() as session:
                    await session.execute(text("SELECT 1"))
    finally:
        async with pooled(own_database) as admin, admin.transaction() as session:
            await session.execute(text("DROP ROLE limited"))


async def test_a_ping_ends_at_its_deadline(own_database: str) -> None:
    """Found here: it took two seconds more, which letting go of a connection takes."""
    async with pooled(own_database) as db:
        async with db.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match=r"no response within 0\.3 s"):
                await db.ping(timedelta(milliseconds=300))
            assert time.monotonic() - began < 1
        finally:
            os.kill(pid, signal.SIGCONT)
        await db.ping()
        await db.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_ended_between_two_statements_is_unavailable(own_database: str, turns: int) -> None:
    """However much the driver has read of the server's last words; it has an error of its own for half of them."""

    async def asked_between(db: Database) -> None:
        async with db.transaction() as session:
            os.kill(await session.scalar(text("SELECT pg_backend_pid()")), signal.SIGTERM)
            time.sleep(0.3)  # nothing is read before all of it has come
            for _ in range(turns):
                await asyncio.sleep(0)
            await session.execute(text("SELECT 1"))

    async with pooled(own_database) as db:
        with pytest.raises(DatabaseUnavailable):
            await asked_between(db)
        await db.ping()


async def test_a_server_that_restarts_is_unavailable_and_then_answers(postgres: Postgres) -> None:
    async with pooled(dsn_of(postgres), size=2) as db:
        await db.ping()
        await postgres.stop()
        with pytest.raises(DatabaseUnavailable):
            await db.ping()
        await postgres.start()
        await db.ping()


async def test_a_killed_server_breaks_the_block_by_name(postgres: Postgres) -> None:
    async def interrupted() -> None:
        async with db.transaction() as session:
            await session.execute(text("SELECT 1"))
            await postgres.stop()
            await session.execute(text("SELECT 1"))

    async with pooled(dsn_of(postgres)) as db:
        with pytest.raises(DatabaseUnavailable):
            await interrupted()
        await postgres.start()
        await db.ping()


async def test_a_server_that_is_shutting_down_is_unavailable(postgres: Postgres) -> None:
    """So is one that is starting up: both refuse with SQLSTATE 57P03 while connecting."""
    holding = await postgres.connect()
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGTERM)  # smart: waits for who is connected, takes nobody new
    try:
        async with pooled(dsn_of(postgres)) as db:
            deadline = time.monotonic() + 5
            while True:
                try:
                    await db.ping()
                except DatabaseUnavailable:
                    break
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
    finally:
        await holding.close()
        await postgres.stop()
        await postgres.start()


def test_errors_that_are_not_about_being_away_are_not_taken_for_it() -> None:
    assert not is_unavailable(ValueError("no"))
    assert not is_unavailable(DBAPIError("SELECT", None, Exception("no")))
    assert is_unavailable(ConnectionResetError())
    assert is_unavailable(TimeoutError())


async def test_a_caller_that_hangs_in_a_transaction_loses_it_before_others_wait_long(committed_db: Database) -> None:
    """Found by tests/chaos: a worker stopped in the reconciler's round kept every other reconciler out."""
    async with committed_db.transaction() as session:
        assert await session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "5s"
        assert await session.scalar(text("SHOW statement_timeout")) == "8s"

    async def hangs() -> None:
        async with committed_db.transaction() as session:
            await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            await asyncio.sleep(0.3)
            await session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await hangs()
