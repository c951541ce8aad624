"""The chapters of a transcription: found by rules in what was said, or as a person wrote them."""

from fastapi import APIRouter

from archivist_api.auth import Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.routes.transcriptions import JobId
from archivist_api.schemas.shows import Chapters, ChaptersWritten
from archivist_api.views import submission
from archivist_common.chapters import detection, lookup, store
from archivist_common.errors import NotCompleted
from archivist_common.events import journal
from archivist_common.jobs import queries
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.queries import JobView
from archivist_common.publishing import requests
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus

router = APIRouter(prefix="/api/v1/transcriptions", tags=["outputs"])

_COMPONENT = "api"


@router.get("/{job_id}/chapters", operation_id="readChapters", summary="Its chapters")
async def read(job_id: JobId, caller: Reader, deps: RequestDeps) -> Chapters:
    """As a person wrote them, else as the rules find them; none where nobody conducts a meeting."""
    job = await _completed(deps, caller, job_id)
    return await _told(deps, job)


@router.put("/{job_id}/chapters", operation_id="editChapters", summary="Write its chapters")
async def edit(job_id: JobId, body: ChaptersWritten, caller: Writer, deps: RequestDeps) -> Chapters:
    """All of them, in the place of what was there. Where the captions are published, the chapters there follow."""
    job = await _completed(deps, caller, job_id)
    written = body.chapters()
    detection.valid(written, job.now.audio_ms or 0)
    async with deps.db.transaction() as session:
        rows = lookup.rows_of(written)
        await store.edit(session, job.id, rows, user_id=caller.user_id)
        await requests.chapters_edited(session, job.id)
        message = f"{len(rows)} chapters written"
        await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job.id, user_id=caller.user_id)
    await submission.notify(deps)
    return await _told(deps, job)


@router.delete("/{job_id}/chapters", operation_id="resetChapters", summary="Go back to the rules' chapters")
async def reset(job_id: JobId, caller: Writer, deps: RequestDeps) -> Chapters:
    """What a person wrote is thrown away. Where the captions are published, the chapters there follow."""
    job = await _completed(deps, caller, job_id)
    async with deps.db.transaction() as session:
        stored = await store.of_transcription(session, job.id)
        await store.forget(session, job.id)
        if stored is not None and stored.edited is not None:
            await requests.chapters_edited(session, job.id)
            await journal.record(
                session,
                "INFO",
                _COMPONENT,
                "written chapters thrown away",
                transcription_id=job.id,
                user_id=caller.user_id,
            )
    await submission.notify(deps)
    return await _told(deps, job)


async def _completed(deps: Deps, caller: Caller, job_id: JobId) -> JobView:
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
    if job.now.status is not JobStatus.COMPLETED:
        raise NotCompleted(f"the transcription is {job.now.status.value}; it has chapters once it has completed")
    return job


async def _told(deps: Deps, job: JobView) -> Chapters:
    async def words(file: StoredFile) -> bytes:
        return await deps.disk.read(file, deps.settings.storage_deadline)

    found = await lookup.of_transcription(deps.db, job.id, words)
    async with deps.db.transaction() as session:
        stored = await store.of_transcription(session, job.id)
    return Chapters.of(found, None if stored is None else stored.edited, None if stored is None else stored.edited_by)
