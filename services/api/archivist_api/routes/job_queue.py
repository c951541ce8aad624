"""The queue as a whole: what waits and runs, in which order; holding it back; many jobs at once."""

from typing import Annotated

from fastapi import APIRouter, Query

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import RequestDeps
from archivist_api.schemas.schemas import (
    LONGEST_PAGE,
    PAGE,
    Cleared,
    ClearedCount,
    JobAnswer,
    JobAnswers,
    Queue,
    Retried,
    Several,
)
from archivist_api.views import submission, transcriptions
from archivist_common.jobs import queue_control

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])


@router.get("", operation_id="readQueue", summary="What runs and what waits, in order")
async def read(
    caller: Reader,
    deps: RequestDeps,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="Waiting jobs to show")] = PAGE,
    skip: Annotated[int, Query(ge=0, le=100_000, description="Waiting jobs to leave out first")] = 0,
) -> Queue:
    """Your own jobs, at their places among everybody's; everybody's where you may see them."""
    async with deps.db.transaction() as session:
        return await transcriptions.queue(deps, session, caller, limit, skip)


@router.post("/pause", operation_id="pauseQueue", summary="Begin nothing new")
async def pause(caller: Operator, deps: RequestDeps) -> Queue:
    """Until it is resumed, through any restart. Chunks in hand are finished; doing it twice is the same."""
    async with deps.db.transaction() as session:
        await queue_control.pause_all(session, user_id=caller.user_id)
        return await transcriptions.queue(deps, session, caller, PAGE, 0)


@router.post("/resume", operation_id="resumeQueue", summary="Go on")
async def resume(caller: Operator, deps: RequestDeps) -> Queue:
    """Jobs that are held back by themselves stay so."""
    async with deps.db.transaction() as session:
        await queue_control.resume_all(session, user_id=caller.user_id)
        return await transcriptions.queue(deps, session, caller, PAGE, 0)


@router.post("/cancel", operation_id="cancelSeveral", summary="Stop several transcriptions")
async def cancel(body: Several, caller: Writer, deps: RequestDeps) -> JobAnswers:
    """An answer each: waiting ones end at once, running ones within seconds."""
    async with deps.db.transaction() as session:
        done = await queue_control.cancel_all(session, body.ids, owner=caller.sees_only, user_id=caller.user_id)
    return JobAnswers(items=[JobAnswer.of(answer, deps.outward) for answer in done])


@router.post("/retry", operation_id="retrySeveral", summary="Try those that failed again")
async def retry(body: Retried, caller: Writer, deps: RequestDeps) -> JobAnswers:
    """An answer each. Without ids: all that failed and were not cleared, 200 in a call; for operators everybody's."""
    async with deps.db.transaction() as session:
        done = await queue_control.retry_failed(session, body.ids, owner=caller.sees_only, user_id=caller.user_id)
    await submission.notify(deps)
    return JobAnswers(items=[JobAnswer.of(answer, deps.outward) for answer in done])


@router.post("/clear", operation_id="clearQueue", summary="Take what has ended out of the list")
async def clear(body: Cleared, caller: Writer, deps: RequestDeps) -> ClearedCount:
    """Nothing is deleted: `?cleared=true` lists it, its address answers, its files stay. Operators: everybody's."""
    async with deps.db.transaction() as session:
        count = await queue_control.clear(session, body.statuses, owner=caller.sees_only, user_id=caller.user_id)
    return ClearedCount(cleared=count)
