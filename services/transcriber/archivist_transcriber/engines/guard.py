"""Words a model made up: told by how they look, not by what they say."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from archivist_transcriber.engines.placing import Placed

NO_SPEECH = 0.6  # probability of no speech and
UNSURE = -1.0  # mean log probability of a token: together Whisper's own rule for silence
COMPRESSIBLE = 2.4  # text this compressible repeats itself (Whisper's own rule)
FASTEST = 8.0  # words a second; an auctioneer reaches 5
LOOP_WORDS = 3  # shortest phrase whose repetition is taken for a loop: a roll call repeats "Aye. Aye. Aye."
LOOP_TIMES = 3  # how often people may say the same phrase in a row
LOOP_LONGEST = 12  # words


class Suspicion(Enum):
    NOTHING_SAID = auto()
    LOOP = auto()


def suspect(segments: Sequence[Any], seconds: float) -> Suspicion | None:
    """What is wrong with the segments of one window, if anything. They are faster-whisper's."""
    if not segments:
        return None
    if all(s.no_speech_prob > NO_SPEECH and s.avg_logprob < UNSURE for s in segments):
        return Suspicion.NOTHING_SAID
    count = sum(len(s.words or ()) for s in segments)
    if count > FASTEST * max(seconds, 1.0) or any(s.compression_ratio > COMPRESSIBLE for s in segments):
        return Suspicion.LOOP
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
