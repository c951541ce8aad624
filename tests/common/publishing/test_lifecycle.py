"""The life of a publication on a real PostgreSQL: every move, and that who lost a race changes nothing."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update
from tests.common.conftest import LEASE, Captioned, Claimed

from archivist_common.database.engine import Database
from archivist_common.database.models import (
    CaptionVersion,
    OutboxEvent,
    Publication,
    PublishTarget,
    SystemLog,
    Transcription,
    VodContent,
)
from archivist_common.errors import (
    CaptionsInvalid,
    Conflict,
    DatabaseUnavailable,
    Fenced,
    NotCompleted,
    NotFound,
    StorageUnavailable,
)
from archivist_common.events import outbox
from archivist_common.jobs import lifecycle as jobs
from archivist_common.publishing import automatic, effects, queries, requests, targets
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing import options as publication_options
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.states import PublicationStatus, PublishStage

GONE = timedelta(seconds=-1)
AT_ONCE = timedelta()
HOUR = timedelta(hours=1)
User = Callable[..., Awaitable[int]]


async def target(db: Database, name: str = "cablecast", *, automatic: bool = False, kind: str = "cablecast") -> None:
    async with db.transaction() as session:
        await targets.report(session, name, kind, capabilities={}, credentials_sha256="0" * 64, automatic=automatic)


@pytest_asyncio.fixture(loop_scope="session")
async def station(db: Database) -> Database:
    """A database whose publisher has Cablecast."""
    await target(db)
    return db


async def ask(db: Database, job_id: UUID, *, to: str = "cablecast", user: int | None = None, **options: Any) -> UUID:
    return (await asked(db, job_id, to=to, user=user, **options))[0]


async def asked(
    db: Database, job_id: UUID, *, to: str = "cablecast", user: int | None = None, **options: Any
) -> tuple[UUID, bool]:
    async with db.transaction() as session:
        return await requests.request(session, PublicationRequest(to, job_id, PublishOptions(**options), user))


async def take(db: Database, owner: str = "vod-1", lease: timedelta = LEASE, *names: str) -> PublicationClaim | None:
    async with db.transaction() as session:
        return await publishing.claim(session, owner, lease, names or ("cablecast",))


async def held_by_us(db: Database, lease: timedelta = LEASE, **where: Any) -> PublicationClaim:
    held = await take(db, lease=lease)
    assert held is not None
    return held


async def publish(db: Database, held: PublicationClaim | None = None, vod: str = "913") -> UUID:
    """What a publisher does with what it has claimed, once the target has answered."""
    held = held or await held_by_us(db)
    held = held.at(PublishStage.METADATA, {"show": 4120, "title": "Council"})
    async with db.transaction() as session:
        await publishing.save(session, held, vod_id=vod)
        await publishing.mark_placed(session, held)
        assert await publishing.finish(session, held, url=f"http://vod/{vod}.mp4")
    return held.id


async def row(db: Database, publication_id: UUID) -> Publication:
    async with db.transaction() as session:
        found = await session.get(Publication, publication_id, populate_existing=True)
    assert found is not None
    return found


async def state(db: Database, publication_id: UUID) -> tuple[str, str]:
    found = await row(db, publication_id)
    return found.status, found.stage


async def events(db: Database, publication_id: UUID) -> list[str]:
    async with db.transaction() as session:
        rows = await session.scalars(
            select(OutboxEvent.event)
            .where(OutboxEvent.data["publication_id"].astext == str(publication_id))
            .order_by(OutboxEvent.id)
        )
        return list(rows)


async def numbers(db: Database, publication_id: UUID) -> list[tuple[int, int | None]]:
    """Versions and what they return to, newest first."""
    async with db.transaction() as session:
        return [(one.number, one.restores) for one in await queries.versions(session, publication_id)]


async def due_in(db: Database, publication_id: UUID) -> float:
    async with db.transaction() as session:
        wait = func.extract("epoch", Publication.available_at - func.clock_timestamp())
        return float(await session.scalar(select(wait).where(Publication.id == publication_id)) or 0)


async def everything(db: Database) -> dict[str, list[dict[str, Any]]]:
    """All that a write could have changed."""
    async with db.transaction() as session:
        return {
            table.__tablename__: [
                dict(found) for found in (await session.execute(select(table.__table__))).mappings()
            ]
            for table in (Publication, CaptionVersion, OutboxEvent, SystemLog, VodContent, Transcription)
        }


class TestRequest:
    async def test_it_waits_with_its_key_its_first_version_and_its_event(
        self, station: Database, captioned: Captioned, user: User
    ) -> None:
        who = await user(station)
        job_id = await captioned(station, path="17837-1-Council.mp4", user_id=who)
        publication_id, is_new = await asked(station, job_id, user=who, title="Council")
        found = await row(station, publication_id)
        assert is_new
        assert (found.status, found.stage, found.version, found.attempt) == ("pending", "resolve", 1, 0)
        assert (found.storage, found.file_path) == ("flex-1", "17837-1-Council.mp4")
        assert found.key == requests.key_of("flex-1", "17837-1-Council.mp4")
        assert (found.user_id, found.options) == (who, {"title": "Council"})
        assert await numbers(station, publication_id) == [(1, None)]
        assert await events(station, publication_id) == [outbox.PUBLICATION_QUEUED]

    async def test_the_key_is_of_the_place_and_of_nothing_else(self) -> None:
        keys = {requests.key_of(*place) for place in [("a", "b"), ("ab", ""), ("", "ab"), ("a", "b/c")]}
        assert len(keys) == 4
        assert all(re.fullmatch(r"arc-[0-9a-f]{16}", key) for key in keys)

    async def test_asked_twice_it_is_one_and_nothing_happens_whatever_it_is_at(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        first = await ask(station, job_id, title="Council")
        for what in ("waits", "runs", "is held", "is published"):
            before = await everything(station)
            assert await asked(station, job_id, title="Council") == (first, False), what
            assert await asked(station, job_id) == (first, False), what
            assert await everything(station) == before, what
            if what == "waits":
                held = await held_by_us(station)
            elif what == "runs":
                async with station.transaction() as session:
                    await publishing.hold(session, held, "SHOW_UNKNOWN", "which show is it?")
            elif what == "is held":
                async with station.transaction() as session:
                    await requests.retry(session, first)
                await publish(station)

    async def test_asked_at_the_same_moment_it_is_one(self, committed_db: Database, captioned: Captioned) -> None:
        await target(committed_db)
        job_id = await captioned(committed_db)
        answers = await asyncio.gather(*(asked(committed_db, job_id) for _ in range(8)))
        assert len({publication_id for publication_id, _ in answers}) == 1
        assert [is_new for _, is_new in answers].count(True) == 1

    async def test_what_failed_or_was_withdrawn_is_tried_again(self, station: Database, captioned: Captioned) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        held = await held_by_us(station)
        async with station.transaction() as session:
            assert not await publishing.fail(session, held, CaptionsInvalid("the file differs"))
        assert await asked(station, job_id) == (publication_id, True)
        assert await state(station, publication_id) == ("pending", "resolve")
        async with station.transaction() as session:
            await requests.withdraw(session, publication_id)
        assert (await state(station, publication_id))[0] == "removed"
        assert await asked(station, job_id) == (publication_id, True)
        found = await row(station, publication_id)
        assert (found.status, found.error_code, found.withdraw_requested_at) == ("pending", None, None)
        assert await numbers(station, publication_id) == [(1, None)]

    async def test_captions_made_anew_are_its_next_version(self, station: Database, captioned: Captioned) -> None:
        first = await captioned(station, path="a.mp4")
        publication_id = await ask(station, first)
        await publish(station)
        second = await captioned(station, path="a.mp4", size_bytes=2)
        assert await asked(station, second) == (publication_id, True)
        found = await row(station, publication_id)
        assert (found.status, found.version, found.transcription_id) == ("pending", 2, second)
        with pytest.raises(Conflict, match=str(second)):
            await ask(station, first)

    async def test_captions_made_anew_and_the_same_to_the_byte_are_the_same(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station, path="a.mp4", says="aye"))
        await publish(station)
        second = await captioned(station, path="a.mp4", says="aye", size_bytes=2)
        assert await asked(station, second) == (publication_id, False)
        found = await row(station, publication_id)
        assert (found.status, found.version, found.transcription_id) == ("published", 1, second)
        async with station.transaction() as session:
            job = await session.get_one(Transcription, second)
            assert (job.vod_id, job.vod_status) == ("913", "published")
            assert (await queries.versions(session, publication_id))[0].transcription_id == second

    async def test_one_in_hand_learns_of_captions_and_options_at_its_next_step(
        self, station: Database, captioned: Captioned
    ) -> None:
        first = await captioned(station, path="a.mp4")
        publication_id = await ask(station, first)
        held = await held_by_us(station)
        async with station.transaction() as session:
            assert await publishing.save(session, held)
        second = await captioned(station, path="a.mp4", size_bytes=2)
        assert await asked(station, second) == (publication_id, True)
        assert (await state(station, publication_id))[0] == "processing"
        async with station.transaction() as session:
            assert not await publishing.save(session, held)
            assert not await publishing.finish(session, held)
        assert await state(station, publication_id) == ("pending", "resolve")
        held = await held_by_us(station)
        assert (held.version, held.transcription_id) == (2, second)
        await ask(station, second, create_show=True)
        async with station.transaction() as session:
            await publishing.hold(session, held, "SHOW_UNKNOWN", "which show is it?")
        assert await state(station, publication_id) == ("pending", "resolve")
        held = await held_by_us(station)
        assert held.options == PublishOptions(create_show=True)
        await ask(station, second, create_show=True, title="Council")
        async with station.transaction() as session:
            assert await publishing.fail(session, held, CaptionsInvalid("the file differs"))
        assert await state(station, publication_id) == ("pending", "resolve")

    async def test_other_options_set_it_going_and_take_the_place_of_the_old(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id, title="Council", chapters=False)
        assert (await row(station, publication_id)).options == {"title": "Council", "chapters": False}
        await publish(station)
        assert await asked(station, job_id, chapters=False) == (publication_id, False)
        assert await asked(station, job_id, chapters=True) == (publication_id, True)
        assert (await row(station, publication_id)).options == {"chapters": True}
        assert (await state(station, publication_id))[0] == "pending"

    async def test_the_real_thing_may_be_asked_for_after_a_dry_run(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id, dry_run=True, title="Council")
        held = await held_by_us(station)
        async with station.transaction() as session:
            await publishing.hold(session, held, publication_options.DRY_RUN, "a dry run", plan=["use show 4120"])
        assert await asked(station, job_id, dry_run=True, title="Council") == (publication_id, False)
        assert await asked(station, job_id) == (publication_id, True)
        found = await row(station, publication_id)
        assert (found.status, found.options, found.plan) == ("pending", {"title": "Council"}, None)

    async def test_what_cannot_be_published_is_said(self, station: Database, claimed: Claimed) -> None:
        with pytest.raises(NotFound):
            await ask(station, uuid4())
        held = await claimed(station)
        with pytest.raises(NotCompleted, match="is processing"):
            await ask(station, held.id)
        async with station.transaction() as session:
            await jobs.complete(session, held, jobs.JobOutcome((), 1000, "en", None, ()))
        with pytest.raises(NotCompleted, match="no SCC"):
            await ask(station, held.id)
        async with station.transaction() as session:
            assert await session.scalar(select(func.count()).select_from(Publication)) == 0

    async def test_two_targets_have_a_publication_each(self, station: Database, captioned: Captioned) -> None:
        await target(station, "folder", kind="folder")
        job_id = await captioned(station)
        assert await ask(station, job_id) != await ask(station, job_id, to="folder")
        await publish(station)
        held = await take(station, "vod-1", LEASE, "folder")
        assert held is not None
        async with station.transaction() as session:
            assert await publishing.finish(session, held)
            job = await session.get_one(Transcription, job_id)
            assert (job.vod_id, job.vod_url) == ("913", "http://vod/913.mp4"), "the folder's has no VOD to tell of"


class TestAdopt:
    async def test_what_completes_after_it_was_turned_on_is_asked_for_once(
        self, db: Database, captioned: Captioned
    ) -> None:
        before = await captioned(db)
        await target(db, automatic=True)
        after = await captioned(db)
        async with db.transaction() as session:
            adopted = await automatic.request_automatic(session, "cablecast", PublishOptions())
            assert len(adopted) == 1
            assert await automatic.request_automatic(session, "cablecast", PublishOptions()) == []
        found = await row(db, adopted[0])
        assert found.transcription_id == after != before

    async def test_without_it_nothing_is(self, station: Database, captioned: Captioned) -> None:
        await captioned(station)
        async with station.transaction() as session:
            assert await automatic.request_automatic(session, "cablecast", PublishOptions()) == []

    async def test_silence_is_left_to_a_person(self, db: Database, captioned: Captioned) -> None:
        await target(db, automatic=True)
        await captioned(db, warnings=("LOW_CONFIDENCE: a word", "NO_SPEECH: nobody spoke"))
        await captioned(db, warnings=("SAID: the word NO_SPEECH was spoken",))
        async with db.transaction() as session:
            assert len(await automatic.request_automatic(session, "cablecast", PublishOptions())) == 1

    async def test_only_the_latest_captions_of_a_recording_are(self, db: Database, captioned: Captioned) -> None:
        await target(db, automatic=True)
        await captioned(db, path="a.mp4")
        later = await captioned(db, path="a.mp4", size_bytes=2)
        async with db.transaction() as session:
            adopted = await automatic.request_automatic(session, "cablecast", PublishOptions())
        assert [(await row(db, one)).transcription_id for one in adopted] == [later]

    async def test_captions_made_anew_follow_and_the_same_to_the_byte_are_asked_for_once(
        self, db: Database, captioned: Captioned
    ) -> None:
        await target(db, automatic=True)
        for number, says in enumerate(("aye", "nay", "nay")):
            await captioned(db, path="a.mp4", says=says, size_bytes=number + 1)
            async with db.transaction() as session:
                adopted = await automatic.request_automatic(session, "cablecast", PublishOptions())
                assert len(adopted) == 1
                assert await automatic.request_automatic(session, "cablecast", PublishOptions()) == []
        assert len(await numbers(db, adopted[0])) == 2

    async def test_what_a_person_withdrew_stays_withdrawn_when_it_is_captioned_anew(
        self, db: Database, captioned: Captioned
    ) -> None:
        await target(db, automatic=True)
        await captioned(db, path="a.mp4")
        async with db.transaction() as session:
            (publication_id,) = await automatic.request_automatic(session, "cablecast", PublishOptions())
            await requests.withdraw(session, publication_id)
        await captioned(db, path="a.mp4", size_bytes=2)
        async with db.transaction() as session:
            assert await automatic.request_automatic(session, "cablecast", PublishOptions()) == []


class TestClaim:
    async def test_it_is_one_publishers_with_a_higher_attempt_each_time(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station, path="a.mp4"), title="Council")
        held = await held_by_us(station)
        assert (held.id, held.attempt, held.owner, held.path) == (publication_id, 1, "vod-1", "a.mp4")
        assert (held.options, held.version, held.stage) == (PublishOptions(title="Council"), 1, PublishStage.RESOLVE)
        assert await take(station) is None
        async with station.transaction() as session:
            await publishing.reschedule(session, held, AT_ONCE)
        again = await held_by_us(station)
        assert again.attempt == 2

    async def test_the_one_that_waits_longest_goes_first(self, station: Database, captioned: Captioned) -> None:
        ids = [await ask(station, await captioned(station)) for _ in range(3)]
        assert [(await held_by_us(station)).id for _ in ids] == ids

    async def test_what_is_due_later_is_not_taken_nor_that_of_another_target(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        assert await take(station, "vod-1", LEASE, "folder") is None
        held = await held_by_us(station)
        async with station.transaction() as session:
            item = {"show": 4120}
            await publishing.reschedule(session, held.at(PublishStage.FOLLOW, item), HOUR, vendor_percent=40.0)
        assert await take(station) is None
        found = await row(station, publication_id)
        assert (found.status, found.stage, found.item, found.failure_count) == ("pending", "follow", item, 0)
        assert (found.vendor_percent, found.lease_owner) == (40.0, None)
        assert await due_in(station, publication_id) == pytest.approx(3600, abs=60)

    async def test_a_target_that_is_stopped_gives_none_until_it_is_resumed(
        self, station: Database, captioned: Captioned
    ) -> None:
        await ask(station, await captioned(station))
        async with station.transaction() as session:
            await targets.stop(session, "cablecast", "CREDENTIALS_REFUSED", "it says 401")
        assert await take(station) is None
        async with station.transaction() as session:
            await targets.resume(session, "cablecast")
        assert await take(station) is not None

    async def test_a_target_that_was_away_gives_one_at_a_time_until_it_answers(
        self, committed_db: Database, captioned: Captioned
    ) -> None:
        await target(committed_db)
        for _ in range(5):
            await ask(committed_db, await captioned(committed_db))
        async with committed_db.transaction() as session:
            await targets.mark_unavailable(session, "cablecast", "no answer", HOUR)
        assert await take(committed_db) is None
        async with committed_db.transaction() as session:
            await session.execute(update(PublishTarget).values(paused_until=func.clock_timestamp()))
        taken = await asyncio.gather(*(take(committed_db, f"vod-{number}") for number in range(6)))
        assert len([one for one in taken if one is not None]) == 1
        async with committed_db.transaction() as session:
            await targets.mark_available(session, "cablecast")
        assert await take(committed_db) is not None

    async def test_many_publishers_at_once_take_each_once(self, committed_db: Database, captioned: Captioned) -> None:
        await target(committed_db)
        ids = {await ask(committed_db, await captioned(committed_db)) for _ in range(6)}
        taken = await asyncio.gather(*(take(committed_db, f"vod-{number}") for number in range(12)))
        got = [one.id for one in taken if one is not None]
        assert len(got) == len(set(got))
        assert set(got) <= ids


class TestFence:
    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(lambda s, h: publishing.renew(s, h, LEASE), id="renew"),
            pytest.param(lambda s, h: publishing.save(s, h, vod_id="1"), id="save"),
            pytest.param(lambda s, h: publishing.reschedule(s, h, AT_ONCE), id="put-off"),
            pytest.param(lambda s, h: publishing.start_over(s, h), id="start-over"),
            pytest.param(lambda s, h: publishing.hold(s, h, "SHOW_UNKNOWN", "which?"), id="hold"),
            pytest.param(lambda s, h: publishing.fail(s, h, CaptionsInvalid("no")), id="fail"),
            pytest.param(lambda s, h: publishing.finish(s, h), id="finish"),
            pytest.param(lambda s, h: publishing.mark_removed(s, h), id="gone"),
            pytest.param(lambda s, h: publishing.mark_placed(s, h), id="placed"),
            pytest.param(lambda s, h: publishing.set_attention(s, h, "STALLED", "no change"), id="attention"),
        ],
    )
    async def test_who_no_longer_holds_it_writes_nothing(
        self, station: Database, captioned: Captioned, write: Callable[..., Awaitable[Any]]
    ) -> None:
        await ask(station, await captioned(station))
        stale = await held_by_us(station, lease=GONE)
        async with station.transaction() as session:
            assert len(await publishing.expire_leases(session, AT_ONCE)) == 1
        held = await held_by_us(station)
        before = await everything(station)
        for lost in (stale, replace(held, owner="vod-2"), replace(held, attempt=held.attempt + 1)):
            with pytest.raises(Fenced):
                async with station.transaction() as session:
                    await write(session, lost)
        assert await everything(station) == before
        async with station.transaction() as session:
            await write(session, held)


class TestEnds:
    async def test_published_says_so_everywhere(self, station: Database, captioned: Captioned) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        await publish(station)
        found = await row(station, publication_id)
        assert (found.status, found.vod_id, found.url) == ("published", "913", "http://vod/913.mp4")
        assert (found.lease_owner, found.published_date is not None) == (None, True)
        assert await events(station, publication_id) == [outbox.PUBLICATION_QUEUED, outbox.PUBLISHED]
        async with station.transaction() as session:
            job = await session.get_one(Transcription, job_id)
            assert (job.status, job.vod_id, job.vod_url, job.vod_status) == (
                "completed", "913", "http://vod/913.mp4", "published",
            )  # fmt: skip
            content = await session.scalar(select(VodContent).where(VodContent.vod_id == "913"))
            assert (content.status, content.show, content.title) == ("published", 4120, "Council")
            (version,) = await queries.versions(session, publication_id)
            assert version.placed is not None
            assert version.verified is not None

    async def test_without_captions_no_version_is_said_to_be_verified(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station), without_captions=True)
        await publish(station)
        async with station.transaction() as session:
            (version,) = await queries.versions(session, publication_id)
        assert version.verified is None

    async def test_what_may_help_is_tried_again_later_and_what_cannot_is_failed(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        for number, wait in enumerate((10, 20), start=1):  # seconds, doubling
            held = await held_by_us(station)
            async with station.transaction() as session:
                assert await publishing.fail(session, held, DatabaseUnavailable("away"), spread=1.0)
            found = await row(station, publication_id)
            assert (found.status, found.failure_count, found.error_code) == (
                "pending",
                number,
                "DATABASE_UNAVAILABLE",
            )
            assert 0 < await due_in(station, publication_id) <= wait * 2
            await _now(station, publication_id)
        held = await held_by_us(station)
        async with station.transaction() as session:
            assert not await publishing.fail(session, held, CaptionsInvalid("the file\0differs"))
        found = await row(station, publication_id)
        assert (found.status, found.error_message) == ("failed", "the file\N{REPLACEMENT CHARACTER}differs")
        assert await events(station, publication_id) == [outbox.PUBLICATION_QUEUED, outbox.PUBLICATION_FAILED]
        async with station.transaction() as session:
            assert (await session.get_one(Transcription, job_id)).vod_status == "failed"

    async def test_tries_have_an_end(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        again = []
        for _ in range(DatabaseUnavailable.tries):
            held = await held_by_us(station)
            async with station.transaction() as session:
                again.append(await publishing.fail(session, held, DatabaseUnavailable("away")))
            await _now(station, publication_id)
        assert again == [True] * (DatabaseUnavailable.tries - 1) + [False]

    async def test_a_target_that_asks_for_time_is_given_it(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        held, error = await held_by_us(station), StorageUnavailable("busy")
        error.retry_after_s = 1800
        async with station.transaction() as session:
            await publishing.fail(session, held, error, spread=0.0)
        assert await due_in(station, publication_id) == pytest.approx(1800, abs=60)

    async def test_one_that_is_held_waits_for_a_person_who_is_told_once(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            suggestions = [{"show": 4120, "score": 71, "reasons": ["title"]}]
            await publishing.hold(session, held, "SHOW_UNKNOWN", "which\0show?", suggestions=suggestions)
        found = await row(station, publication_id)
        assert (found.status, found.error_code, found.suggestions) == ("held", "SHOW_UNKNOWN", suggestions)
        assert await take(station) is None
        assert await events(station, publication_id) == [outbox.PUBLICATION_QUEUED, outbox.PUBLICATION_HELD]

    async def test_attention_is_called_for_once_for_each_cause(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            for code in ("STALLED", "STALLED", "LENGTH_UNKNOWN", None, "STALLED"):
                await publishing.set_attention(session, held, code, None if code is None else f"look: {code}")
        assert (await events(station, publication_id)).count(outbox.PUBLICATION_ATTENTION) == 3
        found = await row(station, publication_id)
        assert (found.attention_code, found.attention_message) == ("STALLED", "look: STALLED")
        async with station.transaction() as session:
            before = (await session.get_one(Publication, publication_id)).attention_since
            await publishing.set_attention(session, held, "STALLED", "look")
        assert (await row(station, publication_id)).attention_since == before


class TestLapsed:
    async def test_one_whose_publisher_died_is_taken_back_where_it_stood(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station, lease=GONE)
        async with station.transaction() as session:
            await publishing.save(session, held.at(PublishStage.START, {"show": 4120}))
            assert await publishing.expire_leases(session, AT_ONCE) == [(publication_id, PublicationStatus.PENDING)]
            assert await publishing.expire_leases(session, AT_ONCE) == []
        again = await held_by_us(station)
        assert (again.stage, again.item, again.attempt) == (PublishStage.START, {"show": 4120}, 2)
        assert (await events(station, publication_id)) == [outbox.PUBLICATION_QUEUED] * 2

    async def test_one_that_kills_every_publisher_is_given_up(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        ends = []
        for _ in range(3):
            await held_by_us(station, lease=GONE)
            async with station.transaction() as session:
                ends += [status for _, status in await publishing.expire_leases(session, AT_ONCE)]
        assert ends == [PublicationStatus.PENDING, PublicationStatus.PENDING, PublicationStatus.FAILED]
        assert (await row(station, publication_id)).error_code == "WORKER_CRASHED"

    async def test_a_lease_that_holds_is_left_alone(self, station: Database, captioned: Captioned) -> None:
        await ask(station, await captioned(station))
        held = await held_by_us(station, lease=GONE)
        async with station.transaction() as session:
            await publishing.renew(session, held, LEASE)
            assert await publishing.expire_leases(session, AT_ONCE) == []


class TestReleaseUnknown:
    async def test_a_claim_nobody_heard_of_is_given_back_and_charges_nothing(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            await publishing.save(session, held.at(PublishStage.START, {"show": 4120}))
            await publishing.release_unknown(session, "vod-2")
            await publishing.renew(session, held, LEASE)
            await publishing.release_unknown(session, held.owner)
            with pytest.raises(Fenced):
                await publishing.renew(session, held, LEASE)
        given_back = await row(station, publication_id)
        assert (given_back.status, given_back.crash_count, given_back.failure_count) == ("pending", 0, 0)
        assert await events(station, publication_id) == [outbox.PUBLICATION_QUEUED] * 2
        again = await held_by_us(station)
        assert (again.stage, again.item, again.attempt) == (PublishStage.START, {"show": 4120}, 2)


class TestRetry:
    async def test_what_waits_for_its_next_try_goes_at_once(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            await publishing.reschedule(session, held, HOUR)
            await requests.retry(session, publication_id)
        assert await take(station) is not None
        async with station.transaction() as session:
            with pytest.raises(Conflict, match="is processing"):
                await requests.retry(session, publication_id)
            with pytest.raises(NotFound):
                await requests.retry(session, uuid4())

    async def test_a_withdrawal_under_way_stays_one(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        await publish(station)
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.PENDING
            await requests.retry(session, publication_id)
        held = await held_by_us(station)
        assert (held.stage, held.withdrawing) == (PublishStage.WITHDRAW, True)
        async with station.transaction() as session:
            assert not await publishing.fail(session, held, CaptionsInvalid("it will not"))
            await requests.retry(session, publication_id)
        held = await held_by_us(station)
        assert (held.stage, held.withdrawing) == (PublishStage.WITHDRAW, True)


class TestApprove:
    async def _held(self, station: Database, job_id: UUID, code: str, **options: Any) -> UUID:
        publication_id = await ask(station, job_id, **options)
        held = await held_by_us(station)
        async with station.transaction() as session:
            await publishing.hold(session, held, code, "a person is asked", plan=["use show 4120"])
        return publication_id

    async def test_it_goes_on_and_who_said_so_is_kept(
        self, station: Database, captioned: Captioned, user: User
    ) -> None:
        job_id, otto = await captioned(station), await user(station, "operator")
        publication_id = await self._held(
            station, job_id, publication_options.APPROVAL_NEEDED, two_step="approve", user=otto
        )
        async with station.transaction() as session:
            await requests.approve(session, publication_id, user_id=otto)
        held = await held_by_us(station)
        assert held.approved
        found = await row(station, publication_id)
        assert (found.approved_by, found.approved_date is not None) == (otto, True)
        async with station.transaction() as session:
            with pytest.raises(Conflict, match="does not wait for approval"):
                await requests.approve(session, publication_id, user_id=otto)

    async def test_where_two_people_are_needed_who_asked_last_cannot(
        self, station: Database, captioned: Captioned, user: User
    ) -> None:
        otto, olga = await user(station, "operator"), await user(station, "operator")
        job_id = await captioned(station, path="a.mp4")
        asked_for = {"two_step": "two-people"}
        publication_id = await self._held(
            station, job_id, publication_options.APPROVAL_NEEDED, user=otto, **asked_for
        )
        async with station.transaction() as session:
            with pytest.raises(Conflict, match="another user"):
                await requests.approve(session, publication_id, user_id=otto)
            await requests.approve(session, publication_id, user_id=olga)
        await publish(station)
        anew = await captioned(station, path="a.mp4", size_bytes=2)
        await self._held(station, anew, publication_options.APPROVAL_NEEDED, user=olga, **asked_for)
        assert (await row(station, publication_id)).approved_date is None, "other captions are approved anew"
        async with station.transaction() as session:
            with pytest.raises(Conflict, match="another user"):
                await requests.approve(session, publication_id, user_id=olga)
            await requests.approve(session, publication_id, user_id=otto)

    async def test_a_policy_changes_nothing_about_a_request_that_is_repeated(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id, title="Council")
        await publish(station)
        assert await asked(station, job_id, two_step="approve") == (publication_id, False)
        assert await asked(station, job_id, two_step="approve", title="Council") == (publication_id, False)
        assert await asked(station, job_id, two_step="approve", title="Board") == (publication_id, True)
        assert (await row(station, publication_id)).options == {"title": "Board", "two_step": "approve"}

    async def test_a_dry_run_becomes_the_real_thing_and_a_target_without_captions_goes_without(
        self, station: Database, captioned: Captioned, user: User
    ) -> None:
        otto = await user(station, "operator")
        for code, options, wanted in (
            (publication_options.DRY_RUN, {"dry_run": True}, {}),
            (publication_options.SIDECARS_UNSUPPORTED, {}, {"without_captions": True}),
        ):
            publication_id = await self._held(station, await captioned(station), code, **options)
            async with station.transaction() as session:
                await requests.approve(session, publication_id, user_id=otto)
            assert (await row(station, publication_id)).options == wanted
            await publish(station, vod=code)

    async def test_what_waits_for_a_show_is_not_approved(
        self, station: Database, captioned: Captioned, user: User
    ) -> None:
        publication_id = await self._held(station, await captioned(station), "SHOW_UNKNOWN")
        async with station.transaction() as session:
            with pytest.raises(Conflict):
                await requests.approve(session, publication_id, user_id=await user(station))


class TestWithdraw:
    async def test_what_changed_nothing_ends_at_once_and_twice_is_the_same(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.REMOVED
        before = await everything(station)
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.REMOVED
        assert await everything(station) == before
        assert await take(station) is None

    async def test_what_stands_there_is_taken_off_by_the_publisher(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        await publish(station)
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.PENDING
        before = await everything(station)
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.PENDING
        assert await everything(station) == before
        held = await held_by_us(station)
        assert (held.stage, held.withdrawing) == (PublishStage.WITHDRAW, True)
        async with station.transaction() as session:
            await publishing.mark_removed(session, held)
        assert (await row(station, publication_id)).status == "removed"
        assert (await events(station, publication_id))[-1] == outbox.REMOVED
        async with station.transaction() as session:
            assert (await session.get_one(Transcription, job_id)).vod_status == "removed"
            assert await session.scalar(select(VodContent.status).where(VodContent.vod_id == "913")) == "removed"

    async def test_a_change_that_may_have_happened_is_looked_for_before_it_ends(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            await effects.mark_unknown(session, await effects.intend(session, held.id, held.attempt, "vod:4120:2"))
            await publishing.reschedule(session, held, HOUR)
            assert await requests.withdraw(session, publication_id) is PublicationStatus.PENDING
        assert (await held_by_us(station)).stage is PublishStage.WITHDRAW

    async def test_one_in_hand_is_withdrawn_at_its_next_step(self, station: Database, captioned: Captioned) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station)
        async with station.transaction() as session:
            assert await requests.withdraw(session, publication_id) is PublicationStatus.PROCESSING
            assert not await publishing.save(session, held)
            assert not await publishing.finish(session, held)
        held = await held_by_us(station)
        assert (held.stage, held.withdrawing) == (PublishStage.WITHDRAW, True)

    async def test_a_withdrawal_is_not_lost_when_its_publisher_puts_off_or_dies(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await ask(station, await captioned(station))
        held = await held_by_us(station, lease=GONE)
        async with station.transaction() as session:
            await requests.withdraw(session, publication_id)
            await publishing.reschedule(session, held.at(PublishStage.FOLLOW), AT_ONCE)
        held = await held_by_us(station, lease=GONE)
        assert held.stage is PublishStage.WITHDRAW
        async with station.transaction() as session:
            await publishing.expire_leases(session, AT_ONCE)
        assert (await held_by_us(station)).stage is PublishStage.WITHDRAW

    async def test_asked_for_again_it_is_published_again(self, station: Database, captioned: Captioned) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        await publish(station)
        async with station.transaction() as session:
            await requests.withdraw(session, publication_id)
        assert await asked(station, job_id) == (publication_id, True)
        assert await state(station, publication_id) == ("pending", "resolve")
        await publish(station)
        async with station.transaction() as session:
            await requests.withdraw(session, publication_id)
        held = await held_by_us(station)
        assert await asked(station, job_id) == (publication_id, True)
        async with station.transaction() as session:
            await publishing.mark_removed(session, held)
        assert await state(station, publication_id) == ("pending", "resolve"), "wanted again while it was taken off"


class TestRollback:
    async def _versions(self, station: Database, captioned: Captioned, *says: str) -> UUID:
        for number, words in enumerate(says):
            job_id = await captioned(station, path="a.mp4", says=words, size_bytes=number + 1)
            publication_id = await ask(station, job_id)
            await publish(station)
        return publication_id

    async def _back(self, station: Database, publication_id: UUID, number: int | None = None) -> int:
        async with station.transaction() as session:
            return await requests.rollback(session, publication_id, number)

    async def test_twice_goes_two_versions_back_and_there_is_an_end(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await self._versions(station, captioned, "one", "two", "three")
        assert await self._back(station, publication_id) == 4
        assert await state(station, publication_id) == ("pending", "resolve")
        await publish(station)
        assert await self._back(station, publication_id) == 5
        assert (await numbers(station, publication_id))[:2] == [(5, 1), (4, 2)]
        with pytest.raises(Conflict, match="no earlier captions"):
            await self._back(station, publication_id)

    async def test_after_new_captions_it_goes_to_what_stood_before_them(
        self, station: Database, captioned: Captioned
    ) -> None:
        publication_id = await self._versions(station, captioned, "one", "two", "three")
        await self._back(station, publication_id, 1)
        await publish(station)
        await ask(station, await captioned(station, path="a.mp4", says="five", size_bytes=9))
        await publish(station)
        await self._back(station, publication_id)
        assert (await numbers(station, publication_id))[0] == (6, 1)

    async def test_a_version_is_chosen_by_number(self, station: Database, captioned: Captioned) -> None:
        publication_id = await self._versions(station, captioned, "one", "two", "three")
        assert await self._back(station, publication_id, 1) == 4
        assert await self._back(station, publication_id, 1) == 4, "it stands there already"
        with pytest.raises(NotFound, match="no caption version 9"):
            await self._back(station, publication_id, 9)
        held = await held_by_us(station)
        async with station.transaction() as session:
            versions = await queries.versions(session, publication_id)
        assert held.version == 4
        assert versions[0].sha256 == versions[3].sha256

    async def test_one_in_hand_goes_back_at_its_next_step(self, station: Database, captioned: Captioned) -> None:
        publication_id = await self._versions(station, captioned, "one", "two")
        async with station.transaction() as session:
            await automatic.chapters_edited(session, (await row(station, publication_id)).transcription_id)
        held = await held_by_us(station)
        await self._back(station, publication_id)
        async with station.transaction() as session:
            assert not await publishing.save(session, held)

    async def test_what_is_withdrawn_is_not_brought_back_by_it(self, station: Database, captioned: Captioned) -> None:
        publication_id = await self._versions(station, captioned, "one", "two")
        async with station.transaction() as session:
            await requests.withdraw(session, publication_id)
            with pytest.raises(Conflict, match="is withdrawn"):
                await requests.rollback(session, publication_id)


class TestWhatPeopleSay:
    async def test_a_show_that_is_known_sets_going_what_waited_for_it_alone(
        self, station: Database, captioned: Captioned
    ) -> None:
        ids = {}
        for code in ("SHOW_UNKNOWN", publication_options.APPROVAL_NEEDED):
            ids[code] = await ask(station, await captioned(station, path=f"{code}.mp4"))
            held = await held_by_us(station)
            async with station.transaction() as session:
                await publishing.hold(session, held, code, "a person is asked")
        async with station.transaction() as session:
            for code in ids:
                await automatic.show_linked(session, "flex-1", f"{code}.mp4")
        assert await state(station, ids["SHOW_UNKNOWN"]) == ("pending", "resolve")
        assert (await row(station, ids[publication_options.APPROVAL_NEEDED])).status == "held"

    async def test_edited_chapters_are_written_to_what_is_published_and_not_missed_by_what_is_under_way(
        self, station: Database, captioned: Captioned
    ) -> None:
        job_id = await captioned(station)
        publication_id = await ask(station, job_id)
        held = await held_by_us(station)
        async with station.transaction() as session:
            await automatic.chapters_edited(session, job_id)
            assert not await publishing.save(session, held)
            await publishing.start_over(session, held)
        held = await held_by_us(station)
        async with station.transaction() as session:
            await publishing.reschedule(session, held.at(PublishStage.METADATA), AT_ONCE)
            await automatic.chapters_edited(session, job_id)
        assert await state(station, publication_id) == ("pending", "chapters")
        await publish(station)
        async with station.transaction() as session:
            await automatic.chapters_edited(session, job_id)
        assert await state(station, publication_id) == ("pending", "chapters")
        assert await asked(station, job_id) == (publication_id, False)
        await publish(station)
        assert (await row(station, publication_id)).published_date is not None


async def _now(db: Database, publication_id: UUID) -> None:
    async with db.transaction() as session:
        await session.execute(
            update(Publication).where(Publication.id == publication_id).values(available_at=func.clock_timestamp())
        )
