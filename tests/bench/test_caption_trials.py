"""The trials that SCC writers are measured with, through our own."""

import pytest

from archivist_bench.caption_trials import TRIALS, measure


@pytest.mark.parametrize("name", ["easy", "benign", "fast"])
def test_ordinary_trials_are_without_fault(name: str) -> None:
    measured = measure(TRIALS[name]()[:600])
    assert measured.judged.findings == ()
    assert measured.judged.cues_lost == measured.judged.words_lost == 0
    assert max(measured.judged.errors) <= 1
    assert measured.late == ()


def test_the_hazards_lose_nothing() -> None:
    measured = measure(TRIALS["hazards"]())
    assert measured.judged.findings == ()
    assert measured.judged.cues_lost == measured.judged.words_lost == 0
    # 32 times Ü takes more than three seconds to send: late, with the channel busy in every frame.
    assert max(measured.late) <= 90


@pytest.mark.parametrize("name", sorted(TRIALS))
def test_a_trial_is_the_same_every_time(name: str) -> None:
    assert TRIALS[name]() == TRIALS[name]()
