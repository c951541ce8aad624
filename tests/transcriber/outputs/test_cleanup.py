"""Sweeping the vault: what a killed attempt left goes, a job's result and anybody else's file stay."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tests.transcriber.conftest import Station

from archivist_common.jobs import lifecycle
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.storage import atomic_files
from archivist_transcriber.outputs import cleanup
from archivist_transcriber.outputs.paths import attempt_folder, vault_name

NOW = datetime.now(UTC)


def _aged(folder: Path, age: timedelta) -> None:
    then = (NOW - age).timestamp()
    os.utime(folder, (then, then))


async def _sweep(station: Station) -> int:
    return await cleanup.sweep(station.db, station.output, NOW - cleanup.LEFT_FOR)


async def test_an_abandoned_attempt_is_removed_after_a_day_and_not_before(station: Station) -> None:
    folder = attempt_folder(station.output, str(uuid4()), 1)
    atomic_files.stage(folder, vault_name("scc"), b"half a set of files")
    _aged(folder, timedelta(hours=23))
    assert await _sweep(station) == 0
    _aged(folder, timedelta(hours=25))
    assert await _sweep(station) == 1
    assert not folder.exists()


async def test_a_jobs_result_stays_and_its_earlier_attempts_go(station: Station) -> None:
    claim = await station.claimed(station.recording())
    result = attempt_folder(station.output, str(claim.id), claim.attempt)
    staged = atomic_files.stage(result, vault_name("scc"), b"captions")
    made = StagedFile("scc", staged.path, staged.sha256, staged.size_bytes, station.output / "flex-1/meeting.scc")
    async with station.db.transaction() as session:
        await lifecycle.complete(session, claim, lifecycle.JobOutcome((made,), 1000, "en", None, ()))
    killed = attempt_folder(station.output, str(claim.id), 7)
    atomic_files.stage(killed, vault_name("scc"), b"not the result")
    for folder in (result, killed):
        _aged(folder, timedelta(days=400))
    assert await _sweep(station) == 1
    assert result.is_dir()
    assert not killed.exists()


async def test_what_is_not_an_attempts_folder_is_not_ours_to_judge(station: Station) -> None:
    notes = station.output / ".archivist" / "notes of the operator"
    notes.mkdir(parents=True)
    (notes / "1").mkdir()
    _aged(notes / "1", timedelta(days=400))
    assert await _sweep(station) == 0
    assert (notes / "1").is_dir()


async def test_the_fallbacks_vault_is_swept_too_whatever_became_of_the_output_path(
    station: Station, tmp_path: Path
) -> None:
    station.output.rmdir()
    station.output.symlink_to(station.output)  # a loop: every look at it fails
    folder = attempt_folder(tmp_path / "fallback", str(uuid4()), 1)
    atomic_files.stage(folder, vault_name("scc"), b"half a set of files")
    _aged(folder, timedelta(hours=25))
    running = asyncio.create_task(cleanup.run(station.db, station.output, tmp_path / "fallback"))
    async with asyncio.timeout(15):
        while folder.exists():
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_output_path_that_is_not_there_is_nothing_to_sweep(station: Station) -> None:
    station.output.rmdir()
    assert await _sweep(station) == 0
