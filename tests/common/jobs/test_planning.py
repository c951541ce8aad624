"""How a leader plans a job: from what is stored already, under its lease alone, never mixing two recipes."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from tests.common.jobs.test_chunks import HEARD, RECIPE, TOOK, Claimed, chunk_of, cuts, planned, take

from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import Chunk, Transcription
from archivist_common.errors import Fenced, WorkerCrashed
from archivist_common.jobs import chunks, lifecycle, planning
from archivist_common.jobs.chunks import ChunkClaim
from archivist_common.jobs.lifecycle import JobClaim
from archivist_common.states import JobStatus


async def test_a_second_leader_finds_the_cuts_of_the_first_and_adds_the_rest(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    async with db.transaction() as session:
        await planning.resume(session, held, RECIPE)
        await planning.add(session, held, RECIPE, cuts(2))
        await lifecycle.release(session, held)
    again = await take(db)
    assert isinstance(again, JobClaim)
    async with db.transaction() as session:
        assert await planning.resume(session, again, RECIPE) == (60_000, 120_000)
        assert await planning.plan(session, again.id) is None
        await planning.add(session, again, RECIPE, cuts(3))
        numbers = (await session.scalars(select(Chunk.number).order_by(Chunk.number))).all()
    assert numbers == [0, 1, 2]
    with pytest.raises(Fenced):
        async with db.transaction() as session:
            await planning.add(session, held, RECIPE, cuts(4))


async def test_planners_that_die_after_another_chunk_each_cost_the_job_nothing(
    db: Database, claimed: Claimed
) -> None:
    held: JobClaim | ChunkClaim | None = await claimed(db)
    for count in (1, 2, 3, 4):
        assert isinstance(held, JobClaim)
        async with db.transaction() as session:
            await planning.resume(session, held, RECIPE)
            await planning.add(session, held, RECIPE, cuts(count))
            await session.execute(update(Transcription).values(lease_expires_at=database_now()))
            assert await lifecycle.expire_leases(session, timedelta()) == [(held.id, JobStatus.PENDING)]
        held = await take(db)


async def test_a_recording_that_kills_its_planner_at_the_same_place_is_poison(db: Database, claimed: Claimed) -> None:
    held: JobClaim | ChunkClaim | None = await claimed(db)
    ends = []
    while isinstance(held, JobClaim):
        async with db.transaction() as session:
            await planning.resume(session, held, RECIPE)
            await planning.add(session, held, RECIPE, cuts(2))
            ends.append(await lifecycle.fail(session, held, WorkerCrashed("signal 11")))
        held = await take(db)
        while isinstance(held, ChunkClaim):
            held = await take(db)
    assert ends == [JobStatus.PENDING, JobStatus.PENDING, JobStatus.FAILED]


async def test_results_of_two_recipes_are_never_mixed(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    await planned(db, held, 2)
    chunk = await chunk_of(db)
    async with db.transaction() as session:
        await chunks.finish(session, chunk, HEARD, TOOK)
        assert await planning.resume(session, held, "another") == ()
        assert await planning.plan(session, held.id) is None


async def test_a_recording_heard_to_its_end_is_assembled_by_whoever_comes(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    await planned(db, held, 1)
    chunk = await chunk_of(db)
    async with db.transaction() as session:
        await chunks.finish(session, chunk, HEARD, TOOK)
        assert await planning.resume(session, held, "another") == (60_000,)
        assert await planning.plan(session, held.id) == {"audio_ms": 60_000}
