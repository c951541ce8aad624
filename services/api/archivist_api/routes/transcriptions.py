"""Recordings to caption: submit, watch, reorder, cancel, retry."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.idempotency import IdempotentRequest, idempotent
from archivist_api.pagination import BY_CREATION, Paging
from archivist_api.routes.parameters import LONGEST_WAIT_S, ClientKey, JobId
from archivist_api.schemas.common import Text
from archivist_api.schemas.transcriptions import (
    Log,
    LogEntry,
    Move,
    PriorityChange,
    Transcription,
    TranscriptionCreate,
    TranscriptionPage,
)
from archivist_api.views import submission, transcriptions
from archivist_common.events import journal
from archivist_common.jobs import queries, queue_control, requests
from archivist_common.jobs.queries import JobFilter
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus

router = APIRouter(prefix="/api/v1/transcriptions", tags=["transcriptions"])

_POLL_AFTER_S = 2  # a hint for pollers, in Retry-After


@router.post(
    "",
    operation_id="submitTranscription",
    summary="Caption a recording",
    status_code=202,
    responses={
        200: {"model": Transcription, "description": "The same recording is being captioned; this is its job"}
    },
)
async def submit(
    body: TranscriptionCreate, caller: Writer, deps: RequestDeps, response: Response, key: ClientKey = None
) -> Transcription:
    """Queue a recording. The response is sent once the job is stored; follow `Location` or `links.events`."""
    outcome = await idempotent(
        deps.db,
        IdempotentRequest(caller, key, "transcription", body),
        check=partial(submission.check, deps.settings, deps.storages, caller, body),
        create=partial(submission.queue, caller=caller, max_queue=deps.settings.max_queue_size),
        read=partial(transcriptions.current, deps.presentation),
    )
    if outcome.is_new:
        await deps.notify()
    status = 202 if outcome.is_new or outcome.replayed else 200
    return _accepted(response, outcome.body, status=status, replayed=outcome.replayed)


@router.get("", operation_id="listTranscriptions", summary="Transcriptions, newest first")
async def list_transcriptions(
    caller: Reader,
    deps: RequestDeps,
    paging: Paging,
    status: JobStatus | None = None,
    storage: Annotated[Text | None, Query(max_length=64)] = None,
    cleared: Annotated[bool, Query(description="Also those removed from the list")] = False,
) -> TranscriptionPage:
    """Your own; those of all users where you may see them."""
    which = JobFilter(caller.sees_only, status, storage, cleared)
    listing = f"transcriptions:{which.user_id}:{status}:{storage}:{cleared}"
    async with deps.db.transaction() as session:
        page = await deps.cursors.page(listing, paging, BY_CREATION, partial(queries.page, session, which))
        items = await transcriptions.several(deps.presentation, session, page.rows)
    return TranscriptionPage(items=items, next=page.next)


@router.get("/{job_id}", operation_id="readTranscription", summary="One transcription")
async def read(
    job_id: JobId,
    caller: Reader,
    deps: RequestDeps,
    response: Response,
    wait: Annotated[
        int,
        Query(
            ge=0,
            le=LONGEST_WAIT_S,
            description="Respond once its status or stage changes, or after so many seconds",
        ),
    ] = 0,
) -> Transcription:
    """Its status, progress and outputs. With `wait`, one that has ended is returned at once."""
    if wait:
        async with deps.db.transaction() as session:
            job = await queries.get(session, job_id, user_id=caller.sees_only)
        if not job.now.has_ended:
            await deps.feed.until_moved(job.now, caller.user_id, wait)
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        body = await transcriptions.one(deps.presentation, session, job)
    if not job.now.has_ended:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return body


@router.patch("/{job_id}", operation_id="changeTranscription", summary="Change its priority")
async def change(job_id: JobId, body: PriorityChange, caller: Writer, deps: RequestDeps) -> Transcription:
    """Its position becomes what it would be had it waited with that priority. One that has ended has none."""
    return await _changed(deps, caller, job_id, partial(queue_control.prioritise, priority=body.priority))


@router.post("/{job_id}/move", operation_id="moveTranscription", summary="Move it in the queue")
async def move(job_id: JobId, body: Move, caller: Operator, deps: RequestDeps) -> Transcription:
    """For operators: the queue holds the jobs of all users. The front is also before what is running: its chunks in
    progress are finished first."""
    return await _changed(deps, caller, job_id, partial(queue_control.move, place=body.position))


@router.post("/{job_id}/pause", operation_id="pauseTranscription", summary="Pause it")
async def pause(job_id: JobId, caller: Writer, deps: RequestDeps) -> Transcription:
    """Until it is resumed, through any restart. Of one that runs, the chunks in progress are finished."""
    return await _changed(deps, caller, job_id, queue_control.pause)


@router.post("/{job_id}/resume", operation_id="resumeTranscription", summary="Resume it")
async def resume(job_id: JobId, caller: Writer, deps: RequestDeps) -> Transcription:
    """At the position it has kept."""
    body = await _changed(deps, caller, job_id, queue_control.resume)
    await deps.notify()
    return body


@router.post(
    "/{job_id}/cancel",
    operation_id="cancelTranscription",
    summary="Cancel a transcription",
    responses={202: {"model": Transcription, "description": "It runs, and stops within seconds"}},
)
async def cancel(job_id: JobId, caller: Writer, deps: RequestDeps, response: Response) -> Transcription:
    """A waiting job ends at once. Requested twice, it is the same as once."""
    body = await _changed(deps, caller, job_id, requests.cancel)
    if body.status is JobStatus.PROCESSING:
        response.status_code = 202
    return body


@router.post(
    "/{job_id}/retry",
    operation_id="retryTranscription",
    summary="Retry a failed or cancelled one",
    status_code=202,
)
async def retry(job_id: JobId, caller: Writer, deps: RequestDeps, response: Response) -> Transcription:
    body = await _changed(deps, caller, job_id, requests.retry)
    await deps.notify()
    return _accepted(response, body, status=202, replayed=False)


@router.get("/{job_id}/log", operation_id="readTranscriptionLog", summary="What happened to it, oldest first")
async def read_log(job_id: JobId, caller: Reader, deps: RequestDeps) -> Log:
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        entries = await journal.of_transcription(session, job_id)
    return Log(items=[LogEntry.of(entry, deps.redact) for entry in entries])


def _accepted(response: Response, body: Transcription, *, status: int, replayed: bool) -> Transcription:
    response.status_code = status
    response.headers["Location"] = f"{router.prefix}/{body.id}"
    response.headers["Retry-After"] = str(_POLL_AFTER_S)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return body


async def _changed(deps: Deps, caller: Caller, job_id: UUID, act: Callable[..., Awaitable[object]]) -> Transcription:
    """Do something to a job that the caller may see; the job afterwards."""
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        await act(session, job_id, user_id=caller.user_id)
        return await transcriptions.current(deps.presentation, session, job_id)
