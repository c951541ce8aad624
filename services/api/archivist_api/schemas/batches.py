"""Recordings submitted together."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import Failure, Request, Response, Text
from archivist_api.schemas.transcriptions import Options, TranscriptionCreate
from archivist_common.jobs.batches import MOST_FILES, BatchEntry, BatchView
from archivist_common.jobs.estimates import Estimate
from archivist_common.states import TERMINAL, JobStatus


class BatchCreate(Request):
    name: Text | None = Field(default=None, max_length=100, examples=["Birchwood, April"])
    settings: Options = Field(default=Options(), description="For every file that does not say otherwise itself")
    files: list[TranscriptionCreate] = Field(min_length=1, max_length=MOST_FILES)

    def submissions(self) -> list[TranscriptionCreate]:
        """The files, each with what `settings` says and it does not say itself."""
        usual = self.settings.model_dump(exclude_none=True)
        return [TranscriptionCreate(**{**usual, **file.model_dump(exclude_none=True)}) for file in self.files]


class BatchFile(Response):
    """One file of a batch: the job that captions it, or why there is none."""

    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    transcription_id: UUID | None
    is_new: bool = Field(description="False where the recording was being captioned already")
    status: JobStatus | None
    progress: int | None = Field(ge=0, le=100)
    error: Failure | None

    @classmethod
    def of(cls, batch: BatchView, entry: BatchEntry, redact: Redact) -> Self:
        job = None if entry.transcription_id is None else batch.jobs.get(entry.transcription_id)
        return cls.from_view(
            entry,
            status=None if job is None else job.status,
            progress=None if job is None else job.percent,
            error=Failure.of(entry.code, entry.message, redact),
        )


class BatchHead(Response):
    """A batch without its files. Its progress is that of its jobs; one that has ended, however, counts as done."""

    id: UUID
    user_id: int | None = Field(ge=1, le=2**31)
    name: str | None = Field(max_length=100)
    created: datetime
    total: int = Field(ge=0, le=MOST_FILES)
    refused: int = Field(ge=0, le=MOST_FILES, description="Files without a job")
    counts: dict[JobStatus, int] = Field(max_length=10, description="Jobs by status")
    progress: int = Field(ge=0, le=100)
    ended: bool
    estimated_finish: datetime | None
    links: dict[str, str] = Field(max_length=20)

    @classmethod
    def of(cls, batch: BatchView, estimates: Mapping[UUID, Estimate], **more: Any) -> Self:
        here = f"/api/v1/batches/{batch.id}"
        counts = Counter(job.status for job in batch.jobs.values())
        ends = [
            estimates.get(job_id, Estimate()).finish
            for job_id, job in batch.jobs.items()
            if job.status not in TERMINAL
        ]
        known = [end for end in ends if end is not None]
        return cls.from_view(
            batch,
            total=len(batch.files),
            refused=sum(one.transcription_id is None for one in batch.files),
            counts={status: counts[status] for status in JobStatus},
            progress=batch.percent,
            ended=batch.has_ended,
            estimated_finish=max(known) if known and len(known) == len(ends) else None,
            links={"self": here, "cancel": f"{here}/cancel"},
            **more,
        )


class Batch(BatchHead):
    files: list[BatchFile] = Field(max_length=MOST_FILES, description="One for each file, in the order submitted")

    @classmethod
    def whole(cls, batch: BatchView, estimates: Mapping[UUID, Estimate], redact: Redact) -> Self:
        return cls.of(batch, estimates, files=[BatchFile.of(batch, one, redact) for one in batch.files])


class BatchPage(Response):
    items: list[BatchHead] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")
