"""A summary made of the recording's own sentences, the most central ones (LexRank, by sumy), with their times.

Offline and deterministic: sumy gets sentences that we split ourselves, so it needs no language data to fetch.
Source of the method: Erkan and Radev, LexRank, 2004.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import Sentence, sentences

NO_SPEECH = "No speech was found in this recording."

_SECTION = 150  # sentences ranked against each other: the work grows with the square
_SHORTEST = 5  # words; "Aye." and "Second, please." summarise nothing
_DAMPING = 0.85  # of the walk from sentence to sentence (Erkan and Radev use 0.85 as PageRank does)
_STEADY = 1e-6
_ROUNDS = 200
_FEWEST, _MOST = 3, 15  # sentences
_MINUTES_A_SENTENCE = 10
_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class Summary:
    """Sentences in the order of the recording. None at all: nothing was said."""

    language: str
    sentences: tuple[Sentence, ...]

    def text(self) -> str:
        """As `<base>_summary.txt`: a time code and a sentence on each line."""
        if not self.sentences:
            return NO_SPEECH + "\n"
        return "".join(f"[{_clock(s.start_ms)}] {' '.join(s.text.split())}\n" for s in self.sentences)


def summarise(words: Sequence[Word], *, language: str = "en", count: int | None = None) -> Summary:
    """The most central sentences. count: how many; None goes by the length: 3 at first, one more every 10 minutes."""
    spoken = sentences(words, language)
    if count is None:
        minutes = spoken[-1].end_ms / 60_000 if spoken else 0
        count = min(_MOST, _FEWEST + int(minutes / _MINUTES_A_SENTENCE))
    candidates = _candidates(spoken)
    return Summary(language, tuple(_best(candidates, count, language)))


def _candidates(spoken: Sequence[Sentence]) -> list[Sentence]:
    """Sentences long enough to tell something, each only once; all of them where none is long enough."""
    once: dict[str, Sentence] = {}
    for sentence in spoken:
        once.setdefault(" ".join(_WORD.findall(sentence.text.casefold())), sentence)
    long = [
        s for plain, s in once.items() if len(plain.split()) >= _SHORTEST or (" " not in s.text and len(plain) > 12)
    ]
    return long or [s for plain, s in once.items() if plain]


def _best(candidates: list[Sentence], count: int, language: str) -> list[Sentence]:
    """Long recordings are ranked section by section first, so that every part of a meeting has its say."""
    if count <= 0:
        return []
    while len(candidates) > _SECTION:
        parts = -(-len(candidates) // _SECTION)
        each = min(_SECTION // 2, -(-2 * count // parts))
        size = -(-len(candidates) // parts)
        candidates = [
            sentence
            for n in range(0, len(candidates), size)
            for sentence in _rank(candidates[n : n + size], each, language)
        ]
    return _rank(candidates, count, language)


def _rank(candidates: list[Sentence], count: int, language: str) -> list[Sentence]:
    if len(candidates) <= count:
        return candidates
    from sumy.models.dom import ObjectDocumentModel, Paragraph
    from sumy.models.dom import Sentence as Node

    class Ranked(Node):  # type: ignore[misc]
        """A sentence that knows which of ours it is."""

        __slots__ = ("number",)

    nodes = []
    for number, sentence in enumerate(candidates):
        node = Ranked(sentence.text, _Words())
        node.number = number
        nodes.append(node)
    chosen = _lexrank(language)(ObjectDocumentModel([Paragraph(nodes)]), count)
    return [candidates[node.number] for node in chosen]


class _Words:
    """The tokenizer sumy asks for, without its language data."""

    def to_words(self, text: str) -> tuple[str, ...]:
        return tuple(_WORD.findall(text))


def _lexrank(language: str) -> Any:
    from sumy.nlp.stemmers import Stemmer, null_stemmer
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.utils import get_stop_words

    class LexRank(LexRankSummarizer):  # type: ignore[misc]
        @staticmethod
        def power_method(matrix: Any, epsilon: float) -> Any:
            """With damping, and no sentence vouching for itself: sumy's own divides by zero on a graph without
            edges and ranks a sentence that nobody else takes up as high as the average."""
            count = len(matrix)
            matrix = np.array(matrix)
            np.fill_diagonal(matrix, 0.0)
            matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), np.finfo(float).tiny)
            scores = np.full(count, 1.0 / count)
            for _ in range(_ROUNDS):
                following = (1 - _DAMPING) / count + _DAMPING * matrix.T @ scores
                if np.abs(following - scores).max() < _STEADY:
                    break
                scores = following
            return scores

    try:
        stemmer = Stemmer(language)
    except LookupError:
        stemmer = null_stemmer
    summariser = LexRank(stemmer)
    try:
        summariser.stop_words = get_stop_words(language)
    except LookupError:
        summariser.stop_words = frozenset()
    return summariser


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
