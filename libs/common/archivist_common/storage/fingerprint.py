"""What tells one recording from another, and a finished one from one that is still being written.

These calls wait for the disk: make them where a hang can be ended.
"""

import hashlib
import os
from dataclasses import dataclass

_SAMPLE = 64 * 1024  # bytes of the head and of the tail that go into a fingerprint


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recording at one moment.

    fingerprint: SHA-256, in hexadecimal, of the size in decimal digits, then the first 64 KiB, then the last
    64 KiB (which overlap where the file is shorter than both). It tells a recording exported again under its
    old name from the first one without reading gigabytes; a change in the middle that keeps the size escapes it.
    """

    size_bytes: int
    mtime_ns: int
    fingerprint: str
    ends_in_zeros: bool
    """Some programs claim the whole length before they copy: the end is then zeros until they are done."""


def snapshot(fd: int) -> Snapshot:
    """An open recording as it is now. Raises OSError.

    Open it anew for each: only then does a network share ask its server for the file's present state.
    """
    seen = os.fstat(fd)
    tail = os.pread(fd, _SAMPLE, max(0, seen.st_size - _SAMPLE))
    sample = hashlib.sha256(str(seen.st_size).encode())
    sample.update(os.pread(fd, _SAMPLE, 0))
    sample.update(tail)
    return Snapshot(seen.st_size, seen.st_mtime_ns, sample.hexdigest(), bool(tail) and not any(tail))
