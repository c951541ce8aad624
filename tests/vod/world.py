"""A station to publish from: its database, its vault, a Cablecast of its own, and time that a test moves by hand.

Nothing of ours is stood in for: the sender, the ledger and the client are the product's, over real HTTP.
"""

import functools
import hashlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import insert, select, text
from tests.factories import store_output
from tests.simulators.cablecast.process import Simulator

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.formats import archivist_json as json_format
from archivist_captions.formats.scc import write_scc
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import Artifact, Transcription, User
from archivist_common.publishing import queries, requests, targets
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.queries import PublicationView
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.settings import VodSettings
from archivist_common.states import PublicationStatus
from archivist_common.storage.client import StorageClient
from archivist_vod.app import make_deps
from archivist_vod.attempts.deps import Deps
from archivist_vod.cablecast.publisher import CablecastPublisher
from archivist_vod.cablecast.transport import connection
from archivist_vod.cablecast.transport.circuit_breaker import CircuitBreaker
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.uploads import Uploads
from archivist_vod.targets.interface import Publisher
from archivist_vod.worker import PublishingWorker

OPERATOR, SECRET = "operator", "secret"
SPOKEN = (
    "Good evening. I call the meeting to order. Will the clerk please call the roll. Motion by Smith to approve the "
    "agenda. All in favor say aye. The motion carries. We will now open public comment. The water tower on Main "
    "Street needs paint before winter. I move to adjourn. The meeting is adjourned."
)
_NEXT_DUE = """
    SELECT extract(epoch FROM min(greatest(p.available_at, coalesce(t.paused_until, p.available_at)))
                   - clock_timestamp())
    FROM publications p JOIN publish_targets t ON t.name = p.target
    WHERE p.status = 'pending' AND t.stopped_at IS NULL
"""
_PROMPT = {"index_s": 10, "transcode_speed": 400}  # a VOD of ten minutes in six seconds; a poll comes after fifteen
_MOVED = text("""
    WITH earlier AS (
        UPDATE publications SET
            available_at = available_at - make_interval(secs => :s),
            followed_since = followed_since - make_interval(secs => :s),
            vendor_changed_at = vendor_changed_at - make_interval(secs => :s),
            attention_since = attention_since - make_interval(secs => :s),
            queued_at = queued_at - make_interval(secs => :s)
    )
    UPDATE publish_targets SET
        paused_until = paused_until - make_interval(secs => :s),
        away_since = away_since - make_interval(secs => :s),
        stopped_at = stopped_at - make_interval(secs => :s),
        last_ok_at = last_ok_at - make_interval(secs => :s)
""")


def spoken(said: str = SPOKEN, start_ms: int = 5_000, each_ms: int = 6_000) -> Captions:
    """A recording's captions: a cue for every six words, and every word with its time."""
    words = said.split()
    cues, timed = [], []
    for number, first in enumerate(range(0, len(words), 6)):
        some = words[first : first + 6]
        begin = start_ms + number * each_ms
        step = (each_ms - 1_000) // len(some)
        timed += [Word(begin + i * step, begin + (i + 1) * step, word) for i, word in enumerate(some)]
        cues.append(
            Cue(
                begin,
                begin + each_ms - 1_000,
                (" ".join(some[:3]), " ".join(some[3:])) if len(some) > 3 else (" ".join(some),),
            )
        )
    return Captions(tuple(cues), tuple(timed))


@functools.cache
def certificates() -> ssl.SSLContext:
    """The public certificates, read once: reading them takes as long as a test."""
    return connection.context(verify=True, bundle=None)


@dataclass
class World:
    """One station. `drive` works until a publication rests; `skip` lets time pass, at both ends."""

    db: Database
    sim: Simulator
    settings: VodSettings
    publishers: dict[str, Publisher[Any]]
    sender: PublishingWorker
    deps: Deps
    output: Path
    mounts: Mapping[str, Path]
    monotonic: list[float] = field(default_factory=lambda: [1_000.0])
    slept: list[float] = field(default_factory=list)
    skipped: list[float] = field(default_factory=list)

    async def captioned(
        self, path: str, captions: Captions | None = None, *, storage: str = "flex-1", length_s: int = 600, **row: Any
    ) -> UUID:
        """A transcription that has completed, with its files in the vault."""
        captions = captions or spoken()
        async with self.db.transaction() as session:
            job = (
                await session.execute(
                    insert(Transcription)
                    .values(
                        **{
                            "storage": storage,
                            "file_path": path,
                            "filename": path.rsplit("/", 1)[-1],
                            "dedupe_key": hashlib.sha256(f"{storage}{path}{captions}".encode()).hexdigest(),
                            "status": "completed",
                            "attempt": 1,
                            "duration": length_s,
                            "completed_date": datetime.now(UTC),
                            "summary": {"sentences": [{"text": "The water tower needs paint.", "start_ms": 5000}]},
                        }
                        | row
                    )
                    .returning(Transcription.id)
                )
            ).scalar_one()
            folder = self.output / ".archivist" / str(job) / "1"
            folder.mkdir(parents=True)
            for kind, data in {
                "scc": write_scc(captions).text.encode(),
                "json": json_format.write(captions),
            }.items():
                public = self.output / storage / f"{path}.{kind}"
                await store_output(session, job, kind, data, folder=folder, public=public)
        return job

    async def ask(self, job: UUID, *, target: str = "cablecast", **options: Any) -> UUID:
        async with self.db.transaction() as session:
            return (await requests.request(session, PublicationRequest(target, job, PublishOptions(**options))))[0]

    async def read(self, publication: UUID) -> PublicationView:
        async with self.db.transaction() as session:
            return await queries.get(session, publication, user_id=None)

    async def target(self, name: str = "cablecast") -> targets.Target:
        async with self.db.transaction() as session:
            return await targets.chosen(session, name)

    async def skip(self, seconds: float) -> None:
        """Time passes: on our clock, in the database, and at Cablecast."""
        self.monotonic[0] += seconds
        self.skipped.append(seconds)
        async with self.db.transaction() as session:
            await session.execute(_MOVED, {"s": seconds})
        await self.sim.control.advance(seconds)

    async def sleep(self, seconds: float) -> None:
        """What the product sleeps costs no time of ours."""
        self.slept.append(seconds)
        await self.skip(seconds)

    async def step(self) -> bool:
        """Work on what is due, or let time pass until something is. False when nothing will ever be."""
        if await self.sender.work_once():
            return True
        await self.sender.report()  # which may have something asked for, or a target worked for again
        async with self.db.transaction() as session:
            wait = await session.scalar(text(_NEXT_DUE))
        if wait is None:
            return False
        if wait <= 0 and await self.sender.work_once():
            return True
        await self.skip(max(0.05, float(wait) + 0.05))
        return True

    async def at_its_own_pace(self) -> None:
        """From now on Cablecast indexes and encodes as slowly as a real one: for tests of the waiting itself."""
        await self.sim.control.switch(index_s=90, transcode_speed=4)

    async def drive(self, publication: UUID, *, until: Sequence[str] = (), steps: int = 600) -> PublicationView:
        """Work until the publication rests (published, held, failed, removed), or is in one of these stages."""
        for _ in range(steps):
            now = await self.read(publication)
            resting = now.status not in {PublicationStatus.PENDING, PublicationStatus.PROCESSING}
            if resting or now.stage in until or now.attention_code in until:
                return now
            if not await self.step():
                return await self.read(publication)
        raise AssertionError(f"not at rest after {steps} steps: {await self.read(publication)}")

    async def published(self, path: str, captions: Captions | None = None, **options: Any) -> PublicationView:
        job = await self.captioned(path, captions)
        return await self.drive(await self.ask(job, **options))

    async def check(self, **bounds: Any) -> None:
        """The promises of section 6.7."""
        floor = self.settings.vod_status_check_interval.total_seconds()
        found = await self.sim.control.invariants(**{"poll_floor_s": floor} | bounds)
        assert found == [], "\n".join(f"{one.rule}: {one.sentence}" for one in found)

    async def show(self, **show: Any) -> int:
        made = await self.sim.control.seed(shows=[show])
        return made["shows"][0]

    async def vods(self) -> list[dict[str, Any]]:
        return await self.sim.control.objects("vods")

    async def calls(self, method: str, word: str) -> list[dict[str, Any]]:
        """Requests of this method whose path holds this word."""
        return [e for e in await self.sim.control.journal() if e["method"] == method and word in e["path"].lower()]

    async def versions(self, publication: UUID) -> Sequence[queries.PublicationVersion]:
        async with self.db.transaction() as session:
            return await queries.versions(session, publication)

    def other(self) -> httpx.AsyncClient:
        """A person at Cablecast's own screens."""
        return httpx.AsyncClient(auth=(OPERATOR, SECRET), trust_env=False, verify=False)

    def another_sender(self) -> PublishingWorker:
        return PublishingWorker(self.deps, "unix:///nowhere", slots=1, automatic=None, options=PublishOptions())

    def cut_segments(self, size: int) -> None:
        """Uploads go in segments of so many bytes."""
        publisher = self.publishers["cablecast"]
        assert isinstance(publisher, CablecastPublisher)
        publisher._uploads = Uploads(publisher.client, segment_bytes=size)

    async def damage(self, job: UUID) -> None:
        """The signed-off SCC has a byte of the wrong parity: our own checks are held to have missed it."""
        async with self.db.transaction() as session:
            scc = (
                await session.execute(
                    select(Artifact).where(Artifact.transcription_id == job, Artifact.kind == "scc")
                )
            ).scalar_one()
            path = Path(scc.path)
            data = path.read_bytes().replace(b"94ae", b"14ae")
            path.write_bytes(data)
            scc.sha256 = hashlib.sha256(data).hexdigest()

    def sidecar(self, name: str, store: str = "Flex 1") -> bytes:
        return (self.sim.store(store) / name).read_bytes()


@asynccontextmanager
async def station(
    database_url: str, folder: Path, sim: Simulator, *, flex: str = "", **given: Any
) -> AsyncIterator[World]:
    """A world on a database and a simulator of its own. flex: FLEX_SERVERS; else flex-1 is the store `Flex 1`.

    Its Cablecast is done with a file, and with a VOD, by the next poll: see `at_its_own_pace`.
    """
    output = folder / "output"
    output.mkdir()
    mounts = {"flex-1": sim.store("Flex 1"), "flex-2": sim.store("Flex 2"), "sx-1": sim.store("SX 1")}
    servers = flex or ",".join(f"{name}={path}+folder" for name, path in mounts.items())
    settings = VodSettings(
        _env_file=None,
        **{
            "environment": "testing",
            "database_url": database_url,
            "default_output_path": output,
            "flex_servers": servers,
            "cablecast_api_url": sim.url,
            "cablecast_user_id": OPERATOR,
            "cablecast_password": SECRET,
            "cablecast_stores": "Flex 1=flex-1,Flex 2=flex-2,SX 1=sx-1,*=flex-1",
            "auto_publish_to_vod": False,
        }
        | given,
    )
    bind = engine(database_url, 5, 5, "tests")
    db = Database(bind)
    async with (
        StorageClient(settings.flex_servers) as storages,
        connection.http(settings, tls=certificates()) as http,
    ):
        made = World(db, sim, settings, {}, None, None, output, mounts)  # type: ignore[arg-type]
        client = CablecastClient.of(
            settings,
            http,
            host=CircuitBreaker("cablecast", clock=lambda: made.monotonic[0]),
            sleep=made.sleep,
            jitter=lambda: 0.5,
        )
        made.publishers["cablecast"] = CablecastPublisher(settings, client, storages, clock=lambda: made.monotonic[0])
        made.deps = replace(make_deps(settings, db, made.publishers), sleep=made.sleep)
        made.sender = PublishingWorker(
            made.deps,
            "unix:///nowhere",
            slots=1,
            automatic="cablecast" if settings.auto_publish_to_vod else None,
            options=PublishOptions(),
            resumed=lambda name: made.publishers[name].resume(),
        )
        async with db.transaction() as session:
            await session.execute(
                insert(User).values(id=1, username="clerk", email="clerk@example.org", password_hash="x")
            )
        await made.sender.report()
        # Its clock runs as ours does, besides being moved: what takes real time takes the same at both ends.
        await sim.control.auto(1)
        await sim.control.switch(**_PROMPT)
        yield made
    await bind.dispose()
