"""Syncs of Cablecast's shows and VODs into our tables, as requested and read. The publisher runs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import SyncRun
from archivist_common.events import journal

_COMPONENT = "vod"
_SHOWN = 5
_IS_LIVE = text("status IN ('pending', 'running')")


class SyncKind(StrEnum):
    SHOWS = "shows"
    VODS = "vods"


class SyncMode(StrEnum):
    """full: everything, so that what is gone is found out; changes: what changed since the run before."""

    FULL = "full"
    CHANGES = "changes"


class SyncStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncRunView:
    """One sync. position of total: rows dealt with. moved: when it last got on."""

    id: int
    target: str
    kind: SyncKind
    mode: SyncMode
    status: SyncStatus
    position: int
    total: int | None
    added: int
    changed: int
    gone: int
    error_code: str | None
    error_message: str | None
    asked_by: int | None
    created: datetime
    started: datetime | None
    moved: datetime | None
    finished: datetime | None

    @property
    def percent(self) -> int | None:
        """None while the total is not known."""
        if self.status is SyncStatus.COMPLETED:
            return 100
        if not self.total:
            return None
        return min(99, 100 * self.position // self.total)


async def request(
    session: AsyncSession, target: str, kind: SyncKind, mode: SyncMode, *, user_id: int | None = None
) -> tuple[SyncRunView, bool]:
    """A sync of this kind, and whether it is new: one that waits or runs is the answer.

    One of changes that still waits is made a full one where that is asked for; one that runs goes on as it is.
    """
    made = await session.scalar(
        insert(SyncRun)
        .values(target=target, kind=kind, mode=mode, asked_by=user_id, created_date=database_now())
        .on_conflict_do_nothing(index_elements=["target", "kind"], index_where=_IS_LIVE)
        .returning(SyncRun)
    )
    if made is not None:
        if user_id is not None:  # those by the clock are too many to be told of
            message = f"a sync of {kind.value} with {target} was asked for"
            await journal.record(session, "INFO", _COMPONENT, message, user_id=user_id, mode=mode.value)
        return _run(made), True
    if mode is SyncMode.FULL:  # what a run of changes has read so far counts for nothing in a full one
        await session.execute(
            update(SyncRun)
            .where(
                SyncRun.target == target,
                SyncRun.kind == kind,
                SyncRun.status == SyncStatus.PENDING,
                SyncRun.mode == SyncMode.CHANGES,
            )
            .values(mode=SyncMode.FULL, position=0, asked_by=user_id)
            .execution_options(synchronize_session=False)
        )
    live = await session.scalar(
        select(SyncRun)
        .where(
            SyncRun.target == target,
            SyncRun.kind == kind,
            SyncRun.status.in_([SyncStatus.PENDING, SyncStatus.RUNNING]),
        )
        .execution_options(populate_existing=True)
    )
    if live is None:  # it has ended between the two statements: then there is room for another
        return await request(session, target, kind, mode, user_id=user_id)
    return _run(live), False


async def latest(session: AsyncSession, kind: SyncKind) -> Sequence[SyncRunView]:
    """The last few of a kind, the newest first."""
    rows = await session.scalars(
        select(SyncRun)
        .where(SyncRun.kind == kind)
        .order_by(SyncRun.id.desc())
        .limit(_SHOWN)
        .execution_options(populate_existing=True)
    )
    return [_run(row) for row in rows]


async def last_good(session: AsyncSession, kind: SyncKind) -> datetime | None:
    """When one was last completed: how old what we know of Cablecast is at most."""
    return await session.scalar(
        select(func.max(SyncRun.finished_date)).where(SyncRun.kind == kind, SyncRun.status == SyncStatus.COMPLETED)
    )


async def last_change(session: AsyncSession, kind: SyncKind) -> int | None:
    """Number of the last completed one that stored anything new; None where there is none."""
    stored = SyncRun.added + SyncRun.changed + SyncRun.gone
    return await session.scalar(
        select(func.max(SyncRun.id)).where(SyncRun.kind == kind, SyncRun.status == SyncStatus.COMPLETED, stored > 0)
    )


def _run(row: SyncRun) -> SyncRunView:
    return SyncRunView(
        id=row.id,
        target=row.target,
        kind=SyncKind(row.kind),
        mode=SyncMode(row.mode),
        status=SyncStatus(row.status),
        position=row.position,
        total=row.total,
        added=row.added,
        changed=row.changed,
        gone=row.gone,
        error_code=row.error_code,
        error_message=row.error_message,
        asked_by=row.asked_by,
        created=row.created_date,
        started=row.started_date,
        moved=row.moved_date,
        finished=row.finished_date,
    )
