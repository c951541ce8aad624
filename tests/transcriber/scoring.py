"""How well words match a reference transcript: word error rate and times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archivist_captions.cue import Word


@dataclass(frozen=True)
class Score:
    """onset_errors_s: distance of the first word of each sentence after a pause from where it is said."""

    word_error_rate: float
    onset_errors_s: np.ndarray
    start_errors_s: np.ndarray


def score(reference: dict[str, Any], words: Sequence[Word]) -> Score:
    """Compare with a reference of the demo recordings. Case and punctuation do not count."""
    said: list[tuple[str, float]] = []
    onsets: set[int] = set()
    silent_since = -1.0
    for segment in reference["segments"]:
        if segment["start"] - silent_since > 0.25:
            onsets.add(len(said))
        silent_since = segment["end"]
        said += [(plain(w["word"]), w["start"]) for w in segment["words"] if plain(w["word"])]
    heard = [(plain(w.text), w.start_ms / 1000) for w in words if plain(w.text)]
    errors, pairs = _aligned([text for text, _ in said], [text for text, _ in heard])
    return Score(
        errors / len(said),
        np.array([abs(said[i][1] - heard[j][1]) for i, j in pairs if i in onsets]),
        np.array([abs(said[i][1] - heard[j][1]) for i, j in pairs]),
    )


def plain(word: str) -> str:
    return re.sub(r"[^a-z0-9']", "", word.lower())


def _aligned(reference: list[str], heard: list[str]) -> tuple[int, list[tuple[int, int]]]:
    """Edit distance, and the pairs of places that match."""
    n, m = len(reference), len(heard)
    d = np.zeros((n + 1, m + 1), int)
    d[:, 0], d[0] = np.arange(n + 1), np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            same = reference[i - 1] == heard[j - 1]
            d[i, j] = min(d[i - 1, j - 1] + (not same), d[i - 1, j] + 1, d[i, j - 1] + 1)
    pairs, i, j = [], n, m
    while i and j:
        same = reference[i - 1] == heard[j - 1]
        if d[i, j] == d[i - 1, j - 1] + (not same):
            if same:
                pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif d[i, j] == d[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return int(d[n, m]), pairs[::-1]
