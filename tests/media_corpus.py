"""Odd and hostile recordings, made from nothing: `python -m tests.media_corpus FOLDER` writes and lists them.

CASES says for each what is wrong with it and what must come of it. The same bytes on every run. What PyAV would
not write is put together by hand from the formats' own words (ISO 14496-12 boxes, Matroska elements, RIFF chunks).
"""

import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np

from tests import media_factory as factory
from tests.media_factory import Track

SECONDS = 10
"""Length of a recording with nothing wrong."""
HOUR = 3600
REFUSED, SILENT = "MEDIA_UNREADABLE", "NO_AUDIO_TRACK"


@dataclass(frozen=True, slots=True)
class Bait:
    """What files that point elsewhere point to. No decoder may open the file or call the address."""

    file: Path
    http: str


NOWHERE = Bait(Path("/var/empty/archivist-canary.ts"), "http://127.0.0.1:9")


@dataclass(frozen=True, slots=True)
class Case:
    """A file. outcome: a code of errors.py, or `ok`; seconds: least and most of sound then. points: to the bait."""

    name: str
    make: Callable[[Bait], bytes]
    outcome: str
    seconds: tuple[float, float] = (0, 0)
    points: bool = False


def write(folder: Path, bait: Bait = NOWHERE) -> None:
    """All of CASES as files in a folder."""
    for case in CASES:
        (folder / case.name).write_bytes(case.make(bait))


# Recordings with nothing wrong


@cache
def whole(
    suffix: str, seconds: float = SECONDS, start: float = 0.0, rate: int | None = None, **options: str
) -> bytes:
    """A recording of a tone; with a picture where the container is for pictures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        film = suffix in {".mp4", ".mov", ".mkv", ".mxf", ".avi"}
        sound = Track(factory.tone(seconds), start=start)
        exact = {"fflags": "+bitexact"} | options
        factory.write(path, sound, video=seconds if film else None, video_start=start, rate=rate, options=exact)
        return path.read_bytes()


def made(suffix: str, *tracks: np.ndarray | Track, **how: object) -> Callable[[Bait], bytes]:
    """The bytes of a recording as `media_factory.write` makes it."""

    def make(_: Bait) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            exact = {"fflags": "+bitexact"}
            return factory.write(Path(folder) / f"a{suffix}", *tracks, options=exact, **how).read_bytes()

    return make


def plain(data: bytes | Callable[[], bytes]) -> Callable[[Bait], bytes]:
    return lambda _: data() if callable(data) else data


def cut(suffix: str, at: float) -> Callable[[Bait], bytes]:
    """A recording that ends early. at: bytes, or the share of the file that is left."""

    def make(_: Bait) -> bytes:
        data = whole(suffix)
        return data[: int(at) if at >= 1 else int(len(data) * at)]

    return make


def noise(count: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(count)


def pcm(seconds: float, rate: int = 16_000, channels: int = 1) -> bytes:
    """A tone as 16-bit little-endian samples."""
    t = np.arange(int(seconds * rate)) / rate
    tone = (np.sin(2 * np.pi * 440 * t) * 9_000).astype("<i2")
    return np.repeat(tone, channels).tobytes()


# RIFF


def wav(
    data: bytes,
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    kind: int = 1,
    align: int | None = None,
    before: bytes = b"",
    riff: int | None = None,
    announced: int | None = None,
) -> bytes:
    align = channels * bits // 8 if align is None else align
    fmt = struct.pack("<HHIIHH", kind, channels, rate, rate * align & 0xFFFF_FFFF, align, bits)
    body = b"WAVE" + chunk(b"fmt ", fmt) + before
    body += b"data" + struct.pack("<I", len(data) if announced is None else announced) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data + bytes(len(data) % 2)


def patched(suffix: str, old: bytes, new: bytes, *, skip: int = 0, count: int = 1) -> Callable[[Bait], bytes]:
    """A recording in which some bytes, `skip` behind each of the first `count` places of `old`, are others."""

    def make(_: Bait) -> bytes:
        data = bytearray(whole(suffix))
        at = -1
        for _n in range(count):
            at = data.index(old, at + 1)
            data[at + skip : at + skip + len(new)] = new
        return bytes(data)

    return make


# ISO base media and QuickTime


def box(name: bytes, *parts: bytes, size: int | None = None) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body) if size is None else size) + name + body


def full(name: bytes, *parts: bytes) -> bytes:
    return box(name, bytes(4), *parts)


def mov(
    *,
    seconds: int = SECONDS,
    timescale: int = 16_000,
    delta: int = 1,
    samples: int | None = None,
    offset: int | None = None,
    dref: bytes = struct.pack(">I4sI", 12, b"url ", 1),
    entry: bytes = b"sowt",
    edits: bytes = b"",
    more: bytes = b"",
    movie_scale: int = 1_000,
) -> bytes:
    """A QuickTime file of plain samples. offset: where the index says that they lie. more: boxes beside the track."""
    data = pcm(seconds)
    count = len(data) // 2 if samples is None else samples
    duration = min(count * delta, 0xFFFF_FFFF)
    ftyp = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    at = len(ftyp) + 8 if offset is None else offset
    sound = bytes(6) + struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, 16_000 << 16)
    stbl = box(
        b"stbl",
        full(b"stsd", struct.pack(">I", 1), box(entry, sound)),
        full(b"stts", struct.pack(">III", 1, count, delta)),
        full(b"stsc", struct.pack(">IIII", 1, 1, count, 1)),
        full(b"stsz", struct.pack(">II", 2, count)),
        full(b"stco", struct.pack(">II", 1, at)),
    )
    minf = box(b"minf", full(b"smhd", bytes(4)), box(b"dinf", full(b"dref", struct.pack(">I", 1), dref)), stbl)
    mdia = box(
        b"mdia",
        full(b"mdhd", struct.pack(">IIIIHH", 0, 0, timescale, duration, 0, 0)),
        full(b"hdlr", b"mhlrsoun", bytes(13)),
        minf,
    )
    tkhd = full(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, 1_000 * seconds), bytes(60))
    mvhd = full(b"mvhd", struct.pack(">IIII", 0, 0, movie_scale, 1_000 * seconds), bytes(80))
    return ftyp + box(b"mdat", data) + box(b"moov", mvhd, box(b"trak", tkhd, edits, mdia), more)


def edit(duration: int, start: int) -> bytes:
    return box(b"edts", full(b"elst", struct.pack(">IIiI", 1, duration, start, 0x1_0000)))


def nested(name: bytes, depth: int, inner: bytes = b"") -> bytes:
    for _ in range(depth):
        inner = box(name, inner)
    return inner


def alias(path: Path) -> bytes:
    """A QuickTime data reference: a Macintosh alias that ends in a UNIX path."""
    text = str(path).encode()
    tail = struct.pack(">HH", 2, len(text)) + text + bytes(len(text) % 2)
    tail += struct.pack(">HH", 18, len(text)) + text + bytes(len(text) % 2) + struct.pack(">hH", -1, 0)
    head = bytes(4) + struct.pack(">HH", 150 + len(tail), 2) + bytes(2) + b"\x04Disk".ljust(28, b"\0") + bytes(12)
    name = path.name.encode()[:63]
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    return box(b"alis", bytes(4), head, tail)


def encrypted(entry: bytes, scheme: bytes) -> bytes:
    """An MP4 whose sound says it is protected, and is noise without a key."""
    data = bytearray(whole(".mp4"))
    at = data.index(b"mp4a")
    data[at : at + 4] = entry
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[begin:end] = noise(end - begin)
    sinf = box(b"sinf", box(b"frma", b"mp4a"), full(b"schm", scheme, bytes(4)))
    return bytes(data) + box(b"free", sinf)


# Matroska


def element(identifier: int, *parts: bytes, size: int | None = None) -> bytes:
    """size: what it says it holds, up to 2**56 - 1, which means `not known`."""
    body = b"".join(parts)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + b"\x01" + (len(body) if size is None else size).to_bytes(7, "big") + body


def number(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(8, "big"))


def text(identifier: int, value: str) -> bytes:
    return element(identifier, value.encode())


def mkv(
    *,
    times: list[int] | None = None,
    duration: float | None = None,
    scale: int = 1_000_000,
    info: bytes = b"",
    encoding: bytes = b"",
    block: bytes | None = None,
    segment: int | None = None,
    after: bytes = b"",
) -> bytes:
    """Plain samples in clusters of a second. times: at which milliseconds each begins. block: what it holds."""
    head = element(0x1A45DFA3, text(0x4282, "matroska"), number(0x4287, 4), number(0x4285, 2))
    length = b"" if duration is None else element(0x4489, struct.pack(">d", duration))
    about = element(0x1549A966, number(0x2AD7B1, scale), length, info)
    sound = element(0xE1, element(0xB5, struct.pack(">d", 16_000.0)), number(0x9F, 1), number(0x6264, 16))
    track = [number(0xD7, 1), number(0x73C5, 1), number(0x83, 2), text(0x86, "A_PCM/INT/LIT"), encoding, sound]
    tracks = element(0x1654AE6B, element(0xAE, *track))
    second = pcm(1) if block is None else block
    places = [1_000 * n for n in range(SECONDS)] if times is None else times
    clusters = [element(0x1F43B675, number(0xE7, t), element(0xA3, b"\x81\0\0\x80" + second)) for t in places]
    return head + element(0x18538067, about, tracks, *clusters, after, size=segment)


def zipped_block(size: int) -> Callable[[], bytes]:
    """Sound compressed a thousandfold by zlib, as Matroska allows."""
    encoding = element(
        0x6D80,
        element(0x6240, number(0x5031, 0), number(0x5032, 1), number(0x5033, 0), element(0x5034, number(0x4254, 0))),
    )
    return lambda: mkv(encoding=encoding, block=zlib.compress(bytes(size), 9))


# Other containers


def ts_packet(pid: int, payload: bytes, counter: int = 0) -> bytes:
    """One transport packet that begins a section or a PES packet."""
    return struct.pack(">BHB", 0x47, 0x4000 | pid, 0x10 | counter) + payload[:184].ljust(184, b"\xff")


def programmes(count: int) -> bytes:
    """A programme table that names tables which are not there, over and over."""
    rows = b"".join(struct.pack(">HH", n + 1, 0xE000 | 0x20 + n) for n in range(40))
    section = b"\x00" + struct.pack(">HHBBB", 0xB000 | len(rows) + 9, 1, 0xC1, 0, 0) + rows
    return b"".join(ts_packet(0, b"\0" + section + bytes(4), n % 16) for n in range(count))


def ogg(pages: list[tuple[int, int, int, bytes]]) -> bytes:
    """Pages of (flags, granule position, serial number, packet); the checksums are wrong."""
    out = b""
    for n, (flags, position, serial, data) in enumerate(pages):
        lacing = bytes([255] * (len(data) // 255) + [len(data) % 255])
        out += b"OggS" + struct.pack("<BBqIIIB", 0, flags, position, serial, n, 0, len(lacing)) + lacing + data
    return out


def flac(*blocks: tuple[int, bytes], samples: int | None = None, length: int | None = None) -> bytes:
    """A FLAC file with other metadata: (kind, bytes) blocks. samples: claimed. length: of the last block."""
    data = bytearray(whole(".flac"))
    if samples is not None:
        rest = int.from_bytes(data[18:26], "big")
        data[18:26] = (rest >> 36 << 36 | samples).to_bytes(8, "big")
    data[4] &= 0x7F
    at = 42
    while not data[at] & 0x80:
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    frames = data[at + 4 + int.from_bytes(data[at + 1 : at + 4], "big") :]
    inner = b""
    for n, (kind, body) in enumerate([*blocks, (1, bytes(8))]):
        last = n == len(blocks)
        size = length if length is not None and last else len(body)
        inner += bytes([kind | (0x80 if last else 0)]) + size.to_bytes(3, "big") + body
    return bytes(data[:42]) + inner + bytes(frames)


def id3(frames: bytes, announced: int | None = None) -> bytes:
    size = len(frames) if announced is None else announced
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames


def frame(name: bytes, body: bytes) -> bytes:
    return name + bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(2) + body


# Pictures, archives, programs


def png(width: int, height: int) -> bytes:
    """A picture that unpacks to as many bytes as it claims: a bomb where the claim is large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000_000), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def zip_archive() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.wav", (2000, 1, 1, 0, 0, 0)), wav(bytes(1_000_000)))
    return out.getvalue()


def program() -> bytes:
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    return head + noise(20_000)


def dolby_e() -> bytes:
    """Frames of Dolby E as they lie in a pair of PCM channels (SMPTE 337): noise to who does not know."""
    frames = [struct.pack("<HHHH", 0xF872, 0x4E1F, 0x001C, 6_000) + noise(7_672, seed=n) for n in range(25 * SECONDS)]
    return wav(b"".join(frames), rate=48_000, channels=2)


# Files that point elsewhere


def words(form: str) -> Callable[[Bait], bytes]:
    """A text in which FILE, HTTP and HOST stand for the bait."""

    def make(bait: Bait) -> bytes:
        host = bait.http.removeprefix("http://").partition(":")[0]
        return form.replace("FILE", str(bait.file)).replace("HTTP", bait.http).replace("HOST", host).encode()

    return make


HLS = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">'
    '<Period duration="PT4S"><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="64000">'
    '<BaseURL>URL</BaseURL><SegmentList duration="4"><SegmentURL media="URL"/></SegmentList>'
    "</Representation></AdaptationSet></Period></MPD>"
)
SDP = (
    "v=0\r\no=- 0 0 IN IP4 HOST\r\ns=x\r\nc=IN IP4 HOST\r\nt=0 0\r\n"
    "m=audio 40004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
IMF = (
    '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    "<Id>urn:uuid:00000000-0000-0000-0000-000000000000</Id><ContentTitle>FILE</ContentTitle>"
    "<EditRate>25 1</EditRate><SegmentList/></CompositionPlaylist>"
)


def pointing(name: str, make: Callable[[Bait], bytes], outcome: str = REFUSED, *seconds: float) -> Case:
    return Case(name, make, outcome, (seconds[0], seconds[1]) if seconds else (0, 0), points=True)


def reference_movie(target: Callable[[Bait], bytes]) -> Callable[[Bait], bytes]:
    """A QuickTime movie that is only the address of another (`rmra`)."""

    def make(bait: Bait) -> bytes:
        address = target(bait) + b"\0"
        reference = full(b"rdrf", b"url ", struct.pack(">I", len(address)), address)
        return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))

    return make


POINTING = [
    pointing("hls-to-a-file.m3u8", words(HLS + "#EXTINF:4,\nfile://FILE\n#EXT-X-ENDLIST\n")),
    pointing("hls-to-a-bare-path.m3u8", words(HLS + "#EXTINF:4,\nFILE\n#EXT-X-ENDLIST\n")),
    pointing("hls-to-an-address.mp4", words(HLS + "#EXTINF:4,\nHTTP/a.ts\n#EXT-X-ENDLIST\n")),
    pointing("hls-of-hls.m3u8", words("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nHTTP/list.m3u8\n")),
    pointing(
        "hls-key-from-an-address.m3u8", words(HLS + '#EXT-X-KEY:METHOD=AES-128,URI="HTTP/key"\n#EXTINF:4,\nFILE\n')
    ),
    pointing(
        "hls-key-from-a-file.m3u8", words(HLS + '#EXT-X-KEY:METHOD=AES-128,URI="FILE"\n#EXTINF:4,\nHTTP/a.ts\n')
    ),
    pointing(
        "hls-map-from-a-file.m3u8", words(HLS + '#EXT-X-MAP:URI="FILE"\n#EXTINF:4,\nHTTP/a.m4s\n#EXT-X-ENDLIST\n')
    ),
    pointing(
        "hls-other-rendition.m3u8",
        words(
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="FILE"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nHTTP/b.m3u8\n'
        ),
    ),
    pointing("hls-by-concat-protocol.m3u8", words(HLS + "#EXTINF:4,\nconcat:FILE|FILE\n#EXT-X-ENDLIST\n")),
    pointing(
        "hls-by-subfile-protocol.m3u8", words(HLS + "#EXTINF:4,\nsubfile,,start,0,end,64,,:FILE\n#EXT-X-ENDLIST\n")
    ),
    pointing("hls-by-crypto-protocol.m3u8", words(HLS + "#EXTINF:4,\ncrypto+file:FILE\n#EXT-X-ENDLIST\n")),
    pointing("hls-behind-id3.mp3", lambda b: id3(b"") + words(HLS + "#EXTINF:4,\nFILE\n#EXT-X-ENDLIST\n")(b)),
    pointing("hls-behind-transport-packets.ts", lambda b: programmes(2) + words(HLS + "#EXTINF:4,\nHTTP/a.ts\n")(b)),
    pointing("ffconcat-to-a-file.ffconcat", words("ffconcat version 1.0\nfile 'FILE'\n")),
    pointing("ffconcat-to-an-address.mp4", words("ffconcat version 1.0\nfile 'HTTP/a.ts'\n")),
    pointing("concat-protocol.txt", words("concat:FILE|FILE\n")),
    pointing("dash-to-a-file.mpd", words(DASH.replace("URL<", "file://FILE<").replace('"URL"', '"FILE"'))),
    pointing("dash-to-an-address.mpd", words(DASH.replace("URL<", "HTTP/<").replace('"URL"', '"HTTP/a.m4s"'))),
    pointing(
        "dash-with-entity.mpd",
        words('<!DOCTYPE MPD [<!ENTITY x SYSTEM "file://FILE">]>' + DASH.replace("URL<", "&x;<")),
    ),
    pointing("sdp-that-listens.sdp", words(SDP)),
    pointing("imf-composition.xml", words(IMF)),
    pointing("asx-playlist.asx", words('<asx version="3.0"><entry><ref href="HTTP/a"/></entry></asx>')),
    pointing("asf-reference.asf", words("[Reference]\r\nRef1=HTTP/a?MSWMExt=.asf\r\nRef2=FILE\r\n")),
    pointing(
        "vobsub-index.idx", words("# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n# FILE\n")
    ),
    pointing(
        "subtitles-with-font.ass",
        words("[Script Info]\nScriptType: v4.00+\n[Events]\nDialogue: 0,0:00:00.00,0:00:09.00,,,0,0,0,,FILE\n"),
    ),
    pointing("captions.vtt", words("WEBVTT\n\n00:00.000 --> 00:09.000\nfile://FILE\n")),
    pointing(
        "web-page.html", words('<html><body><video src="HTTP/a.mp4"></video><img src="file://FILE"></body></html>')
    ),
    pointing("mov-samples-in-another-file.mov", lambda b: mov(dref=alias(b.file))),
    pointing(
        "mov-samples-at-an-address.mov",
        lambda b: mov(dref=box(b"url ", bytes(4), f"{b.http}/a".encode(), b"\0")),
        "ok",
        10,
        10,
    ),
    pointing("mov-reference-to-a-file.mov", reference_movie(words("file://FILE"))),
    pointing("mov-reference-to-an-address.mov", reference_movie(words("HTTP/a.mov"))),
    pointing(
        "mkv-next-segment-elsewhere.mkv",
        lambda b: mkv(info=text(0x3E83BB, str(b.file)) + text(0x3C83AB, str(b.file))),
        "ok",
        9.9,
        10.1,
    ),
    pointing(
        "mp3-link-in-tag.mp3",
        lambda b: (
            id3(
                frame(b"APIC", b"\0-->\0\3\0" + f"{b.http}/a.png".encode())
                + frame(b"WXXX", b"\0\0" + b.http.encode())
            )
            + whole(".mp3")
        ),
        "ok",
        9.9,
        10.2,
    ),
]


# Everything

CUT = [
    *(Case(f"head-only{suffix}", cut(suffix, 40), REFUSED) for suffix in (".mp4", ".mkv", ".ts", ".wav", ".mp3")),
    *(
        Case(f"{at}{suffix}", cut(suffix, share), *(outcome,) if outcome == REFUSED else ("ok", outcome))
        for suffix, half, nearly in [
            (".mp4", REFUSED, REFUSED),
            (".mov", REFUSED, REFUSED),
            (".mkv", REFUSED, REFUSED),
            (".mxf", REFUSED, (9, 10.1)),
            (".wav", REFUSED, REFUSED),
            (".w64", REFUSED, REFUSED),
            (".flac", REFUSED, (9, 10.1)),
            (".avi", REFUSED, (9, 10.1)),
            (".ogg", (4, 6), (8.9, 10.1)),
            (".ts", (4, 6), (9, 10.1)),
            (".mpg", (4, 6), (9, 10.1)),
            (".mp3", (4, 6), (9, 10.1)),
            (".aac", (4, 6), (9, 10.1)),
            (".ac3", (4, 6), (9, 10.1)),
        ]
        for at, share, outcome in [("half", 0.5, half), ("end-missing", 0.97, nearly)]
    ),
]
"""Recordings that end early. Of containers that do not say how long they are, the rest is heard."""

DISGUISED = [
    Case("empty.mp4", plain(b""), REFUSED),
    Case("one-byte.mp4", plain(b"\0"), REFUSED),
    Case("zeros.mp4", plain(bytes(200_000)), REFUSED),
    Case("sync-bytes-only.ts", plain((b"G" + bytes(187)) * 2_000), REFUSED),
    Case("noise.mp3", plain(partial(noise, 200_000)), REFUSED),
    Case("text.mp4", plain(b"This is not a recording.\n" * 5_000), REFUSED),
    Case("picture.mp4", plain(partial(png, 16, 16)), REFUSED),
    Case("picture-bomb.mp4", plain(partial(png, 100_000, 100_000)), REFUSED),
    Case(
        "animation.mp4",
        plain(b"GIF89a\x10\0\x10\0\x80\0\0" + bytes(6) + b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0;"),
        REFUSED,
    ),
    Case("archive.mp4", plain(zip_archive), REFUSED),
    Case("program.mp4", plain(program), REFUSED),
    Case("a-wav-named.mp4", plain(lambda: wav(pcm(10))), "ok", (10, 10)),
    Case("an-mp4-named.wav", plain(lambda: whole(".mp4")), "ok", (9.9, 10.1)),
    Case("bild-🎥-Ünïcödé-\u202egpj.wav", plain(lambda: wav(pcm(1))), "ok", (1, 1)),
    Case("two\nlines\r\t.wav", plain(lambda: wav(pcm(1))), "ok", (1, 1)),
    Case("-i %03d $(reboot) `x` ;&|.wav", plain(lambda: wav(pcm(1))), "ok", (1, 1)),
    Case("http:__127.0.0.1_a.m3u8", plain(lambda: wav(pcm(1))), "ok", (1, 1)),
    Case("n" * 251 + ".wav", plain(lambda: wav(pcm(1))), "ok", (1, 1)),
]

SOUND = [
    Case("no-sound.mp4", made(".mp4", video=2), SILENT),
    Case(
        "no-track-at-all.mp4",
        lambda _: box(b"ftyp", b"isom", bytes(4)) + box(b"moov", full(b"mvhd", bytes(96))),
        REFUSED,
    ),
    Case("sound-of-no-length.wav", plain(lambda: wav(b"")), REFUSED),
    Case("sound-of-no-length.mkv", made(".mkv", factory.silence(0), video=2), "ok", (0, 0)),
    Case("all-silence.mp4", made(".mp4", factory.silence(5), video=5), "ok", (4.9, 5.1)),
    Case("sixteen-channels.wav", plain(lambda: wav(pcm(2, 48_000, 16), rate=48_000, channels=16)), "ok", (2, 2)),
    Case("seventeen-channels.wav", plain(lambda: wav(pcm(1, 16_000, 17), channels=17)), REFUSED),
    Case("65535-channels.wav", plain(lambda: wav(pcm(1), channels=65_535, align=2)), REFUSED),
    Case("384-khz.wav", plain(lambda: wav(pcm(2, 384_000), rate=384_000)), "ok", (2, 2)),
    Case("768-khz.wav", plain(lambda: wav(pcm(1, 768_000), rate=768_000)), REFUSED),
    Case("4-khz.wav", plain(lambda: wav(pcm(5, 4_000), rate=4_000)), "ok", (4.99, 5.01)),
    Case("no-rate.wav", plain(lambda: wav(pcm(1), rate=0)), REFUSED),
    Case(
        "not-a-number.wav",
        plain(lambda: wav(struct.pack("<f", float("nan")) * 16_000, bits=32, kind=3)),
        "ok",
        (1, 1),
    ),
    Case("dolby-e-as-samples.wav", plain(dolby_e), "ok", (10, 10)),
    Case("rate-changes.aac", lambda _: whole(".aac", 5) + whole(".aac", 5, rate=22_050), "ok", (7.5, 10.3)),
    Case("rate-changes.mp3", lambda _: whole(".mp3", 5) + whole(".mp3", 5, rate=16_000), "ok", (9.9, 10.3)),
    Case("chained-streams.ogg", lambda _: whole(".ogg", 12) * 2, "ok", (23.9, 24.1)),
    Case(
        "variable-rate-without-header.mp3",
        lambda _: whole(".mp3", 5, write_xing="0") + noise(3_000) + whole(".mp3", 5, rate=48_000, write_xing="0"),
        "ok",
        (9.7, 10.3),
    ),
    Case("two-tracks.mp4", made(".mp4", factory.tone(5), factory.tone(5, 880), video=5), "ok", (4.9, 5.1)),
    Case("thirty-two-streams.mkv", made(".mkv", *[factory.tone(0.2)] * 32), "ok", (0.19, 0.25)),
    Case("forty-streams.mkv", made(".mkv", *[factory.tone(0.1)] * 40), REFUSED),
    Case("late-sound.mp4", made(".mp4", Track(factory.tone(5), start=3), video=8), "ok", (7.9, 8.1)),
    Case("early-sound.ts", made(".ts", factory.tone(5), video=4, video_start=1), "ok", (3.9, 4.1)),
    Case("hole-in-sound.mkv", made(".mkv", Track(factory.tone(6), gap=(2, 4)), video=6), "ok", (5.9, 6.1)),
    Case("picture-attached.m4a", lambda _: whole(".m4a") + box(b"free", png(9, 9)), "ok", (9.9, 10.1)),
    Case(
        "picture-bomb-attached.mp3",
        lambda _: id3(frame(b"APIC", b"\0image/png\0\3\0" + png(100_000, 100_000))) + whole(".mp3"),
        "ok",
        (9.9, 10.1),
    ),
    Case(
        "picture-bomb-attached.flac",
        plain(
            lambda: flac(
                (
                    6,
                    struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 2**31 - 1, 2**31 - 1, 32, 0, 70_000)
                    + png(2**31 - 1, 2**31 - 1).ljust(70_000, b"\0"),
                )
            )
        ),
        "ok",
        (10, 10),
    ),
]

CLOCKS = [
    Case(
        "clock-jumps-ahead-20-hours.ts",
        lambda _: whole(".ts", 5) + whole(".ts", 5, start=20 * HOUR),
        "ok",
        (9.9, 10.3),
    ),
    Case("clock-jumps-back-1-hour.ts", lambda _: whole(".ts", 5, start=HOUR) + whole(".ts", 5), "ok", (9.9, 10.3)),
    Case(
        "clock-jumps-back-20-hours.ts",
        lambda _: whole(".ts", 5, start=20 * HOUR) + whole(".ts", 5),
        "ok",
        (9.9, 10.3),
    ),
    Case("clock-starts-anew-every-12-seconds.ts", lambda _: whole(".ts", 12) * 3, "ok", (35.9, 36.2)),
    Case(
        "clock-jumps-ahead-100-hours.mkv", plain(lambda: mkv(times=[0, 1_000, 100 * HOUR * 1_000])), "ok", (2.9, 3.1)
    ),
    Case("clock-jumps-ahead-1-hour.mkv", plain(lambda: mkv(times=[0, 1_000, HOUR * 1_000])), "ok", (2.9, 3_602)),
    Case(
        "clock-jumps-back-100-hours.mkv",
        plain(lambda: mkv(times=[100 * HOUR * 1_000, 100 * HOUR * 1_000 + 1_000, 0, 1_000])),
        "ok",
        (3.9, 4.1),
    ),
    Case(
        "clock-runs-backwards.mkv",
        plain(lambda: mkv(times=[60_000 * n for n in range(9, -1, -1)])),
        "ok",
        (9.9, 10.1),
    ),
    Case("clock-stands-still.mkv", plain(lambda: mkv(times=[0] * 10)), REFUSED),
    Case(
        "starts-after-90-hours.mkv",
        plain(lambda: mkv(times=[90 * HOUR * 1_000 + 1_000 * n for n in range(5)])),
        "ok",
        (4.9, 5.1),
    ),
    Case("starts-before-zero.mov", plain(lambda: mov(edits=edit(10_000, 16_000))), "ok", (8.9, 10.1)),
    Case("edit-starts-far-before-zero.mov", plain(lambda: mov(edits=edit(10_000, -(2**31)))), REFUSED),
    Case("claims-10000-hours.mkv", plain(lambda: mkv(duration=10_000 * HOUR * 1_000.0)), REFUSED),
    Case("claims-less-than-nothing.mkv", plain(lambda: mkv(duration=-1e18)), "ok", (9.9, 10.1)),
    Case("claims-25-hours.mov", plain(lambda: mov(delta=16_000 * 25 * HOUR // (16_000 * SECONDS))), REFUSED),
    Case("claims-10000-hours.flac", plain(lambda: flac(samples=16_000 * 10_000 * HOUR)), REFUSED),
    Case("claims-an-hour-has-seconds.flac", plain(lambda: flac(samples=16_000 * HOUR)), REFUSED),
    Case("clock-of-no-unit.mov", plain(lambda: mov(timescale=0, movie_scale=0)), REFUSED),
    Case("clock-unit-huge.mkv", plain(lambda: mkv(scale=2**63)), REFUSED),
]

STRUCTURE = [
    Case(
        "box-of-4-gigabytes.mov",
        lambda _: box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", mov()[40:], size=2**32 - 1),
        REFUSED,
    ),
    Case(
        "box-of-8-exabytes.mov",
        lambda _: box(b"ftyp", b"qt  ", bytes(4)) + b"\0\0\0\1moov" + struct.pack(">Q", 2**63 - 1),
        REFUSED,
    ),
    Case("boxes-in-boxes.mov", lambda _: box(b"ftyp", b"qt  ", bytes(4)) + nested(b"moov", 2_000), REFUSED),
    Case(
        "ten-thousand-empty-tracks.mp4",
        lambda _: box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"trak") * 10_000),
        REFUSED,
    ),
    Case("index-past-the-end.mov", plain(lambda: mov(offset=2**31)), REFUSED),
    Case("index-of-4-billion-samples.mov", plain(lambda: mov(samples=2**32 - 1)), "ok", (0, 10.1)),
    Case("index-into-itself.mov", plain(lambda: mov(offset=0)), "ok", (9.9, 10.1)),
    Case("sample-entry-unknown.mov", plain(lambda: mov(entry=b"\0\xff?!")), REFUSED),
    Case("fragmented.mp4", plain(lambda: whole(".mp4", movflags="frag_keyframe+empty_moov")), "ok", (9.9, 10.1)),
    Case("fragmented-and-cut.mp4", lambda _: whole(".mp4", movflags="frag_keyframe+empty_moov")[:60_000], REFUSED),
    Case("encrypted.mp4", lambda _: encrypted(b"enca", b"cenc"), REFUSED),
    Case("protected-purchase.m4p", lambda _: encrypted(b"drms", b"itun"), REFUSED),
    Case("element-of-72-petabytes.mkv", plain(lambda: mkv(segment=2**56 - 2)), REFUSED),
    Case("element-of-unknown-size.mkv", plain(lambda: mkv(segment=2**56 - 1)), "ok", (9.9, 10.1)),
    Case(
        "elements-in-elements.mkv",
        lambda _: (
            element(0x1A45DFA3, text(0x4282, "matroska")) + element(0x18538067, b"\x18\x53\x80\x67\xff" * 5_000)
        ),
        REFUSED,
    ),
    Case("void-of-a-terabyte.mkv", plain(lambda: mkv(after=element(0xEC, size=2**40))), "ok", (9.9, 10.1)),
    Case("sound-zipped-a-thousandfold.mkv", plain(zipped_block(3_000_000)), "ok", (900, 950)),
    Case("sound-zipped-past-memory.mkv", plain(zipped_block(90_000_000)), REFUSED),
    Case(
        "sound-zipped-badly.mkv",
        lambda _: mkv(
            encoding=element(0x6D80, element(0x6240, element(0x5034, number(0x4254, 0)))), block=noise(32_000)
        ),
        REFUSED,
    ),
    Case("size-of-riff-wrong.wav", plain(lambda: wav(pcm(10), riff=4)), "ok", (10, 10)),
    Case("size-not-known.wav", plain(lambda: wav(pcm(10), announced=0xFFFF_FFFF, riff=0xFFFF_FFFF)), "ok", (10, 10)),
    Case("size-4-gigabytes.wav", plain(lambda: wav(pcm(10), announced=0xFFFF_FFF0)), REFUSED),
    Case("size-zero-with-sound.wav", plain(lambda: wav(pcm(10), announced=0)), "ok", (10, 10)),
    Case("block-of-no-bytes.wav", plain(lambda: wav(pcm(10), align=0)), "ok", (10, 10)),
    Case("codec-unknown.wav", plain(lambda: wav(pcm(1), kind=0x7A21)), REFUSED),
    Case("adpcm-of-no-block.wav", plain(lambda: wav(pcm(1), kind=0x11, bits=4, align=0)), "ok", (0, 1.1)),
    Case(
        "chunk-of-4-gigabytes-first.wav", plain(lambda: wav(pcm(1), before=chunk(b"junk", b"", 0xFFFF_FFFE))), REFUSED
    ),
    Case(
        "ten-thousand-chunks-first.wav", plain(lambda: wav(pcm(1), before=chunk(b"junk", b"") * 10_000)), "ok", (1, 1)
    ),
    Case("no-format.wav", lambda _: b"RIFF\0\0\1\0WAVE" + chunk(b"data", pcm(1)), REFUSED),
    Case("frames-of-no-length.aac", plain(b"\xff\xf1\x50\x80\x00\x1f\xfc" * 5_000), REFUSED),
    Case(
        "seek-table-to-nowhere.flac",
        plain(lambda: flac((3, struct.pack(">QQH", 2**62, 2**62, 4_096) * 900))),
        "ok",
        (10, 10),
    ),
    Case(
        "tag-of-4-billion-comments.flac", plain(lambda: flac((4, struct.pack("<II", 0, 2**32 - 1)))), "ok", (10, 10)
    ),
    Case("metadata-past-the-end.flac", plain(lambda: flac(length=0xFF_FFFF)), REFUSED),
    Case("tag-past-the-end.mp3", lambda _: id3(frame(b"TIT2", b"\0x"), 2**28 - 1) + whole(".mp3"), REFUSED),
    Case(
        "ten-thousand-tags.mp3",
        lambda _: id3(frame(b"TXXX", b"\0a\0" + b"x" * 90) * 10_000) + whole(".mp3"),
        "ok",
        (9.9, 10.1),
    ),
    Case(
        "position-huge.ogg",
        plain(
            lambda: ogg(
                [
                    (2, 0, 1, b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0"),
                    (0, 0, 1, b"OpusTags" + bytes(8)),
                    (4, 2**63 - 1, 1, b"\x08" * 20),
                ]
            )
        ),
        REFUSED,
    ),
    Case("tables-of-programmes-that-are-not-there.ts", plain(lambda: programmes(2_000)), REFUSED),
    Case(
        "damaged-everywhere.ts",
        lambda _: bytes(b ^ (n % 977 == 0) for n, b in enumerate(whole(".ts"))),
        "ok",
        (5, 11),
    ),
    Case("unit-of-time-zero.avi", patched(".avi", b"strh", bytes(8), skip=28, count=2), "ok", (0, 13)),
    Case("index-past-the-end.avi", patched(".avi", b"idx1", b"\xff" * 4, skip=4), "ok", (9.9, 10.1)),
    Case(
        "key-length-huge.mxf",
        patched(".mxf", bytes.fromhex("060e2b34"), b"\x88" + b"\x7f" * 8, skip=16, count=2),
        REFUSED,
    ),
]

CASES = [*DISGUISED, *CUT, *SOUND, *CLOCKS, *STRUCTURE, *POINTING]
"""Every file, by what is wrong with it: another thing, cut off, odd sound, odd clocks, odd structure, lures."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder)
    for case in CASES:
        print(f"{case.outcome:18} {case.seconds[0]:8.1f} {case.seconds[1]:8.1f} s  {case.name!r}")  # noqa: T201


if __name__ == "__main__":
    main()
