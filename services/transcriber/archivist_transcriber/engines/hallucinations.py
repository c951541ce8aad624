"""Words a model made up: told by how they look, not by what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from archivist_transcriber.engines.word_timing import Placed

NO_SPEECH = 0.6  # probability of no speech and
UNSURE = -1.0  # mean log probability of a token: together Whisper's own rule for silence; alone, for a second try
COMPRESSIBLE = 2.4  # text this compressible repeats itself (Whisper's own rule)
FASTEST = 8.0  # words a second; an auctioneer reaches 5
LOOP_WORDS = 3  # shortest phrase whose repetition is taken for a loop: a roll call repeats "Aye. Aye. Aye."
LOOP_TIMES = 3  # how often people may say the same phrase in a row
LOOP_LONGEST = 12  # words


class Suspicion(Enum):
    NOTHING_SAID = auto()
    LOOP = auto()
    GUESSED = auto()
    """The model itself thinks little of it: Whisper's own rule for decoding again."""


AGAIN = frozenset({Suspicion.LOOP, Suspicion.GUESSED})
"""What a second try with more care may mend."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the model made of one window.

    words: faster-whisper's, with `word`, `start`, `end` (seconds of the window) and `probability`.
    no_speech: probability. log_probability: mean of a token. compression: of the text, original over compressed.
    """

    words: Sequence[dict[str, Any]] = ()
    no_speech: float = 0.0
    log_probability: float = 0.0
    compression: float = 0.0


def suspect(said: Said, seconds: float) -> Suspicion | None:
    """What is wrong with the words of a window of so many seconds, if anything."""
    if said.no_speech > NO_SPEECH and said.log_probability < UNSURE:
        return Suspicion.NOTHING_SAID
    if len(said.words) > FASTEST * max(seconds, 1.0) or said.compression > COMPRESSIBLE:
        return Suspicion.LOOP
    if said.words and said.log_probability < UNSURE:
        return Suspicion.GUESSED
    return None


def without_repeats(words: Sequence[Placed]) -> list[Placed]:
    """Phrases of three to twelve words said more than three times in a row are kept once."""
    plain = [word.text.casefold().strip(".,!?;:") for word in words]
    kept: list[Placed] = []
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
    """The phrase at `n` that is repeated most, as its length and how often it stands there."""
    best = (1, 1)
    for length in range(LOOP_WORDS, LOOP_LONGEST + 1):
        phrase = plain[n : n + length]
        times = 1
        while plain[n + times * length : n + (times + 1) * length] == phrase:
            times += 1
        if len(phrase) == length and times * length > best[0] * best[1] and times > 1:
            best = (length, times)
    return best
