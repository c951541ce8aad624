"""What FFmpeg may open, and how it reads the recording: whitelists, and one descriptor of ours."""

import errno
import importlib
import os
import pkgutil
import struct
from collections.abc import Callable
from typing import Any

from archivist_transcriber.audio.decoder.messages import MAX_STREAMS, unreadable

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
PROTOCOLS = "pipe"
"""What FFmpeg may read by itself: nothing. It is handed the recording by `Source`."""
SEEKABLE = frozenset(["mov", "matroska", "mpegts", "mxf", "wav", "w64", "aiff", "flac", "ogg"])
"""Containers whose times are true after a seek. The others are decoded from their beginning."""
DECLARING = frozenset(["mov", "matroska", "wav", "w64", "aiff", "flac", "mxf", "caf", "au", "avi"])
"""Containers that say how long they are, so that a cut-off one can be told."""
ANEW = frozenset(["mpegts", "mpeg"])
"""Containers whose clock may start anew on the way. FFmpeg takes a step back for the counter's turn, 26 hours on."""


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


def check_index(container: Any, source: Source) -> None:
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


ANNOUNCED: dict[str, Callable[[Source], int | None]] = {
    "wav": _wav_size,
    "w64": _w64_size,
    "avi": _avi_size,
    "matroska": _matroska_size,
}
"""Containers whose head says how many bytes they have."""
