"""The decoder process as its parent holds it: started, limited, read with a deadline, ended."""

import contextlib
import json
import os
import resource
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from archivist_common.errors import (
    ArchivistError,
    DecoderFailed,
    FileMissing,
    MediaUnreadable,
    PathRefused,
    SourceChanged,
    StorageUnavailable,
    by_code,
)
from archivist_transcriber.audio.decoder.messages import BLOCK, MAX_HOURS, RATE
from archivist_transcriber.audio.last_lines import LastLines

PROGRAM = ("-m", "archivist_transcriber.audio.decoder.main")
"""What Python runs as the decoder."""

MEMORY = 512 * 2**20
"""What the child may use, in bytes. A 16-channel track needs a tenth of it."""

CPU_S, CPU_SHARE = 60, Fraction(1, 10)
"""Processor time the child may use: so many seconds, and more for each second of sound it has sent. Ordinary
sound takes ten seconds an hour."""

_HEAD = struct.Struct("<cI")
_LONGEST = 2 * BLOCK  # bytes in a message; nothing the child sends is longer
MOST_SAMPLES = MAX_HOURS * 3600 * RATE  # samples, heard and skipped
_SAYS = ("MEDIA_UNREADABLE", "NO_AUDIO_TRACK", "STORAGE_UNAVAILABLE")  # what the child may accuse the recording of
_MOST_CPU_S = CPU_S + int(MOST_SAMPLES / RATE * CPU_SHARE) + 1
_BUSY = 0.5  # a child that computed for more than this share of its deadline was not waiting for the disk


class DecoderProcess:
    """A running decoder and the pipe it answers on. Nothing that comes out of it is believed.

    program: what runs; tests put a child there that has fallen to its recording. cpu_s: granted from the start.
    """

    def __init__(
        self,
        source: Path | int,
        request: dict[str, Any],
        memory_bytes: int = MEMORY,
        *,
        program: Sequence[str] = PROGRAM,
        cpu_s: int = CPU_S,
    ) -> None:
        self._deadline_s = 0.0
        self._fd = _descriptor(source)
        try:
            self._before = _fingerprint(self._fd)
            self._buffer = bytearray()
            self._cpu_s = self._granted_s = cpu_s
            # A second of grace: with both limits at one time the kernel kills without saying which of them it was.
            most_s = _MOST_CPU_S if request["mode"] == "audio" else cpu_s + 1
            limits = {"fd": self._fd, "memory": memory_bytes, "cpu_s": (cpu_s, most_s), "parent": os.getpid()}
            self._process = subprocess.Popen(
                [sys.executable, "-I", *program, json.dumps(request | limits)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(self._fd,),
                env={"OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            os.close(self._fd)
            raise DecoderFailed(f"the decoder could not be started: {exc.strerror}") from exc
        except BaseException:
            os.close(self._fd)
            raise
        assert self._process.stderr is not None  # noqa: S101 -- a pipe was asked for
        self._last_lines = LastLines(self._process.stderr.fileno())

    def message(self, deadline_s: float) -> tuple[bytes, bytes]:
        """The next message, waiting at most `deadline_s` for all of it. An error message is raised."""
        self._deadline_s = deadline_s
        until = time.monotonic() + deadline_s
        cpu = _cpu_seconds(self._process.pid)
        kind, length = _HEAD.unpack(self._read(_HEAD.size, until, cpu))
        if length > _LONGEST:
            raise DecoderFailed(f"the decoder sent a message of {length} bytes")
        body = self._read(length, until, cpu)
        if kind == b"E":
            raise _accusation(body)
        return kind, body

    def grant(self, samples: int) -> None:
        """Let the child use the processor time that so much sound is worth. The kernel ends it when it wants more."""
        seconds = self._cpu_s + int(samples / RATE * CPU_SHARE)
        if seconds > self._granted_s:
            self._granted_s = seconds
            with contextlib.suppress(ProcessLookupError):  # it has ended
                resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (seconds, _MOST_CPU_S))

    def _read(self, count: int, until: float, cpu: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 -- a pipe was asked for
        pipe = self._process.stdout.fileno()
        poll = select.poll()  # select() cannot watch descriptors above 1023
        poll.register(pipe, select.POLLIN)
        if self._last_lines.is_open:
            poll.register(self._last_lines.fd, select.POLLIN)
        while len(self._buffer) < count:
            ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
            if self._last_lines.fd in ready:
                self._last_lines.read()
                if not self._last_lines.is_open:
                    poll.unregister(self._last_lines.fd)
            if pipe not in ready:
                if time.monotonic() >= until:
                    raise self._late(cpu)
                continue
            data = os.read(pipe, 1 << 20)
            if not data:
                raise self._died()
            self._buffer += data
        body = bytes(self._buffer[:count])
        del self._buffer[:count]
        return body

    def _late(self, cpu: float) -> MediaUnreadable | StorageUnavailable:
        worked = _cpu_seconds(self._process.pid) - cpu
        if worked > _BUSY * self._deadline_s:
            return MediaUnreadable(f"decoding it got nowhere for {self._deadline_s:g} s")
        return StorageUnavailable(f"the recording could not be read for {self._deadline_s:g} s")

    def _died(self) -> MediaUnreadable | DecoderFailed:
        """What its end means. Only the end that we set it ourselves, its processor time, is the recording's doing."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return DecoderFailed("the decoder closed its answer and did not end")
        if code == -signal.SIGXCPU:
            return MediaUnreadable(f"decoding it takes too long: {self._granted_s} s of processor time got nowhere")
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"killed by {signal.Signals(-code).name}"
        return DecoderFailed(f"the decoder ended without an answer ({how})", stderr=self._last_lines.rest())

    def check_unchanged(self) -> None:
        """Raises SourceChanged when the file was written to since it was opened."""
        if _fingerprint(self._fd) != self._before:
            raise SourceChanged("the recording was changed while it was being read")

    def close(self) -> None:
        """End the child. One that hangs in the kernel is left to die when its file system answers."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        self._process.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None  # noqa: S101 -- a pipe was asked for
            pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _accusation(body: bytes) -> ArchivistError:
    """The error the child reports, if it is one that a recording can cause."""
    try:
        problem = json.loads(body)
        code, message = str(problem["code"]), printable(problem["message"], 300)
    except (ValueError, TypeError, LookupError, RecursionError):
        return DecoderFailed("the decoder's answer makes no sense")
    if code not in _SAYS:
        return DecoderFailed(f"the decoder gave an error that is not its to give ({printable(code)}): {message}")
    return by_code(code)(message)


def _descriptor(source: Path | int) -> int:
    """A descriptor of our own for a regular file, above the standard three."""
    if isinstance(source, int):
        fd = os.dup(source)
    else:
        try:
            fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise FileMissing(f"no such file: {str(source)!r}") from exc
        except (PermissionError, ValueError) as exc:
            raise PathRefused(f"the file may not be opened: {str(source)!r}") from exc
        except OSError as exc:
            raise StorageUnavailable(f"the file cannot be opened: {str(source)!r}: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise MediaUnreadable("not a file: a recording must be a regular file")
    return fd


def _fingerprint(fd: int) -> tuple[int, int]:
    try:
        status = os.fstat(fd)
    except OSError as exc:
        raise StorageUnavailable(f"the recording cannot be read: {exc.strerror}") from exc
    return status.st_size, status.st_mtime_ns


def _cpu_seconds(pid: int) -> float:
    """Processor time a child has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def printable(text: str, limit: int = 40) -> str:
    """Text from inside the sandbox: short and plain."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])
