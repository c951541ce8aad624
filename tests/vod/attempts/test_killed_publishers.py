"""Scenario 6.8/25: a publisher killed at each step, or stopped for so long that another has taken its publication."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from tests.conftest import Servers
from tests.simulators.cablecast.process import Simulator
from tests.vod.processes import PublisherProcess, environment, mended, until
from tests.vod.recordings import Recording, asked_for_twice, ends
from tests.vod.world import World, station

from archivist_common import failpoints
from archivist_common.publishing import requests as publication_requests

POINTS = [point for point in failpoints.POINTS if point.startswith(("publish-", "effect-"))]
_FASTER = 75.0
_FLOOR_S = 0.2
_LEASE = timedelta(seconds=6)
_WITHIN_S = 60.0


@dataclass
class Scene:
    """A station and its two publishers. Whoever dies is started again when the test is over."""

    world: World
    publishers: list[PublisherProcess]
    reached: int = 0
    numbers: "count[int]" = field(default_factory=lambda: count(0, 3))

    async def asked(self) -> Recording:
        """A recording without a show: whoever publishes it makes everything."""
        return await asked_for_twice(self.world, next(self.numbers))

    def arm(self, point: str, what: str) -> None:
        """Whoever reaches this point next is killed or stopped, alone: they share the folder."""
        self.reached = len(self.publishers[0].steps())
        self.publishers[0].arm(point, what)

    async def hit(self, point: str) -> PublisherProcess:
        """Who it was."""
        one, other = self.publishers

        async def reached() -> bool:
            return len(one.steps()) > self.reached

        await until(reached, _WITHIN_S, f"{point} is reached")
        pid, _ = one.steps()[-1]
        return one if pid == one.pid else other

    async def lapse(self) -> None:
        """Time passes for what was in the hands of the dead: its lease is over."""
        async with self.world.db.transaction() as session:
            await session.execute(
                text(
                    "UPDATE publications SET lease_expires_at = clock_timestamp() - interval '1 s' "
                    "WHERE status = 'processing'"
                )
            )

    async def at_rest(self, recording: Recording) -> str:
        async def rests() -> bool:
            now = await self.world.read(recording.publication)
            return now.status not in {"pending", "processing"}

        await until(rests, _WITHIN_S, f"{recording.path} is at rest")
        return (await self.world.read(recording.publication)).status

    async def attempt(self, recording: Recording) -> int:
        async with self.world.db.transaction() as session:
            found = await session.scalar(
                text("SELECT attempt FROM publications WHERE id = :id"), {"id": recording.publication}
            )
        return int(found or 0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(
    servers: Servers, migrated_template: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("killed")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(servers.database(migrated_template))
        sim = await stack.enter_async_context(Simulator.start("modern"))
        given: dict[str, Any] = {"vod_status_check_interval": _FLOOR_S, "job_lease": _LEASE}
        world = await stack.enter_async_context(station(url, folder, sim, cablecast_stores="Flex 1=flex-1", **given))
        await sim.control.auto(_FASTER)
        await sim.control.switch(index_s=15, transcode_speed=20)
        env = environment(world.settings, redis_url)
        points = folder / "points"
        publishers = [PublisherProcess(f"publisher-{number}", folder, env, points=points) for number in (1, 2)]
        for one in publishers:
            stack.callback(one.close)
            stack.push_async_callback(one.kill)
        await asyncio.gather(*(one.up() for one in publishers))
        await stack.enter_async_context(mended(world, redis_url, _LEASE))
        yield Scene(world, publishers)
        await world.check(slack_s=1.0, poll_floor_s=_FLOOR_S * _FASTER)


@pytest_asyncio.fixture(loop_scope="session")
async def both(scene: Scene) -> AsyncIterator[Scene]:
    """Both publishers are there, and unharmed."""
    await asyncio.gather(*(one.up() for one in scene.publishers if not one.runs))
    yield scene
    scene.publishers[0].disarm()


@pytest.mark.parametrize("point", [point for point in POINTS if point != "publish-withdraw"])
async def test_killed_at_a_step_a_recording_is_published_once(point: str, both: Scene) -> None:
    scene = both
    scene.arm(point, "kill")
    recording = await scene.asked()
    victim = await scene.hit(point)
    assert await victim.ended(10)
    await scene.lapse()
    status, _ = await asyncio.gather(scene.at_rest(recording), victim.up())
    assert status == "published"
    (end,) = await ends(scene.world, [recording])
    end.require_once()


async def test_killed_while_it_withdraws_a_programme_is_off_the_list_all_the_same(both: Scene) -> None:
    scene = both
    recording = await scene.asked()
    assert await scene.at_rest(recording) == "published"
    scene.arm("publish-withdraw", "kill")
    async with scene.world.db.transaction() as session:
        await publication_requests.withdraw(session, recording.publication)
    victim = await scene.hit("publish-withdraw")
    assert await victim.ended(10)
    await scene.lapse()
    assert await scene.at_rest(recording) == "removed"
    now = await scene.world.read(recording.publication)
    (vod,) = [one for one in await scene.world.vods() if str(one["id"]) == now.vod_id]
    assert vod["disabled"]


@pytest.mark.parametrize("point", ["publish-captions", "effect-intended", "effect-done"])
async def test_a_publisher_that_was_stopped_for_three_leases_changes_nothing_afterwards(
    point: str, both: Scene
) -> None:
    """Fencing: what it holds is another's by now, and neither the database nor Cablecast hears of it any more."""
    scene, control = both, both.world.sim.control
    scene.arm(point, "stop")
    recording = await scene.asked()
    zombie = await scene.hit(point)
    assert zombie.is_stopped
    await scene.lapse()
    assert await scene.at_rest(recording) == "published"
    attempt, requests = await scene.attempt(recording), len(await control.journal())
    before = await ends(scene.world, [recording])
    fenced = await _other(scene, zombie).fenced_writes()

    zombie.signal(signal.SIGCONT)

    async def is_fenced() -> bool:
        return await zombie.fenced_writes() > 0

    await until(is_fenced, _WITHIN_S, "the zombie hears that it has lost the publication")
    assert await scene.attempt(recording) == attempt
    assert (await ends(scene.world, [recording])) == before
    asked = (await control.journal())[requests:]
    # A search is a POST that changes nothing: the look after a change is one.
    written = [one for one in asked if one["method"] not in {"GET", "HEAD"} and "/search/" not in one["path"]]
    assert written == []
    before[0].require_once()
    assert await _other(scene, zombie).fenced_writes() == fenced
    await zombie.kill()  # so that the next zombie's count begins at nothing


def _other(scene: Scene, one: PublisherProcess) -> PublisherProcess:
    return next(other for other in scene.publishers if other is not one)
