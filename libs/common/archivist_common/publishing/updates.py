"""Rows of publications as both sides write them: requests (`requests`, `automatic`) and the publisher (`lifecycle`).

What follows from a request is decided in `decisions`, and carried out here.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import case, literal_column, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Publication, Transcription, VodContent
from archivist_common.errors import NotFound
from archivist_common.events import journal, outbox
from archivist_common.publishing.decisions import Outcome, Situation, situation
from archivist_common.states import PublicationStatus, PublishStage, VodStatus

COMPONENT = "vod"
UNTROUBLED: dict[str, Any] = {
    "error_code": None,
    "error_message": None,
    "attention_code": None,
    "attention_message": None,
    "attention_since": None,
}
_DUE_AGAIN: dict[str, Any] = {
    "status": PublicationStatus.PENDING,
    "failure_count": 0,
    "crash_count": 0,
    "available_at": database_now(),
    "queued_at": database_now(),
    "followed_since": None,
}
AFRESH: dict[str, Any] = {
    **_DUE_AGAIN,
    **UNTROUBLED,
    "stage": case(
        (Publication.withdraw_requested_at.is_not(None), PublishStage.WITHDRAW.value),
        else_=PublishStage.RESOLVE.value,
    ),
    "suggestions": None,
    "plan": None,
    "warnings": literal_column("'[]'::jsonb"),
}
BACK_TO_CHAPTERS: dict[str, Any] = {**_DUE_AGAIN, "stage": PublishStage.CHAPTERS}


async def locked(session: AsyncSession, publication_id: UUID) -> Publication:
    """The row, nobody else's until the transaction ends. Raises NotFound."""
    row = await session.get(Publication, publication_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no publication {publication_id}")
    return row


async def change(session: AsyncSession, publication_id: UUID, **values: Any) -> None:
    await session.execute(
        update(Publication)
        .where(Publication.id == publication_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def situation_of(row: Publication) -> Situation:
    withdrawing = row.withdraw_requested_at is not None
    return situation(PublicationStatus(row.status), row.error_code, withdrawing=withdrawing)


async def carry_out(session: AsyncSession, row: Publication, outcome: Outcome, **values: Any) -> None:
    """Change a publication as a request wants it. values: columns that say what is wanted; not written for KEEP and
    REMOVE."""
    match outcome:
        case Outcome.RECORD:
            if values:
                await change(session, row.id, **values)
        case Outcome.BEGIN:
            await change(session, row.id, **AFRESH | {"stage": PublishStage.RESOLVE} | values)
        case Outcome.TAKE_DOWN:
            await change(session, row.id, **AFRESH | {"stage": PublishStage.WITHDRAW} | values)
        case Outcome.CHAPTERS:
            await change(session, row.id, **BACK_TO_CHAPTERS | values)
        case Outcome.STEP_BACK:
            written = Publication.stage == PublishStage.METADATA
            stage = case((written, PublishStage.CHAPTERS.value), else_=Publication.stage)
            await change(session, row.id, stage=stage, **values)
        case Outcome.REMOVE:
            await change(
                session, row.id, status=PublicationStatus.REMOVED, withdraw_requested_at=None, error_code=None
            )
            await removed(session, row)
        case Outcome.KEEP | Outcome.REFUSE:
            return
    if outcome in {Outcome.BEGIN, Outcome.TAKE_DOWN, Outcome.CHAPTERS}:
        await queued(session, row.id, values.get("transcription_id", row.transcription_id))


async def queued(session: AsyncSession, publication_id: UUID, job_id: UUID | None) -> None:
    await outbox.append(session, outbox.PUBLICATION_QUEUED, job_id, publication_id=str(publication_id))


async def removed(session: AsyncSession, row: Publication) -> None:
    await mirrored(session, row, VodStatus.REMOVED)
    await outbox.append(session, outbox.REMOVED, row.transcription_id, publication_id=str(row.id), target=row.target)


async def mirrored(session: AsyncSession, row: Publication, status: VodStatus) -> None:
    """The documented columns of the transcription and the row of `vod_content` say the same as the publication.

    A target without VODs says nothing of a transcription that has one elsewhere.
    """
    if row.transcription_id is not None:
        theirs = Transcription.vod_id.is_(None) if row.vod_id is None else literal_column("true")
        await session.execute(
            update(Transcription)
            .where(Transcription.id == row.transcription_id, theirs)
            .values(vod_id=row.vod_id, vod_url=row.url, vod_status=status)
            .execution_options(synchronize_session=False)
        )
    if row.vod_id is None:
        return
    title = str(row.item.get("title") or row.file_path.rsplit("/", 1)[-1])[:255]
    described: dict[str, Any] = {
        "transcription_id": row.transcription_id,
        "title": title,
        "url": row.url,
        "status": status,
        "target": row.target,
        "show": row.item.get("show"),
        "vendor_state": row.vendor_state,
        "updated_date": database_now(),
    }
    if row.item.get("thumbnail_url"):
        described["thumbnail_url"] = str(row.item["thumbnail_url"])[:500]
    if status is VodStatus.PUBLISHED:
        described["published_date"] = database_now()
    await session.execute(
        pg_insert(VodContent)
        .values(vod_id=row.vod_id, created_date=database_now(), **described)
        .on_conflict_do_update(index_elements=["vod_id"], set_=described)
    )


async def tell(
    session: AsyncSession,
    job_id: UUID | None,
    message: str,
    *,
    level: str = "INFO",
    by: int | None = None,
    **told: Any,
) -> None:
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in told.items()}
    await journal.record(session, level, COMPONENT, message, transcription_id=job_id, user_id=by, **plain)
