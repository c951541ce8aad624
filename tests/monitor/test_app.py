"""The monitor as a process: its report over HTTP, with everything there, and without a database."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import insert

from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Worker
from archivist_common.settings import MonitorSettings
from archivist_monitor.app import create_app
from archivist_monitor.checks import CHECKS
from archivist_monitor.checks.database import DatabaseCheck
from archivist_monitor.runner import CheckRunner

Settings = Callable[..., MonitorSettings]
NOWHERE = "postgresql://postgres@/archivist?host=/nonexistent"


@asynccontextmanager
async def running(settings: MonitorSettings) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = create_app(settings)
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://monitor") as client,
    ):
        yield app, client


async def _seen_once(client: httpx.AsyncClient) -> httpx.Response:
    async with asyncio.timeout(20):
        while (answer := await client.get("/health")).json()["status"] == "starting":
            await asyncio.sleep(0.05)
    return answer


async def test_before_the_first_round_the_report_says_starting(settings: Settings) -> None:
    async with running(settings()) as (app, client):
        app.state.runner = CheckRunner(
            {"database": DatabaseCheck(app.state.db)}, timedelta(seconds=10)
        )  # has not looked yet
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "starting")
        assert answer.json()["waiting"] == ["database"]


async def test_every_component_has_a_status_values_thresholds_an_age_and_a_reason(
    settings: Settings, own_database: str
) -> None:
    bind = engine(own_database, 1, 0, "tests")
    async with Database(bind).transaction() as session:
        await session.execute(insert(Worker).values(id="host-a", host="host-a", slots=1, free_slots=1, ready=True))
    await bind.dispose()
    async with running(settings()) as (_, client):
        answer = await _seen_once(client)
        report = answer.json()
        assert answer.status_code == (503 if report["status"] == "unhealthy" else 200)
        assert set(report["components"]) == set(CHECKS)
        for name, component in report["components"].items():
            assert 0 <= component["age_s"] < 20
            silent = component["status"] == "healthy" and name != "vod"
            assert (component["reason"] is None) == silent, (name, component)
        assert report["components"]["vod"]["reason"] == "publishing is not set up"
        # The disk and the memory of the machine that tests run on may be full.
        others = [report["components"][name] for name in ("database", "redis", "transcription")]
        assert [component for component in others if component["status"] != "healthy"] == []
        database = report["components"]["database"]["values"]["active_connections"]
        assert database["threshold"] == {"degraded": 50, "unhealthy": None}
        mounts = report["components"]["storage"]["parts"]
        assert set(mounts) == {"media", "DEFAULT_OUTPUT_PATH"}
        assert mounts["media"]["values"]["used"]["threshold"] == {"degraded": 80, "unhealthy": 90}
        assert mounts["media"]["values"]["free"]["value"] > 0


async def test_the_figures_of_the_station_are_exported_once_each(settings: Settings) -> None:
    async with running(settings()) as (_, client):
        await _seen_once(client)
        lines = (await client.get("/metrics")).text.splitlines()
    for name in (
        'archivist_jobs{status="pending"}',
        "archivist_job_oldest_pending_seconds",
        "archivist_outbox_unsent",
        "archivist_outbox_oldest_age_seconds",
        'archivist_flex_mount_up{mount="media"}',
        'archivist_flex_size_bytes{mount="media"}',
        'archivist_flex_free_bytes{mount="media"}',
        "archivist_redis_memory_used_ratio",
        'archivist_component_status{component="system"}',
    ):
        assert sum(line.startswith(f"{name} ") for line in lines) == 1, name


async def test_a_monitor_without_its_database_lives_is_not_ready_and_reports_why(settings: Settings) -> None:
    async with running(settings(database_url=NOWHERE)) as (_, client):
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["reason"]) == (503, "database unavailable")
        answer = await _seen_once(client)
        began = time.perf_counter()
        answer = await client.get("/health")
        assert time.perf_counter() - began < 2
        components = answer.json()["components"]
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        assert components["database"]["reason"] == "database unavailable"
        assert components["storage"]["parts"]["media"]["values"]["total"]["value"] > 0
        assert components["system"]["values"]["memory"]["value"] > 0


async def test_it_says_what_it_is_and_states_its_report_in_openapi(settings: Settings) -> None:
    async with running(settings()) as (_, client):
        assert (await client.get("/version")).json()["service"] == "monitor"
        answers = (await client.get("/openapi.json")).json()["paths"]["/health"]["get"]["responses"]
        assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/HealthReport")
        assert "503" in answers
