"""Syncs of a target's own list into ours, as functions of a session: asked for, claimed, got on with, ended.

    ask, schedule ──▶ pending ──claim──▶ running ──complete──▶ completed
                         ▲                 │  └─────fail─────▶ failed
                         └─────put_off─────┘

One of each kind is live, and one at a time of a target runs. Who runs it proves with `moved_at` that it still is the
one; a run that has not moved for a lease is taken over, from where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common import journal
from archivist_common.errors import Fenced
from archivist_common.models import SyncRun
from archivist_common.time import database_in, database_now

SHOWS, VODS = "shows", "vods"
KINDS = (SHOWS, VODS)
FULL, CHANGES = "full", "changes"

TOO_MANY_GONE = "SYNC_TOO_MANY_GONE"
"""More than half would be gone at once: nothing is marked so, and a person looks."""
INCOMPLETE = "SYNC_INCOMPLETE"
"""The server gave fewer rows than it says it has: what is gone was not looked for."""

_COMPONENT = "vod"
_CLAIM_LOCK = 0x53796E63  # "Sync"
_AFTER_FAILURE = timedelta(hours=1)  # at the least, before a full one is tried again by itself
_KEPT = timedelta(days=30)
_LIVE = ("pending", "running")
# Written out: with parameters in their place a prepared statement finds no index once its plan is a general one.
_INDEX_WHERE = text("status IN ('pending', 'running')")


@dataclass(frozen=True, slots=True)
class Run:
    """One sync. position: rows dealt with. since: by the target's clock. moved_at: what proves that it is ours."""

    id: int
    target: str
    kind: str
    mode: str
    status: str
    position: int
    total: int | None
    since: datetime | None
    added: int
    changed: int
    gone: int
    error_code: str | None
    error_message: str | None
    asked_by: int | None
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None
    finished_at: datetime | None


async def ask(session: AsyncSession, target: str, kind: str, mode: str, *, user_id: int | None) -> tuple[int, bool]:
    """The run that does it, and whether it is a new one. One that waits already is made full where that is asked for;
    one that runs is what the caller is given. Raises IntegrityError for a target that was never reported."""
    made = await _insert(session, target, kind, mode, user_id)
    if made is not None:
        return made, True
    waiting = update(SyncRun).where(SyncRun.target == target, SyncRun.kind == kind, SyncRun.status == "pending")
    if mode == FULL:
        # What a changes run has read so far counts for nothing in a full one.
        position = case((SyncRun.mode == FULL, SyncRun.position), else_=0)
        await session.execute(
            waiting.values(mode=FULL, asked_by=user_id, position=position).execution_options(
                synchronize_session=False
            )
        )
    live = await session.scalar(
        select(SyncRun.id).where(SyncRun.target == target, SyncRun.kind == kind, SyncRun.status.in_(_LIVE))
    )
    if live is None:  # it ended between the two statements
        return await ask(session, target, kind, mode, user_id=user_id)
    return live, False


async def schedule(session: AsyncSession, target: str, every: timedelta, full_every: timedelta) -> int:
    """Put what is due into the queue; how many runs that were. The first of all is a full one."""
    made = 0
    for kind in KINDS:
        full_done, any_done, full_failed, any_failed = (
            await session.execute(
                select(
                    _age(SyncRun.started_date, kind, target, SyncRun.status == "completed", SyncRun.mode == FULL),
                    _age(SyncRun.started_date, kind, target, SyncRun.status == "completed"),
                    _age(SyncRun.finished_date, kind, target, SyncRun.status == "failed", SyncRun.mode == FULL),
                    _age(SyncRun.finished_date, kind, target, SyncRun.status == "failed"),
                )
            )
        ).one()
        patience = min(full_every, _AFTER_FAILURE)
        mode = None
        if (full_done is None or full_done >= full_every) and (full_failed is None or full_failed >= patience):
            mode = FULL
        elif full_done is not None and any_done >= every and (any_failed is None or any_failed >= every):
            mode = CHANGES
        if mode is not None and await _insert(session, target, kind, mode, None) is not None:
            made += 1
    if made:
        await session.execute(delete(SyncRun).where(SyncRun.finished_date < database_in(-_KEPT)))
    return made


async def claim(session: AsyncSession, target: str, lease: timedelta) -> Run | None:
    """The next run to get on with: shows before VODs, which are named after them. None while another one moves."""
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(_CLAIM_LOCK))):
        return None
    other = aliased(SyncRun)
    stands_still = or_(SyncRun.moved_date.is_(None), SyncRun.moved_date < database_in(-lease))
    moves = exists().where(other.target == target, other.status == "running", other.moved_date >= database_in(-lease))
    found = await session.scalar(
        select(SyncRun.id)
        .where(
            SyncRun.target == target,
            or_(SyncRun.status == "pending", and_(SyncRun.status == "running", stands_still)),
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
            .values(status="running", started_date=func.coalesce(SyncRun.started_date, now), moved_date=now)
            .returning(SyncRun)
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    return _run(row)


async def moved(session: AsyncSession, run: Run, **values: Any) -> Run:
    """Keep how far it is. Raises Fenced where somebody else has it by now."""
    return await _fenced(session, run, values)


async def put_off(session: AsyncSession, run: Run) -> None:
    """Let it wait, for whoever takes it next. Raises Fenced."""
    await _fenced(session, run, {"status": "pending"})


async def complete(session: AsyncSession, run: Run, **values: Any) -> None:
    """Raises Fenced."""
    done = await _fenced(session, run, {"status": "completed", "finished_date": database_now(), **values})
    if run.mode == FULL:
        told = f"{run.kind} of {run.target} read: {done.added} new, {done.changed} changed, {done.gone} gone"
        await journal.record(session, "INFO", _COMPONENT, told)


async def fail(session: AsyncSession, run: Run, code: str, message: str) -> None:
    """Raises Fenced."""
    ended = {"status": "failed", "finished_date": database_now()}
    await _fenced(session, run, {**ended, "error_code": code, "error_message": journal.plain(message)})
    told = f"reading the {run.kind} of {run.target} failed: {message}"
    await journal.record(session, "ERROR", _COMPONENT, told, code=code)


async def latest(session: AsyncSession, target: str, limit: int = 20) -> Sequence[Run]:
    """The newest runs, newest first."""
    rows = await session.scalars(
        select(SyncRun)
        .where(SyncRun.target == target)
        .order_by(SyncRun.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [_run(row) for row in rows]


async def age_of_last(session: AsyncSession, target: str, kind: str) -> timedelta | None:
    """Since the last run that completed was begun; None where none has."""
    seconds = await session.scalar(select(_age(SyncRun.started_date, kind, target, SyncRun.status == "completed")))
    return None if seconds is None else seconds


async def is_confirmed(session: AsyncSession, run: Run) -> bool:
    """Whether a person asks for this full run after one that would have marked too many as gone."""
    if run.asked_by is None or run.mode != FULL:
        return False
    before = await session.scalar(
        select(SyncRun.error_code)
        .where(
            SyncRun.target == run.target,
            SyncRun.kind == run.kind,
            SyncRun.mode == FULL,
            SyncRun.id < run.id,
            SyncRun.finished_date < run.created_at,
        )
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    return before == TOO_MANY_GONE


async def _insert(session: AsyncSession, target: str, kind: str, mode: str, user_id: int | None) -> int | None:
    return await session.scalar(
        pg_insert(SyncRun)
        .values(target=target, kind=kind, mode=mode, asked_by=user_id, created_date=database_now())
        .on_conflict_do_nothing(index_elements=["target", "kind"], index_where=_INDEX_WHERE)
        .returning(SyncRun.id)
    )


def _age(column: Any, kind: str, target: str, *conditions: Any) -> Any:
    return (
        select(database_now() - func.max(column))
        .where(SyncRun.kind == kind, SyncRun.target == target, *conditions)
        .scalar_subquery()
    )


async def _fenced(session: AsyncSession, run: Run, values: dict[str, Any]) -> Run:
    row = (
        await session.execute(
            update(SyncRun)
            .where(SyncRun.id == run.id, SyncRun.status == "running", SyncRun.moved_date == run.moved_at)
            .values(moved_date=database_now(), **values)
            .returning(SyncRun)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if row is None:
        raise Fenced(f"sync {run.id} is another process's by now")
    return _run(row)


def _run(row: SyncRun) -> Run:
    return Run(
        row.id,
        row.target,
        row.kind,
        row.mode,
        row.status,
        row.position,
        row.total,
        row.since,
        row.added,
        row.changed,
        row.gone,
        row.error_code,
        row.error_message,
        row.asked_by,
        row.created_date,
        row.started_date,
        row.moved_date,
        row.finished_date,
    )
