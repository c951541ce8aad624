"""Errors of the operating system about a disk, as errors of ours: for reading and for writing."""

import errno

from archivist_common.errors import (
    ArchivistError,
    FileMissing,
    PathRefused,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})
# EXDEV: openat2 met a way out. EINVAL and EILSEQ: a name that this file system cannot hold.
_REFUSED = frozenset({errno.EXDEV, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
# EFBIG: the file system's or the process's limit on one file (RLIMIT_FSIZE).
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def reading(exc: OSError, what: str) -> ArchivistError:
    """The error for a read, a stat or an open of `what` that ended in `exc`."""
    if exc.errno in _MISSING:
        return FileMissing(f"there is no {what}")
    if exc.errno in _REFUSED:
        return PathRefused(f"{what} is refused: it passes a link, leaves its storage or cannot be a name")
    if exc.errno in _FORBIDDEN:
        return StorageUnavailable(f"{what} may not be read by this process: {exc.strerror}")
    return StorageUnavailable(f"{what} cannot be read: {exc.strerror}")  # EIO, ESTALE, ENOTCONN, ETIMEDOUT …


def writing(exc: OSError, what: str) -> ArchivistError:
    """The error for a write of `what` that ended in `exc`; a missing folder is an unavailable storage."""
    if exc.errno in FULL:
        return StorageFull(f"no room to write {what}: {exc.strerror}")
    if exc.errno in _FORBIDDEN:
        return StorageReadOnly(f"{what} may not be written: {exc.strerror}")
    if exc.errno in _REFUSED:
        return PathRefused(f"{what} is refused: it passes a link, leaves its storage or cannot be a name")
    return StorageUnavailable(f"{what} cannot be written: {exc.strerror}")
