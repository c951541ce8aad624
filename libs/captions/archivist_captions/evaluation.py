"""Word error rate: how many words must be changed, inserted or deleted, per word of the reference."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NOT_A_WORD = re.compile(r"[^a-z0-9']")


@dataclass(frozen=True, slots=True)
class Alignment:
    """errors: edit distance in words. matches: indices of equal words, (reference, hypothesis), in order."""

    errors: int
    matches: tuple[tuple[int, int], ...]


def normalised(word: str) -> str:
    """A word as it is compared: lower case, without punctuation. Empty for punctuation alone."""
    return _NOT_A_WORD.sub("", word.lower())


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared; empty ones are dropped."""
    return [word for word in map(normalised, text.split()) if word]


def word_error_rate(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    """Edit distance in words over the length of the reference; 1 where the reference alone is empty."""
    if not reference:
        return 1.0 if hypothesis else 0.0
    last = deque(_distance_rows(reference, hypothesis), maxlen=1)[0]  # hours of words: the table is not kept
    return last[-1] / len(reference)


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """The cheapest way from one to the other; of equally cheap ones, the one that replaces rather than moves."""
    distances = list(_distance_rows(reference, hypothesis))
    matches, i, j = [], len(reference), len(hypothesis)
    while i and j:
        changed = reference[i - 1] != hypothesis[j - 1]
        if distances[i][j] == distances[i - 1][j - 1] + changed:
            i, j = i - 1, j - 1
            if not changed:
                matches.append((i, j))
        elif distances[i][j] == distances[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return Alignment(distances[-1][-1], tuple(reversed(matches)))


def _distance_rows(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[list[int]]:
    """Levenshtein's table, row by row: [j] of row i is the distance of the first i words from the first j."""
    row = list(range(len(hypothesis) + 1))
    yield row
    for i, one in enumerate(reference, start=1):
        above, row = row, [i]
        for j, other in enumerate(hypothesis, start=1):
            row.append(min(above[j - 1] + (one != other), above[j] + 1, row[j - 1] + 1))
        yield row
