"""The chapters of a transcription."""

from datetime import timedelta

from archivist_api.schemas.chapters import Chapters
from archivist_api.views.downloads import DownloadReader
from archivist_common.chapters import detection, lookup, store
from archivist_common.database.engine import Database
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.queries import JobView


async def current(db: Database, downloads: DownloadReader, deadline: timedelta, job: JobView) -> Chapters:
    """As a user wrote them, else as the rules detect them in the words. deadline: for reading the words.

    Raises FileMissing, StorageUnavailable, CaptionsInvalid where the words cannot be read.
    """

    async def words(file: StoredFile) -> bytes:
        return await downloads.read(file, deadline)

    found = await lookup.of_transcription(db, job.id, words)
    async with db.transaction() as session:
        stored = await store.of_transcription(session, job.id)
    edited, edited_by = (None, None) if stored is None else (stored.edited, stored.edited_by)
    reason = None if found or edited or detection.language_of(job.language) else detection.NO_RULES
    return Chapters.of(found, edited, edited_by, reason)
