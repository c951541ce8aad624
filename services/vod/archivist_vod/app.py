"""The publisher's process: the publishing worker, its targets' background loops (syncs), and the reconciler.

Ready when the database is available. A target that is unavailable or stopped leaves it ready: restarting it, or
taking it out of service, would repair nothing and stop publications to other targets. Which targets are so, and
why, is in the body of `/health/ready`, in the metrics and in the monitor's report.
"""

import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.maintenance import reconciler
from archivist_common.publishing import targets
from archivist_common.publishing.options import PublishOptions
from archivist_common.settings import VodSettings, read
from archivist_common.shows.station import StationBodies
from archivist_common.storage.client import StorageClient
from archivist_common.web import service
from archivist_vod.attempts.deps import Deps
from archivist_vod.attempts.pacing import Pace
from archivist_vod.targets.interface import Publisher
from archivist_vod.targets.registry import TARGETS, TargetKind
from archivist_vod.worker import PublishingWorker

NAME = "vod"

log = logging.getLogger(__name__)


def create_app(settings: VodSettings, kinds: Mapping[str, TargetKind[Any]] = TARGETS) -> FastAPI:
    """The process as an app; its lifespan owns the clients, the worker and the reconciler."""
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            db = Database.connect(settings, name=f"archivist-{NAME}")
            stack.push_async_callback(db.close)
            notifier = Notifier(settings.redis_dsn)
            stack.push_async_callback(notifier.close)
            storages = await stack.enter_async_context(StorageClient(settings.flex_servers))
            publishers = await make_publishers(settings, storages, stack, kinds)
            worker = make_worker(settings, db, publishers)
            state.update(db=db, worker=worker)
            loops = [
                loop() for name, one in publishers.items() for loop in kinds[name].loops(settings, db, name, one)
            ]
            loops += [worker.run(), reconciler.run(db, notifier, settings.job_lease)]
            await stack.enter_async_context(service.owned(*loops))
            yield

    def readiness(_: FastAPI) -> list[service.Readiness]:
        return [service.database_ready(state["db"])]

    async def details(_: FastAPI) -> dict[str, Any]:
        return {"targets": await target_states(state["db"], state["worker"].known)}

    return service.create_app(NAME, lifespan=lifespan, readiness=readiness, details=details)


async def make_publishers(
    settings: VodSettings,
    storages: StorageClient,
    stack: AsyncExitStack,
    kinds: Mapping[str, TargetKind[Any]] = TARGETS,
) -> dict[str, Publisher[Any]]:
    """A publisher for each target in the settings, by its name; `stack` closes them."""
    return {
        name: await stack.enter_async_context(kind.opened(settings, storages))
        for name, kind in kinds.items()
        if kind.is_configured(settings)
    }


def make_deps(settings: VodSettings, db: Database, publishers: Mapping[str, Publisher[Any]]) -> Deps:
    """What attempts work with, as the settings have it."""
    pace = Pace(
        floor=settings.vod_status_check_interval,
        stalled=settings.vod_stalled_after,
        captions=settings.vod_captions_wait,
        budget=settings.vod_processing_timeout,
    )
    return Deps(
        db,
        publishers,
        settings.job_lease,
        pace,
        StationBodies(settings.meeting_bodies),
        wants_chapters=settings.vod_enable_chapters,
        wants_metadata=settings.vod_metadata_enhancement,
        auto_tags=settings.vod_auto_tagging,
    )


def make_worker(settings: VodSettings, db: Database, publishers: Mapping[str, Publisher[Any]]) -> PublishingWorker:
    deps = make_deps(settings, db, publishers)
    automatic = next(iter(publishers), None) if settings.auto_publish_to_vod else None
    two_step = None if settings.publish_approval == "none" else settings.publish_approval

    def resumed(name: str) -> None:
        publishers[name].resume()

    return PublishingWorker(
        deps,
        settings.redis_dsn,
        slots=settings.vod_concurrency,
        automatic=automatic,
        options=PublishOptions(two_step=two_step),
        resumed=resumed,
    )


async def target_states(db: Database, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """How each of these targets is, by name. Raises DatabaseUnavailable."""
    async with db.transaction() as session:
        known = [target for target in await targets.all_of(session) if target.name in names]
    return {
        target.name: {"state": target.state, "reason": target.reason, "waiting": target.waiting} for target in known
    }


def main() -> None:
    settings = read(VodSettings)
    failpoints.arm(settings.kill_points)
    service.run(NAME, create_app(settings), settings, settings.vod_host, settings.vod_port)


if __name__ == "__main__":
    main()
