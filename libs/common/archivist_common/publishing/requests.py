"""What people, and AUTO_PUBLISH_TO_VOD, ask of publications, as functions of a session: to publish, to try again, to
go back to earlier captions, to withdraw. The publisher does it (`publishing`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import cast, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.clock import database_now
from archivist_common.database.models import (
    Artifact,
    CaptionVersion,
    Effect,
    Publication,
    PublishTarget,
    Transcription,
)
from archivist_common.errors import Conflict, NotCompleted, NotFound
from archivist_common.publishing import effects
from archivist_common.publishing.options import APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED, PublishOptions
from archivist_common.publishing.updates import (
    AFRESH,
    BACK_TO_CHAPTERS,
    change,
    locked,
    mirrored,
    queued,
    removed,
    tell,
)
from archivist_common.states import JobStatus, PublicationStatus, PublishStage, VodStatus

NO_SPEECH = "NO_SPEECH"
"""Begins the warning of a transcription in which nothing was said: never published by itself."""
_SAYS_NO_SPEECH = f'$[*] ? (@ starts with "{NO_SPEECH}")'
_APPROVABLE = frozenset({APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class PublicationRequest:
    """A request to publish a transcription's captions."""

    target: str
    transcription_id: UUID
    options: PublishOptions = field(default_factory=PublishOptions)
    user_id: int | None = None
    batch_id: UUID | None = None


def key_of(storage: str, path: str) -> str:
    """What a recording is marked with at every target, for ever: `arc-` and 16 hexadecimal digits of its place."""
    return "arc-" + hashlib.sha256(f"{storage}\0{path}".encode()).hexdigest()[:16]


async def request(session: AsyncSession, wish: PublicationRequest) -> tuple[UUID, bool]:
    """Publish a transcription's captions. The publication's id, and whether this has set anything going.

    Asked again, the same captions are the same publication: nothing happens to one that waits, runs or is published;
    one that failed or was withdrawn is tried again; other options, or the real thing after a dry run, set it going.
    Captions made anew are its next version. What is asked for anew has to be approved anew.
    Raises NotFound, NotCompleted, Conflict where a later transcription has captioned the recording.
    """
    # Not locked: one that has completed stays so, and who ends a publication holds that row when he takes this one.
    job = await session.get(Transcription, wish.transcription_id, populate_existing=True)
    if job is None:
        raise NotFound(f"there is no transcription {wish.transcription_id}")
    scc = await _captions_of(session, job)
    made = await session.scalar(
        pg_insert(Publication)
        .values(
            target=wish.target,
            storage=job.storage,
            file_path=job.file_path,
            key=key_of(job.storage, job.file_path),
            transcription_id=job.id,
            user_id=wish.user_id,
            batch_id=wish.batch_id,
            options=wish.options.stored(),
            created_date=database_now(),
            queued_at=database_now(),
            available_at=database_now(),
        )
        .on_conflict_do_nothing(index_elements=["target", "storage", "file_path"])
        .returning(Publication.id)
    )
    if made is not None:
        await _next_version(session, made, scc.sha256, scc.path, job.id)
        await tell(session, job.id, f"publication to {wish.target} asked for", publication_id=made, by=wish.user_id)
        await queued(session, made, job.id)
        return made, True
    row = (
        await session.execute(
            select(Publication)
            .where(
                Publication.target == wish.target,
                Publication.storage == job.storage,
                Publication.file_path == job.file_path,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    same = await _stands_for(session, row, scc.sha256)
    if same and row.transcription_id != job.id:  # captioned anew, to the byte as before
        await _speaks_for(session, row, job.id)
    before, status = PublishOptions.read(row.options), PublicationStatus(row.status)
    again = not same or status in {PublicationStatus.FAILED, PublicationStatus.REMOVED}
    again = again or row.withdraw_requested_at is not None or wish.options.adds_to(before)
    again = again or (status is PublicationStatus.HELD and row.error_code == DRY_RUN and not wish.options.dry_run)
    if not again:
        return row.id, False
    if not same:
        await _next_version(session, row.id, scc.sha256, scc.path, job.id)
    values: dict[str, Any] = {
        "transcription_id": job.id,
        "user_id": wish.user_id,
        "batch_id": wish.batch_id or row.batch_id,
        "options": wish.options.after(before).stored(),
        "withdraw_requested_at": None,
        "approved_by": None,
        "approved_date": None,
    }
    if status is not PublicationStatus.PROCESSING:  # one in hand sees at its next step that something else is wanted
        values |= AFRESH | {"stage": PublishStage.RESOLVE}
    await change(session, row.id, **values)
    if status is not PublicationStatus.PROCESSING:
        await queued(session, row.id, job.id)
    told = "again" if same else "with captions made anew"
    message = f"publication to {wish.target} asked for {told}"
    await tell(session, job.id, message, publication_id=row.id, by=wish.user_id)
    return row.id, True


async def request_automatic(
    session: AsyncSession, target: str, options: PublishOptions, limit: int = 50
) -> Sequence[UUID]:
    """Ask for what is published by itself: transcriptions completed since AUTO_PUBLISH_TO_VOD was turned on for it.

    Left to a person: recordings in which nobody spoke, captions that are not their recording's latest, and what was
    published or withdrawn already.
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
    due = await session.scalars(
        select(Transcription.id)
        .join(PublishTarget, PublishTarget.name == target)
        .where(
            Transcription.status == JobStatus.COMPLETED,
            Transcription.completed_date >= PublishTarget.auto_since,
            ~superseded,
            ~known,
            ~withdrawn,
            ~func.jsonb_path_exists(Transcription.warnings, cast(_SAYS_NO_SPEECH, JSONPATH)),
            select(Artifact.id).where(Artifact.transcription_id == Transcription.id, Artifact.kind == "scc").exists(),
        )
        .order_by(Transcription.completed_date)
        .limit(limit)
    )
    return [(await request(session, PublicationRequest(target, job_id, options)))[0] for job_id in due.all()]


async def retry(session: AsyncSession, publication_id: UUID, *, user_id: int | None = None) -> None:
    """Begin once more: what failed, is held, was withdrawn, or waits for its next try. Raises NotFound, Conflict.

    A withdrawal under way stays one.
    """
    row = await locked(session, publication_id)
    status = PublicationStatus(row.status)
    if status in {PublicationStatus.PROCESSING, PublicationStatus.PUBLISHED}:
        raise Conflict(f"the publication is {status}; there is nothing to try again")
    # Somebody has looked: what was made and is not there any more may be made again. What is there is found.
    for prefix in ("sidecar:", "vod:"):
        for entry in await effects.of_publication(session, row.id, prefix):
            await effects.forget(session, row.id, entry.key)
    item = {name: value for name, value in row.item.items() if name != "missed"}
    await change(session, row.id, **AFRESH, item=item)
    await queued(session, row.id, row.transcription_id)
    await tell(session, row.transcription_id, "publication is tried again", by=user_id)


async def approve(session: AsyncSession, publication_id: UUID, *, user_id: int) -> None:
    """Let a publication go on that waits for somebody to say so. Raises NotFound, Conflict.

    After a dry run it is the real thing; where the target takes no captions, the programme goes without.
    """
    row = await locked(session, publication_id)
    if row.status != PublicationStatus.HELD or row.error_code not in _APPROVABLE:
        raise Conflict(f"the publication is {row.status}; it does not wait for approval")
    options = PublishOptions.read(row.options)
    if row.error_code == SIDECARS_UNSUPPORTED:
        options = replace(options, without_captions=True)
    if options.two_step == "two-people" and row.user_id == user_id:
        raise Conflict("who asked for a publication cannot approve it here; somebody else has to")
    options = replace(options, dry_run=False)
    await change(
        session,
        row.id,
        **AFRESH,
        options=options.stored(),
        approved_by=user_id,
        approved_date=database_now(),
    )
    await queued(session, row.id, row.transcription_id)
    await tell(session, row.transcription_id, "publication approved", by=user_id)


async def withdraw(session: AsyncSession, publication_id: UUID, *, user_id: int | None = None) -> PublicationStatus:
    """Take a programme off the target's public list, or end a publication that has changed nothing there yet.

    Doing it twice gives the same answer. Raises NotFound.
    """
    row = await locked(session, publication_id)
    status = PublicationStatus(row.status)
    if status is PublicationStatus.REMOVED:
        return status
    if row.withdraw_requested_at is not None and status is not PublicationStatus.FAILED:
        return status
    await tell(session, row.transcription_id, "publication withdrawn", by=user_id)
    if status is PublicationStatus.PROCESSING:
        await change(session, row.id, withdraw_requested_at=database_now())
        return status
    # A change that was asked for may have happened, though nobody has heard of it.
    asked = select(Effect.id).where(Effect.publication_id == row.id).limit(1)
    if row.vod_id is None and await session.scalar(asked) is None:
        await change(session, row.id, status=PublicationStatus.REMOVED, withdraw_requested_at=None, error_code=None)
        await removed(session, row)
        return PublicationStatus.REMOVED
    await change(
        session,
        row.id,
        **AFRESH | {"stage": PublishStage.WITHDRAW},
        withdraw_requested_at=database_now(),
    )
    await queued(session, row.id, row.transcription_id)
    return PublicationStatus.PENDING


async def rollback(
    session: AsyncSession, publication_id: UUID, number: int | None = None, *, user_id: int | None = None
) -> int:
    """Put earlier captions back. number: which version; None for the one before. The new version's number.

    Raises NotFound, Conflict where there is no earlier one.
    """
    row = await locked(session, publication_id)
    if row.status == PublicationStatus.REMOVED or row.withdraw_requested_at is not None:
        raise Conflict("the publication is withdrawn; ask for it again first")
    found = await session.scalars(select(CaptionVersion).where(CaptionVersion.publication_id == row.id))
    versions = {one.number: one for one in found}
    now = None if row.version is None else versions.get(row.version)
    if number is None:
        back = None if now is None else _before(versions, now)
        if back is None:
            raise Conflict("there are no earlier captions to go back to")
    else:
        back = versions.get(number)
        if back is None:
            raise NotFound(f"the publication has no caption version {number}")
        if now is not None and back.sha256 == now.sha256:
            return now.number
    made = await _next_version(
        session, row.id, back.sha256, back.path, back.transcription_id, restores=back.restores or back.number
    )
    if row.status != PublicationStatus.PROCESSING:
        await change(session, row.id, **AFRESH)
        await queued(session, row.id, row.transcription_id)
    await tell(session, row.transcription_id, f"captions set back to version {back.number}", by=user_id)
    return made


async def show_linked(session: AsyncSession, storage: str, path: str) -> None:
    """Its show is known now: what is held for that goes on."""
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
        if row.error_code in {APPROVAL_NEEDED, DRY_RUN}:
            continue
        await change(session, row.id, **AFRESH)
        await queued(session, row.id, row.transcription_id)


async def chapters_edited(session: AsyncSession, transcription_id: UUID) -> None:
    """A person has other chapters: what is published gets them, what is on its way does not miss them."""
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
        status, stage = PublicationStatus(row.status), PublishStage(row.stage)
        if status is PublicationStatus.PUBLISHED:
            await change(session, row.id, options=edition, **BACK_TO_CHAPTERS)
            await queued(session, row.id, transcription_id)
        elif status is PublicationStatus.PENDING and stage is PublishStage.METADATA:
            await change(session, row.id, options=edition, stage=PublishStage.CHAPTERS)
        else:
            await change(session, row.id, options=edition)


async def _captions_of(session: AsyncSession, job: Transcription) -> Artifact:
    if job.status != JobStatus.COMPLETED:
        raise NotCompleted(f"transcription {job.id} is {job.status}: there are no captions to publish yet")
    later = await session.scalar(
        select(Transcription.id)
        .where(
            Transcription.storage == job.storage,
            Transcription.file_path == job.file_path,
            Transcription.status == JobStatus.COMPLETED,
            Transcription.completed_date > job.completed_date,
        )
        .order_by(Transcription.completed_date.desc())
        .limit(1)
    )
    if later is not None:
        raise Conflict(f"transcription {later} has captioned this recording anew; publish that one")
    scc = await session.scalar(
        select(Artifact).where(Artifact.transcription_id == job.id, Artifact.kind == "scc").limit(1)
    )
    if scc is None:
        raise NotCompleted(f"transcription {job.id} has no SCC captions")
    return scc


async def _stands_for(session: AsyncSession, row: Publication, sha256: str) -> bool:
    held = await session.scalar(
        select(CaptionVersion.sha256).where(
            CaptionVersion.publication_id == row.id, CaptionVersion.number == row.version
        )
    )
    return held == sha256


async def _speaks_for(session: AsyncSession, row: Publication, job_id: UUID) -> None:
    """The same captions are now another transcription's."""
    await change(session, row.id, transcription_id=job_id)
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == row.id, CaptionVersion.number == row.version)
        .values(transcription_id=job_id)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row)
    if row.status == PublicationStatus.PUBLISHED:
        await mirrored(session, row, VodStatus.PUBLISHED)


def _before(versions: Mapping[int, CaptionVersion], now: CaptionVersion) -> CaptionVersion | None:
    """What stood before these captions. What stood before a return is what stood before that to which it returned:
    two rollbacks go two versions back."""
    one = now
    while one.sha256 == now.sha256:
        if one.restores is not None and one.restores in versions:
            one = versions[one.restores]
        elif one.number - 1 in versions:
            one = versions[one.number - 1]
        else:
            return None
    return one


async def _next_version(
    session: AsyncSession,
    publication_id: UUID,
    sha256: str,
    path: str,
    job_id: UUID | None,
    *,
    restores: int | None = None,
) -> int:
    last = await session.scalar(
        select(func.max(CaptionVersion.number)).where(CaptionVersion.publication_id == publication_id)
    )
    number = (last or 0) + 1
    await session.execute(
        insert(CaptionVersion).values(
            publication_id=publication_id,
            number=number,
            transcription_id=job_id,
            sha256=sha256,
            path=path,
            restores=restores,
            created_date=database_now(),
        )
    )
    await change(session, publication_id, version=number)
    return number
