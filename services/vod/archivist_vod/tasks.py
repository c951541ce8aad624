"""One attempt at a publication: from what it has reached to where it has to wait, for the target or for a person.

    resolve ─▶ ensure ─▶ captions ─▶ accept ─▶ start ─▶ follow ─▶ verify ─▶ chapters ─▶ metadata ─▶ published

Between two stages it is written down how far it is, and looked whether something else is wanted by now. An attempt
that dies anywhere is begun again at its stage; what it asked the target for stands in the ledger.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from archivist_common import (
    killpoints,
    metrics,
    publication_options,
    publishing,
    recording_names,
    show_links,
    shows,
    targets,
)
from archivist_common.db import Database
from archivist_common.errors import (
    ArchivistError,
    CaptionsRefused,
    DatabaseUnavailable,
    Fenced,
    NeedsPerson,
    PublicNameTaken,
    TargetDenied,
    TargetMissing,
    TargetRefused,
    TargetUnavailable,
    VodFailed,
)
from archivist_common.matching import Candidate
from archivist_common.publishing import Held
from archivist_common.states import PublishStage
from archivist_common.time import database_now
from archivist_vod import figures, plan, programme
from archivist_vod.ledger import Effects, Gate
from archivist_vod.plan import Pace
from archivist_vod.progress import Item
from archivist_vod.publisher import Accepted, Ambiguous, Found, Nothing, Publisher, Work

log = logging.getLogger(__name__)

_RENEWALS = 4  # in a lease
_LONGEST_PAUSE = timedelta(hours=1)

_REMEMBERED = frozenset({"missed", "withdrawn", "description_sha256"})
"""What an item tells of before, and finding the recording anew does not: that we took the programme off the list, and
which description is ours."""

_AS_NEW = {"failure_count": 0, "crash_count": 0}
"""A step was done: it is no step that kills whoever takes it, however many were killed on the way here."""

HUMAN_SIDECAR = "HUMAN_SIDECAR"
NO_SHOW = "NO_SHOW"
AMBIGUOUS_SHOW = "AMBIGUOUS_SHOW"
SHOW_GONE = "SHOW_GONE"
VOD_GONE = "VOD_GONE"


@dataclass(frozen=True, slots=True)
class Deps:
    """What attempts work with. sleep, clock: time, an argument."""

    db: Database
    publishers: Mapping[str, Publisher]
    lease: timedelta
    pace: Pace
    wants_chapters: bool = True
    wants_metadata: bool = True
    auto_tags: bool = False
    stopped: Callable[[str], object] = lambda target: None
    """Told of a target that refuses our credentials, once the database knows."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic


class _Stopped(Exception):
    """The attempt has been brought to its end already."""


async def run(deps: Deps, held: Held) -> None:
    """Bring a claimed publication as far as it goes now. Raises nothing but what ends the process."""
    gate = Gate(min(10.0, deps.lease.total_seconds() / 3), deps.clock)
    attempt = _Attempt(deps, held, gate)
    try:
        async with _renewed(deps, held, gate):
            await attempt.go()
    except _Stopped:
        return
    except Fenced:
        metrics.FENCED_WRITES.labels("vod").inc()
        log.info("publication lost", extra={"publication_id": str(held.id), "attempt": held.attempt})
    except DatabaseUnavailable:
        log.warning("the database is away; the publication's lease lapses", extra={"publication_id": str(held.id)})
    except asyncio.CancelledError:
        await _give_back(deps, attempt.held)
        raise


def _at_least(pace: Pace, held: Held) -> timedelta:
    """Until the next attempt, whatever ended this one: the time between two looks at a programme."""
    return pace.floor if held.stage is PublishStage.FOLLOW else timedelta()


async def _give_back(deps: Deps, held: Held) -> None:
    """The process stops: the next one goes on at once, rather than when the lease has lapsed."""
    try:
        async with asyncio.timeout(2), deps.db.transaction() as session:
            await publishing.put_off(session, held, _at_least(deps.pace, held))
    except (ArchivistError, TimeoutError):
        log.info("a publication was left to its lease", extra={"publication_id": str(held.id)})


@asynccontextmanager
async def _renewed(deps: Deps, held: Held, gate: Gate) -> AsyncIterator[None]:
    """The lease is renewed while the block runs. One that is lost ends the block with Fenced."""
    working = asyncio.current_task()
    lost: list[Fenced] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(deps.lease.total_seconds() / _RENEWALS)
            asked = deps.clock()
            try:
                async with deps.db.transaction() as session:
                    await publishing.renew(session, held, deps.lease)
            except DatabaseUnavailable:
                continue  # the gate closes by itself
            except Fenced as exc:
                gate.lose()
                lost.append(exc)
                if working is not None:
                    working.cancel()
                return
            gate.renewed(asked)

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost and working is not None:
            working.uncancel()
            raise lost[0] from None
        raise
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing


class _Attempt:
    """The stages, each a method; `self._held` is what is known by now."""

    def __init__(self, deps: Deps, held: Held, gate: Gate) -> None:
        self._deps = deps
        self._held = held
        self._publisher = deps.publishers[held.target]
        self._ledger = Effects(deps.db, held, gate, deps.sleep, deps.pace.apart_s)
        self._work: Work | None = None
        self._did_answer = False

    @property
    def held(self) -> Held:
        return self._held

    async def go(self) -> None:
        stages: dict[PublishStage, Callable[[], Awaitable[PublishStage | None]]] = {
            PublishStage.RESOLVE: self._resolve,
            PublishStage.ENSURE: self._ensure,
            PublishStage.CAPTIONS: self._put_captions,
            PublishStage.ACCEPT: self._accept,
            PublishStage.START: self._start,
            PublishStage.FOLLOW: self._follow,
            PublishStage.VERIFY: self._verify,
            PublishStage.CHAPTERS: self._put_chapters,
            PublishStage.METADATA: self._put_metadata,
            PublishStage.WITHDRAW: self._withdraw,
        }
        if self._held.withdrawing:
            self._held = self._held.at(PublishStage.WITHDRAW)
        try:
            while True:
                stage = self._held.stage
                killpoints.reach(f"publish-{stage}")
                following = await stages[stage]()
                await self._answered()
                if following is None:
                    await self._finish()
                    return
                await self._reach(following)
        except (Fenced, DatabaseUnavailable, _Stopped):
            raise
        except TargetDenied as exc:
            await self._denied(exc)
        except TargetUnavailable as exc:
            await self._away(exc)
        except TargetMissing as exc:
            await self._missing(exc)
        except NeedsPerson as exc:
            await self._hold(exc.why, exc.message)
        except PublicNameTaken as exc:
            told = f"there are captions made by people, and they are never overwritten: {exc.message}"
            await self._hold(HUMAN_SIDECAR, told)
        except ArchivistError as exc:
            await self._fail(exc)
        except Exception:
            log.exception("an attempt to publish stumbled", extra={"publication_id": str(self._held.id)})
            await self._fail(ArchivistError("an error of Archivist's own; its log says more"))

    # stages: each gives the next one, None after the last

    async def _resolve(self) -> PublishStage:
        work = await self._prepared()
        found = await self._publisher.resolve(work, self._shows)
        item: Item | None = None
        match found:
            case Ambiguous(why, suggestions):
                await self._hold(AMBIGUOUS_SHOW, why, suggestions=[one.stored() for one in suggestions])
            case Nothing(suggestions):
                if not work.options.create_show:
                    await self._hold(
                        NO_SHOW,
                        "no show fits this recording; link one, or ask for one to be made",
                        suggestions=[one.stored() for one in suggestions],
                    )
            case Found(item, score, reasons):
                show = item.get("show")
                if score is not None and isinstance(show, int):
                    async with self._deps.db.transaction() as session:
                        await show_links.found(session, work.storage, work.path, show, score, reasons)
        self._held = self._held.at(PublishStage.RESOLVE, {**self._remembered, **(item or {})})
        if work.options.dry_run or (work.options.two_step and not self._held.approved):
            code = publication_options.DRY_RUN if work.options.dry_run else publication_options.APPROVAL_NEEDED
            told = "this is what would be done" if work.options.dry_run else "somebody has to approve this"
            await self._hold(code, told, plan_=await self._publisher.outline(work, item))
        return PublishStage.ENSURE

    async def _ensure(self) -> PublishStage:
        work = await self._prepared()
        was_found = self._held.item.keys() > self._remembered.keys()
        item = await self._publisher.ensure(work, self._held.item if was_found else None, self._ledger)
        self._held = self._held.at(PublishStage.ENSURE, {**self._held.item, **item})
        return PublishStage.START if work.options.without_captions else PublishStage.CAPTIONS

    async def _put_captions(self) -> PublishStage:
        work = await self._prepared()
        item = await self._publisher.put_captions(work, self._held.item, self._ledger)
        self._held = self._held.at(PublishStage.CAPTIONS, item)
        async with self._deps.db.transaction() as session:
            await publishing.placed(session, self._held)
            # From now on the target is at it; the age is the database's.
            await publishing.save(
                session, self._held, followed_since=database_now(), vendor_changed_at=database_now()
            )
        self._held = replace(self._held, followed=timedelta(), unchanged=timedelta())
        return PublishStage.ACCEPT

    async def _accept(self) -> PublishStage:
        work = await self._prepared()
        if await self._publisher.accepted(work, self._held.item) is Accepted.YES:
            await self._attention(None)
            return PublishStage.START
        pace = self._deps.pace
        if self._held.followed > pace.budget:
            raise CaptionsRefused("the target has not taken the captions into use for a day")
        if self._held.followed >= pace.captions:
            await self._attention(
                plan.CAPTIONS_NOT_TAKEN,
                "the target has not taken the captions into use: old SX servers ignore them, others index a new file "
                "within two minutes",
            )
        await self._put_off(pace.next_look(self._held.followed))
        raise _Stopped

    async def _start(self) -> PublishStage:
        work = await self._prepared()
        waits = timedelta() < self._held.followed < self._deps.pace.captions
        if waits and not self._held.item.get("vod_id"):
            async with self._deps.db.transaction() as session:
                behind = await publishing.behind(session, self._held)
            if behind:  # a show of several reels is made into one VOD: their captions should all stand by then
                await self._put_off(self._deps.pace.floor)
        item = await self._publisher.start(work, self._held.item, self._ledger)
        self._held = self._held.at(PublishStage.START, item)
        vod_id = item.get("vod_id")
        async with self._deps.db.transaction() as session:
            await publishing.save(
                session,
                self._held,
                vod_id=None if vod_id is None else str(vod_id),
                followed_since=database_now(),
                vendor_changed_at=database_now(),
            )
            await publishing.mirror(session, self._held)
        self._held = replace(self._held, followed=timedelta(), unchanged=timedelta())
        if self._publisher.capabilities().asynchronous:
            self._held = self._held.at(PublishStage.FOLLOW)
            await self._put_off(self._deps.pace.floor)
        return PublishStage.FOLLOW

    async def _follow(self) -> PublishStage:
        pace = self._deps.pace
        seen = await self._publisher.poll(self._held.item)
        changed = (seen.raw, seen.mark) != (self._held.vendor_state, self._held.vendor_mark)
        unchanged = timedelta() if changed else self._held.unchanged
        item = {**(seen.item or self._held.item), "mark": seen.mark}
        shown: dict[str, Any] = {
            "vendor_state": seen.raw,
            "vendor_percent": seen.percent,
            "vendor_message": seen.message,
            "url": seen.url,
        }
        if changed:
            shown["vendor_changed_at"] = database_now()
        step = plan.follow(seen, self._held.followed, unchanged, pace)
        attention = step.attention if isinstance(step, plan.Wait) else None
        if isinstance(step, plan.Wait) and step.suspects_stall:
            # Variants are made round-robin over all programmes: ours may stand still while others have their turn.
            elsewhere = await self._publisher.works_elsewhere(self._held.item)
            if elsewhere == self._held.item.get("elsewhere"):
                attention = plan.stalled(seen, unchanged)
            item["elsewhere"] = elsewhere
        self._held = self._held.at(PublishStage.FOLLOW, item)
        async with self._deps.db.transaction() as session:
            wanted = await publishing.save(session, self._held, **shown)
            await publishing.attention(session, self._held, *(attention or (None, None)))
        if not wanted:
            await self._start_over()
        match step:
            case plan.GoOn():
                return PublishStage.CHAPTERS if self._held.options.without_captions else PublishStage.VERIFY
            case plan.GiveUp(message):
                raise VodFailed(message)
            case plan.Hold(code, message):
                await self._hold(code, message)
            case plan.Wait(delay):
                await self._put_off(delay)
        raise _Stopped

    async def _verify(self) -> PublishStage:
        work = await self._prepared()
        read = await self._publisher.verify(work, self._held.item)
        if read is not None and read.equal:
            await self._attention(None)
            return PublishStage.CHAPTERS
        difference = None if read is None else (read.first_difference or "their times are other ones")
        step = plan.captions_awaited(self._held.followed, self._held.unchanged, difference, self._deps.pace)
        if isinstance(step, plan.GiveUp):
            raise CaptionsRefused(step.message)
        await self._attention(*(step.attention or (None, None)))
        await self._put_off(step.delay)
        raise _Stopped

    async def _put_chapters(self) -> PublishStage:
        work = await self._prepared()
        wanted = self._deps.wants_chapters if work.options.chapters is None else work.options.chapters
        if wanted and self._publisher.capabilities().chapters:
            await self._optional("CHAPTERS_REFUSED", "the chapters", self._publisher.put_chapters)
        return PublishStage.METADATA

    async def _put_metadata(self) -> None:
        work = await self._prepared()
        wanted = self._deps.wants_metadata if work.options.metadata is None else work.options.metadata
        if wanted:
            await self._optional("METADATA_REFUSED", "title and description", self._publisher.put_metadata)

    async def _withdraw(self) -> None:
        item = await self._publisher.withdraw(self._held.item, self._ledger)
        self._held = self._held.at(PublishStage.WITHDRAW, item)
        async with self._deps.db.transaction() as session:
            await publishing.gone(session, self._held)
        raise _Stopped

    async def _optional(self, code: str, what: str, put: Callable[[Work, Item, Effects], Awaitable[Item]]) -> None:
        """Something without which the programme is published all the same: what refuses it is a warning."""
        try:
            item = await put(await self._prepared(), self._held.item, self._ledger)
        except TargetRefused as exc:
            self._ledger.warn(code, f"the target refused {what}: {exc.message}")
            return
        self._held = self._held.at(self._held.stage, item)

    # ends

    async def _finish(self) -> None:
        # What goes missing after this is looked for once again, as at first.
        item = {name: value for name, value in self._held.item.items() if name != "missed"}
        self._held = self._held.at(self._held.stage, item)
        async with self._deps.db.transaction() as session:
            await publishing.finish(session, self._held, warnings=self._warnings())
        figures.ENDED.labels("published").inc()
        log.info("published", extra={"publication_id": str(self._held.id), "target": self._held.target})

    async def _reach(self, stage: PublishStage) -> None:
        self._held = self._held.at(stage)
        async with self._deps.db.transaction() as session:
            wanted = await publishing.save(session, self._held, warnings=self._warnings(), **_AS_NEW)
        if not wanted:
            await self._start_over()

    async def _start_over(self) -> None:
        async with self._deps.db.transaction() as session:
            await publishing.start_over(session, self._held)
        raise _Stopped

    async def _put_off(self, delay: timedelta) -> None:
        async with self._deps.db.transaction() as session:
            await publishing.put_off(session, self._held, delay, warnings=self._warnings(), crash_count=0)
        raise _Stopped

    async def _hold(self, code: str, message: str, *, plan_: tuple[str, ...] | None = None, **more: Any) -> None:
        async with self._deps.db.transaction() as session:
            await publishing.hold(session, self._held, code, message, plan=plan_, warnings=self._warnings(), **more)
        figures.ENDED.labels("held").inc()
        raise _Stopped

    async def _fail(self, error: ArchivistError) -> None:
        async with self._deps.db.transaction() as session:
            wait = _at_least(self._deps.pace, self._held)
            again = await publishing.fail(session, self._held, error, at_least=wait)
        figures.ENDED.labels("retried" if again else "failed").inc()
        told = {"publication_id": str(self._held.id), "code": error.code, "stage": self._held.stage}
        log.warning("publication failed", extra={**told, "detail": error.message, "again": again})
        raise _Stopped

    async def _denied(self, error: TargetDenied) -> None:
        """Our credentials were refused: the whole target stops, its queue is kept, one alert is raised."""
        async with self._deps.db.transaction() as session:
            first = await targets.stop(session, self._held.target, error.code, error.message)
            await publishing.put_off(session, self._held, timedelta(), warnings=self._warnings())
        self._deps.stopped(self._held.target)
        if first:
            log.error("target stopped", extra={"target": self._held.target, "detail": error.message})
        raise _Stopped

    async def _away(self, error: TargetUnavailable) -> None:
        """The target is not there for anybody: nothing is charged to this publication."""
        pause = min(timedelta(seconds=max(error.retry_after_s, 1)), _LONGEST_PAUSE)
        async with self._deps.db.transaction() as session:
            first = await targets.away(session, self._held.target, error.message, pause)
            wait = _at_least(self._deps.pace, self._held)
            await publishing.put_off(session, self._held, wait, warnings=self._warnings())
        if first:
            log.warning("target is away", extra={"target": self._held.target, "detail": error.message})
        raise _Stopped

    async def _missing(self, error: TargetMissing) -> None:
        """Something we knew is not there any more: found anew once, then a person looks."""
        if self._held.withdrawing:  # what is not there is not shown
            async with self._deps.db.transaction() as session:
                await publishing.gone(session, self._held)
            raise _Stopped
        if self._held.item.get("missed"):
            code = SHOW_GONE if self._held.stage in {PublishStage.RESOLVE, PublishStage.ENSURE} else VOD_GONE
            await self._hold(code, f"it was deleted at the target: {error.message}")
        self._held = self._held.at(PublishStage.RESOLVE, {**self._remembered, "missed": True})
        await self._put_off(self._deps.pace.floor)

    # what the stages share

    @property
    def _remembered(self) -> Item:
        return {name: value for name, value in self._held.item.items() if name in _REMEMBERED}

    def _warnings(self) -> list[str]:
        """Those of before, and this attempt's, each once by its code."""
        mine = self._ledger.warnings
        kept = [one for one in self._held.warnings if one.partition(": ")[0] not in mine]
        return [*kept, *(f"{code}: {message}" for code, message in mine.items())]

    async def _prepared(self) -> Work:
        if self._work is None:
            work = await programme.of(self._deps.db, self._held, auto_tags=self._deps.auto_tags)
            self._work = work
        return self._work

    async def _shows(self) -> Sequence[Candidate]:
        work = await self._prepared()
        async with self._deps.db.transaction() as session:
            return await shows.candidates(session, recording_names.read(work.filename), work.key)

    async def _attention(self, code: str | None, message: str | None = None) -> None:
        async with self._deps.db.transaction() as session:
            await publishing.attention(session, self._held, code, message)

    async def _answered(self) -> None:
        """The target has done what it was asked for: one that was away is back."""
        if self._did_answer:
            return
        self._did_answer = True
        async with self._deps.db.transaction() as session:
            await targets.answered(session, self._held.target)
