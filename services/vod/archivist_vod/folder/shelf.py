"""The published folder on its disk: recordings' folders, their files, the feed over them. One writer at a time.

Everything is written under a lock that other processes and machines respect, each file at once and complete, and
under a name that people's own file holds nothing is written. The manifests are the truth; feed and index are made of
them anew whenever one has changed.
"""

import errno
import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from archivist_common.errors import FileMissing, InvalidFileFormat, PublicNameTaken, StorageUnavailable
from archivist_common.storage import atomic_files, os_errors
from archivist_vod.folder import contents, manifest
from archivist_vod.folder.manifest import Manifest, ManifestDamaged

log = logging.getLogger(__name__)

FEED, INDEX, LOCK, WITHDRAWN = "feed.xml", "index.html", ".archivist.lock", ".withdrawn"
_LOCK_LOOK_S = 0.05
_PRIVATE = 0o700
_MOST_MANIFEST = 4 * 2**20  # bytes; a thousand chapters have a tenth of it

_Identity = tuple[int, int, int]


@dataclass(slots=True)
class Memory:
    """Manifests read before, by their path, as long as the file is the same."""

    read: dict[Path, tuple[_Identity, Manifest]] = field(default_factory=dict)


class Shelf:
    """The folder at `root`, for one call of a publisher. now: the time.

    require: raises where nothing may be written any more; asked before every write. wait_s: for the lock.
    """

    def __init__(
        self,
        root: Path,
        memory: Memory,
        *,
        now: Callable[[], datetime],
        require: Callable[[], None],
        wait_s: float,
    ) -> None:
        self.root = root
        self._memory = memory
        self.now = now
        self._require = require
        self._wait_s = wait_s

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the folder. Raises StorageUnavailable where it is not there, or stays somebody else's."""
        self.require_root()
        try:
            fd = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            raise os_errors.writing(exc, f"lock {str(self.root / LOCK)!r}") from exc
        try:
            self._lock(fd)
            self._require()
            yield
        finally:
            os.close(fd)  # which lets go of the lock

    def require_root(self) -> None:
        """A missing folder may be a missing mount: it is never made."""
        if not self.root.is_dir():
            raise StorageUnavailable(f"PUBLISH_FOLDER {str(self.root)!r} is not there; make it, or mount it")

    def require_writable(self) -> None:
        """Raises StorageReadOnly, StorageFull … where nothing could be written. Leaves nothing behind."""
        try:
            with tempfile.TemporaryFile(dir=self.root) as file:
                file.write(b"archivist")
                file.flush()
        except OSError as exc:
            raise os_errors.writing(exc, f"folder {str(self.root)!r}") from exc

    # looking

    def find(self, key: str) -> Path | None:
        """The folder of a recording that can be seen."""
        return self._of_key(self.root, key)

    def find_withdrawn(self, key: str) -> Path | None:
        return self._of_key(self.root / WITHDRAWN, key)

    def manifest(self, folder: Path) -> Manifest | None:
        """None where there is none yet. Raises ManifestDamaged, StorageUnavailable."""
        path = folder / manifest.NAME
        try:
            found = path.stat(follow_symlinks=False)
            identity = (found.st_ino, found.st_size, found.st_mtime_ns)
            known = self._memory.read.get(path)
            if known is not None and known[0] == identity:
                return known[1]
            if found.st_size > _MOST_MANIFEST:
                raise ManifestDamaged(f"it has {found.st_size} bytes")
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StorageUnavailable(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
        read = Manifest.read(data)
        self._memory.read[path] = (identity, read)
        return read

    def all_of(self, parent: Path) -> tuple[list[tuple[str, Manifest]], list[str]]:
        """Every recording's folder by name with its manifest, and the names of those whose manifest is damaged."""
        good: list[tuple[str, Manifest]] = []
        damaged: list[str] = []
        for folder in self._folders(parent):
            try:
                found = self.manifest(folder)
            except ManifestDamaged:
                damaged.append(folder.name)
                continue
            if found is not None:
                good.append((folder.name, found))
        return good, damaged

    def read(self, folder: Path, name: str) -> bytes | None:
        """What stands under a name; None for nothing."""
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise os_errors.reading(exc, f"file {str(folder / name)!r}") from exc

    def held(self, folder: Path, name: str) -> str | None:
        """Hash of what stands under a name; None for nothing, `""` for a link, a folder or the like."""
        path = folder / name
        if path.is_symlink():
            return ""
        try:
            return atomic_files.digest(path).sha256
        except FileMissing:
            return None
        except InvalidFileFormat:
            return ""

    # writing; under the lock

    def open(self, key: str, name: str, fresh: Manifest) -> tuple[Path, Manifest]:
        """The recording's folder: as it is, back from where it was withdrawn to, or new. Raises ManifestDamaged."""
        folder = self.find(key)
        if folder is None and (withdrawn := self.find_withdrawn(key)) is not None:
            folder = self._move(withdrawn, self.root / withdrawn.name)
        if folder is None:
            self._require()
            folder = self.root / name
            atomic_files.make_folder(folder, within=self.root)
        known = self.manifest(folder)
        if known is None:
            known = replace(fresh, changed=self.now())
            self._write_manifest(folder, known)
        return folder, known

    def put(
        self,
        folder: Path,
        known: Manifest,
        wanted: Mapping[str, bytes],
        *,
        also_ours: Collection[str] = (),
        strictly: bool,
    ) -> tuple[Manifest, tuple[str, ...]]:
        """Files under their names. The manifest with what stands now, not written yet, and the names people hold.

        also_ours: hashes that are ours under any name. strictly: raise PublicNameTaken for a name that people hold,
        before anything is written, rather than leave it.
        """
        hashes = {name: contents.digest(data) for name, data in wanted.items()}
        theirs = tuple(
            name
            for name in wanted
            if (held := self.held(folder, name)) is not None
            and held != hashes[name]
            and not known.is_ours(name, held)
            and held not in also_ours
        )
        if theirs and strictly:
            raise PublicNameTaken(f"{str(folder / theirs[0])!r} is not a file Archivist wrote, or was edited since")
        ours = {name: data for name, data in wanted.items() if name not in theirs}
        intended = known.intending({name: hashes[name] for name in ours})
        if intended != known:
            self._write_manifest(folder, intended)
        with _temporary() as staging:
            for number, (name, data) in enumerate(ours.items()):
                self._require()
                source = staging / str(number)
                _write(source, data)
                atomic_files.place(
                    source,
                    hashes[name],
                    folder / name,
                    ours=lambda held, name=name: intended.is_ours(name, held) or held in also_ours,  # type: ignore[misc]
                    beneath=self.root,
                )
        stands = {name: sha256 for name, sha256 in known.files.items() if name not in theirs}
        return replace(intended, files={**stands, **{name: hashes[name] for name in ours}}), theirs

    def drop(self, folder: Path, known: Manifest, names: Collection[str]) -> Manifest:
        """Files of ours taken away; those that people have edited stay."""
        for name in names:
            if name in known.files:
                self._require()
                atomic_files.remove(folder / name, known.files[name])
        return replace(known, files={name: held for name, held in known.files.items() if name not in names})

    def settle(self, folder: Path, after: Manifest) -> Manifest:
        """Write the manifest where it says anything new, with the time of that; the one that stands then."""
        stands = self.manifest(folder)
        if stands is not None and replace(after, changed=stands.changed) == stands:
            return stands
        after = replace(after, changed=self.now())
        self._write_manifest(folder, after)
        return after

    def withdraw(self, folder: Path) -> Path:
        """Out of sight, nothing lost. The place is this user's alone, as some servers show hidden folders too."""
        place = self.root / WITHDRAWN
        try:
            place.mkdir(mode=_PRIVATE, exist_ok=True)
        except OSError as exc:
            raise os_errors.writing(exc, f"folder {str(place)!r}") from exc
        return self._move(folder, place / folder.name)

    def _move(self, folder: Path, to: Path) -> Path:
        target, number = to, 1
        while target.exists() or target.is_symlink():
            number += 1
            target = to.with_name(f"{to.name}-{number}")
        self._require()
        try:
            folder.rename(target)
            for parent in (folder.parent, target.parent):
                fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        except OSError as exc:
            raise os_errors.writing(exc, f"folder {str(target)!r}") from exc
        return target

    def _write_manifest(self, folder: Path, known: Manifest) -> None:
        self._require()
        atomic_files.stage(folder, manifest.NAME, known.write())

    def _of_key(self, parent: Path, key: str) -> Path | None:
        for folder in self._folders(parent):
            if folder.name == key or folder.name.startswith(f"{key}-"):
                return folder
        return None

    def _folders(self, parent: Path) -> list[Path]:
        try:
            with os.scandir(parent) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            if parent == self.root:
                self.require_root()
            return []
        except OSError as exc:
            raise StorageUnavailable(f"folder {str(parent)!r} cannot be read: {exc.strerror}") from exc
        return [parent / name for name in sorted(names)]

    def _lock(self, fd: int) -> None:
        until = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as exc:
                if exc.errno not in {errno.EWOULDBLOCK, errno.EACCES, errno.EINTR}:
                    raise os_errors.writing(exc, f"lock {str(self.root / LOCK)!r}") from exc
            if time.monotonic() > until:
                raise StorageUnavailable(
                    f"another process has been writing to {str(self.root)!r} for {self._wait_s:g} s"
                )
            self._require()
            time.sleep(_LOCK_LOOK_S)


@contextmanager
def _temporary() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="archivist-")
    except OSError as exc:
        raise os_errors.writing(exc, "a temporary file") from exc
    with folder as name:
        yield Path(name)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise os_errors.writing(exc, "a temporary file") from exc
