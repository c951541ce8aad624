"""What is written of a transcription beside its own row, by whoever moves it."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import Chunk, Transcription
from archivist_common.events import journal

COMPONENT = "transcription"


async def forget_chunks(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Throw away what was heard of these transcriptions, and their plans with it: a retry begins anew."""
    await session.execute(delete(Chunk).where(Chunk.transcription_id.in_(select(Transcription.id).where(which))))
    await session.execute(
        update(Transcription)
        .where(which, Transcription.plan.is_not(None))
        .values(plan=None)
        .execution_options(synchronize_session=False)
    )


async def leave_nothing(session: AsyncSession, job_id: UUID) -> None:
    """A cancelled job leaves nothing behind."""
    await forget_chunks(session, Transcription.id == job_id)


async def tell(session: AsyncSession, job_id: UUID, message: str, **details: Any) -> None:
    await journal.record(session, "INFO", COMPONENT, message, transcription_id=job_id, **details)
