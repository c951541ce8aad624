"""Hallucination filter: no-speech probability, log probability, compression ratio, words a second, repetition."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from archivist_transcriber.engines.word_timing import TimedWord

NO_SPEECH = 0.6  # probability of no speech and
LOG_PROBABILITY = (
    -1.0
)  # mean log probability of a token: together Whisper's own rule for silence; alone, its rule for decoding again
COMPRESSION_RATIO = 2.4  # of the text; above it the text repeats itself (Whisper's own rule)
FASTEST = 8.0  # words a second; an auctioneer reaches 5
LOOP_WORDS = 3  # shortest phrase whose repetition is taken for a loop: a roll call repeats "Aye. Aye. Aye."
LOOP_TIMES = 3  # how often people may say the same phrase in a row
LOOP_LONGEST = 12  # words


class Hallucination(Enum):
    NO_SPEECH = auto()
    LOOP = auto()
    LOW_CONFIDENCE = auto()
    """Low log probability: Whisper's own rule for decoding again."""


DECODED_AGAIN = frozenset({Hallucination.LOOP, Hallucination.LOW_CONFIDENCE})
"""What decoding with a wider beam and a repetition penalty may repair. Whisper itself raises the temperature."""


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """The model's output for one window.

    words: faster-whisper's, with `word`, `start`, `end` (seconds of the window) and `probability`.
    no_speech: probability. log_probability: mean of a token. compression: of the text, original over compressed.
    """

    words: Sequence[dict[str, Any]] = ()
    no_speech: float = 0.0
    log_probability: float = 0.0
    compression: float = 0.0


def hallucination_in(said: DecodedWindow, seconds: float) -> Hallucination | None:
    """The hallucination that the words of a window of so many seconds show, if any."""
    if said.no_speech > NO_SPEECH and said.log_probability < LOG_PROBABILITY:
        return Hallucination.NO_SPEECH
    if len(said.words) > FASTEST * max(seconds, 1.0) or said.compression > COMPRESSION_RATIO:
        return Hallucination.LOOP
    if said.words and said.log_probability < LOG_PROBABILITY:
        return Hallucination.LOW_CONFIDENCE
    return None


def without_loops(words: Sequence[TimedWord]) -> list[TimedWord]:
    """Phrases of three to twelve words said more than three times in a row are kept once."""
    plain = [word.text.casefold().strip(".,!?;:") for word in words]
    kept: list[TimedWord] = []
    n = 0
    while n < len(words):
        length, times = _loop(plain, n)
        if times > LOOP_TIMES:
            kept += words[n : n + length]
            n += length * times
        else:
            kept.append(words[n])
            n += 1
    return kept


def _loop(plain: Sequence[str], n: int) -> tuple[int, int]:
    """The phrase at `n` that is repeated most, as its length and how often it occurs."""
    best = (1, 1)
    for length in range(LOOP_WORDS, LOOP_LONGEST + 1):
        phrase = plain[n : n + length]
        times = 1
        while plain[n + times * length : n + (times + 1) * length] == phrase:
            times += 1
        if len(phrase) == length and times * length > best[0] * best[1] and times > 1:
            best = (length, times)
    return best
