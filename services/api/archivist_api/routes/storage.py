"""Storage servers and what lies on them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from archivist_api.auth import Browser
from archivist_api.deps import Have
from archivist_api.schemas.schemas import LONGEST_PAGE, PAGE, Files, Server, Servers
from archivist_common.storage.client import Order

router = APIRouter(prefix="/api/v1/storage", tags=["storage"])


@router.get("", operation_id="listStorage", summary="Storage servers and how they are")
async def list_servers(_caller: Browser, have: Have) -> Servers:
    """Each is asked at once; one that does not answer in time is said to hang and keeps nobody waiting."""
    deadline = have.settings.storage_deadline
    states = await asyncio.gather(*(have.storages.state(server, deadline) for server in have.storages.servers))
    return Servers(items=[Server.of(state, have.outward) for state in states])


@router.get("/{server}/files", operation_id="browseStorage", summary="Recordings and folders")
async def browse(
    server: Annotated[str, Path(max_length=64)],
    _caller: Browser,
    have: Have,
    path: Annotated[str, Query(max_length=500, description="A folder; the top when empty")] = "",
    order: Order = Order.NEWEST,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=16_384)] = None,
) -> Files:
    """One page of a folder: folders first, then recordings, newest first. Hidden files and links are left out."""
    listing = f"storage:{server}:{order.value}:{path}"
    found = await have.storages.browse(
        have.storages.server(server),
        path,
        after=None if cursor is None else str(have.cursors.read(listing, cursor)),
        limit=limit,
        order=order,
        deadline=have.settings.storage_deadline,
    )
    return Files.of(found, None if found.next is None else have.cursors.write(listing, found.next))
