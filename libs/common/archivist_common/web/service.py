"""What every process is: a FastAPI app with liveness, readiness, metrics and its version."""

import asyncio
import logging
import os
import re
import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archivist_common import __version__
from archivist_common.database import migrate
from archivist_common.database.engine import Database
from archivist_common.errors import ArchivistError, DeadlineExceeded
from archivist_common.observability import logs, metrics
from archivist_common.settings import CommonSettings, notices
from archivist_common.web import problems

log = logging.getLogger(__name__)

Readiness = Callable[[], Awaitable[None]]
"""Returns when the process can do its work; raises ArchivistError with the reason when it cannot.

Asks nothing of systems that are not ours: a restart mends none of them, and the rest of the work goes on without.
"""

Details = Callable[[FastAPI], Awaitable[Mapping[str, Any]]]
"""More of what a ready process says of itself: how the outside systems are that it works with."""

_READY_DEADLINE_S = 1.5
_READY_CACHED_S = 2.0
_STOP_S = 3
_BODY_LIMIT = 256 * 1024  # bytes; no request needs more
_TOO_LARGE = f"a request's body may hold {_BODY_LIMIT} bytes"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    name: str,
    *,
    lifespan: Lifespan,
    readiness: Callable[[FastAPI], Sequence[Readiness]],
    details: Details | None = None,
    **options: Any,
) -> FastAPI:
    """An app with /health/live, /health/ready, /metrics and /version, problem details and request ids.

    readiness: called once the lifespan has made what the checks need. A ready result is kept for two seconds.
    details: added to the answer of a ready process.
    """
    app = FastAPI(title=f"Archivist {name}", version=__version__, lifespan=lifespan, **options)
    problems.install(app)
    gate = _ReadyGate(lambda: readiness(app), None if details is None else lambda: details(app))

    @app.get("/health/live", tags=["health"], operation_id="live", summary="Whether the process runs at all")
    async def live() -> dict[str, str]:
        return {"status": "live", "service": name}

    @app.get(
        "/health/ready",
        tags=["health"],
        operation_id="ready",
        summary="Whether the process can do its work",
        responses={503: {"description": "It cannot, and why", "model": dict[str, str]}},
    )
    async def ready() -> JSONResponse:
        found = await gate.ask()
        if isinstance(found, ArchivistError):
            said = {"status": "not ready", "service": name, "reason": found.message, "code": found.code}
            return JSONResponse(said, 503, headers={"Retry-After": "2"})
        return JSONResponse({"status": "ready", "service": name, **found})

    @app.get("/metrics", tags=["health"], operation_id="metrics", summary="Metrics for Prometheus")
    async def exported() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/version", tags=["health"], operation_id="version", summary="What is running")
    async def version() -> dict[str, str]:
        return {"service": name, "version": __version__}

    app.add_middleware(_Requests, service=name)
    return app


def database_ready(db: Database) -> Readiness:
    """Ready when the database responds within a second and has the schema this program needs."""

    async def check() -> None:
        await db.ping()
        await migrate.check(db)

    return check


@asynccontextmanager
async def owned(*tasks: Awaitable[None]) -> AsyncIterator[None]:
    """Run tasks beside the block and cancel them at its end. One that dies ends the process: it is restarted."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(_alone(task)) for task in tasks]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def _alone(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:
        log.critical("a task of this process failed; stopping", exc_info=True)
        os.kill(os.getpid(), signal.SIGTERM)


def run(name: str, app: FastAPI, settings: CommonSettings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Exits with one line when the port is taken.

    Settings that have no effect or need a change are logged first, in one warning.
    """
    logs.set_up(name, settings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=512)
    except OSError as exc:
        reason = str(exc.strerror).partition(" (while")[0]  # Python adds the address, which is said already
        sys.exit(f"archivist-{name}: cannot listen on {host}:{port}: {reason}")
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # an app that has proxies names them itself
        timeout_graceful_shutdown=_STOP_S,
        h11_max_incomplete_event_size=32 * 1024,
    )
    if found := notices(settings):
        log.warning("some settings have no effect or need a change", extra={"settings": found})
    log.info("starting", extra={"version": __version__, "port": listening.getsockname()[1]})
    _Server(config, app).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Tells the app that it is stopping (`app.state.stopping`) before it waits for responses to finish."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        stopping: Callable[[], None] = getattr(self._app.state, "stopping", lambda: None)
        stopping()
        super().handle_exit(sig, frame)


class _ReadyGate:
    """Runs the checks once for all callers that wait; ready is cached for a while, not ready is not."""

    def __init__(
        self, checks: Callable[[], Sequence[Readiness]], details: Callable[[], Awaitable[Mapping[str, Any]]] | None
    ) -> None:
        self._checks = checks
        self._details = details
        self._asking: asyncio.Task[Mapping[str, Any] | ArchivistError] | None = None
        self._found: Mapping[str, Any] = {}
        self._ready_until = 0.0

    async def ask(self) -> Mapping[str, Any] | ArchivistError:
        """The details when ready, else why not. Never later than the deadline, whatever a check hangs on."""
        if time.monotonic() < self._ready_until:
            return self._found
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        asking = self._asking
        await asyncio.wait([asking], timeout=_READY_DEADLINE_S)
        if not asking.done():
            asking.cancel()  # not waited for: what hangs may be slow to end
            return DeadlineExceeded(f"no answer within {_READY_DEADLINE_S:g} s")
        return DeadlineExceeded("the check was cancelled") if asking.cancelled() else asking.result()

    async def _ask(self) -> Mapping[str, Any] | ArchivistError:
        try:
            for check in self._checks():
                await check()
            self._found = {} if self._details is None else await self._details()
        except ArchivistError as exc:
            return exc
        self._ready_until = time.monotonic() + _READY_CACHED_S
        return self._found


class _Requests:
    """Names each request, times it, bounds its body, and adds the headers of every response."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        sent_id = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *_SECURITY_HEADERS,
                    (b"x-request-id", request_id.encode()),
                    (b"x-archivist-service", self._service.encode()),
                ]
            await send(message)

        began = time.perf_counter()
        metrics.HTTP_IN_FLIGHT.labels(self._service).inc()
        try:
            with logs.bound(request_id=request_id):
                if _declared(headers) > _BODY_LIMIT:
                    response = problems.response(Request(scope), code="BODY_TOO_LARGE", status=413, detail=_TOO_LARGE)
                    await response(scope, receive, sending)
                else:
                    await self._answer(scope, _bounded(receive), sending)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            metrics.HTTP_IN_FLIGHT.labels(self._service).dec()
            metrics.HTTP_REQUESTS.labels(self._service, scope["method"], route, f"{status // 100}xx").inc()
            metrics.HTTP_SECONDS.labels(self._service, route).observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's response, or a 500 that carries the request's id, as its log line does."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as exc:
            if begun:
                raise
            await problems.unexpected(Request(scope), exc)(scope, receive, send)


def _declared(headers: Mapping[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _bounded(receive: Receive) -> Receive:
    """The same body; 413 when it grows past the limit without having said so."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > _BODY_LIMIT:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded
