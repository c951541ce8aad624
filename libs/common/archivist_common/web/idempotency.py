"""Idempotency keys: a request sent twice under one key is carried out once. Kept for a day."""

import hashlib
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import IdempotencyKey
from archivist_common.errors import IdempotencyMismatch

_LOCK = 0x4964656D  # "Idem": first half of the advisory lock's key


def fingerprint(operation: str, body: bytes) -> str:
    """What a request asks for, so that another request under the same key is seen."""
    return hashlib.sha256(operation.encode() + b"\0" + body).hexdigest()


async def recall(session: AsyncSession, user_id: int, key: str, request_sha256: str) -> UUID | None:
    """The transcription or batch this key has led to, or None. Others with it wait until the transaction ends.

    Raises IdempotencyMismatch when the key was used for another request.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(f"{user_id}:{key}"))))
    held = await session.get(IdempotencyKey, (user_id, key), populate_existing=True)
    if held is None:
        return None
    if held.request_sha256 != request_sha256:
        raise IdempotencyMismatch(f"Idempotency-Key {key!r} was used for another request")
    return held.transcription_id or held.batch_id


async def remember(
    session: AsyncSession,
    user_id: int,
    key: str,
    request_sha256: str,
    *,
    transcription_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> None:
    """Store what a key has led to, in the transaction that did it and after `recall`."""
    await session.execute(
        insert(IdempotencyKey).values(
            user_id=user_id,
            key=key,
            request_sha256=request_sha256,
            transcription_id=transcription_id,
            batch_id=batch_id,
        )
    )
