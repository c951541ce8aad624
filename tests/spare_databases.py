"""Databases of the tests, used again: to empty one takes a tenth of what it takes to drop it and clone another."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

Connect = Callable[[str], Awaitable[asyncpg.Connection]]

_ALONE = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE = """
    SELECT md5(string_agg(said, ';' ORDER BY said)) FROM (
        SELECT format('%s.%s %s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull, attnum) AS said
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indrelid
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT proname || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS parts
"""
_TABLES = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_SEQUENCES = "SELECT format('%I', sequencename) FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


@dataclass(frozen=True)
class _Blank:
    """What a database is that nobody has used: its shape, how it is emptied, and the rows of its migrations."""

    shape: str
    emptying: str
    rows: tuple[tuple[str, str], ...]

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> "_Blank":
        tables = [row[0] for row in await connection.fetch(_TABLES)]
        emptying = [f"DELETE FROM {table};" for table in tables]
        for name in [row[0] for row in await connection.fetch(_SEQUENCES)]:
            last, called = await connection.fetchrow(f"SELECT last_value, is_called FROM {name}")
            emptying.append(f"SELECT setval('{name}', {last}, {str(called).lower()});")
        rows = [(table, await connection.fetchval(f"SELECT json_agg(t)::text FROM {table} t")) for table in tables]
        kept = tuple((table, found) for table, found in rows if found is not None)
        return cls(await connection.fetchval(_SHAPE), "\n".join(emptying), kept)


@dataclass
class SpareDatabases:
    """connect: a connection to a database, by name. create, drop: by name; all are clones of one template."""

    connect: Connect
    create: Callable[[], Awaitable[str]]
    drop: Callable[[str], Awaitable[None]]
    _blank: _Blank | None = None
    _spare: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        """The name of a database as its template is. One whose tables a test has changed is not used again."""
        name = self._spare.pop() if self._spare else await self.create()
        if self._blank is None:
            connection = await self.connect(name)
            try:
                self._blank = await _Blank.of(connection)
            finally:
                await connection.close()
        try:
            yield name
        finally:
            if await self._emptied(name, self._blank):
                self._spare.append(name)
            else:
                await self.drop(name)

    async def _emptied(self, name: str, blank: _Blank) -> bool:
        connection = await self.connect(name)
        try:
            await connection.execute(_ALONE)
            if await connection.fetchval(_SHAPE) != blank.shape:
                return False
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")  # in any order of tables
                await connection.execute(blank.emptying)
                for table, rows in blank.rows:
                    await connection.execute(
                        f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1::json)", rows
                    )
        finally:
            await connection.close()
        return True
