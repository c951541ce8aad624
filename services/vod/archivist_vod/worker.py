"""The publishing worker: reports and probes the targets, requests automatic publications, runs attempts."""

import asyncio
import logging
import random
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import failpoints
from archivist_common.database.migrate import check as check_schema
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch, TargetDenied, TargetUnavailable
from archivist_common.events.notify import PUBLISH, Listener
from archivist_common.observability.outage import Outage
from archivist_common.publishing import automatic, effects, lifecycle, queries, targets
from archivist_common.publishing.options import PublishOptions
from archivist_vod import metrics
from archivist_vod.attempts import lease
from archivist_vod.attempts.deps import Deps

log = logging.getLogger(__name__)

_POLL_S = 2.0
_REPORT_S = 5.0
_PROBE_S = 60.0
_PROBE_AWAY_S = 15.0  # while a target is unavailable: its return is noticed. Its circuit breaker lets fewer through.
_LEAVE_S = 2.0


class PublishingWorker:
    """The attempts of one process. `run` owns them until it is cancelled; then their leases are released.

    slots: attempts at a time. automatic: the target of AUTO_PUBLISH_TO_VOD, None for none.
    """

    def __init__(
        self,
        deps: Deps,
        redis_dsn: str,
        *,
        slots: int,
        automatic: str | None,
        options: PublishOptions,
        resumed: Callable[[str], None] = lambda target: None,
    ) -> None:
        self.id = f"vod:{socket.gethostname()[:60]}:{uuid.uuid4().hex[:12]}"
        self._stopped: set[str] = set()
        self._probed: set[str] = set()
        self._away: set[str] = set()  # as the last probe found them
        self._reported = asyncio.Event()
        self._deps = replace(deps, stopped=self._stopped.add)
        self._slots = slots
        self._automatic = automatic
        self._options = options
        self._resumed = resumed
        self._wake_up = asyncio.Event()
        self._listener = Listener(redis_dsn, self.id, self._wake_up.set, PUBLISH)
        self._unsure: set[int] = set()  # slots whose claim may have been committed without an answer

    async def run(self) -> None:
        await self._migrated()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listener.run())
                group.create_task(self._repeat(self._report, lambda: _REPORT_S))
                group.create_task(self._repeat(self._probe, lambda: _PROBE_AWAY_S if self._away else _PROBE_S))
                for slot in range(self._slots):
                    group.create_task(self._serve(slot))
        finally:
            await self._leave()

    @property
    def known(self) -> frozenset[str]:
        """Targets whose state in the database is of now: what an earlier process noted may have ended long ago."""
        return frozenset(self._probed | self._stopped)

    async def report(self) -> None:
        """Report the targets, learn which are stopped, and request what is to be published automatically."""
        async with self._deps.db.transaction() as session:
            for name, publisher in self._deps.publishers.items():
                await targets.report(
                    session,
                    name,
                    publisher.kind,
                    capabilities=asdict(publisher.capabilities()),
                    credentials_sha256=publisher.credentials_sha256(),
                    automatic=name == self._automatic,
                )
            known = {target.name: target for target in await targets.all_of(session)}
            await self._count(session, known)
        self._reported.set()
        for name in self._deps.publishers:
            if known[name].stopped_at is not None:
                self._stopped.add(name)
            elif name in self._stopped:
                self._stopped.discard(name)
                self._resumed(name)
        if self._automatic is not None:
            async with self._deps.db.transaction() as session:
                asked = await automatic.request_automatic(session, self._automatic, self._options)
            if asked:
                log.info("publications requested automatically", extra={"count": len(asked)})
                self._wake_up.set()

    async def work_once(self, slot: int = 0) -> bool:
        """Claim a publication for a slot and run an attempt at it. False when none was due."""
        failpoints.reach("publish-claim")
        claim = await self._claim(slot)
        if claim is None:
            self._unsure.discard(slot)
            return False
        failpoints.reach("publish-claimed")
        await lease.run(self._deps, claim)
        self._unsure.discard(slot)
        return True

    async def _claim(self, slot: int) -> lifecycle.PublicationClaim | None:
        unsure = slot in self._unsure
        self._unsure.add(slot)
        async with self._deps.db.transaction() as session:
            if unsure:
                await lifecycle.release_unknown(session, self._owner(slot))
            # One that was resumed is claimed for once `report` has reset its publisher.
            names = [name for name in self._deps.publishers if name not in self._stopped]
            return await lifecycle.claim(session, self._owner(slot), self._deps.lease, names)

    def _owner(self, slot: int) -> str:
        return f"{self.id}/{slot}"

    async def _leave(self) -> None:
        """A claim under way may have been committed: it is released rather than left until its lease expires."""
        try:
            async with asyncio.timeout(_LEAVE_S), self._deps.db.transaction() as session:
                for slot in sorted(self._unsure):
                    await lifecycle.release_unknown(session, self._owner(slot))
        except (DatabaseUnavailable, TimeoutError):
            log.info("stopped without releasing what may have been claimed")

    async def _serve(self, slot: int) -> None:
        database = Outage(log, "database", meanwhile="nothing is published")
        while True:
            with database.tolerated(DatabaseUnavailable):
                if await self.work_once(slot):
                    continue
            self._wake_up.clear()
            try:
                async with asyncio.timeout(_POLL_S * random.uniform(0.8, 1.2)):  # noqa: S311 -- jitter
                    await self._wake_up.wait()
            except TimeoutError:
                continue

    async def _migrated(self) -> None:
        """Wait for the schema: the database may be started, and migrated, after us."""
        while True:
            try:
                await check_schema(self._deps.db)
            except (DatabaseUnavailable, SchemaMismatch) as exc:
                log.debug("database unavailable; waiting", extra={"why": exc.message})
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def _report(self) -> None:
        await check_schema(self._deps.db)
        await self.report()

    async def _probe(self) -> None:
        """Probe each target, so that health is known before anything is published. A stopped one gets no request."""
        await self._reported.wait()  # what is found out about a target that has no row is lost
        for name, publisher in self._deps.publishers.items():
            if name in self._stopped:
                continue
            found = await publisher.probe()
            (self._away.discard if found.reason is None or found.denied else self._away.add)(name)
            async with self._deps.db.transaction() as session:
                if found.reason is None:
                    await targets.describe(session, name, found.details)
                    await targets.mark_available(session, name)
                elif found.denied:
                    await targets.stop(session, name, TargetDenied.code, found.reason)
                else:
                    await targets.mark_unavailable(
                        session, name, found.reason, timedelta(seconds=TargetUnavailable.retry_after_s)
                    )
            self._probed.add(name)

    async def _count(self, session: AsyncSession, known: dict[str, targets.Target]) -> None:
        for name in self._deps.publishers:
            metrics.STOPPED.labels(name).set(known[name].stopped_at is not None)
            metrics.UNAVAILABLE.labels(name).set(known[name].away_since is not None)
            metrics.WAITING.labels(name).set(known[name].waiting)
        metrics.UNKNOWN_EFFECTS.set(await effects.unsettled(session))
        metrics.OLDEST.set(await queries.oldest_waiting_s(session))

    async def _repeat(self, act: Callable[[], Awaitable[None]], every_s: Callable[[], float]) -> None:
        """Repeat, through any outage of the database."""
        while True:
            try:
                await act()
            except (DatabaseUnavailable, SchemaMismatch) as exc:
                log.debug("database unavailable; waiting", extra={"why": exc.message})
            await asyncio.sleep(every_s())
