"""Transactional outbox: events written in the caller's transaction and relayed after commit."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent

log = logging.getLogger(__name__)

QUEUED = "transcription.queued"
STARTED = "transcription.started"
COMPLETED = "transcription.completed"
FAILED = "transcription.failed"
CANCELLED = "transcription.cancelled"
RELEASED = "transcription.released"
"""Returned to the queue: a graceful stop, an expired lease, a failure that is retried."""

CAPTIONS = "transcription.captions"
"""A chunk was transcribed: its number, its place in the recording, its text."""

PAUSED = "transcription.paused"
RESUMED = "transcription.resumed"
"""A user has paused the job, or resumed it. Its status stays what it is."""

PUBLICATION_QUEUED = "publication.queued"
PUBLICATION_HELD = "publication.held"
"""It is held for an operator: the code says for what."""
PUBLICATION_FAILED = "publication.failed"
PUBLICATION_ATTENTION = "publication.attention"
"""It goes on, but an operator has to act at the target."""
PUBLISHED = "vod.published"
REMOVED = "vod.removed"
TARGET_STOPPED = "target.stopped"
"""A target rejected our credentials: one event for each time, however many publications wait for it."""
TARGET_RESUMED = "target.resumed"

_APPEND = insert(cast(Table, OutboxEvent.__table__))  # past the mapper, and built once: many are written
_WAKES_TRANSCRIBERS = frozenset({QUEUED, RELEASED, RESUMED})
_WAKES_PUBLISHERS = frozenset({PUBLICATION_QUEUED, TARGET_RESUMED, COMPLETED})
_BATCH = 100


class WakeUps(Protocol):
    """Something that wakes workers up. False: the wake-up could not be sent, and is to be sent again."""

    async def notify(self, transcription_id: UUID) -> bool: ...

    async def notify_publisher(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Event:
    """A change of state. `id` rises within a transcription: what a client resumes from."""

    id: int
    event: str
    transcription_id: UUID | None
    data: dict[str, Any]
    created_date: datetime


async def append(session: AsyncSession, event: str, transcription_id: UUID | None, **data: Any) -> None:
    """Write an event beside the change it reports. The job's row is locked by then: ids keep the order."""
    await session.execute(_APPEND, {"event": event, "transcription_id": transcription_id, "data": data})


def of_transcription() -> ColumnElement[bool]:
    """Whether an event is the transcription's own. Its publications' events bear its id too, after its end."""
    return OutboxEvent.event.startswith("transcription.", autoescape=True)


async def since(session: AsyncSession, transcription_id: UUID, after: int) -> Sequence[Event]:
    """Events of one transcription with an id above `after`, in order; not those of its publications."""
    rows = await session.scalars(
        select(OutboxEvent)
        .where(OutboxEvent.transcription_id == transcription_id, OutboxEvent.id > after, of_transcription())
        .order_by(OutboxEvent.id)
        .limit(_BATCH)
    )
    return [Event(row.id, row.event, row.transcription_id, row.data, row.created_date) for row in rows]


async def relay(db: Database, notifier: WakeUps) -> int:
    """Send the wake-ups of events not relayed yet, oldest first; how many events were relayed.

    Two relays at once share the work. A wake-up that cannot be sent leaves its event for the next call:
    workers poll meanwhile, so nothing waits longer than they do.
    """
    async with db.transaction() as session:
        events = (
            await session.scalars(
                select(OutboxEvent)
                .where(OutboxEvent.relayed_date.is_(None))
                .order_by(OutboxEvent.id)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
        ).all()
        relayed = []
        for event in events:
            if (
                event.event in _WAKES_TRANSCRIBERS
                and event.transcription_id
                and not await notifier.notify(event.transcription_id)
            ):
                break
            if event.event in _WAKES_PUBLISHERS and not await notifier.notify_publisher():
                break
            relayed.append(event.id)
        if relayed:
            await session.execute(
                update(OutboxEvent).where(OutboxEvent.id.in_(relayed)).values(relayed_date=database_now())
            )
    return len(relayed)
