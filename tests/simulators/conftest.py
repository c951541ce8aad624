"""The simulator as it runs for every test here: one process for each profile, made new before each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.simulators.cablecast import Simulator

OPERATOR, VIEWER = ("operator", "secret"), ("viewer", "secret")
FILE = {"store": "Flex 1", "name": "4120-1-Harbor Council.mp4", "length_s": 600}
SHOW = {"id": 4120, "title": "Harbor Council", "eventDate": "2026-11-18T00:00:00-06:00", "file": FILE}
# Two captions: Hello from 1.301 s to 4.004 s, Aye. from 20.120 s to 22.022 s.
SCC = (
    "Scenarist_SCC V1.0\n\n"
    "00:00:01;00\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f\n\n"
    "00:00:04;00\t942c 942c\n\n"
    "00:00:19;25\t9420 9420 94ae 94ae 9470 9470 c179 e5ae 942f 942f\n\n"
    "00:00:22;00\t942c 942c\n"
)
HELLO, AYE = ("00:00:01.301 --> 00:00:04.004", "Hello"), ("00:00:20.120 --> 00:00:22.022", "Aye.")


class Stations:
    """Processes by profile and options, started when they are first asked for."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, tuple[tuple[str, Any], ...]], Simulator] = {}

    async def __call__(self, profile: str = "modern", **options: Any) -> Simulator:
        key = (profile, tuple(sorted(options.items())))
        if key not in self._running:
            self._running[key] = await Simulator.launch(profile, **options)
        await self._running[key].control.reset()
        return self._running[key]

    async def close(self) -> None:
        async with AsyncExitStack() as ended:
            for sim in self._running.values():
                ended.push_async_callback(sim.close)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stations() -> AsyncIterator[Stations]:
    made = Stations()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sim(stations: Stations) -> Simulator:
    """A new modern station without shows."""
    return await stations()


Caller = Callable[..., httpx.AsyncClient]


@pytest_asyncio.fixture(loop_scope="session")
async def caller(sim: Simulator) -> AsyncIterator[Caller]:
    """Clients of a station: `caller()` is the operator, `caller(None)` nobody."""
    made: list[httpx.AsyncClient] = []

    def make(auth: tuple[str, str] | None = OPERATOR, of: Simulator | None = None) -> httpx.AsyncClient:
        made.append(httpx.AsyncClient(base_url=(of or sim).api, auth=auth, trust_env=False, verify=False, timeout=10))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def api(caller: Caller) -> httpx.AsyncClient:
    """The operator's client."""
    return caller()
