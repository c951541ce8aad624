"""A slot that hears nothing: its words are a hash of the recording's name, its files are real.

Everything else of the worker around it is what runs at a station. What it would have said can be worked out by
anybody: `files_of` is the undisturbed run that every disturbed one is compared with.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from archivist_captions.cue import Captions, Word
from archivist_captions.formats import FORMATS
from archivist_captions.formats.scc import write_scc
from archivist_captions.layout.layout import layout
from archivist_captions.profiles import BROADCAST
from archivist_common import failpoints
from archivist_common.errors import ArchivistError, Cancelled, WorkerCrashed
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.states import Stage
from archivist_common.storage.client import StorageServer
from archivist_common.storage.paths import output_name
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.slot import assemble as pipeline
from archivist_transcriber.supervisor.slot import Loaded
from tests.chaos.history import History

RECIPE = "stub 1"
CHUNK_MS = 10_000
_WORDS = ("council", "motion", "second", "budget", "bridge", "library", "vote", "carried", "minutes", "agenda")
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stub computes: chunks of a recording, seconds for each, for the plan and for the assembly."""

    chunks: int = 3
    chunk_s: float = 0.04
    plan_s: float = 0.02
    assembly_s: float = 0.01


def words_of(path: str, number: int) -> tuple[Word, ...]:
    """What is said in a chunk of a recording: the same for ever."""
    digest = hashlib.sha256(f"{path}\0{number}".encode()).digest()
    start_ms = number * CHUNK_MS
    return tuple(
        Word(start_ms + 500 * place, start_ms + 500 * place + 400, f"{_WORDS[byte % len(_WORDS)]}{byte}", 0.5)
        for place, byte in enumerate(digest[:8])
    )


def written(path: str, words: tuple[Word, ...]) -> dict[str, bytes]:
    """The files of these words, by the writers that write a station's."""
    captions = Captions(layout(words, BROADCAST), words, "en", PurePosixPath(path).stem)
    return {"scc": write_scc(captions).text.encode(), "txt": FORMATS["txt"].write(captions)}


def files_of(path: str, chunks: int) -> dict[str, str]:
    """Public name and hash of each file of an undisturbed run."""
    words = tuple(word for number in range(chunks) for word in words_of(path, number))
    stem = PurePosixPath(path).stem
    return {output_name(stem, kind): hashlib.sha256(data).hexdigest() for kind, data in written(path, words).items()}


class Stub:
    """A slot for `archivist_transcriber.supervisor.supervisor.Supervisor`, without a process and without a model."""

    cores: tuple[int, ...] = (0,)
    threads = 1

    def __init__(self, number: int, pace: Pace, server: StorageServer, output: Path, history: History) -> None:
        self.number = number
        self.loaded: Loaded | None = None
        self._pace = pace
        self._server = server
        self._output = output
        self._history = history
        self._ended_by: ArchivistError | None = None

    async def start(self) -> Loaded:
        self.loaded = self.loaded or Loaded("stub", "cpu", 0.0, RECIPE)
        return self.loaded

    async def measure(self) -> float:
        return 1.0

    async def plan(
        self, work: protocol.PlanWork, on_cut: Callable[[Cut], None], on_moved: Callable[[Moved], None]
    ) -> protocol.Planned:
        on_moved(Moved(Stage.PROBE, 0))
        for number in range(self._pace.chunks):
            await self._compute(self._pace.plan_s / self._pace.chunks)
            if number >= len(work.ends_ms):
                on_cut(Cut(number, number * CHUNK_MS, (number + 1) * CHUNK_MS, ((0, 16_000),), "en"))
            on_moved(Moved(Stage.SPEECH, (number + 1) * CHUNK_MS))
        return protocol.Planned(self._pace.chunks * CHUNK_MS, "en", {})

    async def transcribe(self, work: protocol.ChunkWork, on_moved: Callable[[Moved], None]) -> ChunkTranscript:
        path, number = work.recording.path, work.cut.number
        self._history.note("chunk-begun", path=path, number=number, process=os.getpid(), slot=self.number)
        on_moved(Moved(Stage.TRANSCRIBE, 0))
        await self._compute(self._pace.chunk_s)
        failpoints.reach("chunk-heard")
        on_moved(Moved(Stage.TRANSCRIBE, CHUNK_MS))
        return ChunkTranscript(words_of(path, number), 0, 0)

    async def assemble(self, work: protocol.AssembleWork, on_moved: Callable[[Moved], None]) -> JobOutcome:
        await self._compute(self._pace.assembly_s)
        made = await asyncio.to_thread(self._stage, work)
        return JobOutcome(made, work.planned.audio_ms, work.planned.language, None, ())

    async def stop_work(self, working: "asyncio.Task[Any]") -> None:
        self._ended_by = Cancelled("somebody asked for this")
        await asyncio.wait({working})

    async def kill(self, reason: str) -> None:
        self._ended_by = WorkerCrashed(f"the stub was killed: {reason}")
        self.loaded = None

    def _stage(self, work: protocol.AssembleWork) -> tuple[Any, ...]:
        made = pipeline.stage(written(work.recording.path, work.words), work, self._server, self._output)
        failpoints.reach("staged")
        return made

    async def _compute(self, seconds: float) -> None:
        """Take so long, and end where a real slot would look up."""
        self._ended_by = None
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, _STEP_S))
            if self._ended_by is not None:
                raise self._ended_by
