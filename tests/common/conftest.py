"""A database that may be committed to, and what most tests of the truth begin with."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import User
from archivist_common.jobs import lifecycle, requests
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.settings import CommonSettings

LEASE = timedelta(seconds=30)

Submit = Callable[..., requests.Submission]
Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]
Captioned = Callable[..., Awaitable[UUID]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """A server to be stopped and killed; each test leaves it running."""
    sockets, folder = runtime.make(), tmp_path_factory.mktemp("postgres")
    server = Postgres(folder / "data", runtime=sockets, log=folder / "log", durable=False)
    await server.start()
    yield server
    await server.stop()
    runtime.remove(sockets)


@pytest_asyncio.fixture(loop_scope="session")
async def pool(own_database: str) -> AsyncIterator[AsyncEngine]:
    """An engine as every process has it, on a database of the test's own."""
    bind = engine(own_database, 20, 0, "tests")
    yield bind
    await bind.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def committed_db(pool: AsyncEngine) -> Database:
    """A pooled `Database` of the test's own: for several connections at once."""
    return Database(pool)


@pytest.fixture
def submission() -> Submit:
    """Makes submissions, each of another recording unless `path` is given."""
    numbers = count(1)

    def make(**changes: object) -> requests.Submission:
        plain = requests.Submission(
            storage="flex-1",
            path=f"2022/Council {next(numbers)} (20220412).mp4",
            size_bytes=1_000_000,
            mtime_ns=1_649_764_800_000_000_000,
            language="en",
            model="large-v2",
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def user() -> Callable[..., Awaitable[int]]:
    """Makes a person in a database; answers with the id."""
    numbers = count(1)

    async def make(db: Database, role: str = "user") -> int:
        number = next(numbers)
        async with db.transaction() as session:
            return await session.scalar(
                insert(User)
                .values(username=f"u{number}", email=f"u{number}@station.test", password_hash="-", role=role)
                .returning(User.id)
            )

    return make


@pytest.fixture
def claimed(submission: Submit) -> Claimed:
    """Submits a job and claims it. lease: negative for one that has lapsed already."""

    async def make(
        db: Database, *, owner: str = "host-a/slot-0", lease: timedelta = LEASE, **changes: object
    ) -> lifecycle.JobClaim:
        async with db.transaction() as session:
            job_id, _ = await requests.submit(session, submission(**{"priority": 5} | changes), max_queue=1000)
            held = await lifecycle.claim(session, owner, lease)
        assert held is not None
        assert held.id == job_id, "another job was waiting with a higher priority"
        return held

    return make


@pytest.fixture
def captioned(claimed: Claimed) -> Callable[..., Awaitable[UUID]]:
    """Captions a recording; answers with the transcription's id. says: what makes its captions those of no other."""
    numbers = count(1)

    async def make(db: Database, *, says: str = "", warnings: tuple[str, ...] = (), **changes: object) -> UUID:
        held = await claimed(db, **changes)
        digest = hashlib.sha256((says or f"captions {next(numbers)}").encode()).hexdigest()
        made = StagedFile("scc", Path(f"/vault/{held.id}/captions.scc"), digest, 10, Path(f"/public/{held.id}.scc"))
        async with db.transaction() as session:
            await lifecycle.complete(session, held, lifecycle.JobOutcome((made,), 60_000, "en", None, warnings))
        return held.id

    return make


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CommonSettings]:
    """Makes settings of a class from what is given and nothing else: no environment, no .env."""

    def make(cls: type[CommonSettings] = CommonSettings, **given: str) -> CommonSettings:
        for name in _names_of(cls):
            monkeypatch.delenv(name, raising=False)
        for name, value in ({"DATABASE_URL": "postgresql://u:p@db/archivist"} | given).items():
            monkeypatch.setenv(name, value)
        return cls(_env_file=None)  # type: ignore[call-arg]

    return make


def _names_of(cls: type[CommonSettings]) -> set[str]:
    names = set()
    for name, field in cls.model_fields.items():
        choices = getattr(field.validation_alias, "choices", None)
        names |= {str(choice) for choice in choices} if choices else {name.upper()}
    return names
