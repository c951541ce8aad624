"""Sentences out of timed words: by punctuation, by pauses where there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archivist_captions.cue import Word

PAUSE_MS = 2_000  # a silence of this length ends a sentence
LONGEST = 60  # words; without punctuation a sentence is cut here
_ENDS = ".?!…。？！"
_CLOSING = "\"'”’)]»"
_ABBREVIATED = (
    "mr mrs ms dr prof sr jr st ave blvd rd no vs etc hon rev sen rep gov gen lt col capt sgt dept inc co "
    "corp ltd jan feb mar apr aug sept sep oct nov dec a.m p.m u.s e.g i.e "
    "sra srta dña ud uds núm"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
"""Words whose full stop ends no sentence (when another word follows without a pause)."""
_BREATH_MS = 700  # an abbreviation followed by this much silence does end one


@dataclass(frozen=True, slots=True)
class Sentence:
    start_ms: int
    end_ms: int
    text: str


def sentences(words: Sequence[Word], language: str = "en") -> tuple[Sentence, ...]:
    """Sentences in the order of the words."""
    space = "" if language in {"zh", "ja", "th", "lo", "my", "yue"} else " "
    return tuple(
        Sentence(group[0].start_ms, group[-1].end_ms, space.join(word.text for word in group))
        for group in by_sentence(words)
    )


def by_sentence(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words themselves, sentence by sentence."""
    group: list[Word] = []
    for n, word in enumerate(words):
        group.append(word)
        silence = words[n + 1].start_ms - word.end_ms if n + 1 < len(words) else PAUSE_MS
        if silence >= PAUSE_MS or len(group) >= LONGEST or _ends(word.text, silence):
            yield group
            group = []
    if group:
        yield group


def _ends(text: str, silence_ms: int) -> bool:
    bare = text.rstrip(_CLOSING)
    if not bare or bare[-1] not in _ENDS:
        return False
    if bare[-1] != ".":
        return True
    stem = bare[:-1].lstrip("\"'“‘([").casefold()
    initial = len(stem) == 1 and stem.isalpha() and stem != "i"
    return silence_ms >= _BREATH_MS or not (initial or stem in _ABBREVIATIONS)
