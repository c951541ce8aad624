"""Recordings to be published, each with captions of its own, and how it ended for them at Cablecast and with us."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from tests.vod.world import SPOKEN, World, spoken

from archivist_common.chapters import lookup
from archivist_common.publishing import requests
from archivist_common.publishing.options import PublishOptions
from archivist_common.publishing.requests import PublicationRequest

LENGTH_S = 80

_PUBLICATIONS = "SELECT *, storage || '/' || file_path AS place FROM publications"
_EVENTS = "SELECT data->>'publication_id' FROM outbox WHERE event = 'vod.published'"
_LINKS = "SELECT storage || '/' || file_path FROM show_links"
_DOUBTS = "SELECT publication_id, key FROM effects WHERE state <> 'confirmed' ORDER BY id"
_SIGNED = "SELECT sha256 FROM artifacts WHERE transcription_id = :job AND kind = 'scc'"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """One to be published. show: the number of the show it is in, None where one is to be made."""

    path: str
    storage: str
    show: int | None
    job: UUID
    publication: UUID

    @property
    def place(self) -> str:
        return f"{self.storage}/{self.path}"

    @property
    def store(self) -> str:
        return "Flex 1" if self.storage == "flex-1" else "Flex 2"

    @property
    def sidecar(self) -> str:
        return self.path.removesuffix(".mp4") + ".scc"


@dataclass(slots=True)
class End:
    """How it ended for one recording. standing: what it waits for, empty where it is published. numbers: of what
    there should be one each."""

    standing: str
    numbers: dict[str, int]
    sidecar: list[str]
    chapters: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Changes of which nobody knows whether they happened."""

    def require_once(self) -> None:
        """Raises AssertionError unless all is there, once, as it should be."""
        assert not self.standing, self.standing
        assert set(self.numbers.values()) == {1}, self.numbers
        assert not self.sidecar + self.chapters + self.twins + self.doubts


async def asked_for_twice(world: World, number: int) -> Recording:
    """A recording with its captions, asked for by two requests at once. Every third has no show yet; those of odd
    numbers lie in the store `Flex 2`."""
    storage, store = ("flex-2", "Flex 2") if number % 2 else ("flex-1", "Flex 1")
    show = None if number % 3 == 0 else 10_000 + number
    name = f"arrivals-{number:03}.mp4" if show is None else f"{show}-1-Council {number}.mp4"
    file = {"store": store, "name": name, "length_s": LENGTH_S}
    if show is None:
        await world.sim.control.seed(files=[file])
    else:
        await world.show(id=show, title=f"Council {number}", file=file)
    captions = spoken(f"{SPOKEN} This was recording number {number}.")
    job = await world.captioned(name, captions, storage=storage, length_s=LENGTH_S)
    wish = PublicationRequest("cablecast", job, PublishOptions(create_show=show is None))

    async def ask() -> UUID:
        async with world.db.transaction() as session:
            return (await requests.request(session, wish))[0]

    one, other = await asyncio.gather(ask(), ask())
    assert one == other, "two requests at once have made two publications"
    return Recording(name, storage, show, job, one)


async def ends(world: World, recordings: Sequence[Recording]) -> list[End]:
    """What stands at Cablecast, in its stores and in the database."""
    async with world.db.transaction() as session:
        rows = [dict(row) for row in (await session.execute(text(_PUBLICATIONS))).mappings()]
        events = Counter((await session.scalars(text(_EVENTS))).all())
        doubts = (await session.execute(text(_DOUBTS))).all()
        links = Counter((await session.scalars(text(_LINKS))).all())
    there = {name: await world.sim.control.objects(name) for name in ("shows", "reels", "media", "vods", "chapters")}
    publications = _by(rows, "place")
    reels, vods, chapters = _by(there["reels"], "show"), _by(there["vods"], "show"), _by(there["chapters"], "vod")
    found = []
    for recording in recordings:
        mine, key = publications[recording.place], requests.key_of(recording.storage, recording.path)
        shows = [one for one in there["shows"] if recording.show == one["id"] or key == one["localId"]]
        show = shows[0]["id"] if shows else None
        plays = [one["media"] for one in reels[show]]
        # A show that was made for a recording is known by its key: it needs no link.
        known = sum(row["item"].get("show") == show for row in mine)
        numbers = {
            "publication": len(mine),
            "show": len(shows),
            "show link": known if recording.show is None else links[recording.place],
            "reel": len(plays),
            "media": sum(one["id"] in plays or key in (one["mediaName"] or "") for one in there["media"]),
            "VOD": len(vods[show]),
            "event vod.published": sum(events[str(row["id"])] for row in mine),
        }
        standing = [f"{row['place']} is {_told(row)}" for row in mine if row["status"] != "published"]
        end = End("; ".join(standing), numbers, await _sidecar(world, recording))
        end.twins = [f"{row['place']}: {said}" for row in mine for said in row["warnings"] if "DUPLICATE" in said]
        end.doubts = [doubt.key for doubt in doubts if doubt.publication_id == recording.publication]
        for vod in vods[show]:
            end.chapters += await _chapters(world, recording, vod, chapters[vod["id"]])
        found.append(end)
    return found


async def _sidecar(world: World, recording: Recording) -> list[str]:
    async with world.db.transaction() as session:
        signed = await session.scalar(text(_SIGNED), {"job": recording.job})
    path = world.sim.store(recording.store) / recording.sidecar
    if not path.is_file():
        return [f"{recording.sidecar} is not there"]
    held = hashlib.sha256(path.read_bytes()).hexdigest()
    return [] if held == signed else [f"{recording.sidecar} is not what was signed off"]


async def _chapters(world: World, recording: Recording, vod: Row, rows: Sequence[Row]) -> list[str]:
    found = await lookup.of_transcription(world.db, recording.job)
    wanted = Counter((one.start_ms // 1000, " ".join(one.title.split())) for one in found)
    shown = Counter((row["offset"], row["title"]) for row in rows if not row["deleted"])
    if wanted and shown == wanted and vod["chaptersPublished"]:
        return []
    told = "" if vod["chaptersPublished"] else ", not published"
    return [f"{recording.path}: {sorted(shown.elements())} instead of {sorted(wanted)}{told}"]


def _by(rows: Sequence[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _told(row: Row) -> str:
    return f"{row['status']} at {row['stage']}: {row['error_code']}, {row['error_message']}"
