"""The life of a job, as functions of a session. Each is one conditional statement and its outbox row.

The worker that claims a job leads it: it has the recording planned (`planning.py`), waits until slots of any machine
have transcribed its chunks (`chunks.py`), and has the files made.

    submit ──▶ pending ──claim──▶ processing ──complete──▶ completed
                 ▲  │                │  │  └────fail────▶ failed ──┐
                 │  └────cancel──────┼──┴──stop──────────▶ cancelled ──┐
                 ├──release, expired lease, failure worth a retry──┘   │
                 └──────────────────────retry──────────────────────────┘

What users ask for (submit, cancel, retry) is in `requests.py`; this is what workers and the reconciler do. Who may
write a claimed job, and until when, is in `leases/lease.py`. All times are the database's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Artifact, Transcription
from archivist_common.database.text import storable
from archivist_common.errors import ArchivistError, WorkerCrashed
from archivist_common.events import journal, outbox
from archivist_common.jobs import artifacts, chunks
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.jobs.queue_state import queue_is_open
from archivist_common.leases import lease as leases
from archivist_common.leases.lease import Lease
from archivist_common.leases.retry import wait_before
from archivist_common.states import JobStatus, Stage

_CANCEL = Transcription.cancel_requested_at.is_not(None)
JOB = Lease(Transcription, cancel=_CANCEL, ended_at="completed_date")


@dataclass(frozen=True, slots=True)
class JobClaim:
    """A claimed job. `attempt` and `owner` prove that it still is."""

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

    @property
    def token(self) -> tuple[int, str]:
        return self.attempt, self.owner

    def __str__(self) -> str:
        return f"attempt {self.attempt} of transcription {self.id}"


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
    unheard: tuple[tuple[int, int], ...] = ()
    """Stretches of speech without words, (start, end) in milliseconds of the recording."""


async def claim(
    session: AsyncSession, owner: str, lease: timedelta, storages: Collection[str] | None = None
) -> JobClaim | None:
    """Claim the next job of these storage servers (None: of any), by its place in the queue. None: nothing is due."""
    due = (await session.execute(next_due(storages))).one_or_none()
    return None if due is None else await claim_locked(session, due.id, owner, lease)


def next_due(storages: Collection[str] | None) -> Any:
    """Id and queue key of the next job to claim, its row locked; one that another worker is claiming is left out."""
    return _due(None if storages is None else tuple(sorted(storages)))


@lru_cache(maxsize=64)  # building it takes longer than running it
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


async def claim_locked(session: AsyncSession, job_id: UUID, owner: str, lease: timedelta) -> JobClaim:
    """Claim a job whose row the caller has locked while it was due."""
    row = await leases.claim(session, _claiming(), job_id, owner, lease)
    await outbox.append(session, outbox.STARTED, row.id, attempt=row.attempt)
    await journal.note(session, row.id, f"started, attempt {row.attempt}", owner=owner)
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
def _claiming() -> Any:
    planned = Transcription.plan.is_not(None)
    return (
        JOB.claimed()
        .values(
            stage=case((planned, Stage.TRANSCRIBE.value), else_=Stage.PROBE.value),
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


async def renew(session: AsyncSession, claim: JobClaim, lease: timedelta) -> bool:
    """Keep a job for another lease. True when a user has requested its cancellation. Raises Fenced."""
    return bool(await leases.write(session, JOB, claim, JOB.renewed(lease), _CANCEL))


async def advance(session: AsyncSession, claim: JobClaim, progress: StageProgress) -> bool:
    """Write how far the attempt is, never backwards. True when cancellation was requested. Raises Fenced."""
    moved = Transcription.audio_done_ms < progress.audio_done_ms
    values = {
        "stage": progress.stage,
        "progress": func.greatest(Transcription.progress, min(progress.percent, 99)),
        "audio_done_ms": func.greatest(Transcription.audio_done_ms, progress.audio_done_ms),
        "audio_ms": func.coalesce(progress.audio_ms, Transcription.audio_ms),
        "duration": func.coalesce(seconds(progress.audio_ms), Transcription.duration),
        "progress_at": case((moved, database_now()), else_=Transcription.progress_at),
    }
    return bool(await leases.write(session, JOB, claim, values, _CANCEL))


async def complete(session: AsyncSession, claim: JobClaim, outcome: JobOutcome) -> None:
    """Make an attempt's files the job's result, in one step with its last change of state. Raises Fenced."""
    paths = {made.kind: str(made.path) for made in outcome.artifacts if len(str(made.path)) <= artifacts.MAX_COLUMN}
    found = {
        "length_ms": outcome.audio_ms,
        "length_s": seconds(outcome.audio_ms),
        "found_language": outcome.language,
        "made_summary": outcome.summary,
        "new_warnings": list(outcome.warnings),
        "new_unheard": [list(stretch) for stretch in outcome.unheard],
        "scc_path": paths.get("scc"),
        "summary_path": paths.get("summary"),
        "metadata_path": paths.get("metadata"),
    }
    await leases.execute(session, JOB, claim, _completing(), found)
    if outcome.artifacts:
        await session.execute(
            insert(Artifact),
            [
                {
                    "transcription_id": claim.id,
                    "attempt": claim.attempt,
                    "kind": made.kind,
                    "path": str(made.path),
                    "sha256": made.sha256,
                    "size_bytes": made.size_bytes,
                    "public_path": str(made.public_path),
                }
                for made in outcome.artifacts
            ],
        )
    await outbox.append(session, outbox.COMPLETED, claim.id, attempt=claim.attempt)
    await journal.note(session, claim.id, f"completed, attempt {claim.attempt}", warnings=list(outcome.warnings))


@cache  # as `_due`
def _completing() -> Any:
    return (
        JOB.update()
        .values(
            **JOB.ended(JobStatus.COMPLETED),
            stage=Stage.PUBLISH,
            progress=100,
            audio_ms=bindparam("length_ms"),
            audio_done_ms=bindparam("length_ms"),
            duration=bindparam("length_s"),
            language=bindparam("found_language"),
            summary=bindparam("made_summary"),
            warnings=bindparam("new_warnings"),
            unheard=bindparam("new_unheard"),
            error_code=None,
            error_message=None,
            processing_time=func.extract("epoch", database_now() - Transcription.started_date),
            scc_file_path=bindparam("scc_path"),
            summary_file_path=bindparam("summary_path"),
            metadata_file_path=bindparam("metadata_path"),
        )
        .returning(literal_column("true"))
    )


async def fail(
    session: AsyncSession, claim: JobClaim, error: ArchivistError, *, final: bool = False, spread: float | None = None
) -> JobStatus:
    """End an attempt that could not finish. Where a retry may help, the job waits and is retried.

    final: it was retried often enough already. spread: 0 to 1, how much of the wait to take (full jitter); random
    when None. A crash waits for nothing.
    Returns the status of the job now. Raises Fenced.
    """
    values = JOB.failed(error, wait_before(error, claim.attempt, spread), final=final)
    status = JobStatus(await leases.write(session, JOB, claim, values, Transcription.status))
    await _note_failure(session, claim.id, status, error)
    return status


async def stop(session: AsyncSession, claim: JobClaim) -> None:
    """The worker has stopped because a user cancelled the job. Raises Fenced."""
    await leases.write(session, JOB, claim, JOB.ended(JobStatus.CANCELLED))
    await _note_cancelled(session, claim.id, "cancelled while running")


async def release(session: AsyncSession, claim: JobClaim, reason: str = "the worker stopped") -> None:
    """Return a job to the queue unharmed: its worker stops, or cannot work. No failure is charged. Raises Fenced.

    A job that a user has cancelled meanwhile is not requeued: it ends.
    """
    status = await leases.write(session, JOB, claim, JOB.released(), Transcription.status)
    await _note_released(session, claim.id, status, reason)


async def release_unknown(session: AsyncSession, owner: str, leading: Collection[UUID]) -> None:
    """Release, as `release` does, what an owner has claimed and does not know of: the response to its claim was lost.

    leading: the jobs that it does know of.
    """
    columns = (Transcription.id, Transcription.status)
    for job_id, status in await leases.release_unknown(session, JOB, owner, *columns, known=leading):
        await _note_released(session, job_id, status, "the response to its claim was lost")


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, JobStatus]]:
    """Requeue, or fail, jobs whose lease has expired. Returns (id, new status).

    Counts as a crash: the third ends the job. Not while its chunks are transcribed: nothing of the job itself runs
    then, and a chunk that kills its worker is charged itself (docs/decisions/0015).
    """
    error = WorkerCrashed("the worker's lease expired")
    columns = (Transcription.id, Transcription.status)
    leading = Transcription.stage == Stage.TRANSCRIBE
    rows = await leases.expire(session, JOB, lease, error, *columns, uncharged=leading)
    ends = [(job_id, JobStatus(status)) for job_id, status in rows]
    for job_id, status in ends:
        if status is JobStatus.CANCELLED:
            await chunks.forget(session, Transcription.id == job_id)
        await _note_failure(session, job_id, status, error)
    return ends


def seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else round(milliseconds / 1000)


async def _note_released(session: AsyncSession, job_id: UUID, status: str, reason: str) -> None:
    if status == JobStatus.CANCELLED:
        await _note_cancelled(session, job_id, f"cancelled while it was released: {reason}")
        return
    await outbox.append(session, outbox.RELEASED, job_id, reason=reason)
    await journal.note(session, job_id, f"released: {reason}")


async def _note_cancelled(session: AsyncSession, job_id: UUID, message: str) -> None:
    await chunks.forget(session, Transcription.id == job_id)
    await outbox.append(session, outbox.CANCELLED, job_id)
    await journal.note(session, job_id, message)


async def _note_failure(session: AsyncSession, job_id: UUID, status: JobStatus, error: ArchivistError) -> None:
    event = {
        JobStatus.PENDING: outbox.RELEASED,
        JobStatus.FAILED: outbox.FAILED,
        JobStatus.CANCELLED: outbox.CANCELLED,
    }[status]
    await outbox.append(session, event, job_id, code=error.code, detail=storable(error.message))
    level = "ERROR" if status is JobStatus.FAILED else "WARNING"
    message = f"{error.message}; {'will be retried' if status is JobStatus.PENDING else status}"
    await journal.note(session, job_id, message, level=level, code=error.code)
