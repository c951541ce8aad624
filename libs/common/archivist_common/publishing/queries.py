"""Publications as they are read: one, a page of them, their caption versions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import CaptionVersion, Publication, PublishTarget
from archivist_common.errors import NotFound
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.publishing.rights import readable_by
from archivist_common.states import PublicationStatus, PublishStage

Place = tuple[datetime, UUID]
"""Where a page ended: creation and id of its last publication."""


@dataclass(frozen=True, slots=True)
class PublicationVersion:
    """Captions of a publication. restores: the version they are a return to."""

    number: int
    transcription_id: UUID | None
    sha256: str
    restores: int | None
    created: datetime
    placed: datetime | None
    verified: datetime | None


@dataclass(frozen=True, slots=True)
class PublicationSummary:
    """A publication as its transcription names it."""

    id: UUID
    target: str
    status: PublicationStatus
    url: str | None


@dataclass(frozen=True, slots=True)
class PublicationView:
    """One publication, our view and the vendor's side by side. waits_for: why nothing happens now, in words."""

    id: UUID
    target: str
    storage: str
    path: str
    transcription_id: UUID | None
    user_id: int | None
    batch_id: UUID | None
    status: PublicationStatus
    stage: PublishStage
    options: Mapping[str, Any]
    version: int | None
    show_id: int | None
    item: Mapping[str, Any]
    vod_id: str | None
    url: str | None
    vendor_state: str | None
    vendor_percent: float | None
    vendor_message: str | None
    vendor_changed: datetime | None
    attention_code: str | None
    attention_message: str | None
    attention_since: datetime | None
    plan: tuple[str, ...] | None
    suggestions: tuple[Mapping[str, Any], ...] | None
    warnings: tuple[str, ...]
    failures: int
    next_look: datetime | None
    waits_for: str | None
    withdrawing: bool
    error_code: str | None
    error_message: str | None
    approved_by: int | None
    approved: datetime | None
    created: datetime
    published: datetime | None

    @property
    def rests(self) -> bool:
        """It waits for a user, or for nothing."""
        return self.status not in {PublicationStatus.PENDING, PublicationStatus.PROCESSING}

    @property
    def view(self) -> tuple[object, ...]:
        """What changes for a client that watches it."""
        seen = (self.status, self.stage, self.version, self.url, self.error_code, self.attention_code)
        return (*seen, self.vendor_state, self.vendor_percent, self.withdrawing)


@dataclass(frozen=True, slots=True)
class PublicationFilter:
    """user_id: who may read them; None for everybody's."""

    user_id: int | None = None
    status: PublicationStatus | None = None
    target: str | None = None
    transcription_id: UUID | None = None
    batch_id: UUID | None = None


async def get(session: AsyncSession, publication_id: UUID, *, user_id: int | None) -> PublicationView:
    """One publication. user_id: who must be allowed to read it. Raises NotFound, the same for both."""
    found = await _rows(session, PublicationFilter(user_id), publication_id=publication_id, limit=1)
    if not found:
        raise NotFound(f"there is no publication {publication_id}")
    return found[0]


async def page(
    session: AsyncSession, which: PublicationFilter, after: Place | None, limit: int
) -> Sequence[PublicationView]:
    """Publications, newest first, behind `after`."""
    return await _rows(session, which, after=after, limit=limit)


async def summaries(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, list[PublicationSummary]]:
    """Publications of these transcriptions, by transcription."""
    rows = await session.execute(
        select(Publication.transcription_id, Publication.id, Publication.target, Publication.status, Publication.url)
        .where(Publication.transcription_id.in_(sorted(ids)))
        .order_by(Publication.target)
    )
    found: dict[UUID, list[PublicationSummary]] = {}
    for job_id, publication_id, target, status, url in rows:
        if job_id is not None:
            found.setdefault(job_id, []).append(
                PublicationSummary(publication_id, target, PublicationStatus(status), url)
            )
    return found


async def counts(session: AsyncSession) -> dict[PublicationStatus, int]:
    """How many there are, by status; every status is there."""
    rows = await session.execute(select(Publication.status, func.count()).group_by(Publication.status))
    return dict.fromkeys(PublicationStatus, 0) | {PublicationStatus(row[0]): row[1] for row in rows}


async def versions(session: AsyncSession, publication_id: UUID) -> Sequence[PublicationVersion]:
    """Its captions, newest first."""
    rows = await session.scalars(
        select(CaptionVersion)
        .where(CaptionVersion.publication_id == publication_id)
        .order_by(CaptionVersion.number.desc())
        .execution_options(populate_existing=True)
    )
    return [
        PublicationVersion(
            row.number,
            row.transcription_id,
            row.sha256,
            row.restores,
            row.created_date,
            row.placed_date,
            row.verified_date,
        )
        for row in rows
    ]


async def has_siblings_pending(session: AsyncSession, claim: PublicationClaim) -> bool:
    """Whether captions of another recording of the same show are on their way to the target."""
    found = await session.scalar(
        select(Publication.id)
        .where(
            Publication.target == claim.target,
            Publication.id != claim.id,
            Publication.item["show"].as_integer() == claim.item.get("show"),
            Publication.status.in_([PublicationStatus.PENDING, PublicationStatus.PROCESSING]),
            Publication.stage.in_([PublishStage.ENSURE, PublishStage.CAPTIONS, PublishStage.ACCEPT]),
        )
        .limit(1)
    )
    return found is not None


async def oldest_waiting_s(session: AsyncSession) -> float:
    """Seconds for which the oldest publication not begun yet has waited; 0 without one."""
    waits = await session.scalar(
        select(func.extract("epoch", database_now() - func.min(Publication.queued_at))).where(
            Publication.status == PublicationStatus.PENDING, Publication.stage == PublishStage.RESOLVE
        )
    )
    return max(0.0, float(waits or 0))


async def _rows(
    session: AsyncSession,
    which: PublicationFilter,
    *,
    publication_id: UUID | None = None,
    after: Place | None = None,
    limit: int,
) -> list[PublicationView]:
    query = (
        select(Publication, PublishTarget)
        .join(PublishTarget, PublishTarget.name == Publication.target)
        .order_by(Publication.created_date.desc(), Publication.id.desc())
        .limit(limit)
    )
    if which.user_id is not None:
        query = query.where(readable_by(which.user_id))
    for column, wanted in (
        (Publication.id, publication_id),
        (Publication.status, which.status),
        (Publication.target, which.target),
        (Publication.transcription_id, which.transcription_id),
        (Publication.batch_id, which.batch_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if after is not None:
        query = query.where(tuple_(Publication.created_date, Publication.id) < tuple_(*after))
    found = await session.execute(query.execution_options(populate_existing=True))
    return [_reading(row, target) for row, target in found]


def _reading(row: Publication, target: PublishTarget) -> PublicationView:
    status = PublicationStatus(row.status)
    waiting = status is PublicationStatus.PENDING
    return PublicationView(
        id=row.id,
        target=row.target,
        storage=row.storage,
        path=row.file_path,
        transcription_id=row.transcription_id,
        user_id=row.user_id,
        batch_id=row.batch_id,
        status=status,
        stage=PublishStage(row.stage),
        options=row.options,
        version=row.version,
        show_id=row.item.get("show"),
        item=row.item,
        vod_id=row.vod_id,
        url=row.url,
        vendor_state=row.vendor_state,
        vendor_percent=row.vendor_percent,
        vendor_message=row.vendor_message,
        vendor_changed=row.vendor_changed_at,
        attention_code=row.attention_code,
        attention_message=row.attention_message,
        attention_since=row.attention_since,
        plan=None if row.plan is None else tuple(row.plan),
        suggestions=None if row.suggestions is None else tuple(row.suggestions),
        warnings=tuple(row.warnings),
        failures=row.failure_count,
        next_look=row.available_at if waiting else None,
        waits_for=_waits_for(row, target) if waiting else None,
        withdrawing=row.withdraw_requested_at is not None,
        error_code=row.error_code,
        error_message=row.error_message,
        approved_by=row.approved_by,
        approved=row.approved_date,
        created=row.created_date,
        published=row.published_date,
    )


def _waits_for(row: Publication, target: PublishTarget) -> str | None:
    if target.stopped_at is not None:
        return f"{row.target} is stopped: {target.stopped_reason}"
    if target.away_since is not None:
        return f"{row.target} is unavailable: {target.away_reason}"
    if row.error_message is not None:
        return f"the next try: {row.error_message}"
    if row.stage in {PublishStage.FOLLOW, PublishStage.VERIFY, PublishStage.ACCEPT}:
        return f"{row.target} to get on with it"
    return "its turn"
