"""What the gateway answers while something it needs is away."""

import asyncio
import os
from pathlib import Path

import pytest

from archivist_common.storage.client import MountKind, StorageServer

DEAD = "postgresql+asyncpg://archivist@localhost/archivist?host={folder}"


async def test_without_redis_a_submission_is_still_accepted(start_gateway, own_database, tmp_path):
    dead = f"unix://{tmp_path}/no-redis.sock"
    async with start_gateway(own_database, dead, tmp_path) as running:
        await running.add("uma")
        async with running.as_("uma") as uma:
            answer = await uma.post("/transcriptions", json={"storage": "flex-1", "path": running.recording("a.mp4")})
            assert answer.status_code == 202
            assert (await uma.get("http://gateway/health/ready")).status_code == 200
        assert str((await running.claim()).id) == answer.json()["id"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/login", {"username": "uma", "password": "x"}),
        ("POST", "/auth/refresh", {"refresh_token": "x" * 43}),
        ("GET", "/transcriptions", None),
        ("POST", "/transcriptions", {"storage": "flex-1", "path": "a.mp4"}),
        ("GET", "/storage", None),
    ],
)
async def test_without_the_database_every_door_says_come_again(
    gateway, start_gateway, redis_url, tmp_path, method, path, body
):
    token = await gateway.credential("uma")
    async with (
        start_gateway(DEAD.format(folder=tmp_path), redis_url, tmp_path) as running,
        running.client(token) as client,
    ):
        running.recording("a.mp4")
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "DATABASE_UNAVAILABLE"
        assert int(answer.headers["retry-after"]) > 0


async def test_without_the_database_it_lives_but_is_not_ready(start_gateway, redis_url, tmp_path):
    async with (
        start_gateway(DEAD.format(folder=tmp_path), redis_url, tmp_path) as running,
        running.client() as client,
    ):
        assert (await client.get("http://gateway/health/live")).status_code == 200
        answer = await client.get("http://gateway/health/ready")
        assert answer.status_code == 503
        assert "database" in answer.json()["reason"]


async def test_a_server_that_is_away_keeps_nobody_from_the_others(start_gateway, own_database, redis_url, tmp_path):
    (tmp_path / "media").mkdir()
    servers = (
        StorageServer("flex-1", tmp_path / "media", kind=MountKind.FOLDER),
        StorageServer("flex-2", tmp_path / "unplugged", kind=MountKind.MOUNT),
    )
    async with start_gateway(own_database, redis_url, tmp_path, flex_servers=servers) as running:
        await running.add("uma")
        running.recording("a.mp4")
        async with running.as_("uma") as uma:
            states = {state["name"]: state for state in (await uma.get("/storage")).json()["items"]}
            assert states["flex-1"]["readable"]
            assert not states["flex-2"]["mounted"]
            assert states["flex-2"]["reason"]
            assert str(tmp_path) not in states["flex-2"]["reason"]
            assert len((await uma.get("/storage/flex-1/files")).json()["items"]) == 1
            for answer in (
                await uma.get("/storage/flex-2/files"),
                await uma.post("/transcriptions", json={"storage": "flex-2", "path": "a.mp4"}),
            ):
                assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
                assert str(tmp_path) not in answer.text


async def test_an_output_that_hangs_is_given_up(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, storage_deadline=1) as running:
        await running.add("uma")
        async with running.as_("uma") as uma:
            body = {"storage": "flex-1", "path": running.recording("a.mp4")}
            job = (await uma.post("/transcriptions", json=body)).json()
            await running.complete(await running.claim())
            path = next(Path(running.output).rglob("captions.scc"))
            path.unlink()
            os.mkfifo(path)  # opening it waits for a writer, as a mount that hangs waits for its server
            answers = await asyncio.gather(*(uma.get(f"/transcriptions/{job['id']}/captions/scc") for _ in range(12)))
            assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
                (503, "STORAGE_UNAVAILABLE")
            }
            assert (await uma.get(f"/transcriptions/{job['id']}")).status_code == 200
            with path.open("wb"):  # lets the readers go
                await asyncio.sleep(0.3)
