"""What a station has before anybody calls: from a plain description to stored objects and files."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulators.cablecast import fields, media
from tests.simulators.cablecast.world import LOOKUPS, Row

if TYPE_CHECKING:
    from tests.simulators.cablecast.files import Asset
    from tests.simulators.cablecast.station import Station

_BASICS: dict[str, list[Row]] = {
    "locations": [
        {"id": 1, "name": "Harbor City", "vodConfigurations": [2], "routerControlModuleSet": None},
        {"id": 2, "name": "Upriver", "vodConfigurations": [3], "routerControlModuleSet": None},
    ],
    "channels": [{"id": 5, "name": "Government", "primaryLocation": 1}],
    "formats": [
        {"id": 1, "name": "Tape", "location": 1, "primitiveFormat": 1},
        {"id": 2, "name": "Digital File", "location": 1, "primitiveFormat": 4},
        {"id": 3, "name": "Digital File", "location": 2, "primitiveFormat": 4},
    ],
    "categories": [{"id": 3, "location": 1, "name": "Government"}, {"id": 4, "location": 2, "name": "Government"}],
    "producers": [{"id": 11, "location": 1, "name": "Harbor City Council", "active": True}],
    "projects": [
        {"id": 8, "location": 1, "name": "City Council", "description": "", "producer": 11, "podcast": False}
    ],
    "dispositions": [{"id": 1, "location": 1, "name": "Keep", "allowAssignment": True}],
    "showfields": [
        {"id": 5, "label": "Tags", "fieldDefinition": 1, "maxInstances": 1},
        {"id": 6, "label": "Meeting date", "fieldDefinition": 2, "maxInstances": 1},
    ],
    "fielddefinitions": [
        {"id": 1, "name": "Tags", "type": "string", "widget": "input", "location": 1, "fieldOptions": []},
        {"id": 2, "name": "Meeting date", "type": "date", "widget": "input", "location": 1, "fieldOptions": []},
    ],
    "vodconfigurations": [
        {"id": 2, "location": 1, "providerName": "TRMS", "defaultQuality": 1, "vodTranscodeQualities": [1, 2, 3, 4]},
        {"id": 3, "location": 2, "providerName": "TRMS", "defaultQuality": 1, "vodTranscodeQualities": [1, 2, 3, 4]},
    ],
    "vodtranscodequalities": [
        {"id": 1, "name": "1080 HD", "vodProvider": 1, "settingsHash": "{}", "descriptionTemplate": ""},
        {"id": 2, "name": "720 HD", "vodProvider": 1, "settingsHash": "{}", "descriptionTemplate": ""},
        {"id": 3, "name": "480 SD", "vodProvider": 1, "settingsHash": "{}", "descriptionTemplate": ""},
        {"id": 4, "name": "360 SD", "vodProvider": 1, "settingsHash": "{}", "descriptionTemplate": ""},
    ],
}
_STORES = [("Flex 1", "Flex"), ("Flex 2", "VIO"), ("Flex 3", "Flex"), ("SX 1", "SX"), ("VOD", "VOD")]


def plant_basics(station: "Station") -> None:
    """Locations, formats, stores and the rest that every station has."""
    for collection, rows in _BASICS.items():
        for row in rows:
            station.world.add(collection, dict(row), row["id"])
    for key, (name, kind) in enumerate(_STORES, 11):
        add_store(station, {"id": key, "name": name, "type": kind})


def plant(station: "Station", seed: dict[str, Any]) -> dict[str, list[int]]:
    """Store what is described; the ids by collection. An object with a known id replaces that object.

    shows: fields of a show and, beside them, `file` or `reels` (`file`, `cue`, `length`) and `vods` (`state`).
    file: store, name, length_s or bytes_from (a recording to copy), sidecar (SCC text), indexed (true).
    Raises ValueError for what it does not know, KeyError for a store that is not there.
    """
    made: dict[str, list[int]] = {}
    for collection, rows in seed.items():
        if collection == "filestores":
            made[collection] = [add_store(station, row) for row in rows]
        elif collection == "shows":
            made[collection] = [_show(station, row) for row in rows]
        elif collection == "files":
            made["assets"] = [_file(station, row).id for row in rows]
        elif collection in (*LOOKUPS, "fielddefinitions", "scheduleitems", "media", "reels", "chapters"):
            blank = fields.blank(collection) if collection in fields.FIELDS else {}
            made[collection] = [station.world.add(collection, {**blank, **row}, row.get("id"))["id"] for row in rows]
        else:
            raise ValueError(f"a seed may not hold {collection}")
    station.reels_changed()
    return made


def add_store(station: "Station", row: Row) -> int:
    stored = station.world.add("filestores", {"name": row["name"]}, row.get("id"))
    station.files.open_store(stored["id"], row["name"], row.get("type", "Flex"), station.folder / row["name"])
    return int(stored["id"])


def _show(station: "Station", row: Row) -> int:
    world, clock = station.world, station.clock
    own = {name: value for name, value in row.items() if name not in ("file", "reels", "vods", "reel")}
    unknown = set(own) - set(fields.BY_NAME["shows"]) - {"id"}
    if unknown:
        raise ValueError(f"a show has no {', '.join(sorted(unknown))}")
    now = clock.iso()
    times = {"created": now, "modified": now, "lastModified": now}
    show = world.add("shows", {**fields.blank("shows"), "location": 1, "title": "", **times, **own}, row.get("id"))
    reels = row.get("reels") or ([{"file": row["file"]}] if row.get("file") and row.get("reel", True) else [])
    if row.get("file") and not reels:
        _file(station, row["file"])
    for number, reel in enumerate(reels, 1):
        _reel(station, show, number, reel)
    for vod in row.get("vods", ()):
        config = _of_location(station, "vodconfigurations", show["location"])
        given = {"show": show["id"], "vodConfiguration": vod.get("vodConfiguration", config["id"])}
        made = world.add("vods", {**fields.blank("vods"), **given}, vod.get("id"))
        station.machine.add(made)
        if vod.get("state"):
            station.machine.force(made, vod["state"])
    return int(show["id"])


def _reel(station: "Station", show: Row, number: int, reel: Row) -> None:
    world = station.world
    asset = _file(station, reel["file"]) if reel.get("file") else None
    form = _of_location(station, "formats", show["location"], primitiveFormat=4)
    medium = world.add(
        "media",
        {**fields.blank("media"), "location": show["location"], "format": form["id"], "mediaName": show["title"]},
    )
    length = reel.get("length")
    if length is None:
        length = -(-(asset.length_ms or 0) // 1000) if asset is not None else 0
    number = reel.get("reelNumber", number)
    bound = asset.name if asset is not None and (asset.show, asset.reel_number) != (show["id"], number) else None
    given = {
        "show": show["id"],
        "media": medium["id"],
        "reelNumber": number,
        "cue": reel.get("cue", 0),
        "length": length,
    }
    world.add(
        "reels", {**fields.blank("reels"), **given, "userFileName": reel.get("userFileName", bound)}, reel.get("id")
    )
    if asset is not None:
        asset.status = "valid" if asset.status == "unlinked" else asset.status


def _of_location(station: "Station", collection: str, location: int, **fields_of_it: Any) -> Row:
    wanted = {"location": location, **fields_of_it}
    for row in station.world.rows[collection].values():
        if wanted.items() <= row.items():
            return row
    raise ValueError(f"location {location} has no {collection} to use")


def _file(station: "Station", row: Row) -> "Asset":
    """Put a recording into a store and index it at once."""
    store = station.files.store_named(row["store"])
    target = store.folder / row["name"]
    if row.get("bytes_from"):
        target.unlink(missing_ok=True)
        shutil.copyfile(Path(row["bytes_from"]), target)
    elif "length_s" in row or not target.exists():
        target.write_bytes(media.stub(row.get("length_s", 600), row["name"]))
    asset = station.files.touch(store, row["name"])
    if row.get("indexed", True):
        station.files.finish(asset, station.clock.now())
    if row.get("sidecar"):
        beside = target.with_suffix(".scc")
        beside.write_text(row["sidecar"])
        station.files.finish(station.files.touch(store, beside.name), station.clock.now())
    return asset
