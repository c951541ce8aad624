"""Recordings to caption: submit, watch, stop, read the results."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response

from archivist_api.auth import Reader, Writer
from archivist_api.deps import Deps, Have
from archivist_api.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    PAGE,
    Log,
    LogEntry,
    Text,
    Transcription,
    TranscriptionCreate,
    TranscriptionPage,
)
from archivist_common import artifacts, idempotency, jobs, journal, models_on_disk, outbox, paths, transcriptions
from archivist_common.artifacts import Stored
from archivist_common.errors import Conflict, DatabaseUnavailable, FileTooLarge, PathRefused
from archivist_common.jobs import Submission
from archivist_common.security.callers import Caller
from archivist_common.states import JobStatus
from archivist_common.transcriptions import Filter, Reading

log = logging.getLogger(__name__)

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
    body: TranscriptionCreate, caller: Writer, have: Have, response: Response, key: ClientKey = None
) -> Transcription:
    """Queue a recording. The answer is given once the job is safe; follow `Location` or `links.events`."""
    asked = idempotency.fingerprint(body.model_dump_json().encode())
    if key is not None:
        async with have.db.transaction() as session:
            before = await idempotency.recall(session, caller.user_id, key, asked)
            job = None if before is None else await transcriptions.get(session, before, user_id=None)
        if job is not None:
            return _accepted(have, response, job, status=202, replayed=True)
    submission = await _checked(have, caller, body)
    most = have.settings.max_queue_size
    async with have.db.transaction() as session:
        before = await idempotency.recall(session, caller.user_id, key, asked) if key is not None else None
        job_id, is_new = (before, False) if before else await jobs.submit(session, submission, max_queue=most)
        job = await transcriptions.get(session, job_id, user_id=None)
        if caller.sees_only not in {None, job.user_id}:
            raise Conflict("that recording is being captioned already, for somebody else")
        if key is not None and before is None:
            await idempotency.remember(session, caller.user_id, key, asked, job_id)
    if is_new:
        await _ring(have)
    return _accepted(have, response, job, status=202 if is_new or before else 200, replayed=before is not None)


@router.get("", operation_id="listTranscriptions", summary="Transcriptions, newest first")
async def list_transcriptions(
    caller: Reader,
    have: Have,
    status: JobStatus | None = None,
    storage: Annotated[Text | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> TranscriptionPage:
    """Your own; everybody's where you may see them."""
    which = Filter(caller.sees_only, status, storage)
    listing = f"transcriptions:{which.user_id}:{status}:{storage}"
    after = None
    if cursor is not None:
        created, job_id = have.cursors.read(listing, cursor)
        after = (datetime.fromisoformat(created), UUID(job_id))
    async with have.db.transaction() as session:
        page = await transcriptions.page(session, which, after, limit + 1)
        files = await transcriptions.outputs(session, [job.id for job in page[:limit]])
    last = page[limit - 1] if len(page) > limit else None
    return TranscriptionPage(
        items=[Transcription.of(job, files.get(job.id, ()), have.outward) for job in page[:limit]],
        next=None if last is None else have.cursors.write(listing, (last.created.isoformat(), str(last.id))),
    )


@router.get("/{job_id}", operation_id="readTranscription", summary="One transcription")
async def read(
    job_id: JobId,
    caller: Reader,
    have: Have,
    response: Response,
    wait: Annotated[
        int,
        Query(
            ge=0, le=LONGEST_WAIT_S, description="Answer once its status or stage changes, or after so many seconds"
        ),
    ] = 0,
) -> Transcription:
    """Its state, progress and outputs. With `wait`, one that has ended is answered at once."""
    job, files = await _read(have, caller, job_id)
    if wait and not job.now.has_ended:
        await _moved(have, caller, job, wait)
        job, files = await _read(have, caller, job_id)
    if not job.now.has_ended:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return Transcription.of(job, files, have.outward)


@router.post(
    "/{job_id}/cancel",
    operation_id="cancelTranscription",
    summary="Stop a transcription",
    responses={202: {"model": Transcription, "description": "It runs, and stops within seconds"}},
)
async def cancel(job_id: JobId, caller: Writer, have: Have, response: Response) -> Transcription:
    """A waiting job ends at once. Asking twice is the same as asking once."""
    async with have.db.transaction() as session:
        await transcriptions.get(session, job_id, user_id=caller.sees_only)
        status = await jobs.cancel(session, job_id, user_id=caller.user_id)
        job = await transcriptions.get(session, job_id, user_id=None)
    if status is JobStatus.PROCESSING:
        response.status_code = 202
    return Transcription.of(job, (), have.outward)


@router.post(
    "/{job_id}/retry",
    operation_id="retryTranscription",
    summary="Try a failed or cancelled one again",
    status_code=202,
)
async def retry(job_id: JobId, caller: Writer, have: Have, response: Response) -> Transcription:
    async with have.db.transaction() as session:
        await transcriptions.get(session, job_id, user_id=caller.sees_only)
        await jobs.retry(session, job_id, user_id=caller.user_id)
        job = await transcriptions.get(session, job_id, user_id=None)
    await _ring(have)
    return _accepted(have, response, job, status=202, replayed=False)


@router.get("/{job_id}/log", operation_id="readTranscriptionLog", summary="What happened to it, oldest first")
async def read_log(job_id: JobId, caller: Reader, have: Have) -> Log:
    async with have.db.transaction() as session:
        await transcriptions.get(session, job_id, user_id=caller.sees_only)
        entries = await journal.of_transcription(session, job_id)
    return Log(items=[LogEntry.of(entry, have.outward) for entry in entries])


async def _checked(have: Deps, caller: Caller, body: TranscriptionCreate) -> Submission:
    """The submission, its recording found and its model known.

    Raises NotFound, PathRefused, FileMissing, InvalidFileFormat, FileGrowing, StorageUnavailable, FileTooLarge,
    ModelUnknown, ModelMissing.
    """
    settings = have.settings
    server = have.storages.server(body.storage)
    try:
        paths.relative(body.path)
        recording = await have.storages.stat_recording(
            server, body.path, settings.storage_deadline, settled=settings.recording_settled
        )
    except PathRefused:
        log.warning("path refused", extra={"storage": body.storage, "path": body.path, "user_id": caller.user_id})
        raise
    if recording.size_bytes > settings.max_file_size:
        raise FileTooLarge(f"{body.path!r} has {recording.size_bytes} bytes; {settings.max_file_size} is the limit")
    model = await asyncio.to_thread(
        models_on_disk.choose, body.model, default=settings.whisper_model_path, directory=settings.model_directory
    )
    return Submission(
        storage=server.name,
        path=recording.path,
        size_bytes=recording.size_bytes,
        mtime_ns=recording.mtime_ns,
        language=body.language or settings.default_language,
        model=model,
        output_format=body.output_format or settings.output_format,
        include_summary=settings.include_summary if body.include_summary is None else body.include_summary,
        audio_track=body.audio_track,
        priority=body.priority,
        user_id=caller.user_id,
    )


async def _ring(have: Deps) -> None:
    """After the commit: the job is safe whatever happens here, and workers poll."""
    try:
        await outbox.relay(have.db, have.bell)
    except DatabaseUnavailable:
        log.warning("the doorbell was not rung; the reconciler will")


def _accepted(have: Deps, response: Response, job: Reading, *, status: int, replayed: bool) -> Transcription:
    response.status_code = status
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    response.headers["Retry-After"] = str(_POLL_AFTER_S)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return Transcription.of(job, (), have.outward)


async def _read(have: Deps, caller: Caller, job_id: UUID) -> tuple[Reading, Sequence[Stored]]:
    async with have.db.transaction() as session:
        job = await transcriptions.get(session, job_id, user_id=caller.sees_only)
        files = await artifacts.of_transcription(session, job_id) if job.now.has_ended else ()
    return job, files


async def _moved(have: Deps, caller: Caller, job: Reading, seconds: int) -> None:
    """Return when the job's status or stage is another one, when the process ends, or after so many seconds."""
    until = asyncio.get_running_loop().time() + seconds
    have.feed.require_room(caller.user_id)
    with have.feed.watch(job.now, caller.user_id) as watch:
        while (left := until - asyncio.get_running_loop().time()) > 0 and not have.feed.stopping.is_set():
            await watch.changed(left)
            if watch.latest is None or (watch.latest.status, watch.latest.stage) != (job.now.status, job.now.stage):
                return
