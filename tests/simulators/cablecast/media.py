"""Recordings small enough for a test: an MP4 that says how long it is, and how long any MP4 says it is."""

import struct
from pathlib import Path

VIDEO = {".mp4", ".mov", ".m4v", ".mpg", ".mpeg", ".mxf", ".ts", ".mkv", ".avi"}
_BOXES = {".mp4", ".mov", ".m4v"}  # those whose length stands in a `moov` box


def stub(length_s: float, salt: str = "") -> bytes:
    """An MP4 of that length without a picture; another `salt`, other bytes."""
    scale = 1_000
    times = struct.pack(">IIII", 0, 0, scale, round(length_s * scale))
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = b"\0\0\0\0" + times + struct.pack(">IH10x", 0x10000, 0x100) + matrix + bytes(24) + struct.pack(">I", 2)
    return (
        _box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")
        + _box(b"moov", _box(b"mvhd", header))
        + _box(b"mdat", salt.encode())
    )


def length_ms(path: Path) -> int | None:
    """How long a recording says it is; None where it cannot be read."""
    if path.suffix.lower() not in _BOXES:
        return _probed_ms(path)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            at, found = 0, None
            while at + 8 <= size:
                file.seek(at)
                length, kind = struct.unpack(">I4s", file.read(8))
                inside = 8
                if length == 1:
                    length, inside = struct.unpack(">Q", file.read(8))[0], 16
                elif length == 0:
                    length = size - at
                if length < inside or at + length > size:
                    return None  # torn
                if kind == b"moov":
                    found = _movie_ms(file.read(min(length - inside, 1 << 20)))
                at += length
            return found
    except (OSError, struct.error):
        return None


def _probed_ms(path: Path) -> int | None:
    """By the library that can open anything; imported here, as it is heavy and seldom needed."""
    import av

    try:
        with av.open(path) as container:
            return round(container.duration / 1000) if container.duration else None
    except (av.FFmpegError, OSError):
        return None


def _movie_ms(moov: bytes) -> int | None:
    at = moov.find(b"mvhd")
    if at < 0:
        return None
    data = moov[at + 4 :]
    scale, length = struct.unpack_from(">IQ", data, 20) if data[0] == 1 else struct.unpack_from(">II", data, 12)
    return round(length * 1000 / scale) if scale else None


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data
