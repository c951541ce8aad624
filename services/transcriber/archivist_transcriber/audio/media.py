"""Recordings: what they hold, and their sound as a stream. FFmpeg (PyAV) works in a child that can be killed.

Sample n of a stream is heard n/16000 s after time zero, the first picture of a recording with video, else
the first sample of the track: late sound is preceded by silence, early sound is cut, holes are filled.
"""

import contextlib
import json
import os
import resource
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
    ArchivistError,
    DecoderFailed,
    FileMissing,
    MediaUnreadable,
    PathRefused,
    SourceChanged,
    StorageUnavailable,
    by_code,
)
from archivist_transcriber.audio.decoder import main
from archivist_transcriber.audio.last_lines import LastLines

RATE = main.RATE
"""Samples a second of every stream here."""

MEMORY = 512 * 2**20
"""What the child may use, in bytes. A 16-channel track needs a tenth of it."""

DEADLINE_S = 60.0
"""Longest probe; longest time a stream may send nothing."""

CPU_S, CPU_SHARE = 60, Fraction(1, 10)
"""Processor time the child may use: so many seconds, and more for each second of sound it has sent. Ordinary
sound takes ten seconds an hour."""

Samples = NDArray[np.float32]
"""Mono sound at 16 kHz, shape (n,), in [-1, 1]."""

_HEAD = struct.Struct("<cI")
_LONGEST = 2 * main.BLOCK  # bytes in a message; nothing the child sends is longer
_MOST = main.MAX_HOURS * 3600 * RATE  # samples, heard and skipped
_SAYS = ("MEDIA_UNREADABLE", "NO_AUDIO_TRACK", "STORAGE_UNAVAILABLE")  # what the child may accuse the recording of
_MOST_CPU_S = CPU_S + int(_MOST / RATE * CPU_SHARE) + 1
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
    def _from_json(cls, text: bytes) -> Self:
        """What the child said, taken apart as if it had fallen to the recording."""
        try:
            value = json.loads(text)
            video = value["video"]
            audio = tuple(_audio_track(index, track) for index, track in enumerate(value["audio"]))
            info = cls(
                container=_word(value["container"]),
                duration_ms=int(value["duration_ms"]),
                audio=audio,
                default_track=int(value["default_track"]),
                video=None if video is None else _video_track(video),
                streams=int(value["streams"]),
                timecode=None if value["timecode"] is None else _word(value["timecode"]),
            )
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as exc:
            raise DecoderFailed("the decoder's answer makes no sense") from exc
        if not (0 <= info.default_track < len(audio) <= info.streams <= main.MAX_STREAMS):
            raise DecoderFailed("the decoder's answer makes no sense: tracks are missing")
        if not 0 <= info.duration_ms <= main.MAX_HOURS * 3_600_000:
            raise MediaUnreadable(f"it claims to last {info.duration_ms} ms")
        return info


def _audio_track(index: int, value: dict[str, Any]) -> AudioTrack:
    language, duration_ms = value["language"], value["duration_ms"]
    return AudioTrack(
        index=index,
        codec=_word(value["codec"]),
        channels=int(value["channels"]),
        sample_rate=int(value["sample_rate"]),
        language=None if language is None else _word(language),
        start_ms=int(value["start_ms"]),
        duration_ms=None if duration_ms is None else int(duration_ms),
    )


def _video_track(value: dict[str, Any]) -> VideoTrack:
    rate = value["frame_rate"]
    return VideoTrack(
        codec=_word(value["codec"]),
        frame_rate=None if rate is None else Fraction(rate),
        width=int(value["width"]),
        height=int(value["height"]),
    )


def _word(text: str, limit: int = 40) -> str:
    """Text from the other side of the wall: short and plain."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def probe(source: Path | int, *, deadline_s: float = DEADLINE_S, memory_bytes: int = MEMORY) -> MediaInfo:
    """What a recording holds. `source` is a path or an open descriptor (which stays open and keeps its position).

    Raises FileMissing, MediaUnreadable, NoAudioTrack, StorageUnavailable (also when nothing was read in time), and
    DecoderFailed when the decoder itself ended without an answer: that says nothing about the recording.
    """
    with _Child(source, {"mode": "probe", "track": None, "start_ms": 0, "end_ms": None}, memory_bytes) as child:
        return _expect_info(child, deadline_s)


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
        info = _expect_info(child, deadline_s)
        wanted = info.default_track if track is None else track
        if not 0 <= wanted < len(info.audio):
            child.message(deadline_s)  # the child says so itself, and it is raised here
            raise DecoderFailed(f"the decoder has no word on track {wanted}")
        return AudioStream(child, info, info.audio[wanted], start_ms, deadline_s)
    except BaseException:
        child.close()
        raise


class AudioStream:
    """Iterate for blocks of about ten seconds of sound; close (or leave the `with`) to end the child.

    A block is never longer than 160,000 samples. Raises MediaUnreadable for a file that turns out to be cut
    off or broken, SourceChanged for one that was written to meanwhile, DecoderFailed. The thread that opened the
    stream must outlive it: the kernel ends the child with the thread that started it.
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
        passed, complete = 0, False  # samples heard or skipped; a short block was the last
        while True:
            kind, body = self._child.message(self._deadline_s)
            if kind == b"Z":
                self.bad_packets = _bad_packets(body)
                self._child.check_unchanged()
                return
            if kind == b"S" and not body and not self.samples:
                passed += main.SKIPPED
            elif kind == b"A" and not complete and body and len(body) % 2 == 0:
                block = np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
                passed += len(block)
                self.samples += len(block)
                complete = len(block) < main.BLOCK
            else:
                raise DecoderFailed(f"the decoder answered out of turn: {kind!r}, {len(body)} bytes")
            if passed > _MOST:
                raise MediaUnreadable(f"its sound goes on past {main.MAX_HOURS} hours")
            self._child.grant(passed)
            if kind == b"A":
                yield block

    def close(self) -> None:
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _expect_info(child: "_Child", deadline_s: float) -> MediaInfo:
    kind, body = child.message(deadline_s)
    if kind != b"I":
        raise DecoderFailed(f"the decoder answered out of turn: {kind!r}, {len(body)} bytes")
    return MediaInfo._from_json(body)


def _bad_packets(body: bytes) -> int:
    try:
        return int(json.loads(body)["bad_packets"])
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as exc:
        raise DecoderFailed("the decoder's answer makes no sense") from exc


class _Child:
    """A running `media_child.py` and the pipe it answers on. Nothing that comes out of it is believed.

    program: what runs; tests put a child there that has fallen to its recording. cpu_s: granted from the start.
    """

    def __init__(
        self,
        source: Path | int,
        request: dict[str, Any],
        memory_bytes: int = MEMORY,
        *,
        program: str = main.__file__,
        cpu_s: int = CPU_S,
    ) -> None:
        self._deadline_s = 0.0
        self._fd = _descriptor(source)
        try:
            self._before = _fingerprint(self._fd)
            self._buffer = bytearray()
            self._cpu_s = self._granted_s = cpu_s
            # A second of grace: with both limits at one time the kernel kills without saying which of them it was.
            most_s = _MOST_CPU_S if request["mode"] == "audio" else cpu_s + 1
            limits = {"fd": self._fd, "memory": memory_bytes, "cpu_s": (cpu_s, most_s), "parent": os.getpid()}
            self._process = subprocess.Popen(
                [sys.executable, "-I", program, json.dumps(request | limits)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(self._fd,),
                env={"OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            os.close(self._fd)
            raise DecoderFailed(f"the decoder could not be started: {exc.strerror}") from exc
        except BaseException:
            os.close(self._fd)
            raise
        assert self._process.stderr is not None  # noqa: S101 -- a pipe was asked for
        self._last_lines = LastLines(self._process.stderr.fileno())

    def message(self, deadline_s: float) -> tuple[bytes, bytes]:
        """The next message, waiting at most `deadline_s` for all of it. An error message is raised."""
        self._deadline_s = deadline_s
        until = time.monotonic() + deadline_s
        cpu = _cpu_seconds(self._process.pid)
        kind, length = _HEAD.unpack(self._read(_HEAD.size, until, cpu))
        if length > _LONGEST:
            raise DecoderFailed(f"the decoder sent a message of {length} bytes")
        body = self._read(length, until, cpu)
        if kind == b"E":
            raise _accusation(body)
        return kind, body

    def grant(self, samples: int) -> None:
        """Let the child use the processor time that so much sound is worth. The kernel ends it when it wants more."""
        seconds = self._cpu_s + int(samples / RATE * CPU_SHARE)
        if seconds > self._granted_s:
            self._granted_s = seconds
            with contextlib.suppress(ProcessLookupError):  # it has ended
                resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (seconds, _MOST_CPU_S))

    def _read(self, count: int, until: float, cpu: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 -- a pipe was asked for
        pipe = self._process.stdout.fileno()
        poll = select.poll()  # select() cannot watch descriptors above 1023
        poll.register(pipe, select.POLLIN)
        if self._last_lines.is_open:
            poll.register(self._last_lines.fd, select.POLLIN)
        while len(self._buffer) < count:
            ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
            if self._last_lines.fd in ready:
                self._last_lines.read()
                if not self._last_lines.is_open:
                    poll.unregister(self._last_lines.fd)
            if pipe not in ready:
                if time.monotonic() >= until:
                    raise self._late(cpu)
                continue
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

    def _died(self) -> MediaUnreadable | DecoderFailed:
        """What its end means. Only the end that we set it ourselves, its processor time, is the recording's doing."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return DecoderFailed("the decoder closed its answer and did not end")
        if code == -signal.SIGXCPU:
            return MediaUnreadable(f"decoding it takes too long: {self._granted_s} s of processor time got nowhere")
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"killed by {signal.Signals(-code).name}"
        return DecoderFailed(f"the decoder ended without an answer ({how})", stderr=self._last_lines.rest())

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
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None  # noqa: S101 -- a pipe was asked for
            pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _accusation(body: bytes) -> ArchivistError:
    """The error the child reports, if it is one that a recording can cause."""
    try:
        problem = json.loads(body)
        code, message = str(problem["code"]), _word(problem["message"], 300)
    except (ValueError, TypeError, LookupError, RecursionError):
        return DecoderFailed("the decoder's answer makes no sense")
    if code not in _SAYS:
        return DecoderFailed(f"the decoder gave an error that is not its to give ({_word(code)}): {message}")
    return by_code(code)(message)


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
