"""Transcriptions as callers read them: one, a page, and what moves while they run. All times are the database's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Artifact, OutboxEvent, Transcription
from archivist_common.errors import NotFound
from archivist_common.events import outbox
from archivist_common.jobs import artifacts
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.queue_state import queue_is_open
from archivist_common.states import LIVE, TERMINAL, JobStatus, Stage


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What changes while a job waits and runs. Milliseconds of audio; percent 0 to 100."""

    id: UUID
    status: JobStatus
    stage: Stage | None
    percent: int
    audio_done_ms: int
    audio_ms: int | None
    left: timedelta | None
    """Until the audio is done, by the speed of this attempt so far; None while there is none to measure."""
    attempt: int
    cancel_requested: bool
    paused: bool
    """It does not go on: a user has paused it, or the whole queue."""
    last_event: int
    """Id of the job's newest outbox event."""

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class JobView:
    """One transcription."""

    now: JobProgress
    user_id: int | None
    storage: str
    path: str
    filename: str
    size_bytes: int | None
    language: str
    model: str
    output_format: str
    include_summary: bool
    audio_track: int | None
    priority: int
    position: int | None
    """Place in the queue, from 1; None unless it waits."""
    paused_since: datetime | None
    """It is paused itself, whether or not the whole queue is."""
    start_at: datetime | None
    """The start time its submitter requested."""
    batch_id: UUID | None
    cleared: bool
    created: datetime
    started: datetime | None
    ended: datetime | None
    processing_s: int | None
    summary: dict[str, Any] | None
    warnings: tuple[str, ...]
    unheard: tuple[tuple[int, int], ...] | None
    """Stretches of speech without words, in milliseconds; None until it is completed, or where nobody looked."""
    error_code: str | None
    error_message: str | None

    @property
    def id(self) -> UUID:
        return self.now.id


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which transcriptions to list. user_id: whose; None for everybody's."""

    user_id: int | None = None
    status: JobStatus | None = None
    storage: str | None = None
    cleared: bool = False
    """Those cleared from the list as well."""


Place = tuple[datetime, UUID]
"""Where a page ended: creation and id of its last transcription."""


async def get(session: AsyncSession, transcription_id: UUID, *, user_id: int | None) -> JobView:
    """One transcription. user_id: whose it must be, None for anybody's. Raises NotFound, the same for both."""
    query = _readings().where(Transcription.id == transcription_id)
    if user_id is not None:
        query = query.where(Transcription.user_id == user_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no transcription {transcription_id}")
    return _reading(*row)


async def page(session: AsyncSession, which: JobFilter, after: Place | None, limit: int) -> Sequence[JobView]:
    """Transcriptions, newest first, behind `after`. Rows that come or go meanwhile shift nothing."""
    query = _readings().order_by(Transcription.created_date.desc(), Transcription.id.desc()).limit(limit)
    if which.user_id is not None:
        query = query.where(Transcription.user_id == which.user_id)
    if which.status is not None:
        query = query.where(Transcription.status == which.status)
    if which.storage is not None:
        query = query.where(Transcription.storage == which.storage)
    if not which.cleared:
        query = query.where(Transcription.cleared_at.is_(None))
    if after is not None:
        query = query.where(tuple_(Transcription.created_date, Transcription.id) < tuple_(*after))
    return [_reading(*row) for row in await session.execute(query)]


async def lined_up(
    session: AsyncSession, status: JobStatus, *, user_id: int | None, limit: int, skip: int = 0
) -> Sequence[JobView]:
    """Waiting or running jobs in the order of the queue. user_id: whose; None for everybody's."""
    query = _readings().where(Transcription.status == status)
    if user_id is not None:
        query = query.where(Transcription.user_id == user_id)
    query = query.order_by(Transcription.queue_key, Transcription.id).offset(skip).limit(limit)
    return [_reading(*row) for row in await session.execute(query)]


async def counts(session: AsyncSession, *, user_id: int | None) -> dict[JobStatus, int]:
    """How many jobs are in each state, those cleared from the list left out. user_id: whose; None for everybody's."""
    query = select(Transcription.status, func.count()).where(Transcription.cleared_at.is_(None))
    if user_id is not None:
        query = query.where(Transcription.user_id == user_id)
    rows = await session.execute(query.group_by(Transcription.status))
    return dict.fromkeys(JobStatus, 0) | {JobStatus(status): count for status, count in rows}


async def outputs(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, list[StoredFile]]:
    """The files of several transcriptions."""
    found: dict[UUID, list[StoredFile]] = {}
    rows = await session.scalars(
        select(Artifact).where(Artifact.transcription_id.in_(sorted(ids))).order_by(Artifact.id)
    )
    for row in rows:
        found.setdefault(row.transcription_id, []).append(artifacts.stored(row))
    return found


async def progress(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, JobProgress]:
    """How these transcriptions are now; one that does not exist is left out."""
    rows = await session.execute(_movings().where(Transcription.id.in_(sorted(ids))))
    return {row.id: _moving(row, *rest) for row, *rest in rows}


@cache  # building it costs more than running it
def _readings() -> Any:
    # Places of all that wait, counted once: a count for each row of a page would read the queue as often.
    places = (
        select(
            Transcription.id,
            func.row_number().over(order_by=(Transcription.queue_key, Transcription.id)).label("position"),
        )
        .where(Transcription.status == JobStatus.PENDING)
        .subquery()
    )
    return select(Transcription, _left_s(), _last_event(), queue_is_open(), places.c.position).outerjoin_from(
        Transcription, places, places.c.id == Transcription.id
    )


@cache
def _movings() -> Any:
    return select(Transcription, _left_s(), _last_event(), queue_is_open())


def _left_s() -> ColumnElement[float | None]:
    """What is left at the pace up to the last progress, less the time since then."""
    pace_s_per_ms = func.extract("epoch", Transcription.progress_at - Transcription.started_date) / func.nullif(
        Transcription.audio_done_ms, 0
    )
    since_s = func.extract("epoch", database_now() - Transcription.progress_at)
    left_ms = Transcription.audio_ms - Transcription.audio_done_ms
    left_s = left_ms * pace_s_per_ms - since_s
    return case((left_s.is_not(None), func.greatest(left_s, 0)))  # greatest() alone makes 0 of what is not known


def _last_event() -> ColumnElement[int]:
    newest = select(func.max(OutboxEvent.id)).where(
        OutboxEvent.transcription_id == Transcription.id, outbox.of_transcription()
    )
    return func.coalesce(newest.correlate(Transcription).scalar_subquery(), 0)


def _moving(row: Transcription, left_s: float | None, last_event: int, is_open: bool) -> JobProgress:
    status = JobStatus(row.status)
    runs = status is JobStatus.PROCESSING
    return JobProgress(
        id=row.id,
        status=status,
        stage=Stage(row.stage) if row.stage else None,
        percent=row.progress,
        audio_done_ms=row.audio_done_ms,
        audio_ms=row.audio_ms,
        left=timedelta(seconds=round(float(left_s))) if runs and left_s is not None else None,
        attempt=row.attempt,
        cancel_requested=row.cancel_requested_at is not None,
        paused=status in LIVE and (row.paused_at is not None or not is_open),
        last_event=last_event,
    )


def _reading(
    row: Transcription, left_s: float | None, last_event: int, is_open: bool, position: int | None
) -> JobView:
    return JobView(
        now=_moving(row, left_s, last_event, is_open),
        user_id=row.user_id,
        storage=row.storage,
        path=row.file_path,
        filename=row.filename,
        size_bytes=row.file_size,
        language=row.language,
        model=row.model,
        output_format=row.output_format,
        include_summary=row.include_summary,
        audio_track=row.audio_track,
        priority=row.priority,
        position=position,
        paused_since=row.paused_at if row.status in LIVE else None,
        start_at=row.start_at,
        batch_id=row.batch_id,
        cleared=row.cleared_at is not None,
        created=row.created_date,
        started=row.started_date,
        ended=row.completed_date,
        processing_s=row.processing_time,
        summary=row.summary,
        warnings=tuple(row.warnings),
        unheard=None if row.unheard is None else tuple((start, end) for start, end in row.unheard),
        error_code=row.error_code,
        error_message=row.error_message,
    )
