"""Runs every check periodically in the background and keeps its last result.

Each check has its own loop and its own deadline: one that hangs or raises is a finding about its component, and
delays neither the others nor a reader of the report. The first run of each is delayed and every wait is varied at
random, so that the checks of one process, or of several, do not all hit the database in the same moment.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from archivist_common.errors import ArchivistError
from archivist_monitor import gauges
from archivist_monitor.check import Check, CheckResult, Status
from archivist_monitor.thresholds import Judged, Lines, judge

log = logging.getLogger(__name__)

JITTER = 0.1  # of the interval: the longest first delay, and how far a wait differs from it either way
_LEAST_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """The last status of a component. age_s: seconds since its check ended."""

    judged: Judged
    age_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All components as of their last check. status is None until each has been checked once."""

    status: Status | None
    components: Mapping[str, Finding]
    waiting: tuple[str, ...] = ()
    """Components not checked yet."""


class CheckRunner:
    """The checks and their last findings. One per process; `run` belongs to its lifespan.

    every: from the start of one run of a check to the start of the next. chance: random numbers in [0, 1).
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        every: timedelta,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._checks = checks
        self._every = every
        self._now = now
        self._chance = chance
        self._sleep = sleep
        self._found: dict[str, tuple[Judged, float]] = {}
        self._lines: dict[str, Lines] = {}
        self._hanging: dict[str, asyncio.Task[CheckResult]] = {}
        self._broken: dict[str, str] = {}

    async def run(self) -> None:
        """Run the checks for ever, each in a task of its own."""
        async with asyncio.TaskGroup() as group:
            for name in self._checks:
                group.create_task(self._repeat(name))

    async def check(self, name: str) -> None:
        """Check one component once; ends within the check's deadline, whatever the check does."""
        result = await self._result(name)
        now = self._now()
        judged, self._lines[name] = judge(result, now, self._lines.get(name, {}))
        gauges.COMPONENT.labels(name).set(judged.status)
        before = self._found.get(name)
        self._found[name] = (judged, now)
        _log_change(name, judged, None if before is None else before[0].status)

    def report(self) -> Report:
        """What is known now. It runs no check, so it cannot be slow."""
        now = self._now()
        components = {
            name: Finding(self._found[name][0], now - self._found[name][1])
            for name in self._checks
            if name in self._found
        }
        waiting = tuple(name for name in self._checks if name not in self._found)
        worst = max((each.judged.status for each in components.values()), default=None)
        return Report(None if waiting else worst, components, waiting)

    async def _repeat(self, name: str) -> None:
        every_s = self._every.total_seconds()
        await self._sleep(self._chance() * JITTER * every_s)
        while True:
            began = self._now()
            await self.check(name)
            wait_s = every_s * (1 + JITTER * (2 * self._chance() - 1))
            await self._sleep(max(_LEAST_WAIT_S, wait_s - (self._now() - began)))

    async def _result(self, name: str) -> CheckResult:
        check = self._checks[name]
        hanging = self._hanging.get(name)
        if hanging is not None and not hanging.done():
            return CheckResult(Status.UNHEALTHY, reason="timeout: an earlier run of this check has not ended yet")
        task = asyncio.create_task(check.read(), name=f"check-{name}")
        try:
            await asyncio.wait({task}, timeout=check.deadline.total_seconds())
        finally:
            if not task.done():
                task.cancel()  # not awaited: what hangs may ignore it
                task.add_done_callback(_forget)
                self._hanging[name] = task
        if not task.done():
            return CheckResult(
                Status.UNHEALTHY, reason=f"timeout: no result within {check.deadline.total_seconds():g} s"
            )
        try:
            return task.result()
        except ArchivistError as exc:
            return CheckResult(Status.UNHEALTHY, reason=exc.message)
        except Exception as exc:
            if repr(exc) != self._broken.get(name):  # once, not every ten seconds
                log.exception("check failed", extra={"component": name})
            self._broken[name] = repr(exc)
            return CheckResult(Status.UNHEALTHY, reason="the check itself failed; the monitor's log says why")


def _forget(task: asyncio.Task[CheckResult]) -> None:
    """Retrieve the exception of a late task, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()


def _log_change(name: str, judged: Judged, before: Status | None) -> None:
    """Log when a status changes, not that it stays."""
    if judged.status == (before or Status.HEALTHY):
        return
    extra = {"component": name, "status": judged.status.word, "reason": judged.reason}
    if judged.status is Status.HEALTHY:
        log.info("component is healthy again", extra=extra)
    elif judged.status is Status.UNHEALTHY:
        log.error("component is unhealthy", extra=extra)
    else:
        log.warning("component is degraded", extra=extra)
