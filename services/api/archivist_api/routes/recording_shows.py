"""Which show a transcription's recording is: what rules suggest, and what a person says."""

import asyncio

from fastapi import APIRouter

from archivist_api.auth import Reader, Writer
from archivist_api.deps import RequestDeps
from archivist_api.routes.transcriptions import JobId
from archivist_api.schemas.shows import RecordingShow, ShowChoice, Suggestions
from archivist_api.views import submission
from archivist_api.views import transcriptions as answers
from archivist_common.events import journal
from archivist_common.jobs import queries as transcriptions
from archivist_common.publishing import requests
from archivist_common.shows import links, matching, recording_names
from archivist_common.shows import queries as shows
from archivist_common.shows.matching import Candidate, Match
from archivist_common.shows.recording_names import RecordingName

router = APIRouter(prefix="/api/v1/transcriptions", tags=["shows"])

_COMPONENT = "api"


@router.get("/{job_id}/suggestions", operation_id="suggestShows", summary="Shows that its recording may be")
async def suggest(job_id: JobId, caller: Reader, deps: RequestDeps) -> Suggestions:
    """By name, day and length, with reasons, from what the last sync saw."""
    async with deps.db.transaction() as session:
        job = await transcriptions.get(session, job_id, user_id=caller.sees_only)
        name, key = recording_names.read(job.filename), requests.key_of(job.storage, job.path)
        known = await shows.candidates(session, name, key)
    length_s = None if job.now.audio_ms is None else job.now.audio_ms // 1000
    return await asyncio.to_thread(_suggestions, name, length_s, key, known)


@router.get("/{job_id}/show", operation_id="readRecordingShow", summary="The show its recording is")
async def read(job_id: JobId, caller: Reader, deps: RequestDeps) -> RecordingShow:
    """As a person said, or as a rule found out when it was to be published."""
    async with deps.db.transaction() as session:
        return await answers.recording_show(
            session, await transcriptions.get(session, job_id, user_id=caller.sees_only)
        )


@router.put("/{job_id}/show", operation_id="linkShow", summary="Say which show its recording is")
async def link(job_id: JobId, body: ShowChoice, caller: Writer, deps: RequestDeps) -> RecordingShow:
    """No rule overrules that. What waited for it to be published goes on."""
    async with deps.db.transaction() as session:
        job = await transcriptions.get(session, job_id, user_id=caller.sees_only)
        if not body.force:
            await shows.get(session, body.show_id)
        await links.link(session, job.storage, job.path, body.show_id, user_id=caller.user_id)
        message = f"its recording is said to be show {body.show_id}"
        await journal.record(session, "INFO", _COMPONENT, message, transcription_id=job_id, user_id=caller.user_id)
        await requests.show_linked(session, job.storage, job.path)
        told = await answers.recording_show(session, job)
    await submission.notify(deps)
    return told


@router.delete("/{job_id}/show", operation_id="unlinkShow", summary="Forget which show its recording is")
async def unlink(job_id: JobId, caller: Writer, deps: RequestDeps) -> RecordingShow:
    """The rules may find it out anew. Doing it twice is the same."""
    async with deps.db.transaction() as session:
        job = await transcriptions.get(session, job_id, user_id=caller.sees_only)
        if await links.unlink(session, job.storage, job.path):
            message = "which show its recording is was forgotten"
            await journal.record(
                session, "INFO", _COMPONENT, message, transcription_id=job_id, user_id=caller.user_id
            )
            await requests.show_linked(session, job.storage, job.path)
        told = await answers.recording_show(session, job)
    await submission.notify(deps)
    return told


def _suggestions(name: RecordingName, length_s: int | None, key: str, known: list[Candidate]) -> Suggestions:
    verdict = matching.match(name, length_s, key, known)
    if isinstance(verdict, Match):
        others = [one for one in matching.rank(name, length_s, key, known) if one.candidate != verdict.show.candidate]
        return Suggestions.of("match", [verdict.show, *others][: matching.SUGGESTED])
    return Suggestions.of(type(verdict).__name__.lower(), list(verdict.suggestions))
