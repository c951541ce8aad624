"""The ledger of changes made at targets, as functions of a session (docs/decisions/0018).

A change is recorded as intended before it is requested, and as confirmed, with the target's id, when the response is
there. What is intended or unknown may have happened: it is looked up before it is requested again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Effect
from archivist_common.states import EffectState


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change. is_new: it was never requested before."""

    id: int
    key: str
    state: EffectState
    tries: int
    external_id: str | None
    note: Mapping[str, Any]
    is_new: bool = False


async def intend(session: AsyncSession, publication_id: UUID, attempt: int, key: str) -> LedgerEntry:
    """The entry of this change, made now where there is none. Commit before you request the change."""
    made = (
        await session.execute(
            pg_insert(Effect)
            .values(publication_id=publication_id, attempt=attempt, key=key, created_date=database_now())
            .on_conflict_do_nothing(index_elements=["publication_id", "key"])
            .returning(Effect)
        )
    ).scalar_one_or_none()
    if made is not None:
        return _entry(made, is_new=True)
    row = (
        await session.execute(
            select(Effect)
            .where(Effect.publication_id == publication_id, Effect.key == key)
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    return _entry(row)


async def intend_again(session: AsyncSession, entry: LedgerEntry, attempt: int) -> None:
    """It is requested once more: it did not happen the time before. One that is confirmed stays so."""
    await session.execute(
        update(Effect)
        .where(Effect.id == entry.id, Effect.state != EffectState.CONFIRMED)
        .values(state=EffectState.INTENDED, attempt=attempt, tries=Effect.tries + 1)
    )


async def mark_unknown(session: AsyncSession, entry: LedgerEntry) -> None:
    """No response came: whether it happened is unknown."""
    await session.execute(
        update(Effect)
        .where(Effect.id == entry.id, Effect.state == EffectState.INTENDED)
        .values(state=EffectState.UNKNOWN)
    )


async def confirm(session: AsyncSession, entry: LedgerEntry, external_id: str) -> None:
    await session.execute(
        update(Effect)
        .where(Effect.id == entry.id)
        .values(state=EffectState.CONFIRMED, external_id=external_id, settled_date=database_now())
    )


async def seen(session: AsyncSession, publication_id: UUID, key: str, external_id: str) -> None:
    """What was requested was found there, though no response ever came: it is confirmed."""
    await session.execute(
        update(Effect)
        .where(Effect.publication_id == publication_id, Effect.key == key, Effect.state != EffectState.CONFIRMED)
        .values(state=EffectState.CONFIRMED, external_id=external_id, settled_date=database_now())
    )


async def note(session: AsyncSession, entry: LedgerEntry, what: Mapping[str, Any]) -> None:
    """Keep what is needed to go on in the middle of it."""
    await session.execute(update(Effect).where(Effect.id == entry.id).values(note=dict(what)))


async def forget(session: AsyncSession, publication_id: UUID, key: str) -> None:
    """What was made was deleted at the target: it may be made again, as if it never was."""
    await session.execute(delete(Effect).where(Effect.publication_id == publication_id, Effect.key == key))


async def of_publication(session: AsyncSession, publication_id: UUID, prefix: str = "") -> Sequence[LedgerEntry]:
    """Changes of a publication, oldest first. prefix: of the keys."""
    rows = await session.scalars(
        select(Effect)
        .where(Effect.publication_id == publication_id, Effect.key.startswith(prefix, autoescape=True))
        .order_by(Effect.id)
        .execution_options(populate_existing=True)
    )
    return [_entry(row) for row in rows]


async def unsettled(session: AsyncSession) -> int:
    """How many changes have an unknown outcome."""
    count = await session.scalar(
        select(func.count()).select_from(Effect).where(Effect.state != EffectState.CONFIRMED)
    )
    return count or 0


def _entry(row: Effect, *, is_new: bool = False) -> LedgerEntry:
    return LedgerEntry(row.id, row.key, EffectState(row.state), row.tries, row.external_id, row.note, is_new)
