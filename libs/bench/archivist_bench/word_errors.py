"""Errors of a transcript against what was said: substitutions, deletions, insertions, and runs of lost words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from archivist_bench.spoken_form import spoken_form
from archivist_captions.cue import Word
from archivist_captions.evaluation import align
from archivist_captions.layout.layout import layout

RUN = 4  # words lost in a row: a sentence that a viewer does not get
_NEAR_MS = 500  # a word this near to speech is of that speech


@dataclass(frozen=True, slots=True)
class Said:
    """A segment of a reference: milliseconds of the recording, and its words as they are compared."""

    start_ms: int
    end_ms: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LostRun:
    """Words in a row that were said and not written, and about when. found: a finding tells of them."""

    start_ms: int
    end_ms: int
    words: tuple[str, ...]
    found: bool


@dataclass(frozen=True, slots=True)
class Errors:
    """Counts in words. invented: words where nobody speaks. start_errors_ms: of each segment, how far from its start
    the nearest cue begins."""

    said: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    invented: int = 0
    lost: tuple[LostRun, ...] = ()
    start_errors_ms: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per word said; 0 where nothing was."""
        return self.total / self.said if self.said else 0.0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, name) + getattr(other, name) for name in Errors.__slots__))


def segments_of(reference: dict[str, Any]) -> tuple[Said, ...]:
    """What a reference says was said; English where it names no language.

    Raises KeyError, TypeError or ValueError where it is none.
    """
    home = str(reference.get("language", "en"))
    return tuple(
        Said(
            round(float(segment["start"]) * 1000),
            round(float(segment["end"]) * 1000),
            tuple(spoken_form(segment["text"], segment.get("language", home))),
        )
        for segment in reference["segments"]
    )


def errors_of(
    said: Sequence[Said], written: Sequence[Word], language: str, unheard: Iterable[tuple[int, int]] = ()
) -> Errors:
    """The errors of what was written. unheard: stretches (ms) that a finding says are without words."""
    spoken = [(word, segment, n) for segment in said for n, word in enumerate(segment.words)]
    heard = [form for word in written for form in spoken_form(word.text, language)]
    matches = align([word for word, _, _ in spoken], heard).matches
    substitutions = deletions = insertions = 0
    lost: list[LostRun] = []
    told = list(unheard)
    for (said_to, heard_to), (said_next, heard_next) in pairwise([(-1, -1), *matches, (len(spoken), len(heard))]):
        gone, new = said_next - said_to - 1, heard_next - heard_to - 1
        substitutions += min(gone, new)
        deletions += max(0, gone - new)
        insertions += max(0, new - gone)
        if gone - new >= RUN:
            lost.append(_run(spoken[said_to + 1 : said_next], told))
    cues = [cue.start_ms for cue in layout(written)]
    return Errors(
        said=len(spoken),
        substitutions=substitutions,
        deletions=deletions,
        insertions=insertions,
        invented=sum(not _near(word, said) for word in written),
        lost=tuple(lost),
        start_errors_ms=tuple(min(abs(start - segment.start_ms) for start in cues) for segment in said if cues),
    )


def _run(spoken: Sequence[tuple[str, Said, int]], told: Sequence[tuple[int, int]]) -> LostRun:
    """The words of a segment are taken to be evenly spread over it."""
    start, end = _moment(*spoken[0][1:]), _moment(*spoken[-1][1:], last=True)
    found = any(begin < end and stop > start for begin, stop in told)
    return LostRun(start, end, tuple(word for word, _, _ in spoken), found)


def _moment(segment: Said, n: int, *, last: bool = False) -> int:
    return segment.start_ms + (segment.end_ms - segment.start_ms) * (n + last) // len(segment.words)


def _near(word: Word, said: Sequence[Said]) -> bool:
    middle = (word.start_ms + word.end_ms) // 2
    return any(segment.start_ms - _NEAR_MS <= middle <= segment.end_ms + _NEAR_MS for segment in said)
