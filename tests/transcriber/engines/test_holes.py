"""Stretches of speech without words, on plain data."""

import pytest

from archivist_transcriber.audio.vad import RATE
from archivist_transcriber.engines.holes import Stretch, holes, merged, neighbourhood, within
from archivist_transcriber.engines.word_timing import TimedWord


def seconds(*spans: tuple[float, float]) -> list[Stretch]:
    return [(round(start * RATE), round(end * RATE)) for start, end in spans]


def said(*starts: float, text: str = "word") -> list[TimedWord]:
    return [TimedWord(start * RATE, (start + 0.2) * RATE, text, 0.9) for start in starts]


@pytest.mark.parametrize(
    ("starts", "speech", "found"),
    [
        pytest.param((), ((0.0, 2.0),), ((0.0, 2.0),), id="nothing"),
        pytest.param((), ((0.0, 0.6),), (), id="too-short-to-tell"),
        pytest.param((0.1,), ((0.0, 1.2),), (), id="a-slow-word"),
        pytest.param((0.1,), ((0.0, 3.0),), ((0.0, 3.0),), id="one-word-in-three-seconds"),
        pytest.param((0.1, 0.6, 5.0), ((0.0, 1.0), (2.0, 4.0), (5.0, 5.5)), ((2.0, 4.0),), id="between-two"),
    ],
)
def test_a_hole_is_speech_with_hardly_a_word(
    starts: tuple[float, ...], speech: tuple[tuple[float, float], ...], found: tuple[tuple[float, float], ...]
) -> None:
    assert holes(said(*starts), seconds(*speech)) == seconds(*found)


def test_speech_is_cut_to_the_parts_of_a_window() -> None:
    assert within(seconds((0, 10), (12, 20)), seconds((2, 5), (8, 13))) == seconds((2, 5), (8, 10), (12, 13))


def test_the_sound_of_a_hole_reaches_half_way_to_the_speech_beside_it() -> None:
    speech = seconds((0, 2), (3, 5), (8, 9))
    assert list(neighbourhood(speech[1:2], speech, 10 * RATE)) == [
        (speech[1:2], (round(2.5 * RATE), round(6.5 * RATE)))
    ]


def test_holes_beside_one_another_are_one_passage_and_distant_ones_are_not() -> None:
    speech = seconds((0, 2), (3, 5), (20, 22))
    groups = [group for group, _ in neighbourhood(speech, speech, 30 * RATE)]
    assert groups == [speech[:2], speech[2:]]


def test_holes_with_heard_speech_between_them_are_two_passages() -> None:
    speech = seconds((0, 1), (1.2, 1.6), (1.8, 3))
    groups = [group for group, _ in neighbourhood([speech[0], speech[2]], speech, 4 * RATE)]
    assert groups == [speech[:1], speech[2:]]


def test_the_words_of_a_second_try_are_put_in_by_time() -> None:
    words = merged(said(0.1, 6.0), said(2.1, 2.5, 3.0, text="again"), seconds((2, 4)))
    assert [word.text for word in words] == ["word", "again", "again", "again", "word"]
    assert [word.start for word in words] == sorted(word.start for word in words)


def test_a_second_try_that_found_no_more_changes_nothing() -> None:
    first = said(0.1, 2.5, 6.0)
    assert merged(first, said(2.1, text="again"), seconds((2, 4))) == first
