"""A database, a pinned slot with the demo model, and a folder of recordings: an attempt's real surroundings."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import insert, select
from tests import media_factory

from archivist_captions.profiles import BROADCAST
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Chunk, MachineSpeed, Transcription
from archivist_common.errors import ArchivistError
from archivist_common.jobs import chunks, lifecycle, requests
from archivist_common.jobs.chunks import ChunkClaim
from archivist_common.jobs.lifecycle import JobClaim
from archivist_transcriber.protocol import RecordingFile
from archivist_transcriber.supervisor import chunk_run
from archivist_transcriber.supervisor.job_leader import JobLeader
from archivist_transcriber.supervisor.slot import Slot
from archivist_transcriber.supervisor.supervision import Deps

DEMO = Path(__file__).parents[2] / "demo"
LEASE = timedelta(seconds=30)


class Bell:
    """A doorbell that always rings: what is rung for is another test's matter."""

    async def notify_publisher(self) -> bool:
        return True

    async def notify(self, transcription_id: UUID) -> bool:
        return True


@dataclass(frozen=True)
class Station:
    """Recordings in `media`, files in `output`, jobs in `db`."""

    db: Database
    deps: Deps
    media: Path
    output: Path
    owner: str = "host-a/0"

    def asked(self, path: str) -> RecordingFile:
        """A recording as a slot is asked to work on it."""
        found = (self.media / path).stat()
        return RecordingFile("flex-1", path, found.st_size, found.st_mtime_ns, None)

    def recording(self, name: str = "meeting.flac", sample: str = "short-20s.flac") -> str:
        shutil.copy(DEMO / "samples" / sample, self.media / name)
        return name

    def excerpt(self, name: str, seconds: int) -> str:
        """The beginning of ten minutes of meeting: 170 seconds are two chunks, 300 are three."""
        media_factory.write(self.media / name, media_factory.sample("meeting-10min", seconds))
        return name

    async def submit(self, path: str, **options: object) -> UUID:
        found = (self.media / path).stat()
        submission = requests.Submission(
            storage="flex-1",
            path=path,
            size_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
            language="en",
            model="demo",
            **options,  # type: ignore[arg-type]
        )
        async with self.db.transaction() as session:
            return (await requests.submit(session, submission, max_queue=100))[0]

    async def claim(self, lease: timedelta = LEASE) -> JobClaim | None:
        async with self.db.transaction() as session:
            return await lifecycle.claim(session, self.owner, lease)

    async def claimed(self, path: str, **options: object) -> JobClaim:
        await self.submit(path, **options)
        claim = await self.claim()
        assert claim is not None
        return claim

    async def row(self, job_id: UUID) -> Transcription:
        async with self.db.transaction() as session:
            row = await session.get(Transcription, job_id)
        assert row is not None
        return row

    async def chunks(self, job_id: UUID) -> Sequence[Chunk]:
        async with self.db.transaction() as session:
            rows = await session.scalars(select(Chunk).where(Chunk.transcription_id == job_id).order_by(Chunk.number))
            return list(rows)

    async def planned(self, slot: Slot, claim: JobClaim) -> ChunkClaim:
        """The first chunk of a job, claimed; the rest of the job is as its leader's death would leave it."""
        assert slot.loaded is not None
        lead = JobLeader(self.deps, claim, slot.loaded.recipe, lambda: None)
        leading = asyncio.create_task(lead.run())
        await lead.plan(slot)
        while not (await self.row(claim.id)).plan:
            await asyncio.sleep(0.02)
        leading.cancel()
        await asyncio.wait({leading})
        assert await self.claim() is not None
        chunk = await self.next_chunk(slot)
        assert chunk is not None
        return chunk

    async def next_chunk(self, slot: Slot) -> ChunkClaim | None:
        assert slot.loaded is not None
        async with self.db.transaction() as session:
            due = (await session.execute(chunks.next_due(slot.loaded.recipe, None))).one_or_none()
            return None if due is None else await chunks.claim_locked(session, due[0], self.owner, LEASE)

    async def attempt(self, slot: Slot, claim: JobClaim, deps: Deps | None = None) -> None:
        """One attempt at a job with one slot, as a supervisor has it worked on."""
        deps = deps or self.deps
        loaded = await slot.start()
        lead = JobLeader(deps, claim, loaded.recipe, lambda: None)
        leading = asyncio.create_task(lead.run())
        try:
            await lead.plan(slot)
            while not leading.done():
                await slot.start()
                if lead.offers_assembly:
                    await lead.assemble(slot)
                elif (chunk := await self.next_chunk(slot)) is not None:
                    await chunk_run.transcribe_chunk(deps, slot, chunk)
                    await lead.follow_up()
                else:
                    await asyncio.wait({leading}, timeout=0.05)
        finally:
            leading.cancel()
            await asyncio.wait({leading})

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every station of the session stands: a warmed slot knows its paths."""
    return tmp_path_factory.mktemp("station")


@pytest.fixture
def folders(ground: Path) -> Path:
    """The same folder, with nothing in it but an empty `media` and an empty `output`."""
    for entry in ground.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for name in ("media", "output"):
        (ground / name).mkdir()
    return ground


@pytest.fixture(scope="session")
def speeds() -> list[dict[str, Any]]:
    """How fast this machine transcribes, as the session's first slot that was asked has found out."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def station(own_database: str, folders: Path, speeds: list[dict[str, Any]]) -> AsyncIterator[Station]:
    db = Database(engine(own_database, 5, 0, "tests"))
    output = folders / "output"
    if speeds:
        async with db.transaction() as session:
            await session.execute(insert(MachineSpeed), speeds)
    yield Station(db, Deps(db, Bell(), LEASE, None, (output,)), folders / "media", output)
    if not speeds:
        async with db.transaction() as session:
            rows = await session.execute(select(*MachineSpeed.__table__.columns))
            speeds += [dict(row) for row in rows.mappings()]
    await db.close()


class WatchedSlot(Slot):
    """A slot that knows whether work was left in it."""

    busy = False

    async def _done(self, *work: Any, **more: Any) -> dict[str, Any]:
        self.busy = True
        try:
            done = await super()._done(*work, **more)
        except ArchivistError:
            self.busy = False
            raise
        self.busy = False
        return done


def _slot(ground: Path, number: int = 0, model: Path = DEMO, **settings: object) -> WatchedSlot:
    cores = sorted(os.sched_getaffinity(0))
    handed = {
        "flex_servers": [{"name": "flex-1", "path": str(ground / "media"), "kind": "folder"}],
        "default_output_path": str(ground / "output"),
        "whisper_engine": "faster_whisper",
        "whisper_model_path": str(model),
        "model_directory": str(ground / "models"),
        "whisper_device": "cpu",
        "whisper_compute_type": "default",
        "whisper_batch_size": 4,
        "whisper_beam_size": 1,
        "profile": asdict(BROADCAST),
        "scc_options": {},
        "caption_mask": [],
        "whisper_speakers": False,
        "media_deadline_s": 20.0,
        **settings,
    }
    # Two processes run tests side by side, each with a slot or two.
    ours = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return WatchedSlot(number, (cores[(ours + number) % len(cores)],), handed)


Slots = Callable[..., Awaitable[Slot]]


@pytest_asyncio.fixture(loop_scope="session")
async def slot_for(ground: Path, folders: Path) -> AsyncIterator[Slots]:
    """Makes slots that know the test's folders; all are ended with the test."""
    made: list[Slot] = []

    async def make(model: Path = DEMO, *, start: bool = True, **settings: object) -> Slot:
        slot = _slot(ground, len(made), model, **settings)
        made.append(slot)
        if start:
            await slot.start()
        return slot

    yield make
    for slot in made:
        await slot.kill("test over")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def warmed(ground: Path) -> AsyncIterator[WatchedSlot]:
    slot = _slot(ground)
    yield slot
    await slot.kill("tests over")


@pytest_asyncio.fixture(loop_scope="session")
async def slot(warmed: WatchedSlot, folders: Path) -> AsyncIterator[Slot]:
    """The session's slot, its model loaded; started anew after a test that killed it or left it at work."""
    await warmed.start()
    yield warmed
    if warmed.busy:
        await warmed.kill("left at work")
        warmed.busy = False
