"""What the gateway takes and gives. Requests refuse unknown fields; answers are built field by field."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from archivist_captions.formats import FORMATS
from archivist_common.errors import ArchivistError
from archivist_common.events import journal
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.batches import MOST_FILES, BatchEntry
from archivist_common.jobs.batches import BatchView as Batched
from archivist_common.jobs.estimates import Estimate
from archivist_common.jobs.queries import JobProgress, JobView
from archivist_common.jobs.queue_control import MOST_AT_ONCE, JobResult
from archivist_common.publishing.queries import PublicationSummary as Published
from archivist_common.security.accounts import Account
from archivist_common.security.api_keys import Key
from archivist_common.security.passwords import LONGEST as LONGEST_PASSWORD
from archivist_common.security.permissions import Permission
from archivist_common.states import TERMINAL, JobStatus, PublicationStatus, PublicState, Role, Stage
from archivist_common.storage.client import FileEntry, Listing, MountState

PAGE = 50
LONGEST_PAGE = 200
LONGEST_CURSOR = 2048
FORMAT_PATTERN = f"^({'|'.join(FORMATS)})$"

Outward = Callable[[str], str]
"""A sentence as it may leave the house: paths of this machine replaced by names."""


def _whole(text: str) -> str:
    """JSON can hold half a character (`"\\ud83d"`); nothing that stores text can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid text") from None
    return text


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return _whole(text)


def _whole_secret(secret: SecretStr) -> SecretStr:
    _whole(secret.get_secret_value())
    return secret


Text = Annotated[str, AfterValidator(_storable)]
Secret = Annotated[SecretStr, AfterValidator(_whole_secret)]
Sentences = Annotated[str, Field(max_length=2000)]


class Request(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Response(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Login(Request):
    username: Text = Field(min_length=1, max_length=80, examples=["admin"])
    password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"])
    new_password: Secret | None = Field(
        default=None,
        max_length=LONGEST_PASSWORD,
        description="Replaces the password; required with a one-time password",
    )


class Refresh(Request):
    refresh_token: Secret = Field(min_length=43, max_length=43, description="Good for one use")


class PasswordChange(Request):
    current_password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD)
    new_password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD)


class Tokens(Response):
    access_token: str = Field(max_length=8192)
    token_type: str = Field(default="Bearer", max_length=10)
    expires_in_s: int = Field(ge=0, le=86_400, description="Life of the access token, seconds")
    refresh_token: str = Field(max_length=43, description="Good for one use, for the next pair of tokens")


class UserCreate(Request):
    username: Text = Field(min_length=3, max_length=80, examples=["lee"])
    email: Text | None = Field(default=None, max_length=120, examples=["lee@example.org"])
    role: Role = Role.USER


class UserChange(Request):
    role: Role | None = None
    active: bool | None = Field(default=None, description="False shuts the account out with its next request")


class User(Response):
    id: int = Field(ge=1, le=2**31)
    username: str = Field(max_length=80)
    email: str = Field(max_length=120)
    role: Role
    active: bool
    created: datetime
    last_login: datetime | None

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            username=account.username,
            email=account.email,
            role=account.role,
            active=account.active,
            created=account.created,
            last_login=account.last_login,
        )


class Me(User):
    permissions: list[Permission] = Field(max_length=20, description="What this log-in or key may do")


class UserCreated(Response):
    user: User
    one_time_password: str = Field(max_length=64, description="Shown once; exchanged at the first log-in")
    until: datetime


class UserPage(Response):
    items: list[User] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class ApiKeyCreate(Request):
    name: Text = Field(min_length=1, max_length=100, examples=["web team"])
    description: Text | None = Field(default=None, max_length=1000)
    permissions: list[Permission] = Field(
        default=[Permission.TRANSCRIPTIONS_READ, Permission.STORAGE_READ],
        min_length=1,
        max_length=10,
        description="At most what your role may; `account` cannot be given",
    )
    expires_in_days: int = Field(default=90, ge=1, le=365)
    user_id: int | None = Field(default=None, ge=1, le=2**31 - 1, description="For somebody else; needs `admin`")


class ApiKey(Response):
    id: int = Field(ge=1, le=2**31)
    user_id: int = Field(ge=1, le=2**31)
    name: str = Field(max_length=100)
    description: str | None = Field(max_length=1000)
    prefix: str = Field(max_length=32, description="Its public part")
    permissions: list[Permission] = Field(max_length=10)
    active: bool
    expires: datetime
    last_used: datetime | None = Field(description="Written at most once a minute")
    created: datetime

    @classmethod
    def of(cls, key: Key) -> Self:
        return cls(
            id=key.id,
            user_id=key.user_id,
            name=key.name,
            description=key.description,
            prefix=key.prefix,
            permissions=sorted(key.permissions),
            active=key.active,
            expires=key.expires,
            last_used=key.last_used,
            created=key.created,
        )


class ApiKeyCreated(Response):
    key: str = Field(max_length=100, description="Shown this once")
    api_key: ApiKey


class ApiKeyPage(Response):
    items: list[ApiKey] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class Server(Response):
    """A storage server as it is now."""

    name: str = Field(max_length=64)
    mounted: bool
    readable: bool
    writable: bool
    hung: bool = Field(description="It does not answer")
    total_bytes: int | None = Field(ge=0, le=2**63 - 1)
    free_bytes: int | None = Field(ge=0, le=2**63 - 1)
    full: bool = Field(description="It has no room left; so it is not writable")
    reason: str | None = Field(max_length=2000, description="What is wrong, where something is")

    @classmethod
    def of(cls, state: MountState, outward: Outward) -> Self:
        return cls(
            name=state.server,
            mounted=state.mounted,
            readable=state.readable,
            writable=state.writable,
            hung=state.hung,
            total_bytes=state.total_bytes,
            free_bytes=state.free_bytes,
            full=state.full,
            reason=None if state.reason is None else outward(state.reason)[:2000],
        )


class Servers(Response):
    items: list[Server] = Field(max_length=1000)


class File(Response):
    """A folder or a recording."""

    name: str = Field(max_length=500)
    path: str = Field(max_length=1000, description="Beneath the server; what a submission names")
    is_folder: bool
    size_bytes: int | None = Field(ge=0, le=2**63 - 1)
    modified: datetime
    has_captions: bool = Field(description="A caption file lies beside it")

    @classmethod
    def of(cls, entry: FileEntry) -> Self:
        return cls(
            name=entry.name,
            path=entry.path,
            is_folder=entry.is_folder,
            size_bytes=entry.size_bytes,
            modified=entry.modified,
            has_captions=entry.has_captions,
        )


class Files(Response):
    server: str = Field(max_length=64)
    path: str = Field(max_length=1000)
    items: list[File] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=16_384, description="Cursor of the next page")
    total: int = Field(ge=0, le=10_000, description="Folders and recordings here")
    truncated: bool = Field(description="There are more than could be looked at")
    skipped: int = Field(ge=0, le=1_000_000, description="Left out because their name is not UTF-8")

    @classmethod
    def of(cls, listing: Listing, cursor: str | None) -> Self:
        return cls(
            server=listing.server,
            path=listing.path,
            items=[File.of(entry) for entry in listing.entries],
            next=cursor,
            total=listing.total,
            truncated=listing.truncated,
            skipped=listing.skipped,
        )


class Options(Request):
    """How recordings shall be captioned. What is left out is as the settings say."""

    language: str | None = Field(
        default=None, pattern="^(auto|[a-z]{2,3})$", description="`en`, …, or `auto`", examples=["en"]
    )
    model: Text | None = Field(default=None, min_length=1, max_length=50, examples=["large-v3"])
    output_format: str | None = Field(
        default=None,
        pattern=FORMAT_PATTERN,
        max_length=10,
        description="The caption file that matters most; every format is made",
    )
    include_summary: bool | None = None
    audio_track: int | None = Field(
        default=None, ge=0, le=31, description="Counted from 0; the default track if unset"
    )
    priority: int | None = Field(default=None, ge=1, le=5, description="5 goes first; 1 if unset")
    start_at: Text | None = Field(
        default=None,
        max_length=40,
        description="Not before: `23:00`, the next time the station's clock shows it; `2026-11-01T01:30` by that "
        "clock; or an instant with its zone",
        examples=["23:00"],
    )


class TranscriptionCreate(Options):
    storage: Text = Field(min_length=1, max_length=64, description="Name of a storage server", examples=["flex-1"])
    path: Annotated[str, AfterValidator(_whole)] = Field(
        min_length=1,
        max_length=500,
        description="The recording, beneath its server",
        examples=["17837-1-Birchwood City Council (20220412).mp4"],
    )


class BatchCreate(Request):
    name: Text | None = Field(default=None, max_length=100, examples=["Birchwood, April"])
    settings: Options = Field(default=Options(), description="For every file that does not say otherwise itself")
    files: list[TranscriptionCreate] = Field(min_length=1, max_length=MOST_FILES)


class PriorityChange(Request):
    priority: int = Field(ge=1, le=5, description="5 goes first")


class Move(Request):
    position: int = Field(ge=1, le=10**6, description="1 is the front; the last place at most")


class Several(Request):
    ids: list[UUID] = Field(min_length=1, max_length=100)


class Retried(Request):
    ids: list[UUID] | None = Field(
        default=None, min_length=1, max_length=100, description="Which; all that failed if unset"
    )


class Cleared(Request):
    statuses: list[JobStatus] = Field(
        default=sorted(TERMINAL), min_length=1, max_length=5, description="Jobs that have not ended are never cleared"
    )


class Failure(Response):
    code: str = Field(max_length=50)
    message: str = Field(max_length=10_000)


class Output(Response):
    """A file the job made."""

    kind: str = Field(max_length=20)
    href: str = Field(max_length=200)
    size_bytes: int = Field(ge=0, le=2**63 - 1)
    state: PublicState = Field(description="Whether it stands under the name people look for")
    problem: str | None = Field(max_length=2000, description="Why it does not, in words")


class PublicationLink(Response):
    """A publication of a transcription."""

    id: UUID
    target: str = Field(max_length=64)
    status: PublicationStatus
    url: str | None = Field(max_length=500)


class Progress(Response):
    """How far it is."""

    status: JobStatus
    stage: Stage | None
    progress: int = Field(ge=0, le=100, description="Percent; never backwards within an attempt")
    audio_done_s: float = Field(ge=0, le=10**9)
    audio_s: float | None = Field(ge=0, le=10**9, description="Length of the recording, once known")
    left_s: int | None = Field(ge=0, le=10**9, description="By the speed of this attempt so far")
    attempt: int = Field(ge=0, le=2**31)
    paused: bool = Field(description="It does not go on: somebody holds it back, or the whole queue")

    @classmethod
    def standing(cls, now: JobProgress) -> Self:
        return cls(**_progress(now))


class Transcription(Progress):
    id: UUID
    user_id: int | None = Field(ge=1, le=2**31)
    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    filename: str = Field(max_length=255)
    size_bytes: int | None = Field(ge=0, le=2**63 - 1)
    language: str = Field(max_length=10)
    model: str = Field(max_length=50)
    output_format: str = Field(max_length=10)
    include_summary: bool
    audio_track: int | None = Field(ge=0, le=2**31)
    priority: int = Field(ge=1, le=5)
    position: int | None = Field(ge=1, le=2**31, description="Place in the queue while it waits")
    paused_since: datetime | None = Field(description="Held back itself, whatever holds for the whole queue")
    start_at: datetime | None = Field(description="The start time asked for")
    start_at_station: str | None = Field(max_length=40, description="The same instant by the station's clock")
    estimated_start: datetime | None = Field(description="By the machines' own speed and what lies before it")
    estimated_finish: datetime | None
    batch_id: UUID | None
    cleared: bool = Field(description="Taken out of the list")
    cancel_requested: bool
    created: datetime
    started: datetime | None
    ended: datetime | None
    processing_s: int | None = Field(ge=0, le=2**31)
    warnings: list[Sentences] = Field(max_length=1000, description="What was coped with: `CODE: sentence`")
    error: Failure | None
    outputs: list[Output] = Field(max_length=50)
    publications: list[PublicationLink] = Field(
        max_length=100, description="Where its captions stand, or are on their way to"
    )
    links: dict[str, str] = Field(max_length=20, description="Where to ask for more")

    @classmethod
    def of(
        cls,
        job: JobView,
        files: Sequence[StoredFile],
        published: Sequence[Published],
        outward: Outward,
        zone: ZoneInfo,
        estimate: Estimate,
    ) -> Self:
        here = f"/api/v1/transcriptions/{job.id}"
        return cls(
            **_progress(job.now),
            id=job.id,
            user_id=job.user_id,
            storage=job.storage,
            path=job.path,
            filename=job.filename,
            size_bytes=job.size_bytes,
            language=job.language,
            model=job.model,
            output_format=job.output_format,
            include_summary=job.include_summary,
            audio_track=job.audio_track,
            priority=job.priority,
            position=job.position,
            paused_since=job.paused_since,
            start_at=job.start_at,
            start_at_station=None if job.start_at is None else job.start_at.astimezone(zone).isoformat(),
            estimated_start=estimate.start,
            estimated_finish=estimate.finish,
            batch_id=job.batch_id,
            cleared=job.cleared,
            cancel_requested=job.now.cancel_requested,
            created=job.created,
            started=job.started,
            ended=job.ended,
            processing_s=job.processing_s,
            warnings=[outward(warning)[:2000] for warning in job.warnings[:1000]],
            error=None
            if job.error_code is None
            else Failure(code=job.error_code, message=outward(job.error_message or "")[:10_000]),
            outputs=[_output(here, file, outward) for file in files],
            publications=[
                PublicationLink(id=one.id, target=one.target, status=one.status, url=one.url)
                for one in published[:100]
            ],
            links={"self": here, "events": f"{here}/events", "log": f"{here}/log"},
        )


class TranscriptionPage(Response):
    items: list[Transcription] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class Queue(Response):
    """The queue as it is now. What of it belongs to others is counted, and seen by operators alone."""

    paused: bool = Field(description="Nothing new is begun; chunks in hand are finished")
    paused_since: datetime | None
    paused_by: str | None = Field(max_length=80)
    length: int = Field(ge=0, le=2**31, description="Jobs that wait, everybody's")
    longest: int = Field(ge=1, le=2**31, description="Jobs that may wait; the next one is answered 429")
    counts: dict[JobStatus, int] = Field(max_length=10, description="Of the jobs in your list, by state")
    slots: int = Field(ge=0, le=2**31, description="Of all machines that are ready")
    speed: float | None = Field(
        ge=0, le=10**9, description="Seconds of sound that they hear in a second; null where not measured yet"
    )
    estimated_finish: datetime | None = Field(description="Of everything that waits and is not held back")
    running: list[Transcription] = Field(max_length=LONGEST_PAGE)
    waiting: list[Transcription] = Field(max_length=LONGEST_PAGE, description="In the order they will be begun")


class JobAnswer(Response):
    """What became of one job of many."""

    id: UUID
    status: JobStatus | None = Field(description="Its state now; null where nothing was done")
    error: Failure | None

    @classmethod
    def of(cls, answer: JobResult, outward: Outward) -> Self:
        return cls(id=answer.id, status=answer.status, error=_failure(answer.error, outward))


class JobAnswers(Response):
    items: list[JobAnswer] = Field(max_length=MOST_AT_ONCE)


class ClearedCount(Response):
    cleared: int = Field(ge=0, le=2**31)


class BatchFile(Response):
    """One file of a batch: the job that captions it, or why there is none."""

    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    transcription_id: UUID | None
    is_new: bool = Field(description="False where the recording was being captioned already")
    status: JobStatus | None
    progress: int | None = Field(ge=0, le=100)
    error: Failure | None


class BatchHead(Response):
    """A batch without its files. Its progress is that of its jobs together; what has ended, however, is done."""

    id: UUID
    user_id: int | None = Field(ge=1, le=2**31)
    name: str | None = Field(max_length=100)
    created: datetime
    total: int = Field(ge=0, le=MOST_FILES)
    refused: int = Field(ge=0, le=MOST_FILES, description="Files without a job")
    counts: dict[JobStatus, int] = Field(max_length=10, description="Jobs by state")
    progress: int = Field(ge=0, le=100)
    ended: bool
    estimated_finish: datetime | None
    links: dict[str, str] = Field(max_length=20)

    @classmethod
    def of(cls, batch: Batched, estimates: Mapping[UUID, Estimate]) -> Self:
        return cls(**_batch(batch, estimates))


class Batch(BatchHead):
    files: list[BatchFile] = Field(max_length=MOST_FILES, description="One answer each, in the order asked")

    @classmethod
    def told(cls, batch: Batched, estimates: Mapping[UUID, Estimate], outward: Outward) -> Self:
        return cls(**_batch(batch, estimates), files=[_batch_file(batch, one, outward) for one in batch.files])


class BatchPage(Response):
    items: list[BatchHead] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class Sentence(Response):
    start_ms: int = Field(ge=0, le=10**12)
    end_ms: int = Field(ge=0, le=10**12)
    text: str = Field(max_length=100_000)


class Summary(Response):
    sentences: list[Sentence] = Field(max_length=10_000)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        names = ("start_ms", "end_ms", "text")
        return cls(sentences=[Sentence(**{name: one[name] for name in names}) for one in stored["sentences"]])


class LogEntry(Response):
    at: datetime
    level: str = Field(max_length=20)
    message: str = Field(max_length=10_000)
    component: str | None = Field(max_length=50)

    @classmethod
    def of(cls, entry: journal.JournalEntry, outward: Outward) -> Self:
        return cls(
            at=entry.created_date,
            level=entry.level,
            message=outward(entry.message)[:10_000],
            component=entry.component,
        )


class Log(Response):
    items: list[LogEntry] = Field(max_length=1000)


def _progress(now: JobProgress) -> dict[str, Any]:
    return {
        "status": now.status,
        "stage": now.stage,
        "progress": now.percent,
        "audio_done_s": now.audio_done_ms / 1000,
        "audio_s": None if now.audio_ms is None else now.audio_ms / 1000,
        "left_s": None if now.left is None else now.left // timedelta(seconds=1),
        "attempt": now.attempt,
        "paused": now.paused,
    }


def _failure(error: ArchivistError | None, outward: Outward) -> Failure | None:
    return None if error is None else Failure(code=error.code, message=outward(error.message)[:10_000])


def _batch(batch: Batched, estimates: Mapping[UUID, Estimate]) -> dict[str, Any]:
    here = f"/api/v1/batches/{batch.id}"
    counts = Counter(job.status for job in batch.jobs.values())
    ends = [
        estimates.get(job_id, Estimate()).finish for job_id, job in batch.jobs.items() if job.status not in TERMINAL
    ]
    known = [end for end in ends if end is not None]
    return {
        "id": batch.id,
        "user_id": batch.user_id,
        "name": batch.name,
        "created": batch.created,
        "total": len(batch.files),
        "refused": sum(one.transcription_id is None for one in batch.files),
        "counts": {status: counts[status] for status in JobStatus},
        "progress": batch.percent,
        "ended": batch.has_ended,
        "estimated_finish": max(known) if known and len(known) == len(ends) else None,
        "links": {"self": here, "cancel": f"{here}/cancel"},
    }


def _batch_file(batch: Batched, one: BatchEntry, outward: Outward) -> BatchFile:
    job = None if one.transcription_id is None else batch.jobs.get(one.transcription_id)
    return BatchFile(
        storage=one.storage,
        path=one.path,
        transcription_id=one.transcription_id,
        is_new=one.is_new,
        status=None if job is None else job.status,
        progress=None if job is None else job.percent,
        error=None if one.code is None else Failure(code=one.code, message=outward(one.message or "")[:10_000]),
    )


_HREFS = {"summary": "summary", "metadata": "metadata", "report": "report", "report_page": "report?as=page"}


def _output(here: str, file: StoredFile, outward: Outward) -> Output:
    where = _HREFS.get(file.kind, f"captions/{file.kind}")
    return Output(
        kind=file.kind,
        href=f"{here}/{where}",
        size_bytes=file.size_bytes,
        state=file.public_state,
        problem=None if file.public_error is None else outward(file.public_error)[:2000],
    )
