"""The publisher's process: ready when the database is, and one of those that run the reconciler."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from archivist_common import reconciler, service
from archivist_common.db import Database
from archivist_common.queue import Doorbell
from archivist_common.settings import VodSettings, read

NAME = "vod"


def create_app(settings: VodSettings) -> FastAPI:
    """The process as an app; its lifespan owns the clients and the reconciler."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database.connect(settings, name=f"archivist-{NAME}")
        bell = Doorbell(settings.redis_dsn)
        app.state.db = db
        try:
            async with service.owned(reconciler.run(db, bell, settings.job_lease)):
                yield
        finally:
            await bell.close()
            await db.close()

    return service.create_app(NAME, lifespan=lifespan, readiness=lambda app: [service.database_ready(app.state.db)])


def main() -> None:
    settings = read(VodSettings)
    service.run(NAME, create_app(settings), settings, settings.vod_host, settings.vod_port)


if __name__ == "__main__":
    main()
