"""What the routes work with, made once in the lifespan."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from archivist_api.pagination import Cursors
from archivist_api.redaction import Redact
from archivist_api.views import submission
from archivist_api.views.downloads import DownloadReader
from archivist_api.views.partial_captions import PartialCaptions
from archivist_api.views.presentation import Presentation
from archivist_api.views.progress_feed import ProgressFeed
from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.security.tokens import Keys
from archivist_common.settings import ApiSettings
from archivist_common.shows.station import StationBodies
from archivist_common.storage.client import StorageClient


@dataclass(frozen=True, slots=True)
class Deps:
    settings: ApiSettings
    db: Database
    notifier: Notifier
    storages: StorageClient
    keys: Keys
    cursors: Cursors
    feed: ProgressFeed
    downloads: DownloadReader
    partials: PartialCaptions
    presentation: Presentation
    bodies: StationBodies

    @property
    def redact(self) -> Redact:
        return self.presentation.redact

    async def notify(self) -> None:
        """Wake workers and publishers, after the commit. Best effort; never raises DatabaseUnavailable."""
        await submission.notify(self.db, self.notifier)


async def of_request(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps


RequestDeps = Annotated[Deps, Depends(of_request)]


def address(request: Request) -> str:
    """Where a request came from. Behind a proxy, X-Forwarded-For counts only from TRUSTED_PROXIES."""
    return request.client.host if request.client else "unknown"
