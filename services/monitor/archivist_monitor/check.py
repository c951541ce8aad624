"""What a check finds. Pure: a result knows no clock; how long a value has been too high is judged in `thresholds`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Protocol


class Status(IntEnum):
    """How a component is. The greater, the worse: `max` of several is the worst."""

    HEALTHY = 0
    DEGRADED = 1
    """It works, and an operator should look at it."""
    UNHEALTHY = 2
    """It does not do its work."""

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Value:
    """One measured value and its thresholds. value None: not known. A threshold None: not judged."""

    name: str
    value: float | None
    unit: str
    degraded_above: float | None = None
    unhealthy_above: float | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one run of a check found.

    status and reason: what is wrong beyond the values' thresholds: unavailable, not mounted, no worker.
    vital: of a part, whether its failure is the whole's failure. Where it is not, the whole is degraded by it,
    and unhealthy only when no such part is left.
    """

    status: Status = Status.HEALTHY
    values: tuple[Value, ...] = ()
    reason: str | None = None
    parts: Mapping[str, "CheckResult"] = field(default_factory=dict)
    vital: bool = True


class Check(Protocol):
    """Checks one component. What it talks to is handed in when it is made; making it costs nothing."""

    @property
    def deadline(self) -> timedelta:
        """Timeout: a run that takes longer has failed."""
        ...

    async def read(self) -> CheckResult:
        """Check once. May raise: that is a finding too, and the component is unhealthy."""
        ...
