"""Chapters of a meeting out of what was said: call to order, items, hearings, motions, adjournment. Rules, no model.

A chapter begins where the words are spoken, and its title is made of them. Nothing is made of a recording in which
nobody conducts a meeting. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from archivist_captions.cue import Cue, Word
from archivist_common.chapters.phrases import LONGEST_TITLE, Language, Topic, lowered, result, said, sentences
from archivist_common.chapters.rules.languages import LANGUAGES
from archivist_common.errors import InvalidRequest

__all__ = ["Chapter", "Topic", "find", "language_of", "valid"]

NO_RULES = "CHAPTERS_LANGUAGE"
"""Code of the reason why a recording has no chapters: there are no rules for its language."""

MOST = 60
"""Chapters of a programme; a list longer than that is no help."""

_LONGEST_WRITTEN = 255  # letters of a title that a person writes, as the server takes it
_APART_MS = 20_000
_LEAST_MS = 2_000  # the server keeps whole seconds
_REPEATED_MS = 120_000  # the same thing said again within this is the same chapter
_RESULT_MS = 900_000  # a vote belongs to the motion before it, unless that is so long ago
_ROLL_IS_A_VOTE_MS = 300_000  # a roll called so soon after a motion is its vote


@dataclass(frozen=True, slots=True)
class Chapter:
    """A place to jump to. start_ms: from the first picture of the recording, or of the VOD where it says so."""

    start_ms: int
    title: str
    kind: Topic | None = None
    """None for one that a person wrote."""


_STRONG = frozenset(Topic) - {Topic.MOTION, Topic.REPORT, Topic.ITEM}
"""Kinds that stand beside one another even seconds apart."""
_SAY_NOTHING = frozenset({Topic.ITEM, Topic.REPORT, Topic.PLEDGE})
"""Kinds that alone make no meeting."""
_RANK = {Topic.MOTION: 2, Topic.REPORT: 1, Topic.ITEM: 1}


def language_of(code: str) -> Language | None:
    """The rules for a language by its code, `en` or `es-MX`; None where there are none, and so no chapters."""
    return LANGUAGES.get(code.strip().casefold().replace("_", "-").partition("-")[0])


def find(spoken: Sequence[Word] | Sequence[Cue], code: str) -> tuple[Chapter, ...]:
    """The chapters of a recording, in order, the first at 0; none where nobody conducts a meeting.

    spoken: words with their times, or the cues they were laid out in, over which words are then spread by letters.
    code: of the language spoken; one without rules gives none.
    """
    language = language_of(code)
    if language is None:
        return ()
    words = spoken if _are_words(spoken) else tuple(_spread(spoken))
    found: list[Chapter] = []
    motion: int | None = None  # index of the motion that waits for its vote
    for sentence in sentences(words):
        vote = result(sentence, language)
        if vote is not None and motion is not None and sentence.start_ms - found[motion].start_ms < _RESULT_MS:
            found[motion] = _with_result(found[motion], vote, language)
            motion = None
            continue
        step = said(sentence, language)
        if step is None:
            continue
        chapter = Chapter(step.start_ms, step.title, step.kind)
        if _is_vote(chapter, found):
            continue
        same = _said_before(chapter, found)
        if same is not None:
            if chapter.kind in {Topic.MOTION, Topic.ITEM} and len(chapter.title) > len(found[same].title):
                found[same] = replace(found[same], title=chapter.title)
            continue
        found.append(chapter)
        motion = len(found) - 1 if chapter.kind is Topic.MOTION else None
    if all(chapter.kind in _SAY_NOTHING for chapter in found):
        return ()
    return _begun(_fewest(_apart(found)), language)


def valid(chapters: Sequence[Chapter], length_ms: int) -> None:
    """Raise InvalidRequest, in words for a person, unless these may be a programme's chapters.

    Titles have 1 to 255 letters on one line; starts rise, by a second at least, and lie within the programme.
    """
    before: Chapter | None = None
    for number, chapter in enumerate(chapters, 1):
        title = chapter.title.strip()
        if not 1 <= len(title) <= _LONGEST_WRITTEN or not chapter.title.isprintable():
            raise InvalidRequest(f"chapter {number}: a title has 1 to {_LONGEST_WRITTEN} letters on one line")
        if not 0 <= chapter.start_ms < max(1, length_ms):
            at, end = _clock(chapter.start_ms), _clock(length_ms)
            raise InvalidRequest(
                f"chapter {number}, {title!r}: {at} is not within the programme, which ends at {end}"
            )
        # The server keeps whole seconds.
        if before is not None and chapter.start_ms // 1_000 <= before.start_ms // 1_000:
            raise InvalidRequest(
                f"chapter {number}, {title!r}: {_clock(chapter.start_ms)} is not after {before.title!r} before it"
            )
        before = chapter


def _are_words(spoken: Sequence[Word] | Sequence[Cue]) -> TypeGuard[Sequence[Word]]:
    return all(isinstance(one, Word) for one in spoken)


def _spread(cues: Sequence[Word] | Sequence[Cue]) -> Iterator[Word]:
    """The words of cues, each with its share of the cue's time by letters. A dash or chevrons are no word."""
    for cue in cues:
        if isinstance(cue, Word):
            yield cue
            continue
        texts = [text for text in cue.text.replace(">>", " ").split() if text != "-"]
        letters = sum(map(len, texts))
        done = 0
        for text in texts:
            start = cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters
            done += len(text)
            yield Word(start, cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters, text)


def _with_result(chapter: Chapter, vote: str, language: Language) -> Chapter:
    """The motion with how the vote went, without its count where that is too long."""
    for said_so in (vote, vote.partition(" ")[0]):
        title = f"{chapter.title} ({lowered(said_so, language)})"
        if len(title) <= LONGEST_TITLE:
            return replace(chapter, title=title)
    return chapter


def _is_vote(chapter: Chapter, found: Sequence[Chapter]) -> bool:
    """Whether a roll is called for a vote: the second of a meeting, or one that follows a motion."""
    if chapter.kind is not Topic.ROLL_CALL:
        return False
    for earlier in reversed(found):
        if earlier.kind is Topic.CALL_TO_ORDER:
            return False
        if earlier.kind is Topic.ROLL_CALL:
            return True
        if earlier.kind is Topic.MOTION and chapter.start_ms - earlier.start_ms < _ROLL_IS_A_VOTE_MS:
            return True
    return False


def _said_before(chapter: Chapter, found: Sequence[Chapter]) -> int | None:
    """Index of the chapter that this one only says again, within two minutes or, for a motion, some seconds."""
    for index in range(len(found) - 1, -1, -1):
        earlier = found[index]
        if chapter.start_ms - earlier.start_ms >= _REPEATED_MS:
            return None
        if earlier.kind is chapter.kind:
            if chapter.kind in {Topic.ITEM, Topic.HEARING}:
                return index if _name(earlier) == _name(chapter) else None
            if chapter.kind in {Topic.MOTION, Topic.REPORT}:
                return index if chapter.start_ms - earlier.start_ms < _APART_MS else None
            return index
    return None


def _apart(chapters: Sequence[Chapter]) -> list[Chapter]:
    """Without those that follow within seconds, unless both are of strong and different kinds; the stronger stays."""
    kept: list[Chapter] = []
    for chapter in chapters:
        while kept and _too_near(kept[-1], chapter) and _rank(chapter) < _rank(kept[-1]):
            kept.pop()
        if not kept or not _too_near(kept[-1], chapter):
            kept.append(chapter)
    return kept


def _too_near(one: Chapter, other: Chapter) -> bool:
    strong = one.kind in _STRONG and other.kind in _STRONG and _name(one) != _name(other)
    return other.start_ms - one.start_ms < (_LEAST_MS if strong else _APART_MS)


def _name(chapter: Chapter) -> str:
    """What a title says before its topic: `Item 4`, `Public hearing opened`."""
    return chapter.title.partition(":")[0]


def _fewest(chapters: list[Chapter]) -> list[Chapter]:
    """At most MOST: motions go first, then reports and items, those nearest to the one before them first of all."""
    while len(chapters) >= MOST:  # one place is kept for the start
        gaps = [(-_rank(one), one.start_ms - chapters[n - 1].start_ms, n) for n, one in enumerate(chapters) if n]
        del chapters[min(gaps)[2]]
    return chapters


def _begun(chapters: list[Chapter], language: Language) -> tuple[Chapter, ...]:
    first = chapters[0]
    if first.start_ms < _APART_MS:
        return (replace(first, start_ms=0), *chapters[1:])
    return (Chapter(0, language.beginning, Topic.START), *chapters)


def _rank(chapter: Chapter) -> int:
    return _RANK.get(chapter.kind, 0) if chapter.kind else 0


def _clock(ms: int) -> str:
    seconds = ms // 1_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
