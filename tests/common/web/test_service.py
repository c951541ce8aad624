"""What every process is: alive, ready or not and why; its errors, its bounded bodies, its line for a busy port."""

import asyncio
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import text

from archivist_cli.local.postgres import Postgres
from archivist_common import __version__, errors
from archivist_common.database import migrate
from archivist_common.database.engine import Database, engine
from archivist_common.web import service

LIMIT = 256 * 1024


class Body(BaseModel):
    priority: int


@asynccontextmanager
async def nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


def made(*checks: service.Readiness, details: service.Details | None = None) -> FastAPI:
    app = service.create_app("tests", lifespan=nothing, readiness=lambda app: checks, details=details)

    @app.get("/boom/{code}")
    async def boom(code: str) -> None:
        raise errors.by_code(code)("what, which one")

    @app.get("/slow-down")
    async def slow_down() -> None:
        raise errors.TooManyAttempts("seven seconds", 7)

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("postgresql://archivist:hunter2@db/archivist")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Tea": "green"})

    @app.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("hunter2")

        return StreamingResponse(half())

    @app.post("/body")
    async def body(body: Body, limit: Annotated[int, Query(ge=1)] = 1) -> Body:
        return body

    return app


@asynccontextmanager
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client(made()) as one:
        yield one


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's problem details, after everything every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["code"] == code
    assert told["type"] == f"urn:archivist:problem:{code.lower().replace('_', '-')}"
    assert told["instance"] == f"urn:archivist:request:{answer.headers['x-request-id']}"
    assert told["title"]
    return told


class TestHealth:
    async def test_alive(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/health/live")
        assert (answer.status_code, answer.json()) == (200, {"status": "live", "service": "tests"})

    async def test_ready_when_no_check_objects(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "service": "tests"})

    async def test_version(self, http: httpx.AsyncClient) -> None:
        assert (await http.get("/version")).json() == {"service": "tests", "version": __version__}

    async def test_metrics_count_requests_by_route_and_not_by_address(self, http: httpx.AsyncClient) -> None:
        await http.get("/boom/NOT_FOUND")
        await http.get("/no/such/place")
        answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        labels = 'code_class="4xx",method="GET",route="/boom/{code}",service="tests"'
        assert f"archivist_http_requests_total{{{labels}}}" in answer.text
        assert 'route="unmatched"' in answer.text
        assert "/no/such/place" not in answer.text
        assert f'archivist_build_info{{version="{__version__}"}} 1.0' in answer.text

    async def test_the_reason_is_said_and_ready_is_seen_at_once(self) -> None:
        reasons: list[str] = ["the model is loading"]

        async def check() -> None:
            if reasons:
                raise errors.EngineUnavailable(reasons[0])

        async with client(made(check)) as http:
            answer = await http.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json() == {
                "status": "not ready",
                "service": "tests",
                "reason": "the model is loading",
                "code": "ENGINE_UNAVAILABLE",
            }
            assert answer.headers["retry-after"] == "2"
            assert (await http.get("/health/live")).status_code == 200
            reasons.clear()
            assert (await http.get("/health/ready")).status_code == 200

    async def test_a_ready_process_says_more_of_itself_where_it_has_more_to_say(self) -> None:
        async def details(_: FastAPI) -> dict[str, Any]:
            return {"targets": {"cablecast": "away"}}

        async with client(made(details=details)) as http:
            for _ in range(2):  # the second answer is the one that was kept
                answer = await http.get("/health/ready")
                assert answer.status_code == 200
                assert answer.json() == {"status": "ready", "service": "tests", "targets": {"cablecast": "away"}}

    async def test_ready_is_believed_for_two_seconds(self) -> None:
        asked = 0

        async def check() -> None:
            nonlocal asked
            asked += 1

        async with client(made(check)) as http:
            for _ in range(5):
                assert (await http.get("/health/ready")).status_code == 200
        assert asked == 1

    async def test_a_check_that_hangs_costs_nobody_more_than_two_seconds(self) -> None:
        """Found here: callers waited one after another, and each for the hung check to let go."""

        async def hangs() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)

        async with client(made(hangs)) as http:
            began = time.monotonic()
            answers = await asyncio.gather(*(http.get("/health/ready") for _ in range(10)))
            assert time.monotonic() - began < 2
        assert {answer.status_code for answer in answers} == {503}
        assert "no answer within 1.5 s" in {answer.json()["reason"] for answer in answers}

    async def test_the_database_decides(self, postgres: Postgres) -> None:
        dsn = postgres.dsn.replace("postgresql:", "postgresql+asyncpg:", 1)
        bind = engine(dsn, 1, 0, "tests")
        db = Database(bind)

        async def reason() -> str | None:
            answer = await http.get("/health/ready")
            assert answer.status_code == (503 if "reason" in answer.json() else 200)
            return answer.json().get("reason")

        async with client(made(service.database_ready(db))) as http:
            assert await reason() == (
                f"the database schema is at nothing, this program needs {migrate.head()}: run archivist-migrate"
            )
            await migrate.upgrade(dsn)
            assert await reason() is None
            await postgres.stop()
            await asyncio.sleep(2.1)
            assert await reason() == "database unavailable"
            await postgres.start()
            assert await reason() is None
            async with db.transaction() as session:
                await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
            await asyncio.sleep(2.1)
            assert "the database schema is at older" in str(await reason())
            async with db.transaction() as session:
                await session.execute(
                    text("UPDATE alembic_version SET version_num = :head"), {"head": migrate.head()}
                )
            assert await reason() is None
        await migrate.downgrade(dsn)
        await bind.dispose()


class TestProblems:
    @pytest.mark.parametrize("code", sorted(errors._CODES))
    async def test_an_error_of_ours_says_its_code_and_status(self, http: httpx.AsyncClient, code: str) -> None:
        cls = errors.by_code(code)
        answer = await http.get(f"/boom/{code}")
        assert problem(answer, cls.http_status, code)["detail"] == "what, which one"
        assert ("retry-after" in answer.headers) == cls.retryable
        assert answer.headers.get("www-authenticate") == ("Bearer" if cls.http_status == 401 else None)

    async def test_too_many_attempts_says_how_long_to_wait(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/slow-down")
        assert problem(answer, 429, "TOO_MANY_ATTEMPTS")["detail"] == "seven seconds"
        assert answer.headers["retry-after"] == "7"

    async def test_no_such_address(self, http: httpx.AsyncClient) -> None:
        problem(await http.get("/no/such/place"), 404, "NOT_FOUND")

    async def test_no_such_method(self, http: httpx.AsyncClient) -> None:
        answer = await http.delete("/version")
        problem(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "GET"

    async def test_a_field_that_is_wrong_is_named(self, http: httpx.AsyncClient) -> None:
        told = problem(await http.post("/body?limit=0", json={"priority": "high"}), 422, "VALIDATION_FAILED")
        assert {error["field"] for error in told["errors"]} == {"body.priority", "query.limit"}
        assert "query.limit: Input should be greater than or equal to 1" in told["detail"]

    async def test_a_body_that_is_no_json(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/body", content=b'{"priority":', headers={"content-type": "application/json"})
        assert problem(answer, 422, "VALIDATION_FAILED")["errors"]

    async def test_what_was_sent_is_not_sent_back(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/body", json={"priority": "hunter2"})
        assert answer.status_code == 422
        assert "hunter2" not in answer.text

    async def test_the_frameworks_own_keep_their_headers(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/teapot")
        assert problem(answer, 418, "IM_A_TEAPOT")["detail"] == "short and stout"
        assert answer.headers["x-tea"] == "green"

    async def test_a_bug_tells_nothing_and_its_log_line_has_the_requests_id(
        self, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Found here: the answer had no id in its headers, and the log line none at all."""
        seen: list[dict[str, Any]] = []

        class Listening(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                from archivist_common.observability.logs import fields_of

                seen.append({"message": record.getMessage(), "exc": record.exc_info, **fields_of(record)})

        listening = Listening()
        logging.getLogger("archivist_common.web.problems").addHandler(listening)
        try:
            answer = await http.get("/bug", headers={"x-request-id": "mine"})
        finally:
            logging.getLogger("archivist_common.web.problems").removeHandler(listening)
        problem(answer, 500, "INTERNAL_ERROR")
        assert "hunter2" not in answer.text
        assert "RuntimeError" not in answer.text
        assert answer.headers["x-request-id"] == "mine"
        assert answer.headers["x-content-type-options"] == "nosniff"
        [entry] = seen
        assert entry["request_id"] == "mine"
        assert entry["exc"][0] is RuntimeError

    async def test_an_answer_that_breaks_off_is_not_patched_up(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/breaks-off")
        assert answer.status_code == 200
        assert "hunter2" not in answer.text


class TestRequests:
    @pytest.mark.parametrize("given", ["abc", "A-1_b.c", "x" * 64])
    async def test_an_id_of_the_callers_is_kept(self, http: httpx.AsyncClient, given: str) -> None:
        assert (await http.get("/version", headers={"x-request-id": given})).headers["x-request-id"] == given

    @pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", 'a"b', "a\tb", "<script>"])
    async def test_any_other_is_replaced(self, http: httpx.AsyncClient, given: str | None) -> None:
        headers = {} if given is None else {"x-request-id": given}
        kept = (await http.get("/version", headers=headers)).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", kept)

    async def test_every_answer_carries_the_protective_headers(self, http: httpx.AsyncClient) -> None:
        for answer in (await http.get("/version"), await http.get("/nowhere"), await http.get("/bug")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["x-archivist-service"] == "tests"

    async def test_a_body_that_says_it_is_too_large_is_not_read(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/body", content=b" " * (LIMIT + 1))
        assert str(LIMIT) in problem(answer, 413, "BODY_TOO_LARGE")["detail"]

    async def test_a_body_that_does_not_say_so_is_cut_off(self, http: httpx.AsyncClient) -> None:
        """Found here: it was answered 400, as if the caller's JSON were broken."""
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(1000):
                sent += 64 * 1024
                yield b" " * 64 * 1024

        answer = await http.post("/body", content=endless())
        assert "content-length" not in answer.request.headers
        problem(answer, 413, "BODY_TOO_LARGE")

    async def test_a_body_of_the_limit_is_taken(self, http: httpx.AsyncClient) -> None:
        wish = b'{"priority": 1}'.ljust(LIMIT)
        answer = await http.post("/body", content=wish, headers={"content-type": "application/json"})
        assert answer.json() == {"priority": 1}


SERVE = """
import asyncio, sys
from contextlib import asynccontextmanager
from archivist_common.web import service
from archivist_common.settings import CommonSettings, read

async def forever(): await asyncio.sleep(3600)
async def dies(): await asyncio.sleep(0.2); raise RuntimeError("out of luck")

@asynccontextmanager
async def lifespan(app):
    async with service.owned(dies() if sys.argv[2] == "dies" else forever()):
        yield
    print("lifespan ended", flush=True)

app = service.create_app("tests", lifespan=lifespan, readiness=lambda app: ())
service.run("tests", app, read(CommonSettings), "127.0.0.1", int(sys.argv[1]))
"""


class TestProcess:
    @asynccontextmanager
    async def _served(self, port: int, tasks: str = "forever", **given: str) -> AsyncIterator[subprocess.Popen[str]]:
        env = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://u:p@db/archivist", **given}
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port), tasks],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            cwd="/",
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    async def _ended(self, process: subprocess.Popen[str], within_s: float = 30) -> tuple[str, str]:
        return await asyncio.to_thread(process.communicate, timeout=within_s)

    async def test_a_busy_port_is_one_line(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            async with self._served(port) as process:
                _, said = await self._ended(process)
        assert process.returncode == 1
        assert said == f"archivist-tests: cannot listen on 127.0.0.1:{port}: Address already in use\n"

    async def test_it_serves_until_it_is_told_to_stop(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with self._served(port) as process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            deadline = time.monotonic() + 30
            while True:
                try:
                    answer = await http.get("/health/ready")
                    break
                except httpx.TransportError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
            assert answer.status_code == 200
            assert "server" not in answer.headers
            process.send_signal(signal.SIGTERM)
            out, said = await self._ended(process, within_s=10)
        assert process.returncode in {0, -signal.SIGTERM}
        assert out == "lifespan ended\n"
        lines = [json.loads(line) for line in said.splitlines()]
        assert lines[0]["message"] == "starting"
        assert lines[0]["port"] == port

    async def test_a_task_that_dies_takes_the_process_with_it(self) -> None:
        async with self._served(0, "dies") as process:
            out, said = await self._ended(process)
        assert process.returncode != 0 or out == "lifespan ended\n"
        [last_words] = [line for line in map(json.loads, said.splitlines()) if line["level"] == "CRITICAL"]
        assert "out of luck" in last_words["traceback"]

    async def test_settings_without_effect_are_one_warning_before_anything_else(self) -> None:
        given = {"FLASK_DEBUG": "false", "CELERY_BROKER_URL": "redis://localhost:6379/1", "EDITOR": "vi"}
        async with self._served(0, "dies", **given) as process:
            _, said = await self._ended(process)
        lines = [json.loads(line) for line in said.splitlines()]
        messages = [line["message"] for line in lines]
        assert messages[:2] == ["some settings have no effect or need a change", "starting"]
        assert [sentence.split()[0] for sentence in lines[0]["settings"]] == ["FLASK_DEBUG", "CELERY_BROKER_URL"]
        assert messages.count(messages[0]) == 1
