"""The gateway: the HTTP API. It validates requests and writes them to the database; it never runs inference."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from archivist_api import swagger_ui
from archivist_api.auth import check_policies
from archivist_api.deps import Deps
from archivist_api.middleware import Headers
from archivist_api.openapi import describe
from archivist_api.pagination import Cursors
from archivist_api.redaction import redactor
from archivist_api.routes import (
    api_keys,
    auth,
    batches,
    chapters,
    events,
    job_queue,
    outputs,
    publications,
    recording_shows,
    shows,
    storage,
    targets,
    transcriptions,
    users,
)
from archivist_api.views.downloads import DownloadReader
from archivist_api.views.estimates_cache import EstimatesCache
from archivist_api.views.partial_captions import PartialCaptions
from archivist_api.views.presentation import Presentation
from archivist_api.views.progress_feed import ProgressFeed
from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.jobs import vault_identity
from archivist_common.security.tokens import Keys
from archivist_common.settings import ApiSettings, read
from archivist_common.shows.station import StationBodies
from archivist_common.storage.client import StorageClient
from archivist_common.web import service

NAME = "api"
ROUTERS = (
    auth.router,
    users.router,
    api_keys.router,
    storage.router,
    transcriptions.router,
    batches.router,
    job_queue.router,
    events.router,
    outputs.router,
    publications.router,
    targets.router,
    shows.router,
    recording_shows.router,
    chapters.router,
)


def create_app(settings: ApiSettings) -> FastAPI:
    """The process as an app; its lifespan owns the clients. Raises RuntimeError for a route without a policy."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database.connect(settings, name=f"archivist-{NAME}")
        notifier = Notifier(settings.redis_dsn)
        keys = _keys(settings)
        feed = ProgressFeed(db)
        try:
            async with StorageClient(settings.flex_servers) as storages:
                app.state.deps = Deps(
                    settings=settings,
                    db=db,
                    notifier=notifier,
                    storages=storages,
                    keys=keys,
                    cursors=Cursors(keys.derive("cursors")),
                    feed=feed,
                    downloads=DownloadReader(),
                    partials=PartialCaptions(settings.profile, settings.caption_mask),
                    presentation=Presentation(EstimatesCache(), app.state.redact, settings.zone),
                    bodies=StationBodies(settings.meeting_bodies),
                )
                app.state.stopping = feed.stop
                output = settings.default_output_path
                async with service.owned(feed.run(), vault_identity.keep_registered(db, output)):
                    yield
                    feed.stop()
        finally:
            await notifier.close()
            await db.close()

    app = service.create_app(
        NAME,
        lifespan=lifespan,
        readiness=lambda app: [service.database_ready(app.state.deps.db)],
        docs_url=None,
        redoc_url=None,
    )
    app.state.redact = redactor(settings)
    for router in ROUTERS:
        app.include_router(router)
    swagger_ui.install(app)
    check_policies(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_middleware(Headers)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    return app


def main() -> None:
    settings = read(ApiSettings)
    service.run(NAME, create_app(settings), settings, settings.api_host, settings.api_port)


def _keys(settings: ApiSettings) -> Keys:
    both = (settings.secret_key, settings.secret_key_previous)
    return Keys(tuple(secret.get_secret_value() for secret in both if secret is not None))


if __name__ == "__main__":
    main()
