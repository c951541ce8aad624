"""Publishing: whether each target answers and lets us in, whether a publisher serves it, what needs an operator.

From the database alone: the monitor sends no request to a target. A station that publishes nowhere is healthy, and
the report says so.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import Effect, Publication, PublishTarget, SyncRun
from archivist_common.publishing import targets
from archivist_common.publishing.targets import Target
from archivist_common.shows import sync_runs
from archivist_common.states import EffectState, PublicationStatus
from archivist_monitor import gauges
from archivist_monitor.check import CheckResult, Status, Value
from archivist_monitor.checks.snapshot import snapshot

UNAVAILABLE_UNHEALTHY_S = 3600  # a target unavailable for so long needs an operator
OVERDUE_DEGRADED = 900  # seconds a publication has been due at a target that is available
ATTENTION_AFTER = timedelta(hours=1)  # then an operator should have done what the publication needs at the target
UNSETTLED_AFTER = timedelta(minutes=15)
NOT_SET_UP = "publishing is not set up"


@dataclass(frozen=True, slots=True)
class TargetSnapshot:
    """A target and its publications. overdue_s: how long the oldest due publication has waited; 0 with none.

    unavailable_s: None while it answers. attention: codes of what has needed an operator for an hour, with counts.
    sync_age_s: since shows were last read; None where they never were. sync_failed: why the newest ended run failed.
    """

    target: Target
    unavailable_s: float | None
    statuses: Mapping[str, int]
    needing_attention: int
    overdue_s: float
    attention: Counter[str] = field(default_factory=Counter)
    sync_age_s: float | None = None
    sync_failed: str | None = None

    @property
    def waiting(self) -> int:
        return self.statuses.get(PublicationStatus.PENDING, 0) + self.statuses.get(PublicationStatus.PROCESSING, 0)


@dataclass(frozen=True, slots=True)
class _Group:
    """Publications of one target with one status and code. long_needed: needing an operator for an hour."""

    status: str
    attention_code: str | None
    count: int
    long_needed: int
    overdue_s: float | None


_PUBLICATIONS = select(
    Publication.target,
    Publication.status,
    Publication.attention_code,
    func.count(),
    func.count().filter(Publication.attention_since < database_in(-ATTENTION_AFTER)),
    func.extract(
        "epoch",
        database_now()
        - func.min(Publication.available_at).filter(
            Publication.status == PublicationStatus.PENDING, Publication.available_at <= database_now()
        ),
    ),
).group_by(Publication.target, Publication.status, Publication.attention_code)


class VodCheck:
    deadline = timedelta(seconds=4)

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self) -> CheckResult:
        """Raises what `snapshot` does."""
        seen, unsettled = await snapshot(self._db, _seen_and_unsettled, forget=_forget)
        _export(seen)
        status, reason = Status.HEALTHY, None
        if unsettled:
            status = Status.DEGRADED
            minutes = UNSETTLED_AFTER.total_seconds() / 60
            reason = f"outcome of {unsettled} changes at a target unknown for more than {minutes:g} minutes"
        elif not seen:
            reason = NOT_SET_UP
        return CheckResult(
            status,
            values=(Value("targets", len(seen), "targets"), Value("unknown_effects", unsettled, "changes")),
            reason=reason,
            parts={one.target.name: target_result(one) for one in seen},
        )


def target_result(seen: TargetSnapshot) -> CheckResult:
    """The status of one target, and why."""
    target = seen.target
    status, reason = _of_target(seen)
    usable = target.state == "ok"
    if usable and seen.attention:
        status = Status.DEGRADED
        codes = ", ".join(f"{code} ({count})" for code, count in sorted(seen.attention.items()))
        reason = f"waiting for an operator at the target for an hour: {codes}"
    elif usable and seen.sync_failed is not None:
        status, reason = Status.DEGRADED, f"sync of its shows and VODs failed: {seen.sync_failed}"
    return CheckResult(
        status,
        values=(
            Value("waiting", seen.waiting, "publications"),
            Value("held", seen.statuses.get(PublicationStatus.HELD, 0), "publications"),
            Value("failed", seen.statuses.get(PublicationStatus.FAILED, 0), "publications"),
            Value("needing_attention", seen.needing_attention, "publications"),
            Value("overdue", seen.overdue_s, "s", degraded_above=OVERDUE_DEGRADED if usable else None),
            Value("last_sync", seen.sync_age_s, "s"),
        ),
        reason=reason,
    )


def _of_target(seen: TargetSnapshot) -> tuple[Status, str | None]:
    target = seen.target
    waits = f"{seen.waiting} publications waiting"
    if not target.is_reported and seen.waiting:
        return Status.UNHEALTHY, f"no publisher has had this target in its settings for five minutes; {waits}"
    if not target.is_reported:  # taken out of the settings, with nothing left to do
        return Status.HEALTHY, "no publisher has this target in its settings"
    if target.stopped_at is not None:
        return Status.UNHEALTHY, f"stopped: {target.stopped_reason}; {waits}"
    if seen.unavailable_s is not None:
        reason = f"unavailable for {seen.unavailable_s / 60:.0f} minutes: {target.away_reason}; {waits}"
        return (Status.UNHEALTHY if seen.unavailable_s > UNAVAILABLE_UNHEALTHY_S else Status.DEGRADED), reason
    return Status.HEALTHY, None


async def _seen_and_unsettled(session: AsyncSession) -> tuple[Sequence[TargetSnapshot], int]:
    return await _seen(session), await _unsettled(session)


async def _seen(session: AsyncSession) -> Sequence[TargetSnapshot]:
    since = func.extract("epoch", database_now() - PublishTarget.away_since)
    unavailable = {row[0]: row[1] for row in await session.execute(select(PublishTarget.name, since))}
    publications: dict[str, list[_Group]] = {}
    for row in await session.execute(_PUBLICATIONS):
        publications.setdefault(row[0], []).append(_Group(*row[1:]))
    found = []
    for target in await targets.all_of(session):
        groups = publications.get(target.name, [])
        statuses, attention = Counter[str](), Counter[str]()
        for one in groups:
            statuses[one.status] += one.count
            attention[one.attention_code or ""] += one.long_needed
        unavailable_s = unavailable.get(target.name)
        found.append(
            TargetSnapshot(
                target,
                None if unavailable_s is None else float(unavailable_s),
                statuses,
                sum(one.count for one in groups if one.status == PublicationStatus.HELD or one.attention_code),
                max((float(one.overdue_s or 0) for one in groups), default=0.0),
                +attention,
                await _sync_age_s(session, target.name),
                await _why_sync_failed(session, target.name),
            )
        )
    return found


async def _why_sync_failed(session: AsyncSession, target: str) -> str | None:
    """Of the newest run of each kind that has ended."""
    failed = []
    for kind in sync_runs.SyncKind:
        ended = [run for run in await sync_runs.latest(session, kind) if run.finished and run.target == target]
        if ended and ended[0].status is sync_runs.SyncStatus.FAILED:
            failed.append(ended[0].error_message or "")
    return "; ".join(failed) or None


async def _sync_age_s(session: AsyncSession, target: str) -> float | None:
    age = await session.scalar(
        select(func.extract("epoch", database_now() - func.max(SyncRun.finished_date))).where(
            SyncRun.target == target,
            SyncRun.kind == sync_runs.SyncKind.SHOWS,
            SyncRun.status == sync_runs.SyncStatus.COMPLETED,
        )
    )
    return None if age is None else float(age)


async def _unsettled(session: AsyncSession) -> int:
    """Changes requested more than a quarter of an hour ago whose outcome is unknown."""
    count = await session.scalar(
        select(func.count())
        .select_from(Effect)
        .where(Effect.state != EffectState.CONFIRMED, Effect.created_date < database_in(-UNSETTLED_AFTER))
    )
    return count or 0


def _forget() -> None:
    gauges.PUBLICATIONS.clear()
    gauges.NEEDING_ATTENTION.clear()


def _export(seen: Sequence[TargetSnapshot]) -> None:
    _forget()  # targets that left
    for one in seen:
        for status in PublicationStatus:
            gauges.PUBLICATIONS.labels(one.target.name, status).set(one.statuses.get(status, 0))
        gauges.NEEDING_ATTENTION.labels(one.target.name).set(one.needing_attention)
