"""The life of a publication, as functions of a session: a recording's captions on their way to a VOD target.

    request ──▶ pending ──claim──▶ processing ──finish──▶ published ──┐
                 ▲  ▲                │  │  └───fail────▶ failed ──────┤
                 │  │◀──put_off──────┘  ├───hold────▶ held ───────────┤
                 │  └──approve, link────┼───────────────┘             │
                 │                      └───gone────▶ removed ────────┤
                 └──────────request, retry, rollback, withdraw────────┘

One for each recording and target, whatever is captioned anew: same show, same VOD, another caption version. The
protocol is that of transcriptions (`jobs.py`): a claim bumps `attempt`, the fencing token that every later write
names. Waiting for the target is a row that is due later, never a worker that sleeps.
"""

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    Interval,
    Update,
    case,
    cast,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common import effects, journal, outbox
from archivist_common.errors import ArchivistError, Conflict, Fenced, NotCompleted, NotFound, WorkerCrashed
from archivist_common.jobs import judge, retry_delay
from archivist_common.models import (
    Artifact,
    CaptionVersion,
    Effect,
    Publication,
    PublishTarget,
    Transcription,
    VodContent,
)
from archivist_common.states import JobStatus, PublicationStatus, PublishStage, VodStatus
from archivist_common.time import database_in, database_now

COMPONENT = "vod"
NO_SPEECH = "NO_SPEECH"
"""Begins the warning of a transcription in which nothing was said: never published by itself."""

APPROVAL_NEEDED = "APPROVAL_NEEDED"
DRY_RUN = "DRY_RUN"
SIDECARS_UNSUPPORTED = "SIDECARS_UNSUPPORTED"
_APPROVABLE = frozenset({APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED})

_SAYS_NO_SPEECH = f'$[*] ? (@ starts with "{NO_SPEECH}")'
_NOT_ASKED = frozenset({"two_step", "chapters_edition"})
"""Options that are the house's, not of who asks."""


@dataclass(frozen=True, slots=True)
class Options:
    """What who asks for a publication wants of it. None: as the settings have it.

    create_show: make show, media and reel where the target has none. quality: a VOD quality's id or name.
    without_captions: publish the programme even where the target takes no captions. two_step: "approve", or
    "two-people" where who asked may not approve. chapters_edition: rises with every edit of the chapters.
    """

    create_show: bool = False
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    quality: str | None = None
    chapters: bool | None = None
    metadata: bool | None = None
    without_captions: bool = False
    dry_run: bool = False
    two_step: str | None = None
    chapters_edition: int = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        known = {name: value for name, value in stored.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "tags": tuple(known.get("tags", ()))})

    def stored(self) -> dict[str, Any]:
        """What is not as usual."""
        usual = asdict(type(self)())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def is_plain(self) -> bool:
        """Nothing particular is asked for: what was asked for before stands."""
        return replace(self, two_step=None, chapters_edition=0) == Options()

    def after(self, before: Self) -> Self:
        """What holds when this is asked for after that. Whether it has to be approved is the house's to say."""
        if not self.is_plain:
            return replace(self, chapters_edition=before.chapters_edition)
        return replace(before, dry_run=False, two_step=self.two_step)

    def adds_to(self, before: Self) -> bool:
        """Whether something is asked for that was not asked for before."""
        known, ours = before.stored(), self.stored()
        return any(known.get(name) != value for name, value in ours.items() if name not in _NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to publish a transcription's captions."""

    target: str
    transcription_id: UUID
    options: Options = field(default_factory=Options)
    user_id: int | None = None
    batch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Held:
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
    options: Options
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

    def at(self, stage: PublishStage, item: Mapping[str, Any] | None = None) -> "Held":
        return replace(self, stage=stage, item=self.item if item is None else item)


def key_of(storage: str, path: str) -> str:
    """What a recording is marked with at every target, for ever: `arc-` and 16 hexadecimal digits of its place."""
    return "arc-" + hashlib.sha256(f"{storage}\0{path}".encode()).hexdigest()[:16]


async def request(session: AsyncSession, wish: Wish) -> tuple[UUID, bool]:
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
        await _tell(session, job.id, f"publication to {wish.target} asked for", publication_id=made, by=wish.user_id)
        await _queued(session, made, job.id)
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
    before, status = Options.read(row.options), PublicationStatus(row.status)
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
        values |= _AFRESH | {"stage": PublishStage.RESOLVE}
    await _set(session, row.id, **values)
    if status is not PublicationStatus.PROCESSING:
        await _queued(session, row.id, job.id)
    told = "again" if same else "with captions made anew"
    message = f"publication to {wish.target} asked for {told}"
    await _tell(session, job.id, message, publication_id=row.id, by=wish.user_id)
    return row.id, True


async def adopt(session: AsyncSession, target: str, options: Options, limit: int = 50) -> Sequence[UUID]:
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
    return [(await request(session, Wish(target, job_id, options)))[0] for job_id in due.all()]


async def claim(session: AsyncSession, owner: str, lease: timedelta, targets: Collection[str]) -> Held | None:
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
    return Held(
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
        options=Options.read(row.options),
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


async def renew(session: AsyncSession, held: Held, lease: timedelta) -> None:
    """Keep a publication for another lease. Raises Fenced."""
    await _fenced(session, held, {"lease_expires_at": database_in(lease)})


async def save(session: AsyncSession, held: Held, **values: Any) -> bool:
    """Write what is known by now. False when something else is wanted meanwhile: other captions, options, or none.

    Raises Fenced.
    """
    return await _fenced(session, held, {"stage": held.stage, "item": dict(held.item), **values})


async def put_off(session: AsyncSession, held: Held, delay: timedelta, **values: Any) -> None:
    """Give a publication back until later, unharmed: the target needs time. Raises Fenced."""
    await _fenced(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **_LET_GO,
            "status": PublicationStatus.PENDING,
            "available_at": database_in(delay),
            **values,
        },
    )


async def start_over(session: AsyncSession, held: Held) -> None:
    """Something else is wanted by now: begin with that. Raises Fenced."""
    await _fenced(session, held, {"item": dict(held.item), **_AFRESH, **_LET_GO})


async def hold(
    session: AsyncSession,
    held: Held,
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
    message = journal.plain(message)
    await _fenced(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **_LET_GO,
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
    await _tell(session, held.transcription_id, f"publication waits for a person: {message}", code=code)


async def fail(
    session: AsyncSession,
    held: Held,
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
    verdict = judge(Publication, error)
    wait = retry_delay(held.failure_count + 1, random.random() if spread is None else spread)  # noqa: S311
    wait = max(wait, at_least, timedelta(seconds=error.retry_after_s)) if error.retryable else wait
    status = case((verdict.again, PublicationStatus.PENDING.value), else_=PublicationStatus.FAILED.value)
    row = await _row(
        session,
        held,
        {
            "stage": held.stage,
            "item": dict(held.item),
            **_LET_GO,
            **verdict.counts,
            "status": status,
            "available_at": database_in(wait),
            "error_code": error.code,
            "error_message": journal.plain(error.message),
        },
    )
    again = row.status == PublicationStatus.PENDING
    if again:
        await _tell(session, held.transcription_id, f"{error.message}; tried again", level="WARNING", code=error.code)
        return True
    await _failed(session, held.id, held.transcription_id, error)
    return False


async def finish(session: AsyncSession, held: Held, **values: Any) -> bool:
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
            **_LET_GO,
            "status": PublicationStatus.PUBLISHED,
            "failure_count": 0,
            "crash_count": 0,
            "published_date": database_now(),
            "error_code": None,
            "error_message": None,
            "attention_code": None,
            "attention_message": None,
            "attention_since": None,
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
    await _mirror(session, row, VodStatus.PUBLISHED)
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
    await _tell(session, held.transcription_id, f"published to {held.target}", url=row.url, version=held.version)
    return True


async def gone(session: AsyncSession, held: Held) -> None:
    """The target shows it no more, because a person withdrew it; unless it is wanted again by now. Raises Fenced."""
    if not await save(session, held):
        await start_over(session, held)
        return
    row = await _row(
        session,
        held,
        {
            "item": dict(held.item),
            **_LET_GO,
            "status": PublicationStatus.REMOVED,
            "withdraw_requested_at": None,
            "error_code": None,
            "error_message": None,
            "attention_code": None,
            "attention_message": None,
            "attention_since": None,
        },
    )
    await _removed(session, row)


async def mirror(session: AsyncSession, held: Held) -> None:
    """The VOD is known: say so on the transcription and in `vod_content`."""
    row = await session.get(Publication, held.id, populate_existing=True)
    if row is not None:
        await _mirror(session, row, VodStatus.PROCESSING)


async def attention(session: AsyncSession, held: Held, code: str | None, message: str | None) -> None:
    """Say, once for each cause, that somebody has to do something at the target; None: no more. Raises Fenced."""
    message = None if message is None else journal.plain(message)
    before = await session.scalar(select(Publication.attention_code).where(Publication.id == held.id))
    since = case(
        (Publication.attention_code == code, Publication.attention_since), else_=database_now() if code else None
    )
    await _fenced(session, held, {"attention_code": code, "attention_message": message, "attention_since": since})
    if code is not None and code != before:
        told = {"publication_id": str(held.id), "code": code, "detail": message}
        await outbox.append(session, outbox.PUBLICATION_ATTENTION, held.transcription_id, **told)
        await _tell(session, held.transcription_id, f"somebody is needed: {message}", level="WARNING", code=code)


async def placed(session: AsyncSession, held: Held) -> None:
    """The captions of this version stand at the target. Raises Fenced."""
    await _fenced(session, held, {})
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == held.id, CaptionVersion.number == held.version)
        .values(placed_date=database_now())
    )


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
    await _set(session, row.id, **_AFRESH, item=item)
    await _queued(session, row.id, row.transcription_id)
    await _tell(session, row.transcription_id, "publication is tried again", by=user_id)


async def approve(session: AsyncSession, publication_id: UUID, *, user_id: int) -> None:
    """Let a publication go on that waits for somebody to say so. Raises NotFound, Conflict.

    After a dry run it is the real thing; where the target takes no captions, the programme goes without.
    """
    row = await locked(session, publication_id)
    if row.status != PublicationStatus.HELD or row.error_code not in _APPROVABLE:
        raise Conflict(f"the publication is {row.status}; it does not wait for approval")
    options = Options.read(row.options)
    if row.error_code == SIDECARS_UNSUPPORTED:
        options = replace(options, without_captions=True)
    if options.two_step == "two-people" and row.user_id == user_id:
        raise Conflict("who asked for a publication cannot approve it here; somebody else has to")
    options = replace(options, dry_run=False)
    await _set(
        session,
        row.id,
        **_AFRESH,
        options=options.stored(),
        approved_by=user_id,
        approved_date=database_now(),
    )
    await _queued(session, row.id, row.transcription_id)
    await _tell(session, row.transcription_id, "publication approved", by=user_id)


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
    await _tell(session, row.transcription_id, "publication withdrawn", by=user_id)
    if status is PublicationStatus.PROCESSING:
        await _set(session, row.id, withdraw_requested_at=database_now())
        return status
    # A change that was asked for may have happened, though nobody has heard of it.
    asked = select(Effect.id).where(Effect.publication_id == row.id).limit(1)
    if row.vod_id is None and await session.scalar(asked) is None:
        await _set(session, row.id, status=PublicationStatus.REMOVED, withdraw_requested_at=None, error_code=None)
        await _removed(session, row)
        return PublicationStatus.REMOVED
    await _set(
        session,
        row.id,
        **_AFRESH | {"stage": PublishStage.WITHDRAW},
        withdraw_requested_at=database_now(),
    )
    await _queued(session, row.id, row.transcription_id)
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
        await _set(session, row.id, **_AFRESH)
        await _queued(session, row.id, row.transcription_id)
    await _tell(session, row.transcription_id, f"captions set back to version {back.number}", by=user_id)
    return made


async def lapsed(session: AsyncSession, lease: timedelta) -> Sequence[tuple[UUID, PublicationStatus]]:
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
    verdict = judge(Publication, error)
    rows = (
        await session.execute(
            update(Publication)
            .where(Publication.id.in_(overdue))
            .values(
                **_LET_GO,
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
            await _queued(session, publication_id, job_id)
    return [(row.id, PublicationStatus(row.status)) for row in rows]


async def behind(session: AsyncSession, held: Held) -> bool:
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


async def locked(session: AsyncSession, publication_id: UUID) -> Publication:
    """The row, nobody else's until the transaction ends. Raises NotFound."""
    row = await session.get(Publication, publication_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no publication {publication_id}")
    return row


async def set_going(session: AsyncSession, storage: str, path: str) -> None:
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
        await _set(session, row.id, **_AFRESH)
        await _queued(session, row.id, row.transcription_id)


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
        options = Options.read(row.options)
        edition = replace(options, chapters_edition=options.chapters_edition + 1).stored()
        status, stage = PublicationStatus(row.status), PublishStage(row.stage)
        if status is PublicationStatus.PUBLISHED:
            await _set(session, row.id, options=edition, **_BACK_TO_CHAPTERS)
            await _queued(session, row.id, transcription_id)
        elif status is PublicationStatus.PENDING and stage is PublishStage.METADATA:
            await _set(session, row.id, options=edition, stage=PublishStage.CHAPTERS)
        else:
            await _set(session, row.id, options=edition)


_LET_GO: dict[str, Any] = {"lease_owner": None, "lease_expires_at": None}
_AFRESH: dict[str, Any] = {
    "status": PublicationStatus.PENDING,
    "stage": case(
        (Publication.withdraw_requested_at.is_not(None), PublishStage.WITHDRAW.value),
        else_=PublishStage.RESOLVE.value,
    ),
    "failure_count": 0,
    "crash_count": 0,
    "available_at": database_now(),
    "queued_at": database_now(),
    "followed_since": None,
    "error_code": None,
    "error_message": None,
    "attention_code": None,
    "attention_message": None,
    "attention_since": None,
    "suggestions": None,
    "plan": None,
    "warnings": literal_column("'[]'::jsonb"),
}
_BACK_TO_CHAPTERS: dict[str, Any] = {
    "status": PublicationStatus.PENDING,
    "stage": PublishStage.CHAPTERS,
    "failure_count": 0,
    "crash_count": 0,
    "available_at": database_now(),
    "queued_at": database_now(),
    "followed_since": None,
}


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
    await _set(session, row.id, transcription_id=job_id)
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == row.id, CaptionVersion.number == row.version)
        .values(transcription_id=job_id)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row)
    if row.status == PublicationStatus.PUBLISHED:
        await _mirror(session, row, VodStatus.PUBLISHED)


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
    await _set(session, publication_id, version=number)
    return number


async def _fenced(session: AsyncSession, held: Held, values: Mapping[str, Any]) -> bool:
    """Write as the holder. False when another version or other options are wanted by now, or a withdrawal.

    Raises Fenced.
    """
    row = await _row(session, held, values)
    withdrawing = row.withdraw_requested_at is not None
    return (row.version, withdrawing, Options.read(row.options)) == (held.version, held.withdrawing, held.options)


async def _row(session: AsyncSession, held: Held, values: Mapping[str, Any]) -> Publication:
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


async def _set(session: AsyncSession, publication_id: UUID, **values: Any) -> None:
    await session.execute(
        update(Publication)
        .where(Publication.id == publication_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def _queued(session: AsyncSession, publication_id: UUID, job_id: UUID | None) -> None:
    await outbox.append(session, outbox.PUBLICATION_QUEUED, job_id, publication_id=str(publication_id))


async def _failed(session: AsyncSession, publication_id: UUID, job_id: UUID | None, error: ArchivistError) -> None:
    row = await session.get(Publication, publication_id, populate_existing=True)
    if row is not None:
        await _mirror(session, row, VodStatus.FAILED)
    told = {"publication_id": str(publication_id), "code": error.code, "detail": journal.plain(error.message)}
    await outbox.append(session, outbox.PUBLICATION_FAILED, job_id, **told)
    await _tell(session, job_id, f"publication failed: {error.message}", level="ERROR", code=error.code)


async def _removed(session: AsyncSession, row: Publication) -> None:
    await _mirror(session, row, VodStatus.REMOVED)
    await outbox.append(session, outbox.REMOVED, row.transcription_id, publication_id=str(row.id), target=row.target)


async def _mirror(session: AsyncSession, row: Publication, status: VodStatus) -> None:
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
    if status is VodStatus.PUBLISHED:
        described["published_date"] = database_now()
    await session.execute(
        pg_insert(VodContent)
        .values(vod_id=row.vod_id, created_date=database_now(), **described)
        .on_conflict_do_update(index_elements=["vod_id"], set_=described)
    )


async def _tell(
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
