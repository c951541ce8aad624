"""What `archivist up` tells of what it needs of others and does not have. The answers are made as ours."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from archivist_cli.local.outside import Outside
from archivist_common.errors import ArchivistError, DatabaseUnavailable, EngineUnavailable, ModelMissing
from archivist_common.storage.client import MountState, StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_monitor.check import CheckResult, Status, Value
from archivist_monitor.checks.storage import OUTPUT, mount_result
from archivist_monitor.report import health_report
from archivist_monitor.runner import Finding, Report
from archivist_monitor.thresholds import judge

URLS = {"monitor": "http://monitor", "transcriber": "http://transcriber", "vod": "http://vod", "api": "http://api"}
READY = {"status": "ready"}
GB = 1024**3
GONE = DatabaseUnavailable("the database is not answering")


class Processes:
    """Our processes, as far as they are asked; None: being started again."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers: dict[str, Mapping[str, Any] | None] = {"monitor": report(), "transcriber": READY, "vod": READY}
        self.outside = Outside(URLS, lambda: self.now)

    async def look(self, after_s: float = 3, **answers: Mapping[str, Any] | None) -> list[str]:
        self.now += after_s
        self.answers.update(answers)
        async with httpx.AsyncClient(transport=httpx.MockTransport(self._answer)) as http:
            return await self.outside.look(http)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = "/health" if request.url.host == "monitor" else "/health/ready"
        answer = self.answers[request.url.host]
        if answer is None:
            raise httpx.ConnectError("nobody listens")
        return httpx.Response(200, json=answer) if request.url.path == path else httpx.Response(404)


@pytest.fixture
def processes() -> Processes:
    return Processes()


def not_ready(error: ArchivistError) -> Mapping[str, Any]:
    return {"status": "not ready", "reason": error.message, "code": error.code}


def target(state: str, reason: str | None, waiting: int = 0) -> Mapping[str, Any]:
    return READY | {"targets": {"cablecast": {"state": state, "reason": reason, "waiting": waiting}}}


def report(**components: CheckResult) -> Mapping[str, Any]:
    found = {name: Finding(judge(reading, 0.0, {})[0], 0.0) for name, reading in components.items()}
    return health_report(Report(None, found)).model_dump(mode="json")


def mounts(*states: MountState) -> Mapping[str, Any]:
    servers = [StorageServer(state.server, "/mnt/x", beside=True, kind=MountKind.FOLDER) for state in states]
    readings = {
        state.server: mount_result(server, state, vital=False) for server, state in zip(servers, states, strict=True)
    }
    return report(storage=CheckResult(parts=readings))


def mount(name: str, why: str | None = None, *, readable: bool = True, free: int = 500 * GB) -> MountState:
    total = 1000 * GB if readable else None
    return MountState(name, readable, readable, why is None, False, total, free if readable else None, why)


async def test_nothing_is_told_of_what_is_there(processes: Processes) -> None:
    assert await processes.look(vod=target("ok", None), monitor=mounts(mount("flex-1"))) == []


async def test_a_target_is_told_once_when_it_is_unavailable_and_once_when_it_is_back(processes: Processes) -> None:
    (said,) = await processes.look(vod=target("away", "GET systeminfo: not reached", waiting=3))
    assert said.startswith(
        "Publishing target cablecast is unavailable: GET systeminfo: not reached. Captioning goes on"
    )
    assert "(3 now)" in said
    assert await processes.look(vod=target("away", "it failed 5 times in a row", waiting=4)) == []
    for unknown in (None, READY | {"targets": {}}, not_ready(GONE)):  # it is started again, or has no database
        assert await processes.look(vod=unknown) == []
    (said,) = await processes.look(vod=target("ok", None))
    assert said == "Publishing target cablecast is available again: what waited is sent."
    assert await processes.look() == []


async def test_a_target_that_refuses_our_credentials_is_told_with_what_to_do(processes: Processes) -> None:
    await processes.look(vod=target("away", "not reached"))
    (said,) = await processes.look(vod=target("stopped", "HTTP 401"))
    assert "refuses our credentials" in said
    assert "HTTP 401" in said
    assert said.endswith("archivist cablecast resume cablecast")


async def test_a_model_that_is_missing_is_told_at_once_and_one_that_is_read_only_when_it_lasts(
    processes: Processes,
) -> None:
    loading = not_ready(EngineUnavailable("loading its model"))
    assert await processes.look(transcriber=loading) == []
    (said,) = await processes.look(transcriber=not_ready(ModelMissing("the model folder /m does not exist")))
    assert said.startswith("No speech model: the model folder /m does not exist. Jobs are accepted and wait")
    assert await processes.look(transcriber=not_ready(GONE)) == []
    assert await processes.look(transcriber=loading) == []
    (said,) = await processes.look(transcriber=READY)
    assert "go on" in said
    assert await processes.look(transcriber=loading) == []
    (said,) = await processes.look(after_s=15)
    assert said == "No speech worker is ready: loading its model. Jobs are accepted and wait."


async def test_a_missing_mount_is_told_beside_those_that_are_there(processes: Processes) -> None:
    gone = mount("flex-2", "not mounted", readable=False)
    (said,) = await processes.look(monitor=mounts(mount("flex-1"), gone))
    assert said.startswith(
        "Storage server flex-2 is unavailable: not mounted. Its jobs wait, those of other servers go"
    )
    read_only = mount("flex-2", "it can be read but not written: read-only")
    (said,) = await processes.look(monitor=mounts(mount("flex-1"), read_only))
    assert said.startswith("Storage server flex-2 is not writable")
    assert await processes.look(monitor=mounts(mount("flex-1"), mount("flex-2"))) == [
        "Storage server flex-2 is available again."
    ]
    (said,) = await processes.look(monitor=mounts(mount(OUTPUT, "not mounted", readable=False)))
    assert said.startswith("The output folder DEFAULT_OUTPUT_PATH is unavailable: not mounted")


async def test_how_full_a_mount_is_or_a_server_works_is_the_monitors_to_say(processes: Processes) -> None:
    busy = CheckResult(values=(Value("memory_used", 95.0, "%", degraded_above=80),))
    assert await processes.look(monitor=mounts(mount("flex-1", free=GB))) == []
    assert await processes.look(monitor=report(redis=busy)) == []


async def test_a_server_that_does_not_answer_is_told_and_no_worker_that_waits_for_it(processes: Processes) -> None:
    said = await processes.look(
        transcriber=not_ready(GONE),
        vod=not_ready(GONE),
        monitor=report(
            database=CheckResult(Status.UNHEALTHY, reason=GONE.message),
            redis=CheckResult(Status.DEGRADED, reason="Redis is not answering"),
        ),
    )
    assert [line.partition(":")[0] for line in said] == ["The database is unavailable", "Redis is unavailable"]
    healthy = CheckResult(Status.HEALTHY)
    back = await processes.look(monitor=report(database=healthy, redis=healthy))
    assert back == ["The database is available again.", "Redis is available again."]
