"""Open a path confined to a root (openat2 RESOLVE_BENEATH); safe against `..`, symbolic links and races.

No link beneath the folder is followed, not even one that stays inside: a recording has one name, and old
kernels, new kernels and containers that forbid openat2 then answer alike. The folder itself may be a link;
that is the administrator's choice. Source: openat2(2); the walk is what kernels before 5.6 leave.

These calls wait for the disk. On a mount that hangs they never return and cannot be interrupted: make
them in a process that may be killed.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from archivist_common.errors import FileMissing, InvalidFileFormat, PathRefused, StorageUnavailable
from archivist_common.storage import os_errors

_SYS_OPENAT2 = 437  # the same number on every Linux architecture but alpha
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_RETRIES = 16  # EAGAIN: a rename was under way while the kernel resolved the path
# ENOSYS: before Linux 5.6. EPERM: a container's system call filter of before openat2.
_NO_OPENAT2 = frozenset({errno.ENOSYS, errno.EPERM})

_libc = ctypes.CDLL(None, use_errno=True)


Opener = Callable[[int, PurePosixPath, int], int]
"""Opens a path beneath a folder's descriptor, with flags as os.open has them, following no link."""


Root = Path | int
"""A folder by its path, or by a descriptor that is open already and stays open."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(root: Root, relative: PurePosixPath, *, opener: Opener | None = None) -> int:
    """Descriptor, for reading, of the regular file `relative` beneath `root`. The caller closes it.

    Devices, FIFOs and sockets are recognised without being opened. Raises FileMissing, PathRefused (a link,
    a way out), InvalidFileFormat (a folder, not a regular file) or StorageUnavailable.
    """
    opened = _checked(relative, opener or by_kernel)
    with _Closing(_open_root(root)) as folder:
        try:
            with _Closing(opened(folder, os.O_PATH)) as seen:
                _require_regular(os.fstat(seen).st_mode, relative)
            # O_NONBLOCK: should a FIFO have taken the file's place since, do not wait for its writer.
            fd = opened(folder, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as exc:
            raise os_errors.reading(exc, f"file {str(relative)!r}") from exc
    try:
        _require_regular(os.fstat(fd).st_mode, relative)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_folder_beneath(root: Root, relative: PurePosixPath, *, opener: Opener | None = None) -> int:
    """Descriptor of the folder `relative` beneath `root`; `PurePosixPath(".")` is the root itself.

    Raises FileMissing (also for what is no folder), PathRefused or StorageUnavailable.
    """
    opened = _checked(relative, opener or by_kernel)
    with _Closing(_open_root(root)) as folder:
        try:
            with _Closing(opened(folder, os.O_PATH)) as seen:
                mode = os.fstat(seen).st_mode
                if not stat.S_ISDIR(mode):
                    _require_no_link(mode, relative)
                    raise FileMissing(f"{str(relative)!r} is not a folder")
            return opened(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as exc:
            raise os_errors.reading(exc, f"folder {str(relative)!r}") from exc


def _checked(relative: PurePosixPath, opener: Opener) -> Callable[[int, int], int]:
    """The opener for one path, refused here when it is no path beneath anything."""
    text = str(relative)
    if relative.is_absolute() or ".." in relative.parts or "\0" in text or not _encodes(text):
        raise PathRefused(f"{text!r} is not a path beneath its storage server")
    return lambda folder, flags: opener(folder, relative, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def _encodes(text: str) -> bool:
    try:
        return bool(os.fsencode(text))
    except UnicodeEncodeError:
        return False


class _Closing:
    """A descriptor that is closed at the end of its block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def _open_root(root: Root) -> int:
    try:
        return os.dup(root) if isinstance(root, int) else os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise StorageUnavailable(f"{str(root)!r} is not there or cannot be read: {exc.strerror}") from exc


def _require_no_link(mode: int, relative: PurePosixPath) -> None:
    if stat.S_ISLNK(mode):
        raise PathRefused(f"{str(relative)!r} is a link; links beneath a storage server are not followed")


def _require_regular(mode: int, relative: PurePosixPath) -> None:
    _require_no_link(mode, relative)
    if stat.S_ISDIR(mode):
        raise InvalidFileFormat(f"{str(relative)!r} is a folder; name a recording in it")
    if not stat.S_ISREG(mode):
        raise InvalidFileFormat(f"{str(relative)!r} is not a regular file")


def by_kernel(folder: int, relative: PurePosixPath, flags: int) -> int:
    """openat2 where it can be had, the walk where not. Raises OSError."""
    try:
        return _openat2(folder, relative, flags)
    except OSError as exc:
        if exc.errno not in _NO_OPENAT2:
            raise
    # EPERM may also be the file's own answer: the walk then meets it again.
    return by_walking(folder, relative, flags)


def by_walking(folder: int, relative: PurePosixPath, flags: int) -> int:
    """One component at a time, none of them a link. Raises OSError."""
    *folders, last = relative.parts or (".",)
    here = os.dup(folder)
    try:
        for part in folders:
            # O_PATH with O_NOFOLLOW opens a link itself; O_DIRECTORY then refuses it with ENOTDIR.
            try:
                below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            except NotADirectoryError as exc:
                raise _link_or(exc, part, here) from exc
            os.close(here)
            here = below
        return os.open(last, flags, dir_fd=here)
    finally:
        os.close(here)


def _openat2(folder: int, relative: PurePosixPath, flags: int) -> int:
    how = _OpenHow(flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS)
    path = os.fsencode(relative)
    for _ in range(_RETRIES):
        fd: int = _libc.syscall(_SYS_OPENAT2, folder, path, ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(code, os.strerror(code), str(relative))


def _link_or(exc: OSError, name: str, folder: int) -> OSError:
    """ELOOP where the name that is no folder is a link, as openat2 answers; else what came."""
    try:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    except OSError:
        return exc
    return exc
