"""What users ask of a transcription: that it is made, that it is cancelled, that it is retried.

What becomes of it then is in `lifecycle.py`. Each is one transaction with its outbox row. All times are the
database's.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Numeric, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Chunk, Transcription
from archivist_common.errors import Conflict, NotFound, QueueFull
from archivist_common.events import journal, outbox
from archivist_common.jobs import chunks
from archivist_common.states import LIVE, TERMINAL, ChunkStatus, JobStatus

PRIORITY_STEP = timedelta(hours=6)
"""What a level of priority is worth in waiting: priority 1 goes before a fresh 5 once it has waited for 24 hours."""
_LATER = literal(Decimal("1e-12"), Numeric)  # a microsecond of now, far below one of a start time
_QUEUE_LOCK = 0x4A6F6273  # "Jobs": submits and retries read the queue one after another


@dataclass(frozen=True, slots=True)
class Submission:
    """What a caller submits, checked: the recording was found and has this size and age."""

    storage: str
    path: str
    size_bytes: int
    mtime_ns: int
    language: str
    model: str
    output_format: str = "scc"
    include_summary: bool = True
    audio_track: int | None = None
    priority: int = 1
    user_id: int | None = None
    fingerprint: str = ""
    """Of size, head and tail (`storage.Recording`); empty where only size and time are known."""
    start_at: datetime | None = None
    batch_id: UUID | None = None

    @property
    def dedupe_key(self) -> str:
        """Same recording, unchanged, captioned the same way: the same job."""
        content = (self.fingerprint,) if self.fingerprint else (self.size_bytes, self.mtime_ns)
        parts = (
            self.storage,
            self.path,
            *content,
            self.language,
            self.model,
            self.audio_track,
        )
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


async def submit(session: AsyncSession, submission: Submission, *, max_queue: int) -> tuple[UUID, bool]:
    """Queue a recording. The job's id, and whether it is new: a live job for the same content is returned instead.

    Raises QueueFull when max_queue jobs wait already.
    """
    await lock_queue(session)
    live = await session.scalar(_live_with(submission.dedupe_key))
    if live is not None:
        return live, False
    waiting = await session.scalar(
        select(func.count()).select_from(Transcription).where(Transcription.status == JobStatus.PENDING)
    )
    if waiting is not None and waiting >= max_queue:
        raise QueueFull(f"{waiting} jobs are waiting already; {max_queue} is the limit")
    job_id = await session.scalar(
        pg_insert(Transcription)
        .values(
            user_id=submission.user_id,
            storage=submission.storage,
            file_path=submission.path,
            filename=submission.path.rsplit("/", 1)[-1],
            file_size=submission.size_bytes,
            file_mtime_ns=submission.mtime_ns,
            language=submission.language,
            model=submission.model,
            output_format=submission.output_format,
            include_summary=submission.include_summary,
            audio_track=submission.audio_track,
            priority=submission.priority,
            queue_key=_waits_since(database_now(), submission.start_at) - priority_seconds(submission.priority),
            available_at=func.coalesce(submission.start_at, database_now()),
            start_at=submission.start_at,
            batch_id=submission.batch_id,
            source_fingerprint=submission.fingerprint or None,
            dedupe_key=submission.dedupe_key,
            created_date=database_now(),
        )
        .on_conflict_do_nothing(
            index_elements=["dedupe_key"], index_where=text("status IN ('pending', 'processing')")
        )
        .returning(Transcription.id)
    )
    if job_id is None:  # a writer that does not take our lock was first
        return (await session.execute(_live_with(submission.dedupe_key))).scalar_one(), False
    await outbox.append(session, outbox.QUEUED, job_id, priority=submission.priority)
    await journal.note(session, job_id, "queued", user_id=submission.user_id)
    return job_id, True


async def cancel(session: AsyncSession, job_id: UUID, *, user_id: int | None = None) -> JobStatus:
    """Ask for a job to end. A waiting one ends at once; a running one when its worker reads of it, within seconds.

    Cancelling twice gives the same result. Raises NotFound, and Conflict when it has ended otherwise.
    """
    job = await _locked(session, job_id)
    match JobStatus(job.status):
        case JobStatus.PENDING:
            await session.execute(
                update(Transcription)
                .where(Transcription.id == job_id)
                .values(
                    status=JobStatus.CANCELLED,
                    cancel_requested_at=database_now(),
                    completed_date=database_now(),
                )
            )
            await chunks.forget(session, Transcription.id == job_id)
            await outbox.append(session, outbox.CANCELLED, job_id)
            await journal.note(session, job_id, "cancelled before it started", user_id=user_id)
            return JobStatus.CANCELLED
        case JobStatus.PROCESSING:
            if job.cancel_requested_at is None:
                await session.execute(
                    update(Transcription).where(Transcription.id == job_id).values(cancel_requested_at=database_now())
                )
                await journal.note(session, job_id, "cancellation requested", user_id=user_id)
            return JobStatus.PROCESSING
        case JobStatus.CANCELLED:
            return JobStatus.CANCELLED
        case ended:
            raise Conflict(f"the transcription has {ended} already and cannot be cancelled")


async def retry(session: AsyncSession, job_id: UUID, *, user_id: int | None = None) -> None:
    """Queue a failed or cancelled job again, its counts at zero. Raises NotFound, and Conflict otherwise."""
    await lock_queue(session)
    job = await _locked(session, job_id)
    if JobStatus(job.status) not in TERMINAL - {JobStatus.COMPLETED}:
        raise Conflict(f"only a failed or cancelled transcription can be retried; this one is {job.status}")
    live = await session.scalar(_live_with(job.dedupe_key))
    if live is not None:
        raise Conflict(f"transcription {live} is captioning the same recording already")
    await session.execute(
        update(Transcription)
        .where(Transcription.id == job_id)
        .values(
            status=JobStatus.PENDING,
            stage=None,
            progress=0,
            audio_done_ms=0,
            failure_count=0,
            crash_count=0,
            cancel_requested_at=None,
            completed_date=None,
            error_code=None,
            error_message=None,
            available_at=database_now(),
            queue_key=_waits_since(database_now(), None) - priority_seconds(job.priority),
            start_at=None,
            paused_at=None,
            cleared_at=None,
        )
    )
    # What was transcribed stays; what failed is retried.
    await session.execute(
        update(Chunk)
        .where(Chunk.transcription_id == job_id, Chunk.status == ChunkStatus.FAILED)
        .values(
            status=ChunkStatus.PENDING,
            failure_count=0,
            crash_count=0,
            error_code=None,
            error_message=None,
            available_at=database_now(),
        )
    )
    await outbox.append(session, outbox.QUEUED, job_id, priority=job.priority)
    await journal.note(session, job_id, "queued again", user_id=user_id)


def priority_seconds(priority: int) -> int:
    """Seconds of waiting that a priority is worth beyond the lowest; whole, as a float would round the key."""
    return (priority - 1) * (PRIORITY_STEP // timedelta(seconds=1))


def _waits_since(now: ColumnElement[datetime], start_at: datetime | None) -> ColumnElement[Any]:
    """Seconds since 1970 from which a job waits: one that shall not start before tonight has not waited till then.

    Those that start at the same moment are in the order of their submission.
    """
    if start_at is None:
        return func.extract("epoch", now)
    return func.extract("epoch", func.greatest(now, start_at)) + func.extract("epoch", now) * _LATER


async def lock_queue(session: AsyncSession) -> None:
    """Until the transaction ends, no other one makes a job live: the count and the search for a live twin hold."""
    await session.execute(text(f"SELECT pg_advisory_xact_lock({_QUEUE_LOCK})"))


async def _locked(session: AsyncSession, job_id: UUID) -> Transcription:
    job = await session.get(Transcription, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFound(f"there is no transcription {job_id}")
    return job


def _live_with(dedupe_key: str) -> Any:
    return select(Transcription.id).where(
        Transcription.dedupe_key == dedupe_key, Transcription.status.in_(sorted(LIVE))
    )
