"""Recordings submitted together, as functions of a session: an answer for each file, one progress for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import Batch, Transcription
from archivist_common.database.text import storable
from archivist_common.errors import ArchivistError, NotFound
from archivist_common.events import journal
from archivist_common.states import TERMINAL, JobStatus

MOST_FILES = 100

Place = tuple[datetime, UUID]
"""Where a page ended: creation and id of its last batch."""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """What became of one file: the job that captions it, or why there is none.

    is_new: the batch made the job; otherwise the recording was being captioned already.
    """

    storage: str
    path: str
    transcription_id: UUID | None = None
    is_new: bool = False
    code: str | None = None
    message: str | None = None

    @classmethod
    def refused(cls, storage: str, path: str, error: ArchivistError) -> Self:
        return cls(storage, path, code=error.code, message=error.message)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """How one job of a batch is."""

    status: JobStatus
    percent: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """One batch. jobs: by id; one that is gone is left out."""

    id: UUID
    user_id: int | None
    name: str | None
    created: datetime
    files: tuple[BatchEntry, ...]
    jobs: Mapping[UUID, BatchJob]

    @property
    def percent(self) -> int:
        """Of the jobs together; what has ended, however, is done."""
        done = [100 if job.status in TERMINAL else job.percent for job in self.jobs.values()]
        return sum(done) // len(done) if done else 100

    @property
    def has_ended(self) -> bool:
        return all(job.status in TERMINAL for job in self.jobs.values())


async def create(session: AsyncSession, name: str | None, *, user_id: int) -> UUID:
    """A batch without an answer yet, for its jobs to name."""
    made = await session.execute(insert(Batch).values(user_id=user_id, name=name).returning(Batch.id))
    return made.scalar_one()


async def answer(session: AsyncSession, batch_id: UUID, files: Sequence[BatchEntry], *, user_id: int) -> None:
    """Keep the answers of a batch, in the transaction that made it."""
    await session.execute(update(Batch).where(Batch.id == batch_id).values(results=[_stored(one) for one in files]))
    taken = sum(one.transcription_id is not None for one in files)
    message = f"batch {batch_id}: {taken} of {len(files)} files taken"
    await journal.record(session, "INFO", "queue", message, user_id=user_id)


async def get(session: AsyncSession, batch_id: UUID, *, user_id: int | None) -> BatchView:
    """One batch. user_id: whose it must be, None for anybody's. Raises NotFound, the same for both."""
    query = select(Batch).where(Batch.id == batch_id)
    if user_id is not None:
        query = query.where(Batch.user_id == user_id)
    row = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise NotFound(f"there is no batch {batch_id}")
    return (await _readings(session, [row]))[0]


async def page(session: AsyncSession, user_id: int | None, after: Place | None, limit: int) -> Sequence[BatchView]:
    """Batches, newest first, behind `after`. user_id: whose; None for everybody's."""
    query = select(Batch).order_by(Batch.created_date.desc(), Batch.id.desc()).limit(limit)
    if user_id is not None:
        query = query.where(Batch.user_id == user_id)
    if after is not None:
        query = query.where(tuple_(Batch.created_date, Batch.id) < tuple_(*after))
    return await _readings(session, list(await session.scalars(query)))


async def _readings(session: AsyncSession, rows: Sequence[Batch]) -> list[BatchView]:
    answers = {row.id: tuple(_answer(one) for one in row.results) for row in rows}
    ids = {one.transcription_id for files in answers.values() for one in files if one.transcription_id is not None}
    found = await session.execute(
        select(Transcription.id, Transcription.status, Transcription.progress).where(
            Transcription.id.in_(sorted(ids))
        )
    )
    progress_of = {job_id: BatchJob(JobStatus(status), percent) for job_id, status, percent in found}
    return [
        BatchView(
            id=row.id,
            user_id=row.user_id,
            name=row.name,
            created=row.created_date,
            files=answers[row.id],
            jobs={
                one.transcription_id: progress_of[one.transcription_id]
                for one in answers[row.id]
                if one.transcription_id in progress_of
            },
        )
        for row in rows
    ]


def _stored(one: BatchEntry) -> dict[str, Any]:
    plain = {"storage": storable(one.storage), "path": storable(one.path)}
    if one.transcription_id is not None:
        return {**plain, "transcription_id": str(one.transcription_id), "is_new": one.is_new}
    return {**plain, "code": one.code, "message": storable(one.message or "")}


def _answer(stored: Mapping[str, Any]) -> BatchEntry:
    job_id = stored.get("transcription_id")
    return BatchEntry(
        storage=stored["storage"],
        path=stored["path"],
        transcription_id=None if job_id is None else UUID(job_id),
        is_new=stored.get("is_new", False),
        code=stored.get("code"),
        message=stored.get("message"),
    )
