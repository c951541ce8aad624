"""A leader between a slot that plans and slots that hear: what comes in the midst of its own steps is not lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from tests.transcriber.conftest import LEASE, Station

from archivist_captions.cue import Word
from archivist_common.jobs import chunks
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.supervisor.job_leader import JobLeader
from archivist_transcriber.supervisor.slot import Loaded

_RECIPE = "cutter 1"


@dataclass
class HeldBell:
    """A doorbell that says when it is rung, and answers when it is let."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def notify_publisher(self) -> bool:
        return True

    async def notify(self, transcription_id: UUID) -> bool:
        self.rung.set()
        await self.answers.wait()
        return True


class Cutter:
    """A slot that finds its last chunk while the first is being stored."""

    number = 0
    cores = (0,)
    threads = 1
    loaded: Loaded | None = Loaded("cutter", "cpu", 0.0, _RECIPE)

    def __init__(self, first_is_stored: asyncio.Event) -> None:
        self._first_is_stored = first_is_stored
        self.assembled: protocol.AssembleWork | None = None

    async def plan(
        self, work: protocol.PlanWork, on_cut: Callable[[Cut], None], on_moved: Callable[[Moved], None]
    ) -> protocol.Planned:
        on_cut(Cut(0, 0, 10_000, ((0, 16_000),), "en"))
        await self._first_is_stored.wait()
        on_cut(Cut(1, 10_000, 20_000, ((0, 16_000),), "en"))
        return protocol.Planned(20_000, "en", {})

    async def assemble(self, work: protocol.AssembleWork, on_moved: Callable[[Moved], None]) -> JobOutcome:
        self.assembled = work
        return JobOutcome((), 20_000, "en", None, ())

    async def start(self) -> Loaded:
        assert self.loaded is not None
        return self.loaded

    async def measure(self) -> float:
        return 1.0

    async def transcribe(self, work: protocol.ChunkWork, on_moved: Callable[[Moved], None]) -> ChunkTranscript:
        raise AssertionError("other slots hear")

    async def stop_work(self, working: "asyncio.Task[object]") -> None:
        await asyncio.wait({working})

    async def kill(self, reason: str) -> None:
        return


async def _hear_next(station: Station) -> bool:
    """Another machine's slot hears the next chunk, at once."""
    async with station.db.transaction() as session:
        due = (await session.execute(chunks.next_due(_RECIPE, None))).one_or_none()
        if due is None:
            return False
        chunk = await chunks.claim_locked(session, due[0], "host-b/0", LEASE)
        word = Word(chunk.cut.start_ms, chunk.cut.end_ms, f"word{chunk.cut.number}")
        await chunks.finish(session, chunk, ChunkTranscript((word,), 0, 0), timedelta(seconds=1))
    return True


async def test_a_recording_is_not_assembled_before_its_last_chunks_are_stored(station: Station) -> None:
    """Found by tests/chaos: the plan was stored while the last chunks were not, the ones before were heard by then,
    and the files were made without the end of the recording."""
    claim = await station.claimed(station.recording())
    notifier = HeldBell()
    lead = JobLeader(replace(station.deps, notifier=notifier), claim, _RECIPE, lambda: None)
    slot = Cutter(notifier.rung)
    leading = asyncio.create_task(lead.run())
    await lead.plan(slot)
    assert await _hear_next(station)
    notifier.answers.set()
    async with asyncio.timeout(20):
        while not leading.done():
            if lead.offers_assembly:
                await lead.assemble(slot)
            else:
                await _hear_next(station)
                await asyncio.wait({leading}, timeout=0.05)
    assert slot.assembled is not None
    assert [word.text for word in slot.assembled.words] == ["word0", "word1"]
    assert (await station.row(claim.id)).status == "completed"
