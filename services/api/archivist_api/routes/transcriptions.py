"""Recordings to caption: submit, watch, stop, read the results."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.schemas.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    PAGE,
    Log,
    LogEntry,
    Move,
    PriorityChange,
    Text,
    Transcription,
    TranscriptionCreate,
    TranscriptionPage,
)
from archivist_api.views import submission as submitting
from archivist_api.views import transcriptions
from archivist_common.errors import Conflict
from archivist_common.events import journal
from archivist_common.jobs import artifacts, queries, queue_control, requests
from archivist_common.jobs.queries import JobFilter, JobView
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus
from archivist_common.web import idempotency

router = APIRouter(prefix="/api/v1/transcriptions", tags=["transcriptions"])

LONGEST_WAIT_S = 30
_POLL_AFTER_S = 2  # a hint for pollers, in Retry-After

JobId = Annotated[UUID, Path(description="Id of the transcription")]
ClientKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        max_length=255,
        description="Your own name for this request: sent again within a day, it does nothing again",
    ),
]


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
    """Queue a recording. The answer is given once the job is safe; follow `Location` or `links.events`."""
    asked = idempotency.fingerprint("submit", body.model_dump_json(exclude_unset=True).encode())
    if key is not None:
        async with deps.db.transaction() as session:
            before = await idempotency.recall(session, caller.user_id, key, asked)
            if before is not None:
                return _accepted(
                    response, await transcriptions.changed(deps, session, before), status=202, replayed=True
                )
    submission = await submitting.check(deps, caller, body, deps.settings.storage_deadline)
    most = deps.settings.max_queue_size
    async with deps.db.transaction() as session:
        before = await idempotency.recall(session, caller.user_id, key, asked) if key is not None else None
        job_id, is_new = (before, False) if before else await requests.submit(session, submission, max_queue=most)
        job = await queries.get(session, job_id, user_id=None)
        if caller.sees_only not in {None, job.user_id}:
            raise Conflict("that recording is being captioned already, for somebody else")
        if key is not None and before is None:
            await idempotency.remember(session, caller.user_id, key, asked, transcription_id=job_id)
        told = await transcriptions.changed(deps, session, job_id)
    if is_new:
        await submitting.notify(deps)
    return _accepted(response, told, status=202 if is_new or before else 200, replayed=before is not None)


@router.get("", operation_id="listTranscriptions", summary="Transcriptions, newest first")
async def list_transcriptions(
    caller: Reader,
    deps: RequestDeps,
    status: JobStatus | None = None,
    storage: Annotated[Text | None, Query(max_length=64)] = None,
    cleared: Annotated[bool, Query(description="Those cleared from the list as well")] = False,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> TranscriptionPage:
    """Your own; everybody's where you may see them."""
    which = JobFilter(caller.sees_only, status, storage, cleared)
    listing = f"transcriptions:{which.user_id}:{status}:{storage}:{cleared}"
    after = None
    if cursor is not None:
        created, job_id = deps.cursors.read(listing, cursor)
        after = (datetime.fromisoformat(created), UUID(job_id))
    async with deps.db.transaction() as session:
        page = await queries.page(session, which, after, limit + 1)
        files = await queries.outputs(session, [job.id for job in page[:limit]])
        items = await transcriptions.told(deps, session, page[:limit], files)
    last = page[limit - 1] if len(page) > limit else None
    return TranscriptionPage(
        items=items,
        next=None if last is None else deps.cursors.write(listing, (last.created.isoformat(), str(last.id))),
    )


@router.get("/{job_id}", operation_id="readTranscription", summary="One transcription")
async def read(
    job_id: JobId,
    caller: Reader,
    deps: RequestDeps,
    response: Response,
    wait: Annotated[
        int,
        Query(
            ge=0, le=LONGEST_WAIT_S, description="Answer once its status or stage changes, or after so many seconds"
        ),
    ] = 0,
) -> Transcription:
    """Its state, progress and outputs. With `wait`, one that has ended is answered at once."""
    job, told = await _read(deps, caller, job_id)
    if wait and not job.now.has_ended:
        await _moved(deps, caller, job, wait)
        job, told = await _read(deps, caller, job_id)
    if not job.now.has_ended:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return told


@router.patch("/{job_id}", operation_id="changeTranscription", summary="Give it another priority")
async def change(job_id: JobId, body: PriorityChange, caller: Writer, deps: RequestDeps) -> Transcription:
    """Its place becomes what it would be had it waited with that priority. One that has ended has none."""
    return await _ordered(deps, caller, job_id, partial(queue_control.prioritise, priority=body.priority))


@router.post("/{job_id}/move", operation_id="moveTranscription", summary="Give it a place in the queue")
async def move(job_id: JobId, body: Move, caller: Operator, deps: RequestDeps) -> Transcription:
    """For operators: everybody's jobs stand in the queue. The front is also before what is running: its chunks in
    hand are finished first."""
    return await _ordered(deps, caller, job_id, partial(queue_control.move, place=body.position))


@router.post("/{job_id}/pause", operation_id="pauseTranscription", summary="Hold it back")
async def pause(job_id: JobId, caller: Writer, deps: RequestDeps) -> Transcription:
    """Until it is resumed, through any restart. Of one that runs the chunks in hand are finished."""
    return await _ordered(deps, caller, job_id, queue_control.pause)


@router.post("/{job_id}/resume", operation_id="resumeTranscription", summary="Let it go on")
async def resume(job_id: JobId, caller: Writer, deps: RequestDeps) -> Transcription:
    """At the place it has kept."""
    told = await _ordered(deps, caller, job_id, queue_control.resume)
    await submitting.notify(deps)
    return told


@router.post(
    "/{job_id}/cancel",
    operation_id="cancelTranscription",
    summary="Stop a transcription",
    responses={202: {"model": Transcription, "description": "It runs, and stops within seconds"}},
)
async def cancel(job_id: JobId, caller: Writer, deps: RequestDeps, response: Response) -> Transcription:
    """A waiting job ends at once. Asking twice is the same as asking once."""
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        status = await requests.cancel(session, job_id, user_id=caller.user_id)
        told = await transcriptions.changed(deps, session, job_id)
    if status is JobStatus.PROCESSING:
        response.status_code = 202
    return told


@router.post(
    "/{job_id}/retry",
    operation_id="retryTranscription",
    summary="Try a failed or cancelled one again",
    status_code=202,
)
async def retry(job_id: JobId, caller: Writer, deps: RequestDeps, response: Response) -> Transcription:
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        await requests.retry(session, job_id, user_id=caller.user_id)
        told = await transcriptions.changed(deps, session, job_id)
    await submitting.notify(deps)
    return _accepted(response, told, status=202, replayed=False)


@router.get("/{job_id}/log", operation_id="readTranscriptionLog", summary="What happened to it, oldest first")
async def read_log(job_id: JobId, caller: Reader, deps: RequestDeps) -> Log:
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        entries = await journal.of_transcription(session, job_id)
    return Log(items=[LogEntry.of(entry, deps.outward) for entry in entries])


def _accepted(response: Response, told: Transcription, *, status: int, replayed: bool) -> Transcription:
    response.status_code = status
    response.headers["Location"] = f"{router.prefix}/{told.id}"
    response.headers["Retry-After"] = str(_POLL_AFTER_S)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return told


async def _read(deps: Deps, caller: Caller, job_id: UUID) -> tuple[JobView, Transcription]:
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        files = await artifacts.of_transcription(session, job_id) if job.now.has_ended else ()
        return job, (await transcriptions.told(deps, session, [job], {job_id: files}))[0]


async def _ordered(deps: Deps, caller: Caller, job_id: UUID, act: Callable[..., Awaitable[object]]) -> Transcription:
    """Do something to the caller's job in the queue; how it is then."""
    async with deps.db.transaction() as session:
        await queries.get(session, job_id, user_id=caller.sees_only)
        await act(session, job_id, user_id=caller.user_id)
        return await transcriptions.changed(deps, session, job_id)


async def _moved(deps: Deps, caller: Caller, job: JobView, seconds: int) -> None:
    """Return when the job's status or stage is another one, when the process ends, or after so many seconds."""
    until = asyncio.get_running_loop().time() + seconds
    deps.feed.require_room(caller.user_id)
    with deps.feed.watch(job.now, caller.user_id) as watch:
        while (left := until - asyncio.get_running_loop().time()) > 0 and not deps.feed.stopping.is_set():
            await watch.changed(left)
            if watch.latest is None or (watch.latest.status, watch.latest.stage) != (job.now.status, job.now.stage):
                return
