"""The chunks of a recording, as functions of a session: each transcribed once, by whatever slot claims it.

    add ──▶ pending ──claim──▶ processing ──finish──▶ completed
               ▲                 │     └───fail────▶ failed: its job ends
               └─release, expired lease, failure worth a retry

A chunk has a fencing token and a lease of its own (`leases/lease.py`), so that it outlives the leader of its job.
What was transcribed is never transcribed again: a retry of the job goes on from it. All times are the database's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_captions.cue import Word
from archivist_common.database.clock import database_now
from archivist_common.database.models import Chunk, Transcription
from archivist_common.database.text import storable
from archivist_common.errors import ArchivistError, Fenced, WorkerCrashed, by_code
from archivist_common.events import journal, outbox
from archivist_common.jobs.queue_state import queue_is_open
from archivist_common.leases import lease as leases
from archivist_common.leases.lease import Lease
from archivist_common.leases.retry import wait_before
from archivist_common.states import LIVE, ChunkStatus, JobStatus

CHUNK = Lease(Chunk)


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a recording to be transcribed by itself. Milliseconds of the recording.

    speech: (start, end) of each stretch of speech, in samples at 16 kHz from the start of the chunk.
    """

    number: int
    start_ms: int
    end_ms: int
    speech: tuple[tuple[int, int], ...]
    language: str


@dataclass(frozen=True, slots=True)
class ChunkClaim:
    """A claimed chunk. `attempt` and `owner` prove that it still is."""

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

    @property
    def token(self) -> tuple[int, str]:
        return self.attempt, self.owner

    def __str__(self) -> str:
        return f"attempt {self.attempt} of chunk {self.cut.number} of transcription {self.transcription_id}"


@dataclass(frozen=True, slots=True)
class ChunkTranscript:
    """Words transcribed from one chunk. dropped: words removed as hallucinations.

    unheard: stretches of speech that stayed without words, (start, end) in milliseconds of the recording, rising.
    """

    words: tuple[Word, ...]
    dropped: int
    bad_packets: int
    unheard: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkProgress:
    """Progress of a job's chunks. `error`: why one of them cannot be transcribed."""

    chunks: int
    completed: int
    done_ms: int
    """Of audio, counting what is under way."""
    error: ArchivistError | None
    held_back: bool
    """The job or the whole queue is paused."""


def next_due(recipe: str, storages: Collection[str] | None) -> Any:
    """Id, job and queue key of the next chunk to claim, its row locked; those being claimed are left out."""
    return _due(recipe, None if storages is None else tuple(sorted(storages)))


@lru_cache(maxsize=64)  # building it takes longer than running it
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
            queue_is_open(),
        )
        .order_by(Transcription.queue_key, Transcription.id, Chunk.number)
        .limit(1)
        .with_for_update(skip_locked=True, of=Chunk)
    )
    return query if storages is None else query.where(Transcription.storage.in_(storages))


async def claim_locked(session: AsyncSession, chunk_id: int, owner: str, lease: timedelta) -> ChunkClaim:
    """Claim a chunk whose row the caller has locked while it was due."""
    claiming = CHUNK.claimed().values(started_date=database_now(), done_ms=0).returning(Chunk)
    (chunk,) = await leases.claim(session, claiming, chunk_id, owner, lease)
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


async def renew(session: AsyncSession, claim: ChunkClaim, lease: timedelta, done_ms: int) -> None:
    """Keep a chunk for another lease and write how much of it is transcribed.

    Raises Fenced when the lease is lost, or the chunk's job has ended or shall end.
    """
    job = Transcription.id == Chunk.transcription_id
    wanted = Transcription.status.in_(sorted(LIVE)) & Transcription.cancel_requested_at.is_(None)
    values = {**CHUNK.renewed(lease), "done_ms": func.greatest(Chunk.done_ms, done_ms)}
    renewing = CHUNK.update().where(job, wanted).values(**values).returning(Chunk.status)
    await leases.execute(session, CHUNK, claim, renewing)


async def finish(session: AsyncSession, claim: ChunkClaim, transcript: ChunkTranscript, took: timedelta) -> None:
    """Store what was transcribed, for good. Raises Fenced as `renew` does."""
    await _lock_live_job(session, claim)
    values = {
        **CHUNK.ended(ChunkStatus.COMPLETED),
        "words": [[word.start_ms, word.end_ms, word.text, word.confidence] for word in transcript.words],
        "dropped": transcript.dropped,
        "bad_packets": transcript.bad_packets,
        "unheard": [list(stretch) for stretch in transcript.unheard],
        "took_ms": round(took.total_seconds() * 1000),
        "done_ms": Chunk.end_ms - Chunk.start_ms,
        "error_code": None,
        "error_message": None,
        "completed_date": database_now(),
    }
    await leases.write(session, CHUNK, claim, values)
    await outbox.append(
        session,
        outbox.CAPTIONS,
        claim.transcription_id,
        chunk=claim.cut.number,
        start_ms=claim.cut.start_ms,
        end_ms=claim.cut.end_ms,
        text=storable(" ".join(word.text for word in transcript.words)),
    )


async def fail(
    session: AsyncSession, claim: ChunkClaim, error: ArchivistError, *, spread: float | None = None
) -> ChunkStatus:
    """End an attempt that could not finish: the chunk waits and is retried, or has failed and ends its job.

    spread: as for `lifecycle.fail`. Raises Fenced.
    """
    values = CHUNK.failed(error, wait_before(error, claim.attempt, spread))
    status = ChunkStatus(await leases.write(session, CHUNK, claim, values, Chunk.status))
    await _note(session, claim.transcription_id, claim.cut.number, status, error)
    return status


async def release(session: AsyncSession, claim: ChunkClaim) -> None:
    """Return a chunk to the queue unharmed, as the worker stops. Raises Fenced."""
    await leases.write(session, CHUNK, claim, CHUNK.released())


async def release_unknown(session: AsyncSession, owner: str) -> None:
    """Release what an owner has claimed that transcribes nothing now: the response to its claim was lost."""
    await leases.release_unknown(session, CHUNK, owner, Chunk.id)


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, int, ChunkStatus]]:
    """Requeue, or fail, chunks whose lease has expired. Returns (job, number, new status). A crash of the chunk."""
    error = WorkerCrashed("the worker's lease expired")
    columns = (Chunk.transcription_id, Chunk.number, Chunk.status)
    # A chunk whose job's row is locked is left for later: the note on the job would wait for whoever hangs there.
    rows = await leases.expire(session, CHUNK, lease, error, *columns, beside=Transcription)
    ends = [(job_id, number, ChunkStatus(status)) for job_id, number, status in rows]
    for job_id, number, status in ends:
        await _note(session, job_id, number, status, error)
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
        error = by_code(code or "")(message or "a chunk could not be transcribed")
    held_back = await session.scalar(
        select(Transcription.paused_at.is_not(None) | ~queue_is_open()).where(Transcription.id == transcription_id)
    )
    return ChunkProgress(counts[0], counts[1], int(counts[2]), error, bool(held_back))


async def transcripts(session: AsyncSession, transcription_id: UUID) -> Sequence[tuple[Cut, ChunkTranscript]]:
    """Every chunk transcribed so far, in the order of the recording."""
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
                tuple((start, end) for start, end in row.unheard or ()),
            ),
        )
        for row in rows
    ]


async def forget(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Delete the chunks of these transcriptions, and their plans: a retry begins anew."""
    await session.execute(delete(Chunk).where(Chunk.transcription_id.in_(select(Transcription.id).where(which))))
    await session.execute(
        update(Transcription)
        .where(which, Transcription.plan.is_not(None))
        .values(plan=None)
        .execution_options(synchronize_session=False)
    )


async def _lock_live_job(session: AsyncSession, claim: ChunkClaim) -> None:
    """Lock the job's row first, as every writer of its events does."""
    found = await session.scalar(
        select(Transcription.id)
        .where(
            Transcription.id == claim.transcription_id,
            Transcription.status.in_(sorted(LIVE)),
            Transcription.cancel_requested_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        raise Fenced(f"transcription {claim.transcription_id} has ended or shall end")


async def _note(session: AsyncSession, job_id: UUID, number: int, status: ChunkStatus, error: ArchivistError) -> None:
    level = "ERROR" if status is ChunkStatus.FAILED else "WARNING"
    what = "will be retried" if status is ChunkStatus.PENDING else "not retried any more"
    await journal.note(session, job_id, f"chunk {number}: {error.message}; {what}", level=level, code=error.code)
