"""Child processes that cannot outlive us, and their logs.

The kernel tells a child of our death when the *thread* that started it ends: start children from the
main thread, or from one that lives as long as they should.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from archivist_cli.local.errors import StackError
from archivist_cli.local.unprivileged_user import SAME, Identity, tethered

POLL_S = 0.02
_LOG_LIMIT = 20 * 1024**2  # bytes; then its text goes to <name>.log.1
_LAST_LINES, _LAST_WORDS = 15, 16_384  # lines and bytes of a log put into a message


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    identity: Identity = SAME,
    on_our_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output appended to a log. command[0] is a full path."""
    turn_over(log)
    tether = tethered(on_our_death, identity)
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                [*tether, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
    except OSError as exc:
        raise StackError(f"cannot start {Path(command[0]).name}: {exc.strerror} ({exc.filename})") from exc


class LoggedProcess:
    """One child at a time: started with its output appended to a log, watched, ended. For servers to inherit."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; 0 where it was never started, or was ended by us."""
        return 0 if self._process is None else self._process.poll()

    def _spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        identity: Identity = SAME,
        on_our_death: signal.Signals = signal.SIGKILL,
    ) -> subprocess.Popen[bytes]:
        """Start it. Raises StackError as `spawn` does."""
        self._log_start = size(self._log)
        self._process = spawn(command, log=self._log, env=env, cwd=cwd, identity=identity, on_our_death=on_our_death)
        return self._process

    def _output(self) -> str:
        """The last lines it has written since it was started."""
        return since(self._log, self._log_start)

    async def _end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """End it as `end` does; nothing where it was not started."""
        if self._process is not None:
            await end(self._process, steps)
            self._process = None


async def ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    """Wait until a child has ended; False when the time is over."""
    deadline = time.monotonic() + within_s
    while process.poll() is None:
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def end(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds; then SIGKILL to the child's whole group."""
    for number, within_s in steps:
        if process.poll() is None:
            process.send_signal(number)
        if await ended(process, within_s):
            break
    kill_group(process.pid)
    await ended(process, 2)


def kill_group(leader: int) -> None:
    """SIGKILL whatever is left of a child's group. Harmless when nothing is."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_running(pid: int, argument: str) -> bool:
    """Whether a process is alive, not a zombie, and was started with this argument, say its data folder."""
    return argument.encode() in arguments(pid)


def arguments(pid: int) -> list[bytes]:
    """The command line of a process; empty for a zombie, a kernel thread or no process at all."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


async def end_leftover(pid: int, argument: str, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """End a server that an earlier, killed Archivist left behind. Anybody else's process is left alone."""
    for number, within_s in (*steps, (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + within_s
        if is_running(pid, argument):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while is_running(pid, argument):
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(POLL_S)
        else:
            return


def size(log: Path) -> int:
    """How long a log is now, in bytes: where the next words of a child will begin."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def since(log: Path, start: int) -> str:
    """The last lines a log has taken in after its first `start` bytes. Empty when there are none."""
    end = size(log)
    start = start if start <= end else 0  # it was turned over in the meantime
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(start, end - _LAST_WORDS))
        return "\n".join(file.read().decode(errors="replace").strip().splitlines()[-_LAST_LINES:])
    return ""


def turn_over(log: Path) -> None:
    """Move what a log holds aside when it has grown past its limit. Its writers, who append, need not know."""
    if size(log) > _LOG_LIMIT:
        with contextlib.suppress(OSError):  # a full disk is a reason to go on, not to stop
            shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)
