"""Recordings: what they hold, and their sound as a stream. FFmpeg (PyAV) works in a child that can be killed.

Sample n of a stream is heard n/16000 s after time zero, the first picture of a recording with video, else
the first sample of the track: late sound is preceded by silence, early sound is cut, holes are filled.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archivist_common.errors import (
    DecoderFailed,
    MediaUnreadable,
)
from archivist_transcriber.audio.decoder import messages
from archivist_transcriber.audio.decoder.messages import BLOCK, MAX_HOURS, MAX_STREAMS, SKIPPED
from archivist_transcriber.audio.decoder_process import MEMORY, MOST_SAMPLES, DecoderProcess, printable

RATE = messages.RATE
"""Samples a second of every stream here."""

DEADLINE_S = 60.0
"""Longest probe; longest time a stream may send nothing."""

Samples = NDArray[np.float32]
"""Mono sound at 16 kHz, shape (n,), in [-1, 1]."""


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
                container=printable(value["container"]),
                duration_ms=int(value["duration_ms"]),
                audio=audio,
                default_track=int(value["default_track"]),
                video=None if video is None else _video_track(video),
                streams=int(value["streams"]),
                timecode=None if value["timecode"] is None else printable(value["timecode"]),
            )
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as exc:
            raise DecoderFailed("the decoder's answer makes no sense") from exc
        if not (0 <= info.default_track < len(audio) <= info.streams <= MAX_STREAMS):
            raise DecoderFailed("the decoder's answer makes no sense: tracks are missing")
        if not 0 <= info.duration_ms <= MAX_HOURS * 3_600_000:
            raise MediaUnreadable(f"it claims to last {info.duration_ms} ms")
        return info


def _audio_track(index: int, value: dict[str, Any]) -> AudioTrack:
    language, duration_ms = value["language"], value["duration_ms"]
    return AudioTrack(
        index=index,
        codec=printable(value["codec"]),
        channels=int(value["channels"]),
        sample_rate=int(value["sample_rate"]),
        language=None if language is None else printable(language),
        start_ms=int(value["start_ms"]),
        duration_ms=None if duration_ms is None else int(duration_ms),
    )


def _video_track(value: dict[str, Any]) -> VideoTrack:
    rate = value["frame_rate"]
    return VideoTrack(
        codec=printable(value["codec"]),
        frame_rate=None if rate is None else Fraction(rate),
        width=int(value["width"]),
        height=int(value["height"]),
    )


def probe(source: Path | int, *, deadline_s: float = DEADLINE_S, memory_bytes: int = MEMORY) -> MediaInfo:
    """What a recording holds. `source` is a path or an open descriptor (which stays open and keeps its position).

    Raises FileMissing, MediaUnreadable, NoAudioTrack, StorageUnavailable (also when nothing was read in time), and
    DecoderFailed when the decoder itself ended without an answer: that says nothing about the recording.
    """
    with DecoderProcess(
        source, {"mode": "probe", "track": None, "start_ms": 0, "end_ms": None}, memory_bytes
    ) as child:
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
    child = DecoderProcess(source, request, memory_bytes)
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

    def __init__(
        self, child: DecoderProcess, info: MediaInfo, track: AudioTrack, start_ms: int, deadline_s: float
    ) -> None:
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
                passed += SKIPPED
            elif kind == b"A" and not complete and body and len(body) % 2 == 0:
                block = np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
                passed += len(block)
                self.samples += len(block)
                complete = len(block) < BLOCK
            else:
                raise DecoderFailed(f"the decoder answered out of turn: {kind!r}, {len(body)} bytes")
            if passed > MOST_SAMPLES:
                raise MediaUnreadable(f"its sound goes on past {MAX_HOURS} hours")
            self._child.grant(passed)
            if kind == b"A":
                yield block

    def close(self) -> None:
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _expect_info(child: DecoderProcess, deadline_s: float) -> MediaInfo:
    kind, body = child.message(deadline_s)
    if kind != b"I":
        raise DecoderFailed(f"the decoder answered out of turn: {kind!r}, {len(body)} bytes")
    return MediaInfo._from_json(body)


def _bad_packets(body: bytes) -> int:
    try:
        return int(json.loads(body)["bad_packets"])
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as exc:
        raise DecoderFailed("the decoder's answer makes no sense") from exc
