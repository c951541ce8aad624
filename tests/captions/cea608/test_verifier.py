"""Each rule of the verifier, broken by hand in a file that is right otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.cea608.encoder import encode
from archivist_captions.cea608.verifier import RULES, Finding, compare, verify
from archivist_captions.cue import Captions, Cue
from archivist_captions.errors import CannotRead

_HEAD = "Scenarist_SCC V1.0\n\n"
_LOAD = "9420 9420 94ae 94ae 9476 9476 97a2 97a2 c179 e5ae 942f 942f"
_GOOD = f"{_HEAD}00:00:01;20\t{_LOAD}\n\n00:00:04;00\t942c 942c\n\n"


def _rules(text: str) -> list[tuple[str, int]]:
    return [(finding.rule, finding.line) for finding in verify(text)]


def test_a_good_file_is_clean() -> None:
    assert verify(_GOOD) == ()
    assert verify(_GOOD.replace("\n", "\r\n")) == ()


def _broken(old: str, new: str) -> str:
    assert old in _GOOD
    return _GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        pytest.param(_broken("Scenarist_SCC V1.0", "Scenarist_SCC V2.0"), "header", 1, id="header"),
        pytest.param("\ufeff" + _GOOD, "bom", 1, id="bom"),
        pytest.param(_broken("00:00:04;00\t", "oops\n\n00:00:04;00\t"), "line", 5, id="line"),
        pytest.param(_broken("c179", "c17"), "word", 3, id="word"),
        pytest.param(_broken("942f\n\n", "942f\n"), "blank-line", 4, id="blank-line"),
        pytest.param(_broken("00:00:04;00", "00:01:00;01"), "label", 5, id="label-that-is-skipped"),
        pytest.param(_broken("00:00:04;00", "00:00:04:00"), "label", 5, id="two-kinds"),
        pytest.param(_broken("00:00:04;00", "00:00:01;00"), "order", 5, id="order"),
        pytest.param(_broken("00:00:04;00", "00:00:01;25"), "overlap", 5, id="overlap"),
        pytest.param(_broken("c179", "4179"), "parity", 3, id="parity"),
        pytest.param(_broken("9476 9476", "9476"), "undoubled", 3, id="undoubled"),
        pytest.param(_broken("942c 942c", "942c"), "undoubled", 5, id="undoubled-at-the-end"),
        pytest.param(_broken("942c 942c", "942c 8080 942c"), "undoubled", 5, id="copies-apart"),
        pytest.param(_broken("942c 942c", "942c 942c 1c2c 1c2c"), "other-channel", 5, id="other-channel"),
        pytest.param(_broken("942c 942c", "942c 942c 152c 152c"), "other-field", 5, id="other-field"),
        pytest.param(_broken("942c 942c", "942c 942c 942a 942a"), "text-mode", 5, id="text-mode"),
        pytest.param(_broken("9420 9420 94ae 94ae ", ""), "no-mode", 3, id="no-mode"),
        pytest.param(_broken("942c 942c", "942c 942c 9429 9429"), "mixed-modes", 0, id="mixed-modes"),
        pytest.param(_broken("9476 9476", "10e0 10e0"), "no-row", 3, id="no-row"),
        pytest.param(_broken("97a2 97a2", "97b0 97b0"), "unknown-code", 3, id="unknown-code"),
        pytest.param(_broken("c179", "0179"), "stray-code", 3, id="stray-code"),
        pytest.param(_broken("e5ae", "e5ae " * 16), "columns", 3, id="columns"),
        pytest.param(_broken("c179 e5ae", "c179 92a5 92a5"), "no-fallback", 3, id="no-fallback"),
        pytest.param(_broken(" 942f 942f", ""), "never-shown", 5, id="never-shown"),
        pytest.param(_broken("00:00:04;00\t942c 942c\n\n", ""), "no-final-erase", 3, id="no-final-erase"),
        pytest.param(_broken("c179", "2020 20c1 79e5"), "space-indent", 3, id="space-indent"),
        pytest.param(
            _broken("00:00:04;00", f"00:00:03;00\t{_LOAD} {_LOAD.replace('94ae 94ae ', '')}\n\n00:00:05;00"),
            "stale-memory", 5, id="stale-memory",
        ),
        pytest.param(
            _broken("00:00:04;00", f"00:00:03;00\t{_LOAD.replace('942f', '942c 942c 942f', 1)}\n\n00:00:05;00"),
            "blink", 0, id="blink",
        ),
        pytest.param(
            _broken("c179 e5ae", " ".join(f"{pac} {pac} c179" for pac in ("9470", "94d0", "13d0", "1370", "10d0"))),
            "rows", 3, id="rows",
        ),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found_in_its_line(text: str, rule: str, line: int) -> None:
    assert (rule, line) in _rules(text)


def test_every_rule_has_a_case_above_or_below() -> None:
    compared = {"text-missing", "text-added", "early", "late", "placement"}
    parameters = test_a_broken_rule_is_found_in_its_line.pytestmark[0].args[1]  # type: ignore[attr-defined]
    cases = {parameter.values[1] for parameter in parameters}
    assert cases | compared == set(RULES)


_CUES = (Cue(2_000, 4_000, ("Aye, and",)), Cue(6_000, 8_000, ("nay, too.",)))
_CAPTIONS = Captions(_CUES)


def _compared(captions: Captions, text: str) -> list[str]:
    return [finding.rule for finding in compare(captions, text)]


def test_a_file_made_from_the_captions_is_released() -> None:
    assert compare(_CAPTIONS, encode(_CUES).text) == ()


def test_missing_added_and_changed_words_are_found() -> None:
    text = encode(_CUES).text
    assert _compared(Captions((*_CUES, Cue(9_000, 9_500, ("More.",)))), text) == ["text-missing"]
    assert _compared(Captions(_CUES[:1]), text) == ["text-added"]
    changed = Captions((_CUES[0], Cue(6_000, 8_000, ("nay, two.",))))
    assert _compared(changed, text) == ["text-missing", "text-added"]
    swapped = Captions((Cue(2_000, 4_000, ("nay, too.",)), Cue(6_000, 8_000, ("Aye, and",))))
    assert "text-missing" in _compared(swapped, text)


@pytest.mark.parametrize(("shift", "rules"), [(-100, ["late"]), (-30, []), (30, []), (100, ["early"])])
def test_a_caption_at_the_wrong_time_is_found(shift: int, rules: list[str]) -> None:
    moved = Captions((_CUES[0], Cue(6_000 + shift, 8_000, _CUES[1].lines)))
    assert _compared(moved, encode(_CUES).text) == rules


def test_a_caption_at_the_wrong_place_is_found() -> None:
    raised = Captions((_CUES[0], Cue(6_000, 8_000, _CUES[1].lines, top=True)))
    assert _compared(raised, encode(_CUES).text) == ["placement"]
    assert _compared(_CAPTIONS, encode(raised.cues).text) == ["placement"]


def test_an_empty_file_is_not_released_for_captions() -> None:
    assert _compared(_CAPTIONS, _HEAD) == ["text-missing", "text-missing"]


def test_findings_say_how_bad_they_are() -> None:
    assert Finding("parity", 3, "").severity == "error"
    assert Finding("blink", 3, "").severity == "warning"


@pytest.mark.parametrize("text", ["", "hello", "WEBVTT\n\n00:00.000 --> 00:01.000\nHello"])
def test_what_is_no_scc_cannot_be_read(text: str) -> None:
    with pytest.raises(CannotRead):
        verify(text)


@given(st.lists(st.integers(0, 0xFFFF), max_size=200))
def test_random_words_never_crash_the_receiver(words: list[int]) -> None:
    verify(_HEAD + "00:00:01;00\t" + " ".join(f"{word:04x}" for word in words))


@given(st.text(max_size=300))
def test_random_text_never_crashes_the_reader(text: str) -> None:
    verify(_HEAD + text)
