"""The chapters of a transcription: as a person edited them, else as the rules find them in its words."""

import asyncio
from pathlib import Path
from uuid import UUID

from archivist_captions.formats import json as json_format
from archivist_common import artifacts, chapter_lists, chapters
from archivist_common.chapters import Chapter
from archivist_common.db import Database

_SPOKEN = "json"
"""The kind of the file that holds every word with its time."""


async def of_transcription(db: Database, transcription_id: UUID) -> tuple[Chapter, ...]:
    """Chapters on the recording's own time; none where nothing tells of any, or its words are not there any more.

    What the rules find is kept, so that a later version of them changes nothing about what people have seen.
    """
    async with db.transaction() as session:
        kept = await chapter_lists.of_transcription(session, transcription_id)
        files = await artifacts.of_transcription(session, transcription_id)
    if kept is not None:
        return tuple(
            chapters.Chapter(start_ms, title, chapters.Kind(kind) if kind else None)
            for start_ms, title, kind in kept.rows
        )
    spoken = next((one.path for one in files if one.kind == _SPOKEN), None)
    found = () if spoken is None else await asyncio.to_thread(_found, spoken)
    async with db.transaction() as session:
        rows = [(one.start_ms, one.title, one.kind or "") for one in found]
        await chapter_lists.keep(session, transcription_id, rows)
    return found


def _found(path: Path) -> tuple[Chapter, ...]:
    try:
        captions = json_format.read(path.read_bytes())
    except (OSError, ValueError):
        return ()
    return chapters.find(captions.words or captions.cues)
