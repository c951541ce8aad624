"""Publishing targets, as functions of a session: which there are, and whether requests may be sent to them.

The publisher's process reports those in its settings. One that rejects our credentials is stopped, with one alert,
until an operator or other credentials resume it; one that is unavailable gets one publication at a time when its
pause has passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Publication, PublishTarget
from archivist_common.database.text import storable
from archivist_common.errors import Conflict, NotFound
from archivist_common.events import journal, outbox
from archivist_common.states import PublicationStatus

SEEN_FOR = timedelta(minutes=5)
"""A target that no publisher has reported for so long is not published to: its settings are gone."""
_COMPONENT = "vod"


@dataclass(frozen=True, slots=True)
class Target:
    """waiting: publications that wait for it. is_reported: a publisher has it in its settings now."""

    name: str
    kind: str
    capabilities: Mapping[str, Any]
    details: Mapping[str, Any]
    is_reported: bool
    automatic: bool
    stopped_at: datetime | None
    stopped_code: str | None
    stopped_reason: str | None
    away_since: datetime | None
    away_reason: str | None
    paused_until: datetime | None
    last_ok_at: datetime | None
    waiting: int

    @property
    def state(self) -> str:
        """`stopped`, `away`, `unreported` or `ok`."""
        if self.stopped_at is not None:
            return "stopped"
        if self.away_since is not None:
            return "away"
        return "ok" if self.is_reported else "unreported"

    @property
    def reason(self) -> str | None:
        match self.state:
            case "stopped":
                return self.stopped_reason
            case "away":
                return self.away_reason
            case "unreported":
                return "no publisher has this target in its settings"
        return None


async def report(
    session: AsyncSession,
    name: str,
    kind: str,
    *,
    capabilities: Mapping[str, Any],
    credentials_sha256: str | None,
    automatic: bool,
) -> None:
    """This process can publish to this target. New credentials start one that was stopped for the old ones."""
    found = await session.get(PublishTarget, name, with_for_update=True, populate_existing=True)
    if found is not None and found.stopped_at is not None and found.credentials_sha256 != credentials_sha256:
        await resume(session, name)
    since = case((PublishTarget.auto_since.is_(None), database_now()), else_=PublishTarget.auto_since)
    await session.execute(
        pg_insert(PublishTarget)
        .values(
            name=name,
            kind=kind,
            capabilities=dict(capabilities),
            credentials_sha256=credentials_sha256,
            seen_at=database_now(),
            auto_since=database_now() if automatic else None,
        )
        .on_conflict_do_update(
            index_elements=["name"],
            set_={
                "kind": kind,
                "capabilities": dict(capabilities),
                "credentials_sha256": credentials_sha256,
                "seen_at": database_now(),
                "auto_since": since if automatic else None,
            },
        )
    )


async def describe(session: AsyncSession, name: str, details: Mapping[str, Any]) -> None:
    """Keep what a probe found."""
    await session.execute(update(PublishTarget).where(PublishTarget.name == name).values(details=dict(details)))


async def stop(session: AsyncSession, name: str, code: str, reason: str) -> bool:
    """Send no more requests to a target that rejects our credentials. True the first time."""
    stopped = await session.scalar(
        update(PublishTarget)
        .where(PublishTarget.name == name, PublishTarget.stopped_at.is_(None))
        .values(stopped_at=database_now(), stopped_code=code, stopped_reason=storable(reason))
        .returning(PublishTarget.name)
    )
    if stopped is None:
        return False
    await outbox.append(session, outbox.TARGET_STOPPED, None, target=name, code=code, detail=storable(reason))
    await journal.record(session, "ERROR", _COMPONENT, f"publishing to {name} stopped: {reason}", code=code)
    return True


async def resume(session: AsyncSession, name: str, *, user_id: int | None = None) -> None:
    """Send requests to a target again: what is pending for it goes on, in order. Raises NotFound."""
    found = await session.get(PublishTarget, name, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(f"there is no publishing target {name!r}")
    was_held_back = found.stopped_at is not None or found.paused_until is not None
    await session.execute(
        update(PublishTarget)
        .where(PublishTarget.name == name)
        .values(stopped_at=None, stopped_code=None, stopped_reason=None, paused_until=None)
        .execution_options(synchronize_session=False)
    )
    if was_held_back:
        await outbox.append(session, outbox.TARGET_RESUMED, None, target=name)
        await journal.record(session, "INFO", _COMPONENT, f"publishing to {name} resumed", user_id=user_id)


async def mark_unavailable(session: AsyncSession, name: str, reason: str, pause: timedelta) -> bool:
    """A target does not answer, or sent Retry-After. True when that begins."""
    before = await session.scalar(select(PublishTarget.away_since).where(PublishTarget.name == name))
    until = database_in(pause)
    await session.execute(
        update(PublishTarget)
        .where(PublishTarget.name == name)
        .values(
            away_since=func.coalesce(PublishTarget.away_since, database_now()),
            away_reason=storable(reason),
            paused_until=func.greatest(func.coalesce(PublishTarget.paused_until, until), until),
        )
        .execution_options(synchronize_session=False)
    )
    if before is None:
        await journal.record(session, "WARNING", _COMPONENT, f"{name} is unavailable: {reason}; publications wait")
    return before is None


async def mark_available(session: AsyncSession, name: str) -> None:
    """A target has answered."""
    back = await session.scalar(
        update(PublishTarget)
        .where(PublishTarget.name == name, PublishTarget.away_since.is_not(None))
        .values(away_since=None, away_reason=None, paused_until=None, last_ok_at=database_now())
        .returning(PublishTarget.name)
    )
    if back is not None:
        await journal.record(session, "INFO", _COMPONENT, f"{name} is available again")
        return
    await session.execute(update(PublishTarget).where(PublishTarget.name == name).values(last_ok_at=database_now()))


async def all_of(session: AsyncSession) -> Sequence[Target]:
    waiting = (
        select(func.count())
        .select_from(Publication)
        .where(Publication.target == PublishTarget.name, Publication.status == PublicationStatus.PENDING)
        .scalar_subquery()
    )
    reported = PublishTarget.seen_at > database_in(-SEEN_FOR)
    rows = await session.execute(
        select(PublishTarget, reported, waiting)
        .order_by(PublishTarget.name)
        .execution_options(populate_existing=True)
    )
    return [
        Target(
            name=row.name,
            kind=row.kind,
            capabilities=row.capabilities,
            details=row.details,
            is_reported=seen,
            automatic=row.auto_since is not None,
            stopped_at=row.stopped_at,
            stopped_code=row.stopped_code,
            stopped_reason=row.stopped_reason,
            away_since=row.away_since,
            away_reason=row.away_reason,
            paused_until=row.paused_until,
            last_ok_at=row.last_ok_at,
            waiting=count,
        )
        for row, seen, count in rows
    ]


async def chosen(session: AsyncSession, name: str | None) -> Target:
    """The target of this name; the only one there is where none is named. Raises NotFound, Conflict."""
    known = await all_of(session)
    if name is not None:
        for target in known:
            if target.name == name:
                return target
        names = ", ".join(target.name for target in known) or "none is set up"
        raise NotFound(f"there is no publishing target {name!r}; targets: {names}")
    usual = [target for target in known if target.is_reported] or list(known)
    if not usual:
        raise Conflict("publishing is not set up: set CABLECAST_API_URL or PUBLISH_FOLDER for the publisher")
    # Where the programmes themselves are goes before a copy of their captions.
    return min(usual, key=lambda target: (not target.capabilities.get("has_programmes"), target.name))
