"""Children kept running: waited for at the start, started again when they die, ended in order."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import httpx

from archivist_cli.local.children import LoggedProcess
from archivist_cli.local.errors import StackError

log = logging.getLogger(__name__)

STOP_S = 9.5  # all of a stop; a person waits ten seconds at most
SERVICES_STOP_S = 8.0  # of these, what services have between SIGTERM and SIGKILL
_READY_S = 120.0  # a speech model is read from a slow disk
_ASK_S = 3.0
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 10.0
_SETTLED_S = 60.0  # alive for so long, a child has its first delay back
_WATCH_S = 0.1
_SWEEPS = 5  # one process may start another while we look
_TAG = "ARCHIVIST_CHILD_OF"

WaitFor = Literal["live", "ready"]
"""When a start is done: the process answers, or it can do all of its work."""


class Child(Protocol):
    """A server or service that can be started again after it died."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    def exit_code(self) -> int | None:
        """None while it runs."""

    async def start(self) -> None:
        """Return when it is ready. Raises StackError, the process perhaps still running."""

    async def stop(self, within_s: float) -> None:
        """End it, by force when the time is over."""


class Service(LoggedProcess):
    """One of our own programs. url: where its /health/… is asked. tag: marks all its descendants."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        url: str,
        env: Mapping[str, str],
        log: Path,
        cwd: Path,
        tag: str,
        wait_for: WaitFor = "ready",
        ready_within_s: float = _READY_S,
    ) -> None:
        super().__init__(log)
        self.name = name
        self.url = url
        self._command = command
        self._tag = f"{tag}//{name}"  # no plain path holds "//": one folder's tag never begins another's
        self._env = {**env, _TAG: self._tag}
        self._cwd = cwd
        self._wait_for = wait_for
        self._ready_within_s = ready_within_s

    async def start(self) -> None:
        kill_tagged(self._tag)  # what the one before started, if it was killed
        self._spawn(self._command, env=self._env, cwd=self._cwd)
        deadline = time.monotonic() + self._ready_within_s
        reason = "no answer"
        async with httpx.AsyncClient(timeout=_ASK_S, trust_env=False) as client:
            while True:
                code, output = self.exit_code(), self._output()
                if code is not None:
                    raise StackError(f"{self.name} {_how(code)} before it was ready:\n{output}")
                try:
                    answer = await client.get(f"{self.url}/health/{self._wait_for}")
                    if answer.status_code == 200:
                        return
                    reason = answer.text[:500]
                except httpx.HTTPError as exc:
                    reason = str(exc) or type(exc).__name__
                if time.monotonic() >= deadline:
                    within = f"within {self._ready_within_s:g} s"
                    raise StackError(f"{self.name} was not {self._wait_for} {within} ({reason}):\n{output}")
                await asyncio.sleep(0.1)

    async def stop(self, within_s: float = SERVICES_STOP_S) -> None:
        await self._end(((signal.SIGTERM, within_s),))
        kill_tagged(self._tag)


class Supervisor:
    """Starts tiers of children, each when the tier before is ready, and keeps every child running until `stop`.

    Use it from one thread: the children die with the thread that started them.
    """

    def __init__(self) -> None:
        self._tiers: list[tuple[Child, ...]] = []
        self._watches: list[asyncio.Task[None]] = []

    async def start(self, *tier: Child) -> None:
        """Start children together and return when all are ready.

        Raises the StackError of the first that fails; `stop` then ends whatever runs.
        """
        self._tiers.append(tier)
        starts = [asyncio.create_task(child.start(), name=f"start {child.name}") for child in tier]
        try:
            await asyncio.gather(*starts)
        finally:
            for task in starts:
                task.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
        self._watches += [asyncio.create_task(_watch(child), name=f"watch {child.name}") for child in tier]

    async def stop(self) -> None:
        """End the tiers, the last one first, within STOP_S in all. Leaves no process behind."""
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        self._watches.clear()
        deadline = time.monotonic() + STOP_S
        within_s = SERVICES_STOP_S
        while self._tiers:
            await asyncio.gather(*(child.stop(within_s) for child in self._tiers.pop()))
            within_s = max(1.0, deadline - time.monotonic())

    def pids(self) -> dict[str, int]:
        """The process of every running child, by name."""
        running = [child for tier in self._tiers for child in tier if child.exit_code() is None]
        return {child.name: child.pid for child in running if child.pid is not None}


def kill_tagged(tag: str) -> None:
    """SIGKILL every process started, at whatever remove, by a service of this tag or of one beneath it.

    Such processes may have groups and sessions of their own; their environment tells them.
    """
    for _ in range(_SWEEPS):
        if not sum(_kill_if_tagged(int(entry.name), tag) for entry in Path("/proc").glob("[0-9]*")):
            return


def _kill_if_tagged(pid: int, tag: str) -> bool:
    exact, beneath = f"{_TAG}={tag}".encode(), f"{_TAG}={tag}//".encode()
    try:
        names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if pid == os.getpid() or not any(name == exact or name.startswith(beneath) for name in names):
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:  # gone, or somebody else's
        return False
    return True


async def _watch(child: Child) -> None:
    delay_s = _FIRST_DELAY_S
    while True:
        began = time.monotonic()
        while (code := child.exit_code()) is None:  # noqa: ASYNC110 -- a process sets no event
            await asyncio.sleep(_WATCH_S)
        if time.monotonic() - began >= _SETTLED_S:
            delay_s = _FIRST_DELAY_S
        log.warning("process ended; starting it again", extra={"child": child.name, "how": _how(code)})
        await asyncio.sleep(delay_s)
        delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
        try:
            await child.start()
            log.warning("process runs again", extra={"child": child.name})
        except (StackError, OSError) as exc:
            log.error("process did not start again", extra={"child": child.name, "reason": str(exc)})


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
