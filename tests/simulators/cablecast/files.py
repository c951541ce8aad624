"""The file stores: real folders that are looked at whenever somebody asks, and the assets that are found there.

A file is `processing` for 90 virtual seconds after it was last seen to change, then valid, unlinked or invalid.
A name that begins `<show>-<reel>-` ties it to a show; a sidecar belongs to the video whose base name is the same
byte for byte, in the same store. Names that begin with a dot are never indexed.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulators.cablecast import cea608, media
from tests.simulators.cablecast.world import Row, World

_LINKED_NAME = re.compile(r"(\d+)-(?:(\d+)-)?")
_SIDECARS = (".scc", ".mcc")
_IMAGES = {".jpg", ".jpeg", ".png", ".gif"}
_FRESH_S = 0.05  # real seconds in which a folder's time stamp may not tell two changes apart
_SHARE = 20  # a full look is not repeated before this many times its own length has gone by


@dataclass(slots=True)
class Store:
    """A folder that the server watches. kind: Flex, VIO, SX or VOD."""

    id: int
    name: str
    kind: str
    folder: Path
    listed_ns: int = -1  # the folder's time stamp when it was listed, or -1 to list it again


@dataclass(slots=True)
class Asset:
    """A file in a store. Times are virtual seconds."""

    id: int
    store: Store
    name: str
    kind: str
    size: int
    stamp: int
    due: float | None
    status: str = "processing"
    length_ms: int | None = None
    problem: str | None = None
    digest: str = ""
    cues: tuple[cea608.Cue, ...] | None = None
    is_there: bool = True
    created: float = 0.0
    changed: float = 0.0
    twin: "Asset | None" = field(default=None, repr=False)
    """Of a sidecar, its video; of a video, its sidecar once that is indexed."""

    @property
    def path(self) -> Path:
        return self.store.folder / self.name

    @property
    def base(self) -> str:
        return self.name.rpartition(".")[0] or self.name

    @property
    def show(self) -> int | None:
        """The show that the name names."""
        found = _LINKED_NAME.match(self.name)
        return int(found[1]) if found else None

    @property
    def reel_number(self) -> int:
        found = _LINKED_NAME.match(self.name)
        return int(found[2] or 1) if found else 1


class Files:
    """Every store and the assets in them. `settle` and `scan` are called by whoever moves time or asks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.stores: dict[int, Store] = {}
        self.assets: dict[int, Asset] = {}
        self._by_path: dict[tuple[int, str], Asset] = {}
        self._pending: dict[int, Asset] = {}
        self._named: dict[int, list[Asset]] = {}
        self._next = 8100
        self._not_before = 0.0

    def open_store(self, key: int, name: str, kind: str, folder: Path) -> Store:
        folder.mkdir(parents=True, exist_ok=True)
        self.stores[key] = Store(key, name, kind, folder)
        return self.stores[key]

    def store_named(self, name: str) -> Store:
        """Raises KeyError."""
        found = next((store for store in self.stores.values() if store.name == name), None)
        if found is None:
            raise KeyError(f"there is no store {name}")
        return found

    # Looking

    def scan(self, *, whole: bool = False) -> None:
        """See what is new, changed or gone in every store. `whole` looks at every file whatever it costs."""
        began = time.monotonic()
        whole = whole or began >= self._not_before
        now = self._world.clock.now()
        for store in self.stores.values():
            try:
                listed = store.folder.stat().st_mtime_ns
                entries = list(_entries(store.folder)) if whole or listed != store.listed_ns else None
            except OSError:
                continue  # the share is away: nothing is known, nothing is forgotten
            if entries is not None:
                self._list(store, entries, now)
                # A change in the same tick would not show: such a folder is listed again next time.
                store.listed_ns = listed if time.time() - listed / 1e9 > _FRESH_S else -1
        if whole:
            took = time.monotonic() - began
            self._not_before = began + took * _SHARE

    def _list(self, store: Store, entries: "list[os.DirEntry[str]]", now: float) -> None:
        seen = set()
        for entry in entries:
            try:
                facts = entry.stat()
            except OSError:
                continue
            seen.add(entry.name)
            self._saw(store, entry.name, facts.st_size, facts.st_mtime_ns, now)
        for (key, name), asset in self._by_path.items():
            if key == store.id and name not in seen and asset.is_there:
                asset.is_there, asset.status, asset.due, asset.changed = False, "missing", None, now
                self._pair(asset)

    def _saw(self, store: Store, name: str, size: int, stamp: int, now: float) -> Asset:
        asset = self._by_path.get((store.id, name))
        due = now + self._world.switches.index_s
        if asset is None:
            asset = Asset(self._next, store, name, _kind(name), size, stamp, due, created=now, changed=now)
            self._next += 1
            self.assets[asset.id] = self._by_path[store.id, name] = self._pending[asset.id] = asset
            if asset.show is not None:
                self._named.setdefault(asset.show, []).append(asset)
        elif not asset.is_there or (asset.size, asset.stamp) != (size, stamp):
            asset.size, asset.stamp, asset.due = size, stamp, due
            asset.status, asset.is_there, asset.changed = "processing", True, now
            self._pending[asset.id] = asset
        return asset

    def touch(self, store: Store, name: str) -> Asset:
        """Know a file at once, as one that has just come."""
        facts = (store.folder / name).stat()
        return self._saw(store, name, facts.st_size, facts.st_mtime_ns, self._world.clock.now())

    # Indexing

    def next_due(self) -> float | None:
        return min((asset.due for asset in self._pending.values() if asset.due is not None), default=None)

    def index(self, now: float) -> list[Asset]:
        """Finish every file whose time has come: those that were finished."""
        done = []
        for asset in list(self._pending.values()):
            if asset.due is None:
                del self._pending[asset.id]
            elif asset.due <= now:
                try:
                    facts = asset.path.stat()
                except OSError:
                    asset.is_there, asset.status, asset.due = False, "missing", None
                    continue
                if (facts.st_size, facts.st_mtime_ns) != (asset.size, asset.stamp):  # still being written
                    asset.size, asset.stamp = facts.st_size, facts.st_mtime_ns
                    asset.due = now + self._world.switches.index_s
                    continue
                self.finish(asset, now)
                done.append(asset)
        return done

    def finish(self, asset: Asset, now: float) -> None:
        """Read a file and say what it is."""
        self._pending.pop(asset.id, None)
        asset.due, asset.changed, asset.problem = None, now, None
        if asset.kind == "video":
            asset.length_ms = media.length_ms(asset.path)
            if asset.length_ms is None:
                asset.status, asset.problem = "invalid", "The file has no readable header."
            else:
                asset.status = "valid" if self.reel_of(asset) else "unlinked"
        elif asset.kind == "caption":
            data = asset.path.read_bytes()
            asset.digest, asset.cues = hashlib.sha256(data).hexdigest(), None
            if asset.name.lower().endswith(".scc"):
                try:
                    asset.cues = tuple(cea608.decode(data))
                except cea608.BadCaptions as exc:
                    asset.problem = str(exc)
            asset.status = "unlinked"
        else:
            asset.status = "unlinked"
        self._pair(asset)

    def _pair(self, asset: Asset) -> None:
        """Tie a sidecar to its video, or take them apart."""
        if not self._world.profile.sidecars or asset.store.kind in ("SX", "VOD"):
            return
        if asset.kind == "caption" and not asset.name.lower().endswith(_SIDECARS):
            return
        if asset.kind == "caption":
            video = next((other for other in self._beside(asset) if other.kind == "video"), None)
            if not asset.is_there:
                if video is not None and video.twin is asset:
                    video.twin = None
                asset.twin = None
            elif video is not None:
                asset.twin, video.twin, asset.status = video, asset, "valid"
        elif asset.kind == "video":
            sidecar = next(
                (o for o in self._beside(asset) if o.kind == "caption" and o.due is None and o.is_there), None
            )
            if sidecar is not None and asset.is_there:
                asset.twin, sidecar.twin, sidecar.status = sidecar, asset, "valid"
            elif sidecar is not None:
                asset.twin, sidecar.twin, sidecar.status = None, None, "unlinked"

    def _beside(self, asset: Asset) -> Iterator[Asset]:
        return (
            other
            for other in self._same_store(asset)
            if other.base == asset.base and other is not asset and (other.is_there or other.twin is asset)
        )

    def _same_store(self, asset: Asset) -> Iterator[Asset]:
        suffixes = _SIDECARS if asset.kind == "video" else media.VIDEO
        for suffix in suffixes:
            for spelt in (suffix, suffix.upper()):
                other = self._by_path.get((asset.store.id, asset.base + spelt))
                if other is not None:
                    yield other

    # Asking

    def at(self, store: int, name: str) -> Asset | None:
        return self._by_path.get((store, name))

    def of_reel(self, reel: Row) -> Asset | None:
        """The video that a reel plays: the one `userFileName` names, else the one named after show and number."""
        wanted = reel.get("userFileName")
        candidates = []
        for store in self.stores.values():
            if store.kind == "VOD":
                continue
            if wanted:
                asset = self._by_path.get((store.id, wanted))
                candidates += [asset] if asset is not None and asset.is_there else []
        if not candidates and not wanted:
            key = (reel["show"], reel["reelNumber"])
            candidates = [a for a in self.named_after(key[0]) if a.reel_number == key[1] and a.is_there]
        return max(candidates, key=lambda asset: (asset.status == "valid", -asset.id), default=None)

    def named_after(self, show: int) -> list[Asset]:
        """The videos whose names begin with a show's number."""
        return [a for a in self._named.get(show, ()) if a.kind == "video" and a.store.kind != "VOD"]

    def reel_of(self, asset: Asset) -> Row | None:
        """The reel that plays a video, or the video of a sidecar."""
        if asset.kind == "caption":
            return self.reel_of(asset.twin) if asset.twin is not None else None
        bound = self._world.reel_named(asset.name)
        if bound is not None:
            return bound
        if asset.show is None:
            return None
        reels = self._world.reels_of(asset.show)
        named = (r for r in reels if r["reelNumber"] == asset.reel_number and not r.get("userFileName"))
        return next(named, None)

    def relink(self) -> None:
        """After reels have changed: who is linked and who is not."""
        for asset in self.assets.values():
            if asset.kind == "video" and asset.status in ("valid", "unlinked"):
                asset.status = "valid" if self.reel_of(asset) else "unlinked"


def _kind(name: str) -> str:
    suffix = Path(name).suffix.lower()
    if suffix in media.VIDEO:
        return "video"
    if suffix in _SIDECARS or suffix in (".vtt", ".srt"):
        return "caption"
    return "image" if suffix in _IMAGES else "document" if suffix in (".pdf", ".txt", ".docx") else "unknown"


def _entries(folder: Path) -> "Iterator[os.DirEntry[str]]":
    with os.scandir(folder) as listed:
        yield from (entry for entry in listed if not entry.name.startswith(".") and entry.is_file())
