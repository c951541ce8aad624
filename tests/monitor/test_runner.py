"""The runner: a check that hangs, raises or recovers is a finding, and the report never waits for one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from archivist_common.errors import StorageUnavailable
from archivist_monitor.check import CheckResult, Status, Value
from archivist_monitor.runner import CheckRunner

EVERY = timedelta(seconds=10)


class Scripted:
    """A check that does what the test says."""

    def __init__(self, read: Callable[[], Awaitable[CheckResult]], deadline_s: float = 0.05) -> None:
        self._read = read
        self.deadline = timedelta(seconds=deadline_s)
        self.runs = 0

    async def read(self) -> CheckResult:
        self.runs += 1
        return await self._read()


async def _well() -> CheckResult:
    return CheckResult()


async def _hangs() -> CheckResult:
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")


async def test_the_report_says_starting_until_every_component_was_checked_once() -> None:
    runner = CheckRunner({"a": Scripted(_well), "b": Scripted(_well)}, EVERY)
    assert runner.report().status is None
    await runner.check("a")
    assert (runner.report().status, runner.report().waiting) == (None, ("b",))
    await runner.check("b")
    assert (runner.report().status, runner.report().waiting) == (Status.HEALTHY, ())


async def test_a_check_that_hangs_is_unhealthy_after_its_deadline() -> None:
    runner = CheckRunner({"a": Scripted(_hangs)}, EVERY)
    began = time.monotonic()
    await runner.check("a")
    assert time.monotonic() - began < 1
    found = runner.report().components["a"].judged
    assert (found.status, found.reason) == (Status.UNHEALTHY, "timeout: no result within 0.05 s")


async def test_a_check_that_ignores_its_cancellation_is_not_started_a_second_time() -> None:
    go_on = asyncio.Event()

    async def stubborn() -> CheckResult:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue
        return CheckResult()

    check = Scripted(stubborn)
    runner = CheckRunner({"a": check}, EVERY)
    await runner.check("a")
    await runner.check("a")
    found = runner.report().components["a"].judged
    assert (found.status, found.reason) == (
        Status.UNHEALTHY,
        "timeout: an earlier run of this check has not ended yet",
    )
    assert check.runs == 1
    go_on.set()
    await asyncio.sleep(0.01)
    await runner.check("a")
    assert runner.report().status is Status.HEALTHY


async def test_an_error_of_ours_is_the_reason_and_one_that_is_not_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def unavailable() -> CheckResult:
        raise StorageUnavailable("flex-2 does not answer")

    async def broken() -> CheckResult:
        raise ZeroDivisionError("secret details")

    runner = CheckRunner({"unavailable": Scripted(unavailable), "broken": Scripted(broken)}, EVERY)
    for name in ("unavailable", "broken", "broken"):
        await runner.check(name)
    found = runner.report().components
    assert found["unavailable"].judged.reason == "flex-2 does not answer"
    assert found["broken"].judged.status is Status.UNHEALTHY
    assert "secret" not in (found["broken"].judged.reason or "")
    assert [record.message for record in caplog.records].count("check failed") == 1


async def test_a_hanging_check_holds_up_no_other_and_not_the_report() -> None:
    check = Scripted(_well)
    runner = CheckRunner({"hangs": Scripted(_hangs, deadline_s=60), "well": check}, timedelta(milliseconds=10))
    running = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(5):
            while check.runs < 3:
                await asyncio.sleep(0.01)
        began = time.perf_counter()
        report = runner.report()
        assert time.perf_counter() - began < 0.05
        assert report.components["well"].judged.status is Status.HEALTHY
        assert report.waiting == ("hangs",)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_the_first_run_is_delayed_and_each_wait_varied_by_the_jitter() -> None:
    now, waits = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(round(seconds, 3))
        now += seconds
        if len(waits) == 5:
            raise asyncio.CancelledError

    async def takes_two_seconds() -> CheckResult:
        nonlocal now
        now += 2
        return CheckResult()

    check = Scripted(takes_two_seconds)
    chances = iter((0.5, 0.0, 0.5, 0.75, 0.999))
    runner = CheckRunner({"a": check}, EVERY, now=lambda: now, chance=lambda: next(chances), sleep=sleep)
    await runner.run()
    # Half of a tenth of ten seconds; then ten seconds less the run's two, varied by up to a second either way.
    assert waits == [0.5, 7.0, 8.0, 8.5, 8.998]
    assert check.runs == 4


async def test_stopping_the_runner_ends_the_check_in_progress() -> None:
    ended = asyncio.Event()

    async def notes_its_end() -> CheckResult:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return CheckResult()

    check = Scripted(notes_its_end, deadline_s=60)
    running = asyncio.create_task(CheckRunner({"a": check}, EVERY, chance=lambda: 0.0).run())
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with asyncio.timeout(1):
        await ended.wait()


async def test_each_finding_has_an_age_and_the_worst_component_is_the_overall_status() -> None:
    now = 100.0

    async def degraded() -> CheckResult:
        return CheckResult(Status.DEGRADED, reason="it is")

    runner = CheckRunner({"a": Scripted(_well), "b": Scripted(degraded)}, EVERY, now=lambda: now)
    await runner.check("a")
    now = 107.0
    await runner.check("b")
    now = 110.0
    report = runner.report()
    assert report.status is Status.DEGRADED
    assert {name: found.age_s for name, found in report.components.items()} == {"a": 10.0, "b": 3.0}


async def test_hysteresis_runs_on_the_runners_own_clock() -> None:
    now, used = 0.0, 50.0

    async def measured() -> CheckResult:
        return CheckResult(values=(Value("used", used, "%", 80, 90),))

    runner = CheckRunner({"a": Scripted(measured)}, EVERY, now=lambda: now)
    seen = []
    for now, used in ((0.0, 50.0), (10.0, 95.0), (69.0, 95.0), (70.0, 95.0), (80.0, 80.0)):  # noqa: B007
        await runner.check("a")
        seen.append(runner.report().status)
    assert seen == [Status.HEALTHY, Status.HEALTHY, Status.HEALTHY, Status.UNHEALTHY, Status.DEGRADED]


async def test_trouble_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    status = Status.HEALTHY

    async def changing() -> CheckResult:
        return CheckResult(status, reason="so" if status else None)

    caplog.set_level(logging.INFO)
    runner = CheckRunner({"a": Scripted(changing)}, EVERY)
    for status in (Status.HEALTHY, Status.DEGRADED, Status.DEGRADED, Status.UNHEALTHY, Status.HEALTHY):  # noqa: B007
        await runner.check("a")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "component is degraded"),
        ("ERROR", "component is unhealthy"),
        ("INFO", "component is healthy again"),
    ]
