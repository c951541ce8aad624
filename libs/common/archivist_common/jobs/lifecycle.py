"""The life of a transcription, as functions of a session. Each is one conditional statement and its outbox row.

Whoever claims a job leads it: has it planned, waits until its chunks (`chunks.py`) are heard by whatever slots there
are, and has the files made.

    submit ──▶ pending ──claim──▶ processing ──complete──▶ completed
                 ▲  │                │  │  └────fail────▶ failed ──┐
                 │  └────cancel──────┼──┴──stop──────────▶ cancelled ──┐
                 ├──release, lapse, failure worth another try──┘       │
                 └──────────────────────retry──────────────────────────┘

What people ask for (submit, cancel, retry) is in `job_requests`; this is what workers and the reconciler do. A claim
bumps `attempt`, the fencing token. Every later write names it; a write that finds another attempt, owner or status
changes nothing and raises Fenced. All times are the database's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Artifact, QueueControl, Transcription
from archivist_common.errors import ArchivistError, Fenced, WorkerCrashed
from archivist_common.events import journal, outbox
from archivist_common.jobs import artifacts
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.jobs.cleanup import COMPONENT, leave_nothing, tell
from archivist_common.leases.retry import decide, wait_before
from archivist_common.states import JobStatus, Stage


@dataclass(frozen=True, slots=True)
class JobClaim:
    """A job in hand. `attempt` and `owner` prove that it still is."""

    id: UUID
    attempt: int
    owner: str
    storage: str
    path: str
    size_bytes: int
    mtime_ns: int
    language: str
    model: str
    include_summary: bool
    audio_track: int | None
    filename: str
    fingerprint: str | None = None
    crash_count: int = 0
    """Crashes since its last progress: after the second it is tried alone and with little memory."""


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far an attempt is. Milliseconds of audio; percent 0 to 100."""

    stage: Stage
    percent: int
    audio_done_ms: int
    audio_ms: int | None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a finished attempt has made."""

    artifacts: tuple[StagedFile, ...]
    audio_ms: int
    language: str
    summary: dict[str, Any] | None
    warnings: tuple[str, ...]


async def claim(
    session: AsyncSession, owner: str, lease: timedelta, storages: Collection[str] | None = None
) -> JobClaim | None:
    """Take the next job of these storage servers (None: of any), by its place in the queue. None: nothing is due."""
    due = (await session.execute(next_due(storages))).one_or_none()
    return None if due is None else await claim_locked(session, due.id, owner, lease)


def next_due(storages: Collection[str] | None) -> Any:
    """Id and queue key of the next job to claim, its row locked; one that somebody else is claiming is left out."""
    return _due(None if storages is None else tuple(sorted(storages)))


@lru_cache(maxsize=64)  # building it takes longer than asking it
def _due(storages: tuple[str, ...] | None) -> Any:
    query = (
        select(Transcription.id, Transcription.queue_key)
        .where(
            Transcription.status == JobStatus.PENDING,
            Transcription.available_at <= database_now(),
            Transcription.paused_at.is_(None),
            queue_is_open(),
        )
        .order_by(Transcription.queue_key, Transcription.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return query if storages is None else query.where(Transcription.storage.in_(storages))


def queue_is_open() -> ColumnElement[bool]:
    """Whether nobody holds back the whole queue."""
    return ~select(QueueControl.id).where(QueueControl.paused_at.is_not(None)).exists()


async def claim_locked(session: AsyncSession, job_id: UUID, owner: str, lease: timedelta) -> JobClaim:
    """Claim a job whose row the caller has locked while it was due."""
    asked = {"job": job_id, "owner": owner, "lease": lease}
    row = (await session.execute(_taking(), asked, execution_options={"synchronize_session": False})).one()
    await outbox.append(session, outbox.STARTED, row.id, attempt=row.attempt)
    await tell(session, row.id, f"started, attempt {row.attempt}", owner=owner)
    return JobClaim(
        id=row.id,
        attempt=row.attempt,
        owner=owner,
        storage=row.storage,
        path=row.file_path,
        size_bytes=row.file_size or 0,
        mtime_ns=row.file_mtime_ns or 0,
        language=row.language,
        model=row.model,
        include_summary=row.include_summary,
        audio_track=row.audio_track,
        filename=row.filename,
        fingerprint=row.source_fingerprint,
        crash_count=row.crash_count,
    )


@cache  # as `_due`
def _taking() -> Any:
    planned = Transcription.plan.is_not(None)
    return (
        update(Transcription)
        .where(Transcription.id == bindparam("job"))
        .values(
            status=JobStatus.PROCESSING,
            stage=case((planned, Stage.TRANSCRIBE.value), else_=Stage.PROBE.value),
            attempt=Transcription.attempt + 1,
            lease_owner=bindparam("owner"),
            lease_expires_at=func.clock_timestamp() + bindparam("lease", type_=Interval),
            started_date=database_now(),
            progress=case((planned, Transcription.progress), else_=0),
            audio_done_ms=case((planned, Transcription.audio_done_ms), else_=0),
            progress_at=database_now(),
        )
        .returning(
            Transcription.id,
            Transcription.attempt,
            Transcription.storage,
            Transcription.file_path,
            Transcription.file_size,
            Transcription.file_mtime_ns,
            Transcription.language,
            Transcription.model,
            Transcription.include_summary,
            Transcription.audio_track,
            Transcription.filename,
            Transcription.source_fingerprint,
            Transcription.crash_count,
        )
    )


async def renew(session: AsyncSession, held: JobClaim, lease: timedelta) -> bool:
    """Keep a job for another lease. True when somebody asked for it to be cancelled. Raises Fenced."""
    cancelled = await _fenced(
        session,
        held,
        _mine(held)
        .values(lease_expires_at=database_in(lease))
        .returning(Transcription.cancel_requested_at.is_not(None)),
    )
    return bool(cancelled)


async def advance(session: AsyncSession, held: JobClaim, progress: StageProgress) -> bool:
    """Write how far the attempt is, never backwards. True when a cancel was asked for. Raises Fenced."""
    moved = Transcription.audio_done_ms < progress.audio_done_ms
    cancelled = await _fenced(
        session,
        held,
        _mine(held)
        .values(
            stage=progress.stage,
            progress=func.greatest(Transcription.progress, min(progress.percent, 99)),
            audio_done_ms=func.greatest(Transcription.audio_done_ms, progress.audio_done_ms),
            audio_ms=func.coalesce(progress.audio_ms, Transcription.audio_ms),
            duration=func.coalesce(_seconds(progress.audio_ms), Transcription.duration),
            progress_at=case((moved, database_now()), else_=Transcription.progress_at),
        )
        .returning(Transcription.cancel_requested_at.is_not(None)),
    )
    return bool(cancelled)


async def complete(session: AsyncSession, held: JobClaim, outcome: JobOutcome) -> None:
    """Make an attempt's files the job's result, in one step with its last change of state. Raises Fenced."""
    paths = {made.kind: str(made.path) for made in outcome.artifacts if len(str(made.path)) <= artifacts.MAX_COLUMN}
    found = {
        "job": held.id,
        "held_attempt": held.attempt,
        "owner": held.owner,
        "length_ms": outcome.audio_ms,
        "length_s": _seconds(outcome.audio_ms),
        "heard_language": outcome.language,
        "made_summary": outcome.summary,
        "told_warnings": list(outcome.warnings),
        "scc_path": paths.get("scc"),
        "summary_path": paths.get("summary"),
        "metadata_path": paths.get("metadata"),
    }
    await _fenced(session, held, _completing(), found)
    if outcome.artifacts:
        await session.execute(
            insert(Artifact),
            [
                {
                    "transcription_id": held.id,
                    "attempt": held.attempt,
                    "kind": made.kind,
                    "path": str(made.path),
                    "sha256": made.sha256,
                    "size_bytes": made.size_bytes,
                    "public_path": str(made.public_path),
                }
                for made in outcome.artifacts
            ],
        )
    await outbox.append(session, outbox.COMPLETED, held.id, attempt=held.attempt)
    await tell(session, held.id, f"completed, attempt {held.attempt}", warnings=list(outcome.warnings))


@cache  # as `_due`
def _completing() -> Any:
    return (
        update(Transcription)
        .where(
            Transcription.id == bindparam("job"),
            Transcription.attempt == bindparam("held_attempt"),
            Transcription.lease_owner == bindparam("owner"),
            Transcription.status == JobStatus.PROCESSING,
        )
        .values(
            **_ENDED,
            status=JobStatus.COMPLETED,
            stage=Stage.PUBLISH,
            progress=100,
            audio_ms=bindparam("length_ms"),
            audio_done_ms=bindparam("length_ms"),
            duration=bindparam("length_s"),
            language=bindparam("heard_language"),
            summary=bindparam("made_summary"),
            warnings=bindparam("told_warnings"),
            error_code=None,
            error_message=None,
            processing_time=func.extract("epoch", database_now() - Transcription.started_date),
            scc_file_path=bindparam("scc_path"),
            summary_file_path=bindparam("summary_path"),
            metadata_file_path=bindparam("metadata_path"),
        )
        .returning(literal_column("true"))
    )


async def store_plan(session: AsyncSession, held: JobClaim, audio_ms: int, plan: Mapping[str, Any]) -> None:
    """All chunks of a job are stored, and this is what its recording holds. Raises Fenced.

    Progress: what failed or crashed before is forgotten.
    """
    await _fenced(
        session,
        held,
        _mine(held)
        .values(
            plan=dict(plan),
            stage=Stage.TRANSCRIBE,
            audio_ms=audio_ms,
            duration=_seconds(audio_ms),
            failure_count=0,
            crash_count=0,
            progress_at=database_now(),
        )
        .returning(literal_column("true")),
    )


async def fail(
    session: AsyncSession, held: JobClaim, error: ArchivistError, *, final: bool = False, spread: float | None = None
) -> JobStatus:
    """End an attempt that could not finish. Where trying again may help, the job waits and is tried again.

    final: it was tried often enough already. spread: 0 to 1, how much of the wait to take (full jitter); random
    when None. A crash waits for nothing.
    Returns the state the job is in now. Raises Fenced.
    """
    verdict = decide(Transcription, error, final=final)
    cancelled = Transcription.cancel_requested_at.is_not(None)
    ended = case(
        (cancelled, JobStatus.CANCELLED.value),
        (verdict.again, JobStatus.PENDING.value),
        else_=JobStatus.FAILED.value,
    )
    status = JobStatus(
        await _fenced(
            session,
            held,
            _mine(held)
            .values(
                **_ENDED | {"completed_date": case((ended == JobStatus.PENDING, None), else_=database_now())},
                **verdict.counts,
                status=ended,
                available_at=database_in(wait_before(error, held.attempt, spread)),
                error_code=error.code,
                error_message=journal.storable(error.message),
            )
            .returning(Transcription.status),
        )
    )
    await _told_end(session, held.id, status, error)
    return status


async def stop(session: AsyncSession, held: JobClaim) -> None:
    """The worker has stopped because somebody cancelled the job. Raises Fenced."""
    await _fenced(
        session,
        held,
        _mine(held).values(**_ENDED, status=JobStatus.CANCELLED).returning(literal_column("true")),
    )
    await leave_nothing(session, held.id)
    await outbox.append(session, outbox.CANCELLED, held.id)
    await tell(session, held.id, "cancelled while running")


async def release(session: AsyncSession, held: JobClaim, reason: str = "the worker stopped") -> None:
    """Give a job back unharmed: its worker stops, or cannot work. No failure is charged. Raises Fenced.

    A job somebody has cancelled meanwhile is not given back: it ends.
    """
    status = await _fenced(session, held, _given_back(_mine(held)).returning(Transcription.status))
    await _told_given_back(session, held.id, status, reason)


async def release_unknown(session: AsyncSession, owner: str, leading: Collection[UUID]) -> None:
    """Give back, as `release` does, what an owner holds and does not know of: the answer to its claim was lost.

    leading: the jobs that it does know of.
    """
    unknown = update(Transcription).where(
        Transcription.lease_owner == owner,
        Transcription.status == JobStatus.PROCESSING,
        Transcription.id.not_in(leading),
    )
    rows = await session.execute(
        _given_back(unknown).returning(Transcription.id, Transcription.status),
        execution_options={"synchronize_session": False},
    )
    for job_id, status in rows.all():
        await _told_given_back(session, job_id, status, "the answer to its claim was lost")


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, JobStatus]]:
    """Take back jobs whose worker has not been heard of for a whole lease; what became of each.

    Counts as a crash: the third ends the job. While the database has been up for less than a lease nothing
    lapses, so that its restart does not orphan every running job at once.
    """
    overdue = (
        select(Transcription.id)
        .where(
            Transcription.status == JobStatus.PROCESSING,
            Transcription.lease_expires_at < database_now(),
            func.pg_postmaster_start_time() < database_in(-lease),
        )
        .with_for_update(skip_locked=True)
    )
    error = WorkerCrashed("the worker was not heard of for a whole lease")
    verdict = decide(Transcription, error)
    # While chunks are heard nothing of the job itself runs: a chunk that kills its worker is counted itself.
    leading = Transcription.stage == Stage.TRANSCRIBE
    ended = case(
        (Transcription.cancel_requested_at.is_not(None), JobStatus.CANCELLED.value),
        (leading | verdict.again, JobStatus.PENDING.value),
        else_=JobStatus.FAILED.value,
    )
    counts = {
        name: case((leading, getattr(Transcription, name)), else_=value) for name, value in verdict.counts.items()
    }
    rows = (
        await session.execute(
            update(Transcription)
            .where(Transcription.id.in_(overdue))
            .values(
                **_ENDED | {"completed_date": case((ended == JobStatus.PENDING, None), else_=database_now())},
                **counts,
                status=ended,
                available_at=database_now(),
                error_code=error.code,
                error_message=error.message,
            )
            .returning(Transcription.id, Transcription.status)
            .execution_options(synchronize_session=False)
        )
    ).all()
    ends = [(job_id, JobStatus(status)) for job_id, status in rows]
    for job_id, status in ends:
        if status is JobStatus.CANCELLED:
            await leave_nothing(session, job_id)
        await _told_end(session, job_id, status, error)
    return ends


_ENDED: dict[str, Any] = {
    "lease_owner": None,
    "lease_expires_at": None,
    "completed_date": database_now(),
}


def _mine(held: JobClaim) -> Update:
    return update(Transcription).where(
        Transcription.id == held.id,
        Transcription.attempt == held.attempt,
        Transcription.lease_owner == held.owner,
        Transcription.status == JobStatus.PROCESSING,
    )


def _given_back(statement: Update) -> Update:
    cancelled = Transcription.cancel_requested_at.is_not(None)
    return statement.values(
        **_ENDED | {"completed_date": case((cancelled, database_now()), else_=None)},
        status=case((cancelled, JobStatus.CANCELLED.value), else_=JobStatus.PENDING.value),
        available_at=database_now(),
    )


async def _told_given_back(session: AsyncSession, job_id: UUID, status: str, reason: str) -> None:
    if status == JobStatus.CANCELLED:
        await leave_nothing(session, job_id)
        await outbox.append(session, outbox.CANCELLED, job_id)
        await tell(session, job_id, f"cancelled while it was given back: {reason}")
        return
    await outbox.append(session, outbox.RELEASED, job_id, reason=reason)
    await tell(session, job_id, f"given back: {reason}")


async def _fenced(
    session: AsyncSession, held: JobClaim, statement: Any, asked: Mapping[str, Any] | None = None
) -> Any:
    result = await session.execute(statement, asked, execution_options={"synchronize_session": False})
    row = result.one_or_none()
    if row is None:
        raise Fenced(f"attempt {held.attempt} of transcription {held.id} no longer holds it")
    return row[0]


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else round(milliseconds / 1000)


async def _told_end(session: AsyncSession, job_id: UUID, status: JobStatus, error: ArchivistError) -> None:
    event = {
        JobStatus.PENDING: outbox.RELEASED,
        JobStatus.FAILED: outbox.FAILED,
        JobStatus.CANCELLED: outbox.CANCELLED,
    }[status]
    await outbox.append(session, event, job_id, code=error.code, detail=journal.storable(error.message))
    level = "ERROR" if status is JobStatus.FAILED else "WARNING"
    message = f"{error.message}; {'tried again' if status is JobStatus.PENDING else status}"
    await journal.record(session, level, COMPONENT, message, transcription_id=job_id, code=error.code)
