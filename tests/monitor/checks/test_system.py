"""The machine as the monitor sees it: counters handed in, and the real ones."""

import time
from collections.abc import Iterable

import pytest
from sqlalchemy import insert

from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Worker
from archivist_common.jobs.workers import WORKER_GONE, machine_id
from archivist_monitor.check import CheckResult, Status
from archivist_monitor.checks.pinned_cores import PinnedCores
from archivist_monitor.checks.system import Machine, SystemCheck, machine
from archivist_monitor.thresholds import judge

GIB = 1024**3


async def _unpinned() -> frozenset[int]:
    return frozenset()


async def _first_core() -> frozenset[int]:
    return frozenset({0})


async def _readings(
    busy: Iterable[tuple[float, ...]], *, every: float = 60, pinned: object = _unpinned, free: float = 8 * GIB
) -> list[CheckResult]:
    """Readings of a machine whose cores were busy for these shares (%) of each interval."""
    busy = list(busy)
    counters = [[0.0, 0.0] for _ in busy[0]]
    now = 0.0
    check = SystemCheck(
        pinned,  # type: ignore[arg-type]
        lambda: Machine(tuple((used, total) for used, total in counters), 16 * GIB, int(free)),
        lambda: now,
    )
    readings = [await check.read()]
    for shares in busy:
        now += every
        for counter, share in zip(counters, shares, strict=True):
            counter[0] += every * share / 100
            counter[1] += every
        readings.append(await check.read())
    return readings


def _cpu(reading: CheckResult) -> float | None:
    return next(value.value for value in reading.values if value.name == "cpu")


@pytest.mark.parametrize(
    ("busy", "status"),
    [
        pytest.param(80, Status.HEALTHY, id="80"),
        pytest.param(85, Status.DEGRADED, id="85"),
        pytest.param(95, Status.UNHEALTHY, id="95"),
    ],
)
async def test_busy_processors_degrade_above_80_and_are_unhealthy_above_90_percent(
    busy: float, status: Status
) -> None:
    last = (await _readings([(busy, busy)] * 5))[-1]
    assert _cpu(last) == pytest.approx(busy)
    assert judge(last, 0, {})[0].status is status


async def test_processors_are_judged_over_five_minutes_not_over_a_moment() -> None:
    shares = [(10.0,)] * 4 + [(100.0,)]
    assert _cpu((await _readings(shares))[-1]) == pytest.approx((4 * 10 + 100) / 5)
    assert _cpu((await _readings([(100.0,)] * 5 + [(10.0,)] * 5))[-1]) == pytest.approx(10)


async def test_less_than_a_minute_of_processor_time_is_not_judged() -> None:
    first, second, *_ = await _readings([(100.0,), (100.0,)], every=30)
    assert _cpu(first) is None
    assert _cpu(second) == pytest.approx(100)
    assert judge(second, 0, {})[0].status is Status.HEALTHY


async def test_cores_that_speech_is_pinned_to_are_meant_to_be_busy() -> None:
    last = (await _readings([(100.0, 20.0)] * 5, pinned=_first_core))[-1]
    assert _cpu(last) == pytest.approx(20)
    assert next(value.value for value in last.values if value.name == "cpu_all_cores") == pytest.approx(60)
    assert judge(last, 0, {})[0].status is Status.HEALTHY


@pytest.mark.parametrize(
    ("used", "status"),
    [
        pytest.param(0.79, Status.HEALTHY, id="79"),
        pytest.param(0.85, Status.DEGRADED, id="85"),
        pytest.param(0.95, Status.UNHEALTHY, id="95"),
    ],
)
async def test_memory_degrades_above_80_and_is_unhealthy_above_90_percent(used: float, status: Status) -> None:
    last = (await _readings([(0.0,)] * 2, free=16 * GIB * (1 - used)))[-1]
    assert judge(last, 0, {})[0].status is status


async def test_looking_at_the_real_machine_does_not_wait() -> None:
    """Seed defect 4: taking the sample blocked the process for a second."""
    machine()  # psutil is imported by the first look
    began = time.perf_counter()
    for _ in range(5):
        machine()
    assert (time.perf_counter() - began) / 5 < 0.1
    reading = await SystemCheck(_unpinned).read()
    values = {value.name: value.value for value in reading.values}
    assert values["memory_total"] > 2**28  # type: ignore[operator]
    assert 0 < values["memory"] < 100  # type: ignore[operator]


async def test_the_real_processors_are_seen_to_work() -> None:
    check = SystemCheck(_unpinned)
    await check.read()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        pass
    busy = _cpu(await check.read())
    assert busy is not None
    assert busy > 0


async def test_pinned_cores_are_those_of_live_workers_on_this_machine(db: Database) -> None:
    here = machine_id()
    alive, dead = database_in(WORKER_GONE / -2), database_in(-2 * WORKER_GONE)
    rows = [
        {"id": "a", "details": {"machine": here, "cores": [[0, 1], [2, 3]]}, "heartbeat_at": alive},
        {"id": "b", "details": {"machine": "another", "cores": [[5]]}, "heartbeat_at": alive},
        {"id": "c", "details": {"machine": here, "cores": [[6]]}, "heartbeat_at": dead},
        {"id": "d", "details": {}, "heartbeat_at": alive},
    ]
    async with db.transaction() as session:
        for row in rows:
            await session.execute(insert(Worker).values(host="container", slots=1, free_slots=1, ready=True, **row))
    assert await PinnedCores(db)() == {0, 1, 2, 3}


async def test_with_the_database_away_the_machine_is_still_looked_at() -> None:
    bind = engine("postgresql+asyncpg://postgres@/archivist?host=/nonexistent", 1, 0, "tests")
    reading = await SystemCheck(PinnedCores(Database(bind))).read()
    assert reading.values
    await bind.dispose()
