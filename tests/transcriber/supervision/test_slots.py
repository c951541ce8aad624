"""A slot: pinned before it loads, loaded once, ended with everything it started."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.transcriber.supervision.conftest import Slots, Station

from archivist_common.errors import MediaUnreadable, ModelMissing, WorkerCrashed
from archivist_common.jobs import Progress
from archivist_transcriber.slots import Slot
from archivist_transcriber.wire import Work


def _work(station: Station, path: str) -> Work:
    found = (station.media / path).stat()
    return Work("a-job", 1, "flex-1", path, found.st_size, found.st_mtime_ns, "en", "demo", True, None)


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
    heard: list[Progress] = []
    outcome = await slot.work(_work(station, station.recording()), heard.append)
    done = [progress.audio_done_ms for progress in heard]
    assert done == sorted(done)
    assert done[-1] == outcome.audio_ms
    assert [progress.percent for progress in heard] == sorted(progress.percent for progress in heard)


async def test_a_slot_goes_on_after_a_recording_it_could_not_read(slot: Slot, station: Station) -> None:
    (station.media / "notes.mp4").write_text("these are minutes, not a recording\n" * 50)
    with pytest.raises(MediaUnreadable):
        await slot.work(_work(station, "notes.mp4"), lambda _: None)
    outcome = await slot.work(_work(station, station.recording()), lambda _: None)
    assert outcome.audio_ms == 20_000


async def test_a_killed_slot_is_told_from_a_failed_job_and_starts_again(slot: Slot, station: Station) -> None:
    station.recording("long.ogg", "meeting-2min.ogg")
    begun = asyncio.Event()
    working = asyncio.create_task(slot.work(_work(station, "long.ogg"), lambda _: begun.set()))
    async with asyncio.timeout(20):
        await begun.wait()
        assert slot.pid is not None
        os.kill(slot.pid, signal.SIGKILL)
        with pytest.raises(WorkerCrashed, match="SIGKILL"):
            await working
    await slot.start()
    assert slot.pid is not None


async def test_killing_a_slot_leaves_no_decoder_behind(slot: Slot, station: Station) -> None:
    station.recording("long.ogg", "meeting-2min.ogg")
    begun = asyncio.Event()
    working = asyncio.create_task(
        slot.work(_work(station, "long.ogg"), lambda told: begun.set() if told.audio_done_ms else None)
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
