"""State of one attempt at a publication: checkpoints between stages, and the outcomes that end the attempt."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.errors import (
    ArchivistError,
    NeedsPerson,
    PublicNameTaken,
    TargetDenied,
    TargetMissing,
    TargetUnavailable,
)
from archivist_common.publishing import lifecycle, targets
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.states import PublishStage
from archivist_vod import metrics
from archivist_vod.attempts.deps import Deps
from archivist_vod.targets.item import Item

log = logging.getLogger(__name__)

_LONGEST_PAUSE = timedelta(hours=1)

_AS_NEW = {"failure_count": 0, "crash_count": 0}
"""Counters after a completed stage: what crashed workers before is not this publication."""

HUMAN_SIDECAR = "HUMAN_SIDECAR"
SHOW_GONE = "SHOW_GONE"
VOD_GONE = "VOD_GONE"


class Ended(Exception):
    """The attempt has ended; its outcome is stored."""


class AttemptState:
    """claim, item: what is known by now. warned: this attempt's warnings by their codes, which grow.

    What returns NoReturn has ended the attempt, and raises Ended. All raise Fenced.
    """

    def __init__(self, deps: Deps, claim: PublicationClaim, item: Item, warned: Mapping[str, str]) -> None:
        self.claim = claim
        self.item = item
        self._deps = deps
        self._warned = warned
        self._did_answer = False

    def at(self, stage: PublishStage, item: Item | None = None) -> None:
        if item is not None:
            self.item = item
        self.claim = self.claim.at(stage, self.item.stored())

    # between two stages

    async def reach(self, stage: PublishStage) -> None:
        """Store a checkpoint. Where something else is wanted by now, the attempt ends."""
        self.at(stage)
        async with self._deps.db.transaction() as session:
            wanted = await lifecycle.save(session, self.claim, warnings=self._warnings(), **_AS_NEW)
        if not wanted:
            await self.start_over()

    async def follow(self, session: AsyncSession, **values: Any) -> None:
        """The target works at it from now on: its time begins to count, by the database's clock."""
        since = {"followed_since": database_now(), "vendor_changed_at": database_now()}
        await lifecycle.save(session, self.claim, **since, **values)
        self.claim = replace(self.claim, followed=timedelta(), unchanged=timedelta())

    async def attention(self, code: str | None, message: str | None = None) -> None:
        async with self._deps.db.transaction() as session:
            await lifecycle.set_attention(session, self.claim, code, message)

    async def answered(self) -> None:
        """The target has answered: one that was unavailable is available again."""
        if self._did_answer:
            return
        self._did_answer = True
        async with self._deps.db.transaction() as session:
            await targets.mark_available(session, self.claim.target)

    # ends

    async def finish(self) -> None:
        # What goes missing after this is looked up once again, as at first.
        self.at(self.claim.stage, replace(self.item, missed=False))
        async with self._deps.db.transaction() as session:
            await lifecycle.finish(session, self.claim, warnings=self._warnings())
        metrics.ENDED.labels("published").inc()
        log.info("publication published", extra={"publication_id": str(self.claim.id), "target": self.claim.target})

    async def start_over(self) -> NoReturn:
        async with self._deps.db.transaction() as session:
            await lifecycle.start_over(session, self.claim)
        raise Ended

    async def reschedule(self, delay: timedelta) -> NoReturn:
        async with self._deps.db.transaction() as session:
            await lifecycle.reschedule(session, self.claim, delay, warnings=self._warnings(), crash_count=0)
        raise Ended

    async def hold(self, code: str, message: str, *, plan: tuple[str, ...] | None = None, **more: Any) -> NoReturn:
        async with self._deps.db.transaction() as session:
            await lifecycle.hold(session, self.claim, code, message, plan=plan, warnings=self._warnings(), **more)
        metrics.ENDED.labels("held").inc()
        raise Ended

    async def fail(self, error: ArchivistError) -> NoReturn:
        async with self._deps.db.transaction() as session:
            wait = self._deps.pace.at_least(self.claim.stage)
            again = await lifecycle.fail(session, self.claim, error, at_least=wait)
        metrics.ENDED.labels("retried" if again else "failed").inc()
        told = {"publication_id": str(self.claim.id), "code": error.code, "stage": self.claim.stage}
        log.warning("publication attempt failed", extra={**told, "detail": error.message, "again": again})
        raise Ended

    async def end(self, error: ArchivistError) -> NoReturn:
        """End the attempt by the error that stopped it."""
        match error:
            case TargetDenied():
                await self._denied(error)
            case TargetUnavailable():
                await self._unavailable(error)
            case TargetMissing():
                await self._missing(error)
            case NeedsPerson():
                await self.hold(error.why, error.message)
            case PublicNameTaken():
                told = f"captions that Archivist did not write are never overwritten: {error.message}"
                await self.hold(HUMAN_SIDECAR, told)
            case _:
                await self.fail(error)

    async def _denied(self, error: TargetDenied) -> NoReturn:
        """The target rejected our credentials: it is stopped, its queue is kept, one alert is raised."""
        async with self._deps.db.transaction() as session:
            first = await targets.stop(session, self.claim.target, error.code, error.message)
            await lifecycle.reschedule(session, self.claim, timedelta(), warnings=self._warnings())
        self._deps.stopped(self.claim.target)
        if first:
            log.error(
                "target stopped: credentials rejected", extra={"target": self.claim.target, "detail": error.message}
            )
        raise Ended

    async def _unavailable(self, error: TargetUnavailable) -> NoReturn:
        """The target is unavailable: not counted as a failure of this publication."""
        pause = min(timedelta(seconds=max(error.retry_after_s, 1)), _LONGEST_PAUSE)
        async with self._deps.db.transaction() as session:
            first = await targets.mark_unavailable(session, self.claim.target, error.message, pause)
            wait = self._deps.pace.at_least(self.claim.stage)
            await lifecycle.reschedule(session, self.claim, wait, warnings=self._warnings())
        if first:
            log.warning("target unavailable", extra={"target": self.claim.target, "detail": error.message})
        raise Ended

    async def _missing(self, error: TargetMissing) -> NoReturn:
        """Something known is not there any more: looked up again once, then held for a user."""
        if self.claim.withdrawing:  # what does not exist is not listed
            async with self._deps.db.transaction() as session:
                await lifecycle.mark_removed(session, self.claim)
            raise Ended
        if self.item.missed:
            code = SHOW_GONE if self.claim.stage in {PublishStage.RESOLVE, PublishStage.ENSURE} else VOD_GONE
            await self.hold(code, f"it was deleted at the target: {error.message}")
        self.at(PublishStage.RESOLVE, replace(self.item.remembered(), missed=True))
        await self.reschedule(self._deps.pace.floor)

    def _warnings(self) -> list[str]:
        """Those of before, and this attempt's, each once by its code."""
        mine = self._warned
        kept = [one for one in self.claim.warnings if one.partition(": ")[0] not in mine]
        return [*kept, *(f"{code}: {message}" for code, message in mine.items())]
