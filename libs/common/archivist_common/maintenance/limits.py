"""Limits that a deployment may have set too low: JOB_TIMEOUT for a long recording, connections of the database."""

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.engine import Database
from archivist_common.database.models import MachineSpeed
from archivist_common.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

LONG_RECORDING = timedelta(hours=4)
_BESIDE = timedelta(minutes=10)  # reading it, layout and writing; as an unset JOB_TIMEOUT allows
_WINDOW = timedelta(seconds=30)  # of speech: what a machine's speed is measured by
_MARGIN = 1.5  # other jobs may share the slots
_OTHER_PROCESSES = 3  # gateway, publisher and monitor, beside the transcribers

Machine = tuple[int, float | None]
"""Slots, and seconds of computing for thirty seconds of speech in one of them; None where not measured yet."""


def long_recording_takes(slots: int, window_s: float | None) -> timedelta:
    """How long a machine may need for four hours of speech. Not measured: real time, which a CPU keeps."""
    share = 1.0 if window_s is None else _MARGIN * window_s / _WINDOW.total_seconds() / max(1, slots)
    return _BESIDE + LONG_RECORDING * share


def short_job_timeout(limit: timedelta | None, machines: Sequence[Machine]) -> str | None:
    """A sentence where JOB_TIMEOUT ends a long recording before the slowest of the machines has transcribed it."""
    slowest = max(machines, key=lambda machine: long_recording_takes(*machine), default=(1, None))
    takes, window_s = long_recording_takes(*slowest), slowest[1]
    if limit is None or takes <= limit:
        return None
    source = "real time, as no speed is measured yet" if window_s is None else "by this machine's measured speed"
    long = f"a recording of {_hours(LONG_RECORDING)}"
    return f"JOB_TIMEOUT is {_hours(limit)}, but {long} may take {_hours(takes)} ({source})"


async def measured_speed(session: AsyncSession, host: str) -> float | None:
    """Seconds of computing for thirty seconds of speech in one slot of a machine, as last measured."""
    found: float | None = await session.scalar(
        select(MachineSpeed.window_s)
        .where(MachineSpeed.host == host)
        .order_by(MachineSpeed.measured_date.desc())
        .limit(1)
    )
    return found


async def warn_of_short_job_timeout(db: Database, limit: timedelta | None, slots: int) -> None:
    """Log, once, where JOB_TIMEOUT is too short for a long recording on this machine."""
    window_s = None
    if limit is not None:
        try:
            async with db.transaction() as session:
                window_s = await measured_speed(session, socket.gethostname())
        except DatabaseUnavailable:
            pass  # said by those who wait for it; real time is assumed here
    if why := short_job_timeout(limit, [(slots, window_s)]):
        log.warning("JOB_TIMEOUT is short; raise it, or leave it unset", extra={"why": why})


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections that all processes may open, and those the database has for them."""

    processes: int
    each: int
    allowed: int

    @property
    def wanted(self) -> int:
        return self.processes * self.each


async def connections(session: AsyncSession, pool: int, overflow: int, transcribers: int) -> Connections:
    """pool, overflow: of each process. transcribers: that run; one is counted where none does."""
    allowed = await session.scalar(text(_ALLOWED))
    return Connections(_OTHER_PROCESSES + max(1, transcribers), pool + overflow, int(allowed or 0))


# reserved_connections exists from PostgreSQL 16 on.
_ALLOWED = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int
"""


def _hours(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return (
        f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "") if minutes >= 60 else f"{minutes} min"
    )
