"""Transcriptions: what is submitted, how far it is, and its log."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import (
    FORMAT_PATTERN,
    Failure,
    Message,
    Request,
    Response,
    Text,
    clipped,
    well_formed,
)
from archivist_api.schemas.outputs import Output
from archivist_common.events import journal
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.estimates import Estimate
from archivist_common.jobs.queries import JobProgress, JobView
from archivist_common.publishing.queries import PublicationSummary
from archivist_common.states import JobStatus, PublicationStatus, Stage


class Options(Request):
    """How recordings are captioned. What is left out is as the settings say."""

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
    priority: int | None = Field(default=None, ge=1, le=5, description="5 is the highest; 1 if unset")
    start_at: Text | None = Field(
        default=None,
        max_length=40,
        description="Not before: `23:00`, the next time the station's clock shows it; `2026-11-01T01:30` by that "
        "clock; or an instant with its zone",
        examples=["23:00"],
    )


class TranscriptionCreate(Options):
    storage: Text = Field(min_length=1, max_length=64, description="Name of a storage server", examples=["flex-1"])
    path: Annotated[str, AfterValidator(well_formed)] = Field(
        min_length=1,
        max_length=500,
        description="The recording, relative to its server's root",
        examples=["17837-1-Birchwood City Council (20220412).mp4"],
    )


class PriorityChange(Request):
    priority: int = Field(ge=1, le=5, description="5 is the highest")


class Move(Request):
    position: int = Field(ge=1, le=10**6, description="1 is the front; at most the last position")


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
    left_s: int | None = Field(ge=0, le=10**9, description="Time left, by the speed of this attempt so far")
    attempt: int = Field(ge=0, le=2**31)
    paused: bool = Field(description="Paused by itself, or together with the whole queue")

    @classmethod
    def of_job(cls, now: JobProgress) -> Self:
        return cls.from_view(
            now,
            progress=now.percent,
            audio_done_s=now.audio_done_ms / 1000,
            audio_s=None if now.audio_ms is None else now.audio_ms / 1000,
            left_s=None if now.left is None else now.left // timedelta(seconds=1),
        )


class Stretch(Response):
    """A stretch of a recording, in milliseconds from its start."""

    start_ms: int = Field(ge=0, le=2**53)
    end_ms: int = Field(ge=0, le=2**53)


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
    position: int | None = Field(ge=1, le=2**31, description="Position in the queue while it waits")
    paused_since: datetime | None = Field(description="Paused by itself, whatever the state of the whole queue")
    start_at: datetime | None = Field(description="The requested start time")
    start_at_station: str | None = Field(max_length=40, description="The same instant by the station's clock")
    estimated_start: datetime | None = Field(description="By the workers' measured speed and the jobs before it")
    estimated_finish: datetime | None
    batch_id: UUID | None
    cleared: bool = Field(description="Removed from the list")
    cancel_requested: bool
    created: datetime
    started: datetime | None
    ended: datetime | None
    processing_s: int | None = Field(ge=0, le=2**31)
    warnings: list[Message] = Field(max_length=1000, description="Problems that were worked around: `CODE: sentence`")
    unheard: list[Stretch] | None = Field(
        max_length=1000,
        description="Speech that stayed without words, in time order; null until it is completed, or from a version "
        "that did not look",
    )
    error: Failure | None
    outputs: list[Output] = Field(max_length=50)
    publications: list[PublicationLink] = Field(
        max_length=100, description="Where its captions are published, or being published"
    )
    links: dict[str, str] = Field(max_length=20, description="Related addresses")

    @classmethod
    def of(
        cls,
        job: JobView,
        files: Sequence[StoredFile],
        published: Sequence[PublicationSummary],
        estimate: Estimate,
        redact: Redact,
        zone: ZoneInfo,
    ) -> Self:
        here = f"/api/v1/transcriptions/{job.id}"
        return cls.from_view(
            job,
            **dict(Progress.of_job(job.now)),
            start_at_station=None if job.start_at is None else job.start_at.astimezone(zone).isoformat(),
            estimated_start=estimate.start,
            estimated_finish=estimate.finish,
            cancel_requested=job.now.cancel_requested,
            warnings=clipped(job.warnings, 1000, redact),
            unheard=None
            if job.unheard is None
            else [Stretch(start_ms=start, end_ms=end) for start, end in job.unheard[:1000]],
            error=Failure.of(job.error_code, job.error_message, redact),
            outputs=[Output.of(here, file, redact) for file in files],
            publications=published[:100],
            links={"self": here, "events": f"{here}/events", "log": f"{here}/log"},
        )


class TranscriptionPage(Response):
    items: list[Transcription] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class LogEntry(Response):
    at: datetime
    level: str = Field(max_length=20)
    message: str = Field(max_length=10_000)
    component: str | None = Field(max_length=50)

    @classmethod
    def of(cls, entry: journal.JournalEntry, redact: Redact) -> Self:
        return cls.from_view(entry, at=entry.created_date, message=redact(entry.message)[:10_000])


class Log(Response):
    items: list[LogEntry] = Field(max_length=1000)
