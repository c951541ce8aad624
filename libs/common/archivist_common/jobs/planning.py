"""How a job's leader plans it: chunks stored as the recording is cut, and what the planner found.

Each locks the job's row, its leader still being who it was. Begun again, planning goes on from the stored chunks.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Chunk, Transcription
from archivist_common.jobs.chunks import Cut
from archivist_common.jobs.lifecycle import JOB, JobClaim, seconds
from archivist_common.leases import lease as leases
from archivist_common.states import ChunkStatus, Stage


async def resume(session: AsyncSession, claim: JobClaim, recipe: str) -> tuple[int, ...]:
    """Begin, or go on with, the chunks of a claimed job: the ends, in milliseconds, of those stored already.

    Chunks of another recipe (engine and settings) are deleted, unless all have been transcribed: results of two are
    never mixed. Raises Fenced.
    """
    await leases.lock(session, JOB, claim)
    row = (
        await session.execute(select(Transcription.recipe, Transcription.plan).where(Transcription.id == claim.id))
    ).one()
    unfinished = select(Chunk.id).where(Chunk.transcription_id == claim.id, Chunk.status != ChunkStatus.COMPLETED)
    if row.recipe != recipe and (row.plan is None or await session.scalar(unfinished.limit(1)) is not None):
        await session.execute(delete(Chunk).where(Chunk.transcription_id == claim.id))
        await session.execute(
            update(Transcription).where(Transcription.id == claim.id).values(recipe=recipe, plan=None)
        )
    ends = await session.scalars(
        select(Chunk.end_ms).where(Chunk.transcription_id == claim.id).order_by(Chunk.number)
    )
    return tuple(ends)


async def add(session: AsyncSession, claim: JobClaim, recipe: str, cuts: Sequence[Cut]) -> None:
    """Store chunks, ready to be claimed. One that is stored already stays as it is. Raises Fenced.

    A new one is progress: the planner's failures and crashes before it are forgotten.
    """
    await leases.lock(session, JOB, claim)
    known = set(await session.scalars(select(Chunk.number).where(Chunk.transcription_id == claim.id)))
    rows = [
        {
            "transcription_id": claim.id,
            "number": cut.number,
            "recipe": recipe,
            "start_ms": cut.start_ms,
            "end_ms": cut.end_ms,
            "speech": [list(stretch) for stretch in cut.speech],
            "language": cut.language,
            "available_at": database_now(),
        }
        for cut in cuts
        if cut.number not in known
    ]
    for row in rows:
        await session.execute(insert(Chunk).values(row))
    if rows:
        await session.execute(
            update(Transcription).where(Transcription.id == claim.id).values(crash_count=0, failure_count=0)
        )


async def store_plan(session: AsyncSession, claim: JobClaim, audio_ms: int, plan: Mapping[str, Any]) -> None:
    """All chunks of a job are stored, and this is what its recording holds. Raises Fenced.

    Progress: failures and crashes before it are forgotten.
    """
    values = {
        "plan": dict(plan),
        "stage": Stage.TRANSCRIBE,
        "audio_ms": audio_ms,
        "duration": seconds(audio_ms),
        "failure_count": 0,
        "crash_count": 0,
        "progress_at": database_now(),
    }
    await leases.write(session, JOB, claim, values)


async def plan(session: AsyncSession, transcription_id: UUID) -> dict[str, Any] | None:
    """What the planner found in a recording; None until it is done."""
    found: dict[str, Any] | None = await session.scalar(
        select(Transcription.plan).where(Transcription.id == transcription_id)
    )
    return found


async def language(session: AsyncSession, transcription_id: UUID) -> str | None:
    """The language its chunks are transcribed in; None while no speech was found."""
    found: str | None = await session.scalar(
        select(Chunk.language)
        .where(Chunk.transcription_id == transcription_id, func.jsonb_array_length(Chunk.speech) > 0)
        .order_by(Chunk.number)
        .limit(1)
    )
    return found
