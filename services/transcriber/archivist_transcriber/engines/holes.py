"""Holes: stretches of speech that stayed without words, and the words of a second try put into them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archivist_transcriber.audio.vad import RATE
from archivist_transcriber.engines.word_timing import TimedWord, in_order

SHORTEST = RATE * 7 // 10  # samples; in less speech a single word may be missing, and a cough is no word
FEWEST = 0.8  # words a second; the slowest speaker says more where the detector hears no pause
JOINED = RATE * 2  # samples; holes nearer to one another are decoded together: they are one passage

Stretch = tuple[int, int]
"""Start and end in samples of the piece."""


def holes(words: Sequence[TimedWord], speech: Sequence[Stretch]) -> list[Stretch]:
    """Stretches of speech of 0.7 s or more with fewer than 0.8 words a second."""
    return [
        (start, end)
        for start, end in speech
        if end - start >= SHORTEST and _count(words, start, end) * RATE < FEWEST * (end - start)
    ]


def within(speech: Sequence[Stretch], parts: Sequence[Stretch]) -> list[Stretch]:
    """Speech as far as it lies in these parts of the piece, both rising."""
    cut = [(max(a, start), min(b, end)) for start, end in parts for a, b in speech]
    return [(start, end) for start, end in cut if start < end]


def neighbourhood(
    found: Sequence[Stretch], speech: Sequence[Stretch], length: int
) -> Iterator[tuple[list[Stretch], Stretch]]:
    """Holes of one passage together, and how far their sound reaches: half-way to the speech beside them."""
    group: list[Stretch] = []
    for hole, following in [*pairwise(found), *((hole, None) for hole in found[-1:])]:
        group.append(hole)
        if following is not None and following[0] - hole[1] < JOINED and not _between(hole, following, speech):
            continue
        low = max((b for _, b in speech if b <= group[0][0]), default=None)
        high = min((a for a, _ in speech if a >= hole[1]), default=None)
        begin = 0 if low is None else (low + group[0][0]) // 2
        yield group, (begin, length if high is None else (high + hole[1]) // 2)
        group = []


def merged(words: Sequence[TimedWord], second: Sequence[TimedWord], where: Sequence[Stretch]) -> list[TimedWord]:
    """The words in time order with those of a second try in their holes; as they were where it found no more."""
    kept = [word for word in words if not any(_lies_in(word, start, end) for start, end in where)]
    if len(second) <= len(words) - len(kept):
        return list(words)
    return in_order(sorted([*kept, *second], key=lambda word: word.start), 0.0)


def _count(words: Sequence[TimedWord], start: int, end: int) -> int:
    return sum(_lies_in(word, start, end) for word in words)


def _lies_in(word: TimedWord, start: int, end: int) -> bool:
    return start <= (word.start + word.end) / 2 <= end


def _between(one: Stretch, other: Stretch, speech: Sequence[Stretch]) -> bool:
    return any(one[1] <= start and end <= other[0] for start, end in speech)
