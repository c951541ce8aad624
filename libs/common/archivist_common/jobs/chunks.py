"""The chunks of a recording, as functions of a session: stored once, each heard by whatever slot claims it.

    add ──▶ pending ──claim──▶ processing ──finish──▶ completed
               ▲                 │     └───fail────▶ failed: its job ends
               └─release, lapse, failure worth another try

A chunk has a fencing token and a lease of its own, so that it outlives whoever leads its job. What was heard is
never heard again: a retry of the job goes on from it. All times are the database's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Update, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_captions.cue import Word
from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Chunk, Transcription
from archivist_common.errors import ArchivistError, Fenced, WorkerCrashed, by_code
from archivist_common.events import journal, outbox
from archivist_common.jobs import lifecycle
from archivist_common.jobs.lifecycle import JobClaim
from archivist_common.leases import retry
from archivist_common.states import LIVE, ChunkStatus, JobStatus


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a recording to be heard by itself. Milliseconds of the recording.

    speech: (start, end) of each stretch of speech, in samples at 16 kHz from the start of the chunk.
    """

    number: int
    start_ms: int
    end_ms: int
    speech: tuple[tuple[int, int], ...]
    language: str


@dataclass(frozen=True, slots=True)
class ChunkClaim:
    """A chunk in hand. `attempt` and `owner` prove that it still is."""

    id: int
    transcription_id: UUID
    attempt: int
    owner: str
    cut: Cut
    storage: str
    path: str
    size_bytes: int
    mtime_ns: int
    model: str
    audio_track: int | None
    fingerprint: str | None
    crash_count: int
    failed_with: str | None
    """Code of the error its last attempt ended with."""


@dataclass(frozen=True, slots=True)
class ChunkTranscript:
    """What was heard in a chunk. dropped: words left out as inventions of the model."""

    words: tuple[Word, ...]
    dropped: int
    bad_packets: int


@dataclass(frozen=True, slots=True)
class ChunkProgress:
    """How far a job's chunks are. `error`: why one of them cannot be heard."""

    chunks: int
    completed: int
    done_ms: int
    """Of audio, counting what is under way."""
    error: ArchivistError | None
    held_back: bool
    """Somebody has paused the job or the whole queue."""


async def resume(session: AsyncSession, held: JobClaim, recipe: str) -> tuple[int, ...]:
    """Begin, or go on with, the chunks of a claimed job: the ends, in milliseconds, of those stored already.

    Chunks of another recipe (engine and settings) are forgotten, unless all have been heard: results of two are
    never mixed. Raises Fenced.
    """
    await lead(session, held)
    row = (
        await session.execute(select(Transcription.recipe, Transcription.plan).where(Transcription.id == held.id))
    ).one()
    unheard = select(Chunk.id).where(Chunk.transcription_id == held.id, Chunk.status != ChunkStatus.COMPLETED)
    if row.recipe != recipe and (row.plan is None or await session.scalar(unheard.limit(1)) is not None):
        await session.execute(delete(Chunk).where(Chunk.transcription_id == held.id))
        await session.execute(
            update(Transcription).where(Transcription.id == held.id).values(recipe=recipe, plan=None)
        )
    ends = await session.scalars(select(Chunk.end_ms).where(Chunk.transcription_id == held.id).order_by(Chunk.number))
    return tuple(ends)


async def plan(session: AsyncSession, transcription_id: UUID) -> dict[str, Any] | None:
    """What the planner found in a recording; None while it is not done."""
    found: dict[str, Any] | None = await session.scalar(
        select(Transcription.plan).where(Transcription.id == transcription_id)
    )
    return found


async def language(session: AsyncSession, transcription_id: UUID) -> str | None:
    """The language its chunks are heard in; None while no speech was found."""
    found: str | None = await session.scalar(
        select(Chunk.language)
        .where(Chunk.transcription_id == transcription_id, func.jsonb_array_length(Chunk.speech) > 0)
        .order_by(Chunk.number)
        .limit(1)
    )
    return found


async def add(session: AsyncSession, held: JobClaim, recipe: str, cuts: Sequence[Cut]) -> None:
    """Store chunks, ready to be claimed. One that is stored already stays as it is. Raises Fenced.

    A new one is progress: what the planner crashed or failed of before is forgotten.
    """
    await lead(session, held)
    known = set(await session.scalars(select(Chunk.number).where(Chunk.transcription_id == held.id)))
    rows = [
        {
            "transcription_id": held.id,
            "number": cut.number,
            "recipe": recipe,
            "start_ms": cut.start_ms,
            "end_ms": cut.end_ms,
            "speech": [list(stretch) for stretch in cut.speech],
            "language": cut.language,
            "available_at": database_now(),
        }
        for cut in cuts
        if cut.number not in known
    ]
    for row in rows:
        await session.execute(insert(Chunk).values(row))
    if rows:
        await session.execute(
            update(Transcription).where(Transcription.id == held.id).values(crash_count=0, failure_count=0)
        )


def next_due(recipe: str, storages: Collection[str] | None) -> Any:
    """Id, job and queue key of the next chunk to claim, its row locked; those being claimed are left out."""
    return _due(recipe, None if storages is None else tuple(sorted(storages)))


@lru_cache(maxsize=64)  # building it takes longer than asking it
def _due(recipe: str, storages: tuple[str, ...] | None) -> Any:
    query = (
        select(Chunk.id, Transcription.id, Transcription.queue_key)
        .join(Transcription, Transcription.id == Chunk.transcription_id)
        .where(
            Chunk.status == ChunkStatus.PENDING,
            Chunk.available_at <= database_now(),
            Chunk.recipe == recipe,
            Transcription.status == JobStatus.PROCESSING,
            Transcription.paused_at.is_(None),
            Transcription.cancel_requested_at.is_(None),
            lifecycle.queue_is_open(),
        )
        .order_by(Transcription.queue_key, Transcription.id, Chunk.number)
        .limit(1)
        .with_for_update(skip_locked=True, of=Chunk)
    )
    return query if storages is None else query.where(Transcription.storage.in_(storages))


async def claim_locked(session: AsyncSession, chunk_id: int, owner: str, lease: timedelta) -> ChunkClaim:
    """Claim a chunk whose row the caller has locked while it was due."""
    chunk = (
        await session.execute(
            update(Chunk)
            .where(Chunk.id == chunk_id)
            .values(
                status=ChunkStatus.PROCESSING,
                attempt=Chunk.attempt + 1,
                lease_owner=owner,
                lease_expires_at=database_in(lease),
                started_date=database_now(),
                done_ms=0,
            )
            .returning(Chunk)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
    ).scalar_one()
    job = await session.get_one(Transcription, chunk.transcription_id, populate_existing=True)
    return ChunkClaim(
        id=chunk.id,
        transcription_id=chunk.transcription_id,
        attempt=chunk.attempt,
        owner=owner,
        cut=Cut(
            chunk.number,
            chunk.start_ms,
            chunk.end_ms,
            tuple((start, end) for start, end in chunk.speech),
            chunk.language,
        ),
        storage=job.storage,
        path=job.file_path,
        size_bytes=job.file_size or 0,
        mtime_ns=job.file_mtime_ns or 0,
        model=job.model,
        audio_track=job.audio_track,
        fingerprint=job.source_fingerprint,
        crash_count=chunk.crash_count,
        failed_with=chunk.error_code,
    )


async def renew(session: AsyncSession, held: ChunkClaim, lease: timedelta, done_ms: int) -> None:
    """Keep a chunk for another lease and say how much of it is heard.

    Raises Fenced when it is somebody else's by now, or its job has ended or shall end.
    """
    job = Transcription.id == Chunk.transcription_id
    wanted = Transcription.status.in_(sorted(LIVE)) & Transcription.cancel_requested_at.is_(None)
    await _fenced(
        session,
        held,
        _mine(held)
        .where(job, wanted)
        .values(lease_expires_at=database_in(lease), done_ms=func.greatest(Chunk.done_ms, done_ms)),
    )


async def finish(session: AsyncSession, held: ChunkClaim, heard: ChunkTranscript, took: timedelta) -> None:
    """Store what was heard, for good. Raises Fenced as `renew` does."""
    await _of_live_job(session, held)
    await _fenced(
        session,
        held,
        _mine(held).values(
            **_ENDED,
            status=ChunkStatus.COMPLETED,
            words=[[word.start_ms, word.end_ms, word.text, word.confidence] for word in heard.words],
            dropped=heard.dropped,
            bad_packets=heard.bad_packets,
            took_ms=round(took.total_seconds() * 1000),
            done_ms=Chunk.end_ms - Chunk.start_ms,
            error_code=None,
            error_message=None,
            completed_date=database_now(),
        ),
    )
    await outbox.append(
        session,
        outbox.CAPTIONS,
        held.transcription_id,
        chunk=held.cut.number,
        start_ms=held.cut.start_ms,
        end_ms=held.cut.end_ms,
        text=journal.storable(" ".join(word.text for word in heard.words)),
    )


async def fail(
    session: AsyncSession, held: ChunkClaim, error: ArchivistError, *, spread: float | None = None
) -> ChunkStatus:
    """End an attempt that could not finish: the chunk waits and is tried again, or has failed and ends its job.

    spread: as for `jobs.fail`. Raises Fenced.
    """
    verdict = retry.decide(Chunk, error)
    status = ChunkStatus(
        await _fenced(
            session,
            held,
            _mine(held).values(
                **_ENDED,
                **verdict.counts,
                status=case((verdict.again, ChunkStatus.PENDING.value), else_=ChunkStatus.FAILED.value),
                available_at=database_in(retry.wait_before(error, held.attempt, spread)),
                error_code=error.code,
                error_message=journal.storable(error.message),
            ),
        )
    )
    await _tell(session, held.transcription_id, held.cut.number, status, error)
    return status


async def release(session: AsyncSession, held: ChunkClaim) -> None:
    """Give a chunk back unharmed: the worker is asked to stop. Raises Fenced."""
    await _fenced(
        session, held, _mine(held).values(**_ENDED, status=ChunkStatus.PENDING, available_at=database_now())
    )


async def release_unknown(session: AsyncSession, owner: str) -> None:
    """Give back unharmed what an owner holds, who hears nothing now: the answer to its claim was lost."""
    unknown = update(Chunk).where(Chunk.lease_owner == owner, Chunk.status == ChunkStatus.PROCESSING)
    await session.execute(
        unknown.values(**_ENDED, status=ChunkStatus.PENDING, available_at=database_now()),
        execution_options={"synchronize_session": False},
    )


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, int, ChunkStatus]]:
    """Take back chunks whose worker has not been heard of for a whole lease: (job, number, state now) of each.

    Counts as a crash of the chunk. Nothing lapses while the database has been up for less than a lease.
    """
    # The job's row too is left out while somebody holds it: to tell of its chunk would wait for whoever hangs there.
    overdue = (
        select(Chunk.id)
        .join(Transcription, Transcription.id == Chunk.transcription_id)
        .where(
            Chunk.status == ChunkStatus.PROCESSING,
            Chunk.lease_expires_at < database_now(),
            func.pg_postmaster_start_time() < database_in(-lease),
        )
        .with_for_update(skip_locked=True, of=(Chunk, Transcription))
    )
    error = WorkerCrashed("the worker was not heard of for a whole lease")
    verdict = retry.decide(Chunk, error)
    rows = await session.execute(
        update(Chunk)
        .where(Chunk.id.in_(overdue))
        .values(
            **_ENDED,
            **verdict.counts,
            status=case((verdict.again, ChunkStatus.PENDING.value), else_=ChunkStatus.FAILED.value),
            available_at=database_now(),
            error_code=error.code,
            error_message=error.message,
        )
        .returning(Chunk.transcription_id, Chunk.number, Chunk.status)
        .execution_options(synchronize_session=False)
    )
    ends = [(job_id, number, ChunkStatus(status)) for job_id, number, status in rows]
    for job_id, number, status in ends:
        await _tell(session, job_id, number, status, error)
    return ends


async def progress(session: AsyncSession, transcription_id: UUID) -> ChunkProgress:
    """How far the chunks of a job are."""
    done = case(
        (Chunk.status == ChunkStatus.COMPLETED, Chunk.end_ms - Chunk.start_ms),
        (Chunk.status == ChunkStatus.PROCESSING, Chunk.done_ms),
        else_=0,
    )
    failed = Chunk.status == ChunkStatus.FAILED
    of_job = Chunk.transcription_id == transcription_id
    counts = (
        await session.execute(
            select(
                func.count(),
                func.count().filter(Chunk.status == ChunkStatus.COMPLETED),
                func.coalesce(func.sum(done), 0),
                func.min(Chunk.number).filter(failed),
            ).where(of_job)
        )
    ).one()
    error = None
    if counts[3] is not None:
        code, message = (
            await session.execute(
                select(Chunk.error_code, Chunk.error_message).where(of_job, Chunk.number == counts[3])
            )
        ).one()
        error = by_code(code or "")(message or "a chunk could not be heard")
    held_back = await session.scalar(
        select(Transcription.paused_at.is_not(None) | ~lifecycle.queue_is_open()).where(
            Transcription.id == transcription_id
        )
    )
    return ChunkProgress(counts[0], counts[1], int(counts[2]), error, bool(held_back))


async def transcripts(session: AsyncSession, transcription_id: UUID) -> Sequence[tuple[Cut, ChunkTranscript]]:
    """Every chunk heard so far, in the order of the recording."""
    rows = await session.scalars(
        select(Chunk)
        .where(Chunk.transcription_id == transcription_id, Chunk.status == ChunkStatus.COMPLETED)
        .order_by(Chunk.number)
    )
    return [
        (
            Cut(row.number, row.start_ms, row.end_ms, (), row.language),
            ChunkTranscript(
                tuple(Word(start, end, text, confidence) for start, end, text, confidence in row.words or ()),
                row.dropped,
                row.bad_packets,
            ),
        )
        for row in rows
    ]


async def lead(session: AsyncSession, held: JobClaim) -> None:
    """Lock a job's row for the rest of the transaction, its leader still being who it was. Raises Fenced."""
    found = await session.scalar(
        select(Transcription.id)
        .where(
            Transcription.id == held.id,
            Transcription.attempt == held.attempt,
            Transcription.lease_owner == held.owner,
            Transcription.status == JobStatus.PROCESSING,
        )
        .with_for_update()
    )
    if found is None:
        raise Fenced(f"attempt {held.attempt} of transcription {held.id} no longer holds it")


_ENDED: dict[str, Any] = {"lease_owner": None, "lease_expires_at": None}


def _mine(held: ChunkClaim) -> Update:
    return update(Chunk).where(
        Chunk.id == held.id,
        Chunk.attempt == held.attempt,
        Chunk.lease_owner == held.owner,
        Chunk.status == ChunkStatus.PROCESSING,
    )


async def _fenced(session: AsyncSession, held: ChunkClaim, statement: Update) -> str:
    result = await session.execute(
        statement.returning(Chunk.status), execution_options={"synchronize_session": False}
    )
    status: str | None = result.scalar_one_or_none()
    if status is None:
        raise Fenced(
            f"attempt {held.attempt} of chunk {held.cut.number} of transcription {held.transcription_id} "
            "no longer holds it"
        )
    return status


async def _of_live_job(session: AsyncSession, held: ChunkClaim) -> None:
    """Lock the job's row first, as everybody does who writes an event of it."""
    found = await session.scalar(
        select(Transcription.id)
        .where(
            Transcription.id == held.transcription_id,
            Transcription.status.in_(sorted(LIVE)),
            Transcription.cancel_requested_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        raise Fenced(f"transcription {held.transcription_id} has ended or shall end")


async def _tell(session: AsyncSession, job_id: UUID, number: int, status: ChunkStatus, error: ArchivistError) -> None:
    level = "ERROR" if status is ChunkStatus.FAILED else "WARNING"
    what = "tried again" if status is ChunkStatus.PENDING else "given up"
    await journal.record(
        session, level, "transcription", f"chunk {number}: {error.message}; {what}", transcription_id=job_id,
        code=error.code,
    )  # fmt: skip
