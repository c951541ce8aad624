"""What every attempt is watched by: a slot's work checked once a second, and an attempt's end written for sure."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.engine import Database
from archivist_common.errors import (
    ArchivistError,
    DatabaseUnavailable,
    DeadlineExceeded,
    DecoderFailed,
    Fenced,
    SelfTestFailed,
    WorkerCrashed,
)
from archivist_common.events import outbox
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.observability.outage import Outage
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.supervisor.slot import Loaded

log = logging.getLogger(__name__)
T = TypeVar("T")

BEAT_S = 1.0
"""How often a running attempt is checked: a cancellation is seen within two of them."""
RELEASE_S = 3.0
"""For how long a worker that stops tries to release a claim."""
_STALL = timedelta(minutes=10)
_BESIDE_AUDIO = timedelta(minutes=10)
_TIMES_AUDIO = 6  # a piece of work may take this many times its audio's length, beyond the ten minutes
_WRITE_END_FOR = timedelta(hours=24)  # a finished result waits this long for an unavailable database


class SlotProtocol(Protocol):
    """What computes: a pinned process (`slot.Slot`), or a stand-in in a test of everything around it."""

    number: int
    cores: tuple[int, ...]
    threads: int
    loaded: Loaded | None

    async def start(self) -> Loaded: ...
    async def measure(self) -> float: ...
    async def plan(
        self, work: protocol.PlanWork, on_cut: Callable[[Cut], None], on_moved: Callable[[Moved], None]
    ) -> protocol.Planned: ...
    async def transcribe(self, work: protocol.ChunkWork, on_moved: Callable[[Moved], None]) -> ChunkTranscript: ...
    async def assemble(self, work: protocol.AssembleWork, on_moved: Callable[[Moved], None]) -> JobOutcome: ...
    async def stop_work(self, working: "asyncio.Task[Any]") -> None: ...
    async def kill(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Deps:
    """What an attempt works with.

    timeout: JOB_TIMEOUT. outputs: the output path and its fallback, where a job's files may lie. usable: storages
    that can be read here now; None for all. leads: whether jobs are led from here, or only chunks transcribed.
    """

    db: Database
    notifier: outbox.WakeUps
    lease: timedelta
    timeout: timedelta | None
    outputs: tuple[Path, ...]
    usable: Callable[[], Collection[str] | None] = lambda: None
    leads: Callable[[], bool] = lambda: True


class Movement:
    """How far a piece of work is, and when it last moved. audio: how much of it there is."""

    def __init__(self, audio: timedelta | None = None) -> None:
        self.audio = audio
        self.latest: Moved | None = None
        self._began = self._moved = time.monotonic()

    def update(self, moved: Moved) -> None:
        if moved != self.latest:
            self._moved = time.monotonic()
        self.latest = moved

    @property
    def done_ms(self) -> int:
        return self.latest.done_ms if self.latest is not None else 0

    def check(self) -> None:
        """Raises DeadlineExceeded past the time its audio allows, WorkerCrashed when nothing has moved for long."""
        now = time.monotonic()
        limit = _BESIDE_AUDIO + _TIMES_AUDIO * (self.audio or timedelta())
        if now - self._began > limit.total_seconds():
            raise DeadlineExceeded(f"the work on {self.audio or 'it'} of audio took longer than {limit}")
        if now - self._moved > _STALL.total_seconds():
            raise WorkerCrashed(f"nothing has moved for {_STALL}")


async def proven(slot: SlotProtocol, work: Coroutine[Any, Any, T]) -> T:
    """A slot's result. A decoder that failed is tried on our own second of speech before a recording is charged.

    Raises what the work raised, and SelfTestFailed where the slot can caption nothing now: the work is then released,
    and costs the recording no attempt.
    """
    try:
        return await work
    except DecoderFailed:
        try:
            await slot.start()
        except ArchivistError as exc:
            raise SelfTestFailed(exc.message) from exc
        raise


async def watched(
    slot: SlotProtocol, work: Coroutine[Any, Any, T], beat: Callable[[], Awaitable[None]], movement: Movement
) -> T:
    """A slot's result, while it is checked once a second.

    beat: raises Fenced when the work is not wanted any more; the slot is then asked to stop, and keeps its model.
    While the database is unavailable the slot goes on. Work that takes too long, or does not move, is ended with its
    process.
    """
    working = asyncio.create_task(work)
    database = Outage(log, "database", meanwhile="the slot goes on computing")
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=BEAT_S)
            if working.done():
                break
            movement.check()
            with database.tolerated(DatabaseUnavailable):
                await beat()
    except Fenced:
        await slot.stop_work(working)
        _consume(working)
        raise
    except BaseException:
        if not working.done():
            await slot.kill("abandoned")
            await asyncio.wait({working})
        _consume(working)
        raise
    return working.result()


async def write_end(db: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Write how an attempt ended, waiting for an unavailable database. Raises Fenced when its lease is lost."""
    gives_up = time.monotonic() + _WRITE_END_FOR.total_seconds()
    while True:
        try:
            async with db.transaction() as session:
                return await work(session)
        except DatabaseUnavailable:
            if time.monotonic() > gives_up:
                raise
        await asyncio.sleep(BEAT_S)


def _consume(working: "asyncio.Task[Any]") -> None:
    """An abandoned task's own error says nothing new; read here, it is not reported as never retrieved."""
    if working.done() and not working.cancelled():
        working.exception()
