"""What a recording holds: its tracks, length, frame rate and start, as `media.MediaInfo` takes it."""

import re
from fractions import Fraction
from typing import Any

from archivist_transcriber.audio.decoder.containers import ANEW, ANNOUNCED, CONTAINERS, Source, check_index
from archivist_transcriber.audio.decoder.messages import MAX_HOURS, MAX_STREAMS, Refused, unreadable

_TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;.]\d\d")


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
        check_index(container, source)
    elif kind in ANNOUNCED:
        announced = ANNOUNCED[kind](source)
        if announced is not None and announced > source.size:
            raise unreadable(f"the file is cut off: {source.size} bytes are there, {announced} are announced")
    if not audio:
        raise Refused("NO_AUDIO_TRACK", f"no audio track among {count(len(container.streams), 'stream')}")
    video = pictures[0] if pictures else None
    zero = start_of(video) if video is not None and video.start_time is not None else None
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


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def start_of(stream: Any) -> Fraction:
    return Fraction(stream.start_time or 0) * Fraction(stream.time_base)


def _duration(container: Any, audio: list[Any], video: Any, zero: Fraction | None) -> Fraction:
    """Seconds from time zero to the end of the longest stream; 0 where the container does not know."""
    ends = [
        start_of(s) + s.duration * Fraction(s.time_base)
        for s in [*audio, *([video] if video else [])]
        if s.duration is not None and s.duration > 0
    ]
    if ends:
        begin: Fraction = zero if zero is not None else min(start_of(s) for s in audio)
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
    begin = Fraction(0) if zero is None else start_of(stream) - zero
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
