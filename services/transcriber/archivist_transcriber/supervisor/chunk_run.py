"""One attempt at one chunk, from its claim to its end; and what every attempt at anything is watched by.

Run twice, the work is done once: whoever lost the claim meanwhile writes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.errors import (
    ArchivistError,
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    DecoderFailed,
    Fenced,
    ResourceExhausted,
    SelfTestFailed,
    WorkerCrashed,
)
from archivist_common.events import outbox
from archivist_common.jobs import chunks
from archivist_common.jobs.chunks import ChunkClaim, ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.observability import logs, metrics
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.supervisor.slot import Loaded

log = logging.getLogger(__name__)
T = TypeVar("T")

RENEWALS = 3.75  # in a lease: 8 s of 30 s, so that two may fail before it lapses
BEAT_S = 1.0  # how often a running attempt is looked after: a cancel is heard within two of them
STALL = timedelta(minutes=10)
_BESIDE_AUDIO = timedelta(minutes=10)
_TIMES_AUDIO = 6  # a piece of work may take this many times its audio's length, beyond the ten minutes
_TELL_EVERY_S = 2.0
_LAST_WORD = timedelta(hours=24)  # a finished result waits this long for a database that is away
_GIVE_BACK_S = 3.0
_QUARANTINE = 2  # crashes, after which a chunk is tried with the least memory, in a process of its own


class SlotProtocol(Protocol):
    """What computes: a pinned process (`slots.Slot`), or what stands for one in a test of everything around it."""

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
    that can be read here now; None for all. leads: whether jobs are led from here, or only chunks heard.
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

    def heard(self, moved: Moved) -> None:
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
        if now - self._moved > STALL.total_seconds():
            raise WorkerCrashed(f"nothing has moved for {STALL}")


async def transcribe_chunk(deps: Deps, slot: SlotProtocol, claim: ChunkClaim) -> None:
    """Work on a claimed chunk and write how it ended. Never raises for what the chunk did; only when cancelled."""
    with logs.bound(transcription_id=str(claim.transcription_id), chunk=claim.cut.number, attempt=claim.attempt):
        failpoints.reach("chunk-claimed")
        began = time.monotonic()
        careful = claim.crash_count >= _QUARANTINE or claim.failed_with == ResourceExhausted.code
        try:
            if careful:
                await slot.kill("quarantine")
                await slot.start()
            found = await _heard(deps, slot, claim, careful)
            took = timedelta(seconds=time.monotonic() - began)
            await last_word(deps.db, lambda session: chunks.finish(session, claim, found, took))
            failpoints.reach("chunk-finished")
        except Fenced as exc:
            metrics.FENCED_WRITES.labels("transcriber").inc()
            log.info("a chunk is no longer ours", extra={"why": exc.message})
            _count("fenced")
        except asyncio.CancelledError:
            await slot.kill("shutdown")
            async with asyncio.timeout(_GIVE_BACK_S):
                await _ended(deps, lambda session: chunks.release(session, claim))
            raise
        except Cancelled:
            await _ended(deps, lambda session: chunks.release(session, claim))
            _count("released")
        except SelfTestFailed as exc:
            await _ended(deps, lambda session: chunks.release(session, claim))
            log.warning("chunk given back", extra={"code": exc.code, "detail": exc.message})
            _count("released")
        except ArchivistError as exc:
            error = exc
            status = await _ended(deps, lambda session: chunks.fail(session, claim, error))
            log.error("a chunk failed", extra={"code": exc.code, "detail": exc.message, "status": status})
            _count("failed")
        else:
            metrics.CHUNK_AUDIO_SECONDS.inc((claim.cut.end_ms - claim.cut.start_ms) / 1000)
            metrics.CHUNK_SECONDS.observe(took.total_seconds())
            _count("completed")


async def _heard(deps: Deps, slot: SlotProtocol, claim: ChunkClaim, careful: bool) -> ChunkTranscript:
    cut = claim.cut
    movement = Movement(timedelta(milliseconds=cut.end_ms - cut.start_ms))
    renewed = time.monotonic()
    period = min(_TELL_EVERY_S, deps.lease.total_seconds() / RENEWALS)

    async def beat() -> None:
        nonlocal renewed
        if time.monotonic() - renewed >= period:
            async with deps.db.transaction() as session:
                await chunks.renew(session, claim, deps.lease, movement.done_ms)
            renewed = time.monotonic()

    work = protocol.ChunkWork(protocol.RecordingFile.of(claim), claim.model, cut, careful)
    return await watched(slot, proven(slot, slot.transcribe(work, movement.heard)), beat, movement)


async def proven(slot: SlotProtocol, work: Coroutine[Any, Any, T]) -> T:
    """A slot's result. A decoder that failed is tried on what comes with us before a recording is charged with it.

    Raises what the work raised, and SelfTestFailed where the slot can caption nothing now: that is given back,
    and costs the recording no try.
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
    """A slot's result, while this side looks after it once a second.

    beat: raises Fenced when the work is not wanted any more; the slot is then asked to stop, and keeps its model.
    A database that is away is waited for: the slot goes on. Work that takes too long, or does not move, is ended
    with its process.
    """
    working = asyncio.create_task(work)
    away = False
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=BEAT_S)
            if working.done():
                break
            movement.check()
            try:
                await beat()
                away = False
            except DatabaseUnavailable:
                if not away:
                    log.warning("database is away; the slot goes on computing")
                away = True
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


async def last_word(db: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Write an attempt's last word, waiting for a database that is away. Raises Fenced when somebody was first."""
    gives_up = time.monotonic() + _LAST_WORD.total_seconds()
    while True:
        try:
            async with db.transaction() as session:
                return await work(session)
        except DatabaseUnavailable:
            if time.monotonic() > gives_up:
                raise
        await asyncio.sleep(BEAT_S)


async def _ended(deps: Deps, work: Callable[[AsyncSession], Awaitable[T]]) -> T | None:
    """End an attempt without a result. None when the last word was not ours."""
    try:
        return await last_word(deps.db, work)
    except (Fenced, DatabaseUnavailable) as exc:
        log.warning("a chunk's end was not written", extra={"code": exc.code})
        return None


def _count(outcome: str) -> None:
    metrics.CHUNK_ATTEMPTS.labels(outcome).inc()


def _consume(working: "asyncio.Task[Any]") -> None:
    """An abandoned task's own error says nothing new; looked at, it is not reported as never retrieved."""
    if working.done() and not working.cancelled():
        working.exception()
