"""Captioning: whether a transcriber is live and ready, how long the queue is, how long its oldest job has waited.

Counted by the database, which owns the queue; Redis holds none of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent, Transcription
from archivist_common.jobs import workers
from archivist_common.jobs.workers import WorkerState
from archivist_common.states import JobStatus
from archivist_monitor import gauges
from archivist_monitor.check import CheckResult, Status, Value
from archivist_monitor.checks.snapshot import snapshot

QUEUE_DEGRADED = 50  # waiting jobs; the documentation's threshold
STUCK_DEGRADED = 120  # seconds a job has waited although a slot is free


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """jobs: by status, all statuses. Ages in seconds, 0 with nothing waiting."""

    jobs: dict[str, int]
    oldest_pending_s: float
    outbox_unsent: int
    outbox_oldest_s: float


class TranscriptionCheck:
    deadline = timedelta(seconds=4)

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self) -> CheckResult:
        """Raises what `snapshot` does."""
        queue, states = await snapshot(self._db, _queue_and_workers, forget=_forget)
        _export(queue, states)

        live = [worker for worker in states if worker.is_live]
        ready = [worker for worker in live if worker.ready]
        status, reason = _of_workers(live, ready)
        free = sum(worker.free_slots for worker in ready)
        return CheckResult(
            status,
            values=(
                Value("queue_length", queue.jobs[JobStatus.PENDING], "jobs", degraded_above=QUEUE_DEGRADED),
                Value(
                    "oldest_waiting",
                    queue.oldest_pending_s,
                    "s",
                    # With every slot busy, waiting is what a queue is for.
                    degraded_above=STUCK_DEGRADED if free else None,
                ),
                Value("processing", queue.jobs[JobStatus.PROCESSING], "jobs"),
                Value("live_workers", len(live), "workers"),
                Value("ready_workers", len(ready), "workers"),
                Value("free_slots", free, "slots"),
            ),
            reason=reason,
        )


def _of_workers(live: Sequence[WorkerState], ready: Sequence[WorkerState]) -> tuple[Status, str | None]:
    if not live:
        return Status.UNHEALTHY, f"no heartbeat of a transcriber for {workers.WORKER_GONE.total_seconds():g} s"
    idle = "; ".join(
        f"{worker.id} is not ready: {worker.reason or 'starting'}" for worker in live if not worker.ready
    )
    if not ready:
        return Status.UNHEALTHY, idle
    return (Status.DEGRADED, idle) if idle else (Status.HEALTHY, None)


async def _queue_and_workers(session: AsyncSession) -> tuple[QueueSnapshot, Sequence[WorkerState]]:
    return await _queue(session), await workers.states(session)


async def _queue(session: AsyncSession) -> QueueSnapshot:
    counted = await session.execute(select(Transcription.status, func.count()).group_by(Transcription.status))
    oldest = await session.scalar(
        select(func.extract("epoch", database_now() - func.min(Transcription.available_at))).where(
            Transcription.status == JobStatus.PENDING
        )
    )
    unsent, outbox_oldest = (
        await session.execute(
            select(func.count(), func.extract("epoch", database_now() - func.min(OutboxEvent.created_date))).where(
                OutboxEvent.relayed_date.is_(None)
            )
        )
    ).one()
    return QueueSnapshot(
        jobs={status.value: 0 for status in JobStatus} | {row[0]: row[1] for row in counted},
        oldest_pending_s=max(0.0, float(oldest or 0)),
        outbox_unsent=unsent,
        outbox_oldest_s=max(0.0, float(outbox_oldest or 0)),
    )


def _forget() -> None:
    gauges.JOBS.clear()
    gauges.WORKER_HEARTBEAT.clear()
    for gauge in (gauges.OLDEST_PENDING, gauges.OUTBOX_UNSENT, gauges.OUTBOX_OLDEST):
        gauge.set(gauges.UNKNOWN)


def _export(queue: QueueSnapshot, states: Sequence[WorkerState]) -> None:
    for status, count in queue.jobs.items():
        gauges.JOBS.labels(status).set(count)
    gauges.OLDEST_PENDING.set(queue.oldest_pending_s)
    gauges.OUTBOX_UNSENT.set(queue.outbox_unsent)
    gauges.OUTBOX_OLDEST.set(queue.outbox_oldest_s)
    gauges.WORKER_HEARTBEAT.clear()  # those that left
    for worker in states:
        gauges.WORKER_HEARTBEAT.labels(worker.id).set(worker.heartbeat_at.timestamp())
