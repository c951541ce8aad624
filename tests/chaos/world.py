"""Everything of a station but the speech model, as processes that can be killed: servers, gateway, workers."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import httpx

from archivist_cli import accounts, config
from archivist_cli.local import children, runtime
from archivist_cli.local.ports import Reserved
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.valkey import Valkey
from archivist_common import failpoints
from archivist_common.database import migrate
from archivist_common.settings import asyncpg_dsn
from tests.chaos.history import History

ROOT = Path(__file__).parents[2]
STORAGE = "flex-1"
_READY_S = 60.0
_LONG_AGO_NS = 1_600_000_000 * 10**9
_TMPFS = "size=400m,mode=0755"
# The last one: of a connection whose last words the driver has only half read.
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_MIGRATING = asyncio.Lock()  # Alembic keeps what it works on in a module: two at once take one another's
_FENCED = re.compile(r'^archivist_fenced_writes_total\{component="transcriber"\} (\S+)$', re.MULTILINE)


class Program:
    """One of our processes: started, signalled, waited for, started again."""

    def __init__(self, name: str, command: Sequence[str], *, env: dict[str, str], log: Path, cwd: Path) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._log = log
        self._cwd = cwd
        self._port = Reserved("127.0.0.1", 0)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.port}"

    @property
    def port(self) -> int:
        return self._port.port

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        env = {
            **self._env,
            "API_PORT": str(self.port),
            "TRANSCRIBER_PORT": str(self.port),
            "VOD_PORT": str(self.port),
        }
        self._process = children.spawn(self._command, log=self._log, env=env, cwd=self._cwd)

    async def start(self) -> None:
        """Launch it and wait until it is ready. Raises TimeoutError with the end of its log."""
        self.launch()
        await self.ready()

    async def ready(self, within_s: float = _READY_S, what: str = "ready") -> None:
        """Wait for it. what: `live` is enough where others make that it is not ready. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        async with httpx.AsyncClient(timeout=3.0, trust_env=False, verify=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/health/{what}")).status_code == 200:
                        return
                if time.monotonic() > deadline or not self.runs:
                    tail = self._log.read_text(errors="replace")[-2000:]
                    raise TimeoutError(f"{self.name} is not ready:\n{tail}")
                await asyncio.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.signal(signal.SIGKILL)
        await self.ended(10)

    async def ended(self, within_s: float) -> bool:
        return self._process is None or await children.ended(self._process, within_s)

    async def stop(self, within_s: float = 10.0) -> None:
        if self._process is not None:
            self.signal(signal.SIGCONT)
            await children.end(self._process, ((signal.SIGTERM, within_s),))

    def close(self) -> None:
        self._port.release()


class Armed(Program):
    """A process with a folder of kill points of its own."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: dict[str, str], log: Path, cwd: Path, points: Path
    ) -> None:
        self.points = points
        points.mkdir(parents=True, exist_ok=True)
        super().__init__(name, command, env=env | {"KILL_POINTS": str(points)}, log=log, cwd=cwd)

    def arm(self, point: str, what: str) -> None:
        """Let the next process that reaches a named step be killed, stopped or delayed."""
        assert point in failpoints.POINTS, point
        made = self.points / f".{point}.new"
        made.write_text(what)
        made.rename(self.points / point)

    def disarm(self) -> None:
        for point in failpoints.POINTS:
            (self.points / point).unlink(missing_ok=True)

    def reached(self) -> int:
        """How many of its kill points have been reached so far."""
        return len(self.steps())

    def steps(self) -> list[tuple[int, str]]:
        """The kill points that were reached, in order, and by which process."""
        try:
            lines = [line.split() for line in (self.points / "reached").read_text().splitlines()]
        except FileNotFoundError:
            return []
        return [(int(pid), point) for _, pid, point, *_ in lines]

    @property
    def is_stopped(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False


class Worker(Armed):
    """A transcriber of stub slots."""

    def __init__(self, name: str, world: "World", *, slots: int, chunk_ms: int) -> None:
        self.slots = slots
        command = [sys.executable, "-m", "tests.chaos.worker", "--history", str(world.history.path)]
        command += ["--slots", str(slots), "--chunks", str(world.chunks), "--chunk-ms", str(chunk_ms)]
        super().__init__(
            name,
            command,
            env=world.environment,
            log=world.folder / f"{name}.log",
            cwd=world.folder,
            points=world.folder / "points" / name,
        )

    async def fenced_writes(self) -> float:
        """Writes refused to attempts of this process that had lost their job."""
        async with httpx.AsyncClient(timeout=5.0, trust_env=False, verify=False) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        found = _FENCED.search(text)
        return float(found[1]) if found else 0.0


class World:
    """`async with World(name, history, lease=…) as world:` servers and gateway run; workers are added."""

    def __init__(self, name: str, history: History, *, lease: timedelta, chunks: int = 3) -> None:
        self.name = name
        self.history = history
        self.lease = lease
        self.chunks = chunks
        self.folder = Path(tempfile.mkdtemp(prefix="archivist-chaos-"))
        self.media = self.folder / "media"
        self.output = self.folder / "output"
        self.recordings: dict[str, bytes] = {}
        """What each recording held when it was made."""
        self.workers: list[Worker] = []
        self.lent = set[Worker]()
        """Workers that somebody is doing something to."""
        self.mounted = False
        """The output folder is a file system of its own, which can be full or read-only."""
        self._stack = contextlib.AsyncExitStack()
        self._made = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        for folder in (self.media, self.output):
            folder.mkdir()
        self.mounted = _mounted(self.output)
        self.sockets = runtime.make()
        self.postgres = Postgres(
            self.folder / "postgres", runtime=self.sockets, log=self.folder / "postgres.log", durable=True
        )
        self.valkey = Valkey(self.folder / "valkey", runtime=self.sockets, log=self.folder / "valkey.log")
        await self.postgres.start()
        await self.valkey.start()
        async with _MIGRATING:
            await migrate.upgrade(asyncpg_dsn(self.postgres.dsn))
        self.key = await accounts.working_key(self.postgres.dsn)
        await self.fetch("INSERT INTO queue_control (id) VALUES (1) ON CONFLICT DO NOTHING")
        self.environment = dict(os.environ) | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "ENVIRONMENT": "testing",
            "DATABASE_URL": self.postgres.dsn,
            "REDIS_URL": self.valkey.url,
            "FLEX_SERVERS": config.storage_servers({STORAGE: self.media}),
            "DEFAULT_OUTPUT_PATH": str(self.output),
            "WHISPER_MODEL_PATH": str(ROOT / "demo"),
            "JOB_LEASE": str(self.lease.total_seconds()),
            "MAX_QUEUE_SIZE": "100000",
            "LOG_LEVEL": "WARNING",
        }
        self.gateway = Program(
            "gateway",
            [sys.executable, "-m", "archivist_api.app"],
            env=self.environment,
            log=self.folder / "gateway.log",
            cwd=self.folder,
        )
        self.publisher = Program(  # of which only the reconciler has work here, as at a station with its worker down
            "publisher",
            [sys.executable, "-m", "archivist_vod.app"],
            env=self.environment,
            log=self.folder / "publisher.log",
            cwd=self.folder,
        )
        await asyncio.gather(self.gateway.start(), self.publisher.start())

    async def _stop(self) -> None:
        programs = [*self.workers, *(getattr(self, name) for name in ("gateway", "publisher") if hasattr(self, name))]
        await asyncio.gather(*(program.stop() for program in programs))
        for program in programs:
            program.close()
        for server in (getattr(self, "valkey", None), getattr(self, "postgres", None)):
            if server is not None:
                await server.stop()
        if hasattr(self, "sockets"):
            runtime.remove(self.sockets)
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.output)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def join(self, *, slots: int = 1, chunk_ms: int = 40, lent: bool = False) -> Worker:
        """One more worker, ready. lent: nobody else may break it."""
        self._made += 1
        worker = Worker(f"worker-{self._made}", self, slots=slots, chunk_ms=chunk_ms)
        self.workers.append(worker)
        if lent:
            self.lent.add(worker)
        await worker.start()
        return worker

    async def leave(self, worker: Worker) -> None:
        """A worker that was joined stops for good."""
        await worker.stop()
        worker.close()
        self.workers.remove(worker)
        self.lent.discard(worker)

    def record(self, name: str) -> str:
        """A recording, given its name; the path to submit."""
        path = f"{name}.wav"
        data = self.recordings[path] = f"sound of {name}".encode()
        (self.media / path).write_bytes(data)
        os.utime(self.media / path, ns=(_LONG_AGO_NS, _LONG_AGO_NS))  # one that may still grow is looked at twice
        return path

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of a watcher's own. Raises one of AWAY while the server is."""
        connection = await self.postgres.connect("archivist")
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    @asynccontextmanager
    async def another_database(self) -> AsyncIterator[str]:
        """The address of a migrated database full of minimal jobs, which goes with the block."""
        name = "archivist_minimal"
        await self.fetch(f"CREATE DATABASE {name}")
        dsn = self.postgres.dsn_of(name)
        async with _MIGRATING:
            await migrate.upgrade(asyncpg_dsn(dsn))
        connection = await self.postgres.connect(name)
        try:
            await connection.execute(_MANY_JOBS)
            await connection.execute("ANALYZE")
        finally:
            await connection.close()
        try:
            yield dsn
        finally:
            await self.fetch(f"DROP DATABASE {name} WITH (FORCE)")

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        """Rows of a query, asked until the server answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                async with self.sql() as connection:
                    return list(await connection.fetch(query, *arguments))
            except AWAY:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)


_MANY_JOBS = """
INSERT INTO transcriptions (storage, filename, file_path, dedupe_key)
SELECT 'flex-1', n || '.wav', n || '.wav', n::text FROM generate_series(1, 8000) AS n
"""


def _mounted(folder: Path) -> bool:
    """Give the folder a small file system of its own, where we may."""
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", _TMPFS, "archivist-chaos", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
