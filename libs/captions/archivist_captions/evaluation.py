"""Word error rate: how many words must be changed, added or taken away, per word of the reference."""

import re
from collections.abc import Sequence

_NOT_A_WORD = re.compile(r"[^a-z0-9']")


def words_of(text: str) -> list[str]:
    """The words that count: lower case, without punctuation; empty ones fall away."""
    plain = (_NOT_A_WORD.sub("", word.lower()) for word in text.split())
    return [word for word in plain if word]


def word_error_rate(reference: Sequence[str], transcribed: Sequence[str]) -> float:
    """Edit distance in words over the length of the reference; 1 where the reference alone is empty."""
    if not reference:
        return 1.0 if transcribed else 0.0
    return _distance(reference, transcribed) / len(reference)


def _distance(first: Sequence[str], second: Sequence[str]) -> int:
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(diagonal + (one != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]
