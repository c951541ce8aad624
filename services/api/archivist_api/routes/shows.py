"""Cablecast's shows as the last sync saw them, and syncs. Cablecast itself is asked nothing here."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Operator, Reader
from archivist_api.deps import RequestDeps
from archivist_api.schemas.schemas import LONGEST_CURSOR, LONGEST_PAGE, PAGE, Text
from archivist_api.schemas.shows import LARGEST_ID, Show, ShowPage, Sync, SyncCreate, Syncs, SyncsAsked, WholeShow
from archivist_common.errors import Conflict
from archivist_common.publishing import targets
from archivist_common.shows import queries, sync_runs
from archivist_common.shows.queries import UNDATED, ShowFilter

router = APIRouter(prefix="/api/v1/shows", tags=["shows"])

_CABLECAST = "cablecast"  # the kind of target that has shows


@router.get("", operation_id="listShows", summary="Shows, the latest meeting first")
async def list_shows(
    caller: Reader,
    deps: RequestDeps,
    search: Annotated[
        Text | None,
        Query(max_length=200, description="Words that stand in its titles, files or local id; or its number"),
    ] = None,
    date_from: date | None = None,
    date_to: date | None = None,
    location: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None,
    has_captions: bool | None = None,
    has_vod: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> ShowPage:
    """Shows that are gone from Cablecast are left out."""
    which = ShowFilter(search, date_from, date_to, location, has_captions, has_vod)
    listing = f"shows:{which}"
    after = None
    if cursor is not None:
        day, show_id = deps.cursors.read(listing, cursor)
        after = (date.fromisoformat(day), int(show_id))
    async with deps.db.transaction() as session:
        page = await queries.page(session, which, after, limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    place = None if last is None else ((last.event_date or UNDATED).isoformat(), last.id)
    return ShowPage(
        items=[Show.of(one) for one in page[:limit]],
        next=None if place is None else deps.cursors.write(listing, place),
    )


@router.post("/sync", operation_id="syncShows", summary="Look at Cablecast again", status_code=202)
async def sync(body: SyncCreate, caller: Operator, deps: RequestDeps, response: Response) -> SyncsAsked:
    """A sync of each kind, which the publisher begins at once. One that waits or runs already is the answer."""
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
        if target.kind != _CABLECAST:
            raise Conflict(f"{target.name} has no shows; syncing is with Cablecast, which is not set up")
        asked = [
            await sync_runs.request(session, target.name, kind, body.mode, user_id=caller.user_id)
            for kind in dict.fromkeys(body.kinds)
        ]
    await deps.notifier.notify_publisher()
    response.headers["Location"] = f"{router.prefix}/sync"
    return SyncsAsked(items=[Sync.of(run, deps.outward) for run, _ in asked])


@router.get("/sync", operation_id="readSyncs", summary="How far syncs are, and how old what is known here is")
async def read_syncs(caller: Reader, deps: RequestDeps) -> Syncs:
    async with deps.db.transaction() as session:
        runs = [run for kind in sync_runs.SyncKind for run in await sync_runs.latest(session, kind)]
        last_good = {kind: await sync_runs.last_good(session, kind) for kind in sync_runs.SyncKind}
    runs.sort(key=lambda run: run.id, reverse=True)
    return Syncs(items=[Sync.of(run, deps.outward) for run in runs], last_good=last_good)


@router.get("/{show_id}", operation_id="readShow", summary="One show, its VODs and its recordings")
async def read(
    show_id: Annotated[int, Path(ge=0, le=LARGEST_ID, description="Cablecast's number of it")],
    caller: Reader,
    deps: RequestDeps,
) -> WholeShow:
    async with deps.db.transaction() as session:
        show = await queries.get(session, show_id)
        vods = await queries.vods(session, show_id)
        recordings = await queries.recordings(session, show_id)
    return WholeShow.told(show, list(vods), list(recordings))
