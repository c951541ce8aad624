"""Recordings submitted together: a job or a refusal for each file, one progress for all."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from archivist_api.auth import Reader, Writer
from archivist_api.deps import RequestDeps
from archivist_api.idempotency import IdempotentRequest, idempotent
from archivist_api.pagination import BY_CREATION, Paging
from archivist_api.routes.parameters import ClientKey
from archivist_api.schemas.batches import Batch, BatchCreate, BatchPage
from archivist_api.views import batches as views
from archivist_api.views import submission
from archivist_common.jobs import batches, queue_control
from archivist_common.states import TERMINAL

router = APIRouter(prefix="/api/v1/batches", tags=["batches"])

BatchId = Annotated[UUID, Path(description="Id of the batch")]


@router.post("", operation_id="submitBatch", summary="Caption up to 100 recordings", status_code=202)
async def submit(
    body: BatchCreate, caller: Writer, deps: RequestDeps, response: Response, key: ClientKey = None
) -> Batch:
    """Every file has its own result: the job that captions it, or why there is none.

    A storage server that does not respond fails its own files, and delays the others no longer than its deadline.
    Where the queue has room for none of the files, the whole request is refused with 429 and nothing is stored.
    """
    outcome = await idempotent(
        deps.db,
        IdempotentRequest(caller, key, "batch", body),
        check=partial(submission.check_batch, deps.settings, deps.storages, caller, body),
        create=partial(submission.queue_batch, body=body, caller=caller, max_queue=deps.settings.max_queue_size),
        read=partial(views.current, deps.presentation),
    )
    if outcome.is_new:
        await deps.notify()
    response.headers["Location"] = f"{router.prefix}/{outcome.body.id}"
    if outcome.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return outcome.body


@router.get("", operation_id="listBatches", summary="Batches, newest first")
async def list_batches(caller: Reader, deps: RequestDeps, paging: Paging) -> BatchPage:
    """Your own; those of all users where you may see them."""
    mine = caller.sees_only
    async with deps.db.transaction() as session:
        page = await deps.cursors.page(f"batches:{mine}", paging, BY_CREATION, partial(batches.page, session, mine))
        items = await views.several(deps.presentation, session, page.rows)
    return BatchPage(items=items, next=page.next)


@router.get("/{batch_id}", operation_id="readBatch", summary="One batch")
async def read(batch_id: BatchId, caller: Reader, deps: RequestDeps) -> Batch:
    async with deps.db.transaction() as session:
        found = await batches.get(session, batch_id, user_id=caller.sees_only)
        return await views.one(deps.presentation, session, found)


@router.post("/{batch_id}/cancel", operation_id="cancelBatch", summary="Cancel the jobs of a batch")
async def cancel(batch_id: BatchId, caller: Writer, deps: RequestDeps) -> Batch:
    """Its jobs that have not ended; those that captioned a file before the batch was submitted continue."""
    async with deps.db.transaction() as session:
        batch = await batches.get(session, batch_id, user_id=caller.sees_only)
        own = {one.transcription_id for one in batch.files if one.is_new}
        ids = [job_id for job_id, job in batch.jobs.items() if job_id in own and job.status not in TERMINAL]
        await queue_control.cancel_all(session, ids, owner=None, user_id=caller.user_id)
        return await views.current(deps.presentation, session, batch_id)
