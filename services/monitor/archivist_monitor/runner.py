"""Runs every check again and again in the background and keeps what was found last.

Each check has its own pace and its own deadline: one that hangs or raises is a finding about its component,
and holds up neither the others nor whoever reads the report.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from archivist_common.errors import ArchivistError
from archivist_monitor import gauges
from archivist_monitor.check import Check, CheckResult, Status
from archivist_monitor.thresholds import Judged, Lines, judge

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """The last verdict on a component. age_s: seconds since the look ended."""

    judged: Judged
    age_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All components as last seen. status is None until each has been looked at once."""

    status: Status | None
    components: Mapping[str, Finding]
    waiting: tuple[str, ...] = ()
    """Components not looked at yet."""


class CheckRunner:
    """The checks and their last findings. One per process; `run` belongs to its lifespan."""

    def __init__(
        self, checks: Mapping[str, Check], every: timedelta, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._every = every
        self._now = now
        self._found: dict[str, tuple[Judged, float]] = {}
        self._lines: dict[str, Lines] = {}
        self._hanging: dict[str, asyncio.Task[CheckResult]] = {}
        self._broken: dict[str, str] = {}

    async def run(self) -> None:
        """Look for ever, at each component on its own."""
        async with asyncio.TaskGroup() as group:
            for name in self._checks:
                group.create_task(self._repeat(name))

    async def look(self, name: str) -> None:
        """Look at one component once; ends within the check's deadline, whatever the check does."""
        reading = await self._ask(name)
        now = self._now()
        judged, self._lines[name] = judge(reading, now, self._lines.get(name, {}))
        gauges.COMPONENT.labels(name).set(judged.status)
        before = self._found.get(name)
        self._found[name] = (judged, now)
        _tell(name, judged, None if before is None else before[0].status)

    def report(self) -> Report:
        """What is known now. Asks nobody, so it cannot be slow."""
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
        while True:
            began = self._now()
            await self.look(name)
            await asyncio.sleep(max(0.1, self._every.total_seconds() - (self._now() - began)))

    async def _ask(self, name: str) -> CheckResult:
        check = self._checks[name]
        hanging = self._hanging.get(name)
        if hanging is not None and not hanging.done():
            return CheckResult(Status.UNHEALTHY, reason="an earlier look has not come to an end yet")
        task = asyncio.create_task(check.read(), name=f"check-{name}")
        try:
            await asyncio.wait({task}, timeout=check.deadline.total_seconds())
        finally:
            if not task.done():
                task.cancel()  # not waited for: what hangs may not hear it
                task.add_done_callback(_forget)
                self._hanging[name] = task
        if not task.done():
            return CheckResult(Status.UNHEALTHY, reason=f"no answer within {check.deadline.total_seconds():g} s")
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
    """Take note of how a late task ended, so that nobody is told that nobody asked."""
    if not task.cancelled():
        task.exception()


def _tell(name: str, judged: Judged, before: Status | None) -> None:
    """Say when trouble begins, changes and ends, not that it goes on."""
    if judged.status == (before or Status.HEALTHY):
        return
    extra = {"component": name, "status": judged.status.word, "reason": judged.reason}
    if judged.status is Status.HEALTHY:
        log.info("component is healthy again", extra=extra)
    elif judged.status is Status.UNHEALTHY:
        log.error("component is unhealthy", extra=extra)
    else:
        log.warning("component is degraded", extra=extra)
