"""The health report as JSON: schemas and their filling."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from archivist_common import __version__
from archivist_monitor.check import Status, Value
from archivist_monitor.runner import Report
from archivist_monitor.thresholds import Judged

Word = Literal["healthy", "degraded", "unhealthy"]


class Threshold(BaseModel):
    degraded: float | None = Field(description="Degraded above this for a minute; null: not judged")
    unhealthy: float | None = Field(description="Unhealthy above this for a minute; null: not judged")


class Measurement(BaseModel):
    value: float | None = Field(description="null: not known")
    unit: str
    threshold: Threshold | None
    status: Word


class Part(BaseModel):
    """One of several things that a component consists of: a mount, a target."""

    status: Word
    reason: str | None
    values: dict[str, Measurement]


class Component(Part):
    age_s: float = Field(description="Seconds since its last check ended")
    parts: dict[str, Part]


class HealthReport(BaseModel):
    """Every component as of its last check; `status` is that of the worst one."""

    status: Literal["healthy", "degraded", "unhealthy", "starting"]
    service: str = "monitor"
    version: str = __version__
    time: datetime
    waiting: list[str] = Field(description="Components not checked yet")
    components: dict[str, Component]


def health_report(report: Report) -> HealthReport:
    return HealthReport(
        status="starting" if report.status is None else _word(report.status),
        time=datetime.now(UTC),
        waiting=list(report.waiting),
        components={
            name: Component(
                **_part(found.judged).model_dump(),
                age_s=round(found.age_s, 1),
                parts={part: _part(judged) for part, judged in found.judged.parts.items()},
            )
            for name, found in report.components.items()
        },
    )


def _part(judged: Judged) -> Part:
    return Part(
        status=_word(judged.status),
        reason=judged.reason,
        values={value.name: _measurement(value, status) for value, status in judged.values},
    )


def _measurement(value: Value, status: Status) -> Measurement:
    threshold = None
    if value.degraded_above is not None or value.unhealthy_above is not None:
        threshold = Threshold(degraded=value.degraded_above, unhealthy=value.unhealthy_above)
    shown = None if value.value is None else round(value.value, 2)
    return Measurement(value=shown, unit=value.unit, threshold=threshold, status=_word(status))


def _word(status: Status) -> Word:
    match status:
        case Status.HEALTHY:
            return "healthy"
        case Status.DEGRADED:
            return "degraded"
        case Status.UNHEALTHY:
            return "unhealthy"
