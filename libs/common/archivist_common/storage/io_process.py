"""The process that touches one storage server, so that only it is lost when the server hangs.

`python -m archivist_common.storage.io_process ROOT`: requests in, answers out, one JSON object per line. It
ends with its standard input. `io_pool` starts it, and kills it when an answer is overdue.
"""

import errno
import hashlib
import json
import os
import stat
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from archivist_common.errors import ArchivistError, InvalidFileFormat, InvalidRequest
from archivist_common.storage import atomic_files, fingerprint, os_errors, paths, safe_open
from archivist_common.storage.mounts import MountKind, Present, mount_at, open_present

MAX_SCANNED = 200_000  # names of one folder: every recording has up to seven outputs beside it
_BLOCK = bytes(4096)
# What a file system without nameless temporary files answers; EISDIR is an old kernel's way.
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})

Key = tuple[int, int | str, str]


def main() -> None:
    root = Path(sys.argv[1])
    for line in sys.stdin.buffer:
        answer = _answer(root, json.loads(line))
        try:
            sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            return


def _answer(root: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    seen = {"mounted": False, "marked": False}
    there = None
    try:
        there = open_present(root, MountKind(request["kind"]), request["name"])
        try:
            seen = {"mounted": there.mounted, "marked": there.marked}
            return {"ok": _OPERATIONS[request["do"]](there, request), **seen}
        finally:
            os.close(there.fd)
    except OSError as exc:
        error: ArchivistError = os_errors.reading(exc, f"storage {str(root)!r}")
    except ArchivistError as exc:
        error = exc
        if there is None and isinstance(exc.__cause__, OSError):  # it did not open: broken, or not mounted?
            seen["mounted"] = mount_at(os.path.realpath(root)) is not None
    return {"error": error.code, "message": error.message, **seen}


def browse(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a folder: folders by name, then recordings, newest first or by name."""
    by_name = request["order"] == "name"
    folder = safe_open.open_folder_beneath(root.fd, PurePosixPath(request["path"] or "."))
    try:
        scan = _scan(folder, request["most"])
        keys: list[Key] = [(0, name.casefold(), name) for name in scan.folders]
        stats: dict[str, os.stat_result] = {}
        for name in scan.recordings:
            if by_name:
                keys.append((1, name.casefold(), name))
            elif (seen := _regular(folder, name)) is not None:
                stats[name] = seen
                keys.append((1, -seen.st_mtime_ns, name))
        keys.sort()
        start = bisect_right(keys, _mark(request["after"], by_name=by_name)) if request["after"] else 0
        page = keys[start : start + request["limit"]]
        entries = []
        for rank, _, name in page:
            found = stats.get(name) or (_folder if rank == 0 else _regular)(folder, name)
            if found is not None:  # else it was removed since the scan
                entries.append(_entry(name, found, rank == 0, scan.captions))
    finally:
        os.close(folder)
    return {
        "entries": entries,
        "next": json.dumps(page[-1]) if start + len(page) < len(keys) else None,
        "total": len(keys),
        "truncated": scan.truncated,
        "skipped": scan.skipped,
    }


def stat_recording(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """A recording that can really be read: `fingerprint.Snapshot`."""
    relative = PurePosixPath(request["path"])
    if paths.is_own_output(relative.name):
        raise InvalidFileFormat(f"{str(relative)!r} is a copy with captions in it; submit the recording itself")
    fd = safe_open.open_beneath(root.fd, relative)
    try:
        if not paths.is_media(relative.name):
            endings = " ".join(sorted(paths.MEDIA_SUFFIXES))
            raise InvalidFileFormat(f"{str(relative)!r} is not named as a recording; its ending may be {endings}")
        return asdict(fingerprint.snapshot(fd))
    finally:
        os.close(fd)


def state(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """Free space, and whether a file can be written now. That it was opened shows that it can be read."""
    room = os.fstatvfs(root.fd)
    total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    refusal = _trial(root.fd, by_name=request["beside"])
    full = (total > 0 and free == 0) or (refusal is not None and refusal.errno in os_errors.FULL)
    why_not = "it is full" if full else None if refusal is None else refusal.strerror
    return {"total_bytes": total, "free_bytes": free, "full": full, "why_not_writable": why_not}


def digest(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """Hash and length of a whole file."""
    if request["output"]:
        return asdict(atomic_files.digest(root.path / request["path"]))
    fd = safe_open.open_beneath(root.fd, PurePosixPath(request["path"]))
    with os.fdopen(fd, "rb", buffering=0) as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size_bytes": file.tell()}


def place(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """`atomic_files.place` in this server. In an output folder missing folders are made and links are followed."""
    target = root.path / request["path"]
    ours = frozenset(request["ours"]).__contains__
    if request["output"]:
        atomic_files.make_folder(target.parent, within=root.path)
        placed = atomic_files.place(Path(request["source"]), request["sha256"], target, ours=ours)
    else:
        placed = atomic_files.place(
            Path(request["source"]), request["sha256"], target, ours=ours, beneath=root.path, root=root.fd
        )
    return {"size_bytes": placed.size_bytes, "changed": placed.changed}


def remove(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """`atomic_files.remove` in an output folder."""
    return {"removed": atomic_files.remove(root.path / request["path"], request["sha256"])}


def sweep(root: Present, request: Mapping[str, Any]) -> dict[str, Any]:
    """`atomic_files.sweep` of the whole server: what a helper left that was killed while it wrote."""
    return {"removed": atomic_files.sweep(root.path, datetime.fromisoformat(request["older_than"]), deep=True)}


_OPERATIONS: Mapping[str, Callable[[Present, Mapping[str, Any]], dict[str, Any]]] = {
    "browse": browse,
    "stat_recording": stat_recording,
    "state": state,
    "digest": digest,
    "place": place,
    "remove": remove,
    "sweep": sweep,
}


class _Scan:
    """The names of a folder that matter to browsing."""

    def __init__(self) -> None:
        self.folders: list[str] = []
        self.recordings: list[str] = []
        self.captions: set[str] = set()
        self.truncated = False
        self.skipped = 0


def _scan(folder: int, most: int) -> _Scan:
    """Sort the names of a folder by kind, at most so many; nothing is opened, and links are left out."""
    scan = _Scan()
    with os.scandir(folder) as found:
        for count, entry in enumerate(found):
            if count >= MAX_SCANNED:
                scan.truncated = True
                break
            if paths.is_hidden(entry.name):
                continue
            if entry.name.lower().endswith(".scc"):
                scan.captions.add(entry.name[: -len(".scc")])
                continue
            if entry.is_dir(follow_symlinks=False):
                kind = scan.folders
            elif paths.is_media(entry.name) and entry.is_file(follow_symlinks=False):
                kind = scan.recordings
            else:
                continue
            if not _is_text(entry.name):
                scan.skipped += 1  # a path that is not UTF-8 cannot be sent back to us
            elif len(scan.folders) + len(scan.recordings) >= most:
                scan.truncated = True
            else:
                kind.append(entry.name)
    return scan


def _entry(name: str, found: os.stat_result, is_folder: bool, captions: set[str]) -> dict[str, Any]:
    return {
        "name": name,
        "is_folder": is_folder,
        "size_bytes": None if is_folder else found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "has_captions": not is_folder and PurePosixPath(name).stem in captions,
    }


def _regular(folder: int, name: str) -> os.stat_result | None:
    found = _still_there(folder, name)
    return found if found is not None and stat.S_ISREG(found.st_mode) else None


def _folder(folder: int, name: str) -> os.stat_result | None:
    found = _still_there(folder, name)
    return found if found is not None and stat.S_ISDIR(found.st_mode) else None


def _still_there(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _mark(text: str, *, by_name: bool) -> Key:
    """The key after which a page begins. Raises InvalidRequest for what is no cursor of a listing in this order."""
    try:
        match json.loads(text):
            case [0, str(folded), str(name)]:
                return (0, folded, name)
            case [1, str(folded), str(name)] if by_name:
                return (1, folded, name)
            case [1, int(age), str(name)] if not by_name:
                return (1, age, name)
    except ValueError as exc:
        raise InvalidRequest("the cursor is not one that a listing returned") from exc
    raise InvalidRequest("the cursor is of another listing")


def _trial(folder: int, *, by_name: bool) -> OSError | None:
    """Try to write: a network share's server may refuse what its permissions allow. None: it works.

    A nameless file leaves nothing behind. Where there are none, a named one is made only in a folder that
    we are to write to anyway (`by_name`); for the others the permissions are checked. A block of data is
    written only there: a quota shows only then.
    """
    try:
        _try_file(os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder), by_name)
    except OSError as exc:
        if exc.errno not in _NO_TMPFILE:
            return exc
    else:
        return None
    if not by_name:
        allowed = os.access(".", os.W_OK | os.X_OK, dir_fd=folder)
        return None if allowed else OSError(errno.EACCES, "no permission to write")
    name = atomic_files.temporary_name()
    try:
        fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            _try_file(fd, with_data=True)
        finally:
            os.unlink(name, dir_fd=folder)
    except OSError as exc:
        return exc
    return None


def _try_file(fd: int, with_data: bool) -> None:
    """Write a block where that is wanted, and close: a network share may refuse only then."""
    try:
        if with_data:
            os.write(fd, _BLOCK)
    except OSError:
        os.close(fd)
        raise
    os.close(fd)


if __name__ == "__main__":
    main()
