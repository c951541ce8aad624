"""A transcription as it moves: server-sent events that can be resumed from the database."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import StreamingResponse

from archivist_api.auth import Reader, identify
from archivist_api.deps import Deps, Have
from archivist_api.feed import Watch
from archivist_api.schemas import Progress
from archivist_common import outbox, transcriptions
from archivist_common.errors import AuthRequired, DatabaseUnavailable, NotFound, PermissionDenied
from archivist_common.outbox import Event
from archivist_common.security.callers import Caller
from archivist_common.security.permissions import Permission
from archivist_common.states import JobStatus
from archivist_common.transcriptions import Moving

router = APIRouter(prefix="/api/v1/transcriptions", tags=["transcriptions"])

PING_S = 15.0
_EVERY_S = 0.5  # at most two progress events a second
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
            "description": "`state` events (each has an id to resume from), `progress` events, comments while nothing moves",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def events(
    job_id: Annotated[UUID, Path(description="Id of the transcription")],
    caller: Reader,
    have: Have,
    request: Request,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", pattern="^[0-9]{1,18}$", max_length=18, description="Go on behind this one"),
    ] = None,
) -> StreamingResponse:
    """Every change of state, from the first or behind `Last-Event-ID`, and progress as it is made.

    Ends after the last event of a job that has ended, when the caller's token or key ends, and when the gateway
    stops: a client that connects again misses nothing.
    """
    async with have.db.transaction() as session:
        job = await transcriptions.get(session, job_id, user_id=caller.sees_only)
    watch = have.feed.open(job.now, caller.user_id)
    stream = _stream(have, caller, request.state.credential, watch, int(last_event_id or 0))
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
