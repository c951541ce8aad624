"""The monitor: runs the health checks, serves their report, and runs the reconciler that repairs after crashes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.maintenance import reconciler
from archivist_common.settings import MonitorSettings, read
from archivist_common.storage.client import StorageClient
from archivist_common.web import service
from archivist_monitor.check import Status
from archivist_monitor.checks import CHECKS, Clients
from archivist_monitor.checks.storage import output_servers
from archivist_monitor.report import HealthReport, health_report
from archivist_monitor.runner import CheckRunner

NAME = "monitor"


def create_app(settings: MonitorSettings) -> FastAPI:
    """The process as an app; its lifespan owns the clients, the checks and the reconciler."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        db = Database.connect(settings, name=f"archivist-{NAME}")
        notifier = Notifier(settings.redis_dsn)
        outputs = output_servers(settings.default_output_path, settings.output_fallback_path)
        mounts = (*settings.flex_servers, *outputs)
        try:
            async with StorageClient(mounts) as storages:
                clients = Clients(settings, db, notifier, storages)
                runner = CheckRunner({name: make(clients) for name, make in CHECKS.items()}, settings.check_interval)
                app.state.db, app.state.runner = db, runner
                async with service.owned(runner.run(), reconciler.run(db, notifier, settings.job_lease)):
                    yield
        finally:
            await notifier.close()
            await db.close()

    app = service.create_app(NAME, lifespan=lifespan, readiness=lambda app: [service.database_ready(app.state.db)])

    @app.get(
        "/health",
        tags=["health"],
        operation_id="health",
        summary="Status of every component, as of its last check",
        response_model=HealthReport,
        responses={503: {"description": "A component is unhealthy, or not all have been checked yet"}},
    )
    async def health() -> JSONResponse:
        report = app.state.runner.report()
        bad = report.status is None or report.status is Status.UNHEALTHY
        return JSONResponse(health_report(report).model_dump(mode="json"), 503 if bad else 200)

    return app


def main() -> None:
    settings = read(MonitorSettings)
    service.run(NAME, create_app(settings), settings, settings.monitor_host, settings.monitor_port)


if __name__ == "__main__":
    main()
