"""Atomic writes: no reader ever sees part of a file, and no user's own file is overwritten.

`stage` makes an attempt's file under a name that only this attempt uses; `place` puts a copy of a staged
file under its public name. Both write to a temporary name in the same folder, check every call,
flush to the disk, rename, flush the folder, and leave nothing behind when they fail.

All of it waits for the disk: call it in a thread, or on a mount that may hang in a process that may be killed.
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from archivist_common import failpoints
from archivist_common.errors import FileMissing, InvalidFileFormat, PathRefused, PublicNameTaken, StorageUnavailable
from archivist_common.storage import os_errors
from archivist_common.storage.safe_open import Root, open_folder_beneath

_TEMPORARY = re.compile(r"\.archivist-[0-9a-f]{16}\.part")
_BLOCK = 1024 * 1024  # bytes read or written at a time
_RACES = 8  # times another writer may come first
_RENAMEAT2: Final = {"x86_64": 316, "aarch64": 276}.get(platform.machine())
_RENAME_NOREPLACE = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file holds: SHA-256 in hexadecimal, and its length."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A complete file, flushed to the disk and read back."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A file under its public name. `changed` is False when it was there already."""

    path: Path
    sha256: str
    size_bytes: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that can fail half way. Tests pass ones that do."""

    write: Callable[[int, memoryview], int] = field(default=os.write)
    fsync: Callable[[int], None] = field(default=os.fsync)
    close: Callable[[int], None] = field(default=os.close)
    rename: Callable[[int, str, str], None] = field(
        default=lambda folder, old, new: os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    )
    create: Callable[[int, str, str], None] = field(
        default=lambda folder, old, new: _rename_to_free_name(folder, old, new)
    )


_SYSTEM = Calls()


def temporary_name() -> str:
    """A name that `sweep` recognises, hidden from browsing, never given twice for all practical purposes."""
    return f".archivist-{secrets.token_hex(8)}.part"


def make_folder(path: Path, *, within: Path | None = None) -> None:
    """The folder `path` and those above it, on the disk. Raises StorageFull, StorageReadOnly, StorageUnavailable.

    within: a folder that is not made but must be there.
    """
    try:
        if within is not None:
            within.stat()
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            with _folder(folder.parent) as fd:
                os.fsync(fd)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    except OSError as exc:
        raise os_errors.writing(exc, f"folder {str(path)!r}") from exc


def digest(path: Path) -> Digest:
    """Hash and length of a regular file, a link not followed. Raises FileMissing, StorageUnavailable …"""
    try:
        return _digest(None, str(path))
    except OSError as exc:
        raise os_errors.reading(exc, f"file {str(path)!r}") from exc


def stage(directory: Path, name: str, data: bytes, *, calls: Calls = _SYSTEM) -> Staged:
    """Write `data` as `directory/name`. The directory is made, and belongs to this attempt alone.

    Doing it again with the same data is harmless. Raises StorageFull, StorageReadOnly or
    StorageUnavailable; then neither `name` nor a temporary file is left.
    """
    _require_plain(name)
    make_folder(directory)
    path = directory / name
    wanted = Digest(hashlib.sha256(data).hexdigest(), len(data))
    try:
        with _folder(directory) as folder, _temporary(folder) as temporary:
            _write(folder, temporary, iter((data,)), calls)
            failpoints.reach("file-synced")
            _rename(folder, temporary, name, wanted, calls)
            failpoints.reach("file-renamed")
            try:
                calls.fsync(folder)
                failpoints.reach("folder-synced")
                found = _digest(folder, name)
                if found != wanted:
                    raise StorageUnavailable(f"{str(path)!r} reads back as something else than was written")
            except BaseException:
                _remove(folder, name)
                raise
    except OSError as exc:
        raise os_errors.writing(exc, f"file {str(path)!r}") from exc
    return Staged(path, wanted.sha256, wanted.size_bytes)


def place(
    source: Path,
    sha256: str,
    target: Path,
    *,
    ours: Callable[[str], bool],
    beneath: Path | None = None,
    root: Root | None = None,
    calls: Calls = _SYSTEM,
) -> Placed:
    """Put a copy of `source` under the public name `target`, at once and complete.

    A copy and not a hard link: an editor that opens the public file must not change the staged one.
    Only a free name is taken, or one whose file's hash satisfies `ours`: Archivist wrote it and it was
    not edited. A new name is taken without any gap; in replacing, an edit between the last check and the
    rename, some microseconds, would be lost.

    sha256: what `source` was recorded to hold; anything else in it is not published.
    beneath: a folder that `target` must not leave through a link, such as a storage server's root.
    root: that folder opened already; then it is written to and no other, whatever is mounted meanwhile.
    The folder of `target` must exist: a missing one may be a missing mount. Doing it again is harmless.
    Raises PublicNameTaken, FileMissing (no source), PathRefused, StorageFull, StorageReadOnly or
    StorageUnavailable; then `target` is as it was (or the new file whole, where all that failed was the last
    flush of its folder) and no temporary file is left.
    """
    _require_plain(target.name)
    try:
        with _folder(target.parent, beneath, root) as folder:
            return _place(source, sha256, target, folder, ours, calls)
    except OSError as exc:
        raise os_errors.writing(exc, f"file {str(target)!r}") from exc


def remove(path: Path, sha256: str) -> bool:
    """Remove a file that holds what we wrote, to the byte; False where it is missing, or was edited.

    Raises StorageReadOnly or StorageUnavailable.
    """
    try:
        if _digest(None, str(path)).sha256 != sha256:
            return False
        path.unlink()
    except (FileNotFoundError, InvalidFileFormat):
        return False
    except OSError as exc:
        raise os_errors.writing(exc, f"file {str(path)!r}") from exc
    return True


def sweep(directory: Path, older_than: datetime, *, deep: bool = False) -> int:
    """Remove our temporary files last written before `older_than`; the number removed.

    Only regular files with a name of `temporary_name` go. deep: in the folders below too, links not
    followed. Leave a generous margin: a file's time is the storage server's clock.
    Raises StorageUnavailable or StorageReadOnly.
    """
    removed = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if deep and entry.is_dir(follow_symlinks=False):
                    removed += sweep(Path(entry.path), older_than, deep=True)
                elif _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    removed += _sweep_one(entry, older_than)
    except OSError as exc:
        raise os_errors.writing(exc, f"folder {str(directory)!r}") from exc
    return removed


def _place(source: Path, sha256: str, target: Path, folder: int, ours: Callable[[str], bool], calls: Calls) -> Placed:
    with _temporary(folder) as temporary:
        copied: Digest | None = None
        for _ in range(_RACES):
            seen = _public_file(folder, target)
            if seen is not None and seen.held.sha256 == sha256:
                # Not only now: it may be the last try's, whose flush of the folder failed. And on NFS a link that
                # was sent twice reports the first one's success.
                calls.fsync(folder)
                return Placed(target, sha256, seen.held.size_bytes, changed=copied is not None)
            if seen is not None and not ours(seen.held.sha256):
                raise PublicNameTaken(f"{str(target)!r} is not a file Archivist wrote, or was edited since")
            if copied is None:
                copied = _copy(source, sha256, folder, temporary, calls)
            if seen is None:
                try:
                    calls.create(folder, temporary, target.name)
                except FileExistsError:
                    continue  # another writer was first: check what is there now
            elif _identity(folder, target.name) != seen.identity:
                continue
            else:
                _rename(folder, temporary, target.name, copied, calls)
            calls.fsync(folder)
            return Placed(target, sha256, copied.size_bytes, changed=True)
    raise StorageUnavailable(f"{str(target)!r} keeps being changed by another writer")


Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A regular file under a public name: what it holds, and what tells it from its next version."""

    held: Digest
    identity: Identity


def _public_file(folder: int, target: Path) -> _Seen | None:
    identity = _identity(folder, target.name)
    if identity is None:
        return None
    try:
        return _Seen(_digest(folder, target.name), identity)
    except FileNotFoundError:
        return None


def _identity(folder: int, name: str) -> Identity | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise PublicNameTaken(f"{name!r} is a link, a folder or the like, not a file Archivist wrote")
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _copy(source: Path, sha256: str, folder: int, temporary: str, calls: Calls) -> Digest:
    hashed = hashlib.sha256()
    size = 0

    def blocks() -> Iterator[bytes]:
        nonlocal size
        try:
            with source.open("rb") as file:
                while block := file.read(_BLOCK):
                    hashed.update(block)
                    size += len(block)
                    yield block
        except OSError as exc:
            raise os_errors.reading(exc, f"staged file {str(source)!r}") from exc

    _write(folder, temporary, blocks(), calls)
    if hashed.hexdigest() != sha256:
        raise StorageUnavailable(f"{str(source)!r} does not hold what was recorded; it is not published")
    return Digest(sha256, size)


def _write(folder: int, name: str, blocks: Iterator[bytes], calls: Calls) -> None:
    """A new file, flushed to the disk and closed, each step checked: a full server may say so only at the end."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # As any program makes a file: the administrator's umask decides who may read captions.
    fd = os.open(name, flags, 0o666, dir_fd=folder)
    try:
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[calls.write(fd, rest) :]
        failpoints.reach("file-written")
        calls.fsync(fd)
        # So that reading back asks the server, not this machine's memory; a hint only.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    except BaseException:
        os.close(fd)
        raise
    calls.close(fd)  # closed for good even when this fails


def _rename(folder: int, old: str, new: str, wanted: Digest, calls: Calls) -> None:
    try:
        calls.rename(folder, old, new)
    except FileNotFoundError:
        # NFS may send a rename twice and report the second one, which finds the first one done.
        with contextlib.suppress(OSError):
            if _digest(folder, new) == wanted:
                return
        raise


def _rename_to_free_name(folder: int, old: str, new: str) -> None:
    """Rename, or FileExistsError when `new` is taken. By link() where the file system knows no such rename."""
    if _RENAMEAT2 is not None:
        names = os.fsencode(old), os.fsencode(new)
        if _libc.syscall(_RENAMEAT2, folder, names[0], folder, names[1], _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in {errno.EINVAL, errno.ENOSYS, errno.EPERM}:  # NFS; old kernels; filtered containers
            raise OSError(code, os.strerror(code), new)
    os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)  # `_temporary` drops `old`


def _digest(folder: int | None, name: str) -> Digest:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidFileFormat(f"{name!r} is not a regular file")
        with os.fdopen(fd, "rb", buffering=0, closefd=False) as file:
            hashed = hashlib.file_digest(file, "sha256")
            return Digest(hashed.hexdigest(), file.tell())
    finally:
        os.close(fd)


@contextlib.contextmanager
def _folder(path: Path, beneath: Path | None = None, root: Root | None = None) -> Iterator[int]:
    if beneath is not None and not path.is_relative_to(beneath):
        raise PathRefused(f"{str(path)!r} is not beneath {str(beneath)!r}")
    try:
        if beneath is None:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            fd = open_folder_beneath(beneath if root is None else root, PurePosixPath(path.relative_to(beneath)))
    except FileMissing as exc:
        raise StorageUnavailable(f"the folder {str(path)!r} does not exist") from exc
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _temporary(folder: int) -> Iterator[str]:
    """A free temporary name; whatever still bears it at the end is removed."""
    name = temporary_name()
    try:
        yield name
    finally:
        _remove(folder, name)


def _remove(folder: int, name: str) -> None:
    # The error that brought us here says more than a failed removal could; `sweep` comes by later.
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _sweep_one(entry: os.DirEntry[str], older_than: datetime) -> int:
    try:
        if entry.stat(follow_symlinks=False).st_mtime < older_than.timestamp():
            Path(entry.path).unlink()
            return 1
    except FileNotFoundError:
        pass  # its writer finished, or another sweep was first
    return 0


def _require_plain(name: str) -> None:
    if not name or name in {".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"not a plain file name: {name!r}")
