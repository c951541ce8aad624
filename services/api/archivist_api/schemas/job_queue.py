"""The queue as a whole, and requests about many jobs."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from archivist_api.pagination import LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import Failure, Request, Response
from archivist_api.schemas.transcriptions import Transcription
from archivist_common.jobs.queue_control import MOST_AT_ONCE, JobResult
from archivist_common.states import TERMINAL, JobStatus


class Several(Request):
    ids: list[UUID] = Field(min_length=1, max_length=100)


class Retried(Request):
    ids: list[UUID] | None = Field(
        default=None, min_length=1, max_length=100, description="Which jobs; all that failed if unset"
    )


class Cleared(Request):
    statuses: list[JobStatus] = Field(
        default=sorted(TERMINAL), min_length=1, max_length=5, description="Jobs that have not ended are never cleared"
    )


class Queue(Response):
    """The queue as it is now. Jobs of other users are counted; only operators see them."""

    paused: bool = Field(description="No new work is started; chunks in progress are finished")
    paused_since: datetime | None
    paused_by: str | None = Field(max_length=80)
    length: int = Field(ge=0, le=2**31, description="Waiting jobs of all users")
    longest: int = Field(ge=1, le=2**31, description="Jobs that may wait; the next one is refused with 429")
    counts: dict[JobStatus, int] = Field(max_length=10, description="Jobs in your list, by status")
    slots: int = Field(ge=0, le=2**31, description="Slots of all workers that are ready")
    speed: float | None = Field(
        ge=0, le=10**9, description="Seconds of audio they transcribe per second; null where not measured yet"
    )
    estimated_finish: datetime | None = Field(description="Of all waiting jobs that are not paused")
    running: list[Transcription] = Field(max_length=LONGEST_PAGE)
    waiting: list[Transcription] = Field(max_length=LONGEST_PAGE, description="In the order they will be started")


class JobAnswer(Response):
    """The outcome for one job of many."""

    id: UUID
    status: JobStatus | None = Field(description="Its status now; null where nothing was done")
    error: Failure | None

    @classmethod
    def of(cls, result: JobResult, redact: Redact) -> Self:
        error = result.error
        return cls.from_view(result, error=error and Failure.of(error.code, error.message, redact))


class JobAnswers(Response):
    items: list[JobAnswer] = Field(max_length=MOST_AT_ONCE)


class ClearedCount(Response):
    cleared: int = Field(ge=0, le=2**31)
