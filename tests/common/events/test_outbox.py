"""Events: written with their change, rung for at least once, never lost, and read back in order."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select

from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent
from archivist_common.events import outbox
from archivist_common.events.notify import Notifier
from archivist_common.jobs import lifecycle, queries, requests

Submit = Callable[..., requests.Submission]
Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]


class Bell:
    """Keeps what was rung. broken: how many rings fail before it works."""

    def __init__(self, broken: int = 0) -> None:
        self.rung: list[UUID] = []
        self.publisher = 0
        self._broken = broken

    async def notify_publisher(self) -> bool:
        self.publisher += 1
        return True

    async def notify(self, transcription_id: UUID) -> bool:
        await asyncio.sleep(0)
        if self._broken:
            self._broken -= 1
            return False
        self.rung.append(transcription_id)
        return True


async def queue(db: Database, submission: requests.Submission) -> UUID:
    async with db.transaction() as session:
        return (await requests.submit(session, submission, max_queue=1000))[0]


async def unsent(db: Database) -> int:
    async with db.transaction() as session:
        waiting = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.relayed_date.is_(None))
        return int(await session.scalar(waiting) or 0)


async def test_an_event_of_a_change_that_was_rolled_back_never_was(db: Database, submission: Submit) -> None:
    async def breaks() -> None:
        async with db.transaction() as session:
            await requests.submit(session, submission(), max_queue=10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks()
    assert await unsent(db) == 0


async def test_a_queued_job_is_rung_for_once(db: Database, submission: Submit) -> None:
    notifier, job_id = Bell(), await queue(db, submission())
    assert await outbox.relay(db, notifier) == 1
    assert await outbox.relay(db, notifier) == 0
    assert notifier.rung == [job_id]
    assert await unsent(db) == 0


async def test_only_what_may_be_claimed_is_rung_for(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    async with db.transaction() as session:
        await lifecycle.release(session, held)
    notifier = Bell()
    assert await outbox.relay(db, notifier) == 3
    assert notifier.rung == [held.id, held.id], "queued and given back; not started"


async def test_a_dead_bell_leaves_its_events_for_later(db: Database, submission: Submit) -> None:
    waiting = [await queue(db, submission()) for _ in range(3)]
    notifier = Bell(broken=1)
    assert await outbox.relay(db, notifier) == 0
    assert notifier.rung == []
    assert await unsent(db) == 3
    assert await outbox.relay(db, notifier) == 3
    assert notifier.rung == waiting


async def test_two_relays_at_once_ring_once(committed_db: Database, submission: Submit) -> None:
    waiting = [await queue(committed_db, submission()) for _ in range(20)]
    notifier = Bell()
    counts = await asyncio.gather(*(outbox.relay(committed_db, notifier) for _ in range(4)))
    assert sum(counts) == 20
    assert sorted(notifier.rung) == sorted(waiting)


async def test_more_than_a_batch_goes_out_in_turns(db: Database) -> None:
    async with db.transaction() as session:
        for _ in range(150):
            await session.execute(OutboxEvent.__table__.insert().values(event=outbox.STARTED))
    notifier = Bell()
    assert [await outbox.relay(db, notifier) for _ in range(3)] == [100, 50, 0]


async def test_events_of_a_job_are_read_back_from_where_one_left_off(
    db: Database, submission: Submit, claimed: Claimed
) -> None:
    await queue(db, submission())
    held = await claimed(db)
    async with db.transaction() as session:
        await lifecycle.stop(session, held)
        every = await outbox.since(session, held.id, 0)
        assert [event.event for event in every] == [outbox.QUEUED, outbox.STARTED, outbox.CANCELLED]
        assert [event.id for event in every] == sorted(event.id for event in every)
        assert {event.transcription_id for event in every} == {held.id}
        assert every[1].data == {"attempt": 1}
        assert every[0].created_date.tzinfo is not None
        assert await outbox.since(session, held.id, every[1].id) == [every[2]]
        assert await outbox.since(session, held.id, every[2].id) == []
        assert await outbox.since(session, uuid4(), 0) == []


async def test_nothing_is_lost_while_redis_is_dead(
    db: Database, submission: Submit, redis_url: str, tmp_path: Path
) -> None:
    job_id = await queue(db, submission())
    dead = Notifier(f"unix://{tmp_path}/nobody.sock")
    assert await outbox.relay(db, dead) == 0
    await dead.close()
    assert await unsent(db) == 1

    living, raw = Notifier(redis_url), Redis.from_url(redis_url)
    try:
        assert await outbox.relay(db, living) == 1
        assert await raw.exists(f"arq:job:wake:{job_id}") == 1
        await raw.delete(f"arq:job:wake:{job_id}")
        await raw.zrem("archivist:transcribe", f"wake:{job_id}")
    finally:
        await raw.aclose()
        await living.close()


async def test_a_transcriptions_events_are_not_those_of_its_publications(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    async with db.transaction() as session:
        await lifecycle.release(session, held)
        before = [event.id for event in await outbox.since(session, held.id, 0)]
        await outbox.append(session, outbox.PUBLISHED, held.id, publication_id=str(uuid4()))
        assert [event.id for event in await outbox.since(session, held.id, 0)] == before
        now = (await queries.progress(session, {held.id}))[held.id]
    assert now.last_event == before[-1]


@pytest.mark.parametrize("event", [outbox.PUBLICATION_QUEUED, outbox.TARGET_RESUMED, outbox.COMPLETED])
async def test_the_publisher_is_rung_for_what_it_may_take_up(db: Database, event: str) -> None:
    async with db.transaction() as session:
        await outbox.append(session, event, None)
        await outbox.append(session, outbox.PUBLISHED, None)
    notifier = Bell()
    assert await outbox.relay(db, notifier) == 2
    assert (notifier.publisher, notifier.rung) == (1, [])
