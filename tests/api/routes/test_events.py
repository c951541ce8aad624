"""Event streams over a real socket: live, resumed, and ended on time."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from archivist_common.database.models import OutboxEvent
from archivist_common.errors import NoAudioTrack, WorkerCrashed
from archivist_common.jobs import lifecycle
from archivist_common.security.permissions import Permission
from archivist_common.states import Stage


@dataclass
class Heard:
    id: str | None
    event: str
    data: dict


class Stream:
    """Server-sent events as a browser reads them."""

    def __init__(self, response):
        self.response = response
        self._lines = response.aiter_lines()
        self.comments = 0

    async def next(self, within_s=10.0):
        """The next event, or None at the end."""
        async with asyncio.timeout(within_s):
            fields = {}
            async for line in self._lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return Heard(fields.get("id"), fields["event"], json.loads(fields["data"]))
        return None

    async def rest(self, within_s=10.0):
        heard = []
        while (one := await self.next(within_s)) is not None:
            heard.append(one)
        return heard


@asynccontextmanager
async def follow(client, credential, job_id, last=None):
    headers = {"Authorization": f"Bearer {credential}"} | ({} if last is None else {"Last-Event-ID": str(last)})
    async with client.stream("GET", f"/transcriptions/{job_id}/events", headers=headers) as response:
        yield Stream(response)


async def submitted(gateway, name="a.mp4"):
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": gateway.recording(name)}
        return (await uma.post("/transcriptions", json=body)).json()["id"]


async def advance(gateway, held, done_ms, stage=Stage.TRANSCRIBE):
    async with gateway.db.transaction() as session:
        await lifecycle.advance(session, held, lifecycle.StageProgress(stage, done_ms // 600, done_ms, 60_000))


async def test_a_job_is_followed_live_from_the_queue_to_its_end(gateway, listening):
    job_id = await submitted(gateway)
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        first = await stream.next()
        assert (first.event, first.data["status"], first.data["event"]) == (
            "state",
            "pending",
            "transcription.queued",
        )
        held = await gateway.claim()
        for done_ms in (15_000, 30_000):
            await advance(gateway, held, done_ms)
            while (heard := await stream.next()).data.get("audio_done_s") != done_ms / 1000:
                pass
            assert (heard.event, heard.data["stage"]) == ("progress", "transcribe")
            assert heard.data["progress"] == done_ms // 600
            assert heard.data["audio_s"] == 60
        await gateway.complete(held)
        rest = await stream.rest()
    assert [one.data["status"] for one in rest if one.event == "state"] == ["completed"]
    assert rest[-1].data["progress"] == 100


async def test_ids_rise_and_progress_carries_none(gateway, listening):
    job_id = await submitted(gateway)
    await gateway.complete(await gateway.claim())
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        heard = await stream.rest()
    ids = [int(one.id) for one in heard if one.event == "state"]
    assert ids == sorted(set(ids))
    assert len(ids) == 3
    assert all(one.id is None for one in heard if one.event == "progress")


async def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(gateway, listening):
    job_id = await submitted(gateway)
    credential = await gateway.credential("uma")
    seen, last = [], None
    held = await gateway.claim()
    for step in range(4):  # the connection breaks after every event
        async with follow(listening, credential, job_id, last) as stream:
            while (one := await stream.next()).event != "state":
                pass
            seen.append(one.data["event"])
            last = one.id
        if step == 1:
            async with gateway.db.transaction() as session:
                await lifecycle.fail(session, held, WorkerCrashed("killed"))
            held = await gateway.claim()
    await gateway.complete(held)
    async with follow(listening, credential, job_id, last) as stream:
        seen += [one.data["event"] for one in await stream.rest() if one.event == "state"]
    assert [name.removeprefix("transcription.") for name in seen] == [
        "queued",
        "started",
        "released",
        "started",
        "completed",
    ]


async def test_an_end_that_was_undone_does_not_end_the_stream(gateway, listening):
    job_id = await submitted(gateway)
    async with gateway.as_("uma") as uma:
        await uma.post(f"/transcriptions/{job_id}/cancel")
        await uma.post(f"/transcriptions/{job_id}/retry")
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        statuses = [(await stream.next()).data["status"] for _ in range(3)]
        assert statuses == ["pending", "cancelled", "pending"]
        await gateway.complete(await gateway.claim())
        assert (await stream.rest())[-1].data["status"] == "completed"


async def test_having_heard_the_end_one_hears_nothing_more(gateway, listening):
    job_id = await submitted(gateway)
    await gateway.complete(await gateway.claim())
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        last = (await stream.rest())[-1].id
    async with follow(listening, await gateway.credential("uma"), job_id, last) as stream:
        assert await stream.rest() == []


async def test_a_job_whose_events_are_forgotten_still_says_how_it_stands(gateway, listening):
    job_id = await submitted(gateway)
    await gateway.complete(await gateway.claim())
    async with gateway.db.transaction() as session:
        await session.execute(OutboxEvent.__table__.delete())
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        heard = await stream.rest()
    assert [(one.event, one.data["status"]) for one in heard] == [("state", "completed")]


async def test_a_failure_says_why(gateway, listening):
    job_id = await submitted(gateway)
    held = await gateway.claim()
    async with gateway.db.transaction() as session:
        await lifecycle.fail(session, held, NoAudioTrack("no audio track"))
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        end = (await stream.rest())[-1]
    assert end.data["error"] == {"code": "NO_AUDIO_TRACK", "message": "no audio track"}


async def test_while_nothing_moves_a_comment_shows_that_somebody_is_there(gateway, listening, monkeypatch):
    monkeypatch.setattr(gateway.deps.feed, "ping_s", 0.2)
    job_id = await submitted(gateway)
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        reading = asyncio.create_task(stream.rest())
        async with asyncio.timeout(10):
            while stream.comments < 2:
                await asyncio.sleep(0.05)
        async with gateway.as_("uma") as uma:
            await uma.post(f"/transcriptions/{job_id}/cancel")
        assert (await reading)[-1].data["status"] == "cancelled"


async def test_a_log_out_and_a_revoked_key_end_a_stream(gateway, listening, monkeypatch):
    monkeypatch.setattr(gateway.deps.feed, "ping_s", 0.2)
    job_id = await submitted(gateway)
    async with gateway.as_("uma") as uma:
        made = (await uma.post("/api-keys", json={"name": "k"})).json()
    token = await gateway.credential("uma")
    async with (
        follow(listening, made["key"], job_id) as by_key,
        follow(listening, token, job_id) as by_token,
        gateway.client(token) as client,
    ):
        await by_key.next()
        await by_token.next()
        await client.delete(f"/api-keys/{made['api_key']['id']}")
        await by_key.rest()
        await client.post("/auth/logout")
        await by_token.rest()


async def test_one_user_has_so_many_streams_and_no_more_and_closing_one_makes_room(gateway, listening, monkeypatch):
    monkeypatch.setattr(gateway.deps.feed, "most_of_one", 2)
    job_id = await submitted(gateway)
    key = await gateway.key("uma", Permission.TRANSCRIPTIONS_READ)
    async with follow(listening, key, job_id) as first, follow(listening, key, job_id) as second:
        await first.next()
        await second.next()
        async with follow(listening, key, job_id) as third:
            assert third.response.status_code == 429
            assert int(third.response.headers["retry-after"]) > 0
        async with follow(listening, await gateway.credential("ada"), job_id) as somebody_else:
            assert somebody_else.response.status_code == 200
    async with asyncio.timeout(10):
        while gateway.deps.feed.watching:
            await asyncio.sleep(0.05)
    async with follow(listening, key, job_id) as again:
        assert again.response.status_code == 200


async def test_streams_end_when_the_process_is_told_to(start_gateway, own_database, redis_url, tmp_path):
    loop = asyncio.get_running_loop()
    async with start_gateway(own_database, redis_url, tmp_path) as running:
        await running.add("uma")
        job_id = await submitted(running)
        asked = asyncio.create_task(_events(running, job_id))
        async with asyncio.timeout(10):
            while not running.deps.feed.watching:
                await asyncio.sleep(0.01)
        began = loop.time()
        running.app.state.stopping()
        assert (await asked).status_code == 200
        assert loop.time() - began < 1


async def _events(running, job_id):
    async with running.as_("uma") as uma:
        return await uma.get(f"/transcriptions/{job_id}/events")


@pytest.mark.parametrize("last", ["x", "-1", "9" * 19, "1.5"])
async def test_a_mark_that_is_none_is_refused(gateway, last):
    job_id = await submitted(gateway)
    async with gateway.as_("uma") as uma:
        answer = await uma.get(f"/transcriptions/{job_id}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
