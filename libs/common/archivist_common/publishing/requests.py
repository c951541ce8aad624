"""What users request of publications, as functions of a session: to publish, retry, approve, withdraw, go back to
earlier captions. What follows is decided by the table in `decisions`; the publisher then does it (`lifecycle`).
"""

import hashlib
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import Artifact, Effect, Publication, Transcription
from archivist_common.errors import Conflict, NotCompleted, NotFound
from archivist_common.publishing import effects, rights, versions
from archivist_common.publishing.decisions import Outcome, RequestKind, decide
from archivist_common.publishing.options import SIDECARS_UNSUPPORTED, PublishOptions
from archivist_common.publishing.updates import carry_out, change, locked, queued, situation_of, tell
from archivist_common.states import JobStatus, PublicationStatus


@dataclass(frozen=True, slots=True)
class PublicationRequest:
    """A request to publish a transcription's captions. only: see `rights`."""

    target: str
    transcription_id: UUID
    options: PublishOptions = field(default_factory=PublishOptions)
    user_id: int | None = None
    batch_id: UUID | None = None
    only: int | None = None


def key_of(storage: str, path: str) -> str:
    """What a recording is marked with at every target, for ever: `arc-` and 16 hexadecimal digits of its place."""
    return "arc-" + hashlib.sha256(f"{storage}\0{path}".encode()).hexdigest()[:16]


async def request(session: AsyncSession, wish: PublicationRequest) -> tuple[UUID, bool]:
    """Publish a transcription's captions. The publication's id, and whether this has changed anything.

    Requested again, the same captions are the same publication; captions made anew are its next version.
    What is requested anew has to be approved anew.
    Raises NotFound, NotCompleted, Conflict where a later transcription has captioned the recording, and
    PermissionDenied where the recording's publication is another user's, or an operator has withdrawn it.
    """
    # Not locked: one that has completed stays so, and what ends a publication locks that row before this one.
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
            owner_id=job.user_id if job.user_id is not None else wish.user_id,
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
        await versions.add(session, made, scc.sha256, scc.path, job.id)
        await tell(session, job.id, f"publication to {wish.target} requested", publication_id=made, by=wish.user_id)
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
    await rights.require(session, row, wish.only)
    rights.require_not_withdrawn(row, wish.only)
    same = await versions.is_present(session, row, scc.sha256)
    if same and row.transcription_id != job.id:  # captioned anew, to the byte as before
        await versions.move(session, row, job.id)
    before = PublishOptions.read(row.options)
    outcome = decide(_kind_of(wish.options, before, same=same), situation_of(row))
    if outcome is Outcome.KEEP:
        return row.id, False
    if not same:
        await versions.add(session, row.id, scc.sha256, scc.path, job.id)
    await carry_out(
        session,
        row,
        outcome,
        transcription_id=job.id,
        user_id=wish.user_id,
        batch_id=wish.batch_id or row.batch_id,
        options=wish.options.after(before).stored(),
        withdraw_requested_at=None,
        withdrawn_by_operator=False,
        approved_by=None,
        approved_date=None,
    )
    what = "again" if same else "with captions made anew"
    message = f"publication to {wish.target} requested {what}"
    await tell(session, job.id, message, publication_id=row.id, by=wish.user_id)
    return row.id, True


async def retry(
    session: AsyncSession, publication_id: UUID, *, user_id: int | None = None, only: int | None = None
) -> None:
    """Begin once more: what failed, is held, was withdrawn, or waits for its next try.

    A withdrawal under way remains one. Raises NotFound, Conflict, PermissionDenied.
    """
    row = await locked(session, publication_id)
    await rights.require(session, row, only)
    outcome = _allowed(row, RequestKind.RETRY, "there is nothing to try again")
    if outcome is Outcome.BEGIN:
        rights.require_not_withdrawn(row, only)
    # A user has checked it: what was made and is not there any more may be made again. What is there is found.
    for prefix in ("sidecar:", "vod:"):
        for entry in await effects.of_publication(session, row.id, prefix):
            await effects.forget(session, row.id, entry.key)
    item = {name: value for name, value in row.item.items() if name != "missed"}
    withdrawn = row.withdrawn_by_operator and outcome is not Outcome.BEGIN
    await carry_out(session, row, outcome, item=item, withdrawn_by_operator=withdrawn)
    await tell(session, row.transcription_id, "publication retried", by=user_id)


async def approve(session: AsyncSession, publication_id: UUID, *, user_id: int, only: int | None = None) -> None:
    """Approve a publication that waits for it. Raises NotFound, Conflict, PermissionDenied.

    After a dry run it is the real thing; where the target takes no captions, the programme goes without.
    """
    row = await locked(session, publication_id)
    await rights.require(session, row, only)
    outcome = _allowed(row, RequestKind.APPROVE, "it does not wait for approval")
    options = PublishOptions.read(row.options)
    if options.two_step == "two-people" and row.user_id == user_id:
        raise Conflict("who requested a publication cannot approve it here; another user has to")
    without = options.without_captions or row.error_code == SIDECARS_UNSUPPORTED
    options = replace(options, dry_run=False, without_captions=without)
    values = {"options": options.stored(), "approved_by": user_id, "approved_date": database_now()}
    await carry_out(session, row, outcome, **values)
    await tell(session, row.transcription_id, "publication approved", by=user_id)


async def withdraw(
    session: AsyncSession, publication_id: UUID, *, user_id: int | None = None, only: int | None = None
) -> PublicationStatus:
    """Take a programme off the target's public list, or end a publication that has changed nothing there yet.

    The status it has then. Doing it twice gives the same answer. What an operator has withdrawn stays so until one
    publishes it again. Raises NotFound, PermissionDenied.
    """
    row = await locked(session, publication_id)
    await rights.require(session, row, only)
    if only is None and user_id is not None:
        await change(session, row.id, withdrawn_by_operator=True)
    # A change that was begun may have happened, though its answer never came.
    begun = select(Effect.id).where(Effect.publication_id == row.id).limit(1)
    unbegun = row.vod_id is None and await session.scalar(begun) is None
    kind = RequestKind.WITHDRAW_UNBEGUN if unbegun else RequestKind.WITHDRAW
    outcome = decide(kind, situation_of(row))
    if outcome is Outcome.KEEP:
        return PublicationStatus(row.status)
    await tell(session, row.transcription_id, "publication withdrawn", by=user_id)
    await carry_out(session, row, outcome, withdraw_requested_at=database_now())
    return PublicationStatus((await locked(session, row.id)).status)


async def rollback(
    session: AsyncSession,
    publication_id: UUID,
    number: int | None = None,
    *,
    user_id: int | None = None,
    only: int | None = None,
) -> int:
    """Publish earlier captions again. number: which version; None for the one before. The new version's number.

    Raises NotFound, PermissionDenied, Conflict where there is no earlier one.
    """
    row = await locked(session, publication_id)
    await rights.require(session, row, only)
    outcome = decide(RequestKind.ROLLBACK, situation_of(row))
    if outcome is Outcome.REFUSE:
        raise Conflict("the publication is withdrawn; request it again first")
    known = await versions.all_of(session, row.id)
    present = None if row.version is None else known.get(row.version)
    if number is None:
        back = None if present is None else versions.before(known, present)
        if back is None:
            raise Conflict("there are no earlier captions to go back to")
    else:
        back = known.get(number)
        if back is None:
            raise NotFound(f"the publication has no caption version {number}")
        if present is not None and back.sha256 == present.sha256:
            return present.number
    made = await versions.add(
        session, row.id, back.sha256, back.path, back.transcription_id, restores=back.restores or back.number
    )
    await carry_out(session, row, outcome)
    await tell(session, row.transcription_id, f"captions rolled back to version {back.number}", by=user_id)
    return made


def _kind_of(wanted: PublishOptions, before: PublishOptions, *, same: bool) -> RequestKind:
    """What a request to publish is to a publication with these options. same: its captions are those requested."""
    if not same or wanted.adds_to(before):
        return RequestKind.OTHER
    return RequestKind.SAME_PLAN if wanted.dry_run else RequestKind.SAME


def _allowed(row: Publication, kind: RequestKind, refusal: str) -> Outcome:
    outcome = decide(kind, situation_of(row))
    if outcome is Outcome.REFUSE:
        raise Conflict(f"the publication is {row.status}; {refusal}")
    return outcome


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
