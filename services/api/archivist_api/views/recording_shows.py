"""The show a recording is, and shows it may be."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.schemas.recording_shows import RecordingShow, Suggestions
from archivist_common.jobs.queries import JobView
from archivist_common.publishing import requests
from archivist_common.shows import links, matching, queries, recording_names
from archivist_common.shows.matching import Candidate, KnownShows, Match
from archivist_common.shows.recording_names import RecordingName


async def of_job(session: AsyncSession, job: JobView) -> RecordingShow:
    """The show linked to a job's recording, if any."""
    link = await links.of_recording(session, job.storage, job.path)
    titles = {} if link is None else await queries.titles(session, [link.show_id])
    return RecordingShow.of(job.storage, job.path, link, None if link is None else titles.get(link.show_id))


async def candidates(session: AsyncSession, job: JobView) -> list[Candidate]:
    """Shows that may be a job's recording, for `suggestions`."""
    return await queries.candidates(session, recording_names.read(job.filename), _key(job))


async def suggestions(job: JobView, known: KnownShows) -> Suggestions:
    """Those of `known` that match best, with reasons. CPU-bound, in a thread: call it outside of transactions."""
    length_s = None if job.now.audio_ms is None else job.now.audio_ms // 1000
    return await asyncio.to_thread(_match, recording_names.read(job.filename), length_s, _key(job), known)


def _key(job: JobView) -> str:
    return requests.key_of(job.storage, job.path)


def _match(name: RecordingName, length_s: int | None, key: str, known: KnownShows) -> Suggestions:
    ranked = matching.rank(name, length_s, key, known.shows, known.bodies)
    verdict = matching.decide(ranked)
    if isinstance(verdict, Match):
        others = [one for one in ranked if one.candidate != verdict.show.candidate]
        return Suggestions.of("match", [verdict.show, *others][: matching.SUGGESTED])
    return Suggestions.of(type(verdict).__name__.lower(), list(verdict.suggestions))
