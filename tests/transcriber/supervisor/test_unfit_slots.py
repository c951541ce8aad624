"""Slots whose decoder does not work: not ready, said once, no job charged, and back at work when it is mended."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update
from tests.transcriber import changed_decoder
from tests.transcriber.conftest import Slots, Station
from tests.transcriber.supervisor.test_supervisor import _ready, _running

from archivist_common.database.models import OutboxEvent, Transcription, Worker
from archivist_common.errors import DecoderFailed, EngineUnavailable, SelfTestFailed
from archivist_common.events import outbox

NOWHERE = "unix:///nowhere/valkey.sock"
ANOTHER_PYAV = ('metadata_errors="replace"', 'metadata_faults="replace"')
CRASHES_ON_ONE = (
    "    source = Source(request",
    '    if "hostile" in os.readlink(f"/proc/self/fd/{request[\'fd\']}"):\n'
    "        os.kill(os.getpid(), signal.SIGSEGV)\n"
    "    source = Source(request",
)

Decoders = Callable[[tuple[str, str]], Path]


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decoders:
    """Sees to it that slots run a changed decoder for as long as the file that is given back exists.

    As a wrong package would: slots start their decoders with an interpreter that finds another one.
    """

    def changed(change: tuple[str, str]) -> Path:
        folder = tmp_path / "another-installation"
        folder.mkdir()
        program = changed_decoder.program(folder, *change)
        switch, python = folder / "broken", folder / "python"
        switch.touch()
        python.write_text(
            f'#!/bin/sh\nif [ -e {switch} ]; then exec {sys.executable} -I {program} "$4"; fi\n'
            f'exec {sys.executable} "$@"\n'
        )
        python.chmod(0o755)
        (folder / "sitecustomize.py").write_text(f"import sys\nsys.executable = {str(python)!r}\n")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        return switch

    return changed


async def _worker(station: Station, worker_id: str) -> Worker | None:
    async with station.db.transaction() as session:
        return await session.scalar(select(Worker).where(Worker.id == worker_id))


async def test_a_slot_of_another_pyav_is_not_ready_says_why_once_and_takes_no_job(
    station: Station, slot_for: Slots, decoder: Decoders, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault: with PyAV 19 every recording failed with MEDIA_UNREADABLE while the slots called themselves ready."""
    broken = decoder(ANOTHER_PYAV)
    slot = await slot_for(start=False)
    job_id = await station.submit(station.recording())
    async with _running(station, [slot], NOWHERE) as supervisor:
        starts = 0
        async with asyncio.timeout(60):
            before = None
            while starts < 3:  # it is tried again and again
                starts += slot.pid not in {before, None}
                before = slot.pid or before
                await asyncio.sleep(0.05)
            while (worker := await _worker(station, supervisor.id)) is None or "DECODER_FAILED" not in (
                worker.reason or ""
            ):
                await asyncio.sleep(0.2)
        assert not worker.ready
        assert worker.free_slots == 0
        with pytest.raises(EngineUnavailable, match=r"^SELF_TEST_FAILED: .*DECODER_FAILED: .*\(exit code 1\)$"):
            await supervisor.ready()
        row = await station.row(job_id)
        assert (row.status, row.attempt, row.error_code) == ("pending", 0, None)
        (said,) = [record for record in caplog.records if record.message == "slot cannot start"]
        assert said.levelno == logging.ERROR
        assert said.__dict__["code"] == "SELF_TEST_FAILED"
        assert "metadata_faults" in said.__dict__["stderr"]

        broken.unlink()
        async with asyncio.timeout(60):
            while (row := await station.row(job_id)).status != "completed":
                await asyncio.sleep(0.2)
        assert (row.attempt, row.crash_count, row.failure_count) == (1, 0, 0)


async def test_a_decoder_that_breaks_under_a_running_slot_costs_no_job_a_try(
    station: Station, slot_for: Slots, decoder: Decoders
) -> None:
    broken = decoder(ANOTHER_PYAV)
    broken.unlink()
    slots = [await slot_for(start=False), await slot_for(start=False)]
    async with _running(station, slots, NOWHERE) as supervisor:
        await _ready(supervisor)
        broken.touch()
        job_id = await station.submit(station.recording())
        async with asyncio.timeout(60):
            while supervisor._loaded:
                await asyncio.sleep(0.2)
        row = await station.row(job_id)
        assert (row.status, row.crash_count, row.failure_count) == ("pending", 0, 0)
        assert 1 <= row.attempt <= len(slots), "each slot finds it out at most once"
        broken.unlink()
        async with asyncio.timeout(60):
            while (row := await station.row(job_id)).status != "completed":
                await asyncio.sleep(0.2)
    assert (row.crash_count, row.failure_count) == (0, 0)
    async with station.db.transaction() as session:
        events = (await session.scalars(select(OutboxEvent).where(OutboxEvent.event == outbox.RELEASED))).all()
    assert any("DECODER_FAILED" in event.data["reason"] for event in events)


async def test_a_recording_that_crashes_the_decoder_each_time_ends_after_three_tries(
    station: Station, slot_for: Slots, decoder: Decoders, caplog: pytest.LogCaptureFixture
) -> None:
    decoder(CRASHES_ON_ONE)
    slot = await slot_for()
    job_id = await station.submit(station.recording("hostile.flac"))
    for tried in (1, 2, 3):
        claim = await station.claim()
        assert claim is not None
        await station.attempt(slot, claim)
        row = await station.row(job_id)
        assert (row.attempt, row.crash_count) == (tried, tried)
        async with station.db.transaction() as session:
            await session.execute(update(Transcription).values(available_at=Transcription.created_date))
    assert (row.status, row.error_code) == ("failed", DecoderFailed.code)
    assert row.error_message == "the decoder ended without an answer (killed by SIGSEGV)"
    said = [record for record in caplog.records if record.message == "decoder failed"]
    assert len(said) == 3
    good = await station.claimed(station.recording("good.flac"))
    await station.attempt(slot, good)
    assert (await station.row(good.id)).status == "completed"


async def test_a_slot_says_what_kept_it_from_passing(slot_for: Slots, decoder: Decoders) -> None:
    decoder(("    av = load_all()\n", "    raise ImportError('libavcodec.so.62: cannot open')\n"))
    with pytest.raises(SelfTestFailed, match="DECODER_FAILED") as caught:
        await slot_for()
    assert caught.value.stderr.endswith("ImportError: libavcodec.so.62: cannot open")


async def test_a_ready_slot_says_how_long_its_self_test_took(slot_for: Slots) -> None:
    slot = await slot_for()
    assert slot.loaded is not None
    assert 0 < slot.loaded.test_s < 20
