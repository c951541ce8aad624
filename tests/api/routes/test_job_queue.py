"""The queue as people use it: order it, hold it back, see when something will be done, clear it away."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from archivist_common.database.models import Worker
from archivist_common.errors import MediaUnreadable
from archivist_common.jobs import lifecycle


async def submitted(client, submission, count, **more):
    return [
        (await client.post("/transcriptions", json=submission(f"{n}.mp4", **more))).json()["id"] for n in range(count)
    ]


async def waiting(client, **query):
    return [job["id"] for job in (await client.get("/queue", params=query)).json()["waiting"]]


async def failed(gateway):
    held = await gateway.claim()
    async with gateway.db.transaction() as session:
        await lifecycle.fail(session, held, MediaUnreadable("no"))
    return str(held.id)


async def test_the_emergency_meeting_is_put_first_and_starts_next(gateway, submission):
    async with gateway.as_("uma") as uma, gateway.as_("otto") as otto:
        ids = await submitted(uma, submission, 6)
        running = str((await gateway.claim()).id)
        assert running == ids[0]
        moved = await otto.post(f"/transcriptions/{ids[4]}/move", json={"position": 1})
        assert (moved.status_code, moved.json()["position"]) == (200, 1)
        assert await waiting(otto) == [ids[4], ids[1], ids[2], ids[3], ids[5]]
        assert (await otto.post(f"/transcriptions/{ids[4]}/move", json={"position": 99})).json()["position"] == 5
        assert (await otto.post(f"/transcriptions/{ids[4]}/move", json={"position": 3})).json()["position"] == 3
        assert await waiting(otto) == [ids[1], ids[2], ids[4], ids[3], ids[5]]
        await otto.post(f"/transcriptions/{ids[4]}/move", json={"position": 1})
        assert str((await gateway.claim()).id) == ids[4]
        assert (await otto.get(f"/transcriptions/{running}")).json()["status"] == "processing"
        log = (await uma.get(f"/transcriptions/{ids[4]}/log")).json()["items"]
    assert [entry["message"] for entry in log][1:3] == ["moved to place 1", "moved to place 5"]


async def test_a_higher_priority_goes_before_and_a_lower_one_back(gateway, submission):
    async with gateway.as_("uma") as uma:
        ids = await submitted(uma, submission, 5)
        raised = await uma.patch(f"/transcriptions/{ids[3]}", json={"priority": 5})
        assert (raised.status_code, raised.json()["priority"], raised.json()["position"]) == (200, 5, 1)
        lowered = await uma.patch(f"/transcriptions/{ids[3]}", json={"priority": 1})
        assert lowered.json()["position"] == 4


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("POST", "/move", {"position": 1}),
        ("PATCH", "", {"priority": 5}),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
    ],
)
async def test_what_has_ended_is_in_the_queue_no_more(gateway, submission, method, rest, body):
    async with gateway.as_("otto") as otto:
        await submitted(otto, submission, 1)
        job_id = await failed(gateway)
        answer = await otto.request(method, f"/transcriptions/{job_id}{rest}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "has failed already" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/transcriptions/{id}", {"priority": 9}),
        ("PATCH", "/transcriptions/{id}", {}),
        ("POST", "/transcriptions/{id}/move", {"position": 0}),
        ("POST", "/queue/cancel", {"ids": []}),
        ("POST", "/queue/cancel", {"ids": [str(uuid4())] * 101}),
        ("POST", "/queue/clear", {"statuses": ["done"]}),
        ("GET", "/queue?limit=201", None),
    ],
)
async def test_an_order_that_cannot_be_right_is_refused(gateway, submission, method, path, body):
    async with gateway.as_("otto") as otto:
        (job_id,) = await submitted(otto, submission, 1)
        answer = await otto.request(method, path.format(id=job_id), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


async def test_the_queue_is_held_back_for_a_live_broadcast_through_a_restart(
    start_gateway, own_database, redis_url, tmp_path
):
    async with start_gateway(own_database, redis_url, tmp_path) as running:
        await running.add("otto", "operator")
        await running.add("uma")
        async with running.as_("otto") as otto, running.as_("uma") as uma:
            job = {"storage": "flex-1", "path": running.recording("a.mp4")}
            job_id = (await uma.post("/transcriptions", json=job)).json()["id"]
            assert (await uma.post("/queue/pause")).status_code == 403
            for _ in range(2):
                told = (await otto.post("/queue/pause")).json()
                assert (told["paused"], told["paused_by"]) == (True, "otto")
            assert (await uma.post("/transcriptions", json={**job, "path": running.recording("b.mp4")})).is_success
    async with start_gateway(own_database, redis_url, tmp_path) as running:
        await running.add("odo", "operator")
        async with running.as_("odo") as odo:
            told = (await odo.get("/queue")).json()
            assert (told["paused"], told["paused_by"], told["length"]) == (True, "otto", 2)
            assert (await odo.get(f"/transcriptions/{job_id}")).json()["paused"]
            async with running.db.transaction() as session:
                assert await lifecycle.claim(session, "worker", timedelta(seconds=30)) is None
            told = (await odo.post("/queue/resume")).json()
            assert (told["paused"], told["paused_since"]) == (False, None)
        assert str((await running.claim()).id) == job_id


async def test_one_job_is_held_back_and_says_so(gateway, submission):
    async with gateway.as_("uma") as uma:
        first, second = await submitted(uma, submission, 2)
        held = (await uma.post(f"/transcriptions/{first}/pause")).json()
        assert (held["paused"], held["status"], held["position"]) == (True, "pending", 1)
        assert held["paused_since"] is not None
        assert str((await gateway.claim()).id) == second
        again = (await uma.post(f"/transcriptions/{first}/resume")).json()
        assert (again["paused"], again["paused_since"]) == (False, None)
        assert str((await gateway.claim()).id) == first


async def test_a_user_sees_their_own_jobs_at_their_places_among_all(gateway, submission):
    async with gateway.as_("otto") as otto, gateway.as_("uma") as uma:
        await otto.post("/transcriptions", json=submission("a.mp4"))
        hers = (await uma.post("/transcriptions", json=submission("b.mp4"))).json()["id"]
        await otto.post("/transcriptions", json=submission("c.mp4"))
        told, all_of_it = (await uma.get("/queue")).json(), (await otto.get("/queue")).json()
        assert await waiting(otto, limit=1, skip=1) == [hers]
    assert [(job["id"], job["position"]) for job in told["waiting"]] == [(hers, 2)]
    assert (told["length"], told["counts"]["pending"]) == (3, 1)
    assert (all_of_it["length"], all_of_it["counts"]["pending"], len(all_of_it["waiting"])) == (3, 3, 3)


async def test_tonight_is_by_the_stations_clock(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, station_timezone="America/Chicago") as running:
        await running.add("uma")
        async with running.as_("uma") as uma:
            job = {"storage": "flex-1", "path": running.recording("a.mp4"), "start_at": "23:00"}
            told = (await uma.post("/transcriptions", json=job)).json()
            assert datetime.fromisoformat(told["start_at_station"]).strftime("%H:%M") == "23:00"
            start = datetime.fromisoformat(told["start_at"])
            assert start == datetime.fromisoformat(told["start_at_station"])
            assert timedelta() <= start - datetime.now(UTC) <= timedelta(hours=25)
            async with running.db.transaction() as session:
                assert await lifecycle.claim(session, "worker", timedelta(seconds=30)) is None
            refused = await uma.post("/transcriptions", json={**job, "start_at": "tonight"})
            assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_FAILED")
            assert "write 23:00" in refused.json()["detail"]


def test_a_station_has_a_zone_that_exists(gateway):
    with pytest.raises(ValueError, match="no such time zone: 'Birchwood'"):
        type(gateway.settings)(**{**gateway.settings.model_dump(), "station_timezone": "Birchwood"}, _env_file=None)


async def test_starts_and_ends_are_estimated_from_what_was_measured(gateway, submission):
    gateway.deps.presentation.estimates.forget()
    async with gateway.as_("uma") as uma:
        (done,) = await submitted(uma, submission, 1)
        assert (await uma.get(f"/transcriptions/{done}")).json()["estimated_finish"] is None
        await gateway.complete(await gateway.claim())  # a minute of sound
        async with gateway.db.transaction() as session:
            worker = {"id": "w", "host": "w", "slots": 2, "free_slots": 0, "ready": True, "details": {"speed": 6.0}}
            await session.execute(insert(Worker).values(worker))  # 10 s of sound a second
        gateway.deps.presentation.estimates.forget()
        first, second = await submitted(uma, submission, 2, language="auto")
        told = (await uma.get("/queue")).json()
        one = (await uma.get(f"/transcriptions/{first}")).json()
        listed = {job["id"]: job for job in (await uma.get("/transcriptions")).json()["items"]}
    two = listed[second]
    assert (told["slots"], told["speed"]) == (2, pytest.approx(10.0))
    length = datetime.fromisoformat(one["estimated_finish"]) - datetime.fromisoformat(one["estimated_start"])
    assert length == timedelta(seconds=6)
    apart = datetime.fromisoformat(two["estimated_start"]) - datetime.fromisoformat(one["estimated_finish"])
    assert abs(apart) < timedelta(seconds=5)
    assert told["estimated_finish"] == told["waiting"][1]["estimated_finish"]
    assert listed[done]["estimated_finish"] is None


async def test_many_are_stopped_or_tried_again_with_an_answer_each(gateway, submission):
    await gateway.add("stan")
    async with gateway.as_("uma") as uma, gateway.as_("stan") as stan, gateway.as_("otto") as otto:
        ids = await submitted(uma, submission, 3)
        broken = await failed(gateway)
        asked = {"ids": [*ids, str(uuid4())]}
        for client, codes in ((stan, ["NOT_FOUND"] * 4), (uma, ["CONFLICT", None, None, "NOT_FOUND"])):
            items = (await client.post("/queue/cancel", json=asked)).json()["items"]
            assert [item["id"] for item in items] == asked["ids"]
            assert [item["error"] and item["error"]["code"] for item in items] == codes
        assert [item["status"] for item in items] == [None, "cancelled", "cancelled", None]
        assert (await stan.post("/queue/retry", json={})).json()["items"] == []
        items = (await otto.post("/queue/retry", json={})).json()["items"]
        assert [(item["id"], item["status"]) for item in items] == [(broken, "pending")]
        items = (await uma.post("/queue/retry", json={"ids": [ids[1]]})).json()["items"]
        assert [item["status"] for item in items] == ["pending"]


async def test_what_has_ended_is_cleared_from_the_list_and_nothing_is_lost(gateway, submission):
    async with gateway.as_("uma") as uma, gateway.as_("otto") as otto:
        await otto.post("/transcriptions", json=submission("his.mp4"))
        done = str((held := await gateway.claim()).id)
        await gateway.complete(held)
        ids = await submitted(uma, submission, 3)
        await uma.post(f"/transcriptions/{ids[0]}/cancel")
        running = await gateway.claim()
        assert (await uma.post("/queue/clear", json={"statuses": ["completed"]})).json() == {"cleared": 0}
        assert (await uma.post("/queue/clear", json={})).json() == {"cleared": 1}
        assert [job["id"] for job in (await uma.get("/transcriptions")).json()["items"]] == ids[:0:-1]
        kept = (await uma.get("/transcriptions?cleared=true")).json()["items"]
        assert {job["id"]: job["cleared"] for job in kept} == {ids[0]: True, ids[1]: False, ids[2]: False}
        assert (await uma.get("/queue")).json()["counts"]["cancelled"] == 0
        assert (
            await otto.post("/queue/clear", json={"statuses": ["completed", "pending", "processing"]})
        ).json() == {"cleared": 1}
        assert (await otto.get(f"/transcriptions/{done}/captions/scc")).content == b"Scenarist_SCC V1.0\n"
        assert (await uma.get(f"/transcriptions/{running.id}")).json()["status"] == "processing"
        assert (await uma.post(f"/transcriptions/{ids[0]}/retry")).json()["cleared"] is False
