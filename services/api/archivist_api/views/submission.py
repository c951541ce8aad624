"""From a request to a queued job: the recording found, the model known, the start time understood."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.schemas.batches import BatchCreate
from archivist_api.schemas.transcriptions import TranscriptionCreate
from archivist_common import speech_models
from archivist_common.database.engine import Database
from archivist_common.errors import (
    ArchivistError,
    Conflict,
    DatabaseUnavailable,
    FileTooLarge,
    PathRefused,
    QueueFull,
    StorageUnavailable,
)
from archivist_common.events import outbox
from archivist_common.events.notify import Notifier
from archivist_common.jobs import batches, queries, requests, start_time
from archivist_common.jobs.batches import BatchEntry
from archivist_common.jobs.requests import Submission
from archivist_common.security.principal import Caller
from archivist_common.settings import ApiSettings
from archivist_common.storage import paths
from archivist_common.storage.client import StorageClient
from archivist_common.storage.io_pool import HELPERS

log = logging.getLogger(__name__)

_SOON = timedelta(milliseconds=20)  # less than this is no time to query a storage server in

Checked = Submission | ArchivistError
"""What may be queued, or what is wrong with it."""


async def check(
    settings: ApiSettings,
    storages: StorageClient,
    caller: Caller,
    body: TranscriptionCreate,
    deadline: timedelta | None = None,
) -> Submission:
    """The submission. deadline: for the storage server; as the settings have it if None.

    Raises NotFound, PathRefused, FileMissing, InvalidFileFormat, FileGrowing, StorageUnavailable, FileTooLarge,
    ModelUnknown, ModelMissing, InvalidRequest for an invalid start time.
    """
    start_at = _start_at(settings, body.start_at)
    server = storages.server(body.storage)
    try:
        paths.relative(body.path)
        recording = await storages.stat_recording(
            server, body.path, deadline or settings.storage_deadline, settled=settings.recording_settled
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


async def check_batch(
    settings: ApiSettings, storages: StorageClient, caller: Caller, body: BatchCreate
) -> Sequence[Checked]:
    """Each file's submission, or what is wrong with it. All servers are queried at once, within one deadline.

    Raises InvalidRequest for an invalid start time of the whole batch.
    """
    _start_at(settings, body.settings.start_at)
    clock = asyncio.get_running_loop().time
    until = clock() + settings.storage_deadline.total_seconds()
    # As many at a time as a server has helpers: what waited for one would run out of its own time.
    free: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(HELPERS))

    async def one(file: TranscriptionCreate) -> Checked:
        async with free[file.storage]:
            left = timedelta(seconds=until - clock())
            try:
                if left < _SOON:
                    raise StorageUnavailable(
                        f"storage {file.storage!r} did not respond in time; submit the file again"
                    )
                return await check(settings, storages, caller, file, left)
            except ArchivistError as exc:
                return exc

    return await asyncio.gather(*(one(file) for file in body.submissions()))


async def queue(
    session: AsyncSession, submission: Submission, *, caller: Caller, max_queue: int
) -> tuple[UUID, bool]:
    """Queue a recording: its job, and whether that is new; the recording may be in captioning already.

    Raises QueueFull, and Conflict where another user's job captions it.
    """
    job_id, is_new = await requests.submit(session, submission, max_queue=max_queue)
    if not is_new:
        job = await queries.get(session, job_id, user_id=None)
        if caller.sees_only not in {None, job.user_id}:
            raise Conflict("that recording is being captioned already, for another user")
    return job_id, is_new


async def queue_batch(
    session: AsyncSession, checked: Sequence[Checked], *, body: BatchCreate, caller: Caller, max_queue: int
) -> tuple[UUID, bool]:
    """Queue the files of a batch; the batch, which is always new. Raises QueueFull without room for any of them."""
    batch_id = await batches.create(session, body.name, user_id=caller.user_id)
    entries = [
        await _queue_file(session, batch_id, file, one, caller=caller, max_queue=max_queue)
        for file, one in zip(body.files, checked, strict=True)
    ]
    if all(entry.code == QueueFull.code for entry in entries):
        raise QueueFull(f"the queue has no room for any of these files; {max_queue} may wait")
    await batches.answer(session, batch_id, entries, user_id=caller.user_id)
    return batch_id, True


async def notify(db: Database, notifier: Notifier) -> None:
    """Wake workers and publishers, after the commit. Best effort: nothing is lost without it, as they also poll."""
    try:
        await outbox.relay(db, notifier)
    except DatabaseUnavailable:
        log.warning("notification not sent, database unavailable; the reconciler will send it")


def _start_at(settings: ApiSettings, given: str | None) -> datetime | None:
    """When to start, by the station's clock; None for at once. Raises InvalidRequest."""
    return None if given is None else start_time.start_time(given, settings.zone, datetime.now(UTC))


async def _queue_file(
    session: AsyncSession,
    batch_id: UUID,
    file: TranscriptionCreate,
    checked: Checked,
    *,
    caller: Caller,
    max_queue: int,
) -> BatchEntry:
    if isinstance(checked, ArchivistError):
        return BatchEntry.refused(file.storage, file.path, checked)
    try:
        submission = replace(checked, batch_id=batch_id)
        job_id, is_new = await queue(session, submission, caller=caller, max_queue=max_queue)
    except (QueueFull, Conflict) as exc:
        return BatchEntry.refused(file.storage, file.path, exc)
    return BatchEntry(file.storage, file.path, job_id, is_new)
