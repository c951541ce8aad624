"""One attempt at one job, from its claim to its end. Run twice, the work is done once."""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import artifacts, jobs, logs, metrics, outbox
from archivist_common.db import Database
from archivist_common.errors import (
    ArchivistError,
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    Fenced,
    WorkerCrashed,
)
from archivist_common.jobs import Claim, Outcome, Progress
from archivist_transcriber import wire
from archivist_transcriber.outputs import attempt_folder
from archivist_transcriber.slots import Slot

log = logging.getLogger(__name__)
T = TypeVar("T")

_RENEWALS = 3.75  # in a lease: 8 s of 30 s, so that two may fail before it lapses
_TELL_EVERY_S = 1.0
_STALL = timedelta(minutes=10)
_BEFORE_PROBE = timedelta(minutes=10)
_TIMES_AUDIO = 6  # an attempt may take this many times its recording's length, beyond the ten minutes
_LAST_WORD = timedelta(minutes=10)  # how long a finished result waits for a database that is away
_GIVE_BACK_S = 3.0


@dataclass(frozen=True, slots=True)
class Deps:
    """What an attempt works with."""

    db: Database
    bell: outbox.Bell
    lease: timedelta
    timeout: timedelta | None
    output: Path


async def run(deps: Deps, slot: Slot, claim: Claim) -> None:
    """Work on a claimed job and write how it ended. Never raises for what the job did; only when cancelled."""
    with logs.bound(transcription_id=str(claim.id), attempt=claim.attempt):
        log.info("job started", extra={"slot": slot.number, "storage": claim.storage})
        began = time.monotonic()
        try:
            outcome = await _watched(deps, slot, claim)
            await _write(deps, lambda session: jobs.complete(session, claim, outcome))
        except Fenced as exc:
            metrics.FENCED_WRITES.labels("transcriber").inc()
            log.warning("attempt lost its job", extra={"why": exc.message})
            await slot.kill("fenced")
            await _discard(deps, claim)
            _count("fenced")
        except Cancelled:
            await _end(deps, claim, lambda session: jobs.stop(session, claim))
            log.info("job cancelled")
            _count("cancelled")
        except ArchivistError as exc:
            error = exc
            status = await _end(deps, claim, lambda session: jobs.fail(session, claim, error))
            log.error("attempt failed", extra={"code": exc.code, "detail": exc.message, "status": status})
            _count("failed")
        except asyncio.CancelledError:
            await slot.kill("shutdown")
            async with asyncio.timeout(_GIVE_BACK_S):
                await _end(deps, claim, lambda session: jobs.release(session, claim))
            log.info("job given back")
            raise
        else:
            took = time.monotonic() - began
            metrics.JOB_AUDIO_SECONDS.inc(outcome.audio_ms / 1000)
            log.info("job completed", extra={"audio_s": outcome.audio_ms / 1000, "took_s": round(took, 1)})
            _count("completed")
        await _ring(deps)


async def _watched(deps: Deps, slot: Slot, claim: Claim) -> Outcome:
    """The slot's result, while this side keeps the lease, tells the progress, and hears of a cancel."""
    watch = _Watch(claim)
    working = asyncio.create_task(slot.work(wire.Work.of(claim), watch.heard))
    renewed = told = time.monotonic()
    away = False
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=_TELL_EVERY_S)
            now = time.monotonic()
            if working.done():
                break
            watch.check(now, deps.timeout)
            cancel = False
            try:
                if watch.latest is not None and now - told >= _TELL_EVERY_S:
                    async with deps.db.transaction() as session:
                        cancel = await jobs.advance(session, claim, watch.latest)
                    told = now
                if now - renewed >= deps.lease.total_seconds() / _RENEWALS or away:
                    async with deps.db.transaction() as session:
                        cancel = await jobs.renew(session, claim, deps.lease)
                    renewed = now
                away = False
            except DatabaseUnavailable:
                if not away:
                    log.warning("database is away; the slot goes on computing")
                away = True
            if cancel:
                await slot.stop_work(working)
                if not working.exception():
                    break  # it had finished before it heard: the result stands or is fenced
                raise Cancelled("somebody asked for this")
    except BaseException:
        if not working.done():
            await slot.kill("abandoned")
            await asyncio.wait({working})
        _consume(working)
        raise
    return working.result()


class _Watch:
    """What has been heard of an attempt, and whether it has taken too long."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._began = self._moved = self._stage_began = time.monotonic()
        self.latest: Progress | None = None

    def heard(self, progress: Progress) -> None:
        now = time.monotonic()
        before = self.latest
        if before is None or before.stage != progress.stage or before.audio_done_ms < progress.audio_done_ms:
            self._moved = now
        if before is not None and before.stage != progress.stage:
            metrics.JOB_STAGE_SECONDS.labels(before.stage).observe(now - self._stage_began)
            self._stage_began = now
        self.latest = progress

    def check(self, now: float, timeout: timedelta | None) -> None:
        """Raises DeadlineExceeded past the attempt's time, WorkerCrashed when nothing has moved for long."""
        limit = timeout or _BEFORE_PROBE
        if timeout is None and self.latest is not None and self.latest.audio_ms is not None:
            limit = _BEFORE_PROBE + _TIMES_AUDIO * timedelta(milliseconds=self.latest.audio_ms)
        if now - self._began > limit.total_seconds():
            raise DeadlineExceeded(f"the attempt took longer than {limit}; set JOB_TIMEOUT to allow more")
        if now - self._moved > _STALL.total_seconds():
            raise WorkerCrashed(f"nothing has moved for {_STALL}")


async def _write(deps: Deps, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Write an attempt's last word, waiting for a database that is away. Raises Fenced when somebody was first."""
    gives_up = time.monotonic() + _LAST_WORD.total_seconds()
    while True:
        try:
            async with deps.db.transaction() as session:
                return await work(session)
        except DatabaseUnavailable:
            if time.monotonic() > gives_up:
                raise
        await asyncio.sleep(_TELL_EVERY_S)


async def _end(deps: Deps, claim: Claim, work: Callable[[AsyncSession], Awaitable[T]]) -> T | None:
    """End an attempt without a result and leave nothing of it behind. None when the last word was not ours."""
    try:
        return await _write(deps, work)
    except (Fenced, DatabaseUnavailable) as exc:
        log.warning("the attempt's end was not written", extra={"code": exc.code})
        return None
    finally:
        await _discard(deps, claim)


async def _discard(deps: Deps, claim: Claim) -> None:
    """Remove an attempt's files, unless they are the job's result: an answer lost on its way may hide that."""
    try:
        async with deps.db.transaction() as session:
            if await artifacts.made_by(session, claim.id, claim.attempt):
                return
    except DatabaseUnavailable:
        return  # the sweep finds them later
    folder = attempt_folder(deps.output, str(claim.id), claim.attempt)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _ring(deps: Deps) -> None:
    try:
        await outbox.relay(deps.db, deps.bell)
    except DatabaseUnavailable:
        log.info("events are relayed later")


def _count(outcome: str) -> None:
    metrics.JOB_ATTEMPTS.labels(outcome).inc()


def _consume(working: asyncio.Task[Outcome]) -> None:
    """An abandoned task's own error says nothing new; looked at, it is not reported as never retrieved."""
    if not working.cancelled():
        working.exception()
