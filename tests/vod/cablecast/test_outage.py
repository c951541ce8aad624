"""Scenario 19: Cablecast is away for a night, in each of the ways it can be; all is sent after it, nothing lost."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import text
from tests.simulators.cablecast.process import Simulator
from tests.vod.line import Line
from tests.vod.world import World, station

from archivist_common.settings import MonitorSettings
from archivist_common.web import service
from archivist_monitor.app import create_app as create_monitor
from archivist_vod.app import target_states
from archivist_vod.cablecast.publisher import CablecastPublisher
from archivist_vod.cablecast.transport import metrics

_NIGHT_S = 0.3  # a question that is never answered is waited for in real time
_MORNING_S = 10.0
_LONGEST_REST_S = 300  # of the circuit breaker
_UNTIL_LONGEST = 30  # requests, until it rests for so long
_PROBE_EVERY_S = 60  # at the least
_ROUNDS = 60
_PUBLISHERS = 3  # that find out at once that it is back


@asynccontextmanager
async def asked_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield client


def app_of(world: World) -> FastAPI:
    """A publisher's health, of what the sender of this test tells the database. It is ready all night: issue 10."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def details(_: FastAPI) -> dict[str, Any]:
        return {"targets": await target_states(world.db, ["cablecast"])}

    checks = [service.database_ready(world.db)]
    return service.create_app("vod", lifespan=lifespan, readiness=lambda _: checks, details=details)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("way", "hours", "recordings"),
    [
        pytest.param("refuses", 4, 25, id="refuses"),  # it is asked every minute, some 240 times
        pytest.param("asks-to-wait", 10, 5, id="asks-to-wait"),
        pytest.param("never-answers", 2, 3, id="never-answers"),  # each question waits in real time
    ],
)
async def test_after_a_night_without_cablecast_all_is_sent_in_order_and_nothing_was_charged(
    way: str, hours: int, recordings: int, own_database: str, redis_url: str, tmp_path: Path
) -> None:
    async with Simulator.start("modern") as sim:
        line = Line(sim.port)
        await line.mend()
        given = {"cablecast_api_url": f"http://127.0.0.1:{line.port}", "auto_publish_to_vod": True}
        async with station(own_database, tmp_path, sim, **given) as world:
            settings = MonitorSettings(
                _env_file=None,
                database_url=own_database,  # type: ignore[arg-type]
                redis_url=redis_url,  # type: ignore[arg-type]
                default_output_path=tmp_path,
            )
            async with asked_of(app_of(world)) as vod, asked_of(create_monitor(settings)) as monitor:
                await target_is(vod, "ok")
                await sim.control.switch(index_s=15, slots=4, transcode_speed=40)
                shows = [await a_show(world, number) for number in range(recordings)]
                if way == "refuses":
                    await line.cut()
                elif way == "asks-to-wait":
                    await sim.control.fault("retry_after", retry_after=1800)
                else:
                    await sim.control.fault("delay", seconds=3600)

                waits_for_answers(world, _NIGHT_S)
                asked_before = requests()
                await a_night(world, shows, hours * 3600)
                asked = requests() - asked_before
                assert 0 < asked <= hours * 3600 / _LONGEST_REST_S + _UNTIL_LONGEST, f"{asked} requests"
                assert await standing(world) == [("pending", 0, 0)] * recordings
                target = await target_is(vod, "away")
                assert target["reason"]
                assert target["waiting"] == recordings
                assert (await monitor.get("/health/ready")).status_code == 200

                waits_for_answers(world, _MORNING_S)
                if way == "refuses":
                    await line.mend()
                else:
                    await sim.control.no_faults()
                slept = len(await sim.control.journal())
                await half_open(world)
                await the_morning(world)
                assert await standing(world) == [("published", 0, 0)] * recordings
                assert_in_order(await asked_about(world, slept), shows)
                assert (await target_is(vod, "ok"))["waiting"] == 0
            await world.check()
        await line.cut()


def waits_for_answers(world: World, seconds: float) -> None:
    publisher = world.publishers["cablecast"]
    assert isinstance(publisher, CablecastPublisher)
    publisher.client._request_timeout_s = seconds
    publisher.client._http.timeout = httpx.Timeout(seconds)


async def target_is(publisher: httpx.AsyncClient, state: str) -> dict[str, Any]:
    """What a ready publisher says of Cablecast: an answer is kept for two seconds, and a night may be over sooner."""
    async with asyncio.timeout(10):
        while True:
            answer = await publisher.get("/health/ready")
            assert answer.status_code == 200
            target: dict[str, Any] = answer.json()["targets"]["cablecast"]
            if target["state"] == state:
                return target
            await asyncio.sleep(0.1)


async def a_show(world: World, number: int) -> int:
    show = 5000 + number
    file = {"store": "Flex 1", "name": name_of(show), "length_s": 60}
    return await world.show(id=show, title=f"Council {show}", file=file)


def name_of(show: int) -> str:
    return f"{show}-1-Council {show}.mp4"


async def a_night(world: World, shows: list[int], lasts_s: float) -> None:
    """Recordings complete all night long, and the publisher does what it can."""
    began = probed = sum(world.skipped)
    for number, show in enumerate(shows, 1):
        await world.captioned(name_of(show), length_s=60)
        while (left := began + lasts_s * number / len(shows) - sum(world.skipped)) > 0:
            if sum(world.skipped) - probed >= _PROBE_EVERY_S:
                probed = sum(world.skipped)
                await world.sender._probe()
            if not await world.step():
                await world.skip(left)
    await world.sender.report()


async def half_open(world: World) -> None:
    """Publishers find that it is back: one of them asks, the others wait for what it hears."""
    senders = [world.sender, *(world.another_sender() for _ in range(_PUBLISHERS - 1))]
    for _ in range(_ROUNDS):
        worked = await asyncio.gather(*(one.work_once() for one in senders))
        if any(worked):
            assert sum(worked) == 1
            return
        await world.skip(60)
    raise AssertionError("nobody has asked whether it is back")


async def the_morning(world: World) -> None:
    for _ in range(_ROUNDS * len(await standing(world))):
        if all(status == "published" for status, _, _ in await standing(world)):
            return
        await world.step()
    raise AssertionError(f"not all is sent: {await standing(world)}")


async def asked_about(world: World, since: int) -> list[int]:
    """Shows in the order in which they were first asked for: what is then sent to each takes its own time."""
    paths = [one["path"] for one in (await world.sim.control.journal())[since:] if one["method"] == "GET"]
    return list(dict.fromkeys(int(found[1]) for path in paths if (found := re.search(r"/shows/(\d+)$", path))))


def assert_in_order(asked: list[int], shows: list[int]) -> None:
    """Each in its turn; which of the oldest comes first, publishers that take one each at the same time decide."""
    assert sorted(asked) == shows
    assert all(abs(asked.index(show) - turn) < _PUBLISHERS for turn, show in enumerate(shows)), asked


async def standing(world: World) -> list[tuple[str, int, int]]:
    """Status, failures and crashes of each publication, in the order in which they were asked for."""
    query = "SELECT status, failure_count, crash_count FROM publications ORDER BY created_date, id"
    async with world.db.transaction() as session:
        return [(row.status, row.failure_count, row.crash_count) for row in await session.execute(text(query))]


def requests() -> float:
    """How many requests our client has made so far, whatever became of them."""
    samples = [sample for metric in metrics.REQUESTS.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))
