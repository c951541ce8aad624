"""Whether a storage server's folder is really there, so that a missing mount never reads as "no recordings".

An unmounted mount point is an empty folder on the local disk: reading it finds nothing, writing to it fills
the wrong disk. What counts as being there depends on what the folder is meant to be:

- `mount`: something is mounted on it, or it holds the marker file.
- `folder`: it exists.
- `auto`: as `mount`, or it holds anything that is not hidden.

A bind mount of a plain folder (what a container sees of a host whose own mount is missing) counts as a
mount only when it holds something. The marker, an empty file `.archivist-storage` that an administrator puts
into the root of a share, settles the matter for a share that is empty.
"""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from archivist_common import paths
from archivist_common.errors import StorageUnavailable

MARKER = ".archivist-storage"
_MOUNT_TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Kind(StrEnum):
    """What a storage server's folder is meant to be."""

    AUTO = "auto"
    MOUNT = "mount"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table. `root` is `/` unless a folder of a file system was mounted (a bind mount)."""

    point: str
    root: str
    file_system: str


def mount_at(path: str) -> Mount | None:
    """What is mounted on exactly this absolute path, topmost last; None where nothing is.

    Reads the kernel's table alone, so a mount that hangs cannot hold the caller up.
    """
    found = None
    for line in _MOUNT_TABLE.read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4 and _plain(fields[4]) == path:
            found = Mount(path, _plain(fields[3]), after.split(" ")[0])
    return found


def require_present(path: Path, kind: Kind) -> bool:
    """Whether a mount stands on `path`; raises StorageUnavailable where the storage is not there.

    Waits for the disk: call it where a hang can be ended.
    """
    try:
        real = os.path.realpath(path, strict=True)
        with os.scandir(real) as entries:
            names = [entry.name for entry, _ in zip(entries, range(64), strict=False)]
    except FileNotFoundError as exc:
        raise StorageUnavailable(f"not mounted: there is no folder {str(path)!r}") from exc
    except NotADirectoryError as exc:
        raise StorageUnavailable(f"{str(path)!r} is not a folder") from exc
    except OSError as exc:
        raise StorageUnavailable(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    # 64 hidden names in a row are no empty mount point either.
    empty = len(names) < 64 and all(paths.is_hidden(name) for name in names)
    mount = mount_at(real)
    mounted = mount is not None and (mount.root == "/" or not empty)
    if mounted or kind is Kind.FOLDER or (kind is Kind.AUTO and not empty) or _marked(real):
        return mounted
    state = "an empty folder" if empty else "a folder of the local disk"
    raise StorageUnavailable(f"not mounted: {str(path)!r} is {state}")


def _marked(real: str) -> bool:
    try:
        return (Path(real) / MARKER).is_file()
    except OSError:
        return False


def _plain(field: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes of a path as octal: `\\040`."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
