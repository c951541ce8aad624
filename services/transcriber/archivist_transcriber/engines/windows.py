"""Windows for the model out of stretches of speech, and the way back from window time to the recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archivist_transcriber.speech import RATE, Samples

PAD = RATE * 3 // 10  # samples of what surrounds speech: soft beginnings and ends lie outside it
KEPT_PAUSE = RATE * 6 // 10  # samples; pauses up to this stay as they are, longer ones are shortened to it


@dataclass(frozen=True, slots=True)
class Part:
    """Samples `start` to `end` of the piece, at `at` in the window."""

    start: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class Window:
    """What the model hears at once: parts of the piece, one behind the other."""

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
        shift = part.start - part.at
        return min(max(start + shift, part.start), part.end), min(max(end + shift, part.start), part.end)


def pack(speech: Sequence[tuple[int, int]], total: int, longest: int) -> tuple[Window, ...]:
    """Windows of at most `longest` samples, cut in pauses, that hold all speech with a little around it."""
    windows: list[Window] = []
    parts: list[Part] = []
    for start, end in _padded(speech, total, longest):
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


def _padded(speech: Sequence[tuple[int, int]], total: int, longest: int) -> Iterator[tuple[int, int]]:
    """Stretches with their surroundings, none overlapping; ones longer than a window are cut evenly."""
    for n, (start, end) in enumerate(speech):
        before = speech[n - 1][1] if n else 0
        after = speech[n + 1][0] if n + 1 < len(speech) else total
        first = _share(start, start - before, n > 0, -1)
        last = _share(end, after - end, n + 1 < len(speech), 1)
        pieces = -(-(last - first) // longest)
        for k in range(pieces):
            yield first + (last - first) * k // pieces, first + (last - first) * (k + 1) // pieces


def _share(edge: int, silence: int, shared: bool, sign: int) -> int:
    """The edge moved into the silence beside it: to its middle where a neighbour takes the other half."""
    if shared and silence <= KEPT_PAUSE:
        half = silence // 2 if sign < 0 else silence - silence // 2
        return edge + sign * half
    return edge + sign * min(PAD, silence)
