"""All of Archivist on one machine: servers, migrations, services; started in order, stopped within ten seconds."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from archivist_cli.local import children, environment, processes, runtime
from archivist_cli.local.data_folder import DataFolder, Running
from archivist_cli.local.errors import StackError, StackInterrupted
from archivist_cli.local.ports import Ports, Reserved
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.processes import Service, Supervisor, WaitFor
from archivist_cli.local.valkey import Valkey

SERVICES = ("api", "transcriber", "vod", "monitor")
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = {"0.0.0.0": _LOOPBACK, "::": "[::1]"}  # noqa: S104 -- how such an address is reached from here
_MIGRATIONS_S = 600.0
_TIDY_EVERY_S = 60.0
_NOTED = (  # what another command must know of a running stack
    *("DEFAULT_OUTPUT_PATH", "FLEX_SERVERS", "JOB_LEASE", "JOB_TIMEOUT", "CELERY_TASK_TIMEOUT"),
    *("DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW"),
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stack:
    """`async with Stack(data, settings=…) as stack: await stack.wait()`

    data: the only folder written to, but for a folder of sockets that goes when we go.
    settings: what the services are told, over this process' environment, each those it reads; paths must be
    absolute. An empty value means: not set, whatever the environment says.
    wait_for: "live" starts also where what others provide, such as a speech model, is missing; "ready" does not.
    PostgreSQL and Valkey are started where it has no DATABASE_URL and no REDIS_URL; only these settings
    decide, not the environment.
    Entering raises StackError with a sentence when something does not start; whatever had started is
    stopped. While inside, SIGINT, SIGTERM and SIGHUP mean stop. Use it from the main thread.
    """

    def __init__(
        self,
        data: Path,
        *,
        settings: Mapping[str, str],
        ports: Ports | None = None,
        services: Sequence[str] = SERVICES,
        durable: bool = True,
        wait_for: WaitFor = "ready",
    ) -> None:
        self._data = data.resolve()
        self._settings = {name: value for name, value in settings.items() if value}
        self._unset = settings.keys() - self._settings.keys()
        self._ports = ports or Ports()
        self._names = tuple(services)
        self._durable = durable
        self._wait_for = wait_for
        self._supervisor = Supervisor()
        self._reserved: dict[str, Reserved] = {}
        self._folder: DataFolder | None = None
        self._runtime: Path | None = None
        self._asked_to_stop = asyncio.Event()
        self._signals: Any = None
        self._tidying: asyncio.Task[None] | None = None
        self.database_url = self._settings.get("DATABASE_URL", "")
        self.redis_url = self._settings.get("REDIS_URL", "")

    @property
    def urls(self) -> dict[str, str]:
        """Where each service answers, by name, as reached from this machine."""
        return {name: f"http://{self._reached(name)}:{self._reserved[name].port}" for name in self._names}

    @property
    def api_url(self) -> str:
        return self.urls["api"]

    @property
    def data(self) -> Path:
        return self._data

    def pids(self) -> dict[str, int]:
        """The process of each running server and service, by name."""
        return self._supervisor.pids()

    async def wait(self) -> None:
        """Return when somebody asks us to stop: Ctrl-C, SIGTERM, or a closed terminal."""
        await self._asked_to_stop.wait()

    async def __aenter__(self) -> Self:
        self._signals = _on_signals(self._asked_to_stop)
        self._signals.__enter__()
        try:
            await self._unless_asked_to_stop(self._start())
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _unless_asked_to_stop(self, work: Awaitable[None]) -> None:
        working = asyncio.ensure_future(work)
        asked = asyncio.create_task(self._asked_to_stop.wait())
        try:
            await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise StackInterrupted("stopped before everything was ready")
            await working
        finally:
            for task in (working, asked):
                task.cancel()
            await asyncio.gather(working, asked, return_exceptions=True)

    async def _start(self) -> None:
        for name in self._names:  # the gateway first: a busy port is said before anything is touched
            self._reserved[name] = Reserved(self._host(name), getattr(self._ports, name))
        folder = self._folder = DataFolder(self._data)
        self._clear_up_after(folder.last())
        try:
            await self._start_servers(folder)
            (self._data / "transcriptions").mkdir(exist_ok=True)  # the monitor looks for it before the first job
            everything = self._environment(folder)
            await self._migrate(folder, environment.told("migrate", everything))
            await self._supervisor.start(
                *(self._service(name, folder, environment.told(name, everything)) for name in self._names)
            )
            api_url = self.urls.get("api", "")
            self._tidying = asyncio.create_task(_keep_small(folder.logs))
            told = {name: everything[name] for name in _NOTED if everything.get(name)}
            folder.note(
                Running(os.getpid(), api_url, self.database_url, self.redis_url, str(self._runtime or ""), told)
            )
        except OSError as exc:
            raise StackError(f"cannot use the data folder {self._data}: {exc}") from exc

    def _clear_up_after(self, last: Running | None) -> None:
        """A launcher that was killed could not tidy up. The servers' own leftovers are theirs to end."""
        processes.kill_tagged(str(self._data))
        if last is not None and last.runtime:
            runtime.remove(Path(last.runtime))

    async def _start_servers(self, folder: DataFolder) -> None:
        if self.database_url and self.redis_url:
            return
        self._runtime = runtime.make()
        # Noted at once: a kill from here on leaves the folder of sockets to the next start.
        folder.note(Running(os.getpid(), "", "", "", str(self._runtime)))
        tier: list[Postgres | Valkey] = []
        if not self.database_url:
            postgres = Postgres(
                self._data / "postgres",
                runtime=self._runtime,
                log=folder.logs / "postgres.log",
                durable=self._durable,
            )
            self.database_url = postgres.dsn
            tier.append(postgres)
        if not self.redis_url:
            valkey = Valkey(self._data / "valkey", runtime=self._runtime, log=folder.logs / "valkey.log")
            self.redis_url = valkey.url
            tier.append(valkey)
        await self._supervisor.start(*tier)

    def _environment(self, folder: DataFolder) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in self._unset}
        ours = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        if "DATABASE_URL" not in self._settings:
            # PGHOST, PGSERVICE and their like belong to another server.
            inherited = {name: value for name, value in inherited.items() if not name.startswith("PG")}
        if "REDIS_URL" not in self._settings:
            ours |= {"REDIS_PASSWORD": "", "REDIS_DB": ""}
        defaults = {
            "DEFAULT_OUTPUT_PATH": str(self._data / "transcriptions"),
            "TEMP_DIRECTORY": str(self._data / "temp"),
            "LOG_FILE": str(folder.logs / "plain" / "archivist.log"),
        }
        if not {"SECRET_KEY", "JWT_SECRET_KEY", "FLASK_SECRET_KEY"} & self._settings.keys():
            defaults |= {"JWT_SECRET_KEY": "", "SECRET_KEY": folder.secret_key()}
        addresses = {f"{name.upper()}_PORT": str(reserved.port) for name, reserved in self._reserved.items()}
        addresses |= {f"{name.upper()}_HOST": self._host(name) for name in self._names}
        return inherited | {"PYTHONUNBUFFERED": "1"} | defaults | self._settings | ours | addresses

    async def _migrate(self, folder: DataFolder, told: Mapping[str, str]) -> None:
        log = folder.logs / "migrate.log"
        log_start = children.size(log)
        process = children.spawn(
            [sys.executable, "-m", "archivist_common.database.migrate"], log=log, env=told, cwd=self._data
        )
        try:
            if not await children.ended(process, _MIGRATIONS_S):
                raise StackError(f"the database was not migrated within {_MIGRATIONS_S:g} s: see {log}")
        finally:
            await children.end(process, ((signal.SIGTERM, 1.0),))
        if process.returncode != 0:
            raise StackError(f"the database could not be migrated:\n{children.since(log, log_start)}")

    def _service(self, name: str, folder: DataFolder, told: Mapping[str, str]) -> Service:
        return Service(
            name,
            [sys.executable, "-m", f"archivist_{name}.app"],
            url=self.urls[name],
            env=told,
            log=folder.logs / f"{name}.log",
            cwd=self._data,  # a .env elsewhere is for the caller to read
            tag=str(self._data),
            wait_for=self._wait_for,
        )

    async def _stop(self) -> None:
        try:
            if self._tidying is not None:
                self._tidying.cancel()
                await asyncio.gather(self._tidying, return_exceptions=True)
            await self._supervisor.stop()
            if self._runtime is not None:
                runtime.remove(self._runtime)
            if self._folder is not None:
                self._folder.forget()
        finally:
            for reserved in self._reserved.values():
                reserved.release()
            if self._folder is not None:
                self._folder.release()
                self._folder = None
            self._signals.__exit__(None, None, None)

    def _host(self, name: str) -> str:
        return self._settings.get(f"{name.upper()}_HOST", _LOOPBACK)

    def _reached(self, name: str) -> str:
        host = self._host(name)
        return _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)


async def _keep_small(logs: Path) -> None:
    while True:
        await asyncio.sleep(_TIDY_EVERY_S)
        for log in logs.glob("*.log"):
            await asyncio.to_thread(children.turn_over, log)


@contextmanager
def _on_signals(asked: asyncio.Event) -> Iterator[None]:
    """Set an event when we are asked to stop, and give the signals back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    # What nohup and its like ignore stays ignored.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in taken:
        loop.add_signal_handler(number, asked.set)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
