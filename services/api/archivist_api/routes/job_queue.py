"""The queue as a whole: what waits and runs, in which order; pausing it; many jobs at once."""

from typing import Annotated

from fastapi import APIRouter, Query

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import RequestDeps
from archivist_api.pagination import LONGEST_PAGE, PAGE
from archivist_api.schemas.job_queue import Cleared, ClearedCount, JobAnswer, JobAnswers, Queue, Retried, Several
from archivist_api.views import job_queue
from archivist_common.jobs import queue_control

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])


@router.get("", operation_id="readQueue", summary="What runs and what waits, in order")
async def read(
    caller: Reader,
    deps: RequestDeps,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="Waiting jobs to list")] = PAGE,
    skip: Annotated[int, Query(ge=0, le=100_000, description="Waiting jobs to leave out first")] = 0,
) -> Queue:
    """Your own jobs, with their positions among those of all users; all jobs where you may see them."""
    longest = deps.settings.max_queue_size
    async with deps.db.transaction() as session:
        return await job_queue.current(deps.presentation, session, caller, longest, limit, skip)


@router.post("/pause", operation_id="pauseQueue", summary="Pause the queue")
async def pause(caller: Operator, deps: RequestDeps) -> Queue:
    """Until it is resumed, through any restart. Chunks in progress are finished; pausing twice is the same."""
    async with deps.db.transaction() as session:
        await queue_control.pause_all(session, user_id=caller.user_id)
        return await job_queue.current(deps.presentation, session, caller, deps.settings.max_queue_size)


@router.post("/resume", operation_id="resumeQueue", summary="Resume the queue")
async def resume(caller: Operator, deps: RequestDeps) -> Queue:
    """Jobs that are paused by themselves stay paused."""
    async with deps.db.transaction() as session:
        await queue_control.resume_all(session, user_id=caller.user_id)
        return await job_queue.current(deps.presentation, session, caller, deps.settings.max_queue_size)


@router.post("/cancel", operation_id="cancelSeveral", summary="Cancel several transcriptions")
async def cancel(body: Several, caller: Writer, deps: RequestDeps) -> JobAnswers:
    """A result for each: waiting ones end at once, running ones within seconds."""
    async with deps.db.transaction() as session:
        done = await queue_control.cancel_all(session, body.ids, owner=caller.sees_only, user_id=caller.user_id)
    return JobAnswers(items=[JobAnswer.of(result, deps.redact) for result in done])


@router.post("/retry", operation_id="retrySeveral", summary="Retry those that failed")
async def retry(body: Retried, caller: Writer, deps: RequestDeps) -> JobAnswers:
    """A result for each. Without ids: all failed ones that were not cleared, 200 per call; for operators those of
    all users."""
    async with deps.db.transaction() as session:
        done = await queue_control.retry_failed(session, body.ids, owner=caller.sees_only, user_id=caller.user_id)
    await deps.notify()
    return JobAnswers(items=[JobAnswer.of(result, deps.redact) for result in done])


@router.post("/clear", operation_id="clearQueue", summary="Remove what has ended from the list")
async def clear(body: Cleared, caller: Writer, deps: RequestDeps) -> ClearedCount:
    """Nothing is deleted: `?cleared=true` lists it, its address and files stay. For operators: of all users."""
    async with deps.db.transaction() as session:
        count = await queue_control.clear(session, body.statuses, owner=caller.sees_only, user_id=caller.user_id)
    return ClearedCount(cleared=count)
