"""The life of a publication, as functions of a session: a recording's captions on their way to a VOD target.

    request ──▶ pending ──claim──▶ processing ──finish──▶ published ──┐
                 ▲  ▲                │  │  └───fail────▶ failed ──────┤
                 │  │◀──reschedule───┘  ├───hold────▶ held ───────────┤
                 │  └──approve, link────┼───────────────┘             │
                 │                      └─mark_removed─▶ removed ─────┤
                 └──────────request, retry, rollback, withdraw────────┘

What users ask for (the last line) is in `requests.py`; this is what its publisher does.

One for each recording and target, whatever is captioned anew: same show, same VOD, another caption version. Who may
write a claimed one, and until when, is in `leases/lease.py`. Waiting for the target is a row that is due later, never
a worker that sleeps.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, case, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import CaptionVersion, Publication, PublishTarget
from archivist_common.database.text import storable
from archivist_common.errors import ArchivistError, WorkerCrashed
from archivist_common.events import outbox
from archivist_common.leases import lease as leases
from archivist_common.leases.lease import Lease
from archivist_common.leases.retry import retry_delay
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.updates import AFRESH, UNTROUBLED, mirrored, queued, removed, tell
from archivist_common.states import PublicationStatus, PublishStage, VodStatus

PUBLICATION = Lease(Publication)


@dataclass(frozen=True, slots=True)
class PublicationClaim:
    """A claimed publication. `attempt` and `owner` prove that it still is."""

    id: UUID
    attempt: int
    owner: str
    target: str
    key: str
    storage: str
    path: str
    transcription_id: UUID | None
    version: int | None
    stage: PublishStage
    options: PublishOptions
    item: Mapping[str, Any]
    warnings: tuple[str, ...]
    withdrawing: bool
    approved: bool
    failure_count: int
    vendor_state: str | None = None
    vendor_mark: str = ""
    """What the target last showed: another mark is a change."""
    followed: timedelta = timedelta()
    """Since the target began its own work; zero before."""
    unchanged: timedelta = timedelta()
    """Since the target last showed a change; zero before."""

    @property
    def token(self) -> tuple[int, str]:
        return self.attempt, self.owner

    def __str__(self) -> str:
        return f"attempt {self.attempt} of publication {self.id}"

    def at(self, stage: PublishStage, item: Mapping[str, Any] | None = None) -> "PublicationClaim":
        return replace(self, stage=stage, item=self.item if item is None else item)


async def claim(
    session: AsyncSession, owner: str, lease: timedelta, targets: Collection[str]
) -> PublicationClaim | None:
    """Claim the publication that has waited longest and may be worked on. None: nothing is due.

    A target that is stopped or paused gives none; an unavailable one gives one at a time until it responds.
    """
    running = aliased(Publication)
    alone = (
        ~select(running.id)
        .where(running.target == Publication.target, running.status == PublicationStatus.PROCESSING)
        .exists()
    )
    found = await session.execute(
        select(Publication.id, Publication.target, PublishTarget.away_since)
        .join(PublishTarget, PublishTarget.name == Publication.target)
        .where(
            Publication.status == PublicationStatus.PENDING,
            Publication.available_at <= database_now(),
            Publication.target.in_(sorted(targets)),
            PublishTarget.stopped_at.is_(None),
            or_(PublishTarget.paused_until.is_(None), PublishTarget.paused_until <= database_now()),
            or_(PublishTarget.away_since.is_(None), alone),
        )
        .order_by(Publication.queued_at, Publication.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Publication)
    )
    due = found.one_or_none()
    if due is None or (due.away_since is not None and not await _is_first(session, due.target)):
        return None
    withdrawing = Publication.withdraw_requested_at.is_not(None)
    claiming = PUBLICATION.claimed().values(
        stage=case((withdrawing, PublishStage.WITHDRAW.value), else_=Publication.stage)
    )
    returning = claiming.returning(
        Publication,
        type_coerce(database_now() - Publication.followed_since, Interval),
        type_coerce(database_now() - Publication.vendor_changed_at, Interval),
    )
    row, followed, unchanged = await leases.claim(session, returning, due.id, owner, lease)
    return PublicationClaim(
        id=row.id,
        attempt=row.attempt,
        owner=owner,
        target=row.target,
        key=row.key,
        storage=row.storage,
        path=row.file_path,
        transcription_id=row.transcription_id,
        version=row.version,
        stage=PublishStage(row.stage),
        options=PublishOptions.read(row.options),
        item=row.item,
        warnings=tuple(row.warnings),
        withdrawing=row.withdraw_requested_at is not None,
        approved=row.approved_date is not None,
        failure_count=row.failure_count,
        vendor_state=row.vendor_state,
        vendor_mark=row.item.get("mark", ""),
        followed=followed or timedelta(),
        unchanged=unchanged or timedelta(),
    )


async def _is_first(session: AsyncSession, target: str) -> bool:
    """Whether no publication of an unavailable target runs; no other claim finds so until this transaction ends."""
    await session.execute(
        select(PublishTarget.name).where(PublishTarget.name == target).with_for_update(key_share=True)
    )
    running = select(Publication.id).where(
        Publication.target == target, Publication.status == PublicationStatus.PROCESSING
    )
    return (await session.scalar(running.limit(1))) is None


async def renew(session: AsyncSession, claim: PublicationClaim, lease: timedelta) -> None:
    """Keep a publication for another lease. Raises Fenced."""
    await leases.write(session, PUBLICATION, claim, PUBLICATION.renewed(lease))


async def save(session: AsyncSession, claim: PublicationClaim, **values: Any) -> bool:
    """Write what is known by now. False when something else is wanted meanwhile: other captions, options, or none.

    Raises Fenced.
    """
    return _is_wanted(claim, await _write(session, claim, {**_reached(claim), **values}))


async def reschedule(session: AsyncSession, claim: PublicationClaim, delay: timedelta, **values: Any) -> None:
    """Return a publication to pending until `delay` has passed; not counted as a failure. Raises Fenced."""
    due = {**PUBLICATION.released(), "available_at": database_in(delay)}
    await _write(session, claim, {**_reached(claim), **due, **values})


async def release_unknown(session: AsyncSession, owner: str) -> None:
    """Release what an owner has claimed that works on nothing now: the response to its claim was lost."""
    columns = (Publication.id, Publication.transcription_id)
    for publication_id, job_id in await leases.release_unknown(session, PUBLICATION, owner, *columns):
        await queued(session, publication_id, job_id)


async def start_over(session: AsyncSession, claim: PublicationClaim) -> None:
    """Something else is wanted by now: begin with that. Raises Fenced."""
    values = {**PUBLICATION.ended(PublicationStatus.PENDING), **AFRESH}
    await _write(session, claim, {"item": dict(claim.item), **values})


async def hold(
    session: AsyncSession,
    claim: PublicationClaim,
    code: str,
    message: str,
    *,
    suggestions: Sequence[Mapping[str, Any]] | None = None,
    plan: Sequence[str] | None = None,
    **values: Any,
) -> None:
    """Hold a publication for an operator; code and message say for what. Something else wanted by now goes first.

    Raises Fenced.
    """
    if not await save(session, claim):
        await start_over(session, claim)
        return
    message = storable(message)
    await _write(
        session,
        claim,
        {
            **_reached(claim),
            **PUBLICATION.ended(PublicationStatus.HELD),
            "error_code": code,
            "error_message": message,
            "suggestions": None if suggestions is None else [dict(one) for one in suggestions],
            "plan": None if plan is None else list(plan),
            **values,
        },
    )
    await outbox.append(
        session,
        outbox.PUBLICATION_HELD,
        claim.transcription_id,
        publication_id=str(claim.id),
        code=code,
        detail=message,
    )
    await tell(session, claim.transcription_id, f"publication held for an operator: {message}", code=code)


async def fail(
    session: AsyncSession,
    claim: PublicationClaim,
    error: ArchivistError,
    spread: float | None = None,
    *,
    at_least: timedelta = timedelta(),
) -> bool:
    """End an attempt that failed. Whether it is retried: later, or at once as something else is wanted.

    spread: 0 to 1, how much of the wait to take; random when None. at_least: the shortest wait. Raises Fenced.
    """
    if not await save(session, claim):
        await start_over(session, claim)
        return True
    wait = retry_delay(claim.failure_count + 1, random.random() if spread is None else spread)  # noqa: S311
    wait = max(wait, at_least, timedelta(seconds=error.retry_after_s)) if error.retryable else wait
    row = await _write(session, claim, {**_reached(claim), **PUBLICATION.failed(error, wait)})
    if row.status == PublicationStatus.PENDING:
        message = f"{error.message}; will be retried"
        await tell(session, claim.transcription_id, message, level="WARNING", code=error.code)
        return True
    await _failed(session, claim.id, claim.transcription_id, error)
    return False


async def finish(session: AsyncSession, claim: PublicationClaim, **values: Any) -> bool:
    """The target shows the captions: published. False where other captions are wanted by now: they come next.

    Raises Fenced.
    """
    if not await save(session, claim):
        await start_over(session, claim)
        return False
    row = await _write(
        session,
        claim,
        {
            "item": dict(claim.item),
            **PUBLICATION.ended(PublicationStatus.PUBLISHED),
            "failure_count": 0,
            "crash_count": 0,
            "published_date": database_now(),
            **UNTROUBLED,
            "suggestions": None,
            **values,
        },
    )
    if claim.version is not None and not claim.options.without_captions:
        await session.execute(
            update(CaptionVersion)
            .where(CaptionVersion.publication_id == claim.id, CaptionVersion.number == claim.version)
            .values(verified_date=database_now())
        )
    await mirrored(session, row, VodStatus.PUBLISHED)
    await outbox.append(
        session,
        outbox.PUBLISHED,
        claim.transcription_id,
        publication_id=str(claim.id),
        target=claim.target,
        vod_id=row.vod_id,
        url=row.url,
        version=claim.version,
    )
    await tell(session, claim.transcription_id, f"published to {claim.target}", url=row.url, version=claim.version)
    return True


async def mark_removed(session: AsyncSession, claim: PublicationClaim) -> None:
    """The target shows it no more, as a user withdrew it; unless it is wanted again by now. Raises Fenced."""
    if not await save(session, claim):
        await start_over(session, claim)
        return
    row = await _write(
        session,
        claim,
        {
            "item": dict(claim.item),
            **PUBLICATION.ended(PublicationStatus.REMOVED),
            "withdraw_requested_at": None,
            **UNTROUBLED,
        },
    )
    await removed(session, row)


async def mirror(session: AsyncSession, claim: PublicationClaim) -> None:
    """The VOD is known: write it to the transcription and to `vod_content`."""
    row = await session.get(Publication, claim.id, populate_existing=True)
    if row is not None:
        await mirrored(session, row, VodStatus.PROCESSING)


async def set_attention(
    session: AsyncSession, claim: PublicationClaim, code: str | None, message: str | None
) -> None:
    """Report, once for each cause, that an operator has to act at the target; None: no more. Raises Fenced."""
    message = None if message is None else storable(message)
    before = await session.scalar(select(Publication.attention_code).where(Publication.id == claim.id))
    since = case(
        (Publication.attention_code == code, Publication.attention_since), else_=database_now() if code else None
    )
    values = {"attention_code": code, "attention_message": message, "attention_since": since}
    await leases.write(session, PUBLICATION, claim, values)
    if code is not None and code != before:
        data = {"publication_id": str(claim.id), "code": code, "detail": message}
        await outbox.append(session, outbox.PUBLICATION_ATTENTION, claim.transcription_id, **data)
        await tell(session, claim.transcription_id, f"an operator is needed: {message}", level="WARNING", code=code)


async def mark_placed(session: AsyncSession, claim: PublicationClaim) -> None:
    """The captions of this version are at the target. Raises Fenced."""
    await leases.lock(session, PUBLICATION, claim)
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == claim.id, CaptionVersion.number == claim.version)
        .values(placed_date=database_now())
    )


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, PublicationStatus]]:
    """Requeue, or fail, publications whose lease has expired. Returns (id, new status). Counts as a crash."""
    error = WorkerCrashed("the publisher's lease expired")
    columns = (Publication.id, Publication.status, Publication.transcription_id)
    rows = await leases.expire(session, PUBLICATION, lease, error, *columns)
    for publication_id, status, job_id in rows:
        if status == PublicationStatus.FAILED:
            await _failed(session, publication_id, job_id, error)
        else:
            await queued(session, publication_id, job_id)
    return [(row.id, PublicationStatus(row.status)) for row in rows]


def _reached(claim: PublicationClaim) -> dict[str, Any]:
    return {"stage": claim.stage, "item": dict(claim.item)}


def _is_wanted(claim: PublicationClaim, row: Publication) -> bool:
    """Whether the same version is still wanted, with the same options, and neither or both are a withdrawal."""
    withdrawing = row.withdraw_requested_at is not None
    return (row.version, withdrawing, PublishOptions.read(row.options)) == (
        claim.version,
        claim.withdrawing,
        claim.options,
    )


async def _write(session: AsyncSession, claim: PublicationClaim, values: Mapping[str, Any]) -> Publication:
    row: Publication = await leases.write(session, PUBLICATION, claim, values, Publication)
    return row


async def _failed(session: AsyncSession, publication_id: UUID, job_id: UUID | None, error: ArchivistError) -> None:
    row = await session.get(Publication, publication_id, populate_existing=True)
    if row is not None:
        await mirrored(session, row, VodStatus.FAILED)
    data = {"publication_id": str(publication_id), "code": error.code, "detail": storable(error.message)}
    await outbox.append(session, outbox.PUBLICATION_FAILED, job_id, **data)
    await tell(session, job_id, f"publication failed: {error.message}", level="ERROR", code=error.code)
