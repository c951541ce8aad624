"""The chapters of a transcription: as a person edited them, else as the rules find them in its words."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import select

from archivist_captions.formats import archivist_json as json_format
from archivist_common.chapters import detection, store
from archivist_common.chapters.detection import Chapter
from archivist_common.database.engine import Database
from archivist_common.database.models import Transcription
from archivist_common.jobs import artifacts
from archivist_common.jobs.artifacts import StoredFile

Reader = Callable[[StoredFile], Awaitable[bytes]]
"""Gives a file as it was committed; raises what it likes."""

_SPOKEN = "json"
"""The kind of the file that holds every word with its time."""


async def of_transcription(db: Database, transcription_id: UUID, read: Reader | None = None) -> tuple[Chapter, ...]:
    """Chapters on the recording's own time; none where nothing tells of any, or it has no words.

    What the rules find is kept, so that a later version of them changes nothing about what people have seen.
    Words that cannot be read now give none without `read`, and nothing is kept of that; `read` raises instead.
    Nothing is kept either of a language without rules (`detection.language_of`): there may be some one day.
    """
    async with db.transaction() as session:
        kept = await store.of_transcription(session, transcription_id)
        language = await session.scalar(select(Transcription.language).where(Transcription.id == transcription_id))
        files = await artifacts.of_transcription(session, transcription_id)
    if kept is not None:
        return of_rows(kept.rows)
    spoken = next((one for one in files if one.kind == _SPOKEN), None)
    if spoken is None or language is None or detection.language_of(language) is None:
        return ()
    try:
        data = await (read or _plainly)(spoken)
    except OSError:
        return ()
    found = await asyncio.to_thread(_found, data, language)
    async with db.transaction() as session:
        await store.keep(session, transcription_id, rows_of(found))
    return found


def of_rows(rows: store.Rows) -> tuple[Chapter, ...]:
    """Chapters as they lie in the database."""
    return tuple(Chapter(start_ms, title, detection.Topic(kind) if kind else None) for start_ms, title, kind in rows)


def rows_of(found: tuple[Chapter, ...]) -> list[tuple[int, str, str]]:
    """Chapters as the database takes them."""
    return [(one.start_ms, one.title, one.kind or "") for one in found]


async def _plainly(file: StoredFile) -> bytes:
    return await asyncio.to_thread(file.path.read_bytes)


def _found(data: bytes, language: str) -> tuple[Chapter, ...]:
    try:
        captions = json_format.read(data)
    except ValueError:
        return ()
    return detection.find(captions.words or captions.cues, language)
