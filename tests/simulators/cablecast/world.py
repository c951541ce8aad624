"""The objects of the station: rows by collection and id, as they are on the wire, less what is worked out."""

from collections.abc import Iterable
from typing import Any

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.clock import Clock
from tests.simulators.cablecast.profiles import Profile, Switches

Row = dict[str, Any]

# Where the ids of each collection begin; what is not named begins at 1.
_FIRST_ID = {
    "shows": 4100, "media": 6000, "reels": 5200, "vods": 900, "vodtransactions": 7700, "chapters": 300,
    "assets": 8100, "digitalfiles": 9400, "assetreellinks": 2600, "fileuploads": 700, "filestores": 11,
    "scheduleitems": 15000,
}  # fmt: skip

LOOKUPS = (
    "locations", "channels", "formats", "categories", "producers", "projects", "dispositions", "showfields",
    "customfields", "filestores", "vodconfigurations", "vodtranscodequalities",
)  # fmt: skip


class World:
    """Every stored object. `made` holds what came through the API rather than by seed: (collection, id)."""

    def __init__(self, clock: Clock, profile: Profile, switches: Switches) -> None:
        self.clock = clock
        self.profile = profile
        self.switches = switches
        self.rows: dict[str, dict[int, Row]] = {
            name: {} for name in (*fields.ROOTS, "fielddefinitions", "savedsearches")
        }
        self.made: set[tuple[str, int]] = set()
        self._next = dict(_FIRST_ID)
        self._reels_of: dict[int, list[int]] | None = None
        self._vods_of: dict[int, list[int]] | None = None
        self._reels_named: dict[str, int] | None = None

    def exists(self, collection: str, key: int) -> bool:
        return key in self.rows[collection]

    def add(self, collection: str, row: Row, key: int | None = None) -> Row:
        """Store an object under the next free id, or under the one that is given."""
        if key is None:
            key = self._next.get(collection, 1)
            while key in self.rows[collection]:
                key += 1
            self._next[collection] = key + 1
        stored = {"id": key, **{name: value for name, value in row.items() if name != "id"}}
        self.rows[collection][key] = stored
        self.changed(collection)
        return stored

    def make(self, collection: str, taken: Row) -> Row:
        """Store an object that a caller made: the rest of its fields are at their defaults."""
        row = self.add(collection, {**fields.blank(collection), **taken})
        self.made.add((collection, row["id"]))
        now = self.clock.iso()
        for name in ("created", "lastModified", "modified", "creationDate"):
            if name in row and row[name] is None:
                row[name] = now
        return row

    def change(self, collection: str, key: int, taken: Row) -> Row:
        """PUT: the fields that were sent, and by the `put` switch the defaults for those that were not."""
        row = self.rows[collection][key]
        for field in fields.FIELDS[collection]:
            if field.name in taken:
                row[field.name] = taken[field.name]
            elif self.switches.put == "replace" and collection != "fileuploads" and not (field.fixed or field.once):
                if field.required:
                    continue
                row[field.name] = list(field.default) if isinstance(field.default, tuple) else field.default
        for name in ("modified", "lastModified"):
            if name in row:
                row[name] = self.clock.iso()
        self.changed(collection)
        return row

    def remove(self, collection: str, key: int) -> None:
        """Delete an object and what hangs on it."""
        self.rows[collection].pop(key, None)
        for inner, field in {"shows": (("reels", "show"), ("vods", "show")), "vods": (("chapters", "vod"),)}.get(
            collection, ()
        ):
            for other in [row["id"] for row in self.rows[inner].values() if row[field] == key]:
                self.remove(inner, other)
        self.changed(collection)

    def changed(self, collection: str) -> None:
        if collection == "reels":
            self._reels_of = self._reels_named = None
        elif collection == "vods":
            self._vods_of = None

    def reels_of(self, show: int) -> list[Row]:
        """The reels of a show, by number."""
        if self._reels_of is None:
            self._reels_of = self._by("reels", "show")
        found = (self.rows["reels"][key] for key in self._reels_of.get(show, ()))
        return sorted(found, key=lambda row: (row["reelNumber"], row["id"]))

    def reel_named(self, name: str) -> Row | None:
        """The reel that is bound to a file of this name."""
        if self._reels_named is None:
            bound = (row for row in self.rows["reels"].values() if row.get("userFileName"))
            self._reels_named = {row["userFileName"]: row["id"] for row in bound}
        key = self._reels_named.get(name)
        return None if key is None else self.rows["reels"][key]

    def vods_of(self, show: int) -> list[Row]:
        if self._vods_of is None:
            self._vods_of = self._by("vods", "show")
        return [self.rows["vods"][key] for key in self._vods_of.get(show, ())]

    def run_time(self, show: int) -> int:
        """Seconds of all reels of a show."""
        return sum(reel["length"] for reel in self.reels_of(show))

    def _by(self, collection: str, field: str) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for row in self.rows[collection].values():
            found.setdefault(row[field], []).append(row["id"])
        return found


def page(rows: Iterable[Row], offset: int, size: int) -> list[Row]:
    return list(rows)[offset : offset + size]
