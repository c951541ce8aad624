"""A running gateway on real servers, people of every role, and a folder of recordings."""

import asyncio
import functools
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as pg_insert

from archivist_api.app import create_app
from archivist_api.deps import Deps
from archivist_common.database.engine import Database
from archivist_common.database.models import Base, CablecastShow, User
from archivist_common.jobs import lifecycle as jobs
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing import targets
from archivist_common.security import accounts, api_keys, passwords, sessions, tokens
from archivist_common.security.permissions import Permission
from archivist_common.settings import ApiSettings
from archivist_common.states import PublishStage, Role
from archivist_common.storage.client import MountKind, StorageServer

PASSWORD = "seven green lanterns at dusk"
SECRET = "0f8c1d5e-not-a-real-one-but-long-enough-7b21"
NAMES = {Role.ADMIN: "ada", Role.OPERATOR: "otto", Role.USER: "uma"}


@dataclass
class Gateway:
    """A gateway in this process. `client()` speaks to it without a log-in, `as_()` with one."""

    app: FastAPI
    settings: ApiSettings
    media: Path
    output: Path
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def deps(self) -> Deps:
        return self.app.state.deps

    @property
    def db(self) -> Database:
        return self.deps.db

    def client(self, credential: str | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway/api/v1", headers=headers)

    async def log_in(self, username: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        async with self.client() as client:
            return await client.post("/auth/login", json={"username": username, "password": password, **more})

    async def add(self, username: str, role: Role = Role.USER) -> int:
        """Somebody with a password of their own, logged in."""
        user = {"username": username, "email": f"{username}@localhost", "role": role, "password_hash": await _hash()}
        async with self.db.transaction() as session:
            user_id = (await session.execute(insert(User).values(user).returning(User.id))).scalar_one()
            opened = await sessions.start(session, user_id)
        access = tokens.issue(self.deps.keys, user_id, opened.id, self.settings.token_lifetime, datetime.now(UTC))
        self.tokens[username] = {"access_token": access, "refresh_token": opened.refresh_token}
        return user_id

    @asynccontextmanager
    async def as_(self, username: str) -> AsyncIterator[httpx.AsyncClient]:
        async with self.client(self.tokens[username]["access_token"]) as client:
            yield client

    async def key(self, username: str, *permissions: Permission, life: timedelta = timedelta(days=1)) -> str:
        async with self.db.transaction() as session:
            account = await accounts.find(session, username)
            assert account is not None
            made = await api_keys.create(session, account.id, "test", permissions, life=life, environment="testing")
        return made.text

    def recording(self, name: str, content: bytes = b"not looked at by the gateway") -> str:
        path = self.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        then = time.time() - 3600  # it has been finished for long
        os.utime(path, (then, then))
        return name

    async def user_id(self, username: str) -> int:
        async with self.db.transaction() as session:
            account = await accounts.find(session, username)
        assert account is not None
        return account.id

    async def claim(self) -> jobs.JobClaim:
        async with self.db.transaction() as session:
            held = await jobs.claim(session, "worker", timedelta(seconds=30))
        assert held is not None
        return held

    async def complete(
        self,
        held: jobs.JobClaim,
        files: dict[str, bytes] | None = None,
        *,
        warnings: tuple[str, ...] = (),
        summary: dict[str, Any] | None = None,
        unheard: tuple[tuple[int, int], ...] = (),
    ) -> None:
        """What a worker does at the end of a job: files in the vault, then one transaction."""
        folder = self.output / ".archivist" / str(held.id) / str(held.attempt)
        folder.mkdir(parents=True)
        made = []
        for kind, data in (files or {"scc": b"Scenarist_SCC V1.0\n"}).items():
            path = folder / f"captions.{kind}"
            path.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            made.append(StagedFile(kind, path, digest, len(data), self.output / "flex-1" / f"public.{kind}"))
        outcome = jobs.JobOutcome(tuple(made), 60_000, "en", summary, warnings, unheard)
        async with self.db.transaction() as session:
            await jobs.complete(session, held, outcome)

    async def captioned(self, username: str, name: str, says: str | None = None, **more: Any) -> str:
        """A recording of somebody's that has been captioned; the transcription's id."""
        async with self.as_(username) as client:
            body = {"storage": "flex-1", "path": self.recording(name, os.urandom(8)), "priority": 5}
            job_id = (await client.post("/transcriptions", json=body)).json()["id"]
        held = await self.claim()
        assert str(held.id) == job_id
        await self.complete(held, {"scc": (says or f"captions of {job_id}").encode()}, **more)
        return str(job_id)

    async def show(self, number: int, title: str = "Birchwood City Council", **more: Any) -> int:
        """A show as a sync has seen it; its number."""
        async with self.db.transaction() as session:
            values = {"cablecast_id": number, "title": title, **more}
            await session.execute(
                pg_insert(CablecastShow).values(values).on_conflict_do_nothing(index_elements=["cablecast_id"])
            )
        return number

    async def target(self, name: str = "cablecast", *, automatic: bool = False) -> None:
        """A publisher reports this target."""
        async with self.db.transaction() as session:
            given = {"capabilities": {"captions": ["scc"]}, "credentials_sha256": "0" * 64, "automatic": automatic}
            await targets.report(session, name, name, **given)

    async def take(self, name: str = "cablecast") -> publishing.PublicationClaim:
        async with self.db.transaction() as session:
            held = await publishing.claim(session, "vod-1", timedelta(seconds=30), [name])
        assert held is not None
        return held

    async def published(self, held: publishing.PublicationClaim, vod: str = "913") -> None:
        """What a publisher does when the target has shown the captions."""
        held = held.at(PublishStage.METADATA, {"show": 4120, "title": "Council"})
        async with self.db.transaction() as session:
            await publishing.save(session, held, vod_id=vod, vendor_state="complete", vendor_percent=100.0)
            await publishing.mark_placed(session, held)
            assert await publishing.finish(session, held, url=f"http://vod.test/{vod}.mp4")

    async def credential(self, username: str) -> str:
        """An access token of a new session."""
        async with self.db.transaction() as session:
            account = await accounts.find(session, username)
            assert account is not None
            opened = await sessions.start(session, account.id)
        return tokens.issue(self.deps.keys, account.id, opened.id, self.settings.token_lifetime, datetime.now(UTC))


@asynccontextmanager
async def gateway_of(database_url: str, redis_url: str, folder: Path, **given: Any) -> AsyncIterator[Gateway]:
    media, output = folder / "media", folder / "output"
    media.mkdir(exist_ok=True)
    output.mkdir(exist_ok=True)
    settings = ApiSettings(
        _env_file=None,
        **{
            "environment": "testing",
            "database_url": database_url,
            "redis_url": redis_url,
            "secret_key": SECRET,
            "flex_servers": (StorageServer("flex-1", media, kind=MountKind.FOLDER),),
            "default_output_path": output,
            "model_directory": folder / "models",
            "whisper_model_path": folder / "models" / "standard",
            **given,
        },
    )
    app = create_app(settings)
    async with LifespanManager(app):
        yield Gateway(app, settings, media, output)


@pytest.fixture
def start_gateway() -> Callable[..., AbstractAsyncContextManager[Gateway]]:
    """`gateway_of`, for a gateway with other settings or servers."""
    return gateway_of


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_gateway(servers, migrated_template, redis_url, tmp_path_factory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    async with (
        servers.database(migrated_template) as url,
        gateway_of(url, redis_url, folder) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(one_gateway: Gateway) -> Gateway:
    """A gateway with an empty database and no recordings; the three of NAMES are logged in."""
    async with one_gateway.db.transaction() as session:
        for table in reversed(Base.metadata.sorted_tables):  # on small tables TRUNCATE is slower
            await session.execute(table.delete())
    for folder in (one_gateway.media, one_gateway.output):
        shutil.rmtree(folder)
        folder.mkdir()
    one_gateway.tokens.clear()
    for role, name in NAMES.items():
        await one_gateway.add(name, role)
    return one_gateway


@pytest_asyncio.fixture(loop_scope="session")
async def listening(gateway: Gateway, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway behind a real HTTP server on a socket; events come as they are made."""
    socket = str(tmp_path / "gateway.sock")
    config = uvicorn.Config(gateway.app, uds=socket, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    transport = httpx.AsyncHTTPTransport(uds=socket)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway/api/v1", timeout=20) as client:
        yield client
    server.should_exit = True
    await serving


@functools.cache
def _hashed() -> asyncio.Future[str]:
    return asyncio.ensure_future(passwords.hash_password(PASSWORD))


async def _hash() -> str:
    return await _hashed()


@pytest.fixture
def submission(gateway: Gateway) -> Callable[..., dict[str, Any]]:
    """The body of a submission of a recording that exists."""

    def make(name: str = "Council (20220412).mp4", **more: Any) -> dict[str, Any]:
        return {"storage": "flex-1", "path": gateway.recording(name), **more}

    return make
