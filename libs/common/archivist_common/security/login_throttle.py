"""Logging in, with delays against guessing: failures are counted per account and per address, in the database.

An attempt is counted before its password is checked, so that a thousand at once are still a thousand. Delays
grow from a second to a quarter of an hour and end by themselves; no account is locked for good, and existing
sessions go on. Neither response nor timing reveals whether a name exists.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import SystemLog, User
from archivist_common.errors import AuthRequired, PasswordChangeRequired, TooManyAttempts, WeakPassword
from archivist_common.events import journal
from archivist_common.security import accounts, passwords, sessions
from archivist_common.security.sessions import Opened

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10  # failures within the window before delays begin (reliability protocol, S4)
PER_ADDRESS = 50
_MOST_S = 900

COMPONENT = "login"
_TRIED = "log-in refused"
_LOCK = 0x4C6F67  # "Log": first half of the advisory lock's key


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password as sent, and the client's address. new_password replaces the old one."""

    username: str
    password: str
    address: str
    new_password: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    id: int
    password_hash: str
    must_change: bool
    may_enter: bool


async def log_in(db: Database, given: Credentials) -> Opened:
    """A new session. No transaction is open while the password is checked.

    Raises AuthRequired (the same for every reason), PasswordChangeRequired for a one-time password without
    a new one beside it, WeakPassword for the new one, TooManyAttempts.
    """
    found = await _prove(db, given)
    if found.must_change and given.new_password is None:
        raise PasswordChangeRequired("this is a one-time password: send new_password beside it to log in")
    if given.new_password == given.password:
        raise WeakPassword("the new password is the old one")
    async with db.transaction() as session:
        if given.new_password is not None:
            await accounts.set_password(session, found.id, given.new_password)
        elif passwords.needs_rehash(found.password_hash):
            stronger = await passwords.hash_password(given.password)
            await session.execute(
                update(User)
                .where(User.id == found.id, User.password_hash == found.password_hash)
                .values(password_hash=stronger)
            )
        await session.execute(update(User).where(User.id == found.id).values(last_login=database_now()))
        opened = await sessions.start(session, found.id)
        await journal.record(session, "INFO", COMPONENT, "logged in", user_id=found.id, address=given.address)
    return opened


async def change_password(db: Database, given: Credentials, new_password: str) -> None:
    """Replace the password; every session ends. Raises as `log_in` does."""
    found = await _prove(db, given)
    if new_password == given.password:
        raise WeakPassword("the new password is the old one")
    async with db.transaction() as session:
        await accounts.set_password(session, found.id, new_password)


def delay_s(failures: int, allowed: int) -> int:
    """Seconds to wait after so many failures: none below `allowed`, then 1, 2, 4 … to 900."""
    return 0 if failures < allowed else min(2 ** min(failures - allowed, 16), _MOST_S)


async def _prove(db: Database, given: Credentials) -> _Found:
    async with db.transaction() as session:
        attempt = await _count(session, given)
        found = await _find(session, given.username)
    is_right = await passwords.matches(given.password, found.password_hash if found else None)
    if found is None or not is_right or not found.may_enter:
        raise AuthRequired("user name or password is wrong, or the account is not active")
    async with db.transaction() as session:
        await session.execute(delete(SystemLog).where(SystemLog.id == attempt))
    return found


async def _find(session: AsyncSession, username: str) -> _Found | None:
    row = (
        await session.execute(
            select(
                User.id,
                User.password_hash,
                User.one_time_until.is_not(None),
                User.active & func.coalesce(User.one_time_until > database_now(), True),
            ).where(User.username == accounts.normal(username))
        )
    ).one_or_none()
    return None if row is None else _Found(*row)


async def _count(session: AsyncSession, given: Credentials) -> int:
    """Record the attempt as a refused one; its id. Raises TooManyAttempts."""
    # The name is kept as a hash: users type their password into the wrong field.
    name = hashlib.sha256(accounts.normal(given.username).encode()).hexdigest()[:32]
    for key in (name, given.address):  # in this order everywhere, so that no two attempts wait for each other
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(key))))
    wait_s = max(
        await _wait_s(session, SystemLog.details["name"].astext == name, PER_ACCOUNT),
        await _wait_s(session, SystemLog.details["address"].astext == given.address, PER_ADDRESS),
    )
    if wait_s > 0:
        raise TooManyAttempts(f"too many failed log-ins; try again in {wait_s} s", wait_s)
    user_id = select(User.id).where(User.username == accounts.normal(given.username)).scalar_subquery()
    statement = insert(SystemLog).values(
        level="WARNING",
        component=COMPONENT,
        message=_TRIED,
        user_id=user_id,
        details={"name": name, "address": given.address},
        created_date=database_now(),
    )
    return (await session.execute(statement.returning(SystemLog.id))).scalar_one()


async def _wait_s(session: AsyncSession, of: ColumnElement[bool], allowed: int) -> int:
    """Seconds until the next attempt is accepted; 0 when it is now."""
    failures, since_last = (
        await session.execute(
            select(func.count(), func.extract("epoch", database_now() - func.max(SystemLog.created_date))).where(
                SystemLog.component == COMPONENT,
                SystemLog.message == _TRIED,
                SystemLog.created_date > database_in(-WINDOW),
                of,
            )
        )
    ).one()
    return max(0, math.ceil(delay_s(failures, allowed) - float(since_last or 0)))
