"""The transcribers as their heartbeats report them: who writes one, who is live, which machine this is."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Worker

HEARTBEAT_S = 5.0
WORKER_GONE = timedelta(seconds=30)
"""A worker without a heartbeat for this long is dead."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker's last heartbeat. reason: why it is not ready. age_s: seconds since, by the database's clock."""

    id: str
    ready: bool
    reason: str | None
    slots: int
    free_slots: int
    heartbeat_at: datetime
    age_s: float

    @property
    def is_live(self) -> bool:
        return self.age_s <= WORKER_GONE.total_seconds()


async def report(
    session: AsyncSession,
    worker_id: str,
    *,
    slots: int,
    free_slots: int,
    ready: bool,
    reason: str | None,
    details: Mapping[str, Any],
) -> None:
    """Write a worker's heartbeat. details: `machine`, `cores`, `speed` and what else is shown of it."""
    row = {
        "slots": slots,
        "free_slots": free_slots,
        "ready": ready,
        "reason": reason,
        "details": dict(details),
        "heartbeat_at": database_now(),
    }
    await session.execute(
        insert(Worker)
        .values(id=worker_id, host=socket.gethostname(), **row)
        .on_conflict_do_update(index_elements=["id"], set_=row)
    )


async def remove(session: AsyncSession, worker_id: str) -> None:
    """A worker has stopped on purpose."""
    await session.execute(delete(Worker).where(Worker.id == worker_id))


def is_live() -> ColumnElement[bool]:
    """Whether a worker's last heartbeat is recent, as a condition in a query."""
    return Worker.heartbeat_at > database_in(-WORKER_GONE)


async def states(session: AsyncSession) -> Sequence[WorkerState]:
    """Every worker known, also those gone, by id."""
    rows = await session.execute(
        select(
            Worker.id,
            Worker.ready,
            Worker.reason,
            Worker.slots,
            Worker.free_slots,
            Worker.heartbeat_at,
            func.extract("epoch", database_now() - Worker.heartbeat_at),
        ).order_by(Worker.id)
    )
    return [WorkerState(*row[:-1], age_s=float(row[-1])) for row in rows]


def machine_id() -> str:
    """The kernel's name for this run of the machine, the same in all containers on it; else the host name."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return socket.gethostname()
