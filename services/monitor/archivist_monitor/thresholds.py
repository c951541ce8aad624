"""From check results to statuses: thresholds with hysteresis, so that a value on the edge does not flap. Pure.

A line is crossed by a value that stays above its threshold for a minute, and crossed back only five points
below it. Source of both numbers: the reliability protocol, section 5.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from archivist_monitor.check import CheckResult, Status, Value

ENTER_AFTER_S = 60.0
MARGIN = 5.0  # points: of a percentage, or of a count

Key = tuple[str, str, Status]
"""Part (empty for the component itself), value, level."""


@dataclass(frozen=True, slots=True)
class Line:
    """One threshold of one value. over_since: when the value was first seen above it, and has been since."""

    crossed: bool = False
    over_since: float | None = None


Lines = Mapping[Key, Line]


@dataclass(frozen=True, slots=True)
class Judged:
    """A check result with its status. `values` keeps each value's own status."""

    status: Status
    reason: str | None
    values: tuple[tuple[Value, Status], ...] = ()
    parts: Mapping[str, "Judged"] = field(default_factory=dict)
    vital: bool = True


def cross(before: Line | None, value: float, threshold: float, now: float) -> Line:
    """State of the line after a value measured at `now` (seconds of any steady clock).

    The first value ever measured counts at once: for how long it has been so is not known.
    """
    if before is None:
        return Line(value > threshold, now if value > threshold else None)
    if before.crossed:
        return before if value > threshold - MARGIN else Line()
    if value <= threshold:
        return Line()
    since = now if before.over_since is None else before.over_since
    return Line(now - since >= ENTER_AFTER_S, since)


def judge(result: CheckResult, now: float, before: Lines, part: str = "") -> tuple[Judged, Lines]:
    """Status of a check result, and the lines to hand in with the next one."""
    lines: dict[Key, Line] = {}
    values = []
    for value in result.values:
        status = Status.HEALTHY
        for level, threshold in _thresholds(value):
            key = (part, value.name, level)
            lines[key] = cross(before.get(key), value.value or 0.0, threshold, now)
            if lines[key].crossed:
                status = max(status, level)
        values.append((value, status))

    parts = {}
    for name, each in result.parts.items():
        parts[name], more = judge(each, now, before, name)
        lines.update(more)

    status = max([result.status, whole(parts.values()), *(found for _, found in values)])
    reasons = [
        *([result.reason] if result.reason else []),
        *(_sentence(value, found) for value, found in values if found is not Status.HEALTHY),
        *(f"{name}: {each.reason}" for name, each in parts.items() if each.status is not Status.HEALTHY),
    ]
    return Judged(status, "; ".join(reasons) or None, tuple(values), parts, result.vital), lines


def whole(parts: Iterable[Judged]) -> Status:
    """What the parts make of the whole: see `CheckResult.vital`."""
    vital = [part.status for part in parts if part.vital]
    others = [part.status for part in parts if not part.vital]
    none_left = bool(others) and min(others) is Status.UNHEALTHY
    of_others = max(others, default=Status.HEALTHY)
    return max([*vital, of_others if none_left else min(of_others, Status.DEGRADED)])


def _thresholds(value: Value) -> Iterable[tuple[Status, float]]:
    if value.value is None:
        return
    if value.degraded_above is not None:
        yield Status.DEGRADED, value.degraded_above
    if value.unhealthy_above is not None:
        yield Status.UNHEALTHY, value.unhealthy_above


def _sentence(value: Value, status: Status) -> str:
    threshold = value.unhealthy_above if status is Status.UNHEALTHY else value.degraded_above
    number = f"{value.value:.1f}".removesuffix(".0")
    return f"{value.name} is {number} {value.unit}, {status.word} above {threshold:g}"
