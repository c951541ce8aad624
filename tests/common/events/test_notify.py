"""The doorbell on a real Valkey, and without one: nothing depends on it, nothing breaks with it."""

import asyncio
import json
import logging
import os
import pickle
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from archivist_cli.local import runtime
from archivist_cli.local.valkey import Valkey
from archivist_common.errors import DeadlineExceeded
from archivist_common.events.notify import Listener, Notifier

QUEUE = "archivist:transcribe"


class Ears:
    """Counts what a listener hears."""

    def __init__(self) -> None:
        self.times = 0
        self._heard = asyncio.Event()

    def wake(self) -> None:
        self.times += 1
        self._heard.set()

    async def heard(self, within_s: float) -> bool:
        """Whether a ring came since the last call, or comes within the time."""
        try:
            async with asyncio.timeout(within_s):
                await self._heard.wait()
        except TimeoutError:
            return False
        self._heard.clear()
        return True


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A Valkey of the test's own, to be killed."""
    sockets = runtime.make()
    server = Valkey(tmp_path / "valkey", runtime=sockets, log=tmp_path / "valkey.log")
    await server.start()
    yield server
    await server.stop()
    runtime.remove(sockets)


@asynccontextmanager
async def listening(url: str, ears: Ears, *, accept: bool = True) -> AsyncIterator[Listener]:
    listener = Listener(url, "tests", ears.wake)
    listener.accept(accept)
    running = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=10)
        assert running.cancelled()


@asynccontextmanager
async def doorbell(url: str) -> AsyncIterator[Notifier]:
    notifier = Notifier(url)
    try:
        yield notifier
    finally:
        await notifier.close()


@asynccontextmanager
async def redis(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
    try:
        yield client
    finally:
        await client.aclose()


async def kill(server: Valkey) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while server.exit_code() is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_ring_is_heard_within_a_second(valkey: Valkey) -> None:
    ears = Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, ears):
        assert await notifier.notify(uuid4())
        assert await ears.heard(1.0)


async def test_the_same_id_is_heard_each_time_it_is_rung(valkey: Valkey) -> None:
    """arq refuses an id whose old result is kept; none is kept."""
    ears, job_id = Ears(), uuid4()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, ears):
        for _ in range(3):
            assert await notifier.notify(job_id)
            assert await ears.heard(1.0)
            await asyncio.sleep(0.2)  # while the wake-up is being put away, a ring for the same job joins it


async def test_a_ring_before_anybody_listens_is_heard_later(valkey: Valkey) -> None:
    ears = Ears()
    async with doorbell(valkey.url) as notifier:
        assert await notifier.notify(uuid4())
        async with listening(valkey.url, ears):
            assert await ears.heard(2.0)


async def test_two_listeners_hear_a_ring_once(valkey: Valkey) -> None:
    one, two = Ears(), Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, one), listening(valkey.url, two):
        for _ in range(4):
            await notifier.notify(uuid4())
        deadline = time.monotonic() + 5
        while one.times + two.times < 4 and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert one.times + two.times == 4


async def test_who_has_no_free_slot_leaves_hints_to_others(valkey: Valkey) -> None:
    busy, free = Ears(), Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, busy, accept=False) as listener:
        await notifier.notify(uuid4())
        assert not await busy.heard(0.6)
        async with listening(valkey.url, free):
            assert await free.heard(2.0)
        listener.accept(True)
        await notifier.notify(uuid4())
        assert await busy.heard(1.0)
        listener.accept(False)
        await notifier.notify(uuid4())
        assert not await busy.heard(0.6)


async def test_what_lies_in_redis_is_json_with_an_id_and_no_work(valkey: Valkey) -> None:
    job_id = UUID("5f0c6a1e-0000-4000-8000-000000000001")
    async with doorbell(valkey.url) as notifier, redis(valkey.url) as raw:
        await notifier.notify(job_id)
        assert await raw.zcard(QUEUE) == 1
        keys = sorted(key.decode() for key in await raw.keys("*"))
        assert keys == [QUEUE, f"arq:job:wake:{job_id}"]
        message = json.loads(await raw.get(f"arq:job:wake:{job_id}"))
        assert message["f"] == "wake"
        assert message["a"] == [str(job_id)]
        assert message["k"] == {}


async def test_a_listener_ends_whenever_it_is_cancelled(valkey: Valkey) -> None:
    """Found here: before Python 3.12 asyncio.wait_for, in redis-py, lost one cancellation in three at the start."""
    for turns in range(0, 45, 3):
        running = asyncio.create_task(Listener(valkey.url, "tests", Ears().wake).run())
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=5)
        assert running.cancelled(), f"after {turns} turns of the loop"


async def test_nothing_is_left_in_redis_once_a_ring_was_heard(valkey: Valkey) -> None:
    ears = Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, ears), redis(valkey.url) as raw:
        await notifier.notify(uuid4())
        assert await ears.heard(1.0)
        await asyncio.sleep(0.3)
        assert [key.decode() for key in await raw.keys("*")] == [f"{QUEUE}:health:tests"]


async def test_a_pickle_in_redis_is_not_opened(valkey: Valkey, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "opened"),)

    ears = Ears()
    async with redis(valkey.url) as raw:
        await raw.set("arq:job:wake:bomb", pickle.dumps({"t": 1, "f": "wake", "a": (Bomb(),), "k": {}, "et": 1}))
        await raw.zadd(QUEUE, {"wake:bomb": 1})
        async with doorbell(valkey.url) as notifier, listening(valkey.url, ears):
            await notifier.notify(uuid4())
            assert await ears.heard(2.0), "the listener lives on"
    assert not (tmp_path / "opened").exists()


async def test_a_killed_redis_is_said_once_and_heard_again(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "archivist_common.events.notify")
    ears = Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, ears):
        assert await notifier.notify(uuid4())
        assert await ears.heard(1.0)
        await kill(valkey)
        began = time.monotonic()
        assert [await notifier.notify(uuid4()) for _ in range(3)] == [False] * 3
        assert time.monotonic() - began < 3.5
        await asyncio.sleep(2.5)  # the listener tries again meanwhile, and fails
        await valkey.start()
        assert await notifier.notify(uuid4())
        assert await ears.heard(10.0)
    told = [record.message for record in caplog.records]
    assert told.count("Redis unavailable; workers poll the database") == 1
    assert told.count("Redis available again") == 1
    assert told.count("wake-up listener unavailable; the database is polled") == 1
    assert told.count("wake-up listener available again") == 1


async def test_a_redis_that_forgot_everything_is_rung_and_heard(valkey: Valkey) -> None:
    ears = Ears()
    async with doorbell(valkey.url) as notifier, listening(valkey.url, ears):
        assert await notifier.notify(uuid4())
        assert await ears.heard(1.0)
        await kill(valkey)
        shutil.rmtree(valkey.data)
        await valkey.start()
        assert await notifier.notify(uuid4())
        assert await ears.heard(10.0)


async def test_a_redis_that_hangs_costs_a_second(valkey: Valkey) -> None:
    assert valkey.pid is not None
    async with doorbell(valkey.url) as notifier:
        assert await notifier.notify(uuid4())
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert await notifier.notify(uuid4()) is False
            with pytest.raises(DeadlineExceeded):
                await notifier.info("memory")
            assert time.monotonic() - began < 3
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        assert await notifier.notify(uuid4())


async def test_redis_own_figures_can_be_read(valkey: Valkey) -> None:
    async with doorbell(valkey.url) as notifier:
        assert (await notifier.info("memory"))["maxmemory_policy"] == "noeviction"


async def test_an_address_where_nobody_is_answers_false_at_once(tmp_path: Path) -> None:
    async with doorbell(f"unix://{tmp_path}/nobody.sock") as notifier:
        began = time.monotonic()
        assert await notifier.notify(uuid4()) is False
        assert time.monotonic() - began < 1.5
        with pytest.raises(DeadlineExceeded, match="Redis"):
            await notifier.info("memory")


async def test_a_listener_without_redis_waits_quietly(tmp_path: Path) -> None:
    ears = Ears()
    async with listening(f"unix://{tmp_path}/nobody.sock", ears):
        assert not await ears.heard(0.3)
