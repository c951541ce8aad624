"""The simulator's own SCC decoder, against words written by hand from the rules of the channel."""

import pytest
from tests.simulators.cablecast import cea608
from tests.simulators.cablecast.cea608 import BadCaptions, decode

from archivist_captions.cue import Captions
from archivist_captions.cue import Cue as OurCue
from archivist_captions.formats import scc

# Frames to milliseconds by hand: frame x 1001 / 30.
LOAD = "9420 9420 94ae 94ae 9470 9470"  # RCL RCL ENM ENM, row 15 column 0
SHOW, ERASE = "942f 942f", "942c 942c"
HELLO = "c8e5 ecec ef80"  # H e, l l, o and a filler
AYE = "c179 e5ae"


def file(*rows: str) -> bytes:
    return "\n\n".join(["Scenarist_SCC V1.0", *(row.replace(" ", "\t", 1) for row in rows)]).encode() + b"\n"


def shown(*rows: str) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in decode(file(*rows))]


def test_a_popped_on_caption_begins_with_the_first_end_of_caption() -> None:
    # ;00 of second 1 is frame 30; the EOC is the tenth word, frame 39: 39 x 1001 / 30 = 1301.3 ms
    assert shown(f"00:00:01;00 {LOAD} {HELLO} {SHOW}", f"00:00:04;00 {ERASE}") == [(1301, 4004, "Hello")]


def test_a_caption_ends_where_the_next_one_replaces_it() -> None:
    rows = [
        f"00:00:01;00 {LOAD} {HELLO} {SHOW}",
        f"00:00:03;00 {LOAD} {AYE} {SHOW}",
    ]
    rows += [f"00:00:06;00 {ERASE}"]
    # the second EOC: frame 90 + 8 = 98: 3269.9 ms
    assert shown(*rows) == [(1301, 3270, "Hello"), (3270, 6006, "Aye.")]


def test_a_caption_that_nothing_erases_stays_five_seconds() -> None:
    [(start, end, _)] = shown(f"00:00:01;00 {LOAD} {HELLO} {SHOW}")
    assert (start, end - start) == (1301, pytest.approx(5000, abs=20))


def test_an_erase_inside_the_next_load_ends_the_caption_before() -> None:
    rows = [
        f"00:00:01;00 {LOAD} {HELLO} {SHOW}",
        f"00:00:03;00 9420 9420 {ERASE} 94ae 94ae 9470 9470 {HELLO} {SHOW}",
        f"00:00:09;00 {ERASE}",
    ]
    # the erase is the third word from frame 90: 92 x 1001 / 30 = 3069.7
    assert [cue[:2] for cue in shown(*rows)] == [(1301, 3070), (3370, 9009)]


def test_two_rows_are_read_from_top_to_bottom() -> None:
    row_14 = "9440 9440"
    words = f"9420 9420 94ae 94ae 9470 9470 {HELLO} {row_14} {HELLO} {SHOW}"
    assert shown(f"00:00:01;00 {words}", f"00:00:09;00 {ERASE}")[0][2] == "Hello\nHello"


def test_a_control_code_that_comes_once_counts_like_one_that_comes_twice() -> None:
    once = f"9420 94ae 9470 {HELLO} 942f"
    # frame 30 + 6 = 36: 1201.2 ms
    assert shown(f"00:00:01;00 {once}", "00:00:04;00 942c") == [(1201, 4004, "Hello")]


def test_a_third_copy_is_obeyed_again() -> None:
    # The third EOC swaps back to the empty memory: the caption is gone after two frames.
    assert shown(f"00:00:01;00 {LOAD} {HELLO} {SHOW} 942f") == [(1301, 1368, "Hello")]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param("9137 9137", "♪", id="special"),
        pytest.param("9137 9137 9137 9137", "♪♪", id="two-notes-are-four-words"),
        pytest.param("9137", "♪", id="special-once"),
        pytest.param("dc70 ef80", "épo", id="basic-set-is-not-ascii"),
        pytest.param("7580 9225 9225", "ü", id="extended-takes-the-place-of-its-stand-in"),
        pytest.param("a280 92ae 92ae c880 a280 922f 922f", "“H”", id="curly-quotes"),
        pytest.param("9140 9140 9120 9120 c880", "H", id="mid-row-code-is-a-column"),
        pytest.param("c8e5 94a1 94a1 6180", "Ha", id="backspace"),
        pytest.param("97a1 97a1 c880", "H", id="tab-offset"),
        pytest.param("1c20 1c20 c1c1", "", id="the-second-channel-is-not-ours"),
    ],
)
def test_characters(words: str, text: str) -> None:
    found = shown(f"00:00:01;00 {LOAD} {words} 9420 9420 {SHOW}", f"00:00:09;00 {ERASE}")
    assert [cue[2] for cue in found] == ([text] if text else [])


@pytest.mark.parametrize(
    ("preamble", "row"),
    [("91d0 91d0", 1), ("9170 9170", 2), ("1552 1552", 5), ("10d0 10d0", 11), ("94d0 94d0", 14), ("9470 9470", 15)],
)
def test_a_preamble_names_its_row(preamble: str, row: int) -> None:
    screen = cea608._Screen()
    words = [int(word, 16) for word in f"9420 9420 94ae 94ae {preamble} c880".split()]
    for frame, word in enumerate(words):
        screen.take(frame, word >> 8 & 0x7F, word & 0x7F)
    assert [at for at, cells in screen._hidden.cells.items() if any(cells)] == [row]


def test_roll_up_gives_each_row_until_the_next_begins() -> None:
    rows = [
        f"00:00:01;00 9425 9425 94ad 94ad 9470 9470 {HELLO}",
        f"00:00:03;00 9425 9425 94ad 94ad 9470 9470 {AYE}",
        f"00:00:05;00 {ERASE}",
    ]
    # text from frame 36; the next carriage return at frame 92; its text from 96; erased at 150
    assert shown(*rows) == [(1201, 3070, "Hello"), (3203, 5005, "Aye.")]


def test_painted_on_text_is_a_cue_until_it_is_erased() -> None:
    assert shown(f"00:00:01;00 9429 9429 9470 9470 {HELLO}", f"00:00:02;00 {ERASE}") == [(1134, 2002, "Hello")]


@pytest.mark.parametrize(
    ("label", "frame"),
    [
        ("00:00:59;28", 1798), ("00:00:59:28", 1798), ("00:01:00;02", 1800), ("00:10:00;00", 17982),
        ("00:09:59:12", 17982), ("01:00:00;00", 107892), ("00:59:56:12", 107892), ("23:59:59;29", 2589407),
    ],
)  # fmt: skip
def test_time_codes_name_their_frames(label: str, frame: int) -> None:
    [line] = cea608.lines(file(f"{label} 8080"))
    assert line.frame == frame


def test_an_hour_is_an_hour_in_both_kinds_of_time_code() -> None:
    assert cea608.ms_of(107892) == 3_599_996  # the frame nearest to one hour


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "line 1", id="empty"),
        pytest.param(b"Scenarist_SCC V2.0\n", "line 1", id="another-header"),
        pytest.param(b"\xef\xbb\xbfScenarist_SCC V1.0\n", "ASCII", id="byte-order-mark"),
        pytest.param(file("00:00:01;00 9420", "00:00:01;00 9420"), "line 5.*rise", id="standing-time"),
        pytest.param(file("00:00:02;00 9420", "00:00:01;00 9420"), "line 5.*rise", id="falling-time"),
        pytest.param(file("00:00:01;00 9420", "00:00:02:00 9420"), "mixes", id="two-kinds"),
        pytest.param(file("00:01:00;00 9420"), "no 00:01:00;00", id="dropped-label"),
        pytest.param(file("00:00:59;30 9420"), "no time code", id="thirtieth-frame"),
        pytest.param(file("24:00:00;00 9420"), "no time code", id="twenty-fifth-hour"),
        pytest.param(file("00:00:01;00 942"), "four hex", id="short-word"),
        pytest.param(file("00:00:01;00 94zz"), "four hex", id="no-hex"),
        pytest.param(file("00:00:01;00  9420"), "line 3 is not", id="blanks-for-a-tab"),
        pytest.param(file("00:00:01;00 1420"), "1420 has even parity", id="first-byte-parity"),
        pytest.param(file("00:00:01;00 94a0"), "94a0 has even parity", id="second-byte-parity"),
        pytest.param(file("nonsense"), "line 3", id="no-time-code"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(BadCaptions, match=said):
        decode(data)


def test_a_file_without_captions_is_good() -> None:
    assert decode(b"Scenarist_SCC V1.0\n\n") == []


def test_what_the_product_writes_is_what_a_viewer_reads() -> None:
    """The one place where both meet: the product's encoder, this decoder."""
    cues = [
        OurCue(2_000, 4_000, ("Good evening,", "and welcome.")),
        OurCue(4_000, 6_500, (">> MAYOR LÓPEZ:", "“Jürgen’s” motion")),
        OurCue(61_000, 63_000, ("♪♪ [GAVEL]",)),
        OurCue(3_600_000, 3_602_000, ("The hour is up.",)),
    ]
    found = decode(scc.write(Captions(tuple(cues))))
    assert [cue.rows for cue in found] == [
        ("Good evening,", "and welcome."),
        (">> MAYOR LÓPEZ:", "“Jürgen's” motion"),
        ("♪♪ [GAVEL]",),
        ("The hour is up.",),
    ]
    for cue, wanted in zip(found, cues, strict=True):
        assert abs(cue.start_ms - wanted.start_ms) <= 34  # one frame
        assert abs(cue.end_ms - wanted.end_ms) <= 68
