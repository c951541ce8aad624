"""The objects of the station: rows by collection and id, as they are on the wire, less what is worked out."""

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
        self._indexes: dict[tuple[str, str], dict[Any, list[int]]] = {}

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
        """Forget what was looked up in a collection."""
        for key in [key for key in self._indexes if key[0] == collection]:
            del self._indexes[key]

    def where(self, collection: str, field: str, value: Any) -> list[Row]:
        """The objects whose field has this value, in order of ids."""
        index = self._indexes.get((collection, field))
        if index is None:
            index = self._indexes[collection, field] = {}
            for row in self.rows[collection].values():
                index.setdefault(row[field], []).append(row["id"])
        return [self.rows[collection][key] for key in sorted(index.get(value, ()))]

    def reels_of(self, show: int) -> list[Row]:
        """The reels of a show, by number."""
        return sorted(self.where("reels", "show", show), key=lambda row: (row["reelNumber"], row["id"]))

    def vods_of(self, show: int) -> list[Row]:
        return self.where("vods", "show", show)

    def reel_named(self, name: str) -> Row | None:
        """The reel that is bound to a file of this name."""
        return next(iter(self.where("reels", "userFileName", name)), None)

    def run_time(self, show: int) -> int:
        """Seconds of all reels of a show."""
        return sum(reel["length"] for reel in self.reels_of(show))
