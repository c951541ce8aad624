"""Recordings submitted together: an answer for each file, one progress for all."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.routes.transcriptions import ClientKey
from archivist_api.schemas.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    PAGE,
    Batch,
    BatchCreate,
    BatchHead,
    BatchPage,
    TranscriptionCreate,
)
from archivist_api.views import submission, transcriptions
from archivist_common.errors import ArchivistError, QueueFull, StorageUnavailable
from archivist_common.jobs import batches, queue_control
from archivist_common.security.principal import Caller
from archivist_common.states import TERMINAL
from archivist_common.storage.io_pool import HELPERS
from archivist_common.web import idempotency

router = APIRouter(prefix="/api/v1/batches", tags=["batches"])

_SOON = timedelta(milliseconds=20)  # less than this is no time to ask a storage server in

BatchId = Annotated[UUID, Path(description="Id of the batch")]


@router.post("", operation_id="submitBatch", summary="Caption up to 100 recordings", status_code=202)
async def submit(
    body: BatchCreate, caller: Writer, deps: RequestDeps, response: Response, key: ClientKey = None
) -> Batch:
    """Every file is answered by itself: the job that captions it, or why there is none.

    A storage server that does not answer costs its own files their answer and keeps the others waiting for no longer
    than its deadline. Where the queue has room for none of the files the whole is answered 429, and nothing is kept.
    """
    asked = idempotency.fingerprint("batch", body.model_dump_json(exclude_unset=True).encode())
    if key is not None:
        async with deps.db.transaction() as session:
            before = await idempotency.recall(session, caller.user_id, key, asked)
            if before is not None:
                return _accepted(response, await transcriptions.batch(deps, session, before), replayed=True)
    submission.start(deps, body.settings.start_at)  # a start time that is none is everybody's mistake
    checked = await _check(deps, caller, [_with(body, file) for file in body.files])
    async with deps.db.transaction() as session:
        if key is not None:
            before = await idempotency.recall(session, caller.user_id, key, asked)
            if before is not None:
                return _accepted(response, await transcriptions.batch(deps, session, before), replayed=True)
        batch_id = await batches.create(session, body.name, user_id=caller.user_id)
        done = [
            await submission.queue(deps, session, caller, batch_id, file, one)
            for file, one in zip(body.files, checked, strict=True)
        ]
        if all(one.code == QueueFull.code for one in done):
            raise QueueFull(f"the queue has no room for any of these files; {deps.settings.max_queue_size} may wait")
        await batches.answer(session, batch_id, done, user_id=caller.user_id)
        if key is not None:
            await idempotency.remember(session, caller.user_id, key, asked, batch_id=batch_id)
        told = await transcriptions.batch(deps, session, batch_id)
    await submission.notify(deps)
    return _accepted(response, told, replayed=False)


@router.get("", operation_id="listBatches", summary="Batches, newest first")
async def list_batches(
    caller: Reader,
    deps: RequestDeps,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> BatchPage:
    """Your own; everybody's where you may see them."""
    listing = f"batches:{caller.sees_only}"
    after = None
    if cursor is not None:
        created, batch_id = deps.cursors.read(listing, cursor)
        after = (datetime.fromisoformat(created), UUID(batch_id))
    async with deps.db.transaction() as session:
        page = await batches.page(session, caller.sees_only, after, limit + 1)
        forecast = await transcriptions.forecast(deps, session, page[:limit])
    last = page[limit - 1] if len(page) > limit else None
    return BatchPage(
        items=[BatchHead.of(batch, forecast.of) for batch in page[:limit]],
        next=None if last is None else deps.cursors.write(listing, (last.created.isoformat(), str(last.id))),
    )


@router.get("/{batch_id}", operation_id="readBatch", summary="One batch")
async def read(batch_id: BatchId, caller: Reader, deps: RequestDeps) -> Batch:
    async with deps.db.transaction() as session:
        await batches.get(session, batch_id, user_id=caller.sees_only)
        return await transcriptions.batch(deps, session, batch_id)


@router.post("/{batch_id}/cancel", operation_id="cancelBatch", summary="Stop what a batch has begun")
async def cancel(batch_id: BatchId, caller: Writer, deps: RequestDeps) -> Batch:
    """Its jobs that have not ended; those that captioned a file before the batch asked for it go on."""
    async with deps.db.transaction() as session:
        batch = await batches.get(session, batch_id, user_id=caller.sees_only)
        own = {one.transcription_id for one in batch.files if one.is_new}
        ids = [job_id for job_id, job in batch.jobs.items() if job_id in own and job.status not in TERMINAL]
        await queue_control.cancel_all(session, ids, owner=None, user_id=caller.user_id)
        return await transcriptions.batch(deps, session, batch_id)


def _with(body: BatchCreate, file: TranscriptionCreate) -> TranscriptionCreate:
    """A file with what the batch says for all and it does not say itself."""
    usual = body.settings.model_dump(exclude_none=True)
    return TranscriptionCreate(**{**usual, **file.model_dump(exclude_none=True)})


async def _check(deps: Deps, caller: Caller, files: Sequence[TranscriptionCreate]) -> Sequence[submission.Checked]:
    """Each file's submission, or what is wrong with it. All servers are asked at once, and answered for in time."""
    clock = asyncio.get_running_loop().time
    until = clock() + deps.settings.storage_deadline.total_seconds()
    # As many at a time as a server has helpers: what waited for one would run out of its own time.
    places: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(HELPERS))

    async def one(file: TranscriptionCreate) -> submission.Checked:
        async with places[file.storage]:
            left = timedelta(seconds=until - clock())
            try:
                if left < _SOON:
                    raise StorageUnavailable(
                        f"storage {file.storage!r} did not answer in time; submit the file again"
                    )
                return await submission.check(deps, caller, file, left)
            except ArchivistError as exc:
                return exc

    return await asyncio.gather(*(one(file) for file in files))


def _accepted(response: Response, told: Batch, *, replayed: bool) -> Batch:
    response.headers["Location"] = f"{router.prefix}/{told.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return told
