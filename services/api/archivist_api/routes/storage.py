"""Storage servers and the recordings on them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from archivist_api.auth import Browser
from archivist_api.deps import RequestDeps
from archivist_api.pagination import LONGEST_PAGE, PAGE
from archivist_api.schemas.storage import Files, Server, Servers
from archivist_common.storage.client import Order

router = APIRouter(prefix="/api/v1/storage", tags=["storage"])


@router.get("", operation_id="listStorage", summary="Storage servers and their state")
async def list_servers(_caller: Browser, deps: RequestDeps) -> Servers:
    """All are checked at once; one that does not respond within its deadline is reported as hung."""
    deadline = deps.settings.storage_deadline
    states = await asyncio.gather(*(deps.storages.state(server, deadline) for server in deps.storages.servers))
    return Servers(items=[Server.of(state, deps.redact) for state in states])


@router.get("/{server}/files", operation_id="browseStorage", summary="Recordings and folders")
async def browse(
    server: Annotated[str, Path(max_length=64)],
    _caller: Browser,
    deps: RequestDeps,
    path: Annotated[str, Query(max_length=500, description="A folder; the top one when empty")] = "",
    order: Order = Order.NEWEST,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=16_384)] = None,
) -> Files:
    """One page of a folder: folders first, then recordings, newest first. Hidden files and links are left out."""
    listing = f"storage:{server}:{order.value}:{path}"
    found = await deps.storages.browse(
        deps.storages.server(server),
        path,
        after=None if cursor is None else str(deps.cursors.read(listing, cursor)),
        limit=limit,
        order=order,
        deadline=deps.settings.storage_deadline,
    )
    return Files.of(found, None if found.next is None else deps.cursors.write(listing, found.next))
