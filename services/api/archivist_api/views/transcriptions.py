"""Transcriptions with their files, publications and estimates."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.schemas.transcriptions import Transcription
from archivist_api.views.presentation import Presentation
from archivist_common.jobs import artifacts, queries
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.jobs.estimates import Estimate, Forecast
from archivist_common.jobs.queries import JobView
from archivist_common.publishing import queries as publications
from archivist_common.publishing.queries import PublicationSummary
from archivist_common.states import JobStatus

Files = Mapping[UUID, Sequence[StoredFile]]
Published = Mapping[UUID, Sequence[PublicationSummary]]


async def current(how: Presentation, session: AsyncSession, job_id: UUID) -> Transcription:
    """A job for a caller who has just created or changed it; its estimates are read anew. Without its files."""
    job = await queries.get(session, job_id, user_id=None)
    forecast = Forecast() if job.now.has_ended else await how.estimates.now(session)
    return present(how, [job], forecast, published=await _published(session, [job]))[0]


async def one(how: Presentation, session: AsyncSession, job: JobView) -> Transcription:
    """A job with its files; only one that has ended has any."""
    files = await artifacts.of_transcription(session, job.id) if job.now.has_ended else ()
    return (await _recent(how, session, [job], {job.id: files}))[0]


async def several(how: Presentation, session: AsyncSession, jobs: Sequence[JobView]) -> list[Transcription]:
    """Jobs with their files."""
    return await _recent(how, session, jobs, await queries.outputs(session, [job.id for job in jobs]))


def present(
    how: Presentation,
    jobs: Sequence[JobView],
    forecast: Forecast,
    files: Files | None = None,
    published: Published | None = None,
) -> list[Transcription]:
    return [
        Transcription.of(
            job,
            (files or {}).get(job.id, ()),
            (published or {}).get(job.id, ()),
            forecast.of.get(job.id, Estimate()),
            how.redact,
            how.zone,
        )
        for job in jobs
    ]


async def _recent(
    how: Presentation, session: AsyncSession, jobs: Sequence[JobView], files: Files
) -> list[Transcription]:
    forecast = Forecast() if all(job.now.has_ended for job in jobs) else await how.estimates.recent(session)
    return present(how, jobs, forecast, files, await _published(session, jobs))


async def _published(session: AsyncSession, jobs: Sequence[JobView]) -> Published:
    """Only completed jobs have captions to publish; no query without one."""
    ids = [job.id for job in jobs if job.now.status is JobStatus.COMPLETED]
    return await publications.summaries(session, ids) if ids else {}
