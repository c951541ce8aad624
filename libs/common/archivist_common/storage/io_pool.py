"""Helper processes that access a storage server, a few per server, each of which may be killed.

A thread that waits for a hung mount can never be ended. A helper (`io_process`) that misses its deadline
is killed and replaced. The kernel may hold a killed one until the server responds again: it counts as one
of the few meanwhile, and while all are held like that, further calls for this server fail at once.
"""

import asyncio
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from archivist_common.errors import StorageUnavailable, by_code
from archivist_common.observability.outage import Outage
from archivist_common.storage.mounts import MountKind

log = logging.getLogger(__name__)

HELPERS = 4  # processes per server, stuck ones included
_REPLY_LIMIT = 32 * 1024**2  # bytes of one answer; 10,000 entries of the longest names are under 20 MiB
_STUCK_AFTER = 0.5  # seconds a killed helper may take to end before it counts as stuck


class _Helper:
    """One helper process and our end of its socket."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer
        self.killed_at: float | None = None

    @classmethod
    async def start(cls, root: Path) -> Self:
        ours, theirs = socket.socketpair()
        try:
            process = _popen(root, theirs)
        except OSError as exc:
            ours.close()
            raise StorageUnavailable(f"no storage helper for {str(root)!r} could be started: {exc}") from exc
        finally:
            theirs.close()
        try:
            return cls(process, *await asyncio.open_unix_connection(sock=ours, limit=_REPLY_LIMIT))
        except BaseException:
            ours.close()
            process.kill()
            process.wait()  # at once: it has had no request yet, so no mount holds it
            raise

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises StorageUnavailable when the helper has ended."""
        try:
            self._writer.write(json.dumps(request).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        except OSError as exc:
            raise StorageUnavailable(f"the storage helper has ended: {exc}") from exc
        if not line.endswith(b"\n"):
            raise StorageUnavailable("the storage helper ended in the middle of its answer")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.killed_at = time.monotonic()
        self._writer.close()

    @property
    def stuck(self) -> bool:
        return self.killed_at is not None and time.monotonic() - self.killed_at > _STUCK_AFTER

    async def ended(self) -> None:
        """Return when the process is gone and reaped; waits for as long as that takes."""
        pause = 0.005
        while self.process.poll() is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.25)

    def abandon(self) -> None:
        """Leave it to end when the kernel lets it, and have it reaped then."""
        threading.Thread(target=self.process.wait, daemon=True).start()


class HelperPool:
    """Up to HELPERS processes for one server; a stuck one keeps its place until it ends."""

    def __init__(self, name: str, root: Path, kind: MountKind) -> None:
        self._name = name
        self._root = root
        self._kind = kind
        self._places = asyncio.Semaphore(HELPERS)
        self._idle: list[_Helper] = []
        self._dying: dict[_Helper, asyncio.Task[None]] = {}
        self._outage = Outage(log, "storage", meanwhile="what needs it waits", fields={"storage": name})

    @property
    def stuck(self) -> int:
        return sum(helper.stuck for helper in self._dying)

    async def warm(self) -> None:
        async with self._places:
            self._idle.append(await _Helper.start(self._root))

    async def answer(self, request: dict[str, Any], deadline: timedelta) -> dict[str, Any]:
        """The helper's result; raises what it raised, and StorageUnavailable on a timeout."""
        try:
            reply = await self.ask(request, deadline)
        except TimeoutError as exc:
            raise StorageUnavailable(f"storage {self._name!r}: {exc}") from exc
        if "error" in reply:
            raise by_code(reply["error"])(f"storage {self._name!r}: {reply['message']}")
        found: dict[str, Any] = reply["ok"]
        return found

    async def ask(self, request: dict[str, Any], deadline: timedelta) -> dict[str, Any]:
        """The helper's reply. Raises TimeoutError when there is none in time."""
        if self.stuck >= HELPERS:
            raise TimeoutError(f"it is not responding; {self.stuck} processes are stuck in it")
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                reply = await self._ask(request | {"kind": self._kind.value, "name": self._name})
        except TimeoutError as exc:
            why = f"it did not answer within {deadline.total_seconds():g} s"
            self._outage.failed(why)
            raise TimeoutError(why) from exc
        self._outage.recovered()
        if self._kind is MountKind.AUTO and (reply["mounted"] or reply["marked"]):
            # What was mounted or marked once and is not now is unavailable.
            self._kind = MountKind.MARKER if reply["marked"] else MountKind.MOUNT
        return reply

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        await self._places.acquire()
        try:
            helper = self._living() or await _Helper.start(self._root)
        except BaseException:
            self._places.release()
            raise
        try:
            reply = await helper.ask(request)
        except BaseException:
            # Late, cancelled or broken: its next line would be the answer to another request.
            helper.kill()
            self._dying[helper] = asyncio.create_task(self._bury(helper))
            raise
        self._idle.append(helper)
        self._places.release()
        return reply

    def _living(self) -> _Helper | None:
        """An idle helper; one that has ended meanwhile is dropped."""
        while self._idle:
            helper = self._idle.pop()
            if helper.process.poll() is None:
                return helper
            helper.kill()
        return None

    async def _bury(self, helper: _Helper) -> None:
        await helper.ended()
        del self._dying[helper]
        self._places.release()

    async def close(self) -> None:
        """End every helper; one that is stuck in the kernel is left to end when its server answers."""
        for helper in self._idle:
            helper.kill()
            self._dying[helper] = asyncio.create_task(self._bury(helper))
        self._idle.clear()
        if self._dying:
            _, late = await asyncio.wait(list(self._dying.values()), timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for helper in self._dying:
                log.warning("storage helper left stuck", extra={"child": helper.process.pid})
                helper.abandon()


def _popen(root: Path, theirs: socket.socket) -> subprocess.Popen[bytes]:
    # No environment: the helper needs no secret. A session of its own: Ctrl-C is not for it.
    command = [sys.executable, "-I", "-X", "utf8", "-m", "archivist_common.storage.io_process", str(root)]
    end = theirs.fileno()
    return subprocess.Popen(command, stdin=end, stdout=end, env={}, cwd="/", start_new_session=True)
