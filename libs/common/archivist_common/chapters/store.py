"""Chapters of a transcription at rest: as the rules found them, or as a person has edited them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import ChapterList

Rows = Sequence[tuple[int, str, str]]
"""[start_ms, title, kind] of each chapter, on the recording's own time; kind is empty where a person wrote it."""


@dataclass(frozen=True, slots=True)
class StoredChapters:
    """rows: [start_ms, title, kind] of each chapter. edited: when a person did, None while the rules' own."""

    rows: tuple[tuple[int, str, str], ...]
    edited_by: int | None
    edited: datetime | None


async def of_transcription(session: AsyncSession, transcription_id: UUID) -> StoredChapters | None:
    row = await session.get(ChapterList, transcription_id, populate_existing=True)
    if row is None:
        return None
    return StoredChapters(tuple((one[0], one[1], one[2]) for one in row.chapters), row.edited_by, row.edited_date)


async def keep(session: AsyncSession, transcription_id: UUID, rows: Rows) -> None:
    """Keep what the rules found, unless there is a list already."""
    await session.execute(
        insert(ChapterList)
        .values(transcription_id=transcription_id, chapters=[list(one) for one in rows])
        .on_conflict_do_nothing()
    )


async def edit(session: AsyncSession, transcription_id: UUID, rows: Rows, *, user_id: int) -> None:
    """A person's chapters take the place of what was there."""
    values: dict[str, Any] = {
        "chapters": [list(one) for one in rows],
        "edited_by": user_id,
        "edited_date": database_now(),
    }
    await session.execute(
        insert(ChapterList)
        .values(transcription_id=transcription_id, **values)
        .on_conflict_do_update(index_elements=["transcription_id"], set_=values)
    )


async def forget(session: AsyncSession, transcription_id: UUID) -> None:
    """Throw the list away: the rules find it anew."""
    await session.execute(delete(ChapterList).where(ChapterList.transcription_id == transcription_id))
