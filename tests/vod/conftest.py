"""A station and its Cablecast for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import World, station


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cablecast() -> AsyncIterator[Simulator]:
    """One process for all tests: it starts as new for each."""
    async with Simulator.start("modern") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def sim(cablecast: Simulator) -> Simulator:
    """A Cablecast 7.8 in which nothing has happened yet."""
    await cablecast.control.auto(0)
    await cablecast.control.reset()
    return cablecast


@pytest_asyncio.fixture(loop_scope="session")
async def world(own_database: str, tmp_path: Path, sim: Simulator) -> AsyncIterator[World]:
    """A station beside a Cablecast 7.8. Whatever a test did, the promises of the contract are checked at its end."""
    async with station(own_database, tmp_path, sim) as made:
        yield made
        await made.check()
