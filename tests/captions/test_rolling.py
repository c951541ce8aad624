"""Captions of video sites that repeat the line before, and signs that belong to a word."""

import pytest

from archivist_captions.cue import Cue
from archivist_captions.formats.voices import words_of
from archivist_captions.rolling import said_once


def test_lines_that_a_rolling_file_carries_over_are_said_once() -> None:
    lines = [("a b",), ("a b", "c d"), ("c d",), ("c d", "e f")]
    cues = [Cue(1_000 * place, 1_000 * place + 1_000, told) for place, told in enumerate(lines)]
    assert [cue.lines for cue in said_once(cues)] == [("a b",), ("c d",), ("e f",)]


def test_two_people_who_say_the_same_are_both_kept() -> None:
    cues = tuple(Cue(1_000 * place, 1_000 * place + 1_000, ("Aye.",)) for place in range(6))
    assert said_once(cues) == cues


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (">> MAYOR: Please", [">> MAYOR:", "Please"]),
        (">>> Parks >> Yes", [">>> Parks", ">> Yes"]),
        ("♪ la la ♪ Good", ["♪ la", "la ♪", "Good"]),
        ("♪ la ♪ ♪ lo ♪", ["♪ la ♪", "♪ lo ♪"]),
        ("♪", ["♪"]),
        ("Yes >>", ["Yes >>"]),
    ],
)
def test_signs_stay_with_their_words(line: str, words: list[str]) -> None:
    assert [word.text for word in words_of((Cue(0, 1_000, (line,)),))] == words
