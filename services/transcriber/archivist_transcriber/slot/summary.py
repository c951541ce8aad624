"""Extractive summary: the recording's own most central sentences (LexRank), with their times.

Offline and deterministic. Source of the method: Erkan and Radev, LexRank, 2004 (docs/decisions/0021).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import Sentence, sentences
from archivist_transcriber.slot.stop_words import GREETINGS, STOP_WORDS

NO_SPEECH = "No speech was found in this recording."

Matrix = NDArray[np.float64]

_SECTION = 150  # sentences ranked against each other: the work grows with the square
_SHORTEST = 5  # words; "Aye." and "Second, please." summarise nothing
_SUBSTANTIAL = 5  # content words; "Are there any speakers on this item?" has two
_FORMULA = 3  # a sentence said so often, word for word, belongs to the procedure and not to the subject
_STEM = 6  # letters; cut-off prefixes join "replace", "replaced", "replacing" in any language
_SIMILAR = 0.1  # cosine from which two sentences are linked (Erkan and Radev, 4.2)
_REPEATED = 0.6  # cosine from which a sentence restates another: no link, and only one of the two is chosen
_DAMPING = 0.85  # of the walk from sentence to sentence (Erkan and Radev use 0.85 as PageRank does)
_STEADY = 1e-6
_ROUNDS = 200
_SETTLED = 9  # decimals of a score; those beyond differ between processors, and ties go to the earlier sentence
_FEWEST, _MOST = 3, 15  # sentences
_MINUTES_A_SENTENCE = 10
_FREQUENT = 0.05  # of the sentences: where no list of stop words exists, a term this frequent is one
_WORD = re.compile(r"\w+(?:'\w+)*")
_BIGRAM_SCRIPTS = "\u0e00"  # from Thai on, scripts without spaces between words: pairs of characters serve as terms


@dataclass(frozen=True, slots=True)
class Summary:
    """Sentences in the order of the recording. Empty when there was no speech."""

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
    candidates = _candidates(spoken, count, language)
    return Summary(language, tuple(_best(candidates, count, language)))


def _candidates(spoken: Sequence[Sentence], count: int, language: str) -> list[Sentence]:
    """Sentences with a subject, each once; where those are too few, all that are long enough, then all."""
    said = Counter(_plain(sentence.text) for sentence in spoken)
    once: dict[str, Sentence] = {}
    for sentence in spoken:
        once.setdefault(_plain(sentence.text), sentence)
    greetings = GREETINGS.get(language, ())
    long = {
        plain: s
        for plain, s in once.items()
        if (len(plain.split()) >= _SHORTEST or (" " not in s.text and len(plain) > 12))
        and not plain.startswith(greetings)
    }
    substantial = [
        s
        for plain, s in long.items()
        if said[plain] < _FORMULA and len(set(_terms(s.text, language))) >= _SUBSTANTIAL
    ]
    if len(substantial) >= count:
        return substantial
    return list(long.values()) or [s for plain, s in once.items() if plain]


def _best(candidates: list[Sentence], count: int, language: str) -> list[Sentence]:
    """Long recordings are ranked section by section first, so that every part of a meeting is represented."""
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
    """The `count` most central sentences, in the order given. Restatements of a chosen one come last."""
    if len(candidates) <= count:
        return candidates
    similarity = _similarity([Counter(_terms(s.text, language)) for s in candidates], language)
    chosen: list[int] = []
    restated: list[int] = []
    scores = np.round(_centrality(similarity), _SETTLED)
    for n in np.argsort(-scores, kind="stable").tolist():
        (restated if (similarity[n, chosen] >= _REPEATED).any() else chosen).append(n)
    return [candidates[n] for n in sorted((chosen + restated)[:count])]


def _terms(text: str, language: str) -> list[str]:
    """Stems of the words that carry a subject."""
    stop_words = STOP_WORDS.get(language, frozenset())
    terms = []
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        if word >= _BIGRAM_SCRIPTS:
            terms += [word[n : n + 2] for n in range(len(word) - 1)]
        elif word not in stop_words:
            terms.append(word[:_STEM])
    return terms


def _similarity(sentence_terms: Sequence[Counter[str]], language: str) -> Matrix:
    """Cosine of each two sentences by TF-IDF, shape (n, n), zero on the diagonal."""
    columns = {term: n for n, term in enumerate(sorted(set().union(*sentence_terms)))}
    weights = np.zeros((len(sentence_terms), max(1, len(columns))))
    for row, counts in enumerate(sentence_terms):
        for term, times in counts.items():
            weights[row, columns[term]] = times
    having = np.count_nonzero(weights, axis=0)
    weights *= np.log((1 + len(weights)) / (1 + having))
    if language not in STOP_WORDS:
        weights[:, having > max(3, _FREQUENT * len(weights))] = 0.0
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), np.finfo(float).tiny)
    cosine: Matrix = weights @ weights.T
    np.fill_diagonal(cosine, 0.0)
    return cosine


def _centrality(similarity: Matrix) -> Matrix:
    """Share of a random walk's time at each sentence, shape (n,): power iteration with damping.

    A sentence does not link to itself nor to its restatements, so no formula is central by being repeated.
    """
    links = ((similarity > _SIMILAR) & (similarity < _REPEATED)).astype(float)
    links /= np.maximum(links.sum(axis=1, keepdims=True), 1.0)
    scores = np.full(len(links), 1.0 / len(links))
    for _ in range(_ROUNDS):
        following = (1 - _DAMPING) / len(links) + _DAMPING * links.T @ scores
        if np.abs(following - scores).max() < _STEADY:
            break
        scores = following
    return scores


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold().replace("’", "'")))


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
