"""The supervisor: jobs are found, slots that die are started again, and leaving gives everything back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.lost_answers import LosesAnAnswer
from tests.transcriber.conftest import Slots, Station

from archivist_common.database.models import Chunk, Transcription, Worker
from archivist_common.errors import EngineUnavailable, ModelMissing
from archivist_common.events.notify import Notifier
from archivist_common.jobs import artifacts
from archivist_transcriber.supervisor.slot import Slot
from archivist_transcriber.supervisor.supervisor import Supervisor


@asynccontextmanager
async def _running(station: Station, slots: list[Slot], redis_url: str) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(station.deps, slots, redis_url, lambda: None)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        running.cancel()
        async with asyncio.timeout(8):
            with suppress(asyncio.CancelledError):
                await running


async def _ready(supervisor: Supervisor) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await supervisor.ready()
            except EngineUnavailable:
                await asyncio.sleep(0.1)


async def test_a_waiting_job_is_found_without_any_bell(station: Station, slot_for: Slots) -> None:
    slot = await slot_for(start=False)
    job_id = await station.submit(station.recording())
    async with _running(station, [slot], "unix:///nowhere/valkey.sock"), asyncio.timeout(60):
        while (await station.row(job_id)).status != "completed":
            await asyncio.sleep(0.2)


def _losing(station: Station, table: type[Transcription | Chunk], *, hangs: bool = False) -> LosesAnAnswer:
    """The station's database, which loses the answer to the first claim in this table."""

    async def claimed(session: AsyncSession) -> bool:
        return bool(await session.scalar(select(func.count()).where(table.status == "processing")))

    return LosesAnAnswer(station.db, claimed, hangs=hangs)


@pytest.mark.parametrize("table", [Transcription, Chunk], ids=["a-job", "a-chunk"])
async def test_what_was_claimed_as_the_database_died_goes_on_at_once_and_no_crash_is_charged(
    station: Station, slot_for: Slots, table: type[Transcription | Chunk]
) -> None:
    db = _losing(station, table)
    slot = await slot_for(start=False)
    job_id = await station.submit(station.recording())
    station = replace(station, deps=replace(station.deps, db=db))
    async with _running(station, [slot], "unix:///nowhere/valkey.sock"), asyncio.timeout(30):
        while (await station.row(job_id)).status != "completed":
            await asyncio.sleep(0.2)
    assert db.has_lost
    row, (chunk,) = await station.row(job_id), await station.chunks(job_id)
    assert (row.attempt, row.crash_count) == ((2, 0) if table is Transcription else (1, 0))
    assert (chunk.attempt, chunk.crash_count) == ((2, 0) if table is Chunk else (1, 0))


async def test_a_supervisor_that_leaves_in_the_midst_of_a_claim_gives_back_what_it_was_not_told_of(
    station: Station, slot_for: Slots
) -> None:
    db = _losing(station, Transcription, hangs=True)
    job_id = await station.submit(station.recording())
    station = replace(station, deps=replace(station.deps, db=db))
    async with _running(station, [await slot_for(start=False)], "unix:///nowhere/valkey.sock"):
        async with asyncio.timeout(30):
            while not db.has_lost:
                await asyncio.sleep(0.1)
        assert (await station.row(job_id)).status == "processing"
    row = await station.row(job_id)
    assert (row.status, row.lease_owner, row.crash_count) == ("pending", None, 0)


async def test_a_bell_is_answered_before_the_next_poll(station: Station, slot_for: Slots, redis_url: str) -> None:
    slot = await slot_for(start=False)
    notifier = Notifier(redis_url)
    async with _running(station, [slot], redis_url) as supervisor:
        await _ready(supervisor)
        await asyncio.sleep(0.5)
        waits = []
        for name in ("a.mp4", "b.mp4", "c.mp4"):
            (station.media / name).write_text("not a recording: its claim is what counts")
            job_id = await station.submit(name)
            assert await notifier.notify(job_id)
            async with asyncio.timeout(20):
                while (row := await station.row(job_id)).status != "failed":
                    await asyncio.sleep(0.1)
            assert row.started_date is not None
            waits.append((row.started_date - row.created_date).total_seconds())
    await notifier.close()
    assert sorted(waits)[1] < 1.0, "the median of three, with a poll every two seconds"


async def test_an_idle_slot_that_dies_is_started_again(station: Station, slot_for: Slots, redis_url: str) -> None:
    slot = await slot_for(start=False)
    async with _running(station, [slot], redis_url) as supervisor:
        await _ready(supervisor)
        before = slot.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(30):
            while slot.pid in {before, None} or slot.loaded is None:
                await asyncio.sleep(0.1)


async def test_a_missing_model_is_the_reason_why_no_job_is_taken(
    station: Station, slot_for: Slots, redis_url: str, tmp_path: Path
) -> None:
    slot = await slot_for(tmp_path / "no-model", start=False)
    job_id = await station.submit(station.recording())
    async with _running(station, [slot], redis_url) as supervisor, asyncio.timeout(30):
        while True:
            async with station.db.transaction() as session:
                worker = await session.scalar(select(Worker).where(Worker.id == supervisor.id))
            if worker is not None and worker.reason and "no-model" in worker.reason:
                break
            await asyncio.sleep(0.2)
        assert not worker.ready
        with pytest.raises(ModelMissing, match="no-model"):
            await supervisor.ready()
        assert (await station.row(job_id)).status == "pending"


async def test_a_supervisor_that_leaves_gives_its_job_back_and_is_off_the_list(
    station: Station, slot_for: Slots, redis_url: str
) -> None:
    slot = await slot_for(start=False)
    job_id = await station.submit(station.recording("long.ogg", "meeting-2min.ogg"))
    async with _running(station, [slot], redis_url) as supervisor, asyncio.timeout(60):
        while (await station.row(job_id)).stage != "transcribe":
            await asyncio.sleep(0.1)
    row = await station.row(job_id)
    assert (row.status, row.crash_count, row.failure_count) == ("pending", 0, 0)
    async with station.db.transaction() as session:
        assert await session.get(Worker, supervisor.id) is None
    assert station.files() == []


async def test_the_same_files_are_made_whatever_the_number_of_slots(station: Station, slot_for: Slots) -> None:
    made: list[dict[str, bytes]] = []
    for name, count in (("one.flac", 1), ("two.flac", 2)):
        slots = [await slot_for(start=False) for _ in range(count)]
        job_id = await station.submit(station.excerpt(name, 170), include_summary=False)
        async with _running(station, slots, "unix:///nowhere/valkey.sock"), asyncio.timeout(100):
            while (await station.row(job_id)).status != "completed":
                await asyncio.sleep(0.2)
        chunks = await station.chunks(job_id)
        assert len(chunks) == 2
        assert {chunk.lease_owner for chunk in chunks} == {None}
        async with station.db.transaction() as session:
            stored = await artifacts.of_transcription(session, job_id)
        made.append({file.kind: file.path.read_bytes() for file in stored if file.kind in {"scc", "srt"}})
    assert made[0] == made[1]
    assert len(made[0]) == 2


async def test_an_urgent_job_passes_a_long_one_after_the_chunk_in_hand(station: Station, slot_for: Slots) -> None:
    slot = await slot_for(start=False)
    long = await station.submit(station.excerpt("long.flac", 300))
    async with _running(station, [slot], "unix:///nowhere/valkey.sock"), asyncio.timeout(100):
        while not any(chunk.status == "processing" for chunk in await station.chunks(long)):
            await asyncio.sleep(0.1)
        urgent = await station.submit(station.recording("urgent.flac"), priority=5)
        while (await station.row(urgent)).status != "completed":
            await asyncio.sleep(0.1)
        heard = [chunk.status for chunk in await station.chunks(long)]
        assert (await station.row(long)).status == "processing"
        assert heard.count("completed") <= 1, "the one that was in hand"


async def test_a_second_machine_with_an_output_folder_of_its_own_hears_chunks_for_the_first(
    station: Station, slot_for: Slots, tmp_path: Path
) -> None:
    own = tmp_path / "second machine"
    own.mkdir()
    helper = replace(station.deps, outputs=(own,), leads=lambda: False)
    job_id = await station.submit(station.excerpt("long.flac", 300))
    first, second = await slot_for(start=False), await slot_for(start=False)
    heard_by: dict[int, str] = {}
    async with (
        _running(station, [first], "unix:///nowhere/valkey.sock") as leading,
        _running(replace(station, deps=helper), [second], "unix:///nowhere/valkey.sock") as helping,
        asyncio.timeout(150),
    ):
        while (await station.row(job_id)).status != "completed":
            chunks = await station.chunks(job_id)
            heard_by |= {chunk.number: chunk.lease_owner for chunk in chunks if chunk.lease_owner}
            await asyncio.sleep(0.1)
    machines = {owner.rpartition("/")[0] for owner in heard_by.values()}
    assert machines == {leading.id, helping.id}
    assert station.files()
    assert list(own.iterdir()) == []
