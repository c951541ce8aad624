"""Committed files under the names people look for: never over somebody's own, never between two recordings."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.simulators import faultfs
from tests.transcriber.conftest import LEASE, Station

from archivist_common.database.models import Artifact
from archivist_common.jobs import artifacts, lifecycle
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.states import PublicState
from archivist_common.storage import atomic_files
from archivist_common.storage.client import StorageClient, StorageServer
from archivist_common.storage.mounts import MARKER, MountKind
from archivist_transcriber.outputs.paths import attempt_folder, public_path, vault_name
from archivist_transcriber.outputs.placement import Placer


async def one_round(placer: Placer) -> None:
    """Everything that waits and can be placed is placed, once, as `run` does it again and again."""
    await asyncio.gather(*(placer._round(lane) for lane in placer._lanes), placer._say_homeless())


async def _finish(station: Station, path: str, data: bytes, *, server: StorageServer | None = None) -> UUID:
    """A job completed with one SCC file of these bytes, for a server where not the station's plain one."""
    if not (station.media / path).exists():
        (station.media / path).write_bytes(b"a recording")
    claim = await station.claimed(path)
    staged = atomic_files.stage(attempt_folder(station.output, str(claim.id), claim.attempt), vault_name("scc"), data)
    public = public_path(station.output, server or _flex(station), path, "scc")
    made = StagedFile("scc", staged.path, staged.sha256, staged.size_bytes, public)
    async with station.db.transaction() as session:
        await lifecycle.complete(session, claim, lifecycle.JobOutcome((made,), 1000, "en", None, ()))
    return claim.id


def _flex(station: Station, *, beside: bool = False, kind: MountKind = MountKind.FOLDER) -> StorageServer:
    return StorageServer("flex-1", station.media, beside, kind)


@asynccontextmanager
async def _placing(
    station: Station, *servers: StorageServer, fallback: Path | None = None, deadline: timedelta = LEASE
) -> AsyncIterator[Placer]:
    async with StorageClient(servers or (_flex(station),)) as storages:
        yield Placer(station.db, storages, deadline, station.output, fallback)


async def _place(station: Station, *servers: StorageServer, fallback: Path | None = None) -> None:
    async with _placing(station, *servers, fallback=fallback) as placer:
        await one_round(placer)


async def _scc(station: Station, job_id: UUID) -> artifacts.StoredFile:
    async with station.db.transaction() as session:
        return (await artifacts.of_transcription(session, job_id))[0]


async def test_a_file_stands_beneath_the_output_path_as_its_recording_beneath_the_server(station: Station) -> None:
    (station.media / "2022").mkdir()
    job_id = await _finish(station, "2022/Council (20220412).mp4", b"captions")
    await _place(station)
    target = station.output / "flex-1/2022/Council (20220412).scc"
    assert target.read_bytes() == b"captions"
    assert (await _scc(station, job_id)).public_state is PublicState.PLACED
    assert (await station.row(job_id)).scc_file_path == str(target)


async def test_a_server_that_asks_for_it_has_the_scc_beside_the_recording(station: Station) -> None:
    await _finish(station, "Council.mp4", b"captions", server=_flex(station, beside=True))
    await _place(station, _flex(station, beside=True))
    assert (station.media / "Council.scc").read_bytes() == b"captions"


async def test_somebodys_own_file_is_left_alone_and_the_reason_kept(station: Station) -> None:
    (station.media / "Council.scc").write_text("made by a person")
    job_id = await _finish(station, "Council.mp4", b"captions", server=_flex(station, beside=True))
    await _place(station, _flex(station, beside=True))
    assert (station.media / "Council.scc").read_text() == "made by a person"
    stored = await _scc(station, job_id)
    assert stored.public_state is PublicState.BLOCKED
    assert stored.public_error is not None
    assert "OUTPUT_EXISTS" in stored.public_error
    assert stored.path.read_bytes() == b"captions", "nothing is lost: the committed copy is there"


async def test_our_own_file_edited_by_a_person_is_theirs_now(station: Station) -> None:
    await _finish(station, "Council.mp4", b"first")
    await _place(station)
    target = station.output / "flex-1/Council.scc"
    target.write_text("first, corrected")
    (station.media / "Council.mp4").write_bytes(b"a recording, exported again")
    second = await _finish(station, "Council.mp4", b"second")
    await _place(station)
    assert target.read_text() == "first, corrected"
    assert (await _scc(station, second)).public_state is PublicState.BLOCKED


async def test_captions_made_anew_replace_our_own(station: Station) -> None:
    await _finish(station, "Council.mp4", b"first")
    await _place(station)
    (station.media / "Council.mp4").write_bytes(b"a recording, exported again")
    await _finish(station, "Council.mp4", b"second")
    await _place(station)
    assert (station.output / "flex-1/Council.scc").read_bytes() == b"second"


async def test_an_older_transcription_never_replaces_a_later_one(station: Station) -> None:
    older = await _finish(station, "Council.mp4", b"first")
    (station.media / "Council.mp4").write_bytes(b"a recording, exported again")
    await _finish(station, "Council.mp4", b"second")
    await _place(station)
    assert (station.output / "flex-1/Council.scc").read_bytes() == b"second"
    assert (await _scc(station, older)).public_state is PublicState.BLOCKED


async def test_two_recordings_of_one_base_name_do_not_share_captions(station: Station) -> None:
    await _finish(station, "Council.mp4", b"of the mp4")
    await _place(station)
    second = await _finish(station, "Council.mov", b"of the mov")
    await _place(station)
    assert (station.output / "flex-1/Council.scc").read_bytes() == b"of the mp4"
    assert (station.output / "flex-1/Council.mov.scc").read_bytes() == b"of the mov"
    assert (await _scc(station, second)).public_path.name == "Council.mov.scc"


async def test_a_place_that_cannot_be_written_is_tried_again(station: Station) -> None:
    in_the_way = station.output / "flex-1"
    in_the_way.write_text("a file where a folder should be")
    job_id = await _finish(station, "Council.mp4", b"captions")
    await _place(station)
    stored = await _scc(station, job_id)
    assert (stored.public_state, bool(stored.public_error)) == (PublicState.PENDING, True)
    in_the_way.unlink()
    await _place(station)
    assert (await _scc(station, job_id)).public_state is PublicState.PLACED


async def test_placing_twice_is_placing_once(station: Station) -> None:
    await _finish(station, "Council.mp4", b"captions")
    await _place(station)
    before = (station.output / "flex-1/Council.scc").stat().st_mtime_ns
    await _place(station)
    assert (station.output / "flex-1/Council.scc").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["a" * 251 + ".mp4", "line\nbreak.mp4", "😀 [final] & co.mp4"])
async def test_any_legal_file_name_has_a_place(station: Station, name: str) -> None:
    job_id = await _finish(station, name, json.dumps(name).encode())
    await _place(station)
    stored = await _scc(station, job_id)
    assert stored.public_state is PublicState.PLACED
    assert Path(stored.public_path).read_bytes() == json.dumps(name).encode()


# Places that refuse


async def test_while_a_server_refuses_its_file_a_copy_stands_in_until_it_can_be_placed(station: Station) -> None:
    server = _flex(station, beside=True, kind=MountKind.MOUNT)  # nothing is mounted there
    job_id = await _finish(station, "Council.mp4", b"captions", server=server)
    stand_in = station.output / "flex-1/Council.scc"
    async with _placing(station, server) as placer:
        for _ in range(2):
            await one_round(placer)
            stored = await _scc(station, job_id)
            assert (stored.public_state, stored.public_path) == (PublicState.PENDING, station.media / "Council.scc")
            assert stored.public_error is not None
            assert stored.public_error.startswith("STORAGE_UNAVAILABLE: ")
            assert stored.public_error.endswith(f"until it can be placed, a copy stands at {str(stand_in)!r}")
            assert stand_in.read_bytes() == b"captions"
            assert not (station.media / "Council.scc").exists()
        (station.media / MARKER).touch()
        await one_round(placer)
    stored = await _scc(station, job_id)
    assert (stored.public_state, stored.public_error) == (PublicState.PLACED, None)
    assert (station.media / "Council.scc").read_bytes() == b"captions"
    assert not stand_in.exists(), "else it would be found, and older by then"


async def test_what_stands_in_is_replaced_by_a_later_result_and_never_a_persons_file(station: Station) -> None:
    server = _flex(station, beside=True, kind=MountKind.MOUNT)
    stand_in = station.output / "flex-1/Council.scc"
    await _finish(station, "Council.mp4", b"first", server=server)
    await _place(station, server)
    (station.media / "Council.mp4").write_bytes(b"a recording, exported again")
    await _finish(station, "Council.mp4", b"second", server=server)
    await _finish(station, "Council.mov", b"of the mov", server=server)
    await _place(station, server)
    assert stand_in.read_bytes() == b"second"
    assert (station.output / "flex-1/Council.mov.scc").read_bytes() == b"of the mov"
    stand_in.write_text("second, corrected")
    (station.media / MARKER).touch()
    await _place(station, server)
    assert stand_in.read_text() == "second, corrected"
    assert (station.media / "Council.scc").read_bytes() == b"second"
    assert (station.media / "Council.mov.scc").read_bytes() == b"of the mov"
    assert not (station.output / "flex-1/Council.mov.scc").exists()


async def test_an_output_path_that_is_gone_has_its_files_in_the_fallback_meanwhile(
    station: Station, tmp_path: Path
) -> None:
    fallback = tmp_path / "fallback"
    fallback.mkdir()
    job_id = await _finish(station, "Council.mp4", b"captions")
    vault = (station.output / ".archivist").rename(fallback / ".archivist")
    stored = await _scc(station, job_id)
    async with station.db.transaction() as session:
        row = await session.get_one(Artifact, 1)
        row.path = str(vault / stored.path.relative_to(station.output / ".archivist"))
    station.output.rmdir()
    await _place(station, fallback=fallback)
    stored = await _scc(station, job_id)
    assert (stored.public_state, stored.public_path) == (PublicState.PENDING, station.output / "flex-1/Council.scc")
    assert (fallback / "flex-1/Council.scc").read_bytes() == b"captions"
    assert not station.output.exists()
    station.output.mkdir()
    await _place(station, fallback=fallback)
    assert (await _scc(station, job_id)).public_state is PublicState.PLACED
    assert (station.output / "flex-1/Council.scc").read_bytes() == b"captions"
    assert not (fallback / "flex-1/Council.scc").exists()


async def test_a_read_only_and_a_full_server_are_named_on_the_row(station: Station) -> None:
    server = _flex(station, beside=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", station.media], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        job_id = await _finish(station, "Council.mp4", b"captions", server=server)
        async with _placing(station, server) as placer:
            subprocess.run(["mount", "-o", "remount,ro", station.media], check=True)
            await one_round(placer)
            assert ((await _scc(station, job_id)).public_error or "").startswith("STORAGE_READ_ONLY: ")
            assert (station.output / "flex-1/Council.scc").read_bytes() == b"captions"
            subprocess.run(["mount", "-o", "remount,rw", station.media], check=True)
            (station.media / "ballast").write_bytes(bytes(1024**2 - 4096))
            await one_round(placer)
            assert ((await _scc(station, job_id)).public_error or "").startswith("STORAGE_FULL: ")
            (station.media / "ballast").unlink()
            await one_round(placer)
            assert (await _scc(station, job_id)).public_state is PublicState.PLACED
            assert sorted(path.name for path in station.media.iterdir()) == ["Council.mp4", "Council.scc"]
    finally:
        subprocess.run(["umount", "-l", station.media], check=True)


async def test_files_that_are_refused_for_good_keep_no_later_one_waiting(station: Station) -> None:
    server = _flex(station, beside=True)
    for number in range(5):
        (station.media / f"{number}").mkdir()
        await _finish(station, f"{number}/Council.mp4", b"captions", server=server)
    last = await _finish(station, "Council.mp4", b"captions", server=server)
    for number in range(5):
        shutil.rmtree(station.media / f"{number}")
    async with _placing(station, server) as placer:
        for _ in range(3):
            await one_round(placer)
    assert (await _scc(station, last)).public_state is PublicState.PLACED


async def test_a_server_that_hangs_keeps_only_its_own_files_waiting(station: Station, tmp_path: Path) -> None:
    hung = StorageServer("flex-2", tmp_path / "flex-2", beside=True)
    hung.path.mkdir()
    (tmp_path / "disk").mkdir()
    try:
        faulty = faultfs.Mounted(tmp_path / "disk", hung.path)
    except faultfs.NotHere as exc:
        pytest.skip(str(exc))
    waits = await _finish(station, "Council.mp4", b"captions of the hung", server=replace(hung, name="flex-1"))
    (station.media / "Council.mp4").write_bytes(b"a recording, exported again")
    goes = await _finish(station, "Grant.mp4", b"captions", server=_flex(station, beside=True))
    with faulty:
        faulty.set("hang")
        async with _placing(station, _flex(station, beside=True), hung, deadline=timedelta(seconds=2)) as placer:
            placing = asyncio.create_task(one_round(placer))
            async with asyncio.timeout(15):
                while (await _scc(station, goes)).public_state is not PublicState.PLACED:
                    await asyncio.sleep(0.02)
            await placing
            stored = await _scc(station, waits)
            assert stored.public_state is PublicState.PENDING
            assert "did not answer within 2 s" in (stored.public_error or "")
            faulty.set("ok")
            async with asyncio.timeout(15):
                while (await _scc(station, waits)).public_state is not PublicState.PLACED:
                    await one_round(placer)
    assert (tmp_path / "disk" / "Council.scc").read_bytes() == b"captions of the hung"


async def test_a_file_whose_place_is_in_no_setting_any_more_says_so(station: Station, tmp_path: Path) -> None:
    job_id = await _finish(station, "Council.mp4", b"captions", server=StorageServer("old", tmp_path / "old", True))
    await _place(station)
    stored = await _scc(station, job_id)
    assert stored.public_state is PublicState.PENDING
    assert "no storage server and no output folder" in (stored.public_error or "")
    assert not (tmp_path / "old").exists()


async def test_what_helpers_that_were_killed_left_is_swept_where_we_write_and_only_there(station: Station) -> None:
    left = [station.media / atomic_files.temporary_name(), station.output / "flex-1" / atomic_files.temporary_name()]
    left[1].parent.mkdir()
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in left:
        path.write_bytes(b"half")
        os.utime(path, (old, old))
    async with _placing(station) as placer:
        running = asyncio.create_task(placer.run())
        async with asyncio.timeout(15):
            while left[1].exists():
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert left[0].exists(), "we do not write there, so nothing there is ours"
    async with _placing(station, _flex(station, beside=True)) as placer:
        running = asyncio.create_task(placer.run())
        async with asyncio.timeout(15):
            while left[0].exists():
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
