"""The fixtures every other test stands on."""

import asyncpg
import redis.asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


async def _tables(url: str) -> set[str]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            return set(rows.scalars())
    finally:
        await engine.dispose()


async def test_the_session_database_is_migrated(database_url):
    assert {"transcriptions", "alembic_version"} <= await _tables(database_url)


async def test_a_test_may_have_a_migrated_database_of_its_own(own_database, database_url):
    assert own_database != database_url
    assert await _tables(own_database) == await _tables(database_url)


async def test_an_empty_database_has_no_table(empty_database):
    assert await _tables(empty_database) == set()


async def test_the_address_suits_asyncpg_without_sqlalchemy(empty_database):
    connection = await asyncpg.connect(empty_database.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT lower('ÆØÅ Ж')") == "æøå ж"
    finally:
        await connection.close()


def test_a_test_without_a_loop_gets_the_addresses_too(database_url, redis_url):
    assert database_url.startswith("postgresql+asyncpg://")
    assert redis_url.startswith("unix:///")


async def test_redis_answers(redis_url):
    client = redis.asyncio.from_url(redis_url)
    try:
        assert await client.ping()
    finally:
        await client.aclose()
