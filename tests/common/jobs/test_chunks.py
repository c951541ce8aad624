"""The life of a chunk on a real PostgreSQL: a lost race changes nothing, and what was heard stays heard."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from archivist_captions.cue import Word
from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import Chunk, OutboxEvent, QueueControl, Transcription
from archivist_common.errors import (
    ArchivistError,
    EngineUnavailable,
    Fenced,
    MediaUnreadable,
    ResourceExhausted,
    WorkerCrashed,
)
from archivist_common.events import outbox
from archivist_common.jobs import chunks, dispatch, lifecycle, planning, requests
from archivist_common.jobs.chunks import ChunkClaim, ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobClaim
from archivist_common.states import ChunkStatus, JobStatus

LEASE = timedelta(seconds=30)
GONE = timedelta(seconds=-1)
RECIPE = "faster_whisper cpu int8 batch 4 beam 1 cuts 1"
HEARD = ChunkTranscript((Word(100, 400, "Motion", 0.9), Word(400, 900, "carries.", 0.8)), 0, 0)
TOOK = timedelta(seconds=3)

Claimed = Callable[..., Awaitable[JobClaim]]
Submit = Callable[..., requests.Submission]


def cuts(count: int) -> list[Cut]:
    return [Cut(n, n * 60_000, (n + 1) * 60_000, ((0, 16_000),), "en") for n in range(count)]


async def planned(db: Database, held: JobClaim, count: int = 3) -> None:
    """A job whose recording was cut into so many chunks of a minute."""
    async with db.transaction() as session:
        await planning.resume(session, held, RECIPE)
        await planning.add(session, held, RECIPE, cuts(count))
        await planning.store_plan(session, held, count * 60_000, {"audio_ms": count * 60_000})


async def take(db: Database, owner: str = "host-b/0", lease: timedelta = LEASE) -> JobClaim | ChunkClaim | None:
    async with db.transaction() as session:
        return await dispatch.next_work(session, owner, lease, recipe=RECIPE)


async def chunk_of(db: Database, owner: str = "host-b/0", lease: timedelta = LEASE) -> ChunkClaim:
    taken = await take(db, owner, lease)
    assert isinstance(taken, ChunkClaim)
    return taken


async def row(db: Database, chunk_id: int) -> Chunk:
    async with db.transaction() as session:
        return await session.get_one(Chunk, chunk_id, populate_existing=True)


class TestClaiming:
    async def test_chunks_are_taken_in_order_each_once(self, db: Database, claimed: Claimed) -> None:
        await planned(db, await claimed(db))
        taken = [await chunk_of(db) for _ in range(3)]
        assert [chunk.cut for chunk in taken] == cuts(3)
        assert {chunk.attempt for chunk in taken} == {1}
        assert await take(db) is None

    async def test_a_chunk_under_way_goes_before_a_job_that_waits_behind(
        self, db: Database, claimed: Claimed, submission: Submit
    ) -> None:
        held = await claimed(db, priority=3)
        await planned(db, held, 1)
        async with db.transaction() as session:
            later, _ = await requests.submit(session, submission(priority=3), max_queue=10)
        first, second = await take(db), await take(db)
        assert isinstance(first, ChunkClaim)
        assert isinstance(second, JobClaim)
        assert (first.transcription_id, second.id) == (held.id, later)

    async def test_an_urgent_job_goes_before_the_next_chunk_of_a_long_one(
        self, db: Database, claimed: Claimed, submission: Submit
    ) -> None:
        await planned(db, await claimed(db, priority=1))
        async with db.transaction() as session:
            urgent, _ = await requests.submit(session, submission(priority=5), max_queue=10)
        first = await take(db)
        assert isinstance(first, JobClaim)
        assert first.id == urgent

    async def test_a_slot_of_another_recipe_takes_no_chunk(self, db: Database, claimed: Claimed) -> None:
        await planned(db, await claimed(db))
        async with db.transaction() as session:
            assert await dispatch.next_work(session, "host-b/0", LEASE, recipe="another") is None

    async def test_no_chunk_of_a_storage_that_cannot_be_read_is_taken(self, db: Database, claimed: Claimed) -> None:
        await planned(db, await claimed(db, storage="flex-1"))
        async with db.transaction() as session:
            none = await dispatch.next_work(session, "host-b/0", LEASE, recipe=RECIPE, storages={"flex-2"})
            some = await dispatch.next_work(session, "host-b/0", LEASE, recipe=RECIPE, storages={"flex-1"})
        assert none is None
        assert isinstance(some, ChunkClaim)

    @pytest.mark.parametrize("held_back", ["job", "queue", "cancel"])
    async def test_nothing_of_a_job_held_back_is_taken(self, db: Database, claimed: Claimed, held_back: str) -> None:
        held = await claimed(db)
        await planned(db, held)
        statement = {
            "job": update(Transcription).values(paused_at=database_now()),
            "queue": update(QueueControl).values(paused_at=database_now()),
            "cancel": update(Transcription).values(cancel_requested_at=database_now()),
        }[held_back]
        async with db.transaction() as session:
            await session.execute(statement)
        assert await take(db) is None

    async def test_ten_claims_at_once_get_ten_chunks(self, committed_db: Database, claimed: Claimed) -> None:
        await planned(committed_db, await claimed(committed_db), 10)
        taken = await asyncio.gather(*(take(committed_db, f"host-{n}/0") for n in range(10)))
        numbers = sorted(chunk.cut.number for chunk in taken if isinstance(chunk, ChunkClaim))
        assert numbers == list(range(10))


class TestFinishing:
    async def test_what_was_heard_is_stored_and_told(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        await planned(db, held)
        chunk = await chunk_of(db)
        async with db.transaction() as session:
            await chunks.finish(session, chunk, HEARD, TOOK)
            heard = await chunks.transcripts(session, held.id)
            standing = await chunks.progress(session, held.id)
            told = [event for event in await outbox.since(session, held.id, 0) if event.event == outbox.CAPTIONS]
        assert [hearing for _, hearing in heard] == [HEARD]
        assert (standing.chunks, standing.completed, standing.done_ms) == (3, 1, 60_000)
        assert told[0].data == {"chunk": 0, "start_ms": 0, "end_ms": 60_000, "text": "Motion carries."}

    @pytest.mark.parametrize("winner_is", ["host-c/0", "host-b/0"], ids=["another-slot", "the-same-slot-again"])
    async def test_the_loser_of_a_lease_stores_nothing(self, db: Database, claimed: Claimed, winner_is: str) -> None:
        held = await claimed(db)
        await planned(db, held, 1)
        zombie = await chunk_of(db, "host-b/0", GONE)
        async with db.transaction() as session:
            await chunks.expire_leases(session, timedelta())
        winner = await chunk_of(db, winner_is)
        for write in (
            lambda session: chunks.finish(session, zombie, ChunkTranscript((), 0, 0), TOOK),
            lambda session: chunks.renew(session, zombie, LEASE, 10),
            lambda session: chunks.fail(session, zombie, MediaUnreadable("late")),
            lambda session: chunks.release(session, zombie),
        ):
            with pytest.raises(Fenced):
                async with db.transaction() as session:
                    await write(session)
        async with db.transaction() as session:
            await chunks.finish(session, winner, HEARD, TOOK)
        assert (await row(db, winner.id)).attempt == 2

    async def test_a_chunk_whose_claim_nobody_heard_of_is_given_back_with_its_owners_jobs(
        self, db: Database, claimed: Claimed
    ) -> None:
        held = await claimed(db)
        await planned(db, held, 3)
        others, unknown = await chunk_of(db, "host-c/0"), await chunk_of(db)
        async with db.transaction() as session:
            await dispatch.release_unknown(session, unknown.owner, ())
            await chunks.renew(session, others, LEASE, 10)
            await lifecycle.renew(session, held, LEASE)
        chunk = await row(db, unknown.id)
        assert (chunk.status, chunk.crash_count, chunk.failure_count, chunk.lease_owner) == ("pending", 0, 0, None)
        assert (await chunk_of(db)).cut == unknown.cut, "it is due at once"
        async with db.transaction() as session:
            await dispatch.release_unknown(session, held.owner, ())
            with pytest.raises(Fenced):
                await lifecycle.renew(session, held, LEASE)

    async def test_a_chunk_outlives_the_leader_of_its_job(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        await planned(db, held, 1)
        chunk = await chunk_of(db)
        async with db.transaction() as session:
            await lifecycle.release(session, held)
            await chunks.renew(session, chunk, LEASE, 100)
            await chunks.finish(session, chunk, HEARD, TOOK)
        again = await take(db)
        assert isinstance(again, JobClaim)
        async with db.transaction() as session:
            assert await planning.resume(session, again, RECIPE) == (60_000,)
            assert (await chunks.progress(session, held.id)).completed == 1

    async def test_nothing_is_stored_for_a_job_that_shall_end(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        await planned(db, held, 1)
        chunk = await chunk_of(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
        with pytest.raises(Fenced):
            async with db.transaction() as session:
                await chunks.renew(session, chunk, LEASE, 100)
        with pytest.raises(Fenced):
            async with db.transaction() as session:
                await chunks.finish(session, chunk, HEARD, TOOK)
        async with db.transaction() as session:
            await lifecycle.stop(session, held)
            assert (await session.scalars(select(Chunk))).all() == []


class TestFailing:
    @pytest.mark.parametrize(
        ("error", "times"),
        [
            pytest.param(MediaUnreadable("cut off"), 1, id="media-once"),
            pytest.param(ResourceExhausted("no memory"), 2, id="memory-twice"),
            pytest.param(WorkerCrashed("signal 11"), 3, id="crash-three-times"),
            pytest.param(EngineUnavailable("gone"), 5, id="infrastructure-five-times"),
        ],
    )
    async def test_a_chunk_is_given_up_after_the_tries_of_its_class(
        self, db: Database, claimed: Claimed, error: ArchivistError, times: int
    ) -> None:
        held = await claimed(db)
        await planned(db, held, 1)
        ends: list[ChunkStatus] = []
        while not ends or ends[-1] is ChunkStatus.PENDING:
            chunk = await chunk_of(db)
            async with db.transaction() as session:
                ends.append(await chunks.fail(session, chunk, error, spread=0.0))
        assert len(ends) == times
        async with db.transaction() as session:
            standing = await chunks.progress(session, held.id)
            assert await lifecycle.fail(session, held, error, final=True) is JobStatus.FAILED
        assert standing.error is not None
        assert (standing.error.code, standing.error.message) == (error.code, error.message)

    async def test_a_retry_of_the_job_keeps_what_was_heard_and_tries_what_failed(
        self, db: Database, claimed: Claimed
    ) -> None:
        held = await claimed(db)
        await planned(db, held, 2)
        good, bad = await chunk_of(db), await chunk_of(db)
        async with db.transaction() as session:
            await chunks.finish(session, good, HEARD, TOOK)
            await chunks.fail(session, bad, MediaUnreadable("cut off"))
            await lifecycle.fail(session, held, MediaUnreadable("cut off"), final=True)
            await requests.retry(session, held.id)
        again = await take(db)
        assert isinstance(again, JobClaim)
        left = await chunk_of(db)
        assert left.id == bad.id
        assert (await row(db, good.id)).status == "completed"

    async def test_a_cancelled_job_tried_again_begins_anew(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        await planned(db, held)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            await lifecycle.stop(session, held)
            await requests.retry(session, held.id)
        again = await take(db)
        assert isinstance(again, JobClaim)
        async with db.transaction() as session:
            assert await planning.resume(session, again, RECIPE) == ()
            assert await planning.plan(session, held.id) is None

    async def test_a_chunk_given_back_is_charged_nothing(self, db: Database, claimed: Claimed) -> None:
        await planned(db, await claimed(db), 1)
        chunk = await chunk_of(db)
        async with db.transaction() as session:
            await chunks.release(session, chunk)
        found = await row(db, chunk.id)
        assert (found.status, found.failure_count, found.crash_count) == ("pending", 0, 0)

    async def test_leaders_that_die_while_chunks_are_heard_cost_the_job_nothing(
        self, db: Database, claimed: Claimed
    ) -> None:
        held: JobClaim | ChunkClaim | None = await claimed(db)
        assert isinstance(held, JobClaim)
        await planned(db, held)
        for _ in range(4):
            async with db.transaction() as session:
                # As after two crashes of the assembly: a third one would be the end.
                await session.execute(
                    update(Transcription).values(
                        crash_count=2, crashed_at=database_now(), lease_expires_at=database_now()
                    )
                )
                assert await lifecycle.expire_leases(session, timedelta()) == [(held.id, JobStatus.PENDING)]
            held = await take(db)
            assert isinstance(held, JobClaim)
        async with db.transaction() as session:
            job = await session.get_one(Transcription, held.id, populate_existing=True)
        assert (job.crash_count, job.attempt) == (2, 5)


async def test_events_of_a_job_keep_their_order_when_chunks_end_at_once(
    committed_db: Database, claimed: Claimed
) -> None:
    held = await claimed(committed_db)
    await planned(committed_db, held, 6)
    taken = [await chunk_of(committed_db, f"host-{n}/0") for n in range(6)]

    async def finish(chunk: ChunkClaim) -> None:
        async with committed_db.transaction() as session:
            await chunks.finish(session, chunk, HEARD, TOOK)

    await asyncio.gather(*(finish(chunk) for chunk in taken))
    async with committed_db.transaction() as session:
        ids: list[tuple[int, UUID | None]] = [
            (event.id, event.transcription_id)
            for event in await session.scalars(select(OutboxEvent).where(OutboxEvent.event == outbox.CAPTIONS))
        ]
    assert len({number for number, _ in ids}) == 6


async def test_a_worker_that_hangs_with_a_job_in_its_hands_keeps_no_other_chunk_from_lapsing(
    committed_db: Database, claimed: Claimed
) -> None:
    """Found by tests/chaos: the reconciler waited for the job's row, its round ran out of time, and as the database
    was taken for away, nothing was taken back for another lease."""
    stuck, other = await claimed(committed_db), await claimed(committed_db)
    for held in (stuck, other):
        await planned(committed_db, held, 1)
    for _ in range(2):
        await chunk_of(committed_db, lease=GONE)
    async with committed_db.transaction() as hanging:
        await hanging.execute(select(Transcription.id).where(Transcription.id == stuck.id).with_for_update())
        async with asyncio.timeout(3), committed_db.transaction() as session:
            taken_back = await chunks.expire_leases(session, timedelta())
    assert [job_id for job_id, _, _ in taken_back] == [other.id]
    async with committed_db.transaction() as session:
        assert [job_id for job_id, _, _ in await chunks.expire_leases(session, timedelta())] == [stuck.id]
