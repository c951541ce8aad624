"""Accounts and keys made from the command line, straight in the database: how the first person gets in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from archivist_common.database.engine import Database, engine
from archivist_common.security import accounts, api_keys
from archivist_common.security.accounts import OneTime
from archivist_common.security.permissions import Permission
from archivist_common.settings import asyncpg_dsn
from archivist_common.states import Role

_OWN = "command-line"
_CONSOLE = "console"
_KEY_LIFE = timedelta(days=1)
_COMMAND_LIFE = timedelta(minutes=10)
_WORKING = (Permission.TRANSCRIPTIONS_READ, Permission.TRANSCRIPTIONS_WRITE, Permission.STORAGE_READ)
_ORDERING = (Permission.TRANSCRIPTIONS_READ, Permission.TRANSCRIPTIONS_WRITE, Permission.TRANSCRIPTIONS_ALL)


@asynccontextmanager
async def database(url: str) -> AsyncIterator[Database]:
    """A database by its address, for the length of a block."""
    result = Database(engine(asyncpg_dsn(url), 1, 0, "archivist-cli"))
    try:
        yield result
    finally:
        await result.close()


async def first_administrator(database_url: str) -> OneTime | None:
    """A one-time password for `admin` until its first log-in; None afterwards."""
    async with database(database_url) as db, db.transaction() as session:
        if not await accounts.any_admin(session):
            return await accounts.create_admin(session)
        waiting = await accounts.find(session, "admin")
        if waiting is None or waiting.last_login is not None or waiting.role is not Role.ADMIN:
            return None
        return await accounts.renew_one_time(session, waiting.id, one_time=accounts.ADMIN_ONE_TIME)


async def working_key(database_url: str) -> str:
    """An API key that may submit and read, for a stack of our own that is gone in a moment."""
    async with database(database_url) as db, db.transaction() as session:
        account = await accounts.find(session, _OWN) or (await accounts.create(session, _OWN)).account
        key = await api_keys.create(session, account.id, name="command line", permissions=_WORKING, life=_KEY_LIFE)
        return key.text


@asynccontextmanager
async def operators_key(database_url: str) -> AsyncIterator[str]:
    """An API key that may order the queue, for one command of an operator who has access to the database anyway."""
    async with database(database_url) as db:
        async with db.transaction() as session:
            account = await accounts.find(session, _CONSOLE)
            if account is None:
                account = (await accounts.create(session, _CONSOLE, role=Role.OPERATOR)).account
            made = await api_keys.create(
                session, account.id, name="command line", permissions=_ORDERING, life=_COMMAND_LIFE
            )
        try:
            yield made.text
        finally:
            async with db.transaction() as session:
                await api_keys.revoke(session, made.key.id, owner=account.id)
