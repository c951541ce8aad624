"""A slot: pinned before it loads, loaded once, ended with everything it started."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from tests.transcriber.conftest import Slots, Station

from archivist_common.errors import MediaUnreadable, ModelMissing, WorkerCrashed
from archivist_common.jobs.chunks import Cut
from archivist_transcriber.protocol import ChunkWork, Moved, PlanWork
from archivist_transcriber.supervisor.slot import Slot


def _plan(station: Station, path: str) -> PlanWork:
    return PlanWork(station.asked(path), "demo", "en")


def _chunk(station: Station, path: str, seconds: int) -> ChunkWork:
    """The beginning of a recording, all of it taken for speech."""
    cut = Cut(0, 0, seconds * 1000, ((0, seconds * 16_000),), "en")
    return ChunkWork(station.asked(path), "demo", cut)


def _allowed(pid: int) -> str:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list"))


async def test_every_thread_of_a_slot_stays_on_its_core(slot: Slot) -> None:
    assert slot.pid is not None
    threads = [int(entry.name) for entry in Path(f"/proc/{slot.pid}/task").iterdir()]
    assert len(threads) > 1, "the engine runs threads of its own"
    assert {_allowed(thread) for thread in threads} == {str(slot.cores[0])}


async def test_a_slot_reports_what_it_loaded(slot: Slot) -> None:
    assert slot.loaded is not None
    assert (slot.loaded.model, slot.loaded.device) == ("demo", "cpu")


async def test_starting_a_running_slot_again_keeps_its_process(slot: Slot) -> None:
    before = slot.pid
    await slot.start()
    assert slot.pid == before


async def test_a_slot_without_its_model_says_which_folder_lacks_what(slot_for: Slots, tmp_path: Path) -> None:
    empty = tmp_path / "whisper-large-v2"
    empty.mkdir()
    with pytest.raises(ModelMissing, match=f"{empty}.*model.bin"):
        await slot_for(empty)


async def test_progress_rises_to_the_whole_recording(slot: Slot, station: Station) -> None:
    moved: list[Moved] = []
    await slot.transcribe(_chunk(station, station.recording(), 20), moved.append)
    done = [told.done_ms for told in moved]
    assert done == sorted(done)
    assert done[-1] == 20_000


async def test_the_same_chunk_gives_the_same_words_whatever_went_before(slot: Slot, station: Station) -> None:
    name = station.recording("long.ogg", "meeting-2min.ogg")
    cuts = [Cut(n, 40_000 * n, 40_000 * (n + 1), ((0, 640_000),), "en") for n in range(2)]
    works = [ChunkWork(station.asked(name), "demo", cut) for cut in cuts]
    first = [await slot.transcribe(work, lambda _: None) for work in works]
    again = [await slot.transcribe(work, lambda _: None) for work in reversed(works)]
    assert [hearing.words for hearing in first] == [hearing.words for hearing in reversed(again)]
    assert sum(len(hearing.words) for hearing in first) > 150


async def test_a_plan_that_goes_on_keeps_the_cuts_that_stand(slot: Slot, station: Station) -> None:
    name = station.recording("long.ogg", "meeting-10min.ogg")
    whole: list[Cut] = []
    planned = await slot.plan(_plan(station, name), whole.append, lambda _: None)
    rest: list[Cut] = []
    stored = tuple(cut.end_ms for cut in whole[:2])
    again = await slot.plan(replace(_plan(station, name), ends_ms=stored), rest.append, lambda _: None)
    assert rest == whole[2:]
    assert again == planned
    assert 0 <= planned.audio_ms - whole[-1].end_ms < 100
    assert [cut.start_ms for cut in whole] == [0, *(cut.end_ms for cut in whole[:-1])]


async def test_a_slot_goes_on_after_a_recording_it_could_not_read(slot: Slot, station: Station) -> None:
    (station.media / "notes.mp4").write_text("these are minutes, not a recording\n" * 50)
    with pytest.raises(MediaUnreadable):
        await slot.plan(_plan(station, "notes.mp4"), lambda _: None, lambda _: None)
    planned = await slot.plan(_plan(station, station.recording()), lambda _: None, lambda _: None)
    assert planned.audio_ms == 20_000


async def test_a_killed_slot_is_told_from_a_failed_job_and_starts_again(slot: Slot, station: Station) -> None:
    station.recording("long.ogg", "meeting-2min.ogg")
    begun = asyncio.Event()
    working = asyncio.create_task(slot.transcribe(_chunk(station, "long.ogg", 120), lambda _: begun.set()))
    async with asyncio.timeout(20):
        await begun.wait()
        assert slot.pid is not None
        os.kill(slot.pid, signal.SIGKILL)
        with pytest.raises(WorkerCrashed, match="SIGKILL"):
            await working
    await slot.start()
    assert slot.pid is not None


async def test_killing_a_slot_leaves_no_decoder_behind(slot: Slot, station: Station) -> None:
    station.recording("long.ogg", "meeting-10min.ogg")
    begun = asyncio.Event()
    working = asyncio.create_task(
        slot.plan(_plan(station, "long.ogg"), lambda _: None, lambda told: begun.set() if told.done_ms else None)
    )
    async with asyncio.timeout(20):
        await begun.wait()
        group = slot.pid
        await slot.kill("test")
        with pytest.raises(WorkerCrashed):
            await working
        while any(_group(entry) == group for entry in Path("/proc").iterdir() if entry.name.isdigit()):
            await asyncio.sleep(0.05)


def _group(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rsplit(")", 1)[1].split()[2])
    except (FileNotFoundError, ProcessLookupError):
        return None
