"""From what a caller asks for to a job: the recording found, the model known, the start time understood; queued."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.deps import Deps
from archivist_api.schemas.schemas import TranscriptionCreate
from archivist_common import speech_models
from archivist_common.errors import (
    ArchivistError,
    Conflict,
    DatabaseUnavailable,
    FileTooLarge,
    PathRefused,
    QueueFull,
)
from archivist_common.events import outbox
from archivist_common.jobs import queries, requests, start_time
from archivist_common.jobs.batches import BatchEntry
from archivist_common.jobs.requests import Submission
from archivist_common.security.principal import Caller
from archivist_common.storage import paths

log = logging.getLogger(__name__)

Checked = Submission | ArchivistError
"""What may be queued, or what is wrong with it."""


async def check(deps: Deps, caller: Caller, body: TranscriptionCreate, deadline: timedelta) -> Submission:
    """The submission. deadline: for the storage server.

    Raises NotFound, PathRefused, FileMissing, InvalidFileFormat, FileGrowing, StorageUnavailable, FileTooLarge,
    ModelUnknown, ModelMissing, InvalidRequest for a start time that is none.
    """
    settings = deps.settings
    start_at = start(deps, body.start_at)
    server = deps.storages.server(body.storage)
    try:
        paths.relative(body.path)
        recording = await deps.storages.stat_recording(
            server, body.path, deadline, settled=settings.recording_settled
        )
    except PathRefused:
        log.warning("path refused", extra={"storage": body.storage, "path": body.path, "user_id": caller.user_id})
        raise
    if recording.size_bytes > settings.max_file_size:
        raise FileTooLarge(f"{body.path!r} has {recording.size_bytes} bytes; {settings.max_file_size} is the limit")
    model = await asyncio.to_thread(
        speech_models.choose, body.model, default=settings.whisper_model_path, directory=settings.model_directory
    )
    return Submission(
        storage=server.name,
        path=recording.path,
        size_bytes=recording.size_bytes,
        mtime_ns=recording.mtime_ns,
        fingerprint=recording.fingerprint,
        language=body.language or settings.default_language,
        model=model,
        output_format=body.output_format or settings.output_format,
        include_summary=settings.include_summary if body.include_summary is None else body.include_summary,
        audio_track=body.audio_track,
        priority=body.priority or 1,
        user_id=caller.user_id,
        start_at=start_at,
    )


def start(deps: Deps, asked: str | None) -> datetime | None:
    """When to start, by the station's clock; None for at once. Raises InvalidRequest."""
    return None if asked is None else start_time.start_time(asked, deps.settings.zone, datetime.now(UTC))


async def queue(
    deps: Deps, session: AsyncSession, caller: Caller, batch_id: UUID, file: TranscriptionCreate, checked: Checked
) -> BatchEntry:
    """Queue one file of a batch; its answer."""
    if isinstance(checked, ArchivistError):
        return BatchEntry.refused(file.storage, file.path, checked)
    try:
        job_id, is_new = await requests.submit(
            session, replace(checked, batch_id=batch_id), max_queue=deps.settings.max_queue_size
        )
        if not is_new:
            job = await queries.get(session, job_id, user_id=None)
            if caller.sees_only not in {None, job.user_id}:
                raise Conflict("that recording is being captioned already, for somebody else")
    except (QueueFull, Conflict) as exc:
        return BatchEntry.refused(file.storage, file.path, exc)
    return BatchEntry(file.storage, file.path, job_id, is_new)


async def notify(deps: Deps) -> None:
    """After the commit: the job is safe whatever happens here, and workers poll."""
    try:
        await outbox.relay(deps.db, deps.notifier)
    except DatabaseUnavailable:
        log.warning("the doorbell was not rung; the reconciler will")
