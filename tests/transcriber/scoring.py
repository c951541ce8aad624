"""How well words match a reference transcript: word error rate and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archivist_captions.cue import Word
from archivist_captions.evaluation import align, normalised


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
        said += [(normalised(w["word"]), w["start"]) for w in segment["words"] if normalised(w["word"])]
    heard = [(normalised(w.text), w.start_ms / 1000) for w in words if normalised(w.text)]
    alignment = align([text for text, _ in said], [text for text, _ in heard])
    return Score(
        alignment.errors / len(said),
        np.array([abs(said[i][1] - heard[j][1]) for i, j in alignment.matches if i in onsets]),
        np.array([abs(said[i][1] - heard[j][1]) for i, j in alignment.matches]),
    )
