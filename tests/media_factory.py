"""Recordings for tests, made with PyAV: real containers around real or synthetic sound.

`write` picks codecs by the file's ending. Sound is mono int16 at 16 kHz (`RATE`) unless said otherwise.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 16_000
DEMO = Path(__file__).resolve().parents[1] / "demo"
SAMPLES = DEMO / "samples"

_AUDIO = {
    ".wav": ("pcm_s16le", 16_000),
    ".flac": ("flac", 16_000),
    ".mp3": ("libmp3lame", 44_100),
    ".m4a": ("aac", 44_100),
    ".mp4": ("aac", 48_000),
    ".mov": ("pcm_s16le", 48_000),
    ".mkv": ("libopus", 48_000),
    ".webm": ("libopus", 48_000),
    ".ogg": ("libopus", 48_000),
    ".ts": ("mp2", 48_000),
    ".mpg": ("mp2", 48_000),
    ".mxf": ("pcm_s16le", 48_000),
    ".avi": ("libmp3lame", 44_100),
    ".aac": ("aac", 44_100),
    ".ac3": ("ac3", 48_000),
    ".w64": ("pcm_s16le", 16_000),
}
_VIDEO = {
    ".mp4": "mpeg4",
    ".mov": "mpeg4",
    ".mkv": "mpeg4",
    ".ts": "mpeg2video",
    ".mpg": "mpeg2video",
    ".mxf": "mpeg2video",
    ".avi": "mpeg4",
}
_FORMATS = {".mkv": "matroska", ".ts": "mpegts", ".mpg": "mpeg", ".m4a": "ipod", ".aac": "adts"}
_QUICK = {
    "libmp3lame": {"compression_level": "9"},
    "aac": {"aac_coder": "fast"},
    "libopus": {"compression_level": "0"},
}
"""How the slow encoders are told to hurry: tests need sound, not the best of sound."""
NTSC = Fraction(30_000, 1_001)


@dataclass(frozen=True)
class Track:
    """An audio track. gap: (from, to) in seconds without any packet. start: seconds after time zero."""

    sound: np.ndarray
    language: str | None = None
    start: float = 0.0
    gap: tuple[float, float] | None = None
    channels: int = 1


@cache
def sample(name: str = "meeting-2min", seconds: float | None = None, start: float = 0.0) -> np.ndarray:
    """Sound of a demo recording, int16 at 16 kHz."""
    path = next(p for p in SAMPLES.glob(f"{name}.*") if p.suffix != ".json")
    with av.open(path) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    sound = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    end = len(sound) if seconds is None else int((start + seconds) * RATE)
    return sound[int(start * RATE) : end]


def reference(name: str = "meeting-2min") -> dict[str, Any]:
    """The transcript a demo recording was made from."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def tone(seconds: float, hertz: float = 440.0, loudness: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * t) * loudness * 32767).astype(np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.int16)


def clicks(seconds: float, at: Sequence[float]) -> np.ndarray:
    """Silence with 20 ms bursts at the given seconds: their places can be read off a decoded stream."""
    sound = silence(seconds)
    burst = (np.sin(2 * np.pi * 1000 * np.arange(320) / RATE) * 20_000).astype(np.int16)
    for second in at:
        sound[int(second * RATE) : int(second * RATE) + 320] = burst
    return sound


def click_times(sound: np.ndarray) -> list[float]:
    """Where the bursts of `clicks` begin in mono sound at 16 kHz, in seconds."""
    loud = np.abs(sound.astype(np.float64)) > 0.2 * np.abs(sound).max()
    places = np.flatnonzero(loud) / RATE
    return [float(t) for n, t in enumerate(places) if n == 0 or t - places[n - 1] > 0.1]


def write(
    path: Path,
    *tracks: np.ndarray | Track,
    video: float | None = None,
    video_start: float = 0.0,
    codec: str | None = None,
    rate: int | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a recording. video: seconds of grey picture beside the sound. Returns `path`."""
    suffix = path.suffix.lower()
    with av.open(path, "w", format=_FORMATS.get(suffix), options={"mxf": {}}.get(suffix, options or {})) as container:
        container.metadata.update(metadata or {})
        packets: list[tuple[float, Any]] = []
        if video is not None:
            packets += _pictures(container, _VIDEO[suffix], video, video_start)
        for track in tracks:
            whole = track if isinstance(track, Track) else Track(track)
            packets += _sound(container, whole, codec or _AUDIO[suffix][0], rate or _AUDIO[suffix][1])
        container.start_encoding()  # a file without a packet has a head too
        for _, packet in sorted(packets, key=lambda entry: entry[0]):
            container.mux(packet)
    return path


def _pictures(container: Any, codec: str, seconds: float, start: float) -> list[tuple[float, Any]]:
    stream = container.add_stream(codec, rate=NTSC)
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    if codec == "mpeg2video":
        stream.codec_context.bit_rate = 2_000_000
    packets = []
    first = round(start * NTSC)
    frame = av.VideoFrame(320, 240, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    for n in range(int(seconds * NTSC)):
        frame.pts, frame.time_base = first + n, 1 / NTSC
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return [(float(p.dts * p.time_base), p) for p in packets if p.dts is not None]


def _sound(container: Any, track: Track, codec: str, rate: int) -> list[tuple[float, Any]]:
    layout = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels} channels")
    stream = container.add_stream(codec, rate=rate, layout=layout)
    if track.language:
        stream.metadata["language"] = track.language
    context = stream.codec_context
    context.options = _QUICK.get(codec, {})
    context.open()
    if not len(track.sound):
        return []
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    source = av.AudioFrame.from_ndarray(track.sound.reshape(1, -1), format="s16", layout="mono")
    source.sample_rate = RATE
    pieces = [f.to_ndarray()[0].copy() for f in [*resampler.resample(source), *resampler.resample(None)]]
    sound = np.concatenate(pieces)
    size = context.frame_size or rate // 25
    packets = []
    for begin in range(0, len(sound), size):
        second = begin / rate
        if track.gap and track.gap[0] <= second < track.gap[1]:
            continue
        packets += stream.encode(_frame(sound[begin : begin + size], track, context, rate, begin))
    packets += stream.encode(None)
    return [(float(p.dts * p.time_base), p) for p in packets if p.dts is not None]


def _frame(sound: np.ndarray, track: Track, context: Any, rate: int, begin: int) -> Any:
    """The same in every channel, in the format of the codec: a resampler for each frame would be slow."""
    form = context.format.name
    values = {
        "s16": lambda: sound,
        "s32": lambda: sound.astype(np.int32) << 16,
        "flt": lambda: sound.astype(np.float32) / 32768,
    }[form.removesuffix("p")]()
    many = np.repeat(values.reshape(-1, 1), track.channels, axis=1)
    many = np.ascontiguousarray(many.T) if context.format.is_planar else many.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(many, format=form, layout=context.layout.name)
    frame.sample_rate = rate
    frame.pts = begin + round(track.start * rate)
    frame.time_base = Fraction(1, rate)
    return frame
