"""One attempt at one job, from its claim to its end: its leader keeps the lease while slots of any machine work.

The leader alone writes the job's row. It has the recording planned by the slot that claimed the job, stores the
chunks as they are cut, waits until all are transcribed, and has a slot of its own machine make the files.
"""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import failpoints
from archivist_common.errors import (
    ArchivistError,
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    Fenced,
    SelfTestFailed,
)
from archivist_common.events import outbox
from archivist_common.jobs import artifacts, chunks, lifecycle, planning
from archivist_common.jobs.chunks import ChunkProgress, Cut
from archivist_common.jobs.lifecycle import JobClaim, JobOutcome, StageProgress
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.observability import logs, metrics
from archivist_common.observability.outage import Outage
from archivist_common.states import JobStatus, Stage
from archivist_transcriber import protocol
from archivist_transcriber.outputs.paths import attempt_folder
from archivist_transcriber.protocol import Moved
from archivist_transcriber.supervisor import supervision
from archivist_transcriber.supervisor.supervision import Deps, Movement, SlotProtocol

log = logging.getLogger(__name__)
T = TypeVar("T")

_TRANSCRIBING_SHARE = 96  # percent of a job's progress that transcribing is; the rest is layout, checks and writing
_FOLLOW_UP_S = 2.0


class JobLeader:
    """One claim of a job. `run` owns it; slots come to `plan` and `assemble` for it."""

    def __init__(self, deps: Deps, claim: JobClaim, recipe: str, call_slots: Callable[[], None]) -> None:
        """call_slots: called when there is something new for a slot of this machine to do."""
        self.claim = claim
        self._deps = deps
        self._recipe = recipe
        self._call_slots = call_slots
        self._changed = asyncio.Event()
        self._seen = asyncio.Event()
        self._begun = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._over = False
        self._ends_ms: tuple[int, ...] = ()
        self._language: str | None = None
        self._cuts: list[Cut] = []  # found and not stored
        self._planned: protocol.Planned | None = None
        self._is_planned = False  # and stored
        self._assembly: protocol.AssembleWork | None = None
        self._outcome: JobOutcome | None = None
        self._error: ArchivistError | None = None
        self._given_up = False  # a chunk was, so that trying again has been tried
        self._stage = Stage.PROBE
        self._announced_ms: int | None = None  # length of the recording, as its container says
        self._stage_began = time.monotonic()
        self._keeper = LeaseKeeper(deps.lease)
        self._held_back = False
        self._held_back_s = 0.0

    @property
    def offers_assembly(self) -> bool:
        """Whether a slot may come to `assemble` now."""
        wanted = self._assembly is not None and self._outcome is None and self._error is None
        return wanted and self._idle.is_set() and not self._over and not self._held_back

    async def follow_up(self) -> None:
        """Something has happened to the job's chunks: returns once the leader has done what follows from it.

        So a slot that transcribed an urgent job's last chunk makes its files before it goes back to a long one.
        """
        if self._over:
            return
        self._seen.clear()
        self._changed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FOLLOW_UP_S):
                await self._seen.wait()

    async def run(self) -> None:
        """Lead the job to the end of this attempt and write how it ended; never raises for what the job did."""
        claim, deps = self.claim, self._deps
        with logs.bound(transcription_id=str(claim.id), attempt=claim.attempt):
            log.info("job started", extra={"storage": claim.storage})
            began = time.monotonic()
            try:
                outcome = await self._led()
                await self._require_lease()
                await supervision.write_end(deps.db, lambda session: lifecycle.complete(session, claim, outcome))
                failpoints.reach("completed")
            except Fenced as exc:
                metrics.FENCED_WRITES.labels("transcriber").inc()
                log.warning("job lost its lease", extra={"why": exc.message})
                await self._leave(_discard(deps, claim))
                _count("fenced")
            except Cancelled:
                await self._leave(self._ended(lambda session: lifecycle.stop(session, claim)))
                log.info("job cancelled")
                _count("cancelled")
            except SelfTestFailed as exc:
                reason = f"the worker can caption nothing now: {exc.message}"
                await self._leave(self._ended(lambda session: lifecycle.release(session, claim, reason)))
                log.warning("job given back", extra={"code": exc.code, "detail": exc.message})
                _count("released")
            except ArchivistError as exc:
                status = await self._leave(self._failed(exc))
                log.error("job attempt failed", extra={"code": exc.code, "detail": exc.message, "status": status})
                _count("failed")
            except asyncio.CancelledError:
                self._over = True
                async with asyncio.timeout(supervision.RELEASE_S):
                    await self._ended(lambda session: lifecycle.release(session, claim))
                log.info("job released")
                raise
            else:
                took = time.monotonic() - began
                metrics.JOB_AUDIO_SECONDS.inc(outcome.audio_ms / 1000)
                log.info("job completed", extra={"audio_s": outcome.audio_ms / 1000, "took_s": round(took, 1)})
                _count("completed")
            finally:
                self._over = True
                self._begun.set()
                self._seen.set()
            await _notify(deps)

    async def plan(self, slot: SlotProtocol) -> None:
        """Have the recording cut by this slot, unless that is done. Returns when the slot is free again."""
        await self._begun.wait()
        if self._is_planned or self._over:
            return
        movement = Movement()
        language = None if self.claim.language == "auto" else self.claim.language
        work = protocol.PlanWork(
            protocol.RecordingFile.of(self.claim), self.claim.model, self._language or language, self._ends_ms
        )
        self._planned = await self._worked(slot, slot.plan(work, self._cut, self._moved(movement)), movement)
        await self.follow_up()

    async def assemble(self, slot: SlotProtocol) -> None:
        """Have the files made by this slot. Returns when the slot is free again."""
        work = self._assembly
        if work is None or self._over:
            return
        failpoints.reach("before-assembly")
        movement = Movement(timedelta(milliseconds=work.planned.audio_ms))
        self._outcome = await self._worked(slot, slot.assemble(work, self._moved(movement)), movement)
        self._changed.set()

    async def _worked(self, slot: SlotProtocol, work: Coroutine[Any, Any, T], movement: Movement) -> T | None:
        """A slot's result; None when there is none, and the leader knows why."""

        async def beat() -> None:
            if self._over:
                raise Fenced("the attempt is over")

        self._idle.clear()
        try:
            with logs.bound(transcription_id=str(self.claim.id), attempt=self.claim.attempt):
                return await supervision.watched(slot, supervision.proven(slot, work), beat, movement)
        except Fenced:
            return None
        except ArchivistError as exc:
            self._error = exc
            return None
        finally:
            self._idle.set()
            self._changed.set()

    def _moved(self, movement: Movement) -> Callable[[Moved], None]:
        def moved(report: Moved) -> None:
            movement.update(report)
            self._announced_ms = report.audio_ms or self._announced_ms
            self._reach(report.stage)

        return moved

    def _cut(self, cut: Cut) -> None:
        self._cuts.append(cut)
        self._changed.set()

    def _reach(self, stage: Stage) -> None:
        if stage is not self._stage:
            now = time.monotonic()
            metrics.JOB_STAGE_SECONDS.labels(self._stage).observe(now - self._stage_began)
            self._stage, self._stage_began = stage, now

    async def _led(self) -> JobOutcome:
        """The attempt's result. Raises what it failed of, Cancelled, and Fenced when its lease is lost."""
        failpoints.reach("after-claim")
        await supervision.write_end(self._deps.db, self._resume)
        self._begun.set()
        began = time.monotonic()
        database = Outage(log, "database", meanwhile="running chunks go on")
        while True:
            self._changed.clear()
            try:
                if self._cuts:
                    await self._store_cuts()
                # Chunks may have come while others were stored: a plan says that all are.
                if self._planned is not None and not self._is_planned and not self._cuts:
                    await self._store_plan(self._planned)
                progress, cancel = await self._report()
                self._held_back = progress.held_back
                database.recovered()
                if cancel:
                    raise Cancelled("a user cancelled the job")
                if progress.error is not None:
                    self._error, self._given_up = progress.error, True
                if self._error is not None:
                    raise self._error
                if self._outcome is not None:
                    return self._outcome
                if self._is_planned and self._assembly is None and progress.completed == progress.chunks:
                    await self._prepare_assembly()
                if self.offers_assembly:
                    self._call_slots()
                self._check_time(began, progress)
            except DatabaseUnavailable as exc:
                database.failed(exc)
            if not self._changed.is_set():
                self._seen.set()
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(supervision.BEAT_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _resume(self, session: AsyncSession) -> None:
        """Read what earlier attempts have left to go on from."""
        self._ends_ms = await planning.resume(session, self.claim, self._recipe)
        self._language = await planning.language(session, self.claim.id)
        found = await planning.plan(session, self.claim.id)
        if found is not None:
            self._planned, self._is_planned = protocol.planned_of(found), True
            self._reach(Stage.TRANSCRIBE)

    async def _store_cuts(self) -> None:
        cuts = list(self._cuts)
        async with self._deps.db.transaction() as session:
            await planning.add(session, self.claim, self._recipe, cuts)
        del self._cuts[: len(cuts)]
        failpoints.reach("chunks-added")
        for _ in cuts:
            self._call_slots()
        await self._deps.notifier.notify(self.claim.id)

    async def _store_plan(self, planned: protocol.Planned) -> None:
        async with self._deps.db.transaction() as session:
            await planning.store_plan(session, self.claim, planned.audio_ms, asdict(planned))
        self._is_planned = True
        self._reach(Stage.TRANSCRIBE)
        failpoints.reach("planned")

    async def _prepare_assembly(self) -> None:
        assert self._planned is not None  # noqa: S101 -- the caller has looked
        async with self._deps.db.transaction() as session:
            transcripts = await chunks.transcripts(session, self.claim.id)
        self._assembly = protocol.AssembleWork.of(self.claim, self._planned, transcripts)

    async def _report(self) -> tuple[ChunkProgress, bool]:
        """Write how far the job is and keep its lease; the progress of its chunks, and whether it is cancelled."""
        async with contextlib.AsyncExitStack() as renewal, self._deps.db.transaction() as session:
            progress = await chunks.progress(session, self.claim.id)
            cancel = await lifecycle.advance(session, self.claim, self._progress(progress))
            if self._keeper.is_due:
                await renewal.enter_async_context(self._keeper.renewing())
                await lifecycle.renew(session, self.claim, self._deps.lease)
        return progress, cancel

    def _progress(self, progress: ChunkProgress) -> StageProgress:
        audio_ms = self._planned.audio_ms if self._planned is not None else self._announced_ms
        done_ms = progress.done_ms if audio_ms is None else min(progress.done_ms, audio_ms)
        if self._assembly is not None:
            percent = _TRANSCRIBING_SHARE + 1
        else:
            percent = done_ms * _TRANSCRIBING_SHARE // audio_ms if audio_ms else 0
        return StageProgress(self._stage, percent, done_ms, audio_ms)

    def _check_time(self, began: float, progress: ChunkProgress) -> None:
        """Raises DeadlineExceeded past JOB_TIMEOUT. While a user has paused the job, no time is counted."""
        if progress.held_back:
            self._held_back_s += supervision.BEAT_S
        limit = self._deps.timeout
        if limit is not None and time.monotonic() - began - self._held_back_s > limit.total_seconds():
            raise DeadlineExceeded(f"the attempt took longer than {limit}; set JOB_TIMEOUT to allow more")

    async def _require_lease(self) -> None:
        """Before an effect: the lease was renewed within the last ten seconds, or is now. Raises Fenced."""
        if not self._keeper.is_fresh:
            async with self._keeper.renewing():
                await supervision.write_end(
                    self._deps.db, lambda session: lifecycle.renew(session, self.claim, self._deps.lease)
                )

    async def _leave(self, end: Awaitable[T]) -> T:
        """Write the end once no slot of ours works for the job any more."""
        self._over = True
        await self._idle.wait()
        return await end

    async def _failed(self, error: ArchivistError) -> JobStatus | None:
        return await self._ended(lambda session: lifecycle.fail(session, self.claim, error, final=self._given_up))

    async def _ended(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T | None:
        """End an attempt without a result and leave nothing of it behind. None when its end could not be written."""
        try:
            return await supervision.write_end(self._deps.db, work)
        except (Fenced, DatabaseUnavailable) as exc:
            log.warning("the attempt's end was not written", extra={"code": exc.code})
            return None
        finally:
            with contextlib.suppress(TimeoutError):  # a slot of ours that is being ended may still write
                async with asyncio.timeout(supervision.RELEASE_S / 2):
                    await self._idle.wait()
            await _discard(self._deps, self.claim)


async def _discard(deps: Deps, claim: JobClaim) -> None:
    """Remove an attempt's files, unless they are the job's result: a lost response to COMMIT may hide that."""
    try:
        async with deps.db.transaction() as session:
            if await artifacts.made_by(session, claim.id, claim.attempt):
                return
    except DatabaseUnavailable:
        return  # the sweep finds them later
    for output in deps.outputs:
        folder = attempt_folder(output, str(claim.id), claim.attempt)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _notify(deps: Deps) -> None:
    try:
        await outbox.relay(deps.db, deps.notifier)
    except DatabaseUnavailable:
        log.info("events are relayed later")


def _count(outcome: str) -> None:
    metrics.JOB_ATTEMPTS.labels(outcome).inc()
