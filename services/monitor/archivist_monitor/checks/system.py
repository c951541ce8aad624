"""The machine: processors and memory.

Processors are judged over five minutes and without the cores that transcriber slots are pinned to: those are
meant to be busy. Reading the counters does not wait; the busy share is what they gained since earlier runs.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from archivist_monitor.check import CheckResult, Value

DEGRADED = 80.0  # %; the documentation's thresholds
UNHEALTHY = 90.0
_WINDOW_S = 300.0
_JUDGED_FROM_S = 60.0  # over less time than that a busy processor says nothing


@dataclass(frozen=True, slots=True)
class Machine:
    """The counters at one moment. cores: (seconds busy, seconds in all) since boot, by core number."""

    cores: tuple[tuple[float, float], ...]
    memory_total: int
    memory_available: int
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None


def machine() -> Machine:
    """This machine, now."""
    import psutil

    memory = psutil.virtual_memory()
    disk = psutil.disk_io_counters()  # None where the machine shows no disk, as in some containers
    return Machine(
        cores=tuple(_busy_and_all(times) for times in psutil.cpu_times(percpu=True)),
        memory_total=memory.total,
        memory_available=memory.available,
        disk_read_bytes=None if disk is None else disk.read_bytes,
        disk_write_bytes=None if disk is None else disk.write_bytes,
    )


class SystemCheck:
    """pinned: numbers of the cores of this machine that belong to transcriber slots."""

    deadline = timedelta(seconds=3)

    def __init__(
        self,
        pinned: Callable[[], Awaitable[frozenset[int]]],
        measure: Callable[[], Machine] = machine,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pinned = pinned
        self._measure = measure
        self._now = now
        self._seen: deque[tuple[float, Machine]] = deque()

    async def read(self) -> CheckResult:
        found, now = self._measure(), self._now()
        # The newest measurement at or before the window's start stays: the window is five minutes, not less.
        while len(self._seen) > 1 and self._seen[1][0] <= now - _WINDOW_S:
            self._seen.popleft()
        self._seen.append((now, found))
        since, first = self._seen[0]
        pinned = await self._pinned()
        free = [core for core in range(len(found.cores)) if core not in pinned]
        judged = now - since >= _JUDGED_FROM_S
        memory = 100 * (1 - found.memory_available / found.memory_total)
        return CheckResult(
            values=(
                Value(
                    "cpu",
                    busy_percent(first, found, free),
                    "%",
                    degraded_above=DEGRADED if judged else None,
                    unhealthy_above=UNHEALTHY if judged else None,
                ),
                Value("cpu_all_cores", busy_percent(first, found, range(len(found.cores))), "%"),
                Value("memory", memory, "%", degraded_above=DEGRADED, unhealthy_above=UNHEALTHY),
                Value("memory_total", found.memory_total, "bytes"),
                Value("memory_used", found.memory_total - found.memory_available, "bytes"),
                Value("disk_read", found.disk_read_bytes, "bytes"),
                Value("disk_written", found.disk_write_bytes, "bytes"),
            )
        )


def busy_percent(before: Machine, after: Machine, cores: Sequence[int]) -> float | None:
    """Busy share of some cores between two measurements; None where no time has passed or no core is meant."""
    both = [(before.cores[core], after.cores[core]) for core in cores if core < len(before.cores)]
    elapsed = sum(late[1] - early[1] for early, late in both)
    if elapsed <= 0:
        return None
    busy = sum(late[0] - early[0] for early, late in both)
    return min(100.0, max(0.0, 100 * busy / elapsed))


def _busy_and_all(times: tuple[float, ...]) -> tuple[float, float]:
    # user, nice, system, idle, iowait, irq, softirq, steal; guest time is within user time already.
    counted = times[:8]
    idle = sum(counted[3:5])
    return sum(counted) - idle, sum(counted)
