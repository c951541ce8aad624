"""A request that creates something, carried out once however often its client sends it under one key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.engine import Database
from archivist_common.security.principal import Caller
from archivist_common.web import idempotency

Checked = TypeVar("Checked")
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A caller's request to create a transcription or a batch; with a key it is carried out once."""

    caller: Caller
    key: str | None
    creates: Literal["transcription", "batch"]
    body: BaseModel

    async def recall(self, session: AsyncSession) -> UUID | None:
        """What an earlier request with this key created. Raises IdempotencyMismatch for a key of another request."""
        if self.key is None:
            return None
        return await idempotency.recall(session, self.caller.user_id, self.key, self._sha256())

    async def remember(self, session: AsyncSession, created: UUID) -> None:
        if self.key is not None:
            ids = {f"{self.creates}_id": created}
            await idempotency.remember(session, self.caller.user_id, self.key, self._sha256(), **ids)

    def _sha256(self) -> str:
        operation = _OPERATIONS[self.creates]
        return idempotency.fingerprint(operation, self.body.model_dump_json(exclude_unset=True).encode())


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Shown]):
    """is_new: this request created it. replayed: an earlier one with the same key did."""

    body: Shown
    is_new: bool
    replayed: bool


async def idempotent(
    db: Database,
    request: IdempotentRequest,
    *,
    check: Callable[[], Awaitable[Checked]],
    create: Callable[[AsyncSession, Checked], Awaitable[tuple[UUID, bool]]],
    read: Callable[[AsyncSession, UUID], Awaitable[Shown]],
) -> Outcome[Shown]:
    """Carry a request out, or show what the first request with its key created.

    check: what is slow, outside of transactions. create: its id, and whether it is new. read: the response's body.
    Raises what these raise, and IdempotencyMismatch.
    """
    if request.key is not None:  # before any check: the recording may be gone by now
        async with db.transaction() as session:
            if (before := await request.recall(session)) is not None:
                return Outcome(await read(session, before), is_new=False, replayed=True)
    checked = await check()
    async with db.transaction() as session:
        if (before := await request.recall(session)) is not None:  # another request with this key was faster
            return Outcome(await read(session, before), is_new=False, replayed=True)
        created, is_new = await create(session, checked)
        await request.remember(session, created)
        return Outcome(await read(session, created), is_new, replayed=False)


_OPERATIONS = {"transcription": "submit", "batch": "batch"}
"""Names in the stored fingerprints: keys used before an upgrade stay valid with them."""
