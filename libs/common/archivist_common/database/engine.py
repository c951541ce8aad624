"""The database as every process uses it: one engine, visible transactions, outages as DatabaseUnavailable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from archivist_common.errors import DatabaseUnavailable
from archivist_common.settings import CommonSettings

_CONNECT_DEADLINE_S = 5
_POOL_WAIT_S = 5
_STATEMENT_DEADLINE_S = 30
_TRANSACTION_DEADLINE_S = 8.0  # ours take milliseconds; a server that hangs must not hold a caller for long
# And a caller that hangs, or whose machine is gone, must not hold its locks for long: the server ends it, between
# two statements and in the midst of one. Two such callers may hold one row after one another.
_IDLE_DEADLINE_S = 5
_ACTIVE_DEADLINE_S = 8

_TOO_LONG_IDLE = "25P03"  # we were idle in a transaction, and the server has ended the connection
# Classes of SQLSTATE that mean the server is unavailable, or rejects our login: connection exception, invalid
# authorization, no such database, insufficient resources, operator intervention, system error.
# Source: PostgreSQL manual, appendix A.
_UNAVAILABLE = ("08", "28", "3D", "53", "57", "58")


class Database:
    """PostgreSQL, pooled. One per process, made in its lifespan.

    `bind` is an engine, or in tests one connection whose outer transaction is rolled back.
    """

    def __init__(self, bind: AsyncEngine | AsyncConnection) -> None:
        self._bind = bind
        self._given_up: set[asyncio.Task[None]] = set()

    @classmethod
    def connect(cls, settings: CommonSettings, *, name: str) -> "Database":
        """A pool that opens its first connection when first used. name: shown in pg_stat_activity."""
        return cls(engine(settings.database_dsn, settings.database_pool_size, settings.database_max_overflow, name))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed when the block ends, rolled back when it raises.

        Raises DatabaseUnavailable when the server is unreachable, restarting, out of connections, or has not finished
        within eight seconds: then it is unknown whether a last COMMIT counted.
        """
        try:
            async with (
                asyncio.timeout(_TRANSACTION_DEADLINE_S),
                AsyncSession(self._bind, expire_on_commit=False, join_transaction_mode="create_savepoint") as session,
                session.begin(),
            ):
                yield session
        except (DBAPIError, PoolTimeout, OSError, TimeoutError) as exc:
            if is_unavailable(exc):
                raise DatabaseUnavailable("database unavailable") from exc
            raise

    async def ping(self, deadline: timedelta = timedelta(seconds=1)) -> None:
        """Raises DatabaseUnavailable when the server does not respond within the deadline."""
        asking = asyncio.create_task(self._ask())
        try:
            await asyncio.wait([asking], timeout=deadline.total_seconds())
        finally:
            if not asking.done():  # not waited for: closing a connection that hangs takes seconds of its own
                asking.cancel()
                self._given_up.add(asking)
                asking.add_done_callback(self._given_up.discard)
        if not asking.done():
            raise DatabaseUnavailable(f"no response within {deadline.total_seconds():g} s")
        asking.result()

    async def _ask(self) -> None:
        async with self.transaction() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await asyncio.gather(*self._given_up, return_exceptions=True)
        if isinstance(self._bind, AsyncEngine):
            await self._bind.dispose()


def engine(dsn: str, pool_size: int, max_overflow: int, name: str) -> AsyncEngine:
    return create_async_engine(
        dsn,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "timeout": _CONNECT_DEADLINE_S,
            "command_timeout": _STATEMENT_DEADLINE_S,
            "server_settings": {
                "application_name": name,
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": f"{_IDLE_DEADLINE_S}s",
                "statement_timeout": f"{_ACTIVE_DEADLINE_S}s",
            },
        },
    )


def is_unavailable(exc: BaseException) -> bool:
    """Whether an error means that the server could not be reached, rather than that it refused the statement."""
    if isinstance(exc, PoolTimeout | InterfaceError | OSError | TimeoutError):
        return True
    if isinstance(exc, DBAPIError):
        state = getattr(exc.orig, "sqlstate", None)
        if state is not None:
            return str(state)[:2] in _UNAVAILABLE or state == _TOO_LONG_IDLE
        return exc.connection_invalidated or isinstance(exc, OperationalError)
    return False
