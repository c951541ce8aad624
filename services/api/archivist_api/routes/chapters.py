"""The chapters of a transcription: detected by rules in its words, or as a user wrote them."""

from fastapi import APIRouter

from archivist_api.auth import Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.routes.parameters import JobId
from archivist_api.schemas.chapters import Chapters, ChaptersWritten
from archivist_api.views import chapters
from archivist_common.chapters import detection, lookup, store
from archivist_common.errors import NotCompleted
from archivist_common.events import journal
from archivist_common.jobs import queries
from archivist_common.jobs.queries import JobView
from archivist_common.publishing import automatic, rights
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus

router = APIRouter(prefix="/api/v1/transcriptions", tags=["outputs"])

_COMPONENT = "api"


@router.get("/{job_id}/chapters", operation_id="readChapters", summary="Its chapters")
async def read(job_id: JobId, caller: Reader, deps: RequestDeps) -> Chapters:
    """As a user wrote them, else as the rules detect them; none where there is no meeting."""
    job = await _completed(deps, caller, job_id)
    return await chapters.current(deps.db, deps.downloads, deps.settings.storage_deadline, job)


@router.put("/{job_id}/chapters", operation_id="editChapters", summary="Write its chapters")
async def edit(job_id: JobId, body: ChaptersWritten, caller: Writer, deps: RequestDeps) -> Chapters:
    """Replaces all of them. Where the captions are published, the chapters there are updated."""
    job = await _completed(deps, caller, job_id)
    written = body.chapters()
    detection.valid(written, job.now.audio_ms or 0)
    rows, user_id = lookup.rows_of(written), caller.user_id
    async with deps.db.transaction() as session:
        await rights.require_of_transcription(session, job.id, caller.sees_only)
        await store.edit(session, job.id, rows, user_id=user_id)
        await automatic.chapters_edited(session, job.id)
        message = f"{len(rows)} chapters written"
        await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job.id, user_id=user_id)
    await deps.notify()
    return await chapters.current(deps.db, deps.downloads, deps.settings.storage_deadline, job)


@router.delete("/{job_id}/chapters", operation_id="resetChapters", summary="Return to the detected chapters")
async def reset(job_id: JobId, caller: Writer, deps: RequestDeps) -> Chapters:
    """Deletes what a user wrote. Where the captions are published, the chapters there are updated."""
    job = await _completed(deps, caller, job_id)
    async with deps.db.transaction() as session:
        await rights.require_of_transcription(session, job.id, caller.sees_only)
        stored = await store.of_transcription(session, job.id)
        await store.forget(session, job.id)
        if stored is not None and stored.edited is not None:
            await automatic.chapters_edited(session, job.id)
            message, user_id = "written chapters deleted", caller.user_id
            await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job.id, user_id=user_id)
    await deps.notify()
    return await chapters.current(deps.db, deps.downloads, deps.settings.storage_deadline, job)


async def _completed(deps: Deps, caller: Caller, job_id: JobId) -> JobView:
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
    if job.now.status is not JobStatus.COMPLETED:
        raise NotCompleted(f"the transcription is {job.now.status.value}; it has chapters once it has completed")
    return job
