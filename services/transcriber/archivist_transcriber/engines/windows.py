"""Windows for the model, packed from stretches of speech, and window time mapped back to the recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archivist_transcriber.audio.vad import KEPT_PAUSE_MS, RATE, Samples

KEPT_PAUSE = RATE * KEPT_PAUSE_MS // 1000  # samples; pauses up to this stay as they are, longer ones are cut to it
CLICK = RATE * 3 // 10  # samples; less speech than this, alone, may be none: music and gavels pass for it
PAD = KEPT_PAUSE // 2  # samples of what surrounds speech: soft beginnings and ends lie outside it

_FRAME = RATE // 100  # samples
_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """Samples `start` to `end` of the piece, at `at` in the window."""

    start: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class Window:
    """What the model transcribes at once: parts of the piece, concatenated."""

    parts: tuple[Part, ...]

    @property
    def length(self) -> int:
        last = self.parts[-1]
        return last.at + last.end - last.start

    @property
    def end(self) -> int:
        return self.parts[-1].end

    def audio(self, samples: Samples) -> Samples:
        return np.concatenate([samples[part.start : part.end] for part in self.parts])

    def span(self, start: float, end: float) -> tuple[float, float]:
        """Samples of the piece for samples of the window: in the part that holds their middle."""
        middle = (start + end) / 2
        part = next((p for p in reversed(self.parts) if p.at <= middle), self.parts[0])
        return _within(part, start, end)

    def first_span(self, start: float, end: float, speech: Sequence[tuple[int, int]]) -> tuple[float, float]:
        """The same for the first word, which the model lets begin with the window, whatever sounds there.

        Where that is a click in music, a part with hardly any speech, and the word goes on in the part behind it,
        the word is of that part. speech: that of the piece.
        """
        early = self.span(start, end)
        first = self.parts[0]
        click = sum(max(0, min(b, first.end) - max(a, first.start)) for a, b in speech) <= CLICK
        if len(self.parts) > 1 and click and start < self.parts[1].at < end:
            return _within(self.parts[1], start, end)
        return early


def _within(part: Part, start: float, end: float) -> tuple[float, float]:
    shift = part.start - part.at
    return min(max(start + shift, part.start), part.end), min(max(end + shift, part.start), part.end)


def shifted(window: Window, by: int) -> Window:
    """A window of a part of the piece that begins at sample `by`, as one of the piece."""
    return Window(tuple(Part(part.start + by, part.end + by, part.at) for part in window.parts))


def pack(speech: Sequence[tuple[int, int]], samples: Samples, longest: int) -> tuple[Window, ...]:
    """Windows of at most `longest` samples, cut in pauses, that hold all speech with a little around it.

    Speech without a pause for longer than a window is cut where it is quietest.
    """
    windows: list[Window] = []
    parts: list[Part] = []
    for start, end in _stretches(speech, samples, longest):
        at = parts[-1].at + parts[-1].end - parts[-1].start if parts else 0
        if parts and at + end - start > longest:
            windows.append(Window(tuple(parts)))
            parts, at = [], 0
        if parts and parts[-1].end == start:
            parts[-1] = Part(parts[-1].start, end, parts[-1].at)
        else:
            parts.append(Part(start, end, at))
    if parts:
        windows.append(Window(tuple(parts)))
    return tuple(windows)


def batches(windows: Sequence[Window], most: int) -> Iterator[Sequence[Window]]:
    """Windows to decode together, at most `most`, in batches as even as can be: 5 are 3 and 2, never 4 and 1.

    A step of the decoder costs hardly more for four windows than for one.
    """
    count = -(-len(windows) // most)
    for n in range(count):
        yield windows[n * len(windows) // count : (n + 1) * len(windows) // count]


def _stretches(speech: Sequence[tuple[int, int]], samples: Samples, longest: int) -> Iterator[tuple[int, int]]:
    """Speech with its surroundings, none overlapping, none longer than a window."""
    for n, (start, end) in enumerate(speech):
        before = speech[n - 1][1] if n else None
        after = speech[n + 1][0] if n + 1 < len(speech) else None
        start -= _share(start - (before or 0), shared=before is not None)
        end += _share((len(samples) if after is None else after) - end, shared=after is not None, later=True)
        while end - start > longest:
            cut = _quietest(samples, start + longest // 2, start + longest)
            yield start, cut
            start = cut
        yield start, end


def _share(silence: int, *, shared: bool, later: bool = False) -> int:
    """How much of the silence beside speech goes with it: half where it is short and a neighbour takes the rest."""
    if shared and silence <= KEPT_PAUSE:
        return silence - silence // 2 if later else silence // 2
    return min(PAD, silence)


def _quietest(samples: Samples, start: int, end: int) -> int:
    """The middle of the quietest tenth of a second between two samples."""
    count = (end - start) // _FRAME
    loudness = np.square(samples[start : start + count * _FRAME].reshape(count, _FRAME)).sum(axis=1)
    run = np.convolve(loudness, np.ones(_FRAMES), mode="valid")
    return start + (int(np.argmin(run)) + _FRAMES // 2) * _FRAME
