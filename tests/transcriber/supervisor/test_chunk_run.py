"""One attempt from claim to end, with the real slot, database and disk; killed, cancelled, fenced, given back."""

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from tests.transcriber.conftest import Station

from archivist_captions.cea608 import verifier
from archivist_common.database.clock import database_now
from archivist_common.database.models import OutboxEvent, Transcription
from archivist_common.errors import WorkerCrashed
from archivist_common.events import outbox
from archivist_common.jobs import artifacts, chunks, lifecycle, requests
from archivist_common.jobs.chunks import ChunkClaim
from archivist_common.storage.paths import OUTPUT_ENDINGS
from archivist_transcriber.supervisor import chunk_run
from archivist_transcriber.supervisor.slot import Slot
from archivist_transcriber.supervisor.supervision import Deps

KINDS = set(OUTPUT_ENDINGS)


async def _while_transcribing(station: Station, slot: Slot, claim: lifecycle.JobClaim) -> "asyncio.Task[None]":
    """A running attempt that has begun to transcribe, as its row says."""
    running = asyncio.create_task(station.attempt(slot, claim))
    async with asyncio.timeout(30):
        while (await station.row(claim.id)).stage != "transcribe":
            await asyncio.sleep(0.05)
    return running


async def test_a_recording_becomes_files_and_a_row_that_says_so(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("Mayor's Q&A – José.flac"))
    await station.attempt(slot, claim)
    row = await station.row(claim.id)
    assert (row.status, row.progress, row.duration, row.error_code) == ("completed", 100, 20, None)
    async with station.db.transaction() as session:
        stored = await artifacts.of_transcription(session, claim.id)
    assert {file.kind for file in stored} == KINDS
    assert all(file.path.stat().st_size == file.size_bytes for file in stored)
    scc = next(file.path for file in stored if file.kind == "scc")
    assert row.scc_file_path == str(scc)
    assert verifier.verify(scc.read_text("ascii")) == ()
    assert row.summary is not None
    assert row.summary["sentences"]


async def test_a_finished_job_is_not_claimed_again(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording())
    await station.attempt(slot, claim)
    assert await station.claim() is None
    before = station.files()
    await station.attempt(slot, claim)
    assert station.files() == before, "a second run of the same claim leaves the result alone"
    async with station.db.transaction() as session:
        ends = select(func.count()).where(OutboxEvent.event == outbox.COMPLETED)
        assert await session.scalar(ends) == 1


async def test_without_a_summary_asked_for_none_is_written(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording(), include_summary=False)
    await station.attempt(slot, claim)
    assert not any(name.endswith("summary.txt") for name in station.files())
    assert (await station.row(claim.id)).summary is None


async def test_a_slot_killed_at_work_costs_one_chunk_and_no_attempt(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    running = await _while_transcribing(station, slot, claim)
    async with asyncio.timeout(30):  # until it is at work on a chunk
        while not any(chunk.status == "processing" for chunk in await station.chunks(claim.id)):
            await asyncio.sleep(0.02)
    assert slot.pid is not None
    os.kill(slot.pid, signal.SIGKILL)
    await running
    row = await station.row(claim.id)
    assert (row.status, row.attempt, row.crash_count) == ("completed", 1, 0)
    begun = [chunk.attempt for chunk in await station.chunks(claim.id)]
    assert sorted(begun) == [1] * (len(begun) - 1) + [2]
    assert {name.split("/")[2] for name in station.files()} == {"1"}


async def test_the_next_leader_goes_on_from_what_was_heard(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    first = await station.planned(slot, claim)
    await chunk_run.transcribe_chunk(station.deps, slot, first)
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(status="pending", lease_owner=None, lease_expires_at=None))
    again = await station.claim()
    assert again is not None
    await station.attempt(slot, again)
    assert (await station.row(claim.id)).status == "completed"
    assert {chunk.attempt for chunk in await station.chunks(claim.id)} == {1}, "nothing was heard twice"


async def test_a_chunk_that_kills_its_slot_three_times_ends_its_job(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    chunk: ChunkClaim | None = await station.planned(slot, claim)
    for _ in range(3):
        assert chunk is not None
        async with station.db.transaction() as session:
            await chunks.fail(session, chunk, WorkerCrashed("killed by SIGSEGV"))
        chunk = await station.next_chunk(slot)
        while chunk is not None and chunk.cut.number != 0:
            chunk = await station.next_chunk(slot)
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(status="pending", lease_owner=None, lease_expires_at=None))
    again = await station.claim()
    assert again is not None
    await station.attempt(slot, again)
    row = await station.row(claim.id)
    assert (row.status, row.error_code) == ("failed", "WORKER_CRASHED")


async def test_a_job_held_back_by_a_person_is_heard_no_further_and_goes_on_when_let(
    station: Station, slot: Slot
) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    running = await _while_transcribing(station, slot, claim)
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(paused_at=database_now()))
    async with asyncio.timeout(30):
        while any(chunk.status == "processing" for chunk in await station.chunks(claim.id)):
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.5)
    row = await station.row(claim.id)
    assert row.status == "processing"
    assert row.lease_expires_at is not None
    assert not any(chunk.status == "processing" for chunk in await station.chunks(claim.id))
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(paused_at=None))
    await running
    assert (await station.row(claim.id)).status == "completed"


async def test_no_files_are_made_of_a_job_held_back_when_all_of_it_is_heard(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording())
    await chunk_run.transcribe_chunk(station.deps, slot, await station.planned(slot, claim))
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(status="pending", lease_owner=None, lease_expires_at=None))
    again = await station.claim()
    assert again is not None
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(paused_at=database_now()))
    running = asyncio.create_task(station.attempt(slot, again))
    await asyncio.sleep(2.5)
    assert {chunk.status for chunk in await station.chunks(claim.id)} == {"completed"}
    assert (await station.row(claim.id)).status == "processing"
    assert station.files() == []
    async with station.db.transaction() as session:
        await session.execute(update(Transcription).values(paused_at=None))
    await running
    assert (await station.row(claim.id)).status == "completed"


async def test_a_cancelled_job_stops_within_ten_seconds_and_leaves_nothing(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    running = await _while_transcribing(station, slot, claim)
    async with station.db.transaction() as session:
        await requests.cancel(session, claim.id)
    async with asyncio.timeout(10):
        await running
    assert (await station.row(claim.id)).status == "cancelled"
    assert await station.chunks(claim.id) == []
    assert station.files() == []


async def test_an_attempt_that_lost_its_job_writes_nothing(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    running = await _while_transcribing(station, slot, claim)
    async with station.db.transaction() as session:
        await lifecycle.release(session, claim)
        other = await lifecycle.claim(session, "host-b/0", timedelta(seconds=30))
    assert other is not None
    async with asyncio.timeout(60):
        await running
    row = await station.row(claim.id)
    assert (row.status, row.attempt, row.lease_owner) == ("processing", 2, "host-b/0")
    assert station.files() == []


async def test_a_worker_that_is_asked_to_stop_gives_its_job_back_unharmed(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    running = await _while_transcribing(station, slot, claim)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    row = await station.row(claim.id)
    assert (row.status, row.crash_count, row.failure_count) == ("pending", 0, 0)
    assert station.files() == []


async def test_a_recording_that_cannot_be_read_fails_at_once_and_for_good(station: Station, slot: Slot) -> None:
    (station.media / "cut.mp4").write_bytes(b"\0" * 4096)
    claim = await station.claimed("cut.mp4")
    await station.attempt(slot, claim)
    row = await station.row(claim.id)
    assert (row.status, row.error_code) == ("failed", "MEDIA_UNREADABLE")
    assert row.error_message


async def test_a_recording_changed_after_its_submission_is_not_captioned(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording())
    station.recording("meeting.flac", "meeting-2min.ogg")
    await station.attempt(slot, claim)
    assert (await station.row(claim.id)).error_code == "SOURCE_CHANGED"


async def test_an_output_folder_that_is_a_file_fails_the_attempt_and_the_job_waits(
    station: Station, slot: Slot
) -> None:
    station.output.rmdir()
    station.output.write_text("in the way")
    claim = await station.claimed(station.recording())
    await station.attempt(slot, claim)
    row = await station.row(claim.id)
    assert row.status == "pending"
    assert row.error_code in {"STORAGE_UNAVAILABLE", "STORAGE_READ_ONLY"}
    assert row.failure_count == 1


async def test_an_attempt_past_its_time_is_ended(station: Station, slot: Slot) -> None:
    claim = await station.claimed(station.recording("long.ogg", "meeting-2min.ogg"))
    deps = Deps(station.db, station.deps.notifier, station.deps.lease, timedelta(seconds=1), (station.output,))
    async with asyncio.timeout(15):
        await station.attempt(slot, claim, deps)
    row = await station.row(claim.id)
    assert (row.status, row.error_code) == ("failed", "DEADLINE_EXCEEDED")
