"""Progress of a transcription: server-sent events that can be resumed from the database."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from archivist_api.auth import Reader, identify
from archivist_api.deps import Deps, RequestDeps
from archivist_api.routes.parameters import JobId
from archivist_api.schemas.transcriptions import Progress
from archivist_common.errors import AuthRequired, DatabaseUnavailable, PermissionDenied
from archivist_common.events import outbox
from archivist_common.events.outbox import Event
from archivist_common.jobs import queries
from archivist_common.jobs.queries import JobProgress
from archivist_common.security.permissions import Permission
from archivist_common.security.principal import Caller
from archivist_common.states import JobStatus

router = APIRouter(prefix="/api/v1/transcriptions", tags=["transcriptions"])

_RETRY_MS = 2000

_STATUS_AFTER = {
    outbox.QUEUED: JobStatus.PENDING,
    outbox.RELEASED: JobStatus.PENDING,
    outbox.STARTED: JobStatus.PROCESSING,
    outbox.COMPLETED: JobStatus.COMPLETED,
    outbox.FAILED: JobStatus.FAILED,
    outbox.CANCELLED: JobStatus.CANCELLED,
}


@router.get(
    "/{job_id}/events",
    operation_id="watchTranscription",
    summary="Follow a transcription",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`state` and `captions` events with an id to resume from, `progress` events, comments "
            "in between",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def events(
    job_id: JobId,
    caller: Reader,
    deps: RequestDeps,
    request: Request,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", pattern="^[0-9]{1,18}$", max_length=18, description="Continue after this one"),
    ] = None,
) -> StreamingResponse:
    """Every change of state and every transcribed chunk, from the first or after `Last-Event-ID`, and progress.

    Ends after the last event of a job that has ended, when the caller's token or key expires or is revoked, and when
    the gateway stops: a client that reconnects misses nothing.
    """
    async with deps.db.transaction() as session:
        job = await queries.get(session, job_id, user_id=caller.sees_only)
    deps.feed.require_room(caller.user_id)
    stream = _stream(deps, caller, request.state.credential, job.now, int(last_event_id or 0))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _stream(deps: Deps, caller: Caller, credential: str, now: JobProgress, last: int) -> AsyncIterator[str]:
    clock, ping_s = asyncio.get_running_loop().time, deps.feed.ping_s
    yield f"retry: {_RETRY_MS}\n\n"
    with deps.feed.watch(now, caller.user_id) as watch:
        sent: dict[str, Any] | None = None
        resumed, checked, spoke = last > 0, clock(), clock()
        while (latest := watch.latest) is not None:
            while page := await _events(deps, now.id, last, latest):
                for event in page:
                    last, resumed, spoke = event.id, True, clock()
                    if event.event == outbox.CAPTIONS:
                        yield _message("captions", _captions(deps, event), event.id)
                    else:
                        yield _message("state", _state(deps, event, latest), event.id)
            if not resumed:  # its events are deleted already: send its state
                resumed = True
                yield _message("state", _progress(latest))
            progress = _progress(latest)
            if progress != sent and not latest.has_ended:
                sent, spoke = progress, clock()
                yield _message("progress", progress)
            if (latest.has_ended and last >= latest.last_event) or deps.feed.stopping.is_set():
                return
            await watch.changed(max(0.0, spoke + ping_s - clock()))
            if clock() - checked >= ping_s:
                checked = clock()
                if not await _still_allowed(deps, credential):
                    return
            if clock() - spoke >= ping_s:
                spoke = clock()
                yield ": still here\n\n"


async def _events(deps: Deps, transcription_id: UUID, last: int, latest: JobProgress) -> Sequence[Event]:
    """Events after `last`, if any. None while the database is unavailable: they come once it is available again."""
    if latest.last_event <= last:
        return ()
    try:
        async with deps.db.transaction() as session:
            return await outbox.since(session, transcription_id, last)
    except DatabaseUnavailable:
        return ()


async def _still_allowed(deps: Deps, credential: str) -> bool:
    """Whether the caller is still authorised: a log-out or a revoked key ends a stream too."""
    try:
        caller = await identify(deps, credential)
        caller.require(Permission.TRANSCRIPTIONS_READ)
    except (AuthRequired, PermissionDenied):
        return False
    except DatabaseUnavailable:
        return True  # checked again with the next ping
    return True


def _state(deps: Deps, event: Event, latest: JobProgress) -> dict[str, Any]:
    status = _STATUS_AFTER.get(event.event)
    percent = {JobStatus.COMPLETED: 100, JobStatus.PENDING: 0, JobStatus.PROCESSING: 0}
    result: dict[str, Any] = {
        "event": event.event,
        "status": latest.status if status is None else status,
        "progress": latest.percent if status is None else percent.get(status, latest.percent),
        "at": event.created_date.isoformat(),
    }
    if "code" in event.data:
        result["error"] = {"code": event.data["code"], "message": deps.redact(event.data.get("detail", ""))}
    if "attempt" in event.data:
        result["attempt"] = event.data["attempt"]
    return result


def _captions(deps: Deps, event: Event) -> dict[str, Any]:
    """A transcribed chunk. Chunks come in the order in which they completed, not in that of the recording."""
    data = event.data
    return {name: data[name] for name in ("chunk", "start_ms", "end_ms")} | {"text": deps.partials.text(data["text"])}


def _progress(latest: JobProgress) -> dict[str, Any]:
    return Progress.of_job(latest).model_dump(mode="json")


def _message(event: str, data: dict[str, Any], event_id: int | None = None) -> str:
    identity = "" if event_id is None else f"id: {event_id}\n"
    return f"{identity}event: {event}\ndata: {json.dumps(data, separators=(',', ':'), ensure_ascii=False)}\n\n"
