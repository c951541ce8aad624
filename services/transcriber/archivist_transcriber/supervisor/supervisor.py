"""Keeps every slot at work: starts it on its cores, claims for it, leads its jobs, starts it again when it dies."""

import asyncio
import logging
import random
import socket
import uuid
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import failpoints
from archivist_common.errors import (
    ArchivistError,
    DatabaseUnavailable,
    EngineUnavailable,
    ModelMissing,
    SelfTestFailed,
)
from archivist_common.events.notify import Listener
from archivist_common.jobs import dispatch, workers
from archivist_common.jobs.chunks import ChunkClaim
from archivist_common.jobs.lifecycle import JobClaim
from archivist_common.observability import metrics
from archivist_common.observability.outage import Outage
from archivist_transcriber.supervisor import calibration, chunk_run
from archivist_transcriber.supervisor.job_leader import JobLeader
from archivist_transcriber.supervisor.slot import Loaded
from archivist_transcriber.supervisor.supervision import Deps, SlotProtocol

log = logging.getLogger(__name__)

_POLL_S = 2.0
_RESTART_FIRST_S = 1.0
_RESTART_MOST_S = 30.0


class Supervisor:
    """The slots of one machine. `run` owns them until it is cancelled; then their jobs are released."""

    def __init__(self, deps: Deps, slots: Sequence[SlotProtocol], redis_dsn: str, on_end: Callable[[], None]) -> None:
        """on_end: called after every attempt; there may be files to place."""
        self.id = f"{socket.gethostname()[:60]}:{uuid.uuid4().hex[:12]}"
        self._deps = deps
        self._slots = slots
        self._on_end = on_end
        self._listener = Listener(redis_dsn, self.id, self._wake)
        self._wake_ups: asyncio.Queue[None] = asyncio.Queue(maxsize=len(slots))
        self._busy: set[int] = set()
        self._loaded: dict[int, Loaded] = {}
        self._leads: dict[UUID, JobLeader] = {}
        self._speeds: dict[int, float] = {}
        self._unsure: set[int] = set()  # slots whose last claim got no response: it may count all the same
        self._measuring = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._without_model: set[int] = set()  # slots that cannot start because their model's files are not here
        self._reasons: dict[int, str] = {slot.number: "loading and testing its model" for slot in slots}

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._heartbeats())
                group.create_task(self._listener.run())
                for slot in self._slots:
                    group.create_task(self._serve(slot))
        finally:
            for slot in self._slots:
                await slot.kill("shutdown")
            await self._leave()

    async def ready(self) -> None:
        """Returns when a slot can take work. Raises ModelMissing or EngineUnavailable, with why, when none can."""
        if not self._loaded:
            kind = ModelMissing if self._without_model else EngineUnavailable
            raise kind("; ".join(sorted(set(self._reasons.values()))))

    def _wake(self) -> None:
        """There may be work: let one free slot poll. A wake-up too many costs one query."""
        if not self._wake_ups.full():
            self._wake_ups.put_nowait(None)

    async def _serve(self, slot: SlotProtocol) -> None:
        """One slot's life: loaded and tested, then job after job."""
        pause = _RESTART_FIRST_S
        while True:
            try:
                loaded = await slot.start()
                await self._measure(slot, loaded)
                self._loaded[slot.number] = loaded
                self._reasons.pop(slot.number, None)
                self._without_model.discard(slot.number)
                pause = _RESTART_FIRST_S
            except ArchivistError as exc:
                self._loaded.pop(slot.number, None)
                reason = f"{exc.code}: {exc.message}"
                if self._reasons.get(slot.number) != reason:
                    told = {"slot": slot.number, "code": exc.code, "detail": exc.message}
                    if isinstance(exc, SelfTestFailed):
                        told["stderr"] = exc.stderr
                    log.error("slot cannot start", extra=told)
                self._reasons[slot.number] = reason
                lacks_model = isinstance(exc, ModelMissing)
                (self._without_model.add if lacks_model else self._without_model.discard)(slot.number)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RESTART_MOST_S)
                continue
            work = await self._next(slot, self._loaded[slot.number].recipe)
            if work is not None:
                self._set_busy(slot, True)
                try:
                    await self._do(slot, work)
                finally:
                    self._set_busy(slot, False)

    async def _measure(self, slot: SlotProtocol, loaded: Loaded) -> None:
        """Find out how fast a slot is. One after another: the first one measures for all of its kind."""
        if slot.number in self._speeds:
            return
        async with self._measuring:
            speed = await calibration.of(self._deps.db, slot, loaded)
        if speed is not None:
            self._speeds[slot.number] = speed

    async def _do(self, slot: SlotProtocol, work: JobLeader | JobClaim | ChunkClaim) -> None:
        match work:
            case JobLeader():
                await work.assemble(slot)
            case JobClaim():
                lead = JobLeader(self._deps, work, self._loaded[slot.number].recipe, self._wake)
                self._leads[work.id] = lead
                assert self._group is not None  # noqa: S101 -- slots are served within it
                self._group.create_task(self._lead(lead))
                await lead.plan(slot)
            case ChunkClaim():
                await chunk_run.transcribe_chunk(self._deps, slot, work)
                lead_here = self._leads.get(work.transcription_id)
                if lead_here is not None:
                    await lead_here.follow_up()

    async def _lead(self, lead: JobLeader) -> None:
        try:
            await lead.run()
        except Exception:
            log.exception("job attempt ended unexpectedly; its lease will expire")
        finally:
            if self._leads.get(lead.claim.id) is lead:
                del self._leads[lead.claim.id]
            self._on_end()

    async def _next(self, slot: SlotProtocol, recipe: str) -> JobLeader | JobClaim | ChunkClaim | None:
        """The next work for a slot; None when nothing came within a poll interval: then the slot is checked."""
        for lead in self._leads.values():
            if lead.offers_assembly:
                return lead
        failpoints.reach("before-claim")
        owner = self._owner(slot)
        unsure = slot.number in self._unsure
        self._unsure.add(slot.number)
        try:
            async with self._deps.db.transaction() as session:
                if unsure:
                    await dispatch.release_unknown(session, owner, self._leads.keys())
                work = await dispatch.next_work(
                    session,
                    owner,
                    self._deps.lease,
                    recipe=recipe,
                    storages=self._deps.usable(),
                    leads=self._deps.leads(),
                )
            self._unsure.discard(slot.number)
        except DatabaseUnavailable:
            work = None  # logged by the heartbeat; the next poll tries again
        if work is None:
            try:
                async with asyncio.timeout(_POLL_S * random.uniform(0.8, 1.2)):  # noqa: S311 -- jitter
                    await self._wake_ups.get()
            except TimeoutError:
                pass
        return work

    def _owner(self, slot: SlotProtocol) -> str:
        return f"{self.id}/{slot.number}"

    def _set_busy(self, slot: SlotProtocol, busy: bool) -> None:
        (self._busy.add if busy else self._busy.discard)(slot.number)
        self._listener.accept(len(self._busy) < len(self._slots))
        metrics.WORKER_SLOTS.labels("busy").set(len(self._busy))
        metrics.WORKER_SLOTS.labels("free").set(len(self._loaded) - len(self._busy & self._loaded.keys()))

    async def _heartbeats(self) -> None:
        database = Outage(log, "database", meanwhile="running jobs go on, no new one is claimed")
        while True:
            with database.tolerated(DatabaseUnavailable):
                async with self._deps.db.transaction() as session:
                    await self._report(session)
            await asyncio.sleep(workers.HEARTBEAT_S)

    async def _report(self, session: AsyncSession) -> None:
        usable = self._deps.usable()
        await workers.report(
            session,
            self.id,
            slots=len(self._slots),
            free_slots=len(self._loaded.keys() - self._busy),
            ready=bool(self._loaded),
            reason=None if self._loaded else "; ".join(sorted(set(self._reasons.values()))),
            details={
                "machine": workers.machine_id(),
                "cores": [list(slot.cores) for slot in self._slots],
                "model": next((loaded.model for loaded in self._loaded.values()), None),
                "device": next((loaded.device for loaded in self._loaded.values()), None),
                "recipe": next((loaded.recipe for loaded in self._loaded.values()), None),
                "speed": next(iter(self._speeds.values()), None),
                "threads": next((slot.threads for slot in self._slots), None),
                "leads": self._deps.leads(),
                "storages": None if usable is None else sorted(usable),
                "leading": len(self._leads),
            },
        )

    async def _leave(self) -> None:
        """Remove this worker: it has stopped on purpose. A claim it was about to make may count."""
        try:
            async with asyncio.timeout(2), self._deps.db.transaction() as session:
                for slot in self._slots:
                    await dispatch.release_unknown(session, self._owner(slot), ())
                await workers.remove(session, self.id)
        except (DatabaseUnavailable, TimeoutError):
            log.info("stopped without removing this worker from the database")
