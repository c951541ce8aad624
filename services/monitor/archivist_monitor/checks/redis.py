"""Redis: whether it answers, and whether its memory is nearly full. Without it no job is lost: degraded at worst."""

from datetime import timedelta

from archivist_common.errors import DeadlineExceeded
from archivist_common.events.notify import Notifier
from archivist_monitor import gauges
from archivist_monitor.check import CheckResult, Status, Value

MEMORY_DEGRADED = 80.0  # % of maxmemory; the documentation's threshold


class RedisCheck:
    deadline = timedelta(seconds=3)

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def read(self) -> CheckResult:
        try:
            memory = await self._notifier.info("memory")
        except DeadlineExceeded as exc:
            gauges.REDIS_MEMORY.set(gauges.UNKNOWN)
            return CheckResult(Status.DEGRADED, reason=f"{exc.message}; jobs go on, workers poll the database")
        used, allowed = int(memory["used_memory"]), int(memory.get("maxmemory", 0))
        gauges.REDIS_MEMORY.set(used / allowed if allowed else gauges.UNKNOWN)
        return CheckResult(
            values=(
                Value("memory_used", 100 * used / allowed if allowed else None, "%", degraded_above=MEMORY_DEGRADED),
                Value("used_memory", used, "bytes"),
                Value("max_memory", allowed or None, "bytes"),
            )
        )
