"""The life of a publication, as functions of a session: a recording's captions on their way to a VOD target.

    request ──▶ pending ──claim──▶ processing ──finish──▶ published ──┐
                 ▲  ▲                │  │  └───fail────▶ failed ──────┤
                 │  │◀──put_off──────┘  ├───hold────▶ held ───────────┤
                 │  └──approve, link────┼───────────────┘             │
                 │                      └───gone────▶ removed ────────┤
                 └──────────request, retry, rollback, withdraw────────┘

What people ask for (the last line) is in `publication_requests`; this is what its publisher does.

One for each recording and target, whatever is captioned anew: same show, same VOD, another caption version. The
protocol is that of transcriptions (`jobs.py`): a claim bumps `attempt`, the fencing token that every later write
names. Waiting for the target is a row that is due later, never a worker that sleeps.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, Update, case, func, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import CaptionVersion, Publication, PublishTarget
from archivist_common.errors import ArchivistError, Fenced, WorkerCrashed
from archivist_common.events import journal, outbox
from archivist_common.leases.retry import decide, retry_delay
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.updates import AFRESH, LET_GO, UNTROUBLED, mirrored, queued, removed, tell
from archivist_common.states import PublicationStatus, PublishStage, VodStatus


@dataclass(frozen=True, slots=True)
class PublicationClaim:
    """A publication in hand. `attempt` and `owner` prove that it still is."""

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

    def at(self, stage: PublishStage, item: Mapping[str, Any] | None = None) -> "PublicationClaim":
        return replace(self, stage=stage, item=self.item if item is None else item)


async def claim(
    session: AsyncSession, owner: str, lease: timedelta, targets: Collection[str]
) -> PublicationClaim | None:
    """Take the publication that has waited longest and may be worked on. None: nothing is due.

    A target that is stopped or paused gives none; one that was away gives one at a time until it has answered.
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
    row, followed, unchanged = (
        await session.execute(
            update(Publication)
            .where(Publication.id == due.id)
            .values(
                status=PublicationStatus.PROCESSING,
                stage=case((withdrawing, PublishStage.WITHDRAW.value), else_=Publication.stage),
                attempt=Publication.attempt + 1,
                lease_owner=owner,
                lease_expires_at=database_in(lease),
            )
            .returning(
                Publication,
                type_coerce(database_now() - Publication.followed_since, Interval),
                type_coerce(database_now() - Publication.vendor_changed_at, Interval),
            )
            .execution_options(synchronize_session=False, populate_existing=True)
        )
    ).one()
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
    """Whether nobody asks a target that was away yet; nobody else can find so too until this transaction ends."""
    await session.execute(
        select(PublishTarget.name).where(PublishTarget.name == target).with_for_update(key_share=True)
    )
    running = select(Publication.id).where(
        Publication.target == target, Publication.status == PublicationStatus.PROCESSING
    )
    return (await session.scalar(running.limit(1))) is None


async def renew(session: AsyncSession, held: PublicationClaim, lease: timedelta) -> None:
    """Keep a publication for another lease. Raises Fenced."""
    await _fenced(session, held, {"lease_expires_at": database_in(lease)})


async def save(session: AsyncSession, held: PublicationClaim, **values: Any) -> bool:
    """Write what is known by now. False when something else is wanted meanwhile: other captions, options, or none.

    Raises Fenced.
    """
    return await _fenced(session, held, {"stage": held.stage, "item": dict(held.item), **values})


async def reschedule(session: AsyncSession, held: PublicationClaim, delay: timedelta, **values: Any) -> None:
    """Give a publication back until later, unharmed: the target needs time. Raises Fenced."""
    await _fenced(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **LET_GO,
            "status": PublicationStatus.PENDING,
            "available_at": database_in(delay),
            **values,
        },
    )


async def release_unknown(session: AsyncSession, owner: str) -> None:
    """Give back unharmed what an owner holds, who works on nothing now: the answer to its claim was lost."""
    unknown = update(Publication).where(
        Publication.lease_owner == owner, Publication.status == PublicationStatus.PROCESSING
    )
    rows = await session.execute(
        unknown.values(**LET_GO, status=PublicationStatus.PENDING, available_at=database_now()).returning(
            Publication.id, Publication.transcription_id
        ),
        execution_options={"synchronize_session": False},
    )
    for publication_id, job_id in rows.all():
        await queued(session, publication_id, job_id)


async def start_over(session: AsyncSession, held: PublicationClaim) -> None:
    """Something else is wanted by now: begin with that. Raises Fenced."""
    await _fenced(session, held, {"item": dict(held.item), **AFRESH, **LET_GO})


async def hold(
    session: AsyncSession,
    held: PublicationClaim,
    code: str,
    message: str,
    *,
    suggestions: Sequence[Mapping[str, Any]] | None = None,
    plan: Sequence[str] | None = None,
    **values: Any,
) -> None:
    """Let a publication wait for a person, who is told for what. Where something else is wanted, that is begun with.

    Raises Fenced.
    """
    if not await save(session, held):
        await start_over(session, held)
        return
    message = journal.storable(message)
    await _fenced(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **LET_GO,
            "status": PublicationStatus.HELD,
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
        held.transcription_id,
        publication_id=str(held.id),
        code=code,
        detail=message,
    )
    await tell(session, held.transcription_id, f"publication waits for a person: {message}", code=code)


async def fail(
    session: AsyncSession,
    held: PublicationClaim,
    error: ArchivistError,
    spread: float | None = None,
    *,
    at_least: timedelta = timedelta(),
) -> bool:
    """End an attempt that could not go on. Whether it is tried again: later, or at once as something else is wanted.

    spread: 0 to 1, how much of the wait to take; random when None. at_least: the shortest wait. Raises Fenced.
    """
    if not await save(session, held):
        await start_over(session, held)
        return True
    verdict = decide(Publication, error)
    wait = retry_delay(held.failure_count + 1, random.random() if spread is None else spread)  # noqa: S311
    wait = max(wait, at_least, timedelta(seconds=error.retry_after_s)) if error.retryable else wait
    status = case((verdict.again, PublicationStatus.PENDING.value), else_=PublicationStatus.FAILED.value)
    row = await _row(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **LET_GO,
            **verdict.counts,
            "status": status,
            "available_at": database_in(wait),
            "error_code": error.code,
            "error_message": journal.storable(error.message),
        },
    )
    again = row.status == PublicationStatus.PENDING
    if again:
        await tell(session, held.transcription_id, f"{error.message}; tried again", level="WARNING", code=error.code)
        return True
    await _failed(session, held.id, held.transcription_id, error)
    return False


async def finish(session: AsyncSession, held: PublicationClaim, **values: Any) -> bool:
    """The target shows the captions: published. False where other captions are wanted by now: they come next.

    Raises Fenced.
    """
    wanted = await save(session, held)
    if not wanted:
        await start_over(session, held)
        return False
    row = await _row(
        session,
        held,
        {
            "item": dict(held.item),
            **LET_GO,
            "status": PublicationStatus.PUBLISHED,
            "failure_count": 0,
            "crash_count": 0,
            "published_date": database_now(),
            **UNTROUBLED,
            "suggestions": None,
            **values,
        },
    )
    if held.version is not None and not held.options.without_captions:
        await session.execute(
            update(CaptionVersion)
            .where(CaptionVersion.publication_id == held.id, CaptionVersion.number == held.version)
            .values(verified_date=database_now())
        )
    await mirrored(session, row, VodStatus.PUBLISHED)
    await outbox.append(
        session,
        outbox.PUBLISHED,
        held.transcription_id,
        publication_id=str(held.id),
        target=held.target,
        vod_id=row.vod_id,
        url=row.url,
        version=held.version,
    )
    await tell(session, held.transcription_id, f"published to {held.target}", url=row.url, version=held.version)
    return True


async def mark_removed(session: AsyncSession, held: PublicationClaim) -> None:
    """The target shows it no more, because a person withdrew it; unless it is wanted again by now. Raises Fenced."""
    if not await save(session, held):
        await start_over(session, held)
        return
    row = await _row(
        session,
        held,
        {
            "item": dict(held.item),
            **LET_GO,
            "status": PublicationStatus.REMOVED,
            "withdraw_requested_at": None,
            **UNTROUBLED,
        },
    )
    await removed(session, row)


async def mirror(session: AsyncSession, held: PublicationClaim) -> None:
    """The VOD is known: say so on the transcription and in `vod_content`."""
    row = await session.get(Publication, held.id, populate_existing=True)
    if row is not None:
        await mirrored(session, row, VodStatus.PROCESSING)


async def set_attention(session: AsyncSession, held: PublicationClaim, code: str | None, message: str | None) -> None:
    """Say, once for each cause, that somebody has to do something at the target; None: no more. Raises Fenced."""
    message = None if message is None else journal.storable(message)
    before = await session.scalar(select(Publication.attention_code).where(Publication.id == held.id))
    since = case(
        (Publication.attention_code == code, Publication.attention_since), else_=database_now() if code else None
    )
    await _fenced(session, held, {"attention_code": code, "attention_message": message, "attention_since": since})
    if code is not None and code != before:
        told = {"publication_id": str(held.id), "code": code, "detail": message}
        await outbox.append(session, outbox.PUBLICATION_ATTENTION, held.transcription_id, **told)
        await tell(session, held.transcription_id, f"somebody is needed: {message}", level="WARNING", code=code)


async def mark_placed(session: AsyncSession, held: PublicationClaim) -> None:
    """The captions of this version stand at the target. Raises Fenced."""
    await _fenced(session, held, {})
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == held.id, CaptionVersion.number == held.version)
        .values(placed_date=database_now())
    )


async def expire_leases(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, PublicationStatus]]:
    """Take back publications whose publisher was not heard of for a whole lease. As `jobs.lapsed`."""
    overdue = (
        select(Publication.id)
        .where(
            Publication.status == PublicationStatus.PROCESSING,
            Publication.lease_expires_at < database_now(),
            func.pg_postmaster_start_time() < database_in(-lease),
        )
        .with_for_update(skip_locked=True)
    )
    error = WorkerCrashed("the publisher was not heard of for a whole lease")
    verdict = decide(Publication, error)
    rows = (
        await session.execute(
            update(Publication)
            .where(Publication.id.in_(overdue))
            .values(
                **LET_GO,
                **verdict.counts,
                status=case((verdict.again, PublicationStatus.PENDING.value), else_=PublicationStatus.FAILED.value),
                available_at=database_now(),
                error_code=error.code,
                error_message=error.message,
            )
            .returning(Publication.id, Publication.status, Publication.transcription_id)
            .execution_options(synchronize_session=False)
        )
    ).all()
    for publication_id, status, job_id in rows:
        if status == PublicationStatus.FAILED:
            await _failed(session, publication_id, job_id, error)
        else:
            await queued(session, publication_id, job_id)
    return [(row.id, PublicationStatus(row.status)) for row in rows]


async def has_siblings_pending(session: AsyncSession, held: PublicationClaim) -> bool:
    """Whether another recording of the same show is on its way to having captions there."""
    found = await session.scalar(
        select(Publication.id)
        .where(
            Publication.target == held.target,
            Publication.id != held.id,
            Publication.item["show"].as_integer() == held.item.get("show"),
            Publication.status.in_([PublicationStatus.PENDING, PublicationStatus.PROCESSING]),
            Publication.stage.in_([PublishStage.ENSURE, PublishStage.CAPTIONS, PublishStage.ACCEPT]),
        )
        .limit(1)
    )
    return found is not None


async def oldest_waiting_s(session: AsyncSession) -> float:
    """Seconds for which the oldest publication that nothing was done about yet has waited; 0 without one."""
    waits = await session.scalar(
        select(func.extract("epoch", database_now() - func.min(Publication.queued_at))).where(
            Publication.status == PublicationStatus.PENDING, Publication.stage == PublishStage.RESOLVE
        )
    )
    return max(0.0, float(waits or 0))


async def _fenced(session: AsyncSession, held: PublicationClaim, values: Mapping[str, Any]) -> bool:
    """Write as the holder. False when another version or other options are wanted by now, or a withdrawal.

    Raises Fenced.
    """
    row = await _row(session, held, values)
    withdrawing = row.withdraw_requested_at is not None
    return (row.version, withdrawing, PublishOptions.read(row.options)) == (
        held.version,
        held.withdrawing,
        held.options,
    )


async def _row(session: AsyncSession, held: PublicationClaim, values: Mapping[str, Any]) -> Publication:
    statement: Update = (
        update(Publication)
        .where(
            Publication.id == held.id,
            Publication.attempt == held.attempt,
            Publication.lease_owner == held.owner,
            Publication.status == PublicationStatus.PROCESSING,
        )
        .values(**(dict(values) or {"attempt": Publication.attempt}))
    )
    row = (
        await session.execute(
            statement.returning(Publication),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )
    ).scalar_one_or_none()
    if row is None:
        raise Fenced(f"attempt {held.attempt} of publication {held.id} no longer holds it")
    return row


async def _failed(session: AsyncSession, publication_id: UUID, job_id: UUID | None, error: ArchivistError) -> None:
    row = await session.get(Publication, publication_id, populate_existing=True)
    if row is not None:
        await mirrored(session, row, VodStatus.FAILED)
    told = {"publication_id": str(publication_id), "code": error.code, "detail": journal.storable(error.message)}
    await outbox.append(session, outbox.PUBLICATION_FAILED, job_id, **told)
    await tell(session, job_id, f"publication failed: {error.message}", level="ERROR", code=error.code)
