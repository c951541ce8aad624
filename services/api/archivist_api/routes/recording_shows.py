"""Which show a transcription's recording is: what rules suggest, and what a user chose."""

from fastapi import APIRouter

from archivist_api.auth import Reader, Writer
from archivist_api.deps import RequestDeps
from archivist_api.routes.parameters import JobId
from archivist_api.schemas.recording_shows import RecordingShow, ShowChoice, Suggestions
from archivist_api.views import recording_shows
from archivist_common.events import journal
from archivist_common.jobs import queries
from archivist_common.publishing import automatic, rights
from archivist_common.shows import links
from archivist_common.shows import queries as shows
from archivist_common.shows.matching import KnownShows

router = APIRouter(prefix="/api/v1/transcriptions", tags=["shows"])

_COMPONENT = "api"


@router.get("/{job_id}/suggestions", operation_id="suggestShows", summary="Shows that its recording may be")
async def suggest(job_id: JobId, caller: Reader, deps: RequestDeps) -> Suggestions:
    """By name, day and length, with reasons, from what the last sync found."""
    bodies = await deps.bodies.known(deps.db)
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        known = await recording_shows.candidates(session, job)
    return await recording_shows.suggestions(job, KnownShows(known, bodies))


@router.get("/{job_id}/show", operation_id="readRecordingShow", summary="The show its recording is")
async def read(job_id: JobId, caller: Reader, deps: RequestDeps) -> RecordingShow:
    """As a user chose it, or as a rule did when it was to be published."""
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        return await recording_shows.of_job(session, job)


@router.put("/{job_id}/show", operation_id="linkShow", summary="Choose the show its recording is")
async def link(job_id: JobId, body: ShowChoice, caller: Writer, deps: RequestDeps) -> RecordingShow:
    """No rule overrides that. Publications that waited for it continue."""
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        await rights.require_of_recording(session, job.storage, job.path, caller.sees_only)
        if not body.force:
            await shows.get(session, body.show_id)
        await links.link(session, job.storage, job.path, body.show_id, user_id=caller.user_id)
        message = f"its recording was linked to show {body.show_id}"
        await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job_id, user_id=caller.user_id)
        await automatic.show_linked(session, job.storage, job.path)
        linked = await recording_shows.of_job(session, job)
    await deps.notify()
    return linked


@router.delete("/{job_id}/show", operation_id="unlinkShow", summary="Unlink its recording from its show")
async def unlink(job_id: JobId, caller: Writer, deps: RequestDeps) -> RecordingShow:
    """The rules may find it again. Doing it twice is the same."""
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        await rights.require_of_recording(session, job.storage, job.path, caller.sees_only)
        if await links.unlink(session, job.storage, job.path):
            message, user_id = "its recording was unlinked from its show", caller.user_id
            await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job_id, user_id=user_id)
            await automatic.show_linked(session, job.storage, job.path)
        unlinked = await recording_shows.of_job(session, job)
    await deps.notify()
    return unlinked
