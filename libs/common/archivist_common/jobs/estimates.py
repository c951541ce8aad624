"""When a job will start and be done, from what the machines measured of themselves and what lies before it.

Every slot of every machine works on the first job, so the queue is one line: how much audio is left before a job's
end, over how much all slots transcribe in a second. Where a number is not known, no time is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import MachineSpeed, Transcription, Worker
from archivist_common.jobs import workers
from archivist_common.jobs.queue_state import queue_is_open
from archivist_common.states import LIVE, JobStatus

WINDOW_MS = 30_000
"""Of speech: what a machine's speed is measured by (`MachineSpeed.window_s`)."""

_MOST = 2000  # live jobs read; no one needs the minute of those behind them
_ANY = ""  # storage: all of them together


@dataclass(frozen=True, slots=True)
class Load:
    """A live job as the forecast sees it. left_ms: audio not transcribed yet; None where its length is not known."""

    id: UUID
    running: bool
    left_ms: float | None
    not_before: datetime
    held_back: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """None: not known. A running job has no start to estimate."""

    start: datetime | None = None
    finish: datetime | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """From completed recordings: how much of their audio is speech, 0 to 1; bytes a millisecond takes, by storage."""

    speech_share: float = 1.0
    bytes_per_ms: Mapping[str, float] = field(default_factory=dict)

    def length_ms(self, storage: str, size_bytes: int | None) -> float | None:
        rate = self.bytes_per_ms.get(storage, self.bytes_per_ms.get(_ANY))
        return None if rate is None or size_bytes is None else size_bytes / rate


@dataclass(frozen=True, slots=True)
class Forecast:
    """Estimates of all live jobs. slots: of ready machines. rate: seconds of audio they transcribe in a second."""

    slots: int = 0
    rate: float | None = None
    of: Mapping[UUID, Estimate] = field(default_factory=dict)


def forecast(loads: Sequence[Load], rate: float, now: datetime) -> dict[UUID, Estimate]:
    """Estimates of jobs given in the order of the queue. rate: seconds of audio transcribed in a second, above 0.

    A job that may not start yet lets others pass; once it may, it goes by its place. Behind a job of unknown length
    nothing is known.
    """
    result: dict[UUID, Estimate] = {}
    places = [(load.not_before, place) for place, load in enumerate(loads) if not load.held_back]
    coming = sorted(places, reverse=True)
    ready: list[int] = []
    clock = now
    while coming or ready:
        if not ready:
            clock = max(clock, coming[-1][0])
        while coming and coming[-1][0] <= clock:
            heappush(ready, coming.pop()[1])
        load = loads[heappop(ready)]
        start = None if load.running else clock
        if load.left_ms is None:
            result[load.id] = Estimate(start)
            break
        clock += timedelta(seconds=load.left_ms / 1000 / rate)
        result[load.id] = Estimate(start, clock)
    return result


async def read(session: AsyncSession, learned: Learned) -> Forecast:
    """Estimates of every live job now. Empty where no machine is ready, without times where none is measured."""
    machines = await _machines(session)
    slots = sum(slots for slots, _ in machines)
    capacity_ms = sum(slots * WINDOW_MS / window_s for slots, window_s in machines if window_s is not None)
    if not capacity_ms:
        return Forecast(slots)
    rate = capacity_ms / 1000 / max(learned.speech_share, 0.01)
    now, is_open = (await session.execute(select(database_now(), queue_is_open()))).one()
    rows = await session.execute(
        select(
            Transcription.id,
            Transcription.status,
            Transcription.audio_ms,
            Transcription.audio_done_ms,
            Transcription.storage,
            Transcription.file_size,
            Transcription.available_at,
            Transcription.paused_at,
        )
        .where(Transcription.status.in_(sorted(LIVE)))
        .order_by(Transcription.queue_key, Transcription.id)
        .limit(_MOST)
    )
    loads = [
        Load(
            id=row.id,
            running=row.status == JobStatus.PROCESSING,
            left_ms=_left_ms(row, learned),
            not_before=row.available_at,
            held_back=row.paused_at is not None or not is_open,
        )
        for row in rows
    ]
    return Forecast(slots, rate, forecast(loads, rate, now))


async def learn(session: AsyncSession) -> Learned:
    """What the last completed recordings teach. Worth keeping for a minute: it reads some thousand rows."""
    rows = await session.execute(text(_BYTES))
    sizes = {row.storage or _ANY: row.rate for row in rows}
    share = await session.scalar(text(_SHARE))
    return Learned(speech_share=min(share, 1.0) if share else 1.0, bytes_per_ms=sizes)


_BYTES = """
SELECT storage, (sum(file_size) / sum(audio_ms))::float8 AS rate
FROM (
    SELECT storage, file_size, audio_ms FROM transcriptions
    WHERE status = 'completed' AND audio_ms > 0 AND file_size > 0 ORDER BY completed_date DESC LIMIT 200
) AS last
GROUP BY GROUPING SETS ((storage), ())
HAVING sum(audio_ms) > 0
"""
_SHARE = """
SELECT (sum(spoken.samples) / 16 / sum(last.audio_ms))::float8
FROM (
    SELECT id, audio_ms FROM transcriptions
    WHERE status = 'completed' AND audio_ms > 0 ORDER BY completed_date DESC LIMIT 10
) AS last
JOIN LATERAL (
    SELECT sum((stretch->>1)::bigint - (stretch->>0)::bigint) AS samples
    FROM transcription_chunks, jsonb_array_elements(speech) AS stretch
    WHERE transcription_id = last.id
) AS spoken ON spoken.samples IS NOT NULL
"""


async def _machines(session: AsyncSession) -> list[tuple[int, float | None]]:
    """(slots, seconds of computing for a window in one of them) of each ready machine; None where not measured."""
    measured = (
        select(MachineSpeed.window_s)
        .where(MachineSpeed.host == Worker.host)
        .order_by(MachineSpeed.measured_date.desc())
        .limit(1)
        .correlate(Worker)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Worker.slots, Worker.details, measured).where(Worker.ready, workers.is_live())
    )
    return [(slots, _speed(details.get("speed")) or _speed(window_s)) for slots, details, window_s in rows]


def _speed(reported: Any) -> float | None:
    """Seconds as a worker reports them; None for what is no such number."""
    is_number = isinstance(reported, int | float) and not isinstance(reported, bool)
    return float(reported) if is_number and reported > 0 else None


def _left_ms(row: Any, learned: Learned) -> float | None:
    length = row.audio_ms or learned.length_ms(row.storage, row.file_size)
    return None if length is None else max(length - row.audio_done_ms, 0.0)
