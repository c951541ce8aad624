"""Log-ins that last: a session in the database, known to its client by a refresh token used once and replaced.

The token is stored as a hash. Its successor is computed from it with our key, so that a client whose response
was lost gets the same successor again within ten seconds; later, a token used twice was stolen.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Session, User
from archivist_common.errors import InvalidToken
from archivist_common.events import journal
from archivist_common.security.permissions import OF_ROLE
from archivist_common.security.principal import Caller
from archivist_common.security.tokens import Access
from archivist_common.states import Role

LONGEST = timedelta(hours=24)
"""After this long a user logs in again."""
GRACE = timedelta(seconds=10)

_COMPONENT = "auth"
_TOKEN_LENGTH = 43  # base64url of 256 bits


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and the refresh token that continues it, to be shown once."""

    id: UUID
    user_id: int
    refresh_token: str


async def start(session: AsyncSession, user_id: int) -> Opened:
    token = secrets.token_urlsafe(32)
    values = {"user_id": user_id, "refresh_sha256": _hash(token)}
    session_id = (await session.execute(insert(Session).values(values).returning(Session.id))).scalar_one()
    return Opened(session_id, user_id, token)


async def refresh(session: AsyncSession, token: str, key: bytes, idle: timedelta) -> Opened | None:
    """Replace a refresh token by its successor. None when it continues no session.

    The caller commits even then: a token that was replaced before and comes again ends the session.
    key: signs the successor. idle: a session not continued for this long has ended.
    """
    if len(token) != _TOKEN_LENGTH or not token.isascii():
        return None
    digest = _hash(token)
    row = (
        await session.execute(
            select(Session, Session.last_used > database_in(-GRACE))
            .join(User, User.id == Session.user_id)
            .where(
                or_(Session.refresh_sha256 == digest, Session.previous_sha256 == digest),
                User.active,
                *_alive(idle),
            )
            .with_for_update(of=Session)
        )
    ).one_or_none()
    if row is None:
        return None
    held, is_recent = row
    successor = _successor(token, key)
    if held.refresh_sha256 == digest:
        await session.execute(
            update(Session)
            .where(Session.id == held.id)
            .values(refresh_sha256=_hash(successor), previous_sha256=digest, last_used=database_now())
        )
    elif not is_recent or held.refresh_sha256 != _hash(successor):
        await end(session, held.id)
        await journal.record(
            session,
            "WARNING",
            _COMPONENT,
            "a refresh token was used twice; the session was ended",
            user_id=held.user_id,
        )
        return None
    return Opened(held.id, held.user_id, successor)


async def who(session: AsyncSession, access: Access, idle: timedelta) -> Caller:
    """The user of a valid token, as of now. Raises InvalidToken when the session or account has ended."""
    user = (
        await session.execute(
            select(User.id, User.username, User.role)
            .join(Session, Session.user_id == User.id)
            .where(Session.id == access.session_id, User.id == access.user_id, User.active, *_alive(idle))
        )
    ).one_or_none()
    if user is None:
        raise InvalidToken("the session has ended; log in again")
    role = Role(user.role)
    return Caller(user.id, user.username, role, OF_ROLE[role], access.expires, session_id=access.session_id)


async def end(session: AsyncSession, session_id: UUID) -> None:
    """Log out. Its tokens are refused from the next request on."""
    await session.execute(
        update(Session)
        .where(Session.id == session_id, Session.revoked_date.is_(None))
        .values(revoked_date=database_now())
    )


def _alive(idle: timedelta) -> tuple[ColumnElement[bool], ...]:
    return (
        and_(Session.revoked_date.is_(None), Session.last_used > database_in(-idle)),
        Session.created_date > database_in(-LONGEST),
    )


def _successor(token: str, key: bytes) -> str:
    return urlsafe_b64encode(hmac.digest(key, token.encode(), "sha256")).rstrip(b"=").decode()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
