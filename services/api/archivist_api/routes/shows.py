"""Cablecast's shows as the last sync found them, and syncs. Cablecast itself is not contacted here."""

from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Operator, Reader
from archivist_api.deps import RequestDeps
from archivist_api.pagination import Order, Paging
from archivist_api.schemas.common import Text
from archivist_api.schemas.shows import LARGEST_ID, Show, ShowPage, Sync, SyncCreate, Syncs, SyncsAsked, WholeShow
from archivist_common.errors import Conflict
from archivist_common.publishing import targets
from archivist_common.shows import queries, sync_runs
from archivist_common.shows.queries import UNDATED, ShowFilter

router = APIRouter(prefix="/api/v1/shows", tags=["shows"])

_CABLECAST = "cablecast"  # the kind of target that has shows
_BY_DAY: Order[tuple[date, int] | None] = Order(
    lambda show: ((show.event_date or UNDATED).isoformat(), show.id),
    lambda place: (date.fromisoformat(place[0]), int(place[1])),
    None,
)


@router.get("", operation_id="listShows", summary="Shows, the latest meeting first")
async def list_shows(
    caller: Reader,
    deps: RequestDeps,
    paging: Paging,
    search: Annotated[
        Text | None,
        Query(max_length=200, description="Words of its titles, files or local id; or its number"),
    ] = None,
    date_from: date | None = None,
    date_to: date | None = None,
    location: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None,
    has_captions: bool | None = None,
    has_vod: bool | None = None,
) -> ShowPage:
    """Shows that were deleted in Cablecast are left out."""
    which = ShowFilter(search, date_from, date_to, location, has_captions, has_vod)
    async with deps.db.transaction() as session:
        page = await deps.cursors.page(f"shows:{which}", paging, _BY_DAY, partial(queries.page, session, which))
    return ShowPage(items=[Show.of(show) for show in page.rows], next=page.next)


@router.post("/sync", operation_id="syncShows", summary="Start a sync with Cablecast", status_code=202)
async def sync(body: SyncCreate, caller: Operator, deps: RequestDeps, response: Response) -> SyncsAsked:
    """One sync of each kind, which the publisher starts at once. One that waits or runs already is returned."""
    async with deps.db.transaction() as session:
        target = await targets.chosen(session, body.target)
        if target.kind != _CABLECAST:
            raise Conflict(f"{target.name} has no shows; syncing is with Cablecast, which is not set up")
        requested = [
            await sync_runs.request(session, target.name, kind, body.mode, user_id=caller.user_id)
            for kind in dict.fromkeys(body.kinds)
        ]
    await deps.notifier.notify_publisher()
    response.headers["Location"] = f"{router.prefix}/sync"
    return SyncsAsked(items=[Sync.of(run, deps.redact) for run, _ in requested])


@router.get("/sync", operation_id="readSyncs", summary="Progress of syncs, and the age of what is known here")
async def read_syncs(caller: Reader, deps: RequestDeps) -> Syncs:
    async with deps.db.transaction() as session:
        runs = [run for kind in sync_runs.SyncKind for run in await sync_runs.latest(session, kind)]
        last_good = {kind: await sync_runs.last_good(session, kind) for kind in sync_runs.SyncKind}
    runs.sort(key=lambda run: run.id, reverse=True)
    return Syncs(items=[Sync.of(run, deps.redact) for run in runs], last_good=last_good)


@router.get("/{show_id}", operation_id="readShow", summary="One show, its VODs and its recordings")
async def read(
    show_id: Annotated[int, Path(ge=0, le=LARGEST_ID, description="Its number in Cablecast")],
    caller: Reader,
    deps: RequestDeps,
) -> WholeShow:
    async with deps.db.transaction() as session:
        show = await queries.get(session, show_id)
        vods = await queries.vods(session, show_id)
        recordings = await queries.recordings(session, show_id)
    return WholeShow.whole(show, vods, recordings)
