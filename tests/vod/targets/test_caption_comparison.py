"""Captions read back from a VOD: WebVTT as servers write it, its parts, and what makes it not ours."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Captions, Cue
from archivist_captions.errors import CannotRead
from archivist_captions.formats import scc, vtt
from archivist_vod.targets.caption_comparison import compare, expected_from_scc, join_parts, parse_vtt

OURS = (
    Cue(1_000, 3_000, ("Good evening, and welcome to the", "regular meeting of the council.")),
    Cue(3_000, 6_000, ("Item 4 is José's plow.",)),
    Cue(3_600_000, 3_604_000, ("We are adjourned.",)),
)


def lines(*cues: Cue) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in cues]


MAP = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n1\n"
NOTES = "WEBVTT\n\nNOTE it is\n00:01.000 not\n\nSTYLE\n::cue{}\n\n"
TAGS = "<v Mary><i>Q</i>&amp;A &lt;3 <c.x.y>x</c><00:01.500>y"
AT_1 = "00:01.000 --> 00:02.000"
AT_3 = "00:03.000 --> 00:04.000"
A_AT_1 = (1_000, 2_000, "A")


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        pytest.param("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA\n", [A_AT_1], id="plain"),
        pytest.param("WEBVTT\n\n00:01.000 --> 01:02.500\nA\n", [(1_000, 62_500, "A")], id="no-hours"),
        pytest.param(f"\ufeffWEBVTT\r\n\r\n{AT_1}\r\nA\r\nB\r\n", [(1_000, 2_000, "A B")], id="bom-crlf"),
        pytest.param(f"{MAP}{AT_1} line:0 align:start\nA\n", [A_AT_1], id="map-number-settings"),
        pytest.param(f"{NOTES}{AT_1}\nA\n", [A_AT_1], id="note-style"),
        pytest.param(f"WEBVTT\n\n{AT_1}\n{TAGS}\n", [(1_000, 2_000, "Q&A <3 xy")], id="tags-entities"),
        pytest.param(f"WEBVTT\n{AT_1}\nA\n2\n{AT_3}\nB", [A_AT_1, (3_000, 4_000, "B")], id="no-empty-lines"),
        pytest.param("00:00:01,000 --> 00:00:02,000\nA\n", [A_AT_1], id="commas-no-header"),
        pytest.param("WEBVTT\n\n00:01.000 --> 00:01.000\nA\n", [(1_000, 1_001, "A")], id="no-length"),
        pytest.param(f"WEBVTT\n\n{AT_1}\n\n{AT_3}\n&nbsp;\n", [], id="no-text"),
        pytest.param("WEBVTT\n\n00:99.000 --> 00:02.000\nA\n", [], id="no-such-time"),
        pytest.param("WEBVTT\n", [], id="header-only"),
        pytest.param("<html>\n<body>Not found</body>", [], id="a-page"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_webvtt_is_read_as_servers_write_it(text: str, cues: list[tuple[int, int, str]]) -> None:
    assert lines(*parse_vtt(text)) == cues
    assert parse_vtt(text.encode()) == parse_vtt(text)


def test_bytes_are_utf_8_whatever_is_wrong_with_them() -> None:
    (cue,) = parse_vtt("WEBVTT\n\n00:01.000 --> 00:02.000\nJosé\n".encode() + b"\xff\n")
    assert cue.lines == ("José", "\ufffd")


@given(st.text(alphabet=st.sampled_from("WEBVT\n\r:.->0123456789 NOTE<>&;ab"), max_size=200))
def test_any_text_is_read_as_some_cues(text: str) -> None:
    cues = parse_vtt(text)
    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)


def test_a_cue_that_stands_in_two_parts_is_one() -> None:
    split = Cue(9_000, 11_000, ("Over the edge",))
    other = Cue(12_000, 13_000, ("Next",))
    assert join_parts([[split], [split, other]]) == (split, other)


def test_a_cue_cut_at_the_edge_of_a_part_is_one() -> None:
    pieces = [[Cue(9_000, 10_000, ("Long",))], [Cue(10_000, 20_000, ("Long",))], [Cue(20_000, 21_000, ("Long",))]]
    assert join_parts(pieces) == (Cue(9_000, 21_000, ("Long",)),)


def test_the_same_words_said_twice_are_two_cues() -> None:
    ayes = [Cue(8_000, 9_500, ("Aye.",)), Cue(10_200, 12_000, ("Aye.",))]
    assert join_parts([[ayes[0]], [ayes[1]]]) == tuple(ayes)
    close = [Cue(12_000, 13_000, ("Aye.",)), Cue(13_000, 14_000, ("Aye.",))]
    assert join_parts([close]) == tuple(close)


def test_parts_may_be_empty() -> None:
    assert join_parts([]) == ()
    assert join_parts([[], [OURS[0]], []]) == (OURS[0],)


def test_captions_that_are_ours_are_equal_however_they_are_broken() -> None:
    theirs = (
        Cue(1_020, 3_010, ("GOOD EVENING, AND", "WELCOME TO THE regular meeting", "of the council .")),
        Cue(3_010, 6_000, ("Item 4  is José's plow.",)),
        Cue(3_600_020, 3_604_000, ("We are adjourned.",)),
    )
    result = compare(OURS, theirs)
    assert result.equal
    assert (result.words_expected, result.words_found, result.first_difference) == (19, 19, None)
    assert (result.offset_ms, result.drift_ms) == (20, -20)


def test_cues_may_be_joined_and_split_within_their_time() -> None:
    joined = (
        Cue(1_000, 6_000, (OURS[0].text, OURS[1].text)),
        Cue(3_600_000, 3_601_000, ("We are",)),
        Cue(3_601_000, 3_604_000, ("adjourned.",)),
    )
    assert compare(OURS, joined).equal


def test_an_old_sidecar_with_one_other_word_is_not_ours() -> None:
    old = (OURS[0], replace(OURS[1], lines=("Item 4 is José's plough.",)), OURS[2])
    result = compare(OURS, old)
    assert not result.equal
    assert result.first_difference == (
        "at 0:00:03 we wrote “Item 4 is José's plow. We are adjourned”, "
        "the VOD shows “Item 4 is José's plough. We are adjourned”"
    )
    assert (result.offset_ms, result.drift_ms) == (None, None)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param((), "the VOD shows no captions; ours begin at 0:00:01 with “Good evening,", id="none"),
        pytest.param(OURS[:2], "end after “4 is José's plow.”; ours go on at 1:00:00 with “We are", id="ends-early"),
        pytest.param((*OURS, Cue(3_700_000, 3_701_000, ("End",))), "at 1:01:40 the VOD goes on with", id="goes-on"),
        pytest.param((OURS[0], OURS[2]), "at 0:00:03 we wrote", id="one-is-missing"),
        pytest.param((OURS[0], Cue(3_000, 6_000, ("Item 4 is Jose's plow.",))), "José's", id="accent-lost"),
    ],
)  # fmt: skip
def test_what_is_missing_or_added_is_named(found: tuple[Cue, ...], says: str) -> None:
    result = compare(OURS, found)
    assert not result.equal
    assert says in (result.first_difference or "")


def test_captions_that_run_away_are_not_equal_and_their_drift_is_told() -> None:
    slow = tuple(Cue(cue.start_ms * 1_001 // 1_000, cue.end_ms * 1_001 // 1_000, cue.lines) for cue in OURS)
    result = compare(OURS, slow)
    assert not result.equal
    assert result.first_difference is not None
    assert "begins 3.6 s late" in result.first_difference
    assert result.drift_ms == 3_603
    assert compare(OURS, slow, tolerance_ms=4_000).equal


def test_a_cue_that_is_shown_too_long_is_not_equal() -> None:
    result = compare(OURS, (OURS[0], replace(OURS[1], end_ms=9_000), OURS[2]))
    assert "ends 3.0 s late" in (result.first_difference or "")


def test_characters_that_608_lacks_may_be_shown_as_it_substitutes_them() -> None:
    wanted = (Cue(0, 1_000, ("“Dvořak” – it’s 5 € … ok",)),)
    shown = (Cue(0, 1_000, ("“Dvorak” - it's 5 EUR ... ok",)),)
    assert compare(wanted, shown).equal
    assert not compare((Cue(0, 1_000, ("Café",)),), (Cue(0, 1_000, ("Cafe",)),)).equal


def test_what_a_cut_leaves_of_a_cue_may_be_shown_or_not() -> None:
    sliver = Cue(0, 33, ("Before the in point.",))
    assert compare((sliver, *OURS), OURS).equal
    assert compare(OURS, (sliver, *OURS)).equal
    assert not compare((replace(sliver, end_ms=400), *OURS), OURS).equal


def test_nothing_read_back_of_nothing_is_equal() -> None:
    assert compare((), ()).equal
    assert not compare((), OURS).equal


def test_our_own_file_is_what_is_expected() -> None:
    data = scc.write(Captions(OURS))
    expected = expected_from_scc(data)
    assert compare(expected, OURS).equal
    with pytest.raises(CannotRead):
        expected_from_scc(b"<html>")


def test_a_file_whose_clock_begins_at_one_hour_is_expected_from_zero() -> None:
    options = SccOptions(start_label="01:00:00;00")
    data = scc.write_scc(Captions(OURS), options).text.encode()
    assert compare(expected_from_scc(data, options), OURS).equal
    assert not compare(expected_from_scc(data), OURS).equal


WORDS = st.lists(
    st.sampled_from(
        ["aye", "second", "the", "motion", "carries", "4", "José", "Q&A", "(laughs)", "plow,", "no.", "It's"]
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def programmes(draw: st.DrawFn) -> tuple[Cue, ...]:
    now = 2_000
    cues: list[Cue] = []
    for words in draw(st.lists(WORDS, min_size=1, max_size=12)):
        now += draw(st.integers(700, 9_000))
        length = draw(st.integers(1_500, 12_000))
        cues.append(Cue(now, now + length, (" ".join(words),)))
        now += length
    return tuple(cues)


@given(programmes())
def test_what_we_write_is_read_back_equal(cues: tuple[Cue, ...]) -> None:
    result = compare(cues, parse_vtt(vtt.write(Captions(cues))), tolerance_ms=0)
    assert result.equal, result.first_difference
    expected = expected_from_scc(scc.write(Captions(cues)))
    result = compare(expected, parse_vtt(vtt.write(Captions(cues))))
    assert result.equal, result.first_difference


@given(programmes(), st.booleans())
def test_parts_of_ten_seconds_join_to_the_whole(cues: tuple[Cue, ...], pieces: bool) -> None:
    parts: list[list[Cue]] = []
    for begin in range(0, cues[-1].end_ms + 1, 10_000):
        end = begin + 10_000
        inside = [cue for cue in cues if cue.start_ms < end and cue.end_ms > begin]
        if pieces:
            inside = [replace(cue, start_ms=max(cue.start_ms, begin), end_ms=min(cue.end_ms, end)) for cue in inside]
        parts.append(list(parse_vtt(vtt.write(Captions(tuple(inside))))))
    assert lines(*join_parts(parts)) == lines(*cues)


@given(programmes(), st.data())
def test_one_other_word_is_never_equal(cues: tuple[Cue, ...], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(cues) - 1))
    words = cues[index].text.split(" ")
    place = data.draw(st.integers(0, len(words) - 1))
    other = [*words[:place], "plough", *words[place + 1 :]]
    changed = (*cues[:index], replace(cues[index], lines=(" ".join(other),)), *cues[index + 1 :])
    result = compare(cues, changed)
    assert not result.equal
    assert "plough" in (result.first_difference or "")


@given(programmes(), st.integers(-5_000, 5_000))
def test_a_shift_counts_from_the_tolerance_on(cues: tuple[Cue, ...], shift: int) -> None:
    assume(cues[0].start_ms + shift >= 0)
    moved = tuple(replace(cue, start_ms=cue.start_ms + shift, end_ms=cue.end_ms + shift) for cue in cues)
    result = compare(cues, moved)
    assert result.equal is (abs(shift) <= 1_000)
    assert (result.offset_ms, result.drift_ms) == (shift, 0)
