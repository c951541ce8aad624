"""What mends the rest: lapsed leases, bells not rung, old bookkeeping; one leader at a time, through outages."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.engine import Database
from archivist_common.database.models import (
    Chunk,
    IdempotencyKey,
    OutboxEvent,
    Publication,
    SystemLog,
    Transcription,
    Worker,
)
from archivist_common.events import outbox
from archivist_common.jobs import dispatch, planning
from archivist_common.jobs import lifecycle as jobs
from archivist_common.jobs import requests as job_requests
from archivist_common.jobs.chunks import Cut
from archivist_common.maintenance import reconciler
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing import requests as publication_requests
from archivist_common.publishing import targets

GONE = timedelta(seconds=-1)
AT_ONCE = timedelta()

Submit = Callable[..., job_requests.Submission]
Claimed = Callable[..., Awaitable[jobs.JobClaim]]
Captioned = Callable[..., Awaitable[UUID]]


class Bell:
    def __init__(self) -> None:
        self.rung: list[UUID] = []
        self.publisher = 0

    async def notify_publisher(self) -> bool:
        self.publisher += 1
        return True

    async def notify(self, transcription_id: UUID) -> bool:
        self.rung.append(transcription_id)
        return True


async def test_an_orphaned_job_is_queued_and_rung_for(db: Database, claimed: Claimed) -> None:
    held, notifier = await claimed(db, lease=GONE), Bell()
    assert await reconciler.run_once(db, notifier, AT_ONCE) is True
    async with db.transaction() as session:
        job = await session.get_one(Transcription, held.id)
    assert (job.status, job.crash_count) == ("pending", 1)
    assert notifier.rung == [held.id, held.id], "for the submit and for the return"


async def test_an_orphaned_publication_is_queued_and_the_publisher_rung_for(
    db: Database, captioned: Captioned
) -> None:
    job_id, notifier = await captioned(db), Bell()
    async with db.transaction() as session:
        await targets.report(session, "folder", "folder", capabilities={}, credentials_sha256=None, automatic=False)
        publication_id, _ = await publication_requests.request(
            session, publication_requests.PublicationRequest("folder", job_id)
        )
        assert await publishing.claim(session, "vod-1", GONE, ["folder"]) is not None
    await reconciler.run_once(db, notifier, AT_ONCE)
    async with db.transaction() as session:
        found = await session.get_one(Publication, publication_id)
    assert (found.status, found.crash_count, found.lease_owner) == ("pending", 1, None)
    assert notifier.publisher == 3, "for the captions, for the request and for the return"


async def test_two_processes_at_once_mend_once(committed_db: Database, claimed: Claimed) -> None:
    held, notifier = await claimed(committed_db, lease=GONE), Bell()
    led = await asyncio.gather(*(reconciler.run_once(committed_db, notifier, AT_ONCE) for _ in range(4)))
    assert True in led
    async with committed_db.transaction() as session:
        job = await session.get_one(Transcription, held.id)
        told = [event.event for event in await outbox.since(session, held.id, 0)]
    assert job.crash_count == 1
    assert told.count(outbox.RELEASED) == 1
    assert notifier.rung == [held.id, held.id]


async def test_who_does_not_lead_leaves_at_once(committed_db: Database, claimed: Claimed) -> None:
    held = await claimed(committed_db, lease=GONE)
    async with committed_db.transaction() as leader:
        assert await leader.scalar(select(func.pg_try_advisory_xact_lock(reconciler._LEADER_LOCK)))
        async with asyncio.timeout(5):
            assert await reconciler.run_once(committed_db, Bell(), AT_ONCE) is False
    async with committed_db.transaction() as session:
        assert (await session.get_one(Transcription, held.id)).status == "processing"
    assert await reconciler.run_once(committed_db, Bell(), AT_ONCE) is True


async def test_old_bookkeeping_goes_and_young_stays(
    db: Database, submission: Submit, user: Callable[..., Awaitable[int]]
) -> None:
    person = await user(db)
    async with db.transaction() as session:
        job_id, _ = await job_requests.submit(session, submission(), max_queue=10)
        for days in (0, 2, 31, 366):
            old = {"created_date": func.now() - timedelta(days=days)}
            await session.execute(
                insert(IdempotencyKey).values(
                    user_id=person, key=str(days), request_sha256="0", transcription_id=job_id, **old
                )
            )
            await session.execute(insert(OutboxEvent).values(event=f"old.{days}", **old))
            await session.execute(insert(SystemLog).values(level="INFO", message=str(days), **old))
            await session.execute(
                insert(Worker).values(
                    id=str(days), host="a", slots=1, free_slots=1, ready=True, heartbeat_at=old["created_date"]
                )
            )
        await session.execute(update(Transcription).values(created_date=func.now() - timedelta(days=3650)))
    await reconciler.run_once(db, Bell(), AT_ONCE)
    async with db.transaction() as session:
        assert set(await session.scalars(select(IdempotencyKey.key))) == {"0"}
        assert set(await session.scalars(select(Worker.id))) == {"0"}
        events = select(OutboxEvent.event).where(OutboxEvent.event.startswith("old"))
        assert set(await session.scalars(events)) == {"old.0", "old.2"}
        logs = select(SystemLog.message).where(SystemLog.transcription_id.is_(None))
        assert set(await session.scalars(logs)) == {"0", "2", "31"}
        assert await session.scalar(select(func.count()).select_from(Transcription)) == 1, "jobs are kept"


async def test_it_waits_out_a_database_that_is_away_and_says_so_once(
    own_database: str, submission: Submit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "archivist_common.maintenance.reconciler")
    bind = create_async_engine(own_database, poolclass=NullPool)
    away = create_async_engine("postgresql+asyncpg://nobody@/none?host=/nowhere", poolclass=NullPool)
    db, notifier = Database(away), Bell()
    running = asyncio.create_task(reconciler.run(db, notifier, AT_ONCE, every=timedelta(milliseconds=20)))
    try:
        await asyncio.sleep(0.2)
        db._bind = bind
        async with Database(bind).transaction() as session:
            job_id, _ = await job_requests.submit(session, submission(), max_queue=10)
        async with asyncio.timeout(10):
            while "database available again" not in caplog.text:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await bind.dispose()
        await away.dispose()
    assert notifier.rung == [job_id]
    told = [record.message for record in caplog.records]
    assert told.count("database unavailable; the reconciler waits") == 1
    assert told.count("database available again") == 1


async def test_a_stumble_is_logged_and_the_next_round_runs(
    committed_db: Database, submission: Submit, caplog: pytest.LogCaptureFixture
) -> None:
    async with committed_db.transaction() as session:
        await session.execute(text("ALTER TABLE workers RENAME TO hidden"))
        job_id, _ = await job_requests.submit(session, submission(), max_queue=10)
    notifier = Bell()
    running = asyncio.create_task(reconciler.run(committed_db, notifier, AT_ONCE, every=timedelta(milliseconds=20)))
    try:
        async with asyncio.timeout(10):
            while "reconciler iteration failed" not in caplog.text:
                await asyncio.sleep(0.02)
        async with committed_db.transaction() as session:
            await session.execute(text("ALTER TABLE hidden RENAME TO workers"))
        async with asyncio.timeout(10):
            while not notifier.rung:
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert notifier.rung == [job_id]


async def test_a_chunk_whose_worker_is_gone_is_given_back(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    async with db.transaction() as session:
        await planning.resume(session, held, "recipe")
        await planning.add(session, held, "recipe", [Cut(0, 0, 60_000, (), "en")])
        taken = await dispatch.next_work(session, "host-b/0", GONE, recipe="recipe")
    assert taken is not None
    assert await reconciler.run_once(db, Bell(), AT_ONCE) is True
    async with db.transaction() as session:
        chunk = (await session.scalars(select(Chunk))).one()
    assert (chunk.status, chunk.crash_count, chunk.lease_owner) == ("pending", 1, None)


async def test_after_an_outage_of_the_database_no_lease_lapses_for_a_lease(db: Database, claimed: Claimed) -> None:
    held = await claimed(db, lease=GONE)
    assert await reconciler.run_once(db, Bell(), AT_ONCE, expire=False) is True
    async with db.transaction() as session:
        assert (await session.get_one(Transcription, held.id)).status == "processing"
