"""Targets: reported by their publisher, stopped and started again with one alert each, waited for while away."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent, PublishTarget, SystemLog
from archivist_common.errors import Conflict, NotFound
from archivist_common.events import outbox
from archivist_common.publishing import lifecycle, requests, targets

Captioned = Callable[..., Awaitable[UUID]]
MINUTE = timedelta(minutes=1)


async def report(
    db: Database,
    name: str = "cablecast",
    *,
    credentials: str = "a",
    automatic: bool = False,
    kind: str = "cablecast",
    **can: bool,
) -> None:
    async with db.transaction() as session:
        await targets.report(
            session,
            name,
            kind,
            capabilities={"captions": ["scc"], **can},
            credentials_sha256=credentials * 64,
            automatic=automatic,
        )


async def the(db: Database, name: str = "cablecast") -> targets.Target:
    async with db.transaction() as session:
        return await targets.chosen(session, name)


async def told(db: Database) -> list[str]:
    async with db.transaction() as session:
        return list(await session.scalars(select(OutboxEvent.event).order_by(OutboxEvent.id)))


async def stop(db: Database) -> bool:
    async with db.transaction() as session:
        return await targets.stop(session, "cablecast", "CREDENTIALS_REFUSED", "it says 401\0")


async def test_a_target_is_what_its_publisher_says_it_is(db: Database) -> None:
    await report(db)
    found = await the(db)
    assert (found.name, found.kind, found.capabilities) == ("cablecast", "cablecast", {"captions": ["scc"]})
    assert (found.state, found.reason, found.waiting, found.automatic) == ("ok", None, 0, False)


async def test_one_that_nobody_has_reported_for_minutes_says_so(db: Database) -> None:
    await report(db)
    async with db.transaction() as session:
        await session.execute(update(PublishTarget).values(seen_at=func.now() - targets.SEEN_FOR - MINUTE))
    found = await the(db)
    assert (found.state, found.reason) == ("unreported", "no publisher has this target in its settings")


async def test_publishing_by_itself_begins_when_it_is_turned_on_and_again_when_turned_on_again(db: Database) -> None:
    async def since() -> Any:
        async with db.transaction() as session:
            return await session.scalar(select(PublishTarget.auto_since))

    await report(db, automatic=True)
    first = await since()
    await report(db, automatic=True)
    assert first is not None
    assert await since() == first
    await report(db, automatic=False)
    assert await since() is None
    await report(db, automatic=True)
    assert await since() > first


async def test_refused_credentials_stop_it_with_one_alert_however_often_they_are_refused(db: Database) -> None:
    await report(db)
    assert [await stop(db) for _ in range(3)] == [True, False, False]
    found = await the(db)
    assert (found.state, found.stopped_code) == ("stopped", "CREDENTIALS_REFUSED")
    assert found.reason == "it says 401\N{REPLACEMENT CHARACTER}"
    assert await told(db) == [outbox.TARGET_STOPPED]
    await report(db)
    assert (await the(db)).state == "stopped", "the same credentials"


async def test_a_person_starts_it_again_and_twice_is_once(db: Database) -> None:
    await report(db)
    await stop(db)
    for _ in range(2):
        async with db.transaction() as session:
            await targets.resume(session, "cablecast")
    assert (await the(db)).state == "ok"
    assert await told(db) == [outbox.TARGET_STOPPED, outbox.TARGET_RESUMED]
    async with db.transaction() as session:
        with pytest.raises(NotFound):
            await targets.resume(session, "nowhere")


async def test_other_credentials_start_it_again(db: Database) -> None:
    await report(db)
    await stop(db)
    await report(db, credentials="b")
    assert (await the(db)).state == "ok"
    assert await told(db) == [outbox.TARGET_STOPPED, outbox.TARGET_RESUMED]


async def test_being_away_is_said_when_it_begins_and_when_it_ends(db: Database) -> None:
    await report(db)
    async with db.transaction() as session:
        assert await targets.mark_unavailable(session, "cablecast", "no answer", MINUTE)
        assert not await targets.mark_unavailable(session, "cablecast", "still no answer", timedelta(seconds=1))
    found = await the(db)
    assert (found.state, found.reason) == ("away", "still no answer")
    async with db.transaction() as session:
        left = await session.scalar(
            select(func.extract("epoch", PublishTarget.paused_until - func.clock_timestamp()))
        )
        assert 50 < left <= 60, "a shorter pause does not end a longer one"
        await targets.mark_available(session, "cablecast")
        await targets.mark_available(session, "cablecast")
        messages = list(await session.scalars(select(SystemLog.message).order_by(SystemLog.id)))
    assert messages == ["cablecast is unavailable: no answer; publications wait", "cablecast is available again"]
    found = await the(db)
    assert (found.state, found.last_ok_at is not None) == ("ok", True)


async def test_a_person_does_not_wait_for_the_end_of_its_pause(db: Database) -> None:
    await report(db)
    async with db.transaction() as session:
        await targets.mark_unavailable(session, "cablecast", "no answer", timedelta(hours=1))
        await targets.resume(session, "cablecast")
    found = await the(db)
    assert found.paused_until is None
    assert await told(db) == [outbox.TARGET_RESUMED], "the publisher is rung for"


async def test_what_waits_for_it_is_counted(db: Database, captioned: Captioned) -> None:
    await report(db)
    for _ in range(2):
        job_id = await captioned(db)
        async with db.transaction() as session:
            await requests.request(session, requests.PublicationRequest("cablecast", job_id))
    async with db.transaction() as session:
        await lifecycle.claim(session, "vod-1", MINUTE, ["cablecast"])
    assert (await the(db)).waiting == 1


async def test_where_none_is_named_it_is_the_one_with_the_programmes_or_the_one_there_is(db: Database) -> None:
    async with db.transaction() as session:
        with pytest.raises(Conflict, match="CABLECAST_API_URL"):
            await targets.chosen(session, None)
    await report(db, "archive", kind="folder", has_programmes=False)
    async with db.transaction() as session:
        assert (await targets.chosen(session, None)).name == "archive"
    await report(db, has_programmes=True)
    async with db.transaction() as session:
        assert (await targets.chosen(session, None)).name == "cablecast"
        with pytest.raises(NotFound, match="targets: archive, cablecast"):
            await targets.chosen(session, "elsewhere")


async def test_where_targets_of_version_0_1_0_are_reported_cablecast_still_goes_before_a_folder(db: Database) -> None:
    await report(db, "folder", kind="folder")
    await report(db, "cablecast")
    async with db.transaction() as session:
        assert (await targets.chosen(session, None)).name == "cablecast"
