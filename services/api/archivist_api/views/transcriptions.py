"""Transcriptions, the queue and batches as answers: with files, and with when they will start and end."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.deps import Deps
from archivist_api.schemas.schemas import LONGEST_PAGE, Batch, Queue, Transcription
from archivist_api.schemas.shows import RecordingShow
from archivist_common.jobs import batches, queue_control
from archivist_common.jobs import queries as transcriptions
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.estimates import Estimate, Forecast
from archivist_common.jobs.queries import JobView
from archivist_common.publishing import queries as publications
from archivist_common.security.principal import Caller
from archivist_common.shows import links
from archivist_common.shows import queries as shows
from archivist_common.states import JobStatus

Files = Mapping[UUID, Sequence[StoredFile]]
Published = Mapping[UUID, Sequence[publications.PublicationSummary]]


async def told(
    deps: Deps, session: AsyncSession, jobs: Sequence[JobView], files: Files | None = None
) -> list[Transcription]:
    """Jobs for who asks how they are."""
    now = Forecast() if all(job.now.has_ended for job in jobs) else await deps.forecasts.recent(session)
    return shown(deps, jobs, now, files, await _published(session, jobs))


async def changed(deps: Deps, session: AsyncSession, job_id: UUID) -> Transcription:
    """A job for who has just made it or changed something about it."""
    job = await transcriptions.get(session, job_id, user_id=None)
    now = Forecast() if job.now.has_ended else await deps.forecasts.now(session)
    return shown(deps, [job], now, None, await _published(session, [job]))[0]


def shown(
    deps: Deps, jobs: Sequence[JobView], now: Forecast, files: Files | None = None, published: Published | None = None
) -> list[Transcription]:
    return [
        Transcription.of(
            job,
            (files or {}).get(job.id, ()),
            (published or {}).get(job.id, ()),
            deps.outward,
            deps.settings.zone,
            now.of.get(job.id, Estimate()),
        )
        for job in jobs
    ]


async def queue(deps: Deps, session: AsyncSession, caller: Caller, limit: int, skip: int) -> Queue:
    """The queue as a caller sees it. limit, skip: of the waiting jobs."""
    mine = caller.sees_only
    hold = await queue_control.hold(session)
    counts = await transcriptions.counts(session, user_id=mine)
    length = counts if mine is None else await transcriptions.counts(session, user_id=None)
    running = await transcriptions.lined_up(session, JobStatus.PROCESSING, user_id=mine, limit=LONGEST_PAGE)
    waiting = await transcriptions.lined_up(session, JobStatus.PENDING, user_id=mine, limit=limit, skip=skip)
    now = await deps.forecasts.now(session)
    ends = [estimate.finish for estimate in now.of.values()]
    known = [end for end in ends if end is not None]
    return Queue(
        paused=hold.since is not None,
        paused_since=hold.since,
        paused_by=hold.by,
        length=length[JobStatus.PENDING],
        longest=deps.settings.max_queue_size,
        counts=counts,
        slots=now.slots,
        speed=now.rate,
        estimated_finish=max(known) if known and len(known) == len(ends) else None,
        running=shown(deps, running, now),
        waiting=shown(deps, waiting, now),
    )


async def batch(deps: Deps, session: AsyncSession, batch_id: UUID) -> Batch:
    found = await batches.get(session, batch_id, user_id=None)
    return Batch.told(found, (await forecast(deps, session, [found])).of, deps.outward)


async def forecast(deps: Deps, session: AsyncSession, found: Sequence[batches.BatchView]) -> Forecast:
    return Forecast() if all(batch.has_ended for batch in found) else await deps.forecasts.recent(session)


async def recording_show(session: AsyncSession, job: JobView) -> RecordingShow:
    """The show a job's recording is, as far as anybody has said."""
    found = await links.of_recording(session, job.storage, job.path)
    titles = {} if found is None else await shows.titles(session, [found.show_id])
    return RecordingShow.of(job.storage, job.path, found, None if found is None else titles.get(found.show_id))


async def _published(session: AsyncSession, jobs: Sequence[JobView]) -> Published:
    """Only captions that are there can be published: who waits or runs is not asked for."""
    ids = [job.id for job in jobs if job.now.status is JobStatus.COMPLETED]
    return await publications.summaries(session, ids) if ids else {}
