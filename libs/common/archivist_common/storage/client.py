"""Storage servers: mounts that may be slow, hung, read-only, full or missing.

No service touches a mount itself: `StorageClient` sends requests to helper processes (`io_pool`), so that a
server that hangs costs its own callers their deadline and no other caller anything.
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from archivist_common.errors import FileGrowing, InvalidRequest, NotFound, PathRefused, StorageUnavailable
from archivist_common.storage import paths
from archivist_common.storage.atomic_files import Digest, Placed
from archivist_common.storage.fingerprint import Snapshot
from archivist_common.storage.io_pool import HelperPool
from archivist_common.storage.mounts import MountKind, mount_at

MAX_LISTED = 10_000  # folders and recordings of one folder, and so the entries of one page
_SECOND_CHECK_S = 1.0  # after the first, of a recording that may still grow
_PLAIN_SOUND = frozenset({".wav", ".w64", ".aif", ".aiff"})  # silence is zeros there, at the end too
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {kind.value for kind in MountKind if kind is not MountKind.AUTO}
_FLAGS = {"beside", "drop-frame", "non-drop"} | _KINDS


@dataclass(frozen=True, slots=True)
class StorageServer:
    """One mount with recordings. `beside`: the SCC goes beside each recording. `kind`: see `mounts`.

    is_output: it is an output folder instead. Folders are made in it, and links in it are the administrator's.

    drop_frame, start_timecode: how its playout wants SCC labels, where that is not SCC_DROP_FRAME and
    SCC_START_TIMECODE; None and empty leave it to those.
    """

    name: str
    path: Path
    beside: bool = False
    kind: MountKind = MountKind.AUTO
    drop_frame: bool | None = None
    start_timecode: str = ""
    is_output: bool = False

    @classmethod
    def parse(cls, entry: str) -> Self:
        """`/mnt/flex-1` or `birchwood=/mnt/flex-1`, with any of `+beside`, `+mount`, `+marker`, `+folder`,
        `+drop-frame`, `+non-drop` behind it.

        A path may hold `=`. `+mount` refuses the folder while nothing is mounted on it, `+marker` while it does
        not hold the marker file, `+folder` takes it even when it is an empty folder of the local disk. Raises
        ValueError for a path that is not absolute or a name of other characters than A-Z a-z 0-9 . _ -
        """
        text, flags = entry.strip(), set[str]()
        while (cut := text.rpartition("+"))[2] in _FLAGS and cut[1]:
            text = cut[0]
            flags.add(cut[2])
        name, equals, path_text = ("", "", text) if text.startswith("/") else text.partition("=")
        path = Path(path_text if equals else text)
        if len(_KINDS & flags) > 1:
            raise ValueError(f"a storage server is one of +mount, +marker and +folder: {entry!r}")
        if {"drop-frame", "non-drop"} <= flags:
            raise ValueError(f"a storage server is +drop-frame or +non-drop, not both: {entry!r}")
        kind = next((MountKind(flag) for flag in _KINDS & flags), MountKind.AUTO)
        labels = {"drop-frame": True, "non-drop": False}
        drop_frame = next((labels[flag] for flag in flags & labels.keys()), None)
        return cls(name if equals else path.name, path, "beside" in flags, kind, drop_frame)._checked()

    @classmethod
    def from_json(cls, entry: object) -> Self:
        """`{"name": …, "path": …}`, and any of `"beside": true`, `"kind": "mount"`, `"drop_frame": false` and
        `"start_timecode": "01:00:00:00"`.

        For paths that hold a comma, and labels. Raises ValueError as `parse` does.
        """
        match entry:
            case {"name": str(name), "path": str(path), **rest}:
                kind = MountKind(str(rest.get("kind", MountKind.AUTO)))
                drop_frame = rest.get("drop_frame")
                if not isinstance(drop_frame, bool | None):
                    raise ValueError(f"drop_frame of a storage server is true or false: {drop_frame!r}")
                start = str(rest.get("start_timecode", ""))
                return cls(name, Path(path), rest.get("beside") is True, kind, drop_frame, start)._checked()
        raise ValueError(f"a storage server needs a name and a path: {entry!r}")

    def as_json(self) -> dict[str, object]:
        """What `from_json` reads."""
        return {**asdict(self), "path": str(self.path)}

    def _checked(self) -> Self:
        if not self.path.is_absolute():
            raise ValueError(f"a storage server's path must be absolute: {str(self.path)!r}")
        if not self.name or not all(c.isascii() and (c.isalnum() or c in "._-") for c in self.name):
            raise ValueError(f"a storage server's name may hold letters, digits, '.', '_' and '-': {self.name!r}")
        return self


class Order(StrEnum):
    """Order of the recordings of a listing. Folders come first, by name, in both."""

    NEWEST = "newest"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A folder or a recording. `path` is relative to the server's root; `size_bytes` is None for a folder."""

    name: str
    path: str
    is_folder: bool
    size_bytes: int | None
    modified: datetime
    has_captions: bool
    """A `<base>.scc` exists beside it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a folder. `next` is the cursor of the next page, None on the last one."""

    server: str
    path: str
    entries: tuple[FileEntry, ...]
    next: str | None
    total: int
    """Folders and recordings in the folder, at most 10,000."""
    truncated: bool
    """There are more than were listed."""
    skipped: int
    """Recordings and folders left out because their name is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that exists and could be read. `fingerprint`: see `fingerprint.Snapshot`."""

    server: str
    path: str
    size_bytes: int
    mtime_ns: int
    fingerprint: str

    @property
    def modified(self) -> datetime:
        return _moment(self.mtime_ns)


@dataclass(frozen=True, slots=True)
class MountState:
    """How a server is now. `reason` says in words what is wrong, None when nothing is. Sizes in bytes.

    One that hangs is neither readable nor writable, one that is full is not writable.
    """

    server: str
    mounted: bool
    readable: bool
    writable: bool
    hung: bool
    total_bytes: int | None
    free_bytes: int | None
    reason: str | None
    full: bool = False


class StorageClient:
    """The helpers of all storage servers. Open it once per process; hand it to routes and checks.

    max_listed: folders and recordings of one folder that are listed; a folder's further ones are left out.
    Every call ends within its deadline, give or take the event loop's own delay.
    """

    def __init__(self, servers: Iterable[StorageServer], *, max_listed: int = MAX_LISTED) -> None:
        self.servers = tuple(servers)
        self._max_listed = max_listed
        self._pools: dict[StorageServer, HelperPool] = {}

    async def start(self) -> None:
        """Start one helper per server; no mount is accessed yet."""
        await asyncio.gather(*(self._pool(server).warm() for server in self.servers))

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        self._pools.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def server(self, name: str) -> StorageServer:
        """The server of this name. Raises NotFound."""
        for server in self.servers:
            if server.name == name:
                return server
        raise NotFound(f"there is no storage server {name!r}")

    def stuck(self, server: StorageServer) -> int:
        """Killed helpers that the kernel still holds, waiting for the server."""
        return self._pool(server).stuck

    async def browse(
        self,
        server: StorageServer,
        path: str = "",
        *,
        after: str | None = None,
        limit: int = 200,
        order: Order = Order.NEWEST,
        deadline: timedelta,
    ) -> Listing:
        """One page of the folder `path` (`""` is the top): its folders and recordings, nothing else.

        after: `Listing.next` of the page before. Hidden names, links and what is no regular file are left
        out. Raises PathRefused, FileMissing, InvalidRequest (limit or cursor) or StorageUnavailable.
        """
        if not 1 <= limit <= self._max_listed:
            raise InvalidRequest(f"a page has 1 to {self._max_listed} entries, not {limit}")
        folder = str(_visible(path)) if path else ""
        request = {
            "do": "browse",
            "path": folder,
            "after": after,
            "limit": limit,
            "order": order.value,
            "most": self._max_listed,
        }
        found = await self._pool(server).answer(request, deadline)
        return Listing(
            server=server.name,
            path=folder,
            entries=tuple(_entry(folder, entry) for entry in found["entries"]),
            next=found["next"],
            total=found["total"],
            truncated=found["truncated"],
            skipped=found["skipped"],
        )

    async def stat_recording(
        self, server: StorageServer, path: str, deadline: timedelta, *, settled: timedelta = timedelta()
    ) -> Recording:
        """The recording `path`, opened and read at both ends.

        settled: one written to more recently than this is checked twice, a second apart; the server's clock
        may be slow, so a minute is a good margin. Each check has its deadline. Raises PathRefused, FileMissing,
        InvalidFileFormat (a folder, a FIFO, no recording's name, a copy with captions), FileGrowing or
        StorageUnavailable.
        """
        relative = str(_visible(path))
        request = {"do": "stat_recording", "path": relative}
        seen = Snapshot(**await self._pool(server).answer(request, deadline))
        age_s = time.time() - seen.mtime_ns / 1e9
        if age_s < settled.total_seconds():  # a time to come is no old one: the clock is the server's
            await asyncio.sleep(_SECOND_CHECK_S)
            _require_finished(relative, age_s, seen, Snapshot(**await self._pool(server).answer(request, deadline)))
        return Recording(server.name, relative, seen.size_bytes, seen.mtime_ns, seen.fingerprint)

    async def digest(self, server: StorageServer, path: str, deadline: timedelta) -> Digest:
        """Hash and length of the file `path`, of any name. Raises as `stat_recording` does."""
        request = {"do": "digest", "path": _named(server, path), "output": server.is_output}
        return Digest(**await self._pool(server).answer(request, deadline))

    async def place(
        self,
        server: StorageServer,
        path: str,
        *,
        source: Path,
        sha256: str,
        ours: Collection[str],
        deadline: timedelta,
    ) -> Placed:
        """`atomic_files.place` under the name `path` of this server, which may hang meanwhile.

        ours: hashes of the files that may be replaced. Raises what `atomic_files.place` raises, and
        StorageUnavailable on a timeout: the outcome is then unknown, and a retry finds out.
        """
        relative = _named(server, path)
        request = {
            "do": "place",
            "path": relative,
            "source": str(source),
            "sha256": sha256,
            "ours": sorted(ours),
            "output": server.is_output,
        }
        found = await self._pool(server).answer(request, deadline)
        return Placed(server.path / relative, sha256, found["size_bytes"], found["changed"])

    async def remove(self, folder: StorageServer, path: str, sha256: str, deadline: timedelta) -> bool:
        """`atomic_files.remove` in an output folder. Raises StorageUnavailable or StorageReadOnly."""
        request = {"do": "remove", "path": path, "sha256": sha256}
        return bool((await self._pool(folder).answer(request, deadline))["removed"])

    async def sweep(self, server: StorageServer, older_than: datetime, deadline: timedelta) -> int:
        """`atomic_files.sweep` of the whole server or output folder. Raises StorageUnavailable or StorageReadOnly."""
        request = {"do": "sweep", "older_than": older_than.isoformat()}
        return int((await self._pool(server).answer(request, deadline))["removed"])

    async def state(self, server: StorageServer, deadline: timedelta) -> MountState:
        """How the server is now. Raises nothing: what is wrong is the answer."""
        pool = self._pool(server)
        try:
            found = await pool.ask({"do": "state", "beside": server.beside}, deadline)
        except TimeoutError as exc:
            # The mount table is the kernel's own: asking it does not wait for the mount.
            mounted = server.kind is MountKind.FOLDER or mount_at(str(server.path)) is not None
            return MountState(server.name, mounted, False, False, True, None, None, str(exc))
        except StorageUnavailable as exc:
            return MountState(server.name, False, False, False, False, None, None, exc.message)
        if "error" in found:
            mounted = bool(found["mounted"])
            return MountState(server.name, mounted, False, False, False, None, None, found["message"])
        room = found["ok"]
        why_not = room["why_not_writable"]
        return MountState(
            server=server.name,
            mounted=True,
            readable=True,
            writable=why_not is None,
            hung=False,
            total_bytes=room["total_bytes"],
            free_bytes=room["free_bytes"],
            reason=None if why_not is None else f"it can be read but not written: {why_not}",
            full=room["full"],
        )

    def _pool(self, server: StorageServer) -> HelperPool:
        if server not in self._pools:
            self._pools[server] = HelperPool(server.name, server.path, server.kind)
        return self._pools[server]


def _visible(path: str) -> PurePosixPath:
    """A path within a server that browsing could have shown. Raises PathRefused."""
    relative = paths.relative(path)
    if any(paths.is_hidden(part) for part in relative.parts):
        raise PathRefused(f"hidden files and folders are not served: {path!r}")
    return relative


def _require_finished(path: str, age_s: float, seen: Snapshot, again: Snapshot) -> None:
    """Raises FileGrowing for a recording that two checks show to be still written or copied."""
    later = "submit it again when it is finished"
    if again != seen:
        raise FileGrowing(
            f"{path!r} is still being written: it had {seen.size_bytes} bytes, and {again.size_bytes} or other ones "
            f"a second later; {later}"
        )
    if age_s >= 0 and seen.ends_in_zeros and PurePosixPath(path).suffix.lower() not in _PLAIN_SOUND:
        raise FileGrowing(f"{path!r} is still being copied: its end is empty; {later}")


def _named(server: StorageServer, path: str) -> str:
    """A path within a server, checked where a user may have named it; an output folder's paths are our own."""
    return path if server.is_output else str(_visible(path))


def _entry(folder: str, found: dict[str, Any]) -> FileEntry:
    name = found["name"]
    return FileEntry(
        name=name,
        path=f"{folder}/{name}" if folder else name,
        is_folder=found["is_folder"],
        size_bytes=found["size_bytes"],
        modified=_moment(found["mtime_ns"]),
        has_captions=found["has_captions"],
    )


def _moment(mtime_ns: int) -> datetime:
    """A file's time; the year 1970 where it is one that no calendar of ours holds."""
    try:
        return _EPOCH + timedelta(microseconds=mtime_ns // 1_000)
    except OverflowError:
        return _EPOCH
