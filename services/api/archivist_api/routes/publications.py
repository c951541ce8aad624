"""Publications: captions published to a target; request, watch, approve, withdraw, roll back.

No target is contacted here: a request is stored, and the publisher carries it out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.pagination import BY_CREATION, Paging
from archivist_api.routes.parameters import LONGEST_WAIT_S
from archivist_api.schemas.common import Text
from archivist_api.schemas.publications import (
    CaptionVersion,
    CaptionVersions,
    Effect,
    Effects,
    Publication,
    PublicationAnswer,
    PublicationBatch,
    PublicationBatchCreate,
    PublicationCreate,
    PublicationPage,
    Rollback,
)
from archivist_common.errors import Conflict, NotFound, PermissionDenied
from archivist_common.jobs import queries as transcriptions
from archivist_common.publishing import effects, requests, targets
from archivist_common.publishing import queries as publications
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.queries import PublicationFilter, PublicationView
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.security.principal import Caller
from archivist_common.states import PublicationStatus

router = APIRouter(prefix="/api/v1/publications", tags=["publications"])

_POLL_EVERY_S = 0.5
_POLL_AFTER_S = 5  # a hint for pollers, in Retry-After

PublicationId = Annotated[UUID, Path(description="Id of the publication")]


@router.post(
    "",
    operation_id="publish",
    summary="Publish a transcription's captions",
    status_code=202,
    responses={
        200: {"model": Publication, "description": "It waits, runs or is published already; this is its state"}
    },
)
async def publish(body: PublicationCreate, caller: Writer, deps: RequestDeps, response: Response) -> Publication:
    """One publication for each recording and target: requested again, it is the same one.

    One that failed or was withdrawn is retried; captions of a new transcription become its next version.
    """
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
    found, is_new = await _request(deps, caller, target.name, body.transcription_id, body.wanted(_approval(deps)))
    if is_new:
        await deps.notify()
    return _accepted(deps, response, found, status=202 if is_new else 200)


@router.post("/batch", operation_id="publishSeveral", summary="Publish up to 100 transcriptions", status_code=202)
async def publish_several(body: PublicationBatchCreate, caller: Writer, deps: RequestDeps) -> PublicationBatch:
    """Each transcription has its own result: its publication, or why there is none. Sent again, it is the same."""
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
    batch_id, options, items = uuid4(), body.options.wanted(_approval(deps)), []
    for job_id in dict.fromkeys(body.transcription_ids):
        try:
            found, is_new = await _request(deps, caller, target.name, job_id, options, batch_id)
            items.append(PublicationAnswer.requested(job_id, found, is_new=is_new))
        except (NotFound, Conflict, PermissionDenied) as exc:
            items.append(PublicationAnswer.refused(job_id, exc, deps.redact))
    if any(one.is_new for one in items):
        await deps.notify()
    links = {"publications": f"{router.prefix}?batch_id={batch_id}"}
    return PublicationBatch(batch_id=batch_id, target=target.name, items=items, links=links)


@router.get("", operation_id="listPublications", summary="Publications, newest first")
async def list_publications(
    caller: Reader,
    deps: RequestDeps,
    paging: Paging,
    status: PublicationStatus | None = None,
    target: Annotated[Text | None, Query(max_length=64)] = None,
    transcription_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> PublicationPage:
    """Those of recordings that you have transcribed; those of all users where you may see them."""
    which = PublicationFilter(caller.sees_only, status, target, transcription_id, batch_id)
    listing = f"publications:{which.user_id}:{status}:{target}:{transcription_id}:{batch_id}"
    async with deps.db.transaction() as session:
        page = await deps.cursors.page(listing, paging, BY_CREATION, partial(publications.page, session, which))
    return PublicationPage(items=[Publication.of(one, deps.redact) for one in page.rows], next=page.next)


@router.get("/{publication_id}", operation_id="readPublication", summary="One publication")
async def read(
    publication_id: PublicationId,
    caller: Reader,
    deps: RequestDeps,
    response: Response,
    wait: Annotated[
        int,
        Query(ge=0, le=LONGEST_WAIT_S, description="Respond once it changes, or after so many seconds"),
    ] = 0,
) -> Publication:
    """Our view of it and the target's own. With `wait`, one that is in a final state or held is returned at once."""
    found = await _read(deps, caller, publication_id)
    if wait and not found.rests:
        found = await _until_changed(deps, caller, found, wait)
    if not found.rests:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return Publication.of(found, deps.redact)


@router.get("/{publication_id}/versions", operation_id="listCaptionVersions", summary="Its captions, newest first")
async def versions(publication_id: PublicationId, caller: Reader, deps: RequestDeps) -> CaptionVersions:
    """Past, present and next at the target: what `rollback` can restore."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        found = await publications.versions(session, publication_id)
    return CaptionVersions(items=[CaptionVersion.model_validate(one) for one in found])


@router.get("/{publication_id}/effects", operation_id="listEffects", summary="Changes it made at the target")
async def list_effects(publication_id: PublicationId, caller: Operator, deps: RequestDeps) -> Effects:
    """Oldest first, with the target's own ids; also those that may have happened without a response."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        entries = await effects.of_publication(session, publication_id)
    return Effects(items=[Effect.model_validate(one) for one in entries])


@router.post("/{publication_id}/approve", operation_id="approvePublication", summary="Approve it", status_code=202)
async def approve(
    publication_id: PublicationId, caller: Operator, deps: RequestDeps, response: Response
) -> Publication:
    """One that waits for approval carries its plan out; so does a dry run. Where two people are needed, not by the
    one who requested it."""
    found = await _changed(deps, caller, publication_id, requests.approve)
    return _accepted(deps, response, found, status=202)


@router.post("/{publication_id}/retry", operation_id="retryPublication", summary="Retry it now", status_code=202)
async def retry(publication_id: PublicationId, caller: Writer, deps: RequestDeps, response: Response) -> Publication:
    """One that failed, is held, was withdrawn, or waits for its next attempt."""
    found = await _changed(deps, caller, publication_id, requests.retry)
    return _accepted(deps, response, found, status=202)


@router.post(
    "/{publication_id}/withdraw",
    operation_id="withdrawPublication",
    summary="Withdraw it from the target's public list",
    status_code=202,
    responses={200: {"model": Publication, "description": "It is withdrawn, or has never been published"}},
)
async def withdraw(
    publication_id: PublicationId, caller: Writer, deps: RequestDeps, response: Response
) -> Publication:
    """Nothing is deleted there. Withdrawing twice is the same as once; requesting it again publishes it again."""
    found = await _changed(deps, caller, publication_id, requests.withdraw)
    return _accepted(deps, response, found, status=200 if found.status is PublicationStatus.REMOVED else 202)


@router.post(
    "/{publication_id}/rollback",
    operation_id="rollBackPublication",
    summary="Restore earlier captions",
    status_code=202,
)
async def roll_back(
    publication_id: PublicationId, body: Rollback, caller: Writer, deps: RequestDeps, response: Response
) -> Publication:
    """Those of a version, or the previous ones. They become its next version."""
    found = await _changed(deps, caller, publication_id, partial(requests.rollback, number=body.to))
    return _accepted(deps, response, found, status=202)


def _approval(deps: Deps) -> str | None:
    return None if deps.settings.publish_approval == "none" else deps.settings.publish_approval


async def _request(
    deps: Deps, caller: Caller, target: str, job_id: UUID, options: PublishOptions, batch_id: UUID | None = None
) -> tuple[PublicationView, bool]:
    """The publication, and whether this request started anything."""
    async with deps.db.transaction() as session:
        await transcriptions.get(session, job_id, user_id=caller.sees_only)
        request = PublicationRequest(target, job_id, options, caller.user_id, batch_id, caller.sees_only)
        publication_id, is_new = await requests.request(session, request)
    return await _read(deps, caller, publication_id), is_new


async def _read(deps: Deps, caller: Caller, publication_id: UUID) -> PublicationView:
    async with deps.db.transaction() as session:
        return await publications.get(session, publication_id, user_id=caller.sees_only)


async def _changed(
    deps: Deps, caller: Caller, publication_id: UUID, act: Callable[..., Awaitable[object]]
) -> PublicationView:
    """Do something to a publication that the caller may see; the publication afterwards."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        await act(session, publication_id, user_id=caller.user_id, only=caller.sees_only)
        found = await publications.get(session, publication_id, user_id=caller.sees_only)
    await deps.notify()
    return found


async def _until_changed(deps: Deps, caller: Caller, before: PublicationView, seconds: int) -> PublicationView:
    """The publication once it has changed, when the process ends, or after so many seconds."""
    clock = asyncio.get_running_loop().time
    until, found = clock() + seconds, before
    with deps.feed.seat(caller.user_id):
        while found.view == before.view and clock() < until and not deps.feed.stopping.is_set():
            await asyncio.sleep(min(_POLL_EVERY_S, max(0.0, until - clock())))
            found = await _read(deps, caller, before.id)
    return found


def _accepted(deps: Deps, response: Response, found: PublicationView, *, status: int) -> Publication:
    response.status_code = status
    response.headers["Location"] = f"{router.prefix}/{found.id}"
    if not found.rests:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return Publication.of(found, deps.redact)
