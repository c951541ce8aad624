"""How a publication stands, as its attempt knows it: what is written down between two stages, and what ends it."""

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
"""A step was done: it is no step that kills whoever takes it, however many were killed on the way here."""

HUMAN_SIDECAR = "HUMAN_SIDECAR"
SHOW_GONE = "SHOW_GONE"
VOD_GONE = "VOD_GONE"


class Ended(Exception):
    """The attempt has been brought to its end already."""


class AttemptState:
    """claim, item: what is known by now. warned: this attempt's warnings by their codes, which grow.

    Whatever gives nothing back (NoReturn) has ended the attempt, and raises Ended. All raise Fenced.
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
        """Write down how far it is. Where something else is wanted by now, the attempt ends."""
        self.at(stage)
        async with self._deps.db.transaction() as session:
            wanted = await lifecycle.save(session, self.claim, warnings=self._warnings(), **_AS_NEW)
        if not wanted:
            await self.start_over()

    async def follow(self, session: AsyncSession, **values: Any) -> None:
        """From now on the target is at it: its time begins to count. The age is the database's."""
        since = {"followed_since": database_now(), "vendor_changed_at": database_now()}
        await lifecycle.save(session, self.claim, **since, **values)
        self.claim = replace(self.claim, followed=timedelta(), unchanged=timedelta())

    async def attention(self, code: str | None, message: str | None = None) -> None:
        async with self._deps.db.transaction() as session:
            await lifecycle.set_attention(session, self.claim, code, message)

    async def answered(self) -> None:
        """The target has done what it was asked for: one that was away is back."""
        if self._did_answer:
            return
        self._did_answer = True
        async with self._deps.db.transaction() as session:
            await targets.mark_available(session, self.claim.target)

    # ends

    async def finish(self) -> None:
        # What goes missing after this is looked for once again, as at first.
        self.at(self.claim.stage, replace(self.item, missed=False))
        async with self._deps.db.transaction() as session:
            await lifecycle.finish(session, self.claim, warnings=self._warnings())
        metrics.ENDED.labels("published").inc()
        log.info("published", extra={"publication_id": str(self.claim.id), "target": self.claim.target})

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
        log.warning("publication failed", extra={**told, "detail": error.message, "again": again})
        raise Ended

    async def end(self, error: ArchivistError) -> NoReturn:
        """The attempt could not go on: what of, decides how it ends."""
        match error:
            case TargetDenied():
                await self._denied(error)
            case TargetUnavailable():
                await self._away(error)
            case TargetMissing():
                await self._missing(error)
            case NeedsPerson():
                await self.hold(error.why, error.message)
            case PublicNameTaken():
                told = f"there are captions made by people, and they are never overwritten: {error.message}"
                await self.hold(HUMAN_SIDECAR, told)
            case _:
                await self.fail(error)

    async def _denied(self, error: TargetDenied) -> NoReturn:
        """Our credentials were refused: the whole target stops, its queue is kept, one alert is raised."""
        async with self._deps.db.transaction() as session:
            first = await targets.stop(session, self.claim.target, error.code, error.message)
            await lifecycle.reschedule(session, self.claim, timedelta(), warnings=self._warnings())
        self._deps.stopped(self.claim.target)
        if first:
            log.error("target stopped", extra={"target": self.claim.target, "detail": error.message})
        raise Ended

    async def _away(self, error: TargetUnavailable) -> NoReturn:
        """The target is not there for anybody: nothing is charged to this publication."""
        pause = min(timedelta(seconds=max(error.retry_after_s, 1)), _LONGEST_PAUSE)
        async with self._deps.db.transaction() as session:
            first = await targets.mark_unavailable(session, self.claim.target, error.message, pause)
            wait = self._deps.pace.at_least(self.claim.stage)
            await lifecycle.reschedule(session, self.claim, wait, warnings=self._warnings())
        if first:
            log.warning("target is away", extra={"target": self.claim.target, "detail": error.message})
        raise Ended

    async def _missing(self, error: TargetMissing) -> NoReturn:
        """Something we knew is not there any more: found anew once, then a person looks."""
        if self.claim.withdrawing:  # what is not there is not shown
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
