"""What happens to publications by itself, as functions of a session: a transcription that completes is published
(AUTO_PUBLISH_TO_VOD), a show that was linked and chapters that were edited reach what waits for them.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.models import (
    Artifact,
    CaptionVersion,
    Publication,
    PublishTarget,
    Transcription,
    User,
)
from archivist_common.publishing import requests
from archivist_common.publishing.decisions import RequestKind, decide
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.publishing.updates import carry_out, situation_of
from archivist_common.states import JobStatus, PublicationStatus, PublishStage, Role

NO_SPEECH = "NO_SPEECH"
"""Begins the warning of a transcription without any speech: never published by itself."""
_SAYS_NO_SPEECH = f'$[*] ? (@ starts with "{NO_SPEECH}")'


async def request_automatic(
    session: AsyncSession, target: str, options: PublishOptions, limit: int = 50
) -> Sequence[UUID]:
    """Request publications of the transcriptions completed since AUTO_PUBLISH_TO_VOD was turned on; their ids.

    Left to users: recordings without speech, captions that are not their recording's latest, what was published or
    withdrawn already, and what only an operator may replace: another user's publication of the same recording.
    """
    later, version, before = aliased(Transcription), aliased(CaptionVersion), aliased(Publication)
    superseded = (
        select(later.id)
        .where(
            later.storage == Transcription.storage,
            later.file_path == Transcription.file_path,
            later.status == JobStatus.COMPLETED,
            later.completed_date > Transcription.completed_date,
        )
        .exists()
    )
    known = (
        select(version.id)
        .join(before, before.id == version.publication_id)
        .where(before.target == target, version.transcription_id == Transcription.id)
        .exists()
    )
    withdrawn = (
        select(before.id)
        .where(
            before.target == target,
            before.storage == Transcription.storage,
            before.file_path == Transcription.file_path,
            or_(before.status == PublicationStatus.REMOVED, before.withdraw_requested_at.is_not(None)),
        )
        .exists()
    )
    anothers = (
        select(before.id)
        .join(User, User.id == Transcription.user_id)
        .where(
            before.target == target,
            before.storage == Transcription.storage,
            before.file_path == Transcription.file_path,
            before.owner_id != Transcription.user_id,
            User.role == Role.USER,
        )
        .correlate(Transcription)
        .exists()
    )
    due = await session.scalars(
        select(Transcription.id)
        .join(PublishTarget, PublishTarget.name == target)
        .where(
            Transcription.status == JobStatus.COMPLETED,
            Transcription.completed_date >= PublishTarget.auto_since,
            ~superseded,
            ~known,
            ~withdrawn,
            ~anothers,
            ~func.jsonb_path_exists(Transcription.warnings, cast(_SAYS_NO_SPEECH, JSONPATH)),
            select(Artifact.id).where(Artifact.transcription_id == Transcription.id, Artifact.kind == "scc").exists(),
        )
        .order_by(Transcription.completed_date)
        .limit(limit)
    )
    return [(await requests.request(session, PublicationRequest(target, job_id, options)))[0] for job_id in due.all()]


async def show_linked(session: AsyncSession, storage: str, path: str) -> None:
    """The show of a recording was linked, or unlinked: what is held or failed because of that begins again."""
    rows = await session.scalars(
        select(Publication)
        .where(
            Publication.storage == storage,
            Publication.file_path == path,
            Publication.status.in_([PublicationStatus.HELD, PublicationStatus.FAILED]),
            Publication.stage == PublishStage.RESOLVE,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows.all():
        await carry_out(session, row, decide(RequestKind.SHOW_LINKED, situation_of(row)))


async def chapters_edited(session: AsyncSession, transcription_id: UUID) -> None:
    """A user has edited the chapters: what is published gets them, and what is being published does not miss them."""
    rows = await session.scalars(
        select(Publication)
        .where(Publication.transcription_id == transcription_id)
        .order_by(Publication.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows.all():
        options = PublishOptions.read(row.options)
        edition = replace(options, chapters_edition=options.chapters_edition + 1).stored()
        await carry_out(session, row, decide(RequestKind.CHAPTERS_EDITED, situation_of(row)), options=edition)
