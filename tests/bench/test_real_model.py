"""A real Whisper model on recordings of people, with bounds: only where `ARCHIVIST_REAL_MODEL` names its folder.

The bounds are those of Whisper base, with some room for another processor's rounding. `make accuracy-short`.
"""

import os
from pathlib import Path

import pytest

from archivist_bench.accuracy import WAYS, Way, with_references
from archivist_bench.word_errors import Errors, errors_of

REAL = Path(__file__).parents[1] / "data/real-speech"
MODEL = os.environ.get("ARCHIVIST_REAL_MODEL", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL, reason="no real model: ARCHIVIST_REAL_MODEL names no folder of a Whisper model"),
]


@pytest.fixture(scope="module")
def way() -> Way:
    return WAYS["archivist"](Path(MODEL), 1)


def judged(way: Way, name: str) -> Errors:
    (recording,) = with_references(REAL, [name])
    heard = way(recording)
    return errors_of(recording.said, heard.words, recording.language, heard.unheard)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        pytest.param("reading-3080.ogg", 0.06, id="a-clean-reading"),
        pytest.param("telephone-8k.wav", 0.12, id="a-telephone-line"),
        pytest.param("room-noise.ogg", 0.16, id="a-noisy-room"),
        pytest.param("quiet-56.ogg", 0.04, id="people-far-from-the-microphone"),
    ],
)
def test_few_words_are_wrong_and_no_passage_is_lost_without_a_finding(way: Way, name: str, most: float) -> None:
    found = judged(way, name)
    assert found.rate <= most
    assert [run for run in found.lost if not run.found] == []
    assert found.invented == 0


@pytest.mark.parametrize("name", ["no-speech-music.ogg", "no-speech-noise.ogg", "no-speech-silence.ogg"])
def test_no_word_is_written_where_nobody_speaks(way: Way, name: str) -> None:
    assert judged(way, name).insertions == 0
