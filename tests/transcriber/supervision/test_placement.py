"""Committed files under the names people look for: never over somebody's own, never between two recordings."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from tests.transcriber.supervision.conftest import LEASE, Station

from archivist_common import artifacts, files, jobs
from archivist_common.artifacts import Made
from archivist_common.mounts import Kind
from archivist_common.states import PublicState
from archivist_common.storage import Storages, StorageServer
from archivist_transcriber.outputs import attempt_folder, public_path, vault_name
from archivist_transcriber.placement import Placer


async def _finish(station: Station, path: str, data: bytes, *, beside: bool = False) -> UUID:
    """A job completed with one SCC file of these bytes."""
    if not (station.media / path).exists():
        (station.media / path).write_bytes(b"a recording")
    claim = await station.claimed(path)
    server = StorageServer("flex-1", station.media, beside, Kind.FOLDER)
    staged = files.stage(attempt_folder(station.output, str(claim.id), claim.attempt), vault_name("scc"), data)
    public = public_path(station.output, server, path, "scc")
    made = Made("scc", staged.path, staged.sha256, staged.size_bytes, public)
    async with station.db.transaction() as session:
        await jobs.complete(session, claim, jobs.Outcome((made,), 1000, "en", None, ()))
    return claim.id


async def _place(station: Station, *, beside: bool = False) -> None:
    server = StorageServer("flex-1", station.media, beside, Kind.FOLDER)
    async with Storages((server,)) as storages:
        await Placer(station.db, storages, LEASE, station.output).place_all()


async def _scc(station: Station, job_id: UUID) -> artifacts.Stored:
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
    await _finish(station, "Council.mp4", b"captions", beside=True)
    await _place(station, beside=True)
    assert (station.media / "Council.scc").read_bytes() == b"captions"


async def test_somebodys_own_file_is_left_alone_and_the_reason_kept(station: Station) -> None:
    (station.media / "Council.scc").write_text("made by a person")
    job_id = await _finish(station, "Council.mp4", b"captions", beside=True)
    await _place(station, beside=True)
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
