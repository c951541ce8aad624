"""The life of a sync, as functions of a session: scheduled, claimed, advanced, ended. See `common/shows/sync_runs`.

    request, schedule ──▶ pending ──claim──▶ running ──complete──▶ completed
                             ▲                 │  └─────fail─────▶ failed
                             └─────release─────┘

One of each kind is live, and one at a time of a target runs. `moved_date` is its fencing token, which every write
renews; the lease of a run that has not moved for so long has expired, and the next claim goes on from where it was.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import SyncRun
from archivist_common.database.text import storable
from archivist_common.events import journal
from archivist_common.leases import lease as leases
from archivist_common.leases.lease import Fence
from archivist_common.shows import sync_runs
from archivist_common.shows.sync_runs import SyncKind, SyncMode, SyncStatus

TOO_MANY_GONE = "SYNC_TOO_MANY_GONE"
"""More than half would be gone at once: nothing is marked so before an operator confirms."""
INCOMPLETE = "SYNC_INCOMPLETE"
"""The server gave fewer rows than it reports: no row is marked as gone."""

SYNC = Fence(SyncRun, SyncStatus.RUNNING, ("moved_date",))

_COMPONENT = "vod"
_CLAIM_LOCK = 0x53796E63  # "Sync"
_DONE, _FAILED = SyncRun.status == SyncStatus.COMPLETED, SyncRun.status == SyncStatus.FAILED
_WHOLE = SyncRun.mode == SyncMode.FULL
_AFTER_FAILURE = timedelta(hours=1)  # at the least, before a full one is retried automatically


@dataclass(frozen=True, slots=True)
class Run:
    """A claimed sync. position: rows dealt with. since: by Cablecast's clock. moved: its fencing token."""

    id: int
    target: str
    kind: SyncKind
    mode: SyncMode
    position: int
    total: int | None
    since: datetime | None
    added: int
    changed: int
    gone: int
    asked_by: int | None
    created: datetime
    started: datetime
    moved: datetime

    @property
    def token(self) -> tuple[datetime]:
        return (self.moved,)

    def __str__(self) -> str:
        return f"sync {self.id}"


async def schedule(session: AsyncSession, target: str, every: timedelta, full_every: timedelta) -> int:
    """Put what is due into the queue; how many runs that were. The first of all is a full one."""
    made = 0
    for kind in SyncKind:
        full_done, any_done, full_failed, any_failed = (
            await session.execute(
                select(
                    _age(SyncRun.started_date, kind, target, _DONE, _WHOLE),
                    _age(SyncRun.started_date, kind, target, _DONE),
                    _age(SyncRun.finished_date, kind, target, _FAILED, _WHOLE),
                    _age(SyncRun.finished_date, kind, target, _FAILED),
                )
            )
        ).one()
        patience = min(full_every, _AFTER_FAILURE)
        mode = None
        if (full_done is None or full_done >= full_every) and (full_failed is None or full_failed >= patience):
            mode = SyncMode.FULL
        elif full_done is not None and any_done >= every and (any_failed is None or any_failed >= every):
            mode = SyncMode.CHANGES
        if mode is not None and (await sync_runs.request(session, target, kind, mode))[1]:
            made += 1
    return made


async def claim(session: AsyncSession, target: str, lease: timedelta) -> Run | None:
    """Claim the next run: shows before VODs, which are named after them. None while another one runs."""
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(_CLAIM_LOCK))):
        return None
    other = aliased(SyncRun)
    since = database_in(-lease)
    expired = or_(SyncRun.moved_date.is_(None), SyncRun.moved_date < since)
    moves = exists().where(other.target == target, other.status == SyncStatus.RUNNING, other.moved_date >= since)
    found = await session.scalar(
        select(SyncRun.id)
        .where(
            SyncRun.target == target,
            or_(SyncRun.status == SyncStatus.PENDING, and_(SyncRun.status == SyncStatus.RUNNING, expired)),
            ~moves,
        )
        .order_by(SyncRun.kind, SyncRun.id)
        .limit(1)
        .with_for_update()
    )
    if found is None:
        return None
    now = database_now()
    row = (
        await session.execute(
            update(SyncRun)
            .where(SyncRun.id == found)
            .values(status=SyncStatus.RUNNING, started_date=func.coalesce(SyncRun.started_date, now), moved_date=now)
            .returning(SyncRun)
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    return _run(row)


async def advance(session: AsyncSession, run: Run, **values: Any) -> Run:
    """Write how far it is, and renew its lease. Raises Fenced."""
    renewed = {"moved_date": database_now(), **values}
    return _run(await leases.write(session, SYNC, run, renewed, SyncRun))


async def release(session: AsyncSession, run: Run) -> None:
    """Return it to pending, for the next claim to go on with. Raises Fenced."""
    await advance(session, run, status=SyncStatus.PENDING)


async def complete(session: AsyncSession, run: Run, **values: Any) -> None:
    """Raises Fenced."""
    done = await advance(session, run, status=SyncStatus.COMPLETED, finished_date=database_now(), **values)
    if run.mode == SyncMode.FULL:
        message = f"{run.kind} of {run.target} read: {done.added} new, {done.changed} changed, {done.gone} gone"
        await journal.record(session, "INFO", _COMPONENT, message)


async def fail(session: AsyncSession, run: Run, code: str, message: str) -> None:
    """Raises Fenced."""
    error = {"error_code": code, "error_message": storable(message)}
    await advance(session, run, status=SyncStatus.FAILED, finished_date=database_now(), **error)
    failure = f"reading the {run.kind} of {run.target} failed: {message}"
    await journal.record(session, "ERROR", _COMPONENT, failure, code=code)


async def age_of_last(session: AsyncSession, target: str, kind: SyncKind) -> timedelta | None:
    """Since the last run that completed was begun; None where none has."""
    age: timedelta | None = await session.scalar(select(_age(SyncRun.started_date, kind, target, _DONE)))
    return age


async def is_confirmed(session: AsyncSession, run: Run) -> bool:
    """Whether a user asked for this full run after one that would have marked too many as gone."""
    if run.asked_by is None or run.mode != SyncMode.FULL:
        return False
    before = await session.scalar(
        select(SyncRun.error_code)
        .where(
            SyncRun.target == run.target,
            SyncRun.kind == run.kind,
            _WHOLE,
            SyncRun.id < run.id,
            SyncRun.finished_date < run.created,
        )
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    return before == TOO_MANY_GONE


def _age(column: Any, kind: SyncKind, target: str, *conditions: Any) -> Any:
    return (
        select(database_now() - func.max(column))
        .where(SyncRun.kind == kind, SyncRun.target == target, *conditions)
        .scalar_subquery()
    )


def _run(row: SyncRun) -> Run:
    return Run(
        id=row.id,
        target=row.target,
        kind=SyncKind(row.kind),
        mode=SyncMode(row.mode),
        position=row.position,
        total=row.total,
        since=row.since,
        added=row.added,
        changed=row.changed,
        gone=row.gone,
        asked_by=row.asked_by,
        created=row.created_date,
        started=row.started_date or row.created_date,
        moved=row.moved_date or row.created_date,
    )
