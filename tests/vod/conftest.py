"""A station and its Cablecast for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import World, station


@pytest_asyncio.fixture(loop_scope="session")
async def world(own_database: str, tmp_path: Path, sim: Simulator) -> AsyncIterator[World]:
    """A station beside a Cablecast 7.8. Whatever a test did, the promises of the contract are checked at its end."""
    async with station(own_database, tmp_path, sim) as made:
        yield made
        await made.check()


@pytest_asyncio.fixture(loop_scope="session")
async def patient_world(own_database: str, tmp_path: Path, sim: Simulator) -> AsyncIterator[World]:
    """The same, polling every minute at the most: for tests in which hours pass."""
    async with station(own_database, tmp_path, sim, vod_status_check_interval=60) as made:
        yield made
        await made.check()
