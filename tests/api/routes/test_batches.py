"""Recordings submitted together: an answer for each, in time, whatever becomes of the others."""

import asyncio
import contextlib
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import func, select

from archivist_common.database.models import Base
from archivist_common.jobs import lifecycle
from archivist_common.storage.client import MountKind, StorageServer


def batch(gateway, count, **more):
    files = [{"storage": "flex-1", "path": gateway.recording(f"{n}.mp4", b"%d" % n)} for n in range(count)]
    return {"files": files, **more}


async def everything(gateway):
    async with gateway.db.transaction() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(table))
            for name, table in Base.metadata.tables.items()
        }


async def test_every_file_has_its_answer_and_all_have_one_progress(gateway):
    asked = batch(gateway, 2, name="Birchwood, April", settings={"priority": 3, "language": "es"})
    asked["files"][1]["priority"] = 5
    asked["files"] += [
        {"storage": "flex-1", "path": "missing.mp4"},
        {"storage": "flex-1", "path": "../secret.mp4"},
        {"storage": "flex-9", "path": "a.mp4"},
        {"storage": "flex-1", "path": gateway.recording("minutes.docx")},
        {"storage": "flex-1", "path": "0.mp4"},
    ]
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/batches", json=asked)
        told = answer.json()
        assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/batches/{told['id']}")
        ids = [file["transcription_id"] for file in told["files"]]
        codes = [file["error"] and file["error"]["code"] for file in told["files"]]
        assert codes == [None, None, "FILE_NOT_FOUND", "PATH_REFUSED", "NOT_FOUND", "INVALID_FILE_FORMAT", None]
        assert [file["is_new"] for file in told["files"]] == [True, True, False, False, False, False, False]
        assert ids[6] == ids[0]
        assert (told["name"], told["total"], told["refused"], told["progress"]) == ("Birchwood, April", 7, 4, 0)
        job = (await uma.get(f"/transcriptions/{ids[0]}")).json()
        assert (job["batch_id"], job["priority"], job["language"]) == (told["id"], 3, "es")
        assert (await uma.get(f"/transcriptions/{ids[1]}")).json()["priority"] == 5
        await gateway.complete(await gateway.claim())
        told = (await uma.get(f"/batches/{told['id']}")).json()
        assert (told["progress"], told["ended"]) == (50, False)
        assert (told["counts"]["completed"], told["counts"]["pending"]) == (1, 1)
        assert [file["status"] for file in told["files"]][:2] == ["pending", "completed"]
        await gateway.complete(await gateway.claim())
        told = (await uma.get(f"/batches/{told['id']}")).json()
        assert (told["progress"], told["ended"], told["estimated_finish"]) == (100, True, None)


async def test_a_batch_sent_twice_is_one_batch(gateway):
    asked, headers = batch(gateway, 3), {"Idempotency-Key": "night-17"}
    async with gateway.as_("uma") as uma:
        answers = await asyncio.gather(*(uma.post("/batches", json=asked, headers=headers) for _ in range(5)))
        other = await uma.post("/batches", json={**asked, "name": "x"}, headers=headers)
        crossed = await uma.post("/transcriptions", json=asked["files"][0], headers=headers)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert (await everything(gateway))["transcriptions"] == 3
    for answer in (other, crossed):
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_files_past_the_room_in_the_queue_are_said_to_be(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, max_queue_size=3) as running:
        await running.add("uma")
        async with running.as_("uma") as uma:
            told = (await uma.post("/batches", json=batch(running, 5))).json()
            codes = [file["error"] and file["error"]["code"] for file in told["files"]]
            assert codes == [None, None, None, "QUEUE_FULL", "QUEUE_FULL"]
            before = await everything(running)
            more = {"files": [{"storage": "flex-1", "path": running.recording(f"more {n}.mp4")} for n in range(2)]}
            answer = await uma.post("/batches", json=more, headers={"Idempotency-Key": "k"})
            assert (answer.status_code, answer.json()["code"]) == (429, "QUEUE_FULL")
            assert int(answer.headers["retry-after"]) > 0
            assert await everything(running) == before


async def _freeze(folder):
    """Stop every storage helper of this folder as it comes, as a server that hangs does."""
    while True:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.cmdline()[-1:] == [str(folder)]:
                    child.suspend()
        await asyncio.sleep(0.02)


async def test_a_server_that_hangs_costs_its_own_files_and_nobody_more_than_its_deadline(
    start_gateway, own_database, redis_url, tmp_path
):
    (tmp_path / "media").mkdir()
    (tmp_path / "hung").mkdir()
    servers = tuple(
        StorageServer(name, tmp_path / folder, kind=MountKind.FOLDER)
        for name, folder in (("flex-1", "media"), ("flex-2", "hung"))
    )
    given = {"flex_servers": servers, "storage_deadline": 2}
    async with start_gateway(own_database, redis_url, tmp_path, **given) as running:
        await running.add("uma")
        asked = batch(running, 40)
        asked["files"][::2] = [{**file, "storage": "flex-2"} for file in asked["files"][::2]]
        freezing = asyncio.create_task(_freeze(tmp_path / "hung"))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        async with running.as_("uma") as uma:
            told = (await uma.post("/batches", json=asked)).json()
        took = asyncio.get_running_loop().time() - began
        freezing.cancel()
    codes = [file["error"] and file["error"]["code"] for file in told["files"]]
    assert codes == ["STORAGE_UNAVAILABLE", None] * 20
    assert took < 2 + 10, "twenty files of a server that hangs are not waited for one after the other"


async def test_a_batch_that_is_stopped_leaves_alone_what_it_did_not_begin(gateway):
    async with gateway.as_("uma") as uma:
        asked = batch(gateway, 3)
        before = (await uma.post("/transcriptions", json=asked["files"][0])).json()["id"]
        told = (await uma.post("/batches", json=asked)).json()
        await gateway.complete(await gateway.claim())  # the one from before
        assert (await uma.get(f"/transcriptions/{before}")).json()["status"] == "completed"
        held = await gateway.claim()
        told = (await uma.post(f"/batches/{told['id']}/cancel")).json()
        assert [file["status"] for file in told["files"]] == ["completed", "processing", "cancelled"]
        async with gateway.db.transaction() as session:
            assert await lifecycle.renew(session, held, timedelta(seconds=30))
            await lifecycle.stop(session, held)
        told = (await uma.post(f"/batches/{told['id']}/cancel")).json()
        assert (told["ended"], told["counts"]["cancelled"]) == (True, 2)


async def test_batches_are_listed_newest_first_for_those_who_may_see_them(gateway):
    await gateway.add("stan")
    async with gateway.as_("uma") as uma, gateway.as_("stan") as stan, gateway.as_("otto") as otto:
        ids = [(await uma.post("/batches", json=batch(gateway, 1, name=str(n)))).json()["id"] for n in range(3)]
        page = (await uma.get("/batches?limit=2")).json()
        rest = (await uma.get(f"/batches?limit=2&cursor={page['next']}")).json()
        assert [one["id"] for one in page["items"] + rest["items"]] == ids[::-1]
        assert rest["next"] is None
        assert (await stan.get("/batches")).json()["items"] == []
        assert len((await otto.get("/batches")).json()["items"]) == 3
        assert (await stan.get(f"/batches/{ids[0]}")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"files": []}, id="no-file"),
        pytest.param({"files": [{"storage": "flex-1", "path": "a.mp4"}] * 101}, id="101-files"),
        pytest.param({"settings": {"priority": 9}}, id="priority-9"),
        pytest.param({"settings": {"start_at": "tonight"}}, id="a-start-time-that-is-none"),
        pytest.param({"settings": {"path": "a.mp4"}}, id="a-setting-that-is-none"),
        pytest.param({"name": "x" * 101}, id="a-long-name"),
    ],
)
async def test_a_batch_that_cannot_be_right_is_refused_whole(gateway, change):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/batches", json=batch(gateway, 1) | change)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
    assert (await everything(gateway))["batches"] == 0
