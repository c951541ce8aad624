"""The transcriber's process: a supervisor of pinned slots, the placing of files, and the shared reconciler."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.jobs.vault_identity import VaultWatch
from archivist_common.maintenance import limits, reconciler
from archivist_common.settings import TranscriberSettings, read
from archivist_common.storage.client import StorageClient
from archivist_common.web import service
from archivist_transcriber.outputs import cleanup, scrub
from archivist_transcriber.outputs.placement import Placer
from archivist_transcriber.supervisor import cores
from archivist_transcriber.supervisor.slot import Slot
from archivist_transcriber.supervisor.storage_watch import StorageWatch
from archivist_transcriber.supervisor.supervision import Deps, SlotProtocol
from archivist_transcriber.supervisor.supervisor import Supervisor

log = logging.getLogger(__name__)


def create_app(
    settings: TranscriberSettings, slots: Callable[[TranscriberSettings], Sequence[SlotProtocol]] | None = None
) -> FastAPI:
    """The app. Its lifespan owns the database, the doorbell, the mounts' helpers and the slots.

    slots: makes them; `plan` where not given.
    """
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database.connect(settings, name="archivist-transcriber")
        notifier = Notifier(settings.redis_dsn)
        storages = StorageClient(settings.flex_servers)
        async with storages:
            outputs = (settings.default_output_path, settings.output_fallback_path)
            placer = Placer(db, storages, settings.storage_deadline, *outputs)
            watch = StorageWatch(storages, settings.storage_deadline)
            vault = VaultWatch(db, settings.default_output_path)
            vaults = tuple(output for output in outputs if output is not None)
            deps = Deps(db, notifier, settings.job_lease, settings.job_timeout, vaults, watch.usable, vault.leads)
            planned = (slots or plan)(settings)
            supervisor = Supervisor(deps, planned, settings.redis_dsn, placer.wake)
            state.update(db=db, supervisor=supervisor)
            try:
                async with service.owned(
                    watch.run(),
                    vault.run(),
                    supervisor.run(),
                    placer.run(),
                    cleanup.run(db, *outputs),
                    scrub.run(db),
                    reconciler.run(db, notifier, settings.job_lease),
                    limits.warn_of_short_job_timeout(db, settings.job_timeout, len(planned)),
                ):
                    yield
            finally:
                await notifier.close()
                await db.close()

    def readiness(_: FastAPI) -> list[service.Readiness]:
        return [service.database_ready(state["db"]), state["supervisor"].ready]

    return service.create_app("transcriber", lifespan=lifespan, readiness=readiness)


def plan(settings: TranscriberSettings) -> list[Slot]:
    """The slots of this machine: by WORKER_CONCURRENCY, or by its cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    plans = cores.plan_slots(cores.discover(), settings.worker_concurrency, memory)
    handed = {
        "flex_servers": [server.as_json() for server in settings.flex_servers],
        "default_output_path": str(settings.default_output_path),
        "output_fallback_path": None if settings.output_fallback_path is None else str(settings.output_fallback_path),
        "whisper_engine": settings.whisper_engine,
        "whisper_model_path": None if settings.whisper_model_path is None else str(settings.whisper_model_path),
        "model_directory": str(settings.model_directory),
        "whisper_device": settings.whisper_device,
        "whisper_compute_type": settings.whisper_compute_type,
        "whisper_batch_size": settings.whisper_batch_size,
        "whisper_beam_size": settings.whisper_beam_size,
        "profile": asdict(settings.profile),
        "scc_options": {
            "drop_frame": settings.scc_drop_frame,
            "start_label": settings.scc_start_timecode,
            "offset_ms": settings.scc_offset_ms,
            "mode": settings.scc_mode,
        },
        "caption_mask": list(settings.caption_mask),
        "whisper_speakers": settings.whisper_speakers,
        "media_deadline_s": settings.media_deadline.total_seconds(),
        "kill_points": None if settings.kill_points is None else str(settings.kill_points),
    }
    return [
        Slot(number, slot.cpus, handed, threads=slot.threads, temp=settings.temp_directory)
        for number, slot in enumerate(plans)
    ]


def main() -> None:
    settings = read(TranscriberSettings)
    failpoints.arm(settings.kill_points)
    service.run("transcriber", create_app(settings), settings, settings.transcriber_host, settings.transcriber_port)


if __name__ == "__main__":
    main()
