"""Good files, damaged: what happened is found, by rule and line. No damage crashes anything."""

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivist_bench.caption_trials import benign, hazards
from archivist_captions.cea608.codes import EDM, ENM, EOC, is_control
from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.verifier import Finding, compare, verify
from archivist_captions.convert import read
from archivist_captions.cue import Captions
from archivist_captions.errors import CannotEncode, CannotRead

_patient = settings(deadline=None, max_examples=60)  # a machine that is busy is no fault

_CUES = (*benign(12), *(cue for cue in hazards() if cue.start_ms > 3_600_000))
_ROWS = encode(_CUES).text.splitlines()
_DATA = [number for number, row in enumerate(_ROWS, 1) if "\t" in row]  # lines of words, from 1
_LOADS = [number for number in _DATA if _ROWS[number - 1].endswith("942f")]


def _text(rows: list[str]) -> str:
    return "\n".join(rows) + "\n"


def _with(number: int, words: list[str]) -> list[str]:
    """The file with other words in one line."""
    label = _ROWS[number - 1].partition("\t")[0]
    return [*_ROWS[: number - 1], f"{label}\t{' '.join(words)}", *_ROWS[number:]]


def _words(number: int) -> list[str]:
    return _ROWS[number - 1].partition("\t")[2].split()


def _bare(word: str) -> int:
    return int(word, 16) & 0x7F7F


def _found(rows: list[str]) -> set[tuple[str, int]]:
    return {(finding.rule, finding.line) for finding in verify(_text(rows))}


def _places(holds: Callable[[list[str], int], bool]) -> st.SearchStrategy[tuple[int, int]]:
    """Lines and places in them where something holds."""
    found = [
        (number, place) for number in _DATA for place in range(len(_words(number))) if holds(_words(number), place)
    ]
    return st.sampled_from(found)


def _begins_a_pair(words: list[str], place: int) -> bool:
    """Whether the first copy of a control pair stands here, its second after it and no third."""
    copies = 0
    while place >= copies and words[place - copies] == words[place]:
        copies += 1
    return is_control(_bare(words[place])) and copies % 2 == 1


def test_the_file_is_good_before_it_is_damaged() -> None:
    assert _found(_ROWS) == set()
    assert compare(Captions(_CUES), _text(_ROWS)) == ()
    assert len(_LOADS) == len(_CUES)


@_patient
@given(_places(lambda words, place: True), st.integers(0, 15))
def test_a_flipped_bit_is_a_parity_error_of_its_line(where: tuple[int, int], bit: int) -> None:
    number, place = where
    words = _words(number)
    words[place] = f"{int(words[place], 16) ^ 1 << bit:04x}"
    assert ("parity", number) in _found(_with(number, words))


@_patient
@given(_places(_begins_a_pair), st.sampled_from(["8080", "c1c2", ""]))
def test_a_pair_torn_apart_or_sent_once_is_found_in_its_line(where: tuple[int, int], between: str) -> None:
    number, place = where
    words = _words(number)
    words[place + 1 : place + 2] = [between, words[place + 1]] if between else []
    assert ("undoubled", number) in _found(_with(number, words))


@_patient
@given(st.integers(2, len(_LOADS) - 1))
def test_a_missing_enm_is_found_in_its_load(index: int) -> None:
    """The last swap left in the hidden memory what it took off the screen: an earlier caption, or nothing where
    that had been erased. Only then is there no harm."""
    number = _LOADS[index]
    words = [word for word in _words(number) if _bare(word) != ENM]
    until_swap = [line for line in _DATA if _LOADS[index - 2] < line <= _LOADS[index - 1]]
    erased = any(_bare(word) == EDM for line in until_swap for word in _words(line))
    assert (("stale-memory", number) in _found(_with(number, words))) is not erased


@_patient
@given(st.sampled_from(_DATA), st.integers(1, 59).filter(lambda minute: minute % 10), st.sampled_from(["00", "01"]))
def test_a_label_that_drop_frame_skips_is_found_in_its_line(number: int, minute: int, frames: str) -> None:
    words = _ROWS[number - 1].partition("\t")[2]
    rows = [*_ROWS[: number - 1], f"00:{minute:02}:00;{frames}\t{words}", *_ROWS[number:]]
    assert ("label", number) in _found(rows)


@_patient
@given(st.sampled_from(_DATA))
def test_a_label_of_the_other_kind_is_found(number: int) -> None:
    rows = [*_ROWS[: number - 1], _ROWS[number - 1].replace(";", ":"), *_ROWS[number:]]
    assert any(rule == "label" and line in (number, _DATA[1]) for rule, line in _found(rows))


@_patient
@given(st.randoms(use_true_random=False))
def test_shuffled_lines_are_found_where_time_goes_back(chance: random.Random) -> None:
    order = _DATA.copy()
    chance.shuffle(order)
    rows = _ROWS.copy()
    for number, source in zip(_DATA, order, strict=True):
        rows[number - 1] = _ROWS[source - 1]
    # A label's text sorts as its frame does.
    back = {("order", number) for before, number in pairwise(_DATA) if rows[number - 1] < rows[before - 1]}
    assert {(rule, line) for rule, line in _found(rows) if rule == "order"} == back


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(_text(_ROWS)) - 6))
def test_a_truncated_file_is_not_released(length: int) -> None:
    """Its last line says what it lacks; where nothing is wrong with that, there are words missing."""
    text = _text(_ROWS)[:length]
    if not text.startswith("Scenarist_SCC"):
        with pytest.raises(CannotRead):
            verify(text)
        return
    found = {(finding.rule, finding.line) for finding in verify(text) if finding.severity == "error"}
    assert found or "text-missing" in {finding.rule for finding in compare(Captions(_CUES), text)}
    last = text.count("\n") + 1
    label, tab, sent = text.splitlines()[-1].partition("\t")
    if text.endswith("\n") or last == 1:
        return
    words = sent.split()
    torn = bool(words) and len(words[-1]) < 4
    if not tab or not words:
        assert len(label) == len(_ROWS[last - 1].partition("\t")[0]) or ("line", last) in found
    assert (("word", last) in found) is torn
    bare = [_bare(word) for word in words[: len(words) - torn]]
    if EOC not in bare and any(word >= 0x2000 for word in bare):
        assert ("never-shown", last) in found


@_patient
@given(st.sampled_from(_LOADS))
def test_a_load_whose_swap_is_lost_is_never_shown(number: int) -> None:
    words = [word for word in _words(number) if _bare(word) != EOC]
    missing = compare(Captions(_CUES), _text(_with(number, words)))
    assert "text-missing" in [finding.rule for finding in missing]


@_patient
@given(st.sampled_from(_DATA), st.binary(min_size=1, max_size=30))
def test_bytes_spilled_into_a_line_are_found_there(number: int, spilled: bytes) -> None:
    harmless = set("0123456789abcdefABCDEF ")
    junk = "".join(letter for letter in map(chr, spilled) if letter.isprintable() and letter not in harmless)
    rows = [*_ROWS[: number - 1], _ROWS[number - 1] + junk, *_ROWS[number:]]
    assert not junk or ("word", number) in _found(rows)


@pytest.mark.parametrize("options", [SccOptions(), SccOptions(drop_frame=False), SccOptions(mode="roll-up")])
@_patient
@given(chance=st.randoms(use_true_random=False))
def test_no_damage_crashes_reader_verifier_or_gate(options: SccOptions, chance: random.Random) -> None:
    data = bytearray(_GOOD[options].encode())
    for _ in range(chance.randint(1, 40)):
        place = chance.randrange(len(data) + 1)
        how = chance.randrange(4)
        if how == 0 and place < len(data):
            data[place] = chance.randrange(256)
        elif how == 1:
            del data[place : place + chance.randint(1, 60)]
        elif how == 2:
            data[place:place] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 20)))
        else:
            data[place:place] = data[place : place + chance.randint(1, 200)]
    try:
        taken = read(bytes(data), "scc")
        findings = verify(bytes(data).decode("latin-1"))
    except CannotRead:
        return
    assert all(isinstance(finding, Finding) for finding in findings)
    compare(Captions(_CUES), bytes(data).decode("latin-1"), options)
    with suppress(CannotEncode):  # a damaged label may be past the day
        encode(taken.captions.cues)


_GOOD = {
    options: encode(_CUES[:6], options).text
    for options in (SccOptions(), SccOptions(drop_frame=False), SccOptions(mode="roll-up"))
}
