"""Whether a storage server is mounted, so that a missing mount is never taken for "no recordings".

An unmounted mount point is an empty folder on the local disk: reading it finds nothing, writing to it fills
the wrong disk. What counts as being there depends on what the folder is meant to be:

- `mount`: something is mounted on it, or it holds the marker file.
- `marker`: it holds the marker file, whatever is mounted.
- `folder`: it exists.
- `auto`: as `mount`, or it holds anything that is not hidden.

A bind mount of a plain folder (what a container sees of a host whose own mount is missing) counts as a
mount only when it holds something. The marker, a file `.archivist-storage` that an administrator puts into
the root of a share, settles the matter for a share that is empty. It may hold the server's name: then
another share mounted in its place is refused too.

The folder is opened first and checked through that descriptor; what is done in it goes through the same
descriptor. So a mount that comes or goes meanwhile cannot turn a write to the share into one to the disk under it.
"""

import contextlib
import os
import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from archivist_common.errors import StorageUnavailable
from archivist_common.storage import paths

MARKER = ".archivist-storage"
_MARKER_READ = 256  # bytes; a name is at most 64
_MOUNT_TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


class MountKind(StrEnum):
    """What a storage server's folder is meant to be."""

    AUTO = "auto"
    MOUNT = "mount"
    MARKER = "marker"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table. `root` is `/` unless a folder of a file system was mounted (a bind mount)."""

    id: int
    point: str
    root: str
    file_system: str


@dataclass(frozen=True, slots=True)
class Present:
    """A folder found to be there. `fd` is the folder itself, opened; the caller closes it."""

    path: Path
    fd: int
    mounted: bool
    marked: bool


def mount_at(path: str) -> Mount | None:
    """What is mounted on exactly this absolute path, topmost last; None where nothing is.

    Reads the kernel's table alone, so a mount that hangs cannot hold the caller up.
    """
    return next((mount for mount in reversed(_table()) if mount.point == path), None)


def open_present(path: Path, kind: MountKind, name: str) -> Present:
    """The folder of the server `name`, opened; raises StorageUnavailable where the storage is not there.

    Waits for the disk: call it where a hang can be ended.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise StorageUnavailable(f"not mounted: there is no folder {str(path)!r}") from exc
    except NotADirectoryError as exc:
        raise StorageUnavailable(f"{str(path)!r} is not a folder") from exc
    except OSError as exc:
        raise StorageUnavailable(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    try:
        return Present(path, fd, *_presence(path, fd, kind, name))
    except OSError as exc:
        os.close(fd)
        raise StorageUnavailable(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    except StorageUnavailable:
        os.close(fd)
        raise


def _presence(path: Path, fd: int, kind: MountKind, name: str) -> tuple[bool, bool]:
    """Whether it is mounted and whether it is marked. Raises StorageUnavailable, OSError."""
    with os.scandir(fd) as entries:
        names = [entry.name for entry, _ in zip(entries, range(64), strict=False)]
    # 64 hidden names in a row are no empty mount point either.
    empty = len(names) < 64 and all(paths.is_hidden(each) for each in names)
    mount = _mount_of(path, fd)
    mounted = mount is not None and (mount.root == "/" or not empty)
    said = _marker(fd)
    marked = said is not None
    if said and kind is not MountKind.FOLDER and said != name:
        raise StorageUnavailable(f"another share is mounted on {str(path)!r}: its marker says {said!r}, not {name!r}")
    there = {
        MountKind.AUTO: mounted or marked or not empty,
        MountKind.MOUNT: mounted or marked,
        MountKind.MARKER: marked,
        MountKind.FOLDER: True,
    }
    if there[kind]:
        return mounted, marked
    if mounted:
        raise StorageUnavailable(f"{str(path)!r} is mounted, but its marker {MARKER!r} is missing: is it that share?")
    state = "an empty folder" if empty else "a folder of the local disk"
    raise StorageUnavailable(f"not mounted: {str(path)!r} is {state}")


def _mount_of(path: Path, fd: int) -> Mount | None:
    """The mount whose root this open folder is; None where it is the root of none."""
    real = os.path.realpath(path)
    try:
        number = re.search(r"^mnt_id:\s*(\d+)", Path(f"/proc/self/fdinfo/{fd}").read_text(), re.MULTILINE)
    except OSError:
        number = None
    if number is None:  # a kernel that does not say: what the table has for the name must do
        return mount_at(real)
    return next((mount for mount in _table() if mount.id == int(number[1]) and mount.point == real), None)


def _marker(fd: int) -> str | None:
    """What the marker says, the empty text where it says nothing; None where there is none."""
    try:
        marker = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except PermissionError:
        return ""  # there, if for others' eyes
    except OSError:
        return None
    with contextlib.closing(os.fdopen(marker, "rb", buffering=0)) as file:
        if not stat.S_ISREG(os.fstat(marker).st_mode):
            return None
        return (file.read(_MARKER_READ) or b"").decode(errors="replace").strip()


def _table() -> list[Mount]:
    mounts = []
    for line in _MOUNT_TABLE.read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4:
            mounts.append(Mount(int(fields[0]), _plain(fields[4]), _plain(fields[3]), after.split(" ")[0]))
    return mounts


def _plain(field: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes of a path as octal: `\\040`."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
