"""Recordings: what they hold, and their sound as a stream. FFmpeg (PyAV) works in a child that can be killed.

Sample n of a stream is heard n/16000 s after time zero, the first picture of a recording with video, else
the first sample of the track: late sound is preceded by silence, early sound is cut, holes are filled.
"""

import contextlib
import json
import os
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archivist_common.errors import (
    FileMissing,
    MediaUnreadable,
    PathRefused,
    SourceChanged,
    StorageUnavailable,
    by_code,
)
from archivist_transcriber import media_child

RATE = media_child.RATE
"""Samples a second of every stream here."""

MEMORY = 512 * 2**20
"""What the child may use, in bytes. A 16-channel track needs a tenth of it."""

DEADLINE_S = 60.0
"""Longest probe; longest time a stream may send nothing."""

Samples = NDArray[np.float32]
"""Mono sound at 16 kHz, shape (n,), in [-1, 1]."""

_HEAD = struct.Struct("<cI")
_LONGEST = 2 * media_child.BLOCK  # bytes in a message; nothing the child sends is longer
_BUSY = 0.5  # a child that computed for more than this share of its deadline was not waiting for the disk


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio stream. `index` counts audio tracks from 0; `start_ms` is relative to time zero."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    language: str | None
    start_ms: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class VideoTrack:
    codec: str
    frame_rate: Fraction | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a recording says it holds. Untrusted: text is short and plain, numbers are within limits.

    duration_ms: from time zero to the end of the longest stream, 0 where the container does not know.
    timecode: start time code written by the recorder, `HH:MM:SS;FF`.
    """

    container: str
    duration_ms: int
    audio: tuple[AudioTrack, ...]
    default_track: int
    video: VideoTrack | None
    streams: int
    timecode: str | None

    @classmethod
    def _from_json(cls, value: dict[str, Any]) -> Self:
        video = value["video"]
        rate = video and video["frame_rate"]
        return cls(
            container=value["container"],
            duration_ms=value["duration_ms"],
            audio=tuple(AudioTrack(index=n, **track) for n, track in enumerate(value["audio"])),
            default_track=value["default_track"],
            video=VideoTrack(**{**video, "frame_rate": Fraction(rate) if rate else None}) if video else None,
            streams=value["streams"],
            timecode=value["timecode"],
        )


def probe(source: Path | int, *, deadline_s: float = DEADLINE_S, memory_bytes: int = MEMORY) -> MediaInfo:
    """What a recording holds. `source` is a path or an open descriptor (which stays open and keeps its position).

    Raises FileMissing, MediaUnreadable, NoAudioTrack, StorageUnavailable (also when nothing was read in time).
    """
    with _Child(source, {"mode": "probe", "track": None, "start_ms": 0, "end_ms": None}, memory_bytes) as child:
        return MediaInfo._from_json(_expect_info(child, deadline_s))


def open_audio(
    source: Path | int,
    track: int | None = None,
    *,
    start_ms: int = 0,
    end_ms: int | None = None,
    deadline_s: float = DEADLINE_S,
    memory_bytes: int = MEMORY,
) -> "AudioStream":
    """The sound of a track (None: the container's best), from `start_ms` up to `end_ms` of the recording.

    deadline_s: longest time without data. Raises as `probe` does, and NoAudioTrack for a track that is not there.
    """
    request = {"mode": "audio", "track": track, "start_ms": start_ms, "end_ms": end_ms}
    child = _Child(source, request, memory_bytes)
    try:
        info = MediaInfo._from_json(_expect_info(child, deadline_s))
        wanted = info.default_track if track is None else track
        if not 0 <= wanted < len(info.audio):
            child.message(deadline_s)  # the child says so itself, and raises here
        return AudioStream(child, info, info.audio[wanted], start_ms, deadline_s)
    except BaseException:
        child.close()
        raise


class AudioStream:
    """Iterate for blocks of about ten seconds of sound; close (or leave the `with`) to end the child.

    A block is never longer than 160,000 samples. Raises MediaUnreadable for a file that turns out to be cut
    off or broken, SourceChanged for one that was written to meanwhile. The thread that opened the stream must
    outlive it: the kernel ends the child with the thread that started it.
    """

    def __init__(self, child: "_Child", info: MediaInfo, track: AudioTrack, start_ms: int, deadline_s: float) -> None:
        self.info = info
        self.track = track
        self.start_ms = start_ms
        self.samples = 0
        """Samples given so far."""
        self.bad_packets = 0
        """Packets that could not be decoded; silence stands in their place. Known at the end."""
        self._child = child
        self._deadline_s = deadline_s

    def __iter__(self) -> Iterator[Samples]:
        while True:
            kind, body = self._child.message(self._deadline_s)
            if kind == b"Z":
                self.bad_packets = int(json.loads(body)["bad_packets"])
                self._child.check_unchanged()
                return
            if kind != b"A":
                raise MediaUnreadable(f"the decoder answered out of turn: {kind!r}")
            block = np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
            self.samples += len(block)
            yield block

    def close(self) -> None:
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _expect_info(child: "_Child", deadline_s: float) -> dict[str, Any]:
    kind, body = child.message(deadline_s)
    if kind != b"I":
        raise MediaUnreadable(f"the decoder answered out of turn: {kind!r}")
    info: dict[str, Any] = json.loads(body)
    return info


class _Child:
    """A running `media_child.py` and the pipe it answers on."""

    def __init__(self, source: Path | int, request: dict[str, Any], memory_bytes: int) -> None:
        self._deadline_s = 0.0
        self._fd = _descriptor(source)
        try:
            self._before = _fingerprint(self._fd)
            self._buffer = bytearray()
            arguments = json.dumps({**request, "fd": self._fd, "memory": memory_bytes, "parent": os.getpid()})
            self._process = subprocess.Popen(
                [sys.executable, "-I", media_child.__file__, arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._fd,),
                env={"OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            os.close(self._fd)
            raise

    def message(self, deadline_s: float) -> tuple[bytes, bytes]:
        """The next message, waiting at most `deadline_s` for all of it. An error message is raised."""
        self._deadline_s = deadline_s
        until = time.monotonic() + deadline_s
        cpu = _cpu_seconds(self._process.pid)
        kind, length = _HEAD.unpack(self._read(_HEAD.size, until, cpu))
        if length > _LONGEST:
            raise MediaUnreadable(f"the decoder sent a message of {length} bytes")
        body = self._read(length, until, cpu)
        if kind == b"E":
            problem = json.loads(body)
            raise by_code(problem["code"])(problem["message"])
        return kind, body

    def _read(self, count: int, until: float, cpu: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 -- a pipe was asked for
        pipe = self._process.stdout.fileno()
        poll = select.poll()  # select() cannot watch descriptors above 1023
        poll.register(pipe, select.POLLIN)
        while len(self._buffer) < count:
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise self._late(cpu)
            data = os.read(pipe, 1 << 20)
            if not data:
                raise self._died()
            self._buffer += data
        body = bytes(self._buffer[:count])
        del self._buffer[:count]
        return body

    def _late(self, cpu: float) -> MediaUnreadable | StorageUnavailable:
        worked = _cpu_seconds(self._process.pid) - cpu
        if worked > _BUSY * self._deadline_s:
            return MediaUnreadable(f"decoding it got nowhere for {self._deadline_s:g} s")
        return StorageUnavailable(f"the recording could not be read for {self._deadline_s:g} s")

    def _died(self) -> MediaUnreadable:
        code = self._process.wait(timeout=10)
        if code < 0:
            with contextlib.suppress(ValueError):
                return MediaUnreadable(f"the decoder crashed on it ({signal.Signals(-code).name})")
        return MediaUnreadable(f"the decoder gave up on it (exit {code})")

    def check_unchanged(self) -> None:
        """Raises SourceChanged when the file was written to since it was opened."""
        if _fingerprint(self._fd) != self._before:
            raise SourceChanged("the recording was changed while it was being read")

    def close(self) -> None:
        """End the child. One that hangs in the kernel is left to die when its file system answers."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        self._process.kill()
        assert self._process.stdout is not None  # noqa: S101 -- a pipe was asked for
        self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _descriptor(source: Path | int) -> int:
    """A descriptor of our own for a regular file, above the standard three."""
    if isinstance(source, int):
        fd = os.dup(source)
    else:
        try:
            fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise FileMissing(f"no such file: {str(source)!r}") from exc
        except (PermissionError, ValueError) as exc:
            raise PathRefused(f"the file may not be opened: {str(source)!r}") from exc
        except OSError as exc:
            raise StorageUnavailable(f"the file cannot be opened: {str(source)!r}: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise MediaUnreadable("not a file: a recording must be a regular file")
    return fd


def _fingerprint(fd: int) -> tuple[int, int]:
    try:
        status = os.fstat(fd)
    except OSError as exc:
        raise StorageUnavailable(f"the recording cannot be read: {exc.strerror}") from exc
    return status.st_size, status.st_mtime_ns


def _cpu_seconds(pid: int) -> float:
    """Processor time a child has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
