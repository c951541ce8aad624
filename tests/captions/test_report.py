"""The report on a file, by the four criteria."""

import json

import pytest

from archivist_captions.cea608.encoder import encode
from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.report import percentile, report

_CUES = (Cue(0, 2_000, ("Thank you 👍 all",)), Cue(5_000, 6_000, ("Ten – twelve cups cost €5 each today.",)))
_CAPTIONS = Captions(_CUES, (Word(0, 500, "Thank", 0.3), Word(500, 900, "you", 0.9)))


def test_report_counts_what_happened() -> None:
    encoded = encode(_CUES)
    made = report(_CAPTIONS, encoded.text, notes=encoded.notes)
    assert made.releasable
    assert (made.cues, made.words_in, made.words_out) == (2, 12, 11)
    assert made.unsure_words == 1
    assert made.transliterated == (("–", "-", 1), ("€", "EUR", 1))
    assert made.removed == (("👍", 1),)
    assert made.start_errors[0] > 1
    assert made.start_errors[1] == 0
    assert [timing.cue for timing in made.late] == [0]
    assert made.fast_cues == 1
    data = json.loads(json.dumps(made.as_dict()))
    assert data["completeness"] == {"words_in": 12, "words_out": 11}
    assert data["synchrony"]["late"][0]["frames"] == made.start_errors[0]


def test_a_file_that_is_not_these_captions_is_not_releasable() -> None:
    made = report(_CAPTIONS, encode(_CUES[:1]).text)
    assert not made.releasable
    assert made.as_dict()["findings"][0]["rule"] == "text-missing"


def test_a_report_on_nothing() -> None:
    made = report(Captions(()), "Scenarist_SCC V1.0\n\n")
    assert made.releasable
    assert made.as_dict()["synchrony"]["start_error_frames_max"] == 0


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (95, 10), (100, 10), (0, 1)])
def test_percentile_is_the_nearest_rank(percent: int, value: int) -> None:
    assert percentile(range(1, 11), percent) == value
