"""What a free slot claims next: a chunk of a job under way, or a job to lead, whichever is first in the queue."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.jobs import chunks, lifecycle
from archivist_common.jobs.chunks import ChunkClaim
from archivist_common.jobs.lifecycle import JobClaim


async def next_work(
    session: AsyncSession,
    owner: str,
    lease: timedelta,
    *,
    recipe: str,
    storages: Collection[str] | None = None,
    leads: bool = True,
) -> JobClaim | ChunkClaim | None:
    """Claim the next piece of work. None when nothing is due.

    A chunk goes by its job's place in the queue: a long recording under way lets an urgent one pass after the
    current chunk. recipe: the only one of chunks that this slot can transcribe. storages: those that can be read from
    here now; None for all. leads: whether jobs may be led from here, or only chunks transcribed.
    """
    job = (await session.execute(lifecycle.next_due(storages))).one_or_none() if leads else None
    chunk = (await session.execute(chunks.next_due(recipe, storages))).one_or_none()
    if chunk is not None and (job is None or (chunk[2], chunk[1]) <= (job[1], job[0])):
        return await chunks.claim_locked(session, chunk[0], owner, lease)
    if job is not None:
        return await lifecycle.claim_locked(session, job[0], owner, lease)
    return None


async def release_unknown(session: AsyncSession, owner: str, leading: Collection[UUID]) -> None:
    """Release what was claimed for a slot that does not know of it.

    A claim may count though its response was lost, in a crash of the database or on the wire. Left alone, its lease
    would expire and a crash be charged that never was. leading: the jobs led from here. Not for a slot at work.
    """
    await lifecycle.release_unknown(session, owner, leading)
    await chunks.release_unknown(session, owner)
