"""Words as they are compared, and their errors by kind."""

import pytest

from archivist_bench.spoken_form import spoken_form
from archivist_bench.word_errors import Said, errors_of, segments_of
from archivist_captions.cue import Word


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        pytest.param("Mr. O\u2019Neil won't, um, stay.", "en", "mister o'neil will not stay", id="spelling"),
        pytest.param("They've $20", "en", "they have dollars twenty", id="money"),
        pytest.param("In 1876 and 1,250 more", "en", "in eighteen seventy six and twelve fifty more", id="year"),
        pytest.param("el 45, señora", "es", "el cuarenta y cinco señora", id="spanish"),
        pytest.param("boxcar neighbourhood's", "en", "box car neighbourhoods", id="compound"),
    ],
)
def test_two_spellings_of_one_saying_are_the_same(text: str, language: str, words: str) -> None:
    assert spoken_form(text, language) == words.split()


def written(text: str, start_ms: int = 0, each_ms: int = 300) -> list[Word]:
    return [Word(start_ms + n * each_ms, start_ms + (n + 1) * each_ms, word) for n, word in enumerate(text.split())]


SAID = (Said(0, 4_000, ("one", "two", "three", "four", "five", "six", "seven", "eight")),)


def test_errors_are_told_by_kind() -> None:
    found = errors_of(SAID, written("one too three four five five six seven"), "en")
    assert (found.said, found.substitutions, found.deletions, found.insertions) == (8, 1, 1, 1)
    assert found.rate == 3 / 8


def test_four_words_lost_in_a_row_are_a_run_and_a_finding_at_their_time_says_so() -> None:
    heard = written("one two seven eight")
    (silent,) = errors_of(SAID, heard, "en").lost
    (told,) = errors_of(SAID, heard, "en", unheard=[(1_500, 2_000)]).lost
    (elsewhere,) = errors_of(SAID, heard, "en", unheard=[(3_500, 4_000)]).lost
    assert silent.words == ("three", "four", "five", "six")
    assert (silent.start_ms, silent.end_ms) == (1_000, 3_000)
    assert (silent.found, told.found, elsewhere.found) == (False, True, False)


def test_words_where_nobody_speaks_are_counted() -> None:
    found = errors_of(SAID, written("one two three four five six seven eight thank you", each_ms=500), "en")
    assert found.invented == 1
    assert errors_of((), written("thank you"), "en").invented == 2


def test_a_reference_without_its_fields_is_none() -> None:
    with pytest.raises(KeyError):
        segments_of({"language": "en", "segments": [{"start": 0, "text": "a"}]})
