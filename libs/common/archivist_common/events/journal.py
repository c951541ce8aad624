"""The log for operators: rows of `system_logs`, written in the transaction of the change they describe."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import SystemLog
from archivist_common.database.text import storable

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_RECORD = insert(cast(Table, SystemLog.__table__))  # past the mapper, and built once: many are written


@dataclass(frozen=True, slots=True)
class JournalEntry:
    level: str
    message: str
    component: str | None
    created_date: datetime


async def record(
    session: AsyncSession,
    level: str,
    component: str,
    message: str,
    *,
    transcription_id: UUID | None = None,
    user_id: int | None = None,
    **details: Any,
) -> None:
    """Write an entry in the caller's transaction. Control characters cannot forge a second line."""
    await session.execute(
        _RECORD,
        {
            "level": level,
            "component": component,
            "message": _CONTROL.sub(_REPLACEMENT, storable(message)),
            "transcription_id": transcription_id,
            "user_id": user_id,
            "metadata": details or None,
        },
    )


async def note(session: AsyncSession, job_id: UUID, message: str, *, level: str = "INFO", **details: Any) -> None:
    """Write a step of a job's life."""
    await record(session, level, "transcription", message, transcription_id=job_id, **details)


async def of_transcription(session: AsyncSession, transcription_id: UUID, limit: int = 200) -> Sequence[JournalEntry]:
    """The entries of one job, oldest first."""
    rows = await session.scalars(
        select(SystemLog).where(SystemLog.transcription_id == transcription_id).order_by(SystemLog.id).limit(limit)
    )
    return [JournalEntry(row.level, row.message, row.component, row.created_date) for row in rows]
