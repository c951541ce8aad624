"""User accounts: names, roles and passwords, as functions of a session.

A password that an administrator made is a one-time one: it can only be exchanged for one of the user's own.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Session, User
from archivist_common.errors import Conflict, InvalidRequest, NotFound
from archivist_common.events import journal
from archivist_common.security import passwords
from archivist_common.states import Role

ADMIN_ONE_TIME = timedelta(hours=1)
USER_ONE_TIME = timedelta(hours=24)

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{2,79}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,55}")
_COMPONENT = "auth"


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    username: str
    email: str
    role: Role
    active: bool
    created: datetime
    last_login: datetime | None


@dataclass(frozen=True, slots=True)
class OneTime:
    """A new account's password, to be shown once. It is stored as a hash only."""

    account: Account
    password: str
    until: datetime


async def create(
    session: AsyncSession,
    username: str,
    email: str | None = None,
    role: Role = Role.USER,
    *,
    one_time: timedelta = USER_ONE_TIME,
    by: int | None = None,
) -> OneTime:
    """A new account with a one-time password. Names are kept in lower case. email: `name@localhost` when None.

    Raises InvalidRequest for a name or an address that cannot be one, Conflict when either is taken.
    """
    name = normal(username)
    if not _NAME.fullmatch(name):
        raise InvalidRequest("a user name has 3 to 80 of a-z 0-9 . _ @ - and begins with a letter or digit")
    address = (email or f"{name}@localhost").strip().lower()
    if not _EMAIL.fullmatch(address):
        raise InvalidRequest(f"{email!r} is not an e-mail address")
    password = _random_password()
    user = (
        await session.execute(
            insert(User)
            .values(
                username=name,
                email=address,
                role=role,
                password_hash=await passwords.hash_password(password),
                one_time_until=database_in(one_time),
            )
            .on_conflict_do_nothing()
            .returning(User)
        )
    ).scalar_one_or_none()
    if user is None:
        raise Conflict(f"a user {name!r} or the address {address!r} exists already")
    await _record(session, f"user {name} created as {role.value}", user.id, by=by)
    assert user.one_time_until is not None  # noqa: S101 -- written above
    return OneTime(_account(user), password, user.one_time_until)


async def create_admin(
    session: AsyncSession, username: str = "admin", email: str | None = None, *, one_time: timedelta = ADMIN_ONE_TIME
) -> OneTime:
    """An administrator with a one-time password: how the first user logs in. Raises as `create` does."""
    return await create(session, username, email, Role.ADMIN, one_time=one_time)


async def find(session: AsyncSession, username: str) -> Account | None:
    user = await session.scalar(select(User).where(User.username == normal(username)))
    return None if user is None else _account(user)


async def get(session: AsyncSession, user_id: int) -> Account:
    """Raises NotFound."""
    return _account(await _user(session, user_id))


async def page(session: AsyncSession, after: int, limit: int) -> Sequence[Account]:
    """Accounts by id, above `after`."""
    rows = await session.scalars(select(User).where(User.id > after).order_by(User.id).limit(limit))
    return [_account(row) for row in rows]


async def any_admin(session: AsyncSession) -> bool:
    """Whether an active administrator exists."""
    return await session.scalar(select(User.id).where(User.role == Role.ADMIN, User.active).limit(1)) is not None


async def change(
    session: AsyncSession, user_id: int, *, role: Role | None = None, active: bool | None = None, by: int
) -> Account:
    """Change the role of an account, or deactivate or activate it. Takes effect with the next request.

    Raises NotFound, and Conflict when no active administrator would be left.
    """
    # Locks every administrator in order: two changes at once must not remove the last one together.
    await session.execute(select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update())
    user = await _user(session, user_id, lock=True)
    if role is not None:
        user.role = role
    if active is not None:
        user.active = active
    await session.flush()
    if not await any_admin(session):
        raise Conflict("that would leave no active administrator")
    if active is False:
        await _end_sessions(session, user_id)
    now = f"role {user.role}, {'active' if user.active else 'deactivated'}"
    await _record(session, f"user {user.username} changed: {now}", user_id, by=by)
    return _account(user)


async def renew_one_time(
    session: AsyncSession, user_id: int, *, one_time: timedelta = USER_ONE_TIME, by: int | None = None
) -> OneTime:
    """A new one-time password in place of the old password, which is forgotten; sessions end. Raises NotFound."""
    user = await _user(session, user_id, lock=True)
    password = _random_password()
    user.password_hash = await passwords.hash_password(password)
    until = await session.scalar(
        update(User)
        .where(User.id == user_id)
        .values(one_time_until=database_in(one_time))
        .returning(User.one_time_until)
    )
    await _end_sessions(session, user_id)
    await _record(session, f"one-time password made for {user.username}", user_id, by=by)
    assert until is not None  # noqa: S101 -- written above
    return OneTime(_account(user), password, until)


async def set_password(session: AsyncSession, user_id: int, password: str) -> None:
    """Set a user's own password and end their sessions. Raises WeakPassword, NotFound."""
    user = await _user(session, user_id, lock=True)
    passwords.check_strength(password, about=(user.username, *user.email.split("@")))
    user.password_hash = await passwords.hash_password(password)
    user.one_time_until = None
    await session.flush()
    await _end_sessions(session, user_id)
    await _record(session, f"password of {user.username} changed", user_id)


def normal(username: str) -> str:
    return username.strip().lower()


def _random_password() -> str:
    """Five groups of five letters and digits that are not mistaken for each other: 124 bits."""
    letters = "23456789abcdefghjkmnpqrstuvwxyz"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


def _account(user: User) -> Account:
    return Account(
        user.id, user.username, user.email, Role(user.role), user.active, user.created_date, user.last_login
    )


async def _user(session: AsyncSession, user_id: int, *, lock: bool = False) -> User:
    user = await session.get(User, user_id, with_for_update=lock or None, populate_existing=True)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


async def _end_sessions(session: AsyncSession, user_id: int) -> None:
    await session.execute(
        update(Session)
        .where(Session.user_id == user_id, Session.revoked_date.is_(None))
        .values(revoked_date=database_now())
    )


async def _record(session: AsyncSession, message: str, user_id: int, *, by: int | None = None) -> None:
    await journal.record(session, "INFO", _COMPONENT, message, user_id=user_id, by=by)
