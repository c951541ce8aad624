"""After the storm: what stands at Cablecast, in the stores and in the database, recording by recording."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from tests.chaos.runs import Goal
from tests.vod.storm.weather import FASTER, FLOOR_S, POINTS, Recording, Storm

from archivist_common import chapter_finding, invariants, publishing

_SHOWN = 3  # findings of a goal
_INVARIANTS = tuple(one for one in invariants.INVARIANTS if one.id in {"I8", "I16", "LEASE", "VERIFIED"})
"""Those of publications; the recordings of the storm were captioned by nobody."""


async def goals(storm: Storm, count: int, rested: bool) -> list[Goal]:
    """Each goal with its figure and bound."""
    found = await _Found.look(storm)
    lines = [
        _all(count, "publications published", found.published, found.unpublished),
        _none("publications pending or under way at the end", [] if rested else found.unpublished),
        _each(count, "one publication for each recording", found.publications),
        _each(count, "one show for each recording", found.shows),
        _each(count, "one show link for each recording", found.links),
        _each(count, "one reel and media for each recording", found.reels),
        _each(count, "one VOD for each recording", found.vods),
        _each(count, "one event vod.published for each recording", found.events),
        _none("sidecars that are not what was signed off", found.sidecars),
        _none("files that are neither a recording nor its sidecar", found.strays),
        _none("programmes whose chapters are not those wanted", found.chapters),
        _none("changes of which nobody knows whether they happened", found.unsettled),
        _none("writes of attempts that had lost their publication", found.intruders),
        _none("invariants of the database broken", found.broken),
        _none("promises of the contract (6.7) broken", found.promises),
        _none("warnings of twins at the target", found.twins),
        _none("kill points not reached", [point for point in POINTS if not storm.injected.kills[point]]),
        _none("given up in the storm, until a person pressed Retry", storm.injected.retried),
    ]
    return lines


class _Found:
    """The facts, by recording."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.unpublished: list[str] = []
        self.publications: list[int] = []
        self.shows: list[int] = []
        self.links: list[int] = []
        self.reels: list[int] = []
        self.vods: list[int] = []
        self.events: list[int] = []
        self.sidecars: list[str] = []
        self.strays: list[str] = []
        self.chapters: list[str] = []
        self.unsettled: list[str] = []
        self.intruders: list[str] = []
        self.broken: list[str] = []
        self.promises: list[str] = []
        self.twins: list[str] = []

    @classmethod
    async def look(cls, storm: Storm) -> "_Found":
        found, world = cls(), storm.world
        objects = {
            name: await storm.sim.control.objects(name) for name in ("shows", "reels", "media", "vods", "chapters")
        }
        reels, vods, chapters = (
            _by(objects[name], key) for name, key in (("reels", "show"), ("vods", "show"), ("chapters", "vod"))
        )
        media = {one["id"]: one for one in objects["media"]}
        async with world.db.transaction() as session:
            rows = (await session.execute(text(_PUBLICATIONS))).all()
            events = Counter((await session.scalars(text(_EVENTS))).all())
            links = Counter(
                (row.storage, row.file_path)
                for row in await session.execute(text("SELECT storage, file_path FROM show_links"))
            )
            doubts = (await session.scalars(text("SELECT key FROM effects WHERE state <> 'confirmed'"))).all()
            found.unsettled = list(doubts)
            broken = await invariants.broken(session, world.settings.job_lease, _INVARIANTS)
        found.broken = [f"{one.invariant.id}: {row}" for one in broken for row in one.rows]
        found.intruders = [str(dict(row)) for row in await storm.fetch("SELECT * FROM storm_intruders")]
        by_place = _by([dict(row._mapping) for row in rows], "place")
        for recording in storm.recordings:
            mine = by_place.get(f"{recording.storage}/{recording.path}", [])
            found.publications.append(len(mine))
            if not mine:
                continue
            row = mine[0]
            (found.published if row["status"] == "published" else found.unpublished).append(
                f"{recording.path}: {row['status']} {row['stage']} {row['error_code'] or ''} {row['error_message'] or ''}"
            )
            found.twins += [f"{recording.path}: {one}" for one in row["warnings"] if one.startswith("DUPLICATE")]
            found.events.append(events[str(row["id"])])
            key = publishing.key_of(recording.storage, recording.path)
            shows = [one for one in objects["shows"] if one["id"] == recording.show or one["localId"] == key]
            found.shows.append(len(shows))
            found.links.append(
                links[recording.storage, recording.path]
                if recording.show
                else int((row["item"] or {}).get("show") is not None)
            )
            show = shows[0]["id"] if shows else -1
            its = reels.get(show, [])
            marked = sum(key in (one["mediaName"] or "") for one in objects["media"])
            media_count = marked if recording.show is None else len({one["media"] for one in its} & set(media))
            found.reels.append(1 if len(its) == media_count == 1 else max(len(its), media_count))
            found.vods.append(len(vods.get(show, [])))
            found.sidecars += await _sidecar(storm, recording)
            for vod in vods.get(show, [])[:1]:
                found.chapters += await _chapters(storm, recording, vod, chapters.get(vod["id"], []))
        wanted = {(one.store, name) for one in storm.recordings for name in (one.path, one.sidecar)}
        there = {(store, one["name"]) for store, files in (await storm.sim.control.store()).items() for one in files}
        found.strays = [f"{store}/{name}" for store, name in sorted(there - wanted)]
        promises = await storm.sim.control.invariants(poll_floor_s=FLOOR_S * FASTER, slack_s=1.0)
        found.promises = [f"{one.rule}: {one.sentence}" for one in promises]
        return found


_PUBLICATIONS = "SELECT *, storage || '/' || file_path AS place FROM publications"
_EVENTS = "SELECT data->>'publication_id' FROM outbox WHERE event = 'vod.published'"


async def _sidecar(storm: Storm, recording: Recording) -> list[str]:
    async with storm.world.db.transaction() as session:
        signed = await session.scalar(
            text("SELECT sha256 FROM artifacts WHERE transcription_id = :job AND kind = 'scc'"),
            {"job": recording.job},
        )
    path = storm.sim.store(recording.store) / recording.sidecar
    if not path.is_file():
        return [f"{recording.sidecar} is not there"]
    held = hashlib.sha256(path.read_bytes()).hexdigest()
    return [] if held == signed else [f"{recording.sidecar} is another file"]


async def _chapters(storm: Storm, recording: Recording, vod: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    wanted = {
        (one.start_ms // 1000, " ".join(one.title.split()))
        for one in await chapter_finding.of_transcription(storm.world.db, recording.job)
    }
    shown = Counter((one["offset"], one["title"]) for one in rows if not one["deleted"])
    if shown == Counter(wanted) and wanted and vod["chaptersPublished"]:
        return []
    return [
        f"{recording.path}: {sorted(shown.items())} instead of {sorted(wanted)}, published: {vod['chaptersPublished']}"
    ]


def _by(rows: Sequence[dict[str, Any]], key: str) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def _all(count: int, what: str, good: list[str], bad: list[str]) -> Goal:
    figure = str(len(good)) + "".join(f"; {one}" for one in bad[:_SHOWN])
    return Goal(what, figure, str(count), len(good) == count)


def _each(count: int, what: str, numbers: list[int]) -> Goal:
    ones = sum(number == 1 for number in numbers)
    none, more = sum(number == 0 for number in numbers), sum(number > 1 for number in numbers)
    return Goal(
        what, f"{ones} with one, {none} without, {more} with more", f"{count} with one", ones == count == len(numbers)
    )


def _none(what: str, those: Sequence[str]) -> Goal:
    figure = str(len(those)) + "".join(f"; {one}" for one in those[:_SHOWN])
    return Goal(what, figure, "0", not those)
