"""Captions on their way to a VOD target: ask for it, watch, approve, take back, put earlier ones back.

Nothing here speaks to a target: what is asked for is written down, and the publisher does it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Operator, Reader, Writer
from archivist_api.deps import Deps, RequestDeps
from archivist_api.schemas.publishing import (
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
from archivist_api.schemas.schemas import LONGEST_CURSOR, LONGEST_PAGE, PAGE, Text
from archivist_api.views import submission
from archivist_common.errors import Conflict, NotFound
from archivist_common.jobs import queries as transcriptions
from archivist_common.publishing import effects, requests, targets
from archivist_common.publishing import queries as publications
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.queries import PublicationFilter, PublicationView
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.security.principal import Caller
from archivist_common.states import PublicationStatus

router = APIRouter(prefix="/api/v1/publications", tags=["publications"])

LONGEST_WAIT_S = 30
_LOOK_EVERY_S = 0.5
_POLL_AFTER_S = 5  # a hint for pollers, in Retry-After

PublicationId = Annotated[UUID, Path(description="Id of the publication")]


@router.post(
    "",
    operation_id="publish",
    summary="Publish a transcription's captions",
    status_code=202,
    responses={
        200: {"model": Publication, "description": "It waits, runs or is published already: this is how it is"}
    },
)
async def publish(body: PublicationCreate, caller: Writer, deps: RequestDeps, response: Response) -> Publication:
    """One publication for each recording and target: asked for again, it is the same one.

    One that failed or was withdrawn is tried again; captions made anew become its next version.
    """
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
    publication_id, is_new = await _request(
        deps, caller, target.name, body.transcription_id, body.wanted(_approval(deps))
    )
    found = await _read(deps, caller, publication_id)
    if is_new:
        await submission.notify(deps)
    return _accepted(deps, response, found, status=202 if is_new else 200)


@router.post("/batch", operation_id="publishSeveral", summary="Publish up to 100 transcriptions", status_code=202)
async def publish_several(body: PublicationBatchCreate, caller: Writer, deps: RequestDeps) -> PublicationBatch:
    """Each transcription is answered by itself: its publication, or why there is none. Sent again, it is the same."""
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
    batch_id, wanted = uuid4(), body.options.wanted(_approval(deps))
    items = []
    for job_id in dict.fromkeys(body.transcription_ids):
        try:
            publication_id, is_new = await _request(deps, caller, target.name, job_id, wanted, batch_id)
            found = await _read(deps, caller, publication_id)
        except (NotFound, Conflict) as exc:
            items.append(PublicationAnswer.refused(job_id, exc, deps.outward))
            continue
        items.append(
            PublicationAnswer(
                transcription_id=job_id,
                publication_id=publication_id,
                status=found.status,
                is_new=is_new,
                error=None,
            )
        )
    if any(one.is_new for one in items):
        await submission.notify(deps)
    links = {"publications": f"{router.prefix}?batch_id={batch_id}"}
    return PublicationBatch(batch_id=batch_id, target=target.name, items=items, links=links)


@router.get("", operation_id="listPublications", summary="Publications, newest first")
async def list_publications(
    caller: Reader,
    deps: RequestDeps,
    status: PublicationStatus | None = None,
    target: Annotated[Text | None, Query(max_length=64)] = None,
    transcription_id: UUID | None = None,
    batch_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> PublicationPage:
    """Those of your own transcriptions; everybody's where you may see them."""
    which = PublicationFilter(caller.sees_only, status, target, transcription_id, batch_id)
    listing = f"publications:{which.user_id}:{status}:{target}:{transcription_id}:{batch_id}"
    after = None
    if cursor is not None:
        created, publication_id = deps.cursors.read(listing, cursor)
        after = (datetime.fromisoformat(created), UUID(publication_id))
    async with deps.db.transaction() as session:
        page = await publications.page(session, which, after, limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    return PublicationPage(
        items=[Publication.of(one, deps.outward) for one in page[:limit]],
        next=None if last is None else deps.cursors.write(listing, (last.created.isoformat(), str(last.id))),
    )


@router.get("/{publication_id}", operation_id="readPublication", summary="One publication")
async def read(
    publication_id: PublicationId,
    caller: Reader,
    deps: RequestDeps,
    response: Response,
    wait: Annotated[
        int,
        Query(ge=0, le=LONGEST_WAIT_S, description="Answer once something of it changes, or after so many seconds"),
    ] = 0,
) -> Publication:
    """How it stands, our view and the target's own. With `wait`, one that rests is answered at once."""
    found = await _read(deps, caller, publication_id)
    if wait and not found.rests:
        found = await _moved(deps, caller, found, wait)
    if not found.rests:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return Publication.of(found, deps.outward)


@router.get("/{publication_id}/versions", operation_id="listCaptionVersions", summary="Its captions, newest first")
async def versions(publication_id: PublicationId, caller: Reader, deps: RequestDeps) -> CaptionVersions:
    """Those that stood, stand or are to stand at the target: what `rollback` can put back."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        found = await publications.versions(session, publication_id)
    return CaptionVersions(items=[CaptionVersion.of(one) for one in found])


@router.get("/{publication_id}/effects", operation_id="listEffects", summary="What it has changed at the target")
async def list_effects(publication_id: PublicationId, caller: Operator, deps: RequestDeps) -> Effects:
    """Oldest first, with what the target calls each; also what may have happened without an answer."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        entries = await effects.of_publication(session, publication_id)
    return Effects(items=[Effect.of(one) for one in entries])


@router.post("/{publication_id}/approve", operation_id="approvePublication", summary="Let it go on", status_code=202)
async def approve(
    publication_id: PublicationId, caller: Operator, deps: RequestDeps, response: Response
) -> Publication:
    """One that waits for approval does what its plan says; so does a dry run. Where two people are needed, not by
    who asked for it."""
    found = await _ordered(deps, caller, publication_id, requests.approve)
    return _accepted(deps, response, found, status=202)


@router.post("/{publication_id}/retry", operation_id="retryPublication", summary="Try it again now", status_code=202)
async def retry(publication_id: PublicationId, caller: Writer, deps: RequestDeps, response: Response) -> Publication:
    """One that failed, is held, was withdrawn, or waits for its next try."""
    found = await _ordered(deps, caller, publication_id, requests.retry)
    return _accepted(deps, response, found, status=202)


@router.post(
    "/{publication_id}/withdraw",
    operation_id="withdrawPublication",
    summary="Take it off the target's public list",
    status_code=202,
    responses={200: {"model": Publication, "description": "It is off, or has never been there"}},
)
async def withdraw(
    publication_id: PublicationId, caller: Writer, deps: RequestDeps, response: Response
) -> Publication:
    """Nothing is deleted there. Asking twice is the same as asking once; asking for it again publishes it again."""
    found = await _ordered(deps, caller, publication_id, requests.withdraw)
    return _accepted(deps, response, found, status=200 if found.status is PublicationStatus.REMOVED else 202)


@router.post(
    "/{publication_id}/rollback",
    operation_id="rollBackPublication",
    summary="Put earlier captions back",
    status_code=202,
)
async def roll_back(
    publication_id: PublicationId, body: Rollback, caller: Writer, deps: RequestDeps, response: Response
) -> Publication:
    """Those of a version, or those before the present ones. They become its next version."""
    found = await _ordered(deps, caller, publication_id, partial(requests.rollback, number=body.to))
    return _accepted(deps, response, found, status=202)


def _approval(deps: Deps) -> str | None:
    return None if deps.settings.publish_approval == "none" else deps.settings.publish_approval


async def _request(
    deps: Deps, caller: Caller, target: str, job_id: UUID, options: PublishOptions, batch_id: UUID | None = None
) -> tuple[UUID, bool]:
    async with deps.db.transaction() as session:
        await transcriptions.get(session, job_id, user_id=caller.sees_only)
        wish = PublicationRequest(target, job_id, options, caller.user_id, batch_id)
        return await requests.request(session, wish)


async def _read(deps: Deps, caller: Caller, publication_id: UUID) -> PublicationView:
    async with deps.db.transaction() as session:
        return await publications.get(session, publication_id, user_id=caller.sees_only)


async def _ordered(
    deps: Deps, caller: Caller, publication_id: UUID, act: Callable[..., Awaitable[object]]
) -> PublicationView:
    """Do something to a publication the caller may see; how it is then."""
    async with deps.db.transaction() as session:
        await publications.get(session, publication_id, user_id=caller.sees_only)
        await act(session, publication_id, user_id=caller.user_id)
        found = await publications.get(session, publication_id, user_id=caller.sees_only)
    await submission.notify(deps)
    return found


async def _moved(deps: Deps, caller: Caller, before: PublicationView, seconds: int) -> PublicationView:
    """The publication once it is another to look at, when the process ends, or after so many seconds."""
    clock = asyncio.get_running_loop().time
    until, found = clock() + seconds, before
    with deps.feed.seat(caller.user_id):
        while found.view == before.view and clock() < until and not deps.feed.stopping.is_set():
            await asyncio.sleep(min(_LOOK_EVERY_S, max(0.0, until - clock())))
            found = await _read(deps, caller, before.id)
    return found


def _accepted(deps: Deps, response: Response, found: PublicationView, *, status: int) -> Publication:
    response.status_code = status
    response.headers["Location"] = f"{router.prefix}/{found.id}"
    if not found.rests:
        response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return Publication.of(found, deps.outward)
