"""The child that opens recordings: FFmpeg behind a wall. Run by path, never imported by the service.

    python -I media_child.py '{"mode": "probe", "fd": 5, ...}'

A hostile or broken file may crash, loop or eat memory in here; `media.py` watches and ends it. This process
reads one already opened file descriptor, has no network, may open no file, may write none, and answers on
its standard output in messages of one kind byte, a length and a body: I information (JSON), A audio
(16-bit mono 16 kHz; one shorter than BLOCK is the last), S sound left out on the way to the start (empty;
SKIPPED samples), E error (JSON), Z end (JSON). Only the standard library and PyAV are needed.
"""

import ctypes
import errno
import importlib
import json
import os
import pkgutil
import re
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

RATE = 16_000  # samples a second, what every speech model here hears
BLOCK = 10 * RATE  # samples in a message

CONTAINERS = (
    "mov,matroska,mpegts,mpeg,mxf,mxf_opatom,wav,w64,aiff,mp3,aac,flac,ogg,avi,asf,gxf,"
    "flv,caf,dv,ac3,eac3,loas,lxf,au,amr"
)
"""What a recording may be. No playlist, picture, subtitle, archive or device: they lead to other files."""
CODECS = (
    "aac,aac_fixed,aac_latm,ac3,ac3_fixed,eac3,alac,als,amrnb,amrwb,ape,cook,dca,dolby_e,"
    "flac,g722,g723_1,g729,gsm,gsm_ms,mace3,mace6,mlp,mp1,mp1float,mp2,mp2float,mp3,"
    "mp3float,mp3adu,mp3adufloat,mp3on4,mp3on4float,mpc7,mpc8,nellymoser,opus,libopus,speex,"
    "qdm2,qdmc,qcelp,real_144,real_288,ralf,s302m,sipr,tak,truehd,truespeech,tta,twinvq,"
    "vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,xma1,xma2,adpcm_ima_wav,adpcm_ms,"
    "adpcm_ima_qt,adpcm_swf,adpcm_yamaha,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_lxf,pcm_s8,"
    "pcm_s8_planar,pcm_u8,pcm_vidc,pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,"
    "pcm_s16be,pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,pcm_s24be,pcm_s24daud,pcm_s24le,"
    "pcm_s24le_planar,pcm_s32be,pcm_s32le,pcm_s32le_planar,pcm_s64be,pcm_s64le,pcm_sga,pcm_u16be,"
    "pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,pcm_u32le,dvaudio"
)
"""Decoders that may run. Sound only: no picture is ever decoded."""
SEEKABLE = frozenset(["mov", "matroska", "mpegts", "mxf", "wav", "w64", "aiff", "flac", "ogg"])
"""Containers whose times are true after a seek. The others are decoded from their beginning."""

MAX_STREAMS = 32
MAX_HOURS = 24
MAX_CHANNELS = 16  # in one track: a 16-channel SDI recorder is real
MIN_RATE, MAX_RATE = 4_000, 384_000  # samples a second
GAP = Fraction(1, 10)  # seconds; smaller steps of the clock are rounding
PLAINLY = 0.09  # seconds; within this a frame goes on where the last one ended, whatever the rounding
JUMP = 10  # seconds; a step back of more, or past the end, is a new clock (as in FFmpeg's dts_delta_threshold)
HOLE = 3_600  # seconds; a longer step ahead is a new clock too, in ANEW
PREROLL = Fraction(1, 2)  # seconds decoded before the wanted start: codecs need a run-up
SKIPPED = 6 * BLOCK  # samples left out at the start for which one message is sent: a sign of life
DECLARING = frozenset(["mov", "matroska", "wav", "w64", "aiff", "flac", "mxf", "caf", "au", "avi"])
"""Containers that say how long they are, so that a cut-off one can be told."""
PROTOCOLS = "pipe"
"""What FFmpeg may read by itself: nothing. It is handed the recording by `Source`."""
ANEW = frozenset(["mpegts", "mpeg"])
"""Containers whose clock may start anew on the way. FFmpeg takes a step back for the counter's turn, 26 hours on."""
_TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;.]\d\d")


class Refused(Exception):
    """Something to tell the parent: a code of `archivist_common.errors` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def unreadable(message: str) -> Refused:
    return Refused("MEDIA_UNREADABLE", message)


class Source:
    """The recording as FFmpeg reads it: positions of our own, so that a shared descriptor does not matter."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0
        self.size = os.fstat(fd).st_size
        self.fault: OSError | None = None

    def read(self, count: int) -> bytes:
        data = self.peek(self._position, count)
        self._position += len(data)
        return data

    def peek(self, position: int, count: int) -> bytes:
        try:
            return os.pread(self._fd, count, position)
        except OSError as exc:
            self.fault = exc
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "negative position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position


def send(kind: bytes, body: bytes) -> None:
    view = memoryview(struct.pack("<cI", kind, len(body)) + body)
    while view:
        view = view[os.write(1, view) :]


def send_json(kind: bytes, value: dict[str, Any]) -> None:
    send(kind, json.dumps(value).encode())


def confine(memory: int, cpu_s: tuple[int, int], parent: int) -> None:
    """Close the doors. What the kernel does not offer is left out; the whitelists hold regardless.

    memory: bytes. cpu_s: processor time, what is granted now and the most that `media.py` may grant later.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(1)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    leave_network(libc)
    resource.setrlimit(resource.RLIMIT_CPU, cpu_s)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (memory + 2**30, memory + 2**30))  # libraries are mapped beside it
    drop_capabilities(libc)
    forbid_files(libc)
    forbid_calls(libc)


def leave_network(libc: ctypes.CDLL) -> None:
    """A network namespace of our own, without so much as a loopback. Needs root, or user namespaces."""
    new_user, new_net = 0x1000_0000, 0x4000_0000
    if libc.unshare(new_net) != 0:
        libc.unshare(new_user | new_net)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Root here, or in a user namespace, is nobody special."""
    version_3, this_thread = 0x2008_0522, 0
    libc.capset(struct.pack("<II", version_3, this_thread), bytes(6 * 4))


def forbid_files(libc: ctypes.CDLL) -> None:
    """Landlock with no rule: no path can be opened, no TCP port reached, no other process signalled.

    Open descriptors stay. The numbers are those of the kernel's landlock.h; newer kernels know more rights.
    """
    create, restrict = 444, 446  # system calls, the same on every architecture
    abi: int = libc.syscall(create, None, 0, 1)
    if abi < 1:
        return
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1  # execute, write, read, list, remove, make, …
    network = 0b11 if abi >= 4 else 0  # bind, connect
    scopes = 0b11 if abi >= 6 else 0  # abstract sockets, signals
    rules = struct.pack("<QQQ", files, network, scopes)
    ruleset = libc.syscall(create, rules, len(rules) if abi >= 6 else 16 if abi >= 4 else 8, 0)
    if ruleset >= 0:
        libc.syscall(restrict, ruleset, 0)
        os.close(ruleset)


CALLS = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "lseek": (8, 62), "pread64": (17, 67),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "membarrier": (324, 283),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getpid": (39, 172), "gettid": (186, 178),
    "sysinfo": (99, 179), "getrusage": (98, 165), "getrandom": (318, 278),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "gettimeofday": (96, 169),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""All a decoder asks of the kernel: name to number on (x86_64, aarch64). Threads besides, and nothing by a path."""
_MACHINES = {"x86_64": (0, 0xC000_003E, 56), "aarch64": (1, 0xC000_00B7, 220)}  # column, AUDIT_ARCH_…, clone


def forbid_calls(libc: ctypes.CDLL) -> None:
    """Every system call but CALLS, and clone for a thread, is answered as if the kernel did not know it (ENOSYS).

    So it holds what Landlock does not know (sockets of every kind, other processes, new programs), and where a
    container allows no namespace. A seccomp filter in classic BPF; none on a machine we do not know.
    """
    column, architecture, clone = _MACHINES.get(os.uname().machine, (-1, 0, 0))
    if column < 0:
        return
    allow, deny = (0x06, 0, 0, 0x7FFF_0000), (0x06, 0, 0, 0x0005_0000 | errno.ENOSYS)  # return
    load, equal, any_bit = 0x20, 0x15, 0x45
    number, arch, first_argument, thread = 0, 4, 16, 0x1_0000  # offsets in struct seccomp_data; CLONE_THREAD
    program = [(load, 0, 0, arch), (equal, 1, 0, architecture), deny, (load, 0, 0, number)]
    program += [step for call in CALLS.values() for step in ((equal, 0, 1, call[column]), allow)]
    program += [(equal, 0, 3, clone), (load, 0, 0, first_argument), (any_bit, 0, 1, thread), allow, deny]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    libc.prctl(22, 2, struct.pack("@HP", len(program), ctypes.addressof(code)), 0, 0)  # PR_SET_SECCOMP, filter


def main(request: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    av = load_all()
    av.logging.set_level(av.logging.PANIC)
    source = Source(request["fd"])
    confine(request["memory"], tuple(request["cpu_s"]), request["parent"])
    try:
        if source.size == 0:
            raise unreadable("the file is empty (0 bytes)")
        with open_container(av, source) as container:
            info = describe(container, source)
            send_json(b"I", info)
            if request["mode"] == "audio":
                send_json(b"Z", Decoder(av, container, info, request).run())
    except Refused as exc:
        send_json(b"E", {"code": exc.code, "message": str(exc)})
    except MemoryError:
        megabytes = request["memory"] // 2**20
        send_json(b"E", {"code": "MEDIA_UNREADABLE", "message": f"decoding it needs more than {megabytes} MB"})
    except (av.error.FFmpegError, OSError) as exc:
        send_json(b"E", translated(exc, source))


def load_all() -> Any:
    """PyAV with every module of it: it loads some late, and no file can be opened then."""
    import av

    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name.rpartition(".")[2] not in {"__main__", "datasets"}:
            importlib.import_module(module.name)
    return av


def translated(exc: Exception, source: Source) -> dict[str, Any]:
    if source.fault is not None:
        return {"code": "STORAGE_UNAVAILABLE", "message": f"reading failed: {source.fault.strerror}"}
    if isinstance(exc, OSError) and exc.errno == errno.EINVAL:  # so FFmpeg says what its whitelists refuse
        return {"code": "MEDIA_UNREADABLE", "message": "its content is no recording, whatever its name says"}
    reason = getattr(exc, "strerror", None) or str(exc)
    return {"code": "MEDIA_UNREADABLE", "message": f"not a readable recording: {reason}"}


def open_container(av: Any, source: Source) -> Any:
    return av.open(
        source,
        mode="r",
        buffer_size=1 << 18,
        metadata_errors="replace",
        options={
            "format_whitelist": CONTAINERS,
            "codec_whitelist": CODECS,
            "protocol_whitelist": PROTOCOLS,
            "max_streams": str(4 * MAX_STREAMS),
            "probesize": str(16 << 20),
            "analyzeduration": "10000000",
        },
    )


def describe(container: Any, source: Source) -> dict[str, Any]:
    """What `media.MediaInfo` holds, as JSON. Raises Refused for what we do not take."""
    kind = next(name for name in CONTAINERS.split(",") if name in container.format.name.split(","))
    if len(container.streams) > MAX_STREAMS:
        raise unreadable(f"{len(container.streams)} streams; {MAX_STREAMS} is the limit")
    if not len(container.streams):
        raise unreadable("there is no track in it: its index is empty or broken")
    audio = list(container.streams.audio)
    pictures = [s for s in container.streams.video if "attached_pic" not in str(s.disposition)]
    if kind == "mov":
        _check_index(container, source)
    elif kind in _ANNOUNCED:
        announced = _ANNOUNCED[kind](source)
        if announced is not None and announced > source.size:
            raise unreadable(f"the file is cut off: {source.size} bytes are there, {announced} are announced")
    if not audio:
        raise Refused("NO_AUDIO_TRACK", f"no audio track among {_count(len(container.streams), 'stream')}")
    video = pictures[0] if pictures else None
    zero = _start(video) if video is not None and video.start_time is not None else None
    best = container.streams.best("audio") or audio[0]
    duration = _duration(container, audio, video, zero)
    longest = MAX_HOURS * 3600
    if duration > longest and kind in ANEW:
        duration = Fraction(0)  # nobody knows
    if duration > longest:
        raise unreadable(f"it claims to last {float(duration) / 3600:.0f} hours; {MAX_HOURS} is the limit")
    return {
        "container": kind,
        "duration_ms": round(duration * 1000),
        "streams": len(container.streams),
        "zero": None if zero is None else str(zero),
        "timecode": _timecode(container),
        "default_track": audio.index(best),
        "audio": [_audio(stream, zero) for stream in audio],
        "video": None if video is None else _video(video),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _start(stream: Any) -> Fraction:
    return Fraction(stream.start_time or 0) * Fraction(stream.time_base)


def _duration(container: Any, audio: list[Any], video: Any, zero: Fraction | None) -> Fraction:
    """Seconds from time zero to the end of the longest stream; 0 where the container does not know."""
    ends = [
        _start(s) + s.duration * Fraction(s.time_base)
        for s in [*audio, *([video] if video else [])]
        if s.duration is not None and s.duration > 0
    ]
    if ends:
        begin: Fraction = zero if zero is not None else min(_start(s) for s in audio)
        last: Fraction = max(ends)
        return max(Fraction(0), last - begin)
    return Fraction(container.duration or 0, 1_000_000)


def _timecode(container: Any) -> str | None:
    """The start time code of the recorder, where one is written. Untrusted text: only its shape is let through."""
    for tags in [container.metadata, *(stream.metadata for stream in container.streams)]:
        for name, text in tags.items():
            if name.lower() == "timecode" and _TIMECODE.fullmatch(text):
                return str(text)
    return None


def _audio(stream: Any, zero: Fraction | None) -> dict[str, Any]:
    language = str(stream.metadata.get("language", ""))
    begin = Fraction(0) if zero is None else _start(stream) - zero
    return {
        "codec": stream.codec_context.name if stream.codec_context else "unknown",
        "channels": stream.codec_context.channels if stream.codec_context else 0,
        "sample_rate": stream.codec_context.sample_rate if stream.codec_context else 0,
        "language": language if re.fullmatch(r"[a-zA-Z-]{2,10}", language) and language != "und" else None,
        "start_ms": round(begin * 1000),
        "duration_ms": None if stream.duration is None else round(stream.duration * stream.time_base * 1000),
    }


def _video(stream: Any) -> dict[str, Any]:
    rate = stream.average_rate or stream.base_rate
    sane = rate is not None and 1 <= rate <= 300
    return {
        "codec": stream.codec_context.name if stream.codec_context else "unknown",
        "frame_rate": str(Fraction(rate)) if sane else None,
        "width": stream.codec_context.width if stream.codec_context else 0,
        "height": stream.codec_context.height if stream.codec_context else 0,
    }


def _check_index(container: Any, source: Source) -> None:
    """MP4 lists where every sample lies: past the end of the file means that the end is missing."""
    for stream in container.streams:
        entries = stream.index_entries
        if len(entries):
            last = entries[len(entries) - 1]
            if last.pos + last.size > source.size:
                raise unreadable(
                    f"the file is cut off: {source.size} bytes are there, {last.pos + last.size} are announced"
                )


def _wav_size(source: Source) -> int | None:
    """Bytes a WAV announces up to the end of its sound; None for `until the end`. FFmpeg is content with less."""
    at = 12  # behind RIFF, size, WAVE
    for _ in range(64):
        head = source.peek(at, 8)
        if len(head) < 8:
            return None
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            return None if size == 0xFFFF_FFFF else at + 8 + int(size)
        at += 8 + size + size % 2
    return None


def _w64_size(source: Source) -> int | None:
    """The same of a Sony Wave64, whose head tells the size of the whole file behind the identifier `riff`."""
    head = source.peek(16, 8)
    return None if len(head) < 8 else int.from_bytes(head, "little")


def _avi_size(source: Source) -> int | None:
    """The same of an AVI's first RIFF list. Writers err by a few bytes there: a twentieth is let pass."""
    size = int.from_bytes(source.peek(4, 4), "little")
    return None if size == 0xFFFF_FFFF else size - size // 20


def _matroska_size(source: Source) -> int | None:
    """The same of a Matroska file's segment; None for one of unknown size, as a recorder leaves."""
    at = 0
    for identifier in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):  # EBML head, segment
        head = source.peek(at, 12)
        if not head.startswith(identifier) or len(head) < 12:
            return None
        length = 9 - head[4].bit_length()  # bytes of the size: as many as its first bit is from the left
        size = int.from_bytes(head[4 : 4 + length], "big") & (1 << 7 * length) - 1
        if size == (1 << 7 * length) - 1:
            return None
        at += 4 + length + size
    return at


_ANNOUNCED: dict[str, Callable[[Source], int | None]] = {
    "wav": _wav_size,
    "w64": _w64_size,
    "avi": _avi_size,
    "matroska": _matroska_size,
}
"""Containers whose head says how many bytes they have."""


class Decoder:
    """Sound laid on the clock of the recording: sample n is heard n/16000 s after time zero."""

    def __init__(self, av: Any, container: Any, info: dict[str, Any], request: dict[str, Any]) -> None:
        self._av = av
        self._container = container
        self._info = info
        tracks = len(info["audio"])
        track = info["default_track"] if request["track"] is None else request["track"]
        if not 0 <= track < tracks:
            raise Refused(
                "NO_AUDIO_TRACK", f"audio track {track} asked for; the recording has {_count(tracks, 'track')}"
            )
        self._stream = container.streams.audio[track]
        self._track = info["audio"][track]
        self._check_track()
        self._zero: Fraction | None = None if info["zero"] is None else Fraction(info["zero"])
        self._first = request["start_ms"] * RATE // 1000
        end_ms = request["end_ms"]
        self._last = MAX_HOURS * 3600 * RATE if end_ms is None else end_ms * RATE // 1000
        self._whole = end_ms is None
        self._out = self._first  # the next sample of the timeline
        self._drop = 0  # samples to leave out: sound that lies before where we are
        self._skipped = 0
        self._pending = bytearray()
        self._resampler: Callable[[Any], list[Any]] | None = None
        self._shape: tuple[str, str, int] | None = None
        self._anchor = Fraction(0)  # seconds of the recording at the resampler's start
        self._fed = 0  # source samples given to it since
        self._shift = Fraction(0)  # correction for clocks that start anew
        self._tick_s = self._clock_s = 0.0
        self._good = self._bad = 0

    def run(self) -> dict[str, Any]:
        for stream in self._container.streams:
            if stream.index != self._stream.index:
                stream.discard = (
                    self._av.stream.Discard.all
                )  # what is not decoded is not read, where the container allows
        for frame in self._frames():
            if frame.pts is None and self._resampler is None:
                frame.pts = 0
            self._place(frame)
            if self._out >= self._last:
                break
        else:
            self._flush()
        self._send(final=True)
        return self._verdict()

    def _verdict(self) -> dict[str, Any]:
        if self._good == 0 and self._bad:
            raise unreadable(f"none of its {_count(self._bad, 'audio packet')} could be decoded")
        if self._good == 0 and self._first == 0 and not self._info["duration_ms"]:
            raise unreadable("the audio track holds no sample")
        declared = self._track["duration_ms"]
        if self._whole and declared and self._info["container"] in DECLARING:
            heard = round(self._end * 1000)
            if heard < declared - max(3_000, declared // 20):
                raise unreadable(f"the file is cut off: {heard} ms of sound of {declared} ms announced")
        return {"samples": self._out, "bad_packets": self._bad}

    def _check_track(self) -> None:
        channels, rate = self._track["channels"], self._track["sample_rate"]
        if self._stream.codec_context is None:
            raise unreadable("its audio is of a kind that cannot be decoded")
        if self._stream.codec_context.name not in CODECS.split(","):
            raise unreadable(f"its audio codec is not taken: {self._stream.codec_context.name}")
        if channels > MAX_CHANNELS:
            raise unreadable(f"{channels} channels in one audio track; {MAX_CHANNELS} is the limit")
        if rate and not MIN_RATE <= rate <= MAX_RATE:
            raise unreadable(f"an audio sample rate of {rate} Hz")

    def _frames(self) -> Iterator[Any]:
        error = self._av.error.FFmpegError
        self._seek()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (
                StopIteration,
                IndexError,
            ):  # PyAV 18 stumbles, at the very end, over streams that came up on the way
                return
            try:
                frames = packet.decode()
            except error as exc:
                if isinstance(exc, MemoryError):
                    raise
                self._bad += 1
                continue
            for frame in frames:
                self._good += 1
                yield frame

    def _seek(self) -> None:
        wanted = Fraction(self._first, RATE) - PREROLL
        if wanted <= 0 or self._info["container"] not in SEEKABLE:
            return
        if self._zero is None:
            self._zero = _start(self._stream)
        offset = int((wanted + self._zero) / self._stream.time_base)
        self._container.seek(offset, stream=self._stream)

    def _place(self, frame: Any) -> None:
        rate = frame.sample_rate
        if not MIN_RATE <= rate <= MAX_RATE:
            raise unreadable(f"an audio sample rate of {rate} Hz")
        shape = (frame.format.name, frame.layout.name, rate)
        if self._goes_on(frame, shape):
            self._feed(frame)
            return
        expected = self._anchor + (Fraction(self._fed, rate) if self._resampler else 0)
        if frame.pts is None:
            at = expected
        else:
            clock = frame.pts * frame.time_base
            if self._zero is None:
                self._zero = clock
            at = clock - self._zero + self._shift
        if self._resampler is None:
            if abs(at) > self._limit():  # a first sound past the end of the recording: a clock of its own
                self._shift, at = -at, Fraction(0)
            self._begin(shape, at, frame)
        elif abs(at - expected) > GAP:
            ahead = HOLE if self._info["container"] in ANEW else MAX_HOURS * 3600
            if at < expected - JUMP or at > min(max(self._limit(), expected + JUMP), expected + ahead):
                self._shift -= at - expected
                at = expected
            self._flush()
            self._begin(shape, at, frame)
        elif shape != self._shape:
            self._flush()
            self._begin(shape, expected, frame)
        self._feed(frame)

    def _goes_on(self, frame: Any, shape: tuple[str, str, int]) -> bool:
        """Whether a frame follows the one before it, as nearly every one does.

        Told without fractions, which take longer than decoding; what is not plainly so is looked at with them.
        """
        if self._resampler is None or frame.pts is None or shape != self._shape:
            return False
        return bool(abs(frame.pts * self._tick_s - self._clock_s - self._fed / shape[2]) < PLAINLY)

    def _feed(self, frame: Any) -> None:
        assert self._resampler is not None  # noqa: S101 -- whoever calls has seen to it
        self._fed += frame.samples
        for piece in self._resampler(frame):
            self._put(bytes(piece.planes[0])[: 2 * piece.samples])

    @property
    def _end(self) -> Fraction:
        """Where the sound decoded so far ends, in seconds of the recording."""
        return self._anchor + Fraction(self._fed, self._shape[2] if self._shape else RATE)

    def _limit(self) -> Fraction:
        """No sound of the recording lies later than this, in seconds."""
        duration: int = self._info["duration_ms"]
        return Fraction(duration, 1000) + JUMP if duration else Fraction(MAX_HOURS * 3600)

    def _begin(self, shape: tuple[str, str, int], at: Fraction, frame: Any) -> None:
        """Start resampling at a moment of the recording: silence up to it, or cut what lies before."""
        if at > MAX_HOURS * 3600:
            raise unreadable(f"its sound goes on past {MAX_HOURS} hours")
        position = round(at * RATE)
        self._drop = max(0, self._out - position)
        self._silence(min(position, self._last) - self._out)
        self._shape, self._anchor, self._fed = shape, at, 0
        self._tick_s = float(frame.time_base or 0)
        self._clock_s = float(at + (self._zero or 0) - self._shift)  # what the file's clock says at the anchor
        self._resampler = resampler(self._av, shape)

    def _flush(self) -> None:
        if self._resampler is not None:
            for piece in self._resampler(None):
                self._put(bytes(piece.planes[0])[: 2 * piece.samples])
            self._resampler = None

    def _silence(self, samples: int) -> None:
        while samples > 0:
            step = min(samples, BLOCK)
            self._write(bytes(2 * step))
            samples -= step

    def _put(self, data: bytes) -> None:
        dropped = min(self._drop, len(data) // 2)
        self._drop -= dropped
        self._skipped += dropped
        if self._skipped >= SKIPPED:
            self._skipped -= SKIPPED
            send(b"S", b"")
        self._write(data[2 * dropped :])

    def _write(self, data: bytes) -> None:
        data = data[: 2 * max(0, self._last - self._out)]
        self._out += len(data) // 2
        self._pending += data
        self._send(final=False)
        if self._whole and self._out >= self._last:
            raise unreadable(f"its sound goes on past {MAX_HOURS} hours")

    def _send(self, *, final: bool) -> None:
        while len(self._pending) >= 2 * BLOCK or (final and self._pending):
            send(b"A", bytes(self._pending[: 2 * BLOCK]))
            del self._pending[: 2 * BLOCK]


def resampler(av: Any, shape: tuple[str, str, int]) -> Callable[[Any], list[Any]]:
    """To mono 16 kHz. Tracks whose channels have no named places are mixed evenly."""
    layout = av.AudioLayout(shape[1]) if not re.fullmatch(r"\d+ channels.*", shape[1]) else None
    if layout is not None:
        return Gathered(av, shape[2]).resample
    return Mix(av, shape).resample


class Gathered:
    """Frames resampled half a second at a time: to call for each of twenty milliseconds costs more than the work."""

    def __init__(self, av: Any, rate: int) -> None:
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._frames = av.AudioFifo()
        self._least = rate // 2  # samples

    def resample(self, frame: Any) -> list[Any]:
        """Pieces that are ready; all that is left for None."""
        if frame is not None:
            frame.pts = None  # where it lies is settled; the queue would want to check it
            self._frames.write(frame)
            if self._frames.samples < self._least:
                return []
        gathered = self._frames.read(partial=True)
        pieces: list[Any] = self._resampler.resample(gathered) if gathered is not None else []
        return pieces if frame is not None else [*pieces, *self._resampler.resample(None)]


class Mix:
    """Evenly mixed mono of a track of n unnamed channels."""

    def __init__(self, av: Any, shape: tuple[str, str, int]) -> None:
        count = int(shape[1].split()[0])
        self._again = (av.error.BlockingIOError, av.error.EOFError)
        self._graph = av.filter.Graph()
        source = self._graph.add("abuffer", sample_fmt=shape[0], channel_layout=shape[1], sample_rate=str(shape[2]))
        mix = self._graph.add("pan", "mono|c0=" + "+".join(f"{1 / count:.6f}*c{n}" for n in range(count)))
        shaped = self._graph.add("aformat", sample_rates=str(RATE), sample_fmts="s16", channel_layouts="mono")
        sink = self._graph.add("abuffersink")
        source.link_to(mix)
        mix.link_to(shaped)
        shaped.link_to(sink)
        self._graph.configure()

    def resample(self, frame: Any) -> list[Any]:
        self._graph.push(frame)
        pieces: list[Any] = []
        while True:
            try:
                pieces.append(self._graph.pull())
            except self._again:
                return pieces


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except BrokenPipeError:
        sys.exit(1)
