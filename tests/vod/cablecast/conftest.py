"""A client of ours on a real socket, with time as an argument: its back-off takes none, its clock moves by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import certificates

from archivist_common.settings import VodSettings
from archivist_vod.cablecast.transport.circuit_breaker import CircuitBreaker
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.transport.connection import http

USER, PASSWORD = "operator", "hunter2-very-own"


@dataclass
class Time:
    """A clock that moves when told, and what was slept."""

    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    also: Callable[[float], Awaitable[None]] | None = None  # moves another clock along

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.also is not None:
            await self.also(seconds)


def settings(url: str, **given: Any) -> VodSettings:
    values = {"cablecast_password": PASSWORD, "CABLECAST_USER_ID": USER, "CABLECAST_API_URL": url, **given}
    return VodSettings(_env_file=None, database_url="postgresql://u:p@db/archivist", **values)


@dataclass
class Ours:
    client: CablecastClient
    time: Time

    @property
    def host(self) -> CircuitBreaker:
        return self.client.host


Connect = Callable[..., AbstractAsyncContextManager[Ours]]


@pytest.fixture
def connect() -> Connect:
    """A context with a client for an address: `async with connect(server.url) as ours`."""

    @asynccontextmanager
    async def connected(url: str, *, retries: int = 3, timeout_s: float = 5.0, **given: Any) -> AsyncIterator[Ours]:
        time = Time()
        made = settings(url, request_timeout=timeout_s, max_retries=retries, **given)
        plain = made.cablecast_verify_ssl and made.cablecast_ca_bundle is None
        async with http(made, tls=certificates() if plain else None) as connection:
            host = CircuitBreaker("cablecast", clock=time)
            client = CablecastClient.of(made, connection, host=host, sleep=time.sleep, jitter=lambda: 0.5)
            yield Ours(client, time)

    return connected


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stations() -> AsyncIterator[dict[str, Simulator]]:
    """A simulator of each version, as a process; started once."""
    async with AsyncExitStack() as stack:
        yield {
            profile: await stack.enter_async_context(Simulator.start(profile))
            for profile in ("modern", "mid", "legacy", "reflect")
        }


@pytest_asyncio.fixture(loop_scope="session")
async def modern(stations: dict[str, Simulator]) -> Simulator:
    await stations["modern"].control.reset()
    return stations["modern"]


@pytest.fixture
def attend(connect: Connect) -> Callable[[Simulator], AbstractAsyncContextManager[Ours]]:
    """A client for a simulator, whose clock moves while we sleep."""

    @asynccontextmanager
    async def attended(sim: Simulator, **given: Any) -> AsyncIterator[Ours]:
        values = {"CABLECAST_USER_ID": "operator", "cablecast_password": "secret", **given}
        async with connect(sim.url, **values) as ours:
            ours.time.also = sim.control.advance
            yield ours

    return attended
