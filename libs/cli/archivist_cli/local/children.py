"""Child processes that cannot outlive us, and their logs.

The kernel tells a child of our death when the *thread* that started it ends: start children from the
main thread, or from one that lives as long as they should.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from archivist_cli.local.errors import StackError
from archivist_cli.local.identity import SAME, TETHER, Identity

POLL_S = 0.02
_LOG_LIMIT = 20 * 1024**2  # bytes; then the log becomes <name>.log.1


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    identity: Identity = SAME,
    on_our_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, what it says appended to a log. command[0] is a full path."""
    turn_over(log)
    tether = [
        sys.executable,
        "-I",
        "-S",
        str(TETHER),
        str(os.getpid()),
        str(int(on_our_death)),
        str(identity),
    ]
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
    """Whether a process is alive (not a zombie) and was started with this argument, such as its data folder."""
    return argument.encode() in arguments(pid)


def arguments(pid: int) -> list[bytes]:
    """The command line of a process; empty for a zombie, a kernel thread or nobody."""
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


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def since(log: Path, start: int) -> str:
    """What a log has taken in past its first `start` bytes."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")
    return ""


def turn_over(log: Path) -> None:
    """Move a log that has grown past its limit aside, over the one before it."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_name(log.name + ".1"))
