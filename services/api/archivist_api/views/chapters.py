"""The chapters of a transcription."""

from datetime import timedelta
from uuid import UUID

from archivist_api.schemas.chapters import Chapters
from archivist_api.views.downloads import DownloadReader
from archivist_common.chapters import lookup, store
from archivist_common.database.engine import Database
from archivist_common.jobs.artifacts import StoredFile


async def current(db: Database, downloads: DownloadReader, deadline: timedelta, job_id: UUID) -> Chapters:
    """As a user wrote them, else as the rules detect them in the words. deadline: for reading the words.

    Raises FileMissing, StorageUnavailable, CaptionsInvalid where the words cannot be read.
    """

    async def words(file: StoredFile) -> bytes:
        return await downloads.read(file, deadline)

    found = await lookup.of_transcription(db, job_id, words)
    async with db.transaction() as session:
        stored = await store.of_transcription(session, job_id)
    return Chapters.of(found, None if stored is None else stored.edited, None if stored is None else stored.edited_by)
