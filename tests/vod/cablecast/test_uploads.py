"""Files into a store in segments: through every kind of trouble, exactly the bytes that were meant, once."""

import asyncio
import hashlib
import logging
from typing import Any

import pytest
from tests.simulators.cablecast.process import Simulator
from tests.vod.cablecast.conftest import Connect, Ours
from tests.vod.cablecast.transport.scripted import Scripted, Seen, answer

from archivist_common.errors import TargetDenied, TargetFailed, TargetMissing, TargetRefused, TargetUnavailable
from archivist_vod.cablecast.uploads import UploadProgress, Uploads

_STORE = 11  # Flex 1 of the simulator
_NAME = "4120-1-Harbor Council.scc"
_SEGMENT = 1_000
DATA = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(140))  # 4480 bytes: five segments


def _uploads(ours: Ours, **given: Any) -> Uploads:
    return Uploads(ours.client, segment_bytes=_SEGMENT, **given)


async def _steps(sim: Simulator) -> list[tuple[str, str]]:
    """Method and path below the API of every call that was about uploads."""
    found = [(entry["method"], entry["path"].partition("/v1/")[2]) for entry in await sim.control.journal()]
    return [step for step in found if step[1].startswith("fileuploads")]


async def test_a_file_arrives_byte_for_byte_and_its_asset_is_known(modern: Simulator, attend: Connect) -> None:
    kept: list[UploadProgress] = []

    async def keep(progress: UploadProgress) -> None:
        kept.append(progress)

    async with attend(modern) as ours:
        done = await _uploads(ours).upload(_NAME, _STORE, DATA, keep=keep)
    assert (done.state, done.file_name, done.size) == (5, _NAME, len(DATA))
    assert done.asset is not None
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA
    assert kept == [UploadProgress(done.id, segment) for segment in range(6)]
    assert set(ours.time.slept) == {3.0}
    assert await modern.control.invariants() == []


@pytest.mark.parametrize("size", [0, 1, _SEGMENT, _SEGMENT + 1])
async def test_a_file_of_any_size_has_at_least_one_segment(modern: Simulator, attend: Connect, size: int) -> None:
    async with attend(modern) as ours:
        done = await _uploads(ours).upload(_NAME, _STORE, DATA[:size])
    assert done.total_segments == max(1, -(-size // _SEGMENT))
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA[:size]


@pytest.mark.parametrize("segment", range(6))
async def test_an_upload_goes_on_from_where_another_process_stopped(
    modern: Simulator, attend: Connect, segment: int
) -> None:
    """Stopped when that many segments were known to be there; the next one may be there too."""
    kept: list[UploadProgress] = []

    class Stopped(Exception):
        pass

    async def keep(progress: UploadProgress) -> None:
        kept.append(progress)
        if progress.next_segment == segment:
            raise Stopped

    async with attend(modern) as ours:
        with pytest.raises(Stopped):
            await _uploads(ours).upload(_NAME, _STORE, DATA, keep=keep)
        assert not (modern.store("Flex 1") / _NAME).exists()
        before = len(await _steps(modern))
        written = UploadProgress.from_json(kept[-1].to_json())
        done = await _uploads(ours).upload(_NAME, _STORE, DATA, progress=written)
    assert done.id == kept[0].upload_id
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA
    steps = (await _steps(modern))[before:]
    assert sum(method == "POST" for method, _ in steps) == 5 - segment


@pytest.mark.parametrize("action", ["apply_then_drop", "drop"])
@pytest.mark.parametrize("skip", [0, 2, 4])
async def test_a_segment_whose_answer_is_lost_is_sent_again(
    modern: Simulator, attend: Connect, action: str, skip: int
) -> None:
    await modern.control.fault(action, method="POST", path="/upload$", skip=skip, times=2)
    async with attend(modern) as ours:
        done = await _uploads(ours).upload(_NAME, _STORE, DATA)
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA
    assert (await _steps(modern)).count(("POST", f"fileuploads/{done.id}/upload")) == 7


@pytest.mark.parametrize("listed", [False, True], ids=["no-list", "with-list"])
async def test_an_upload_whose_creation_got_no_answer_is_found_or_made_anew(
    modern: Simulator, attend: Connect, listed: bool
) -> None:
    """An upload of the same file that is over, as after an edit that was taken back, is not taken for it."""
    await modern.control.switch(fileuploads_list=listed)
    async with attend(modern) as ours:
        over = await _uploads(ours).upload(_NAME, _STORE, DATA)
        await modern.control.fault("drop", method="POST", path="/fileuploads$", times=1)
        assert (await _uploads(ours).upload(_NAME, _STORE, DATA)).id != over.id
        (modern.store("Flex 1") / _NAME).unlink()
        await modern.control.fault("apply_then_drop", method="POST", path="/fileuploads$", times=1)
        await _uploads(ours).upload(_NAME, _STORE, DATA)
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA
    created = (await _steps(modern)).count(("POST", "fileuploads"))
    assert created == (4 if listed else 5)


async def test_a_creation_that_never_arrived_is_looked_for_twice_and_made_once(
    modern: Simulator, attend: Connect
) -> None:
    await modern.control.switch(fileuploads_list=True)
    await modern.control.fault("drop", method="POST", path="/fileuploads$", times=1)
    async with attend(modern) as ours:
        await _uploads(ours).upload("other.scc", _STORE, b"x")
        await _uploads(ours).upload(_NAME, _STORE, DATA)
        assert 5.0 in ours.time.slept
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA


async def test_saying_that_all_is_there_twice_is_a_conflict_that_is_looked_into(
    modern: Simulator, attend: Connect
) -> None:
    """The first time it was heard, though its answer got lost."""
    await modern.control.fault("apply_then_drop", method="PUT", path="/fileuploads/", times=1)
    async with attend(modern) as ours:
        await _uploads(ours).upload(_NAME, _STORE, DATA)
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA
    assert [status["status"] for status in await modern.control.journal() if status["method"] == "PUT"][-1] == 409


async def test_a_segment_refused_because_the_rest_was_done_meanwhile_is_not_sent(
    modern: Simulator, attend: Connect
) -> None:
    """Another process of ours finished it."""
    async with attend(modern) as ours:
        done = await _uploads(ours).upload(_NAME, _STORE, DATA)
        again = await _uploads(ours).upload(_NAME, _STORE, DATA, progress=UploadProgress(done.id, 3))
    assert again.id == done.id
    assert (await _steps(modern)).count(("POST", "fileuploads")) == 1


@pytest.mark.parametrize("why", ["gone", "timed-out", "of-another-file"])
async def test_an_upload_that_is_no_use_any_more_is_begun_anew(modern: Simulator, attend: Connect, why: str) -> None:
    async with attend(modern) as ours:
        old = 424_242
        if why != "gone":
            name = _NAME if why == "timed-out" else "other.scc"
            body = {"fileName": name, "destinationStore": _STORE, "totalSegments": 5, "size": len(DATA)}
            old = (await ours.client.post("fileuploads", "fileUpload", body))["id"]
            for segment in range(4):
                part = DATA[segment * _SEGMENT :][:_SEGMENT]
                await ours.client.post_segment(old, segment, name, part, deadline_s=5)
        if why == "timed-out":
            await modern.control.advance(5 * 3_600)
        done = await _uploads(ours).upload(_NAME, _STORE, DATA, progress=UploadProgress(old, 4))
    assert done.id != old
    assert not (modern.store("Flex 1") / "other.scc").exists()
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA


async def test_an_upload_that_fails_on_the_server_is_begun_three_times_and_then_reported(connect: Connect) -> None:
    state = 1

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        nonlocal state
        if seen.method == "POST" and seen.path == "fileuploads":
            state = 1
            return answer(201, {"fileUpload": {**seen.json["fileUpload"], "id": len(server.seen), "state": 1}})
        state = 0 if seen.method == "PUT" else state
        return answer(200, {"fileUpload": {"id": 1, "state": state}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match=r"begun 3 times: upload .* ended with 'error'"):
            await _uploads(ours).upload(_NAME, _STORE, b"x")
        assert server.asked("POST", "fileuploads") == 3


async def test_a_segment_that_never_gets_through_is_given_up_with_its_progress_kept(
    modern: Simulator, attend: Connect
) -> None:
    kept: list[UploadProgress] = []

    async def keep(progress: UploadProgress) -> None:
        kept.append(progress)

    await modern.control.fault("drop", method="POST", path="/upload$", skip=3)
    async with attend(modern) as ours:
        with pytest.raises(TargetUnavailable, match="segment 3 does not get through"):
            await _uploads(ours).upload(_NAME, _STORE, DATA, keep=keep)
        assert kept[-1].next_segment == 3
        await modern.control.no_faults()
        ours.host.reset()
        await _uploads(ours).upload(_NAME, _STORE, DATA, progress=kept[-1])
    assert (modern.store("Flex 1") / _NAME).read_bytes() == DATA


async def test_an_upload_that_never_finishes_ends_at_the_deadline(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, {"fileUpload": {"id": 1, "state": 1 if seen.method == "POST" else 4}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:

        async def real(seconds: float) -> None:
            await asyncio.sleep(0.01)

        ours.time.also = real
        with pytest.raises(TargetUnavailable, match="not finished within 1 s"):
            await _uploads(ours, deadline_s=0.6).upload(_NAME, _STORE, b"x")
        assert server.asked("GET", "fileuploads/1") > 3


async def test_a_name_the_server_does_not_take_is_refused_with_its_words(modern: Simulator, attend: Connect) -> None:
    async with attend(modern) as ours:
        with pytest.raises(TargetRefused, match="not a plain file name"):
            await _uploads(ours).upload("../up.scc", _STORE, DATA)
        await modern.control.switch(upload_same_name="409")
        await _uploads(ours).upload(_NAME, _STORE, DATA)
        with pytest.raises(TargetRefused, match="already exists") as caught:
            await _uploads(ours).upload(_NAME, _STORE, DATA)
        assert caught.value.status == 409


async def test_a_user_who_may_only_read_uploads_nothing(modern: Simulator, attend: Connect) -> None:
    async with attend(modern, CABLECAST_USER_ID="viewer") as ours:
        with pytest.raises(TargetDenied) as caught:
            await _uploads(ours).upload(_NAME, _STORE, DATA)
        assert caught.value.status == 403
    assert (await _steps(modern)) == [("POST", "fileuploads")]


async def test_a_server_without_uploads_says_so(
    stations: dict[str, Simulator], attend: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await stations["mid"].control.reset()
    async with attend(stations["mid"]) as ours:
        with pytest.raises(TargetMissing):
            await _uploads(ours).upload(_NAME, _STORE, DATA)
    assert caplog.records == []
