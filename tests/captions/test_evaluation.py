"""Word error rate: known distances, and the laws any distance keeps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.evaluation import align, word_error_rate, words_of

WORDS = st.lists(st.sampled_from(["aye", "nay", "motion", "second"]), max_size=8)


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [
        pytest.param("all in favor say aye", "all in favor say aye", 0.0, id="same"),
        pytest.param("all in favor say aye", "all in favour say aye", 0.2, id="one-changed"),
        pytest.param("all in favor say aye", "all in favor say", 0.2, id="one-missing"),
        pytest.param("all in favor", "all in favor say aye", 2 / 3, id="two-added"),
        pytest.param("aye", "", 1.0, id="nothing-heard"),
        pytest.param("", "aye", 1.0, id="heard-in-silence"),
        pytest.param("", "", 0.0, id="silence"),
    ],
)
def test_rate_of_known_sentences(reference: str, heard: str, rate: float) -> None:
    assert word_error_rate(reference.split(), heard.split()) == pytest.approx(rate)


def test_case_and_punctuation_do_not_count() -> None:
    assert words_of(">> MAYOR LOPEZ: Don't delay!") == ["mayor", "lopez", "don't", "delay"]


@given(first=WORDS, second=WORDS)
def test_the_distance_is_the_same_both_ways(first: list[str], second: list[str]) -> None:
    if first and second:
        assert word_error_rate(first, second) * len(first) == pytest.approx(
            word_error_rate(second, first) * len(second)
        )


@given(first=WORDS, second=WORDS)
def test_the_rate_is_zero_only_for_the_same_words(first: list[str], second: list[str]) -> None:
    assert (word_error_rate(first, second) == 0) == (first == second)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors", "matches"),
    [
        pytest.param("all in favor", "all in favor", 0, ((0, 0), (1, 1), (2, 2)), id="same"),
        pytest.param("all in favor", "all in favour", 1, ((0, 0), (1, 1)), id="one-changed"),
        pytest.param("all in favor", "all favor", 1, ((0, 0), (2, 1)), id="one-deleted"),
        pytest.param("all favor", "all in favor", 1, ((0, 0), (1, 2)), id="one-inserted"),
        pytest.param("aye nay aye", "aye", 2, ((2, 0),), id="of-two-the-later"),
        pytest.param("aye", "", 1, (), id="nothing-heard"),
        pytest.param("", "", 0, (), id="silence"),
    ],
)
def test_words_that_match_are_aligned(
    reference: str, hypothesis: str, errors: int, matches: tuple[tuple[int, int], ...]
) -> None:
    found = align(reference.split(), hypothesis.split())
    assert (found.errors, found.matches) == (errors, matches)


@given(first=WORDS, second=WORDS)
def test_an_alignment_joins_equal_words_in_order_and_has_as_many_errors_as_the_rate(
    first: list[str], second: list[str]
) -> None:
    found = align(first, second)
    assert all(first[i] == second[j] for i, j in found.matches)
    assert all(i < k and j < m for (i, j), (k, m) in itertools.pairwise(found.matches))
    if first:
        assert found.errors / len(first) == word_error_rate(first, second)
