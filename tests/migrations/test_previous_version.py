"""What version 0.1.0 has stored or sent is read by this one: half-done work goes on, workers of both work together.

`version_0_1_0.json` holds what that version's own code (commit bca5bf7) wrote to PostgreSQL and Valkey: a job whose
first chunk of two is transcribed, a publication that follows its VOD, a sync, the outbox, a heartbeat, a wake-up.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import select, text

from archivist_captions.cue import Word
from archivist_cli.local import runtime
from archivist_cli.local.valkey import Valkey
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Publication, SyncRun, Transcription
from archivist_common.errors import Fenced
from archivist_common.events import outbox
from archivist_common.events.notify import Listener, Notifier
from archivist_common.jobs import chunks, dispatch, estimates, lifecycle, workers
from archivist_common.jobs.chunks import ChunkClaim, ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobClaim, JobOutcome
from archivist_common.publishing import lifecycle as publishing
from archivist_common.states import ChunkStatus, JobStatus, PublicationStatus, PublishStage
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.supervisor.job_leader import JobLeader
from archivist_transcriber.supervisor.slot import Loaded
from archivist_transcriber.supervisor.supervision import Deps
from archivist_vod.cablecast.sync import runs

WRITTEN = json.loads(Path(__file__).with_name("version_0_1_0.json").read_text())
ROWS: dict[str, list[dict[str, Any]]] = WRITTEN["rows"]
JOB = UUID(ROWS["transcriptions"][0]["id"])
RECIPE = ROWS["transcriptions"][0]["recipe"]
LEASE = timedelta(seconds=30)
OWNER = "station-2:ba9876543210/0"
SECOND = ChunkTranscript((Word(10_100, 10_900, "Adjourned.", 0.7),), 0, 0)

# What a slot of 0.1.0 sends when it has heard its chunk (chunks.finish at bca5bf7).
OLD_FINISH = """
UPDATE transcription_chunks SET status = 'completed', words = '[[10100, 10900, "Adjourned.", 0.7]]', dropped = 0,
    bad_packets = 0, took_ms = 2000, done_ms = end_ms - start_ms, error_code = NULL, error_message = NULL,
    completed_date = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL
WHERE id = 2 AND attempt = 1 AND lease_owner = 'station-1:0123456789ab/1' AND status = 'processing'
RETURNING status
"""


class Bell:
    """Counts wake-ups."""

    def __init__(self) -> None:
        self.notified: list[UUID] = []
        self.publishers = 0

    async def notify(self, transcription_id: UUID) -> bool:
        self.notified.append(transcription_id)
        return True

    async def notify_publisher(self) -> bool:
        self.publishers += 1
        return True


@pytest_asyncio.fixture(loop_scope="session")
async def db(own_database: str) -> AsyncIterator[Database]:
    """This version's schema, with the rows of the version before; all their leases have expired."""
    made = Database(engine(own_database, 5, 0, "tests"))
    async with made.transaction() as session:
        for table, rows in ROWS.items():
            columns = ", ".join(rows[0])  # as it writes them, beside this one: what it does not know has its default
            await session.execute(
                text(
                    f"INSERT INTO {table} ({columns}) "
                    f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, :rows)"
                ),
                {"rows": json.dumps(rows)},
            )
        for table in ("transcription_chunks", "sync_runs", "outbox"):
            await session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100)"))
        for table in ("transcriptions", "transcription_chunks", "publications"):
            expired = "lease_expires_at = clock_timestamp() - interval '1 second'"
            await session.execute(text(f"UPDATE {table} SET {expired} WHERE lease_owner IS NOT NULL"))
    yield made
    await made.close()


async def live(db: Database) -> None:
    """The workers of the version before renew their leases, as they run on."""
    async with db.transaction() as session:
        for table in ("transcriptions", "transcription_chunks", "publications"):
            renewed = "lease_expires_at = clock_timestamp() + interval '30 seconds'"
            await session.execute(text(f"UPDATE {table} SET {renewed} WHERE lease_owner IS NOT NULL"))
        await session.execute(text("UPDATE sync_runs SET moved_date = clock_timestamp()"))
        await session.execute(text("UPDATE workers SET heartbeat_at = clock_timestamp()"))


async def next_work(db: Database) -> JobClaim | ChunkClaim | None:
    async with db.transaction() as session:
        return await dispatch.next_work(session, OWNER, LEASE, recipe=RECIPE)


async def expire(db: Database) -> tuple[Any, Any, Any]:
    async with db.transaction() as session:
        return (
            await lifecycle.expire_leases(session, timedelta()),
            await chunks.expire_leases(session, timedelta()),
            await publishing.expire_leases(session, timedelta()),
        )


class Assembler:
    """A slot that makes no files; what it was given is kept."""

    number, cores, threads = 0, (0,), 1
    loaded: Loaded | None = Loaded("large-v2", "cpu", 0.0, RECIPE)

    def __init__(self) -> None:
        self.work: protocol.AssembleWork | None = None

    async def start(self) -> Loaded:
        assert self.loaded is not None
        return self.loaded

    async def measure(self) -> float:
        return 1.0

    async def plan(
        self, work: protocol.PlanWork, on_cut: Callable[[Cut], None], on_moved: Callable[[Moved], None]
    ) -> protocol.Planned:
        raise AssertionError("it is planned already")

    async def transcribe(self, work: protocol.ChunkWork, on_moved: Callable[[Moved], None]) -> ChunkTranscript:
        raise AssertionError("the test does")

    async def assemble(self, work: protocol.AssembleWork, on_moved: Callable[[Moved], None]) -> JobOutcome:
        self.work = work
        return JobOutcome((), work.planned.audio_ms, work.planned.language, None, ())

    async def stop_work(self, working: "asyncio.Task[Any]") -> None:
        await asyncio.wait({working})

    async def kill(self, reason: str) -> None:
        return


async def test_a_job_half_done_is_led_to_its_end(db: Database) -> None:
    assert await next_work(db) is None, "what another worker has claimed is left alone until its lease has expired"
    jobs, pieces, _ = await expire(db)
    assert (jobs, pieces) == ([(JOB, JobStatus.PENDING)], [(JOB, 1, ChunkStatus.PENDING)])
    claim = await next_work(db)
    assert isinstance(claim, JobClaim)
    assert (claim.id, claim.attempt, claim.path) == (JOB, 2, "2022/Council (20220412).mp4")
    chunk = await next_work(db)
    assert isinstance(chunk, ChunkClaim)
    assert (chunk.cut, chunk.attempt, chunk.crash_count) == (Cut(1, 10_000, 20_000, ((0, 16_000),), "en"), 2, 1)
    async with db.transaction() as session:
        await chunks.finish(session, chunk, SECOND, timedelta(seconds=2))

    slot, bell = Assembler(), Bell()
    leader = JobLeader(Deps(db, bell, LEASE, None, ()), claim, RECIPE, lambda: None)
    leading = asyncio.create_task(leader.run())
    async with asyncio.timeout(20):
        await leader.plan(slot)
        while not leading.done():
            if leader.offers_assembly:
                await leader.assemble(slot)
            await asyncio.wait({leading}, timeout=0.05)
    assert slot.work is not None
    assert slot.work.planned.facts == ROWS["transcriptions"][0]["plan"]["facts"]
    assert [word.text for word in slot.work.words] == ["Motion", "carries.", "Adjourned."]
    assert slot.work.dropped == 1
    async with db.transaction() as session:
        job = await session.get_one(Transcription, JOB, populate_existing=True)
    assert (job.status, job.audio_ms, job.crash_count, job.attempt) == ("completed", 20_000, 0, 2)
    assert bell.publishers >= 1, "the end of the job was relayed"


async def test_a_worker_of_the_version_before_works_beside_one_of_this(db: Database) -> None:
    await live(db)
    assert await expire(db) == ([], [], [])
    assert await next_work(db) is None
    async with db.transaction() as session:
        assert await session.scalar(text(OLD_FINISH)) == "completed"
        progress = await chunks.progress(session, JOB)
        transcripts = await chunks.transcripts(session, JOB)
    assert (progress.chunks, progress.completed, progress.done_ms, progress.error) == (2, 2, 20_000, None)
    assert transcripts[1][1] == SECOND


async def test_a_worker_of_the_version_before_that_lost_its_lease_writes_nothing(db: Database) -> None:
    await expire(db)
    assert isinstance(await next_work(db), JobClaim)
    ours = await next_work(db)
    assert isinstance(ours, ChunkClaim)
    async with db.transaction() as session:
        assert await session.scalar(text(OLD_FINISH)) is None
        await chunks.renew(session, ours, LEASE, 100)


async def test_a_publication_goes_on_from_its_stage(db: Database) -> None:
    async with db.transaction() as session:
        assert await publishing.claim(session, OWNER, LEASE, ["cablecast"]) is None
    await expire(db)
    async with db.transaction() as session:
        claim = await publishing.claim(session, OWNER, LEASE, ["cablecast"])
        assert claim is not None
        assert (claim.stage, claim.attempt, claim.key) == (PublishStage.FOLLOW, 2, "archivist-1")
        assert (claim.item["show"], claim.item["vod_id"], claim.vendor_mark) == (4120, 61, "transcoding 40")
        assert await publishing.finish(session, claim, url="https://vod.station.test/61")
        row = await session.get_one(Publication, claim.id, populate_existing=True)
    assert (row.status, row.vod_id, row.crash_count) == (PublicationStatus.PUBLISHED, "61", 0)


async def test_a_sync_goes_on_from_its_place_once_it_has_not_moved_for_a_lease(db: Database) -> None:
    await live(db)
    async with db.transaction() as session:
        assert await runs.claim(session, "cablecast", LEASE) is None, "the publisher of the version before is at it"
        await session.execute(text("UPDATE sync_runs SET moved_date = moved_date - interval '31 seconds'"))
        run = await runs.claim(session, "cablecast", LEASE)
        assert run is not None
        assert (run.position, run.total, run.added, run.changed) == (500, 1200, 480, 20)
        await runs.complete(session, run, position=1200)
        row = await session.get_one(SyncRun, run.id, populate_existing=True)
        assert (row.status, row.position) == ("completed", 1200)


async def test_events_not_relayed_yet_are_relayed_and_read(db: Database) -> None:
    bell = Bell()
    assert await outbox.relay(db, bell) == 3
    assert bell.notified == [JOB], "for transcription.queued alone"
    async with db.transaction() as session:
        events = await outbox.since(session, JOB, 0)
    assert [event.event for event in events] == [outbox.QUEUED, outbox.STARTED, outbox.CAPTIONS]
    assert events[2].data == {"chunk": 0, "start_ms": 0, "end_ms": 10_000, "text": "Motion carries."}


async def test_a_heartbeat_counts_and_its_speed_is_estimated_with(db: Database) -> None:
    await live(db)
    async with db.transaction() as session:
        [worker] = await workers.states(session)
        forecast = await estimates.read(session, estimates.Learned())
    assert (worker.is_live, worker.ready, worker.slots, worker.free_slots) == (True, True, 2, 1)
    assert (forecast.slots, forecast.rate) == (2, pytest.approx(2 * 30 / 6.5))


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A Valkey of the test's own: nothing but the old wake-up lies in it."""
    sockets = runtime.make()
    server = Valkey(tmp_path / "valkey", runtime=sockets, log=tmp_path / "valkey.log")
    await server.start()
    yield server
    await server.stop()
    runtime.remove(sockets)


async def test_a_wake_up_of_the_version_before_wakes_and_ours_are_of_its_form(valkey: Valkey) -> None:
    message, queue = (f"arq:job:wake:{JOB}", "archivist:transcribe")
    raw = Redis.from_url(valkey.url)
    notifier = Notifier(valkey.url)
    try:
        await notifier.notify(JOB)
        assert sorted(key.decode() for key in await raw.keys("*")) == sorted(WRITTEN["redis"])
        ours = json.loads(await raw.get(message))
        assert {**ours, "et": 0} == {**WRITTEN["redis"][message], "et": 0}
        assert set(map(bytes.decode, await raw.zrange(queue, 0, -1))) == set(WRITTEN["redis"][queue])
        await raw.flushall()

        await raw.set(message, json.dumps(WRITTEN["redis"][message]))
        await raw.zadd(queue, dict.fromkeys(WRITTEN["redis"][queue], 1))  # for the time it was sent
        woken = asyncio.Event()
        listening = asyncio.create_task(Listener(valkey.url, "tests", woken.set).run())
        async with asyncio.timeout(10):
            await woken.wait()
        listening.cancel()
        await asyncio.wait({listening})
    finally:
        await notifier.close()
        await raw.aclose()


async def test_a_claim_of_the_version_before_is_fenced_by_number_and_owner(db: Database) -> None:
    """The fence of 0.1.0 is ours: the claim as that worker has it writes while its lease is kept."""
    await live(db)
    async with db.transaction() as session:
        row = (await session.scalars(select(Transcription))).one()
        claim = JobClaim(
            row.id, 1, "station-1:0123456789ab/0", "", "", 0, 0, "en", "large-v2", True, None, "Council.mp4"
        )
        assert await lifecycle.renew(session, claim, LEASE) is False
        await lifecycle.release(session, claim)
        with pytest.raises(Fenced):
            await lifecycle.renew(session, claim, LEASE)
