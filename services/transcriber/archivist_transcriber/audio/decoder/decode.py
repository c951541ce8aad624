"""Sound of one audio track, laid on the recording's clock and sent in blocks."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from archivist_transcriber.audio.decoder.containers import ANEW, CODECS, DECLARING, SEEKABLE
from archivist_transcriber.audio.decoder.messages import (
    BLOCK,
    MAX_HOURS,
    RATE,
    SKIPPED,
    Refused,
    send,
    unreadable,
)
from archivist_transcriber.audio.decoder.mixing import resampler
from archivist_transcriber.audio.decoder.probe import count, start_of

MAX_CHANNELS = 16  # in one track: a 16-channel SDI recorder is real
MIN_RATE, MAX_RATE = 4_000, 384_000  # samples a second
GAP = Fraction(1, 10)  # seconds; smaller steps of the clock are rounding
PLAINLY = 0.09  # seconds; within this a frame goes on where the last one ended, whatever the rounding
JUMP = 10  # seconds; a step back of more, or past the end, is a new clock (as in FFmpeg's dts_delta_threshold)
HOLE = 3_600  # seconds; a longer step ahead is a new clock too, in ANEW
PREROLL = Fraction(1, 2)  # seconds decoded before the wanted start: codecs need a run-up


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
                "NO_AUDIO_TRACK", f"audio track {track} asked for; the recording has {count(tracks, 'track')}"
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
            raise unreadable(f"none of its {count(self._bad, 'audio packet')} could be decoded")
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
            self._zero = start_of(self._stream)
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
