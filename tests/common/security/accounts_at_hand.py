"""Accounts to log in with, and time that passes without waiting: what the tests of security begin with."""

from datetime import timedelta

from sqlalchemy import update

from archivist_common.security import accounts, login_throttle, sessions
from archivist_common.security.login_throttle import Credentials
from archivist_common.security.tokens import Access
from archivist_common.states import Role

GOOD = "seven green lanterns at dusk"
OTHER = "eight blue kites over the pier"
HOUR = timedelta(hours=1)
KEY = b"k" * 32


async def person(db, name="lee", role=Role.USER):
    async with db.transaction() as session:
        made = await accounts.create(session, name, role=role)
    opened = await login_throttle.log_in(db, Credentials(name, made.password, "198.51.100.1", GOOD))
    return made.account, opened


async def older(db, model, column, by, **where):
    """Move a time into the past, as waiting would."""
    async with db.transaction() as session:
        query = update(model).values({column: getattr(model, column) - by})
        for name, value in where.items():
            query = query.where(getattr(model, name) == value)
        await session.execute(query)


async def seen(db, opened, idle=HOUR):
    async with db.transaction() as session:
        access = Access(opened.user_id, opened.id, "x", None)
        return await sessions.who(session, access, idle)


async def continued(db, token, idle=HOUR):
    async with db.transaction() as session:
        return await sessions.refresh(session, token, KEY, idle)
