"""A slot, as the supervisor runs it: one process pinned to cores of its own, with the model loaded once.

It is started, given work, read from, and ended here. What runs inside is `slot/main.py`, then `slot/worker.py`; it
computes and knows no database.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from archivist_common.errors import ArchivistError, DecoderFailed, WorkerCrashed
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.observability import metrics
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved

log = logging.getLogger(__name__)

R = TypeVar("R", protocol.Planned, ChunkTranscript, JobOutcome, protocol.Measured)

LOAD_DEADLINE = timedelta(minutes=5)
"""A large model from a slow disk takes a minute or two."""
_STOP_GRACE_S = 4.0  # a slot checks for it between two batches; past this it is killed
_EXIT_S = 2.0
_REAP_S = 5.0  # a killed process that still exists waits in the kernel, for a disk that does not respond
_LINE_LIMIT = 32 * 1024 * 1024  # bytes; a summary and its files' names stay far below

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "PYTHONPATH",
    "CUDA_VISIBLE_DEVICES",
    "ARCHIVIST_CHILD_OF",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a ready slot reports of itself."""

    model: str
    device: str
    load_s: float
    recipe: str
    """Engine and settings: slots of one recipe give the same words for a chunk."""
    test_s: float = 0.0
    """What its self-test took, in seconds."""


class Slot:
    """One pinned process, started again when it dies. Used by one task at a time."""

    def __init__(
        self,
        number: int,
        cores: tuple[int, ...],
        settings: Mapping[str, Any],
        *,
        threads: int = 1,
        temp: Path | None = None,
    ) -> None:
        """cores: logical ones, as the kernel numbers them. threads: one for each physical core among them."""
        self.number = number
        self.cores = cores
        self.threads = threads
        self._temp = temp
        self.loaded: Loaded | None = None
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> Loaded:
        """Start the process unless it runs, and wait for its model and its self-test.

        Raises what kept the engine from loading (ModelMissing, ResourceExhausted …), SelfTestFailed when it loaded
        and cannot caption, WorkerCrashed when it died.
        """
        if self._process is not None and self._process.returncode is None and self.loaded is not None:
            return self.loaded
        await self.kill("restart")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= dict.fromkeys(_THREAD_SETTINGS, str(self.threads))
        if self._temp is not None:
            self._temp.mkdir(parents=True, exist_ok=True)
            environment["TMPDIR"] = str(self._temp)
        options = json.dumps({"cores": self.cores, "threads": self.threads, "settings": dict(self._settings)})
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "archivist_transcriber.slot.main",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
            limit=_LINE_LIMIT,
        )
        await self._send(options.encode() + b"\n")
        try:
            async with asyncio.timeout(LOAD_DEADLINE.total_seconds()):
                message = await self._receive()
        except TimeoutError as exc:
            await self.kill("load deadline")
            raise WorkerCrashed(f"slot {self.number} did not load and test its model within {LOAD_DEADLINE}") from exc
        if isinstance(message, protocol.Failed):
            await self.kill("load failed")
            raise message.error()
        if not isinstance(message, protocol.Ready):
            raise await self._broken(f"{type(message).__name__} before it was ready")
        self.loaded = Loaded(message.model, message.device, message.load_s, message.recipe, message.test_s)
        log.info(
            "slot ready",
            extra={
                "slot": self.number,
                "cores": self.cores,
                "model": self.loaded.model,
                "load_s": self.loaded.load_s,
                "self_test_s": self.loaded.test_s,
            },
        )
        return self.loaded

    async def plan(
        self, work: protocol.PlanWork, on_cut: Callable[[Cut], None], on_moved: Callable[[Moved], None]
    ) -> protocol.Planned:
        """Cut a recording; each chunk is given to on_cut as it is found.

        Raises, as `transcribe` and `assemble` do, what the recording, the disk or the engine raised, and
        WorkerCrashed when the process died of it.
        """
        return await self._done(work, protocol.Planned, on_moved, on_cut)

    async def transcribe(self, work: protocol.ChunkWork, on_moved: Callable[[Moved], None]) -> ChunkTranscript:
        """The words of one chunk."""
        return await self._done(work, ChunkTranscript, on_moved)

    async def assemble(self, work: protocol.AssembleWork, on_moved: Callable[[Moved], None]) -> JobOutcome:
        """A job's files, staged in the attempt's own folder."""
        return await self._done(work, JobOutcome, on_moved)

    async def measure(self) -> float:
        """Seconds of computing that thirty seconds of speech take this slot, found out in well under a minute."""
        async with asyncio.timeout(LOAD_DEADLINE.total_seconds()):
            measured = await self._done(protocol.MeasureWork(), protocol.Measured, lambda _: None)
        return measured.window_s

    async def _done(
        self,
        work: protocol.Work,
        result: type[R],
        on_moved: Callable[[Moved], None],
        on_cut: Callable[[Cut], None] | None = None,
    ) -> R:
        await self._send(protocol.encode(work))
        while True:
            message = await self._receive()
            if isinstance(message, result):
                return message
            match message:
                case Moved():
                    on_moved(message)
                case Cut() if on_cut is not None:
                    on_cut(message)
                case protocol.Failed():
                    raise self._failed(message.error())

    def _failed(self, error: ArchivistError) -> ArchivistError:
        """A decoder that failed may fail on everything: the slot is tested anew before it takes more work."""
        if isinstance(error, DecoderFailed):
            self.loaded = None
            log.warning(
                "decoder failed",
                extra={"slot": self.number, "code": error.code, "detail": error.message, "stderr": error.stderr},
            )
        return error

    async def stop_work(self, working: asyncio.Task[Any]) -> None:
        """Ask for the work in hand to end, and end the process where it does not stop in time."""
        try:
            await self._send(protocol.encode(protocol.Stop()))
            await asyncio.wait({working}, timeout=_STOP_GRACE_S)
        except WorkerCrashed:
            pass  # it is gone, which is what was wanted
        if not working.done():
            await self.kill("cancelled")
        await asyncio.wait({working})

    async def kill(self, reason: str) -> None:
        """End the process and every child of its own. Safe to call when it has ended.

        One stuck in the kernel is left to die when its disk responds; its cores serve the next one meanwhile.
        """
        process, self._process, self.loaded = self._process, None, None
        if process is None:
            return
        if process.returncode is None:
            metrics.CHILD_KILLS.labels(reason).inc()
        with contextlib.suppress(ProcessLookupError):  # the whole group may have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(_REAP_S):
                await process.wait()
        except TimeoutError:
            metrics.CHILD_KILLS.labels("stuck").inc()
            log.error("killed slot process is stuck in the kernel", extra={"slot": self.number, "pid": process.pid})

    async def _send(self, line: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerCrashed(f"slot {self.number} is not running")
        try:
            process.stdin.write(line)
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as exc:
            raise await self._death(process) from exc

    async def _receive(self) -> protocol.Message:
        process = self._process
        if process is None or process.stdout is None:
            raise WorkerCrashed(f"slot {self.number} is not running")
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise await self._death(process)
        try:
            return protocol.decode(line)
        except ValueError as exc:
            raise await self._broken(str(exc)[:200]) from exc

    async def _broken(self, why: str) -> WorkerCrashed:
        await self.kill("broken")
        return WorkerCrashed(f"the process of slot {self.number} does not keep to the protocol: {why}")

    async def _death(self, process: asyncio.subprocess.Process) -> WorkerCrashed:
        with contextlib.suppress(TimeoutError):  # its channel is closed; a moment more and its exit code is there
            async with asyncio.timeout(_EXIT_S):
                await process.wait()
        await self.kill("died")
        code = process.returncode
        how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return WorkerCrashed(f"the process of slot {self.number} ended while at work ({how})")
