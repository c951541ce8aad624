"""The queue as a caller sees it."""

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.pagination import LONGEST_PAGE, PAGE
from archivist_api.schemas.job_queue import Queue
from archivist_api.views.presentation import Presentation
from archivist_api.views.transcriptions import present
from archivist_common.jobs import queries, queue_control
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus


async def current(
    how: Presentation, session: AsyncSession, caller: Caller, longest: int, limit: int = PAGE, skip: int = 0
) -> Queue:
    """longest: jobs that may wait. limit, skip: of the waiting jobs."""
    mine = caller.sees_only
    hold = await queue_control.hold(session)
    counts = await queries.counts(session, user_id=mine)
    length = counts if mine is None else await queries.counts(session, user_id=None)
    running = await queries.lined_up(session, JobStatus.PROCESSING, user_id=mine, limit=LONGEST_PAGE)
    waiting = await queries.lined_up(session, JobStatus.PENDING, user_id=mine, limit=limit, skip=skip)
    forecast = await how.estimates.now(session)
    ends = [estimate.finish for estimate in forecast.of.values()]
    known = [end for end in ends if end is not None]
    return Queue(
        paused=hold.since is not None,
        paused_since=hold.since,
        paused_by=hold.by,
        length=length[JobStatus.PENDING],
        longest=longest,
        counts=counts,
        slots=forecast.slots,
        speed=forecast.rate,
        estimated_finish=max(known) if known and len(known) == len(ends) else None,
        running=present(how, running, forecast),
        waiting=present(how, waiting, forecast),
    )
