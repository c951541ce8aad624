"""A test's own database is as new, whatever the test before did to it."""

import asyncpg
import pytest

from tests.conftest import Servers
from tests.spare_databases import SpareDatabases

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_ACCOUNT = "INSERT INTO users (username, email, password_hash, role) VALUES ($1, $1, 'x', 'user') RETURNING id"


async def _rows(servers: Servers, name: str) -> dict[str, list[str]]:
    """All rows of all tables, as PostgreSQL writes them."""
    connection = await servers.postgres.connect(name)
    try:
        tables = [row[0] for row in await connection.fetch(_TABLES)]
        return {
            table: [row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")]
            for table in tables
        }
    finally:
        await connection.close()


async def test_what_a_test_wrote_is_gone_and_the_rows_of_migrations_are_back(
    servers: Servers, spare_databases: SpareDatabases, migrated_template: str
) -> None:
    new = await servers.create(migrated_template)
    as_new = await _rows(servers, new)
    await servers.drop(new)
    async with spare_databases.lent() as first:
        left_open = await servers.postgres.connect(first)
        number = await left_open.fetchval(_ACCOUNT, "clerk")
        await left_open.execute("DELETE FROM alembic_version")
    async with spare_databases.lent() as second:
        assert second == first
        assert await _rows(servers, second) == as_new
        connection = await servers.postgres.connect(second)
        assert await connection.fetchval(_ACCOUNT, "other") == number, "numbers begin anew"
        await connection.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await left_open.fetchval("SELECT 1")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE users ADD COLUMN nickname text",
        "DROP INDEX idx_api_keys_active",
        "ALTER DATABASE {name} SET statement_timeout = '1s'",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ],
)
async def test_one_whose_tables_were_changed_is_not_lent_again(
    servers: Servers, spare_databases: SpareDatabases, change: str
) -> None:
    async with spare_databases.lent() as changed:
        connection = await servers.postgres.connect(changed)
        await connection.execute(change.format(name=changed))
        await connection.close()
    async with spare_databases.lent() as next_one:
        assert next_one != changed
