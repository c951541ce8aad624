"""Word times corrected by voice activity.

Whisper derives word times from cross-attention: after a pause the first word comes up to 0.4 s early, before one
the last word reaches into the silence. Voice activity detection gives the onset of speech to a tenth of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from archivist_transcriber.audio.vad import RATE

LATE = RATE * 4 // 10  # samples; a first word this much after the onset is still the word of the onset
SHORTEST = RATE * 6 // 100  # samples; nobody says a word in less
SNAP_END = RATE * 3 // 10  # samples


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word at samples of the piece."""

    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Before:
    """What went before a window: the stretch of speech of its last word, and the sample where that ended."""

    stretch: int = -1
    end: float = 0.0


def within_speech(
    words: Sequence[TimedWord], speech: Sequence[tuple[int, int]], before: Before = Before()
) -> tuple[list[TimedWord], Before]:
    """Words of one window moved into the speech they belong to, in order and without overlap.

    speech: all stretches of the piece. The second value is for the next window.
    """
    if not words:
        return [], before
    after = before.stretch
    homes = _homes(words, speech, after)
    placed: list[TimedWord] = []
    for n, (word, home) in enumerate(zip(words, homes, strict=True)):
        if home < 0:
            placed.append(word)
            continue
        begin, end = speech[home]
        first = home > (homes[n - 1] if n else after)
        last = n + 1 < len(homes) and homes[n + 1] > home
        start, stop = word.start, word.end
        if first and start < begin + LATE:
            start = begin
        if last and stop > end - SNAP_END:
            stop = end
        room = SHORTEST * sum(other == home for other in homes[n:])  # for this word and those after it in there
        latest = max(begin, end - room)
        placed.append(replace(word, start=min(max(start, begin), latest), end=min(max(stop, begin), end)))
    ordered = in_order(placed, before.end)
    return ordered, Before(max([after, *homes]), ordered[-1].end)


def _homes(words: Sequence[TimedWord], speech: Sequence[tuple[int, int]], after: int) -> list[int]:
    """For each word the stretch of speech it belongs to; never one before that of the word before it."""
    homes: list[int] = []
    lowest = max(after, 0)
    for word in words:
        candidates = range(lowest, len(speech))
        home = min(candidates, key=lambda n: _distance(word, speech[n]), default=-1)
        homes.append(home)
        lowest = max(lowest, home)
    return homes


def _distance(word: TimedWord, stretch: tuple[int, int]) -> tuple[float, float]:
    """Sorts stretches for a word: most overlap first, then nearness of the word's middle."""
    overlap = min(word.end, stretch[1]) - max(word.start, stretch[0])
    middle = (word.start + word.end) / 2
    return -max(0.0, overlap), max(stretch[0] - middle, middle - stretch[1], 0.0)


def in_order(words: list[TimedWord], earliest: float) -> list[TimedWord]:
    """Starts rise and no word reaches into the next one."""
    ordered: list[TimedWord] = []
    for word in words:
        start = max(word.start, ordered[-1].start + SHORTEST if ordered else earliest)
        ordered.append(replace(word, start=start, end=max(word.end, start + SHORTEST)))
    return [replace(word, end=min(word.end, following.start)) for word, following in pairwise(ordered)] + ordered[-1:]
