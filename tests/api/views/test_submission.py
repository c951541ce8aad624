"""Submitting once, twice, at once; the queue as callers see it; stopping and trying again."""

import asyncio
import os
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from archivist_common.errors import MediaUnreadable
from archivist_common.jobs import lifecycle
from archivist_common.states import Stage


async def count(gateway, table="transcriptions"):
    async with gateway.db.transaction() as session:
        return await session.scalar(text(f"SELECT count(*) FROM {table}"))


async def test_the_settings_fill_in_what_a_submission_leaves_out(gateway, submission):
    async with gateway.as_("uma") as uma:
        plain = (await uma.post("/transcriptions", json=submission())).json()
        chosen = (
            await uma.post(
                "/transcriptions",
                json=submission(
                    "other.mp4",
                    language="auto",
                    model="demo",
                    output_format="vtt",
                    include_summary=False,
                    audio_track=2,
                    priority=5,
                ),
            )
        ).json()
    names = ("language", "model", "output_format", "include_summary", "audio_track", "priority")
    assert [plain[name] for name in names] == ["en", "standard", "scc", True, None, 1]
    assert [chosen[name] for name in names] == ["auto", "demo", "vtt", False, 2, 5]


async def test_one_name_used_by_many_requests_at_once_makes_one_job(gateway, submission):
    body, headers = submission(), {"Idempotency-Key": "night-run-17"}
    async with gateway.as_("uma") as uma:
        answers = await asyncio.gather(*(uma.post("/transcriptions", json=body, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await count(gateway) == 1


async def test_a_name_holds_after_the_job_has_ended_and_the_recording_is_gone(gateway, submission):
    body, headers = submission(), {"Idempotency-Key": "k"}
    async with gateway.as_("uma") as uma:
        first = await uma.post("/transcriptions", json=body, headers=headers)
        await gateway.complete(await gateway.claim())
        (gateway.media / body["path"]).unlink()
        again = await uma.post("/transcriptions", json=body, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["status"] == "completed"


async def test_a_name_used_for_something_else_is_refused(gateway, submission):
    headers = {"Idempotency-Key": "k"}
    async with gateway.as_("uma") as uma:
        await uma.post("/transcriptions", json=submission(), headers=headers)
        other = await uma.post("/transcriptions", json=submission(priority=2), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await count(gateway) == 1


async def test_two_people_may_use_the_same_name(gateway, submission):
    headers = {"Idempotency-Key": "k"}
    async with gateway.as_("uma") as uma, gateway.as_("otto") as otto:
        first = await uma.post("/transcriptions", json=submission("a.mp4"), headers=headers)
        second = await otto.post("/transcriptions", json=submission("b.mp4"), headers=headers)
    assert {first.status_code, second.status_code} == {202}
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("name", ["", "two words", "x" * 256])
async def test_a_name_has_bounds(gateway, submission, name):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json=submission(), headers={"Idempotency-Key": name})
    assert answer.status_code == 422
    assert await count(gateway) == 0


async def test_a_refused_submission_leaves_no_name_behind(gateway, submission):
    headers = {"Idempotency-Key": "k"}
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": "later.mp4"}
        assert (await uma.post("/transcriptions", json=body, headers=headers)).status_code == 404
        gateway.recording("later.mp4")
        assert (await uma.post("/transcriptions", json=body, headers=headers)).status_code == 202


async def test_the_same_recording_twice_is_one_job_and_the_second_answer_names_it(gateway, submission):
    body = submission()
    async with gateway.as_("uma") as uma:
        answers = await asyncio.gather(*(uma.post("/transcriptions", json=body) for _ in range(50)))
        running = await gateway.claim()
        later = await uma.post("/transcriptions", json=body)
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
    assert {answer.json()["id"] for answer in [*answers, later]} == {str(running.id)}
    assert (later.status_code, later.json()["status"]) == (200, "processing")
    assert later.headers["location"] == f"/api/v1/transcriptions/{running.id}"


async def test_a_recording_that_has_changed_is_another_job(gateway, submission):
    async with gateway.as_("uma") as uma:
        first = await uma.post("/transcriptions", json=submission())
        gateway.recording("Council (20220412).mp4", b"and then it went on")
        second = await uma.post("/transcriptions", json=submission("x.mp4") | {"path": "Council (20220412).mp4"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]


async def test_a_recording_that_was_copied_anew_is_the_same_job(gateway, submission):
    body = submission()
    async with gateway.as_("uma") as uma:
        first = await uma.post("/transcriptions", json=body)
        os.utime(gateway.media / body["path"], (1_000_000_000, 1_000_000_000))
        second = await uma.post("/transcriptions", json=body)
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])


async def test_a_completed_recording_may_be_submitted_again(gateway, submission):
    body = submission()
    async with gateway.as_("uma") as uma:
        first = await uma.post("/transcriptions", json=body)
        await gateway.complete(await gateway.claim())
        second = await uma.post("/transcriptions", json=body)
    assert (second.status_code, first.json()["id"] != second.json()["id"]) == (202, True)


async def test_the_place_in_the_queue_follows_priority_and_age(gateway, submission):
    async with gateway.as_("uma") as uma:
        ids = [
            (await uma.post("/transcriptions", json=submission(f"{n}.mp4", priority=priority))).json()["id"]
            for n, priority in enumerate((1, 1, 5, 3))
        ]
        places = [(await uma.get(f"/transcriptions/{id_}")).json()["position"] for id_ in ids]
        assert places == [3, 4, 1, 2]
        assert str((await gateway.claim()).id) == ids[2]
        places = [(await uma.get(f"/transcriptions/{id_}")).json()["position"] for id_ in ids]
        assert places == [2, 3, None, 1]
        listed = {item["id"]: item["position"] for item in (await uma.get("/transcriptions")).json()["items"]}
    assert [listed[id_] for id_ in ids] == places


async def test_what_is_left_follows_from_the_speed_so_far(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        assert job["left_s"] is None
        held = await gateway.claim()
        async with gateway.db.transaction() as session:
            await lifecycle.advance(session, held, lifecycle.StageProgress(Stage.TRANSCRIBE, 25, 60_000, 240_000))
            moved = "UPDATE transcriptions SET started_date = progress_at - interval '30 seconds'"
            await session.execute(text(moved))
        left = (await uma.get(f"/transcriptions/{job['id']}")).json()["left_s"]
        assert 80 <= left <= 90  # 60 s took 30 s; 180 s are left
        async with gateway.db.transaction() as session:
            await session.execute(text("UPDATE transcriptions SET progress_at = progress_at - interval '1 hour'"))
        assert (await uma.get(f"/transcriptions/{job['id']}")).json()["left_s"] == 0


async def test_a_waiting_job_is_stopped_at_once_and_twice_is_the_same(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        for _ in range(2):
            answer = await uma.post(f"/transcriptions/{job['id']}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    async with gateway.db.transaction() as session:
        assert await lifecycle.claim(session, "worker", timedelta(seconds=30)) is None


async def test_a_running_job_is_asked_to_stop(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        held = await gateway.claim()
        for _ in range(2):
            answer = await uma.post(f"/transcriptions/{job['id']}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (202, "processing")
            assert answer.json()["cancel_requested"]
        async with gateway.db.transaction() as session:
            assert await lifecycle.renew(session, held, timedelta(seconds=30))
            await lifecycle.stop(session, held)
        assert (await uma.post(f"/transcriptions/{job['id']}/cancel")).status_code == 200


async def test_a_completed_job_cannot_be_stopped_nor_tried_again(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        await gateway.complete(await gateway.claim())
        for action in ("cancel", "retry"):
            answer = await uma.post(f"/transcriptions/{job['id']}/{action}")
            assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


async def test_a_failed_job_is_tried_again_with_a_clean_slate(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        assert (await uma.post(f"/transcriptions/{job['id']}/retry")).status_code == 409
        held = await gateway.claim()
        async with gateway.db.transaction() as session:
            await lifecycle.fail(session, held, MediaUnreadable("not readable"))
        answer = await uma.post(f"/transcriptions/{job['id']}/retry")
        assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (202, "pending", None)
        assert (await gateway.claim()).attempt == 2


async def test_a_job_that_is_done_anew_cannot_be_tried_again_beside(gateway, submission):
    body = submission()
    async with gateway.as_("uma") as uma:
        first = (await uma.post("/transcriptions", json=body)).json()
        await uma.post(f"/transcriptions/{first['id']}/cancel")
        await uma.post("/transcriptions", json=body)
        assert (await uma.post(f"/transcriptions/{first['id']}/retry")).status_code == 409


async def test_a_long_poll_answers_when_the_job_moves(gateway, submission):
    loop = asyncio.get_running_loop()
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        began = loop.time()
        waiting = asyncio.create_task(uma.get(f"/transcriptions/{job['id']}?wait=30"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await gateway.claim()
        assert (await waiting).json()["status"] == "processing"
        assert loop.time() - began < 10


async def test_a_long_poll_ends_when_nothing_moves_and_at_once_when_nothing_will(gateway, submission):
    loop = asyncio.get_running_loop()
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        began = loop.time()
        assert (await uma.get(f"/transcriptions/{job['id']}?wait=1")).json()["status"] == "pending"
        assert loop.time() - began >= 1
        await uma.post(f"/transcriptions/{job['id']}/cancel")
        began = loop.time()
        assert (await uma.get(f"/transcriptions/{job['id']}?wait=30")).json()["status"] == "cancelled"
        assert loop.time() - began < 10


async def test_pages_hold_every_job_once_while_others_come(gateway, submission):
    async with gateway.as_("uma") as uma:
        ids = [(await uma.post("/transcriptions", json=submission(f"{n}.mp4"))).json()["id"] for n in range(7)]
        seen, cursor = [], None
        while True:
            query = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
            page = (await uma.get("/transcriptions", params=query)).json()
            assert len(page["items"]) <= 2
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
            await uma.post("/transcriptions", json=submission(f"late {len(seen)}.mp4"))
    assert seen == ids[::-1]


async def test_rows_of_one_moment_are_neither_lost_nor_repeated(gateway, submission):
    async with gateway.as_("uma") as uma:
        ids = {(await uma.post("/transcriptions", json=submission(f"{n}.mp4"))).json()["id"] for n in range(5)}
        async with gateway.db.transaction() as session:
            await session.execute(text("UPDATE transcriptions SET created_date = '2026-01-01T00:00:00.123456Z'"))
        seen, cursor = [], None
        for _ in range(5):
            query = {"limit": 1} if cursor is None else {"limit": 1, "cursor": cursor}
            page = (await uma.get("/transcriptions", params=query)).json()
            seen.append(page["items"][0]["id"])
            cursor = page["next"]
    assert (set(seen), len(seen), cursor) == (ids, 5, None)


async def test_a_cursor_is_good_for_its_own_list_and_filter_alone(gateway, submission):
    async with gateway.as_("uma") as uma, gateway.as_("ada") as ada:
        for n in range(3):
            await uma.post("/transcriptions", json=submission(f"{n}.mp4"))
        cursor = (await uma.get("/transcriptions?limit=1")).json()["next"]
        assert (await uma.get(f"/transcriptions?limit=2&cursor={cursor}")).status_code == 200
        assert (await uma.get(f"/transcriptions?status=pending&cursor={cursor}")).status_code == 422
        assert (await ada.get(f"/transcriptions?cursor={cursor}")).status_code == 422
        assert (await ada.get(f"/users?cursor={cursor}")).status_code == 422
        assert (await uma.get(f"/transcriptions?cursor={cursor[:-2]}AA")).status_code == 422


async def test_a_list_can_be_asked_for_by_state_and_server(gateway, submission):
    async with gateway.as_("uma") as uma:
        first = (await uma.post("/transcriptions", json=submission("a.mp4"))).json()["id"]
        await uma.post("/transcriptions", json=submission("b.mp4"))
        await uma.post(f"/transcriptions/{first}/cancel")

        async def listed(**query):
            return [item["filename"] for item in (await uma.get("/transcriptions", params=query)).json()["items"]]

        assert await listed(status="cancelled") == ["a.mp4"]
        assert await listed(status="completed") == []
        assert await listed(storage="flex-1") == ["b.mp4", "a.mp4"]
        assert await listed(storage="flex-2") == []


async def test_the_log_tells_the_story_in_order(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        await gateway.complete(await gateway.claim())
        entries = (await uma.get(f"/transcriptions/{job['id']}/log")).json()["items"]
    assert [entry["message"] for entry in entries] == ["queued", "started, attempt 1", "completed, attempt 1"]
    assert UUID(job["id"])


async def test_a_recording_that_still_grows_is_refused_until_it_rests(gateway, submission):
    body = submission()
    path = gateway.media / body["path"]

    async def record():
        while True:
            with path.open("ab") as file:
                file.write(b"another second of the meeting")
            await asyncio.sleep(0.02)

    recording = asyncio.create_task(record())
    async with gateway.as_("uma") as uma:
        await asyncio.sleep(0.05)
        early = await uma.post("/transcriptions", json=body)
        recording.cancel()
        late = await uma.post("/transcriptions", json=body)
    assert (early.status_code, early.json()["code"]) == (409, "FILE_STILL_GROWING")
    assert int(early.headers["retry-after"]) == 60
    assert body["path"] in early.json()["detail"]
    assert late.status_code == 202
    assert await count(gateway) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("Council_captioned.mp4", "INVALID_FILE_FORMAT", id="a-copy-with-captions"),
        pytest.param("Council.scc", "INVALID_FILE_FORMAT", id="a-caption-file"),
        pytest.param(".archivist/a-job/1/captions.mp4", "PATH_REFUSED", id="out-of-the-vault"),
        pytest.param(".archivist-0123456789abcdef.part", "PATH_REFUSED", id="a-file-half-placed"),
    ],
)
async def test_what_archivist_wrote_is_no_recording(gateway, path, code):
    gateway.recording(path)
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json={"storage": "flex-1", "path": path})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
