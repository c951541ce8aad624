"""What the routes work with, made once in the lifespan."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from archivist_api.pagination import Cursors
from archivist_api.schemas.schemas import Outward
from archivist_api.views.downloads import Disk
from archivist_api.views.estimates_cache import Forecasts
from archivist_api.views.partial_captions import Partials
from archivist_api.views.progress_feed import Feed
from archivist_common.database.engine import Database
from archivist_common.events.notify import Doorbell
from archivist_common.security.tokens import Keys
from archivist_common.settings import ApiSettings
from archivist_common.storage.client import Storages


@dataclass(frozen=True, slots=True)
class Deps:
    settings: ApiSettings
    db: Database
    bell: Doorbell
    storages: Storages
    keys: Keys
    cursors: Cursors
    feed: Feed
    disk: Disk
    forecasts: Forecasts
    partials: Partials
    outward: Outward


async def deps(request: Request) -> Deps:
    have: Deps = request.app.state.deps
    return have


Have = Annotated[Deps, Depends(deps)]


def address(request: Request) -> str:
    """Where a request came from. Behind a proxy, X-Forwarded-For counts only from TRUSTED_PROXIES."""
    return request.client.host if request.client else "unknown"
