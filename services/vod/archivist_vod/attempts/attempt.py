"""The stages of a publication, run from the one it has reached to where it has to wait, for the target or a user.

    resolve ─▶ ensure ─▶ captions ─▶ accept ─▶ start ─▶ follow ─▶ verify ─▶ chapters ─▶ metadata ─▶ published

Between two stages a checkpoint is stored, and it is checked whether something else is wanted by now. An attempt that
dies anywhere is resumed at its stage; the changes it requested at the target are in the ledger.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from archivist_common import failpoints
from archivist_common.chapters import detection
from archivist_common.database.clock import database_now
from archivist_common.database.models import Publication
from archivist_common.errors import (
    ArchivistError,
    CaptionsRefused,
    DatabaseUnavailable,
    Fenced,
    TargetRefused,
    VodFailed,
)
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.publishing import lifecycle, options
from archivist_common.publishing import queries as publications
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.shows import links, queries, recording_names
from archivist_common.shows.matching import KnownShows
from archivist_common.states import PublishStage
from archivist_vod.attempts import pacing
from archivist_vod.attempts.deps import Deps
from archivist_vod.attempts.ledger import EffectLedger
from archivist_vod.attempts.state import AttemptState, Ended
from archivist_vod.attempts.work import prepare
from archivist_vod.targets.interface import Accepted, Ambiguous, Found, Nothing, Work
from archivist_vod.targets.item import Item

log = logging.getLogger(__name__)

NO_SHOW = "NO_SHOW"
AMBIGUOUS_SHOW = "AMBIGUOUS_SHOW"


class Attempt:
    """One claim of a publication. state: what is known of it by now."""

    def __init__(self, deps: Deps, claim: PublicationClaim, keeper: LeaseKeeper) -> None:
        self._deps = deps
        self._publisher = deps.publishers[claim.target]
        self._ledger = EffectLedger(deps.db, claim, keeper, deps.sleep, deps.pace.apart_s)
        item = self._publisher.item_type.of_stored(claim.item)
        self.state = AttemptState(deps, claim, item, self._ledger.warnings)
        self._prepared: Work | None = None

    @property
    def _claim(self) -> PublicationClaim:
        return self.state.claim

    @property
    def _item(self) -> Item:
        return self.state.item

    async def go(self) -> None:
        """Run its stages as far as possible. Raises Ended where it ended before the last, or as `state` does."""
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
        if self._claim.withdrawing:
            self.state.at(PublishStage.WITHDRAW)
        try:
            while True:
                stage = self._claim.stage
                failpoints.reach(f"publish-{stage}")
                following = await stages[stage]()
                await self.state.answered()
                if following is None:
                    await self.state.finish()
                    return
                await self.state.reach(following)
        except (Ended, Fenced, DatabaseUnavailable):
            raise
        except ArchivistError as exc:
            await self.state.end(exc)
        except Exception:
            log.exception("publication attempt failed unexpectedly", extra={"publication_id": str(self._claim.id)})
            await self.state.fail(ArchivistError("internal error; see the log of the publisher"))

    # stages: each gives the next one, None after the last

    async def _resolve(self) -> PublishStage:
        work = await self._work()
        found = await self._publisher.resolve(work, self._shows)
        item = self._item.remembered()
        match found:
            case Ambiguous(why, suggestions):
                await self.state.hold(AMBIGUOUS_SHOW, why, suggestions=[one.stored() for one in suggestions])
            case Nothing(suggestions):
                if not work.options.create_show:
                    await self.state.hold(
                        NO_SHOW,
                        "no show fits this recording; link one, or publish with create_show to have one made",
                        suggestions=[one.stored() for one in suggestions],
                    )
            case Found(just_found, score, reasons):
                item = just_found.after(item)
                if score is not None and item.show is not None:
                    async with self._deps.db.transaction() as session:
                        await links.link_by_rule(session, work.storage, work.path, item.show, score, reasons)
        self.state.at(PublishStage.RESOLVE, item)
        if work.options.dry_run or (work.options.two_step and not self._claim.approved):
            code = options.DRY_RUN if work.options.dry_run else options.APPROVAL_NEEDED
            message = "dry run: this would be done" if work.options.dry_run else "this has to be approved"
            await self.state.hold(code, message, plan=await self._publisher.outline(work, item))
        return PublishStage.ENSURE

    async def _ensure(self) -> PublishStage:
        work = await self._work()
        item = await self._publisher.ensure(work, self._item, self._ledger)
        self.state.at(PublishStage.ENSURE, item)
        return PublishStage.START if work.options.without_captions else PublishStage.CAPTIONS

    async def _put_captions(self) -> PublishStage:
        work = await self._work()
        item = await self._publisher.put_captions(work, self._item, self._ledger)
        self.state.at(PublishStage.CAPTIONS, item)
        async with self._deps.db.transaction() as session:
            await lifecycle.mark_placed(session, self._claim)
            await self.state.follow(session)
        return PublishStage.ACCEPT

    async def _accept(self) -> PublishStage:
        work = await self._work()
        if await self._publisher.accepted(work, self._item) is Accepted.YES:
            await self.state.attention(None)
            return PublishStage.START
        pace = self._deps.pace
        if self._claim.followed > pace.budget:
            raise CaptionsRefused("the target has not taken the captions into use for a day")
        if self._claim.followed >= pace.captions:
            await self.state.attention(
                pacing.CAPTIONS_NOT_TAKEN,
                "the target has not taken the captions into use: old SX servers ignore them, others index a new file "
                "within two minutes",
            )
        return await self.state.reschedule(pace.next_look(self._claim.followed))

    async def _start(self) -> PublishStage:
        work = await self._work()
        waits = timedelta() < self._claim.followed < self._deps.pace.captions
        if waits and self._item.vod_id is None:
            async with self._deps.db.transaction() as session:
                behind = await publications.has_siblings_pending(session, self._claim)
            if behind:  # a show of several reels becomes one VOD: all their captions should be in place by then
                await self.state.reschedule(self._deps.pace.floor)
        item = await self._publisher.start(work, self._item, self._ledger)
        self.state.at(PublishStage.START, item)
        vod_id = None if item.vod_id is None else str(item.vod_id)
        async with self._deps.db.transaction() as session:
            await self.state.follow(session, vod_id=vod_id)
            await lifecycle.mirror(session, self._claim)
        if self._publisher.capabilities().asynchronous:
            self.state.at(PublishStage.FOLLOW)
            await self.state.reschedule(self._deps.pace.floor)
        return PublishStage.FOLLOW

    async def _follow(self) -> PublishStage:
        pace = self._deps.pace
        seen = await self._publisher.poll(self._item)
        changed = (seen.raw, seen.mark) != (self._claim.vendor_state, self._claim.vendor_mark)
        unchanged = timedelta() if changed else self._claim.unchanged
        item = replace(seen.item or self._item, mark=seen.mark)
        shown: dict[str, Any] = {
            "vendor_state": seen.raw,
            "vendor_percent": seen.percent,
            "vendor_message": seen.message,
            "url": seen.url,
        }
        if changed:
            shown["vendor_changed_at"] = database_now()
        step = pacing.follow(seen, self._claim.followed, unchanged, pace)
        attention = step.attention if isinstance(step, pacing.Wait) else None
        if isinstance(step, pacing.Wait) and step.suspects_stall:
            # Variants are made round-robin over all programmes: ours may stand still while others have their turn.
            elsewhere = await self._publisher.works_elsewhere(self._item)
            if elsewhere == self._item.elsewhere:
                attention = pacing.stalled(seen, unchanged)
            item = replace(item, elsewhere=elsewhere)
        self.state.at(PublishStage.FOLLOW, item)
        async with self._deps.db.transaction() as session:
            wanted = await lifecycle.save(session, self._claim, **shown)
            await lifecycle.set_attention(session, self._claim, *(attention or (None, None)))
        if not wanted:
            await self.state.start_over()
        match step:
            case pacing.GoOn():
                return PublishStage.CHAPTERS if self._claim.options.without_captions else PublishStage.VERIFY
            case pacing.GiveUp(message):
                raise VodFailed(message)
            case pacing.Hold(code, message):
                return await self.state.hold(code, message)
            case pacing.Wait(delay):
                return await self.state.reschedule(delay)

    async def _verify(self) -> PublishStage:
        work = await self._work()
        read = await self._publisher.verify(work, self._item)
        if read is not None and read.equal:
            await self.state.attention(None)
            return PublishStage.CHAPTERS
        difference = None if read is None else (read.first_difference or "their times are other ones")
        step = pacing.captions_awaited(self._claim.followed, self._claim.unchanged, difference, self._deps.pace)
        if isinstance(step, pacing.GiveUp):
            raise CaptionsRefused(step.message)
        await self.state.attention(*(step.attention or (None, None)))
        return await self.state.reschedule(step.delay)

    async def _put_chapters(self) -> PublishStage:
        work = await self._work()
        wanted = self._deps.wants_chapters if work.options.chapters is None else work.options.chapters
        if wanted and self._publisher.capabilities().chapters:
            if not work.chapters and detection.language_of(work.track.language) is None:
                said = f"no chapters: there are no rules for the language {work.track.language!r}; write them by hand"
                self._ledger.warn(detection.NO_RULES, said)
            await self._optional("CHAPTERS_REFUSED", "the chapters", self._publisher.put_chapters)
        return PublishStage.METADATA

    async def _put_metadata(self) -> None:
        work = await self._work()
        wanted = self._deps.wants_metadata if work.options.metadata is None else work.options.metadata
        if wanted:
            await self._optional("METADATA_REFUSED", "title and description", self._publisher.put_metadata)

    async def _withdraw(self) -> None:
        if self._item.vod_id is None:  # looked up again since it was published
            async with self._deps.db.transaction() as session:
                vod_id = await session.scalar(select(Publication.vod_id).where(Publication.id == self._claim.id))
            if vod_id is not None:
                self.state.at(PublishStage.WITHDRAW, self._item.with_vod(vod_id))
        item = await self._publisher.withdraw(self._item, self._ledger)
        self.state.at(PublishStage.WITHDRAW, item)
        async with self._deps.db.transaction() as session:
            await lifecycle.mark_removed(session, self._claim)
        raise Ended

    async def _optional(
        self, code: str, what: str, put: Callable[[Work, Item, EffectLedger], Awaitable[Item]]
    ) -> None:
        """Something optional: a target that refuses it causes a warning."""
        try:
            item = await put(await self._work(), self._item, self._ledger)
        except TargetRefused as exc:
            self._ledger.warn(code, f"the target refused {what}: {exc.message}")
            return
        self.state.at(self._claim.stage, item)

    # what the stages share

    async def _work(self) -> Work:
        if self._prepared is None:
            self._prepared = await prepare(self._deps.db, self._claim, auto_tags=self._deps.auto_tags)
        return self._prepared

    async def _shows(self) -> KnownShows:
        work = await self._work()
        bodies = await self._deps.bodies.known(self._deps.db)
        async with self._deps.db.transaction() as session:
            known = await queries.candidates(session, recording_names.read(work.filename), work.key)
        return KnownShows(known, bodies)
