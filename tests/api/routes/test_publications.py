"""Publishing over HTTP: asked for, watched, approved, taken back; whoever repeats himself changes nothing."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from tests.api.routes.test_batches import everything

from archivist_common.database.models import OutboxEvent, Publication, SystemLog
from archivist_common.errors import CaptionsInvalid
from archivist_common.events import outbox
from archivist_common.publishing import effects, lifecycle, options, targets
from archivist_common.states import PublishStage


async def hold(gateway, code="SHOW_UNKNOWN", **more):
    held = await gateway.take()
    async with gateway.db.transaction() as session:
        await lifecycle.hold(session, held, code, "a person is asked", **more)


async def test_a_publication_is_asked_for_watched_and_published(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "17837-1-Council.mp4")
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/publications", json={"transcription_id": job_id, "title": "Council", "tags": ["a"]})
        told = answer.json()
        assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/publications/{told['id']}")
        assert (told["status"], told["stage"], told["target"], told["version"]) == (
            "pending", "resolve", "cablecast", 1,
        )  # fmt: skip
        assert (told["waits_for"], told["path"]) == ("its turn", "17837-1-Council.mp4")
        assert (told["options"]["title"], told["options"]["tags"]) == ("Council", ["a"])
        held = await gateway.take()
        async with gateway.db.transaction() as session:
            await lifecycle.reschedule(
                session,
                held.at(PublishStage.FOLLOW),
                timedelta(),
                vendor_state="processing",
                vendor_percent=40.0,
                vendor_message="Transcoding 720p",
            )
        told = (await uma.get(f"/publications/{told['id']}")).json()
        assert told["vendor"] | {"changed": None} == {
            "state": "processing", "percent": 40.0, "message": "Transcoding 720p", "changed": None,
        }  # fmt: skip
        assert told["waits_for"] == "cablecast to get on with it"
        await gateway.published(await gateway.take())
        told = (await uma.get(f"/publications/{told['id']}")).json()
        assert (told["status"], told["show_id"], told["vod_id"]) == ("published", 4120, "913")
        assert (told["url"], told["error"]) == ("http://vod.test/913.mp4", None)
        job = (await uma.get(f"/transcriptions/{job_id}")).json()
        standing = {"id": told["id"], "target": "cablecast", "status": "published", "url": "http://vod.test/913.mp4"}
        assert job["publications"] == [standing]
        assert (await uma.get("/transcriptions")).json()["items"][0]["publications"] == [standing]
        (version,) = (await uma.get(f"/publications/{told['id']}/versions")).json()["items"]
        assert (version["number"], version["transcription_id"], version["verified"] is not None) == (1, job_id, True)


async def test_sent_again_it_is_the_same_and_nothing_is_written(gateway):
    await gateway.target()
    asked = {"transcription_id": await gateway.captioned("uma", "council.mp4"), "target": "cablecast"}
    async with gateway.as_("uma") as uma:
        answers = await asyncio.gather(*(uma.post("/publications", json=asked) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 202]
        assert len({answer.json()["id"] for answer in answers}) == 1
        await gateway.published(await gateway.take())
        before = await everything(gateway)
        answer = await uma.post("/publications", json=asked)
        assert (answer.status_code, answer.json()["status"]) == (200, "published")
    assert await everything(gateway) == before


async def test_what_cannot_be_published_is_answered_with_why(gateway):
    async with gateway.as_("uma") as uma:
        job_id = await gateway.captioned("uma", "council.mp4")
        answer = await uma.post("/publications", json={"transcription_id": job_id})
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        assert "CABLECAST_API_URL" in answer.json()["detail"]
        await gateway.target()
        body = {"storage": "flex-1", "path": gateway.recording("waiting.mp4")}
        waiting = (await uma.post("/transcriptions", json=body)).json()["id"]
        for given, status, code in (
            ({"transcription_id": str(uuid4())}, 404, "NOT_FOUND"),
            ({"transcription_id": waiting}, 409, "NOT_COMPLETED"),
            ({"transcription_id": job_id, "target": "elsewhere"}, 404, "NOT_FOUND"),
            ({"transcription_id": "17"}, 422, "VALIDATION_FAILED"),
            ({"transcription_id": job_id, "title": ""}, 422, "VALIDATION_FAILED"),
            ({"transcription_id": job_id, "title": "x" * 256}, 422, "VALIDATION_FAILED"),
            ({"transcription_id": job_id, "title": "NUL\0"}, 422, "VALIDATION_FAILED"),
            ({"transcription_id": job_id, "two_step": "approve"}, 422, "VALIDATION_FAILED"),
        ):
            answer = await uma.post("/publications", json=given)
            assert (answer.status_code, answer.json()["code"]) == (status, code), given
        assert (await uma.get("/publications")).json()["items"] == []


async def test_twenty_at_once_are_answered_each_with_what_became_of_it(gateway):
    await gateway.target()
    ids = [await gateway.captioned("uma", f"{number}.mp4") for number in range(18)]
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": gateway.recording("waiting.mp4")}
        waiting = (await uma.post("/transcriptions", json=body)).json()["id"]
        unknown = str(uuid4())
        asked = {"transcription_ids": [*ids[:9], unknown, waiting, *ids[9:]], "options": {"dry_run": True}}
        answer = await uma.post("/publications/batch", json=asked)
        told = answer.json()
        assert answer.status_code == 202
        assert [one["transcription_id"] for one in told["items"]] == asked["transcription_ids"]
        errors = {one["transcription_id"]: one["error"]["code"] for one in told["items"] if one["error"]}
        assert errors == {unknown: "NOT_FOUND", waiting: "NOT_COMPLETED"}
        assert sum(one["is_new"] for one in told["items"]) == 18
        assert {one["status"] for one in told["items"] if not one["error"]} == {"pending"}
        listed = (await uma.get("/publications", params={"batch_id": told["batch_id"], "limit": 200})).json()["items"]
        assert {one["id"] for one in listed} == {one["publication_id"] for one in told["items"]} - {None}
        assert all(one["options"]["dry_run"] for one in listed)
        before = await everything(gateway)
        again = (await uma.post("/publications/batch", json=asked)).json()
        assert [one["publication_id"] for one in again["items"]] == [one["publication_id"] for one in told["items"]]
        assert not any(one["is_new"] for one in again["items"])
        assert await everything(gateway) == before


@pytest.mark.parametrize("count", [0, 101])
async def test_none_and_more_than_a_hundred_are_refused(gateway, count):
    await gateway.target()
    async with gateway.as_("uma") as uma:
        asked = {"transcription_ids": [str(uuid4()) for _ in range(count)]}
        answer = await uma.post("/publications/batch", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


async def test_one_that_is_named_twice_is_answered_once(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        told = (await uma.post("/publications/batch", json={"transcription_ids": [job_id, job_id]})).json()
    assert [one["transcription_id"] for one in told["items"]] == [job_id]


async def test_the_list_is_paged_and_sifted(gateway):
    await gateway.target()
    await gateway.target("folder")
    ids = [await gateway.captioned("uma", f"{number}.mp4") for number in range(3)]
    async with gateway.as_("uma") as uma:
        made = [(await uma.post("/publications", json={"transcription_id": one})).json()["id"] for one in ids]
        other = await uma.post("/publications", json={"transcription_id": ids[0], "target": "folder"})
        await gateway.published(await gateway.take())

        async def ids_of(**params):
            return [one["id"] for one in (await uma.get("/publications", params=params)).json()["items"]]

        assert await ids_of(target="folder") == [other.json()["id"]]
        assert await ids_of(status="published") == [made[0]]
        assert await ids_of(transcription_id=ids[1]) == [made[1]]
        assert await ids_of(target="elsewhere") == []
        first = (await uma.get("/publications", params={"target": "cablecast", "limit": 2})).json()
        rest = await uma.get("/publications", params={"target": "cablecast", "limit": 2, "cursor": first["next"]})
        assert [one["id"] for one in first["items"] + rest.json()["items"]] == made[::-1]
        assert rest.json()["next"] is None
        stolen = await uma.get("/publications", params={"limit": 2, "cursor": first["next"]})
        assert stolen.json()["code"] == "VALIDATION_FAILED"
        assert (await uma.get("/publications", params={"status": "lost"})).status_code == 422


async def test_a_watcher_is_answered_when_something_changes_and_at_once_when_it_rests(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    clock = asyncio.get_running_loop().time
    async with gateway.as_("uma") as uma:
        here = (await uma.post("/publications", json={"transcription_id": job_id})).headers["location"]
        here = here.removeprefix("/api/v1")
        answer = await uma.get(here, params={"wait": 1})
        assert (answer.json()["status"], answer.headers["retry-after"]) == ("pending", "5")
        watching = asyncio.create_task(uma.get(here, params={"wait": 20}))
        await asyncio.sleep(0.2)
        held, began = await gateway.take(), clock()
        assert (await watching).json()["status"] == "processing"
        await gateway.published(held)
        answer = await uma.get(here, params={"wait": 20})
        assert clock() - began < 5
        assert answer.json()["status"] == "published"
        assert "retry-after" not in answer.headers
        assert gateway.deps.feed.watching == 0


async def test_watchers_of_one_user_are_as_many_as_may_be(gateway, monkeypatch):
    monkeypatch.setattr(gateway.deps.feed, "most_of_one", 1)
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        told = (await uma.post("/publications", json={"transcription_id": job_id})).json()
        here = f"/publications/{told['id']}"
        answers = await asyncio.gather(*(uma.get(here, params={"wait": 1}) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 429]


async def test_a_publication_that_is_held_says_for_what_and_which_shows_it_may_be(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma, gateway.as_("otto") as otto:
        here = f"/publications/{(await uma.post('/publications', json={'transcription_id': job_id})).json()['id']}"
        shows = [{"show_id": 4120, "title": "Council", "event_date": "2026-11-18", "score": 71, "reasons": ["title"]}]
        await hold(gateway, suggestions=shows)
        told = (await uma.get(here)).json()
        assert (told["status"], told["error"]["code"], told["suggestions"]) == ("held", "SHOW_UNKNOWN", shows)
        assert (await otto.post(f"{here}/approve")).json()["code"] == "CONFLICT"
        answer = await uma.post(f"{here}/retry")
        assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (202, "pending", None)


@pytest.mark.parametrize("policy", ["none", "approve", "two-people"])
async def test_the_house_may_want_publications_approved(start_gateway, own_database, redis_url, tmp_path, policy):
    async with start_gateway(own_database, redis_url, tmp_path, publish_approval=policy) as running:
        for name, role in (("uma", "user"), ("otto", "operator"), ("olga", "operator")):
            await running.add(name, role)
        await running.target()
        job_id = await running.captioned("otto", "council.mp4")
        async with running.as_("otto") as otto, running.as_("olga") as olga:
            told = (await otto.post("/publications", json={"transcription_id": job_id})).json()
            assert told["options"]["approval"] == (None if policy == "none" else policy)
            if policy == "none":
                return
            await hold(running, options.APPROVAL_NEEDED, plan=["Use show 4120.", "Place council.scc."])
            here = f"/publications/{told['id']}"
            assert (await otto.get(here)).json()["plan"] == ["Use show 4120.", "Place council.scc."]
            own = await otto.post(f"{here}/approve")
            if policy == "two-people":
                assert (own.status_code, own.json()["code"]) == (409, "CONFLICT")
                own = await olga.post(f"{here}/approve")
            assert (own.status_code, own.json()["status"], own.json()["approved"] is not None) == (
                202,
                "pending",
                True,
            )


async def test_a_publication_is_withdrawn_and_asked_for_again(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        told = (await uma.post("/publications", json={"transcription_id": job_id})).json()
        here = f"/publications/{told['id']}"
        await gateway.published(await gateway.take())
        for _ in range(2):
            answer = await uma.post(f"{here}/withdraw")
            assert (answer.status_code, answer.json()["withdrawing"]) == (202, True)
        held = await gateway.take()
        async with gateway.db.transaction() as session:
            await lifecycle.mark_removed(session, held)
        for _ in range(2):
            answer = await uma.post(f"{here}/withdraw")
            assert (answer.status_code, answer.json()["status"]) == (200, "removed")
        answer = await uma.post("/publications", json={"transcription_id": job_id})
        assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, told["id"], "pending")
    async with gateway.db.transaction() as session:
        said = await session.scalars(
            select(SystemLog.message).where(SystemLog.user_id.is_not(None)).order_by(SystemLog.id)
        )
        assert [message for message in said if "publication" in message] == [
            "publication to cablecast requested", "publication withdrawn", "publication to cablecast requested again",
        ]  # fmt: skip


async def test_earlier_captions_are_put_back(gateway):
    await gateway.target()
    async with gateway.as_("uma") as uma:
        for says in ("one", "two", "three"):
            job_id = await gateway.captioned("uma", "council.mp4", says)
            told = (await uma.post("/publications", json={"transcription_id": job_id})).json()
            await gateway.published(await gateway.take())
        here = f"/publications/{told['id']}"
        answer = await uma.post(f"{here}/rollback", json={})
        assert (answer.status_code, answer.json()["version"], answer.json()["status"]) == (202, 4, "pending")
        assert (await uma.post(f"{here}/rollback", json={"to": 1})).json()["version"] == 5
        assert (await uma.post(f"{here}/rollback", json={})).json()["code"] == "CONFLICT"
        assert (await uma.post(f"{here}/rollback", json={"to": 9})).json()["code"] == "NOT_FOUND"
        assert (await uma.post(f"{here}/rollback", json={"to": 0})).json()["code"] == "VALIDATION_FAILED"
        versions = (await uma.get(f"{here}/versions")).json()["items"]
        assert [(one["number"], one["restores"]) for one in versions] == [
            (5, 1), (4, 2), (3, None), (2, None), (1, None),
        ]  # fmt: skip


async def test_a_failure_is_told_in_the_targets_own_words(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        here = f"/publications/{(await uma.post('/publications', json={'transcription_id': job_id})).json()['id']}"
        held = await gateway.take()
        async with gateway.db.transaction() as session:
            entry = await effects.intend(session, held.id, held.attempt, "vod:4120:2")
            await effects.confirm(session, entry, "913")
            await lifecycle.fail(session, held, CaptionsInvalid("the server says: bad parity"))
        told = (await uma.get(here)).json()
        assert (told["status"], told["error"]) == (
            "failed", {"code": "CAPTIONS_INVALID", "message": "the server says: bad parity"},
        )  # fmt: skip
    async with gateway.as_("otto") as otto:
        changes = (await otto.get(f"{here}/effects")).json()["items"]
    assert changes == [{"key": "vod:4120:2", "state": "confirmed", "tries": 1, "external_id": "913"}]


async def test_somebody_elses_publication_reads_like_one_that_does_not_exist(gateway):
    await gateway.add("stan")
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma, gateway.as_("stan") as stan:
        before = await everything(gateway)
        assert (await stan.post("/publications", json={"transcription_id": job_id})).status_code == 404
        told = (await stan.post("/publications/batch", json={"transcription_ids": [job_id]})).json()
        assert told["items"][0]["error"]["code"] == "NOT_FOUND"
        assert await everything(gateway) == before, "a stranger sets nothing going"
        told = (await uma.post("/publications", json={"transcription_id": job_id})).json()
        for method, rest, body in [
            ("GET", "", None), ("GET", "/versions", None), ("POST", "/retry", None), ("POST", "/withdraw", None),
            ("POST", "/rollback", {}),
        ]:  # fmt: skip
            theirs = await stan.request(method, f"/publications/{told['id']}{rest}", json=body)
            none = await stan.request(method, f"/publications/{uuid4()}{rest}", json=body)
            assert (theirs.status_code, theirs.json()["code"]) == (none.status_code, none.json()["code"]), rest
            assert theirs.status_code == 404


async def test_a_target_that_refused_us_is_resumed_by_an_operator_and_says_what_waits(gateway):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma, gateway.as_("otto") as otto:
        told = (await uma.post("/publications", json={"transcription_id": job_id})).json()
        async with gateway.db.transaction() as session:
            await targets.describe(session, "cablecast", {"version": "7.8"})
            await targets.stop(session, "cablecast", "CREDENTIALS_REFUSED", "it answered 401")
        waits = (await uma.get(f"/publications/{told['id']}")).json()["waits_for"]
        assert waits == "cablecast is stopped: it answered 401"
        (seen,) = (await uma.get("/targets")).json()["items"]
        assert (seen["state"], seen["reason"], seen["waiting"]) == ("stopped", "it answered 401", 1)
        assert (seen["code"], seen["details"], seen["since"] is not None) == ("CREDENTIALS_REFUSED", {}, True)
        assert (await otto.get("/targets/cablecast")).json()["details"] == {"version": "7.8"}
        assert (await otto.get("/targets/elsewhere")).status_code == 404
        assert (await otto.post("/targets/elsewhere/resume")).status_code == 404
        assert (await uma.post("/targets/cablecast/resume")).status_code == 403
        for _ in range(2):
            assert (await otto.post("/targets/cablecast/resume")).json()["state"] == "ok"
    async with gateway.db.transaction() as session:
        told_of = select(func.count()).where(OutboxEvent.event == outbox.TARGET_RESUMED)
        assert await session.scalar(told_of) == 1
        assert await session.scalar(select(func.count()).select_from(Publication)) == 1


async def test_the_publisher_is_rung_for_what_was_asked(gateway, monkeypatch):
    rung = []

    async def notify() -> bool:
        rung.append(True)
        return True

    monkeypatch.setattr(type(gateway.deps.notifier), "notify_publisher", lambda self: notify())
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        await outbox.relay(gateway.db, gateway.deps.notifier)
        rung.clear()
        await uma.post("/publications", json={"transcription_id": job_id})
    assert rung == [True]


async def test_a_finished_transcriptions_stream_ends_and_tells_nothing_of_its_publications(gateway, listening):
    await gateway.target()
    job_id = await gateway.captioned("uma", "council.mp4")
    async with gateway.as_("uma") as uma:
        await uma.post("/publications", json={"transcription_id": job_id})
        await gateway.published(await gateway.take())
    headers = {"Authorization": f"Bearer {gateway.tokens['uma']['access_token']}"}
    async with asyncio.timeout(10):
        whole = await listening.get(f"/transcriptions/{job_id}/events", headers=headers)
    lines = [line for line in whole.text.splitlines() if line.startswith("data:")]
    assert '"event":"transcription.completed"' in lines[-1]
    assert not any("publication" in line or "vod." in line for line in lines)
    last = [line.removeprefix("id: ") for line in whole.text.splitlines() if line.startswith("id:")][-1]
    async with asyncio.timeout(10):
        again = await listening.get(f"/transcriptions/{job_id}/events", headers={**headers, "Last-Event-ID": last})
    assert "data:" not in again.text
