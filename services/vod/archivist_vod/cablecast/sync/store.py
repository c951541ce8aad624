"""Our copies of Cablecast's shows and VODs, as functions of a session: a page stored, what is gone marked so.

A row that is as it was is only marked as seen. A VOD that Archivist published keeps its title, transcription and
status: the publication says how that is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, func, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from archivist_common.database.clock import database_now
from archivist_common.database.models import CablecastShow, Publication, VodContent
from archivist_common.events import journal
from archivist_common.shows.sync_runs import SyncKind
from archivist_common.states import VodStatus
from archivist_vod.cablecast.sync.runs import Run

_COMPONENT = "vod"
_PUBLISHERS_OWN = frozenset(
    {"title", "status", "url", "thumbnail_url"}
)  # columns of a VOD that its publication writes
_TOLD = 20  # VODs of ours that are gone, named in the journal


class TooManyGone(Exception):
    """More than half would be gone at once."""


@dataclass(frozen=True, slots=True)
class StoredPage:
    added: int = 0
    changed: int = 0


async def store_shows(session: AsyncSession, run: Run, rows: Sequence[Mapping[str, Any]]) -> StoredPage:
    """Rows of `cablecast_shows` as a page gave them."""
    ids = [row["cablecast_id"] for row in rows]
    kept = await session.scalars(
        select(CablecastShow).where(CablecastShow.cablecast_id.in_(ids)).execution_options(populate_existing=True)
    )
    known = {show.cablecast_id: show for show in kept}
    fresh = [row for row in rows if _differs(known.get(row["cablecast_id"]), row)]
    added = sum(1 for row in fresh if _was_not_there(known.get(row["cablecast_id"])))
    if fresh:
        insert = pg_insert(CablecastShow).values([{**row, "seen_run": run.id} for row in fresh])
        columns = [name for name in fresh[0] if name != "cablecast_id"]
        described = {name: insert.excluded[name] for name in (*columns, "seen_run")}
        await session.execute(
            insert.on_conflict_do_update(
                index_elements=["cablecast_id"],
                set_={**described, "gone_at": None, "updated_date": database_now()},
            )
        )
    await seen_shows(session, run, ids)
    return StoredPage(added, len(fresh) - added)


async def store_vods(session: AsyncSession, run: Run, rows: Sequence[Mapping[str, Any]]) -> StoredPage:
    """Rows of `vod_content` as a page gave them."""
    ids = [row["vod_id"] for row in rows]
    kept = await session.scalars(
        select(VodContent).where(VodContent.vod_id.in_(ids)).execution_options(populate_existing=True)
    )
    known = {vod.vod_id: vod for vod in kept}
    ours = await _published_by_us(session, run.target, ids)
    shows = await _show_keys(session, {row["show"] for row in rows if row["show"] is not None})
    added = changed = 0
    for is_ours in (False, True):
        some = [
            {**row, "cablecast_show_id": shows.get(row["show"])}
            for row in rows
            if (row["vod_id"] in ours) is is_ours and _may_write(known.get(row["vod_id"]), run.target)
        ]
        left = _PUBLISHERS_OWN if is_ours else frozenset()
        fresh = [row for row in some if _differs(known.get(row["vod_id"]), row, left)]
        new = sum(1 for row in fresh if _was_not_there(known.get(row["vod_id"])))
        if fresh:
            insert = pg_insert(VodContent).values([{**row, "seen_run": run.id} for row in fresh])
            columns = [name for name in (*fresh[0], "seen_run") if name not in {"vod_id", "target", *left}]
            await session.execute(
                insert.on_conflict_do_update(
                    index_elements=["vod_id"],
                    set_={name: insert.excluded[name] for name in columns}
                    | {"gone_at": None, "updated_date": database_now()},
                    where=VodContent.target == run.target,
                )
            )
        added, changed = added + new, changed + len(fresh) - new
    await seen_vods(session, run, ids)
    return StoredPage(added, changed)


async def seen_shows(session: AsyncSession, run: Run, ids: Iterable[int]) -> None:
    """They are there, whatever is in them."""
    await session.execute(
        update(CablecastShow)
        .where(CablecastShow.cablecast_id.in_(list(ids)))
        .values(seen_run=run.id)
        .execution_options(synchronize_session=False)
    )


async def seen_vods(session: AsyncSession, run: Run, ids: Iterable[str]) -> None:
    await session.execute(
        update(VodContent)
        .where(VodContent.vod_id.in_(list(ids)), VodContent.target == run.target)
        .values(seen_run=run.id)
        .execution_options(synchronize_session=False)
    )


async def met(session: AsyncSession, run: Run) -> set[int]:
    """Numbers of the rows that this run has seen so far."""
    if run.kind is SyncKind.SHOWS:
        return set(await session.scalars(select(CablecastShow.cablecast_id).where(CablecastShow.seen_run == run.id)))
    found = await session.scalars(
        select(VodContent.vod_id).where(VodContent.seen_run == run.id, VodContent.target == run.target)
    )
    return {int(vod) for vod in found if vod.isdecimal()}


async def mark_unseen(session: AsyncSession, run: Run, *, confirmed: bool) -> int:
    """After a whole full run: what it did not see is gone. How many rows that are.

    Raises TooManyGone for more than half of what was there before the run, unless a person has confirmed it.
    """
    model: type[CablecastShow] | type[VodContent] = CablecastShow if run.kind is SyncKind.SHOWS else VodContent
    there = _there(run)
    unseen = and_(there, or_(model.seen_run.is_(None), model.seen_run != run.id))
    if run.kind is SyncKind.VODS:  # what the publisher has made meanwhile is no older than the run
        unseen = and_(unseen, VodContent.created_date < run.started)
    missing = await session.scalar(select(func.count()).select_from(model).where(unseen)) or 0
    before = (await session.scalar(select(func.count()).select_from(model).where(there)) or 0) - run.added
    if missing * 2 > before and not confirmed:
        raise TooManyGone(
            f"{missing} of {before} {run.kind} would be gone at once; if that is so, ask for a full sync once more"
        )
    return await _gone(session, run, unseen)


async def gone_shows(session: AsyncSession, run: Run, ids: Collection[int]) -> int:
    """Shows that the server says it does not have."""
    return await _gone(session, run, and_(_there(run), CablecastShow.cablecast_id.in_(ids))) if ids else 0


async def gone_vods(session: AsyncSession, run: Run, ids: Collection[int]) -> int:
    named = [str(one) for one in ids]
    return await _gone(session, run, and_(_there(run), VodContent.vod_id.in_(named))) if ids else 0


async def titles(session: AsyncSession, shows: Collection[int]) -> dict[int, str]:
    """The public titles of shows, by number, as far as they were synced."""
    title = func.coalesce(CablecastShow.cg_title, CablecastShow.title)
    rows = await session.execute(
        select(CablecastShow.cablecast_id, title).where(CablecastShow.cablecast_id.in_(shows))
    )
    return {row[0]: row[1] for row in rows}


async def newest_change(session: AsyncSession) -> datetime | None:
    """When, by Cablecast's clock, the show that was changed last was changed, as far as we know."""
    return await session.scalar(select(func.max(CablecastShow.last_modified)))


async def vods_to_look_at(session: AsyncSession, target: str, since: datetime | None) -> set[int]:
    """VODs that may be other than we know: new ones, those being made, and those of shows that were changed."""
    listed = (
        select(func.jsonb_array_elements_text(CablecastShow.vods).label("vod"), CablecastShow.last_modified)
        .where(CablecastShow.gone_at.is_(None))
        .subquery()
    )
    row = VodContent
    known = and_(row.vod_id == listed.c.vod, row.target == target)
    new = select(listed.c.vod).outerjoin(row, known).where(or_(row.id.is_(None), row.gone_at.is_not(None)))
    moving = select(row.vod_id).where(
        row.target == target,
        row.gone_at.is_(None),
        or_(row.vendor_state.is_(None), row.vendor_state.not_in(["complete", "permanentFailure", "disabled"])),
    )
    found = set(await session.scalars(new)) | set(await session.scalars(moving))
    if since is not None:
        found |= set(await session.scalars(select(listed.c.vod).where(listed.c.last_modified >= since)))
    return {int(vod) for vod in found if vod.isdecimal()}


async def link_vods(session: AsyncSession, target: str) -> None:
    """Tie VODs to the rows of their shows that were not known before."""
    await session.execute(
        update(VodContent)
        .where(
            VodContent.target == target,
            VodContent.show == CablecastShow.cablecast_id,
            VodContent.cablecast_show_id.is_distinct_from(CablecastShow.id),
        )
        .values(cablecast_show_id=CablecastShow.id)
        .execution_options(synchronize_session=False)
    )


async def _gone(session: AsyncSession, run: Run, which: ColumnElement[bool]) -> int:
    if run.kind is SyncKind.SHOWS:
        rows = await session.scalars(
            update(CablecastShow)
            .where(which)
            .values(gone_at=database_now())
            .returning(CablecastShow.id)
            .execution_options(synchronize_session=False)
        )
        return len(rows.all())
    ours = select(Publication.id).where(Publication.target == run.target, Publication.vod_id == VodContent.vod_id)
    lost = await session.scalars(
        update(VodContent)
        .where(which, ours.exists())
        .values(gone_at=database_now())
        .returning(VodContent.vod_id)
        .execution_options(synchronize_session=False)
    )
    told = sorted(lost.all())
    others = await session.scalars(
        update(VodContent)
        .where(which, ~ours.exists())
        .values(gone_at=database_now(), status=VodStatus.REMOVED, updated_date=database_now())
        .returning(VodContent.id)
        .execution_options(synchronize_session=False)
    )
    for vod in told[:_TOLD]:
        message = f"VOD {vod}, which Archivist published, is not at {run.target} any more"
        await journal.record(session, "WARNING", _COMPONENT, message)
    return len(told) + len(others.all())


def _there(run: Run) -> ColumnElement[bool]:
    if run.kind is SyncKind.SHOWS:
        return CablecastShow.gone_at.is_(None)
    return and_(VodContent.gone_at.is_(None), VodContent.target == run.target)


def _differs(
    known: CablecastShow | VodContent | None, row: Mapping[str, Any], left: Collection[str] = frozenset()
) -> bool:
    if known is None or known.gone_at is not None:
        return True
    return any(getattr(known, name) != value for name, value in row.items() if name not in left)


def _was_not_there(known: CablecastShow | VodContent | None) -> bool:
    return known is None or known.gone_at is not None


def _may_write(known: VodContent | None, target: str) -> bool:
    return known is None or known.target == target


async def _published_by_us(session: AsyncSession, target: str, ids: Sequence[str]) -> set[str]:
    found = await session.scalars(
        select(sql_cast(Publication.vod_id, String)).where(Publication.target == target, Publication.vod_id.in_(ids))
    )
    return set(found)


async def _show_keys(session: AsyncSession, shows: Collection[int]) -> dict[int, int]:
    rows = await session.execute(
        select(CablecastShow.cablecast_id, CablecastShow.id).where(CablecastShow.cablecast_id.in_(shows))
    )
    return {row[0]: row[1] for row in rows}
