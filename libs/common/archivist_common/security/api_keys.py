"""API keys: `arc_<environment>_<id>_<secret>_<checksum>`, shown once, kept as a hash, always with an end.

The fixed beginning and the checksum let scanners find a leaked key; the id finds its row; the secret has 256 bits,
so a plain SHA-256 of the key is enough.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import ApiKey, User
from archivist_common.errors import InvalidApiKey, InvalidRequest, NotFound, PermissionDenied
from archivist_common.events import journal
from archivist_common.security.permissions import GRANTABLE, OF_ROLE, READ_ONLY, Permission, of_key
from archivist_common.security.principal import Caller
from archivist_common.states import Role

DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=365)
_NOTED_EVERY = timedelta(minutes=1)

PREFIX = "arc_"
_FORM = re.compile(r"(arc_(?:prod|dev|test)_[0-9A-Za-z]{8})_([A-Za-z0-9_-]{43})_([0-9A-Za-z]{6})", re.ASCII)
_ENVIRONMENTS = {"production": "prod", "development": "dev", "testing": "test"}
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_COMPONENT = "auth"


@dataclass(frozen=True, slots=True)
class Key:
    """What may be shown of a key once it was made. `prefix` is its public part."""

    id: int
    user_id: int
    name: str
    description: str | None
    prefix: str
    permissions: frozenset[Permission]
    active: bool
    expires: datetime
    last_used: datetime | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Created:
    """A new key with its text, to be shown once."""

    key: Key
    text: str


async def create(
    session: AsyncSession,
    user_id: int,
    name: str,
    permissions: Collection[Permission] = READ_ONLY,
    *,
    life: timedelta = DEFAULT_LIFE,
    description: str | None = None,
    environment: Literal["production", "development", "testing"] = "production",
    by: int | None = None,
) -> Created:
    """A key for a user. Raises InvalidRequest, PermissionDenied for more than the user may do, NotFound."""
    if not timedelta() < life <= LONGEST_LIFE:
        raise InvalidRequest(f"a key lives up to {LONGEST_LIFE.days} days")
    if not permissions or not GRANTABLE.issuperset(permissions):
        raise InvalidRequest(f"a key carries one or more of {', '.join(sorted(GRANTABLE))}")
    role = await session.scalar(select(User.role).where(User.id == user_id, User.active))
    if role is None:
        raise NotFound(f"there is no active user {user_id}")
    beyond = set(permissions) - OF_ROLE[Role(role)]
    if beyond:
        raise PermissionDenied(f"role {role} does not have {', '.join(sorted(beyond))}")
    prefix, text = _make(_ENVIRONMENTS[environment])
    row = (
        await session.execute(
            insert(ApiKey)
            .values(
                user_id=user_id,
                prefix=prefix,
                key_hash=_hash(text),
                name=name,
                description=description,
                permissions=sorted(permissions),
                expires_at=database_in(life),
            )
            .returning(ApiKey)
        )
    ).scalar_one()
    await journal.record(
        session, "INFO", _COMPONENT, f"API key {prefix} created", user_id=user_id, by=by, may=sorted(permissions)
    )
    return Created(_key(row), text)


async def of(session: AsyncSession, user_id: int | None, after: int, limit: int) -> Sequence[Key]:
    """Keys of a user, or of all users when None, by id above `after`."""
    query = select(ApiKey).where(ApiKey.id > after).order_by(ApiKey.id).limit(limit)
    if user_id is not None:
        query = query.where(ApiKey.user_id == user_id)
    return [_key(row) for row in await session.scalars(query)]


async def revoke(session: AsyncSession, key_id: int, *, owner: int | None, by: int | None = None) -> None:
    """End a key now; doing it twice is the same. owner: the user it must belong to; None for any. Raises NotFound."""
    query = update(ApiKey).where(ApiKey.id == key_id).values(active=False).returning(ApiKey.prefix, ApiKey.user_id)
    if owner is not None:
        query = query.where(ApiKey.user_id == owner)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no API key {key_id}")
    await journal.record(session, "INFO", _COMPONENT, f"API key {row.prefix} revoked", user_id=row.user_id, by=by)


async def who(session: AsyncSession, text: str) -> Caller:
    """The owner of a key, with what the key may do now. Raises InvalidApiKey, the same for every reason."""
    prefix = _prefix_of(text)
    row = None
    if prefix is not None:
        row = (
            await session.execute(
                select(ApiKey, User.username, User.role, ApiKey.last_used.is_(None) | _is_stale())
                .join(User, User.id == ApiKey.user_id)
                .where(
                    ApiKey.prefix == prefix,
                    ApiKey.active,
                    User.active,
                    ApiKey.expires_at > database_now(),
                )
            )
        ).one_or_none()
    if row is None or not hmac.compare_digest(row[0].key_hash, _hash(text)):
        raise InvalidApiKey("the API key is unknown, revoked or expired")
    held, username, role_text, is_stale = row
    key = _key(held)
    if is_stale:
        await session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.id, or_(ApiKey.last_used.is_(None), _is_stale()))
            .values(last_used=database_now())
        )
    role = Role(role_text)
    return Caller(key.user_id, username, role, of_key(key.permissions, role), key.expires, key_id=key.id)


def _is_stale() -> ColumnElement[bool]:
    return ApiKey.last_used < database_in(-_NOTED_EVERY)


def _make(environment: str) -> tuple[str, str]:
    """The public part and the whole text of a new key."""
    identity = "".join(secrets.choice(_BASE62) for _ in range(8))
    prefix = f"{PREFIX}{environment}_{identity}"
    body = f"{prefix}_{secrets.token_urlsafe(32)}"
    return prefix, f"{body}_{_checksum(body)}"


def _prefix_of(text: str) -> str | None:
    """The public part of what has the form and the checksum of a key."""
    found = _FORM.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(f"{found[1]}_{found[2]}"), found[3]):
        return None
    return found[1]


def _checksum(body: str) -> str:
    """CRC-32 in base 62, six characters, as scanners for leaked secrets compute it."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(row: ApiKey) -> Key:
    assert row.expires_at is not None  # noqa: S101 -- `create` is the only writer
    return Key(
        row.id,
        row.user_id,
        row.name,
        row.description,
        row.prefix,
        frozenset(Permission(word) for word in row.permissions if word in set(Permission)),
        row.active,
        row.expires_at,
        row.last_used,
        row.created_date,
    )
