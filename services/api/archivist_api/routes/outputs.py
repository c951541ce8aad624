"""What a transcription produced, as downloads: captions, summary, metadata, report."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Reader
from archivist_api.deps import Deps, RequestDeps
from archivist_api.routes.parameters import JobId
from archivist_api.schemas.common import FORMAT_PATTERN
from archivist_api.schemas.outputs import Summary
from archivist_api.views import partial_captions
from archivist_api.views.partial_captions import Extent, Transcripts
from archivist_captions.formats import FORMATS
from archivist_common.errors import FileMissing, NotCompleted, NotFound
from archivist_common.jobs import artifacts, queries
from archivist_common.jobs.queries import JobView
from archivist_common.security.principal import Caller
from archivist_common.states import LIVE, JobStatus
from archivist_common.storage import paths

router = APIRouter(prefix="/api/v1/transcriptions", tags=["outputs"])

_PARTIAL = LIVE | {JobStatus.FAILED}  # of a cancelled one nothing is kept
_FILE = {"type": "string", "format": "binary"}
_ANY_CAPTIONS = {entry.media_type.split(";")[0]: {"schema": _FILE} for entry in FORMATS.values()}


class As(StrEnum):
    """Forms of a summary."""

    JSON = "json"
    TEXT = "text"


class ReportAs(StrEnum):
    """Forms of a report."""

    JSON = "json"
    PAGE = "page"


@router.get(
    "/{job_id}/captions/{format}",
    operation_id="downloadCaptions",
    summary="A caption file",
    response_class=Response,
    responses={
        200: {
            "description": "The file. `Captions-Partial` says whether it is partial; if so, `Captions-Until-Ms` "
            "says up to where everything is transcribed, and `Captions-Chunks-Completed` how many chunks are, of "
            "`Captions-Chunks` (absent while the recording is still being split)",
            "content": _ANY_CAPTIONS,
        }
    },
)
async def captions(
    job_id: JobId,
    format: Annotated[str, Path(pattern=FORMAT_PATTERN, max_length=10)],  # noqa: A002 -- its name in the address
    caller: Reader,
    deps: RequestDeps,
    partial: Annotated[bool, Query(description="What is transcribed so far, where the rest is not yet")] = False,
) -> Response:
    """The committed file, its hash verified, named after the recording.

    With `partial`, captions of a recording in progress: of the chunks transcribed so far, none reaching over one that
    is missing. For a completed one the finished file is returned all the same.
    """
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
        is_partial = partial and job.now.status in _PARTIAL
        if is_partial:
            transcripts, extent = await partial_captions.completed(session, job_id)
    if is_partial:
        return await _partial(deps, job, format, transcripts, extent)
    download = await _download(deps, _finished(job), format, FORMATS[format].media_type)
    download.headers["Captions-Partial"] = "false"
    return download


@router.get(
    "/{job_id}/summary",
    operation_id="readSummary",
    summary="The summary",
    response_model=Summary,
    responses={200: {"description": "The sentences, or the file", "content": {"text/plain": {"schema": _FILE}}}},
)
async def summary(
    job_id: JobId, caller: Reader, deps: RequestDeps, as_: Annotated[As, Query(alias="as")] = As.JSON
) -> Summary | Response:
    """The most important sentences, with their times; `as=text` returns the file."""
    job = await _completed(deps, caller, job_id)
    if as_ is As.TEXT:
        return await _download(deps, job, "summary", "text/plain; charset=utf-8")
    if job.summary is None:
        raise NotFound(f"transcription {job_id} has no summary")
    return Summary.of(job.summary)


@router.get(
    "/{job_id}/metadata",
    operation_id="downloadMetadata",
    summary="Facts about the recording and how it was captioned",
    response_class=Response,
    responses={200: {"description": "The file", "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def metadata(job_id: JobId, caller: Reader, deps: RequestDeps) -> Response:
    job = await _completed(deps, caller, job_id)
    return await _download(deps, job, "metadata", "application/json")


@router.get(
    "/{job_id}/report",
    operation_id="downloadReport",
    summary="How good the captions are",
    response_class=Response,
    responses={
        200: {
            "description": "The report",
            "content": {"application/json": {"schema": {"type": "object"}}, "text/html": {"schema": _FILE}},
        }
    },
)
async def report(
    job_id: JobId, caller: Reader, deps: RequestDeps, as_: Annotated[ReportAs, Query(alias="as")] = ReportAs.JSON
) -> Response:
    """Accuracy, synchrony, completeness and placement of the SCC, and every compromise; `as=page` to read."""
    job = await _completed(deps, caller, job_id)
    if as_ is ReportAs.PAGE:
        return await _download(deps, job, "report_page", "text/html; charset=utf-8")
    return await _download(deps, job, "report", "application/json")


def attachment(name: str) -> str:
    """A Content-Disposition that keeps any name whole (RFC 6266, RFC 8187), with a plain one for old clients."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;/' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _completed(deps: Deps, caller: Caller, job_id: UUID) -> JobView:
    """Raises NotFound, and NotCompleted for one that has no files yet."""
    async with deps.db.transaction() as session:
        return _finished(await queries.get(session, job_id, user_id=caller.sees_only))


def _finished(job: JobView) -> JobView:
    if job.now.status is not JobStatus.COMPLETED:
        raise NotCompleted(f"the transcription is {job.now.status.value}; its files are there once it has completed")
    return job


async def _partial(deps: Deps, job: JobView, kind: str, transcripts: Transcripts, extent: Extent) -> Response:
    title = PurePosixPath(job.filename).stem
    data = await deps.partials.write(kind, transcripts, job.language, title)
    headers = {
        "Content-Disposition": attachment(paths.output_name(title, kind)),
        "Captions-Partial": "true",
        "Captions-Until-Ms": str(extent.until_ms),
        "Captions-Chunks-Completed": str(extent.completed),
    }
    if extent.chunks is not None:
        headers["Captions-Chunks"] = str(extent.chunks)
    return Response(data, media_type=FORMATS[kind].media_type, headers=headers)


async def _download(deps: Deps, job: JobView, kind: str, media_type: str) -> Response:
    async with deps.db.transaction() as session:
        stored = await artifacts.of_transcription(session, job.id)
    file = next((one for one in stored if one.kind == kind), None)
    if file is None:
        raise FileMissing(f"transcription {job.id} has no {kind} file")
    data = await deps.downloads.read(file, deps.settings.storage_deadline)
    name = paths.output_name(PurePosixPath(job.filename).stem, kind)
    return Response(data, media_type=media_type, headers={"Content-Disposition": attachment(name)})
