"""Redis as the monitor sees it: a server of the test's own, filled, and away."""

import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from archivist_cli.local import runtime
from archivist_cli.local.valkey import Valkey
from archivist_common.events.notify import Notifier
from archivist_monitor.check import Status
from archivist_monitor.checks.redis import RedisCheck
from archivist_monitor.thresholds import judge


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    sockets = runtime.make()
    server = Valkey(tmp_path / "valkey", runtime=sockets, log=tmp_path / "valkey.log")
    await server.start()
    yield server
    await server.stop()
    runtime.remove(sockets)


def _gauge(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


async def test_memory_above_80_percent_of_the_limit_degrades_it_and_redis_down_degrades_it_too(
    valkey: Valkey,
) -> None:
    notifier = Notifier(valkey.url)
    client = Redis.from_url(valkey.url)
    check = RedisCheck(notifier)
    try:
        unlimited, _ = judge(await check.read(), 0, {})
        assert unlimited.status is Status.HEALTHY
        assert math.isnan(_gauge("archivist_redis_memory_used_ratio"))

        await client.set("ballast", b"x" * 1_000_000)
        used = (await client.info("memory"))["used_memory"]
        await client.config_set("maxmemory", 2 * used)
        assert judge(await check.read(), 0, {})[0].status is Status.HEALTHY
        await client.config_set("maxmemory", int(used / 0.9))
        full, _ = judge(await check.read(), 0, {})
        assert full.status is Status.DEGRADED
        assert "degraded above 80" in (full.reason or "")
        assert 0.8 < _gauge("archivist_redis_memory_used_ratio") <= 1
        assert _gauge("archivist_redis_up") == 1

        await valkey.stop()
        began = time.monotonic()
        away, _ = judge(await check.read(), 0, {})
        assert time.monotonic() - began < check.deadline.total_seconds()
        assert (away.status, away.reason) == (
            Status.DEGRADED,
            "Redis is not responding; jobs go on, workers poll the database",
        )
        assert _gauge("archivist_redis_up") == 0
        assert math.isnan(_gauge("archivist_redis_memory_used_ratio"))

        await valkey.start()
        assert judge(await check.read(), 0, {})[0].status is Status.HEALTHY
        assert _gauge("archivist_redis_up") == 1
    finally:
        await client.aclose()
        await notifier.close()
