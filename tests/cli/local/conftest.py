"""A PostgreSQL data folder made once and copied for each test, and a look at what runs on this machine."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

import archivist_cli
import archivist_common
from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres


class Look:
    """What runs on this machine."""

    @staticmethod
    def alive(pid: int) -> bool:
        """Whether a process runs; a zombie does not."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    @staticmethod
    def mentioning(word: object) -> list[int]:
        """Processes, but for this one, with a word in their command line or environment."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(word).encode() in said and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        return found

    @staticmethod
    async def until(fact: Callable[[], object], within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while not fact():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


@pytest.fixture
def look() -> Look:
    return Look()


@pytest.fixture(scope="session")
def as_ordinary_user() -> Callable[..., subprocess.Popen[str]]:
    """Starts a Python script as a user who is not root, with our packages in reach. Its output is a pipe."""
    packages = (archivist_cli, archivist_common, asyncpg)
    path = os.pathsep.join(str(Path(package.__file__).parent.parent) for package in packages)
    identity = {"user": 65_534, "group": 65_534, "extra_groups": []} if os.geteuid() == 0 else {}

    def start(python: str, *arguments: str) -> subprocess.Popen[str]:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            [python, *arguments],
            env=env,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **identity,
        )

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            with start(python, "-c", "import archivist_cli, archivist_common, asyncpg") as trial:
                trial.communicate(timeout=30)
        except OSError:
            continue
        if trial.returncode == 0:
            return lambda *arguments: start(python, *arguments)
    pytest.skip("an ordinary user can read no Python with our packages here")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of this test's own directly beneath /tmp, whose command lines name it."""
    folder = Path(tempfile.mkdtemp(prefix="archivist-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sockets() -> Iterator[Path]:
    folder = runtime.make()
    yield folder
    runtime.remove(folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster() -> AsyncIterator[Path]:
    """A stopped PostgreSQL data folder, to be copied."""
    folder, sockets = Path(tempfile.mkdtemp(prefix="archivist-cluster-")), runtime.make()
    server = Postgres(folder / "postgres", runtime=sockets, log=folder / "log", durable=False)
    await server.start()
    await server.stop()
    runtime.remove(sockets)
    yield folder / "postgres"
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="session")
async def postgres(cluster: Path, place: Path, sockets: Path) -> AsyncIterator[Postgres]:
    """A running server on a copy of the cluster, with its crash safety on."""
    shutil.copytree(cluster, place / "postgres")
    server = Postgres(place / "postgres", runtime=sockets, log=place / "postgres.log")
    await server.start()
    yield server
    await server.stop()
