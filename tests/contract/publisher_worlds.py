"""A world for each kind of publisher: where the promises of `test_publishers.py` are put to the real thing.

A new publisher brings a class here: how its target begins, what stands there, how time passes, what people do.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from tests.simulators.cablecast.process import Simulator
from tests.vod.folder.world import FolderWorld, folder_station
from tests.vod.world import World, spoken, station

from archivist_captions.cue import Captions
from archivist_captions.formats.scc import write_scc
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.publishing import lifecycle
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_vod.attempts.ledger import EffectLedger
from archivist_vod.attempts.work import prepare
from archivist_vod.folder.item import FolderItem
from archivist_vod.targets.interface import Ledger, Publisher, Work
from archivist_vod.targets.item import Item

_LEASE = timedelta(minutes=30)


class Place(Protocol):
    """A target with one recording of ours waiting for it."""

    world: World
    kind: str
    path: str

    async def captioned(self, captions: Captions) -> UUID: ...

    async def wait(self) -> None:
        """So much time passes that the target has gone on."""
        ...

    async def stands(self) -> Mapping[str, Any]:
        """Everything that is at the target, comparable."""
        ...

    async def put_by_people(self, work: Work, item: Item, captions: Captions) -> Callable[[], bytes]:
        """People's own captions under the name ours would have; what reads them again."""
        ...

    async def edit_word(self, work: Work, item: Item, captions: Captions) -> None:
        """What the public is shown says something else than what we wrote."""
        ...

    async def is_shown(self, item: Item) -> bool:
        """Whether the public is offered the programme."""
        ...


class CablecastPlace:
    kind = "cablecast"
    path = "4120-1-Harbor City Council (20261118).mp4"

    def __init__(self, world: World) -> None:
        self.world = world

    async def captioned(self, captions: Captions) -> UUID:
        return await self.world.captioned(self.path, captions)

    async def wait(self) -> None:
        await self.world.skip(120)

    async def stands(self) -> Mapping[str, Any]:
        control = self.world.sim.control
        rows = {name: await control.objects(name) for name in ("shows", "media", "reels", "vods", "chapters")}
        files = {path.name: path.read_bytes() for path in sorted(self.world.sim.store("Flex 1").iterdir())}
        # A VOD's own progress is the server's doing.
        vods = [{name: row[name] for name in ("id", "show", "disabled", "chaptersPublished")} for row in rows["vods"]]
        return {**rows, "vods": vods, "files": files}

    async def put_by_people(self, work: Work, item: Item, captions: Captions) -> Callable[[], bytes]:
        path = self._sidecar()
        path.write_bytes(write_scc(captions).text.encode())
        await self.world.skip(300)
        return path.read_bytes

    async def edit_word(self, work: Work, item: Item, captions: Captions) -> None:
        self._sidecar().write_bytes(write_scc(captions).text.encode())
        await self.world.skip(300)
        await self.world.sim.control.retranscode(item.vod_id)
        await self.world.skip(3600)

    async def is_shown(self, item: Item) -> bool:
        return any(row["id"] == item.vod_id and not row["disabled"] for row in await self.world.vods())

    def _sidecar(self) -> Path:
        return self.world.sim.store("Flex 1") / Path(self.path).with_suffix(".scc").name


class FolderPlace:
    kind = "folder"
    path = "2026/Harbor City Council (20261118).mp4"

    def __init__(self, world: FolderWorld) -> None:
        self.world = world
        self._root = world.root

    async def captioned(self, captions: Captions) -> UUID:
        return await self.world.laid_out(self.path, captions)

    async def wait(self) -> None:
        """A folder does not keep anybody waiting."""

    async def stands(self) -> Mapping[str, Any]:
        return {
            str(path.relative_to(self._root)): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
            for path in sorted(self._root.rglob("*"))
            if path.is_file()
        }

    async def put_by_people(self, work: Work, item: FolderItem, captions: Captions) -> Callable[[], bytes]:
        path = self._root / item.folder / "captions.scc"
        path.write_bytes(write_scc(captions).text.encode())
        return path.read_bytes

    async def edit_word(self, work: Work, item: FolderItem, captions: Captions) -> None:
        path = self._root / item.folder / "captions.vtt"
        path.write_bytes(path.read_bytes().replace(b"tower", b"power"))

    async def is_shown(self, item: FolderItem) -> bool:
        return str(item.vod_id).encode() in (self._root / "feed.xml").read_bytes()


@asynccontextmanager
async def _cablecast(database_url: str, folder: Path, sim: Simulator) -> AsyncIterator[Place]:
    async with station(database_url, folder, sim) as world:
        await world.show(
            id=4120,
            title="Harbor City Council",
            eventDate="2026-11-18T00:00:00-06:00",
            file={"store": "Flex 1", "name": CablecastPlace.path, "length_s": 600},
        )
        await world.skip(300)
        yield CablecastPlace(world)
        await world.check()


@asynccontextmanager
async def _folder(database_url: str, folder: Path, _: Simulator) -> AsyncIterator[Place]:
    async with folder_station(database_url, folder) as world:
        yield FolderPlace(world)


PLACES: Mapping[str, Callable[[str, Path, Simulator], AbstractAsyncContextManager[Place]]] = {
    "cablecast": _cablecast,
    "folder": _folder,
}


class Hand:
    """A publication in hand at a place: what an attempt has, one call at a time."""

    def __init__(
        self, place: Place, publisher: Publisher[Any], held: PublicationClaim, work: Work, ledger: EffectLedger
    ) -> None:
        self.place = place
        self.publisher = publisher
        self.held = held
        self.work = work
        self.ledger = ledger

    @classmethod
    async def take(cls, place: Place, captions: Captions | None = None, **options: Any) -> "Hand":
        """Captions made for the recording, asked for and claimed."""
        await place.world.ask(await place.captioned(captions or spoken()), target=place.kind, **options)
        return await cls.claimed(place)

    @classmethod
    async def claimed(cls, place: Place) -> "Hand":
        """What is due at the place."""
        world = place.world
        async with world.db.transaction() as session:
            held = await lifecycle.claim(session, "contract", _LEASE, [place.kind])
        assert held is not None
        work = await prepare(world.db, held)
        return cls(place, world.publishers[place.kind], held, work, cls._ledger(world, held))

    async def give_back(self) -> None:
        async with self.place.world.db.transaction() as session:
            await lifecycle.finish(session, self.held)

    def another_ledger(self) -> Ledger:
        """As a process begun anew has it: what it knows stands in the database."""
        return self._ledger(self.place.world, self.held)

    @staticmethod
    def _ledger(world: World, held: PublicationClaim) -> EffectLedger:
        keeper = LeaseKeeper(timedelta(days=9_999), fresh=timedelta(days=3_333), clock=lambda: world.monotonic[0])
        return EffectLedger(world.db, held, keeper, world.sleep, 5.0)
