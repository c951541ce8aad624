"""A stack of our own for one piece of work: left at once on Ctrl-C, and nothing is published by it."""

import asyncio
import os
import signal

import pytest

from archivist_cli import run_files
from archivist_cli.local.errors import StackInterrupted
from archivist_cli.local.stack import Stack


@pytest.fixture
def heeded():
    """Whoever started the tests in the background has had SIGINT ignored, and that is inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


async def test_ctrl_c_ends_the_work_at_once_wherever_it_is(tmp_path, heeded):
    async def working() -> None:
        async with (
            Stack(tmp_path, settings={}, services=(), durable=False) as stack,
            run_files.until_asked_to_stop(stack),
        ):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(120)

    with pytest.raises(StackInterrupted, match="stopped before it was done"):
        await working()
    this = asyncio.current_task()
    assert this is not None
    assert this.cancelling() == 0  # what comes after may wait, and have its own deadlines


async def test_work_that_is_done_or_is_cancelled_by_somebody_else_is_not_called_stopped(tmp_path):
    async with Stack(tmp_path, settings={}, services=(), durable=False) as stack:
        async with run_files.until_asked_to_stop(stack):
            await asyncio.sleep(0)

        async def inside() -> None:
            async with run_files.until_asked_to_stop(stack):
                await asyncio.sleep(60)

        task = asyncio.create_task(inside())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_work_on_a_stations_settings_starts_no_publisher():
    assert set(run_files.WITHOUT_PUBLISHER) == {"api", "transcriber", "monitor"}
