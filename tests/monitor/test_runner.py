"""The watch: a check that hangs, raises or recovers is a finding, and the report never waits for one."""

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
        self.looks = 0

    async def read(self) -> CheckResult:
        self.looks += 1
        return await self._read()


async def _well() -> CheckResult:
    return CheckResult()


async def _hangs() -> CheckResult:
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")


async def test_the_report_says_starting_until_every_component_was_looked_at_once() -> None:
    watch = CheckRunner({"a": Scripted(_well), "b": Scripted(_well)}, EVERY)
    assert watch.report().status is None
    await watch.look("a")
    assert (watch.report().status, watch.report().waiting) == (None, ("b",))
    await watch.look("b")
    assert (watch.report().status, watch.report().waiting) == (Status.HEALTHY, ())


async def test_a_check_that_hangs_is_unhealthy_after_its_deadline() -> None:
    watch = CheckRunner({"a": Scripted(_hangs)}, EVERY)
    began = time.monotonic()
    await watch.look("a")
    assert time.monotonic() - began < 1
    found = watch.report().components["a"].judged
    assert (found.status, found.reason) == (Status.UNHEALTHY, "no answer within 0.05 s")


async def test_a_check_that_does_not_hear_its_cancellation_is_not_started_a_second_time() -> None:
    go_on = asyncio.Event()

    async def deaf() -> CheckResult:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue
        return CheckResult()

    check = Scripted(deaf)
    watch = CheckRunner({"a": check}, EVERY)
    await watch.look("a")
    await watch.look("a")
    found = watch.report().components["a"].judged
    assert (found.status, found.reason) == (Status.UNHEALTHY, "an earlier look has not come to an end yet")
    assert check.looks == 1
    go_on.set()
    await asyncio.sleep(0.01)
    await watch.look("a")
    assert watch.report().status is Status.HEALTHY


async def test_an_error_of_ours_is_the_reason_and_one_that_is_not_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def away() -> CheckResult:
        raise StorageUnavailable("flex-2 does not answer")

    async def broken() -> CheckResult:
        raise ZeroDivisionError("secret details")

    watch = CheckRunner({"away": Scripted(away), "broken": Scripted(broken)}, EVERY)
    for name in ("away", "broken", "broken"):
        await watch.look(name)
    found = watch.report().components
    assert found["away"].judged.reason == "flex-2 does not answer"
    assert found["broken"].judged.status is Status.UNHEALTHY
    assert "secret" not in (found["broken"].judged.reason or "")
    assert [record.message for record in caplog.records].count("check failed") == 1


async def test_a_hanging_check_holds_up_no_other_and_not_the_report() -> None:
    check = Scripted(_well)
    watch = CheckRunner({"hangs": Scripted(_hangs, deadline_s=60), "well": check}, timedelta(milliseconds=10))
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(5):
            while check.looks < 3:
                await asyncio.sleep(0.01)
        began = time.perf_counter()
        report = watch.report()
        assert time.perf_counter() - began < 0.05
        assert report.components["well"].judged.status is Status.HEALTHY
        assert report.waiting == ("hangs",)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_stopping_the_watch_ends_the_look_in_progress() -> None:
    ended = asyncio.Event()

    async def notes_its_end() -> CheckResult:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return CheckResult()

    running = asyncio.create_task(CheckRunner({"a": Scripted(notes_its_end, deadline_s=60)}, EVERY).run())
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

    watch = CheckRunner({"a": Scripted(_well), "b": Scripted(degraded)}, EVERY, now=lambda: now)
    await watch.look("a")
    now = 107.0
    await watch.look("b")
    now = 110.0
    report = watch.report()
    assert report.status is Status.DEGRADED
    assert {name: found.age_s for name, found in report.components.items()} == {"a": 10.0, "b": 3.0}


async def test_hysteresis_runs_on_the_watchs_own_clock() -> None:
    now, used = 0.0, 50.0

    async def measured() -> CheckResult:
        return CheckResult(values=(Value("used", used, "%", 80, 90),))

    watch = CheckRunner({"a": Scripted(measured)}, EVERY, now=lambda: now)
    seen = []
    for now, used in ((0.0, 50.0), (10.0, 95.0), (69.0, 95.0), (70.0, 95.0), (80.0, 80.0)):  # noqa: B007
        await watch.look("a")
        seen.append(watch.report().status)
    assert seen == [Status.HEALTHY, Status.HEALTHY, Status.HEALTHY, Status.UNHEALTHY, Status.DEGRADED]


async def test_trouble_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    status = Status.HEALTHY

    async def changing() -> CheckResult:
        return CheckResult(status, reason="so" if status else None)

    caplog.set_level(logging.INFO)
    watch = CheckRunner({"a": Scripted(changing)}, EVERY)
    for status in (Status.HEALTHY, Status.DEGRADED, Status.DEGRADED, Status.UNHEALTHY, Status.HEALTHY):  # noqa: B007
        await watch.look("a")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "component is degraded"),
        ("ERROR", "component is unhealthy"),
        ("INFO", "component is healthy again"),
    ]
