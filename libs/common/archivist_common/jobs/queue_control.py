"""Queue operations for users, as functions of a session: move, prioritise, pause, resume, clear.

The queue is the pending jobs by (queue_key, id), lowest first; a claim takes the first that is due and not paused.
Each change of the order takes the queue lock, so that a job gets the place requested for it.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from itertools import takewhile
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import QueueControl, Transcription, User
from archivist_common.errors import ArchivistError, Conflict, NotFound
from archivist_common.events import journal, outbox
from archivist_common.jobs import requests
from archivist_common.states import LIVE, TERMINAL, JobStatus

MOST_AT_ONCE = 200
"""Jobs that one call retries; call again for the rest."""

_COMPONENT = "queue"
_EXACT = Context(prec=20_000)  # digits; more than PostgreSQL's numeric holds, so that no key is ever rounded


@dataclass(frozen=True, slots=True)
class Hold:
    """Whether the whole queue is paused, since when and by whom."""

    since: datetime | None
    by: str | None


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result for one job of many: its status, or why it was not changed."""

    id: UUID
    status: JobStatus | None
    error: ArchivistError | None = None


async def move(session: AsyncSession, job_id: UUID, place: int, *, user_id: int | None = None) -> int:
    """Give a waiting job a place in the queue, counted from 1; the place it has now, the last one at most.

    The first place is also before whatever is running: slots turn to the job after their current chunk, and running
    jobs go on behind it. Raises NotFound, and Conflict when it is not waiting.
    """
    await requests.lock_queue(session)
    job = await _live(session, job_id)
    if job.status != JobStatus.PENDING:
        raise Conflict("the transcription is running already; only a waiting one has a place in the queue")
    rows = (
        await session.execute(
            select(Transcription.id, Transcription.queue_key)
            .where(Transcription.status == JobStatus.PENDING, Transcription.id != job_id)
            .order_by(Transcription.queue_key, Transcription.id)
        )
    ).all()
    index = min(place, len(rows) + 1) - 1
    before, behind = rows[:index], rows[index:]
    # Nothing lies between two equal keys: jobs with the very key we go behind make room as well.
    equals = list(takewhile(lambda row: bool(before) and row.queue_key == before[-1].queue_key, behind))
    others = behind[len(equals) :]
    if before:
        low, high = before[-1].queue_key, others[0].queue_key if others else None
    else:  # also before those that run
        low, high = (
            None,
            await session.scalar(
                select(func.min(Transcription.queue_key)).where(
                    Transcription.status.in_(sorted(LIVE)), Transcription.id != job_id
                )
            ),
        )
        if high is None:  # it is the only live one
            return 1
    moved = [job_id, *(row.id for row in equals)]
    for row_id, key in zip(moved, between(low, high, len(moved)), strict=True):
        await session.execute(update(Transcription).where(Transcription.id == row_id).values(queue_key=key))
    await _tell(session, f"moved to place {index + 1}", job_id, user_id)
    return index + 1


async def prioritise(session: AsyncSession, job_id: UUID, priority: int, *, user_id: int | None = None) -> None:
    """Give a job another priority, 1 to 5: its place becomes what it would be had it waited with it so far.

    The chunks of a running one go by it. Raises NotFound, and Conflict when it has ended.
    """
    await requests.lock_queue(session)
    job = await _live(session, job_id)
    if job.priority == priority:
        return
    sooner = requests.priority_seconds(priority) - requests.priority_seconds(job.priority)
    await session.execute(
        update(Transcription)
        .where(Transcription.id == job_id)
        .values(priority=priority, queue_key=Transcription.queue_key - sooner)
    )
    await _tell(session, f"priority {priority}, {job.priority} before", job_id, user_id)


async def pause(session: AsyncSession, job_id: UUID, *, user_id: int | None = None) -> None:
    """Pause a job until `resume`: it is not claimed; of a running one the claimed chunks are finished.

    Idempotent. Raises NotFound, and Conflict when it has ended.
    """
    job = await _live(session, job_id)
    if job.paused_at is not None:
        return
    await session.execute(update(Transcription).where(Transcription.id == job_id).values(paused_at=database_now()))
    await outbox.append(session, outbox.PAUSED, job_id)
    await _tell(session, "paused", job_id, user_id)


async def resume(session: AsyncSession, job_id: UUID, *, user_id: int | None = None) -> None:
    """Resume a job, at the place it has kept. Idempotent. Raises as `pause` does."""
    job = await _live(session, job_id)
    if job.paused_at is None:
        return
    await session.execute(update(Transcription).where(Transcription.id == job_id).values(paused_at=None))
    await outbox.append(session, outbox.RESUMED, job_id)
    await _tell(session, "resumed", job_id, user_id)


async def pause_all(session: AsyncSession, *, user_id: int) -> None:
    """Pause the whole queue until `resume_all`, through any restart. Idempotent."""
    now = {"paused_at": database_now(), "paused_by": user_id}
    changed = await session.scalar(
        insert(QueueControl)
        .values(id=1, **now)
        .on_conflict_do_update(index_elements=["id"], set_=now, where=QueueControl.paused_at.is_(None))
        .returning(QueueControl.id)
    )
    if changed is not None:
        await _tell(session, "the queue is paused", None, user_id)


async def resume_all(session: AsyncSession, *, user_id: int) -> None:
    """Resume the queue. Jobs paused by themselves stay so. Idempotent."""
    changed = await session.scalar(
        update(QueueControl)
        .where(QueueControl.paused_at.is_not(None))
        .values(paused_at=None, paused_by=None)
        .returning(QueueControl.id)
    )
    if changed is not None:
        await _tell(session, "the queue is resumed", None, user_id)


async def hold(session: AsyncSession) -> Hold:
    row = (
        await session.execute(
            select(QueueControl.paused_at, User.username).outerjoin(User, User.id == QueueControl.paused_by)
        )
    ).one_or_none()
    return Hold(None, None) if row is None or row[0] is None else Hold(row[0], row[1])


async def cancel_all(
    session: AsyncSession, ids: Collection[UUID], *, owner: int | None, user_id: int
) -> Sequence[JobResult]:
    """Cancel each of these jobs, as `requests.cancel` does; one result each, in order.

    owner: the user they must belong to, None for any; another user's job is treated as one that does not exist.
    """

    async def cancel(job_id: UUID) -> JobStatus:
        return await requests.cancel(session, job_id, user_id=user_id)

    return await _of_each(session, ids, owner, cancel)


async def retry_failed(
    session: AsyncSession, ids: Collection[UUID] | None, *, owner: int | None, user_id: int
) -> Sequence[JobResult]:
    """Queue failed or cancelled jobs again; one result each. ids: which; None for all that failed.

    A job whose recording is being captioned anew already is left as it is; its result says so.
    """
    if ids is None:
        query = select(Transcription.id).where(
            Transcription.status == JobStatus.FAILED, Transcription.cleared_at.is_(None)
        )
        if owner is not None:
            query = query.where(Transcription.user_id == owner)
        query = query.order_by(Transcription.created_date, Transcription.id).limit(MOST_AT_ONCE)
        ids = list(await session.scalars(query))

    async def retry(job_id: UUID) -> JobStatus:
        await requests.retry(session, job_id, user_id=user_id)
        return JobStatus.PENDING

    return await _of_each(session, ids, owner, retry)


async def clear(session: AsyncSession, statuses: Collection[JobStatus], *, owner: int | None, user_id: int) -> int:
    """Take jobs that have ended out of the list; how many. Their rows and files stay (docs/decisions/0016).

    owner: whose, None for all users'. A status of a job that has not ended is ignored.
    """
    query = update(Transcription).where(
        Transcription.status.in_(sorted(set(statuses) & TERMINAL)), Transcription.cleared_at.is_(None)
    )
    if owner is not None:
        query = query.where(Transcription.user_id == owner)
    rows = await session.execute(
        query.values(cleared_at=database_now()).returning(Transcription.id),
        execution_options={"synchronize_session": False},
    )
    count = len(rows.all())
    if count:
        what = ", ".join(sorted(set(statuses) & TERMINAL))
        await _tell(session, f"{count} jobs cleared from the list: {what}", None, user_id)
    return count


def between(low: Decimal | None, high: Decimal | None, count: int) -> list[Decimal]:
    """`count` rising keys strictly between two others, short ones. None is no bound on that side.

    Raises ValueError when nothing lies between.
    """
    with localcontext(_EXACT):
        if low is not None and high is not None:
            return _inside(low, high, count)
        if high is not None:
            first = high.to_integral_value(ROUND_FLOOR) - count
        else:
            first = Decimal(0) if low is None else low.to_integral_value(ROUND_FLOOR) + 1
        return [first + number for number in range(count)]


def _inside(low: Decimal, high: Decimal, count: int) -> list[Decimal]:
    room = high - low
    if room <= 0:
        raise ValueError(f"no key lies between {low} and {high}")
    # A power of ten of which more than count + 1 fit in; of its multiples those in the middle.
    step = Decimal(1).scaleb(room.adjusted() - len(str(count + 1)))
    floor = (low / step).to_integral_value(ROUND_FLOOR) * step
    skip = (int(room / step) - count) // 2
    return [floor + step * (skip + number) for number in range(1, count + 1)]


async def _live(session: AsyncSession, job_id: UUID) -> Transcription:
    """The job, its row locked. Raises NotFound, and Conflict when it has ended."""
    job = await session.get(Transcription, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFound(f"there is no transcription {job_id}")
    if job.status in TERMINAL:
        raise Conflict(f"the transcription has {job.status} already and is in the queue no more")
    return job


async def _of_each(
    session: AsyncSession, ids: Collection[UUID], owner: int | None, act: Callable[[UUID], Awaitable[JobStatus]]
) -> Sequence[JobResult]:
    """Change each job, in an order in which two callers cannot deadlock; results in the order given."""
    query = select(Transcription.id).where(Transcription.id.in_(sorted(ids)))
    if owner is not None:
        query = query.where(Transcription.user_id == owner)
    theirs = set(await session.scalars(query))
    results = {}
    for job_id in sorted(ids):
        try:
            if job_id not in theirs:
                raise NotFound(f"there is no transcription {job_id}")
            results[job_id] = JobResult(job_id, await act(job_id))
        except (NotFound, Conflict) as exc:
            results[job_id] = JobResult(job_id, None, exc)
    return [results[job_id] for job_id in ids]


async def _tell(session: AsyncSession, message: str, job_id: UUID | None, user_id: int | None) -> None:
    await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job_id, user_id=user_id)
