"""The encoder, told by what a receiver shows and when."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivist_bench.caption_trials import benign, easy, hazards
from archivist_captions.cea608.characters import SHOWABLE
from archivist_captions.cea608.decoder import Mode
from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.verifier import compare, play, timings, verify
from archivist_captions.cue import Captions, Cue, Italic
from archivist_captions.errors import CannotEncode
from archivist_captions.formats.scc import read
from archivist_captions.notes import NoteKind
from archivist_captions.timecode import frame_at, frame_of_label


def _lines(text: str) -> list[tuple[str, list[str]]]:
    return [(line.split("\t")[0], line.split("\t")[1].split()) for line in text.splitlines() if "\t" in line]


def test_one_caption_word_by_word() -> None:
    """`Aye.` centred: 12 words. Shown at 2 s = frame 60, so the first of them is sent at 60 - 10 = frame 50."""
    text = encode([Cue(2_000, 4_000, ("Aye.",))]).text
    assert text == (
        "Scenarist_SCC V1.0\n\n"
        "00:00:01;20\t9420 9420 94ae 94ae 9476 9476 97a2 97a2 c179 e5ae 942f 942f\n\n"
        "00:00:04;00\t942c 942c\n\n"
    )


def test_no_cues_give_a_header_that_is_clean() -> None:
    encoded = encode([])
    assert encoded.text == "Scenarist_SCC V1.0\n\n"
    assert verify(encoded.text) == ()
    assert compare(Captions(()), encoded.text) == ()


@pytest.mark.parametrize("cues", [pytest.param(easy(), id="easy"), pytest.param(benign(300), id="benign")])
@pytest.mark.parametrize("drop_frame", [True, False])
def test_ordinary_programmes_are_shown_to_the_frame(cues: list[Cue], drop_frame: bool) -> None:
    options = SccOptions(drop_frame=drop_frame)
    encoded = encode(cues, options)
    captions = Captions(tuple(cues))
    assert encoded.notes == ()
    assert verify(encoded.text) == ()
    assert compare(captions, encoded.text, options, tolerance=0) == ()
    screens = play(encoded.text).screens
    assert [screen.start for screen in screens] == [frame_at(cue.start_ms) for cue in cues]
    for cue, screen, following in zip(cues, screens, [*screens[1:], None], strict=True):
        wanted = frame_at(cue.end_ms)
        chained = following is not None and screen.end == following.start
        assert screen.end is not None
        assert (chained and screen.end - wanted <= 15) or abs(screen.end - wanted) <= 1


def test_hazards_lose_nothing_and_break_no_rule() -> None:
    cues = hazards()
    encoded = encode(cues)
    assert verify(encoded.text) == ()
    assert compare(Captions(tuple(cues)), encoded.text) == ()


def test_an_erase_rides_inside_the_next_load() -> None:
    """The first cue ends 20 frames before the second begins, whose load takes 42 words."""
    cues = [Cue(2_000, 4_000, ("One.",)), Cue(4_667, 7_000, ("x" * 32, "y" * 32))]
    encoded = encode(cues)
    first, second = play(encoded.text).screens
    assert first.end is not None
    assert abs(first.end - frame_at(4_000)) <= 1
    assert second.start == frame_at(4_667)
    label, words = _lines(encoded.text)[1]
    assert frame_of_label(label) == second.start - 42
    assert len(words) == 44
    assert words.count("942c") == 2
    assert encoded.notes == ()


def test_a_short_gap_is_swapped_without_a_blink() -> None:
    encoded = encode([Cue(2_000, 4_000, ("One.",)), Cue(4_300, 7_000, ("Two.",))])
    first, second = play(encoded.text).screens
    assert first.end == second.start
    assert encoded.text.count("942c 942c") == 1


def test_a_cue_at_zero_is_shown_as_soon_as_it_is_sent_and_says_so() -> None:
    encoded = encode([Cue(0, 2_000, ("Aye.",))])
    assert play(encoded.text).screens[0].start == 8  # 10 words less the tab offset
    assert [(note.kind, note.frames) for note in encoded.notes if note.kind is NoteKind.LATE] == [(NoteKind.LATE, 8)]
    assert compare(Captions((Cue(0, 2_000, ("Aye.",)),)), encoded.text) == ()


def test_a_burst_of_votes_is_joined_not_dropped() -> None:
    cues = [Cue(5_000 + 233 * vote, 5_200 + 233 * vote, (">> Aye.",)) for vote in range(12)]
    encoded = encode(cues)
    screens = play(encoded.text).screens
    assert " ".join(screen.text for screen in screens).split() == [">>", "Aye."] * 12
    assert all(row.text == ">> Aye." for screen in screens for row in screen.rows)
    assert max(len(screen.rows) for screen in screens) <= 3
    assert any(note.kind is NoteKind.JOINED for note in encoded.notes)
    assert max(timing.frames for timing in timings(Captions(tuple(cues)), play(encoded.text))) <= 30


def test_straight_quotes_are_a_measure_of_thrift() -> None:
    cues = [Cue(3_000, 3_700, ("Yes.",)), Cue(3_700, 6_000, ("“He said — no”",))]
    encoded = encode(cues)
    assert play(encoded.text).screens[1].text == '"He said - no"'
    assert NoteKind.STRAIGHTENED in [note.kind for note in encoded.notes]
    at_leisure = encode([cues[0], Cue(6_000, 8_000, cues[1].lines)])
    assert play(at_leisure.text).screens[1].text == "“He said — no”"


def test_too_many_rows_become_consecutive_captions() -> None:
    encoded = encode([Cue(5_000, 9_000, tuple(f"row {row}" for row in range(6)))])
    assert [len(screen.rows) for screen in play(encoded.text).screens] == [3, 3]
    assert [note.kind for note in encoded.notes] == [NoteKind.SPLIT]


def test_start_label_and_offset_move_every_label() -> None:
    cues = [Cue(2_000, 4_000, ("Aye.",))]
    options = SccOptions(start_label="01:00:00;00", offset_ms=-1_001)
    encoded = encode(cues, options)
    shown = play(encoded.text).screens[0].start
    assert shown == frame_of_label("01:00:00;00") + frame_at(999)
    assert compare(Captions(tuple(cues)), encoded.text, options) == ()


def test_true_30_counts_thirty_frames_a_second() -> None:
    options = SccOptions(drop_frame=False, rate=Fraction(30))
    encoded = encode([Cue(3_600_000, 3_602_000, ("Aye.",))], options)
    assert play(encoded.text).screens[0].start == 108_000


def test_crlf_on_request() -> None:
    encoded = encode([Cue(2_000, 4_000, ("Aye.",))], SccOptions(newline="\r\n"))
    assert encoded.text.count("\r\n") == encoded.text.count("\n") == 6
    assert verify(encoded.text) == ()


def test_a_cue_past_the_last_label_is_refused_by_name() -> None:
    with pytest.raises(CannotEncode, match=r"cue 2 .*Late.*23:59:59;29"):
        encode([Cue(1_000, 2_000, ("Early.",)), Cue(86_399_000, 86_400_500, ("Late.",))])


def test_a_cue_before_the_first_label_is_refused_by_name() -> None:
    with pytest.raises(CannotEncode, match=r"cue 1 .*first label"):
        encode([Cue(1_000, 2_000, ("Early.",))], SccOptions(offset_ms=-5_000))


@pytest.mark.parametrize(
    "options",
    [
        {"drop_frame": False, "start_label": "01:00:00;00"},
        {"start_label": "00:01:00;00"},
        {"rate": Fraction(25), "drop_frame": False},
        {"rate": Fraction(30)},
        {"newline": "\r"},
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        SccOptions(**options)  # type: ignore[arg-type]


def test_top_rows_when_the_cue_says_so() -> None:
    encoded = encode([Cue(3_000, 5_000, ("One", "two"), top=True), Cue(6_000, 8_000, ("three",))])
    assert [[row.number for row in screen.rows] for screen in play(encoded.text).screens] == [[1, 2], [15]]
    assert verify(encoded.text) == ()


@pytest.mark.parametrize(
    ("line", "italics", "shown"),
    [
        pytest.param("All of it.", (0, 10), ((0, 10),), id="whole-row"),
        pytest.param("Some of it.", (5, 7), ((5, 7),), id="a-word"),
        pytest.param("To its end.", (3, 11), ((3, 11),), id="to-the-end"),
        pytest.param("Half a word", (8, 9), ((7, 11),), id="snaps-to-words"),
        pytest.param("x" * 32, (0, 32), ((0, 32),), id="full-row-needs-an-italic-preamble"),
        pytest.param("x" * 27, (0, 27), ((0, 27),), id="tab-offset-before-the-code"),
    ],
)
def test_italics_are_shown_and_cost_no_column(
    line: str, italics: tuple[int, int], shown: tuple[tuple[int, int], ...]
) -> None:
    cue = Cue(3_000, 5_000, ("Plain.", line), italics=(Italic(1, *italics),))
    encoded = encode([cue])
    assert verify(encoded.text) == ()
    plain, slanted = play(encoded.text).screens[0].rows
    assert (plain.italics, slanted.text, slanted.italics) == ((), line, shown)
    assert slanted.column == (32 - len(line)) // 2


def test_italics_that_are_not_in_the_line_are_refused() -> None:
    with pytest.raises(ValueError, match="italics"):
        Cue(0, 1, ("abc",), italics=(Italic(0, 2, 4),))


def test_damaged_cues_are_noted_not_shown() -> None:
    encoded = encode([Cue(1_000, 2_000, ("👍",)), Cue(3_000, 4_000, ("Fine.",))])
    assert [screen.text for screen in play(encoded.text).screens] == ["Fine."]
    assert [(note.kind, note.cue) for note in encoded.notes] == [(NoteKind.REMOVED, 0), (NoteKind.EMPTY, 0)]


_CUES = st.lists(
    st.tuples(
        st.integers(0, 60_000),
        st.integers(1, 8_000),
        st.lists(st.text(max_size=50), min_size=1, max_size=6),
    ),
    max_size=12,
).map(lambda rows: [Cue(start, start + length, tuple(lines)) for start, length, lines in rows])


@settings(max_examples=150, deadline=None)
@given(_CUES, st.booleans())
def test_any_cues_make_a_clean_file_that_shows_every_word(cues: list[Cue], drop_frame: bool) -> None:
    options = SccOptions(drop_frame=drop_frame)
    encoded = encode(cues, options)
    assert verify(encoded.text) == ()
    assert compare(Captions(tuple(cues)), encoded.text, options) == ()


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_roll_up_shows_every_word_on_time_and_keeps_its_depth(depth: int) -> None:
    cues = benign(150)
    options = SccOptions(mode="roll-up", depth=depth)
    encoded = encode(cues, options)
    assert verify(encoded.text) == ()
    assert compare(Captions(tuple(cues)), encoded.text, options) == ()
    played = play(encoded.text)
    assert played.receiver.modes == [Mode.ROLL_UP]
    assert max(len(screen.rows) for screen in played.screens) == depth
    assert min(row.number for screen in played.screens for row in screen.rows) == 16 - depth
    assert all(timing.frames <= 4 for timing in timings(Captions(tuple(cues)), played))


def test_roll_up_row_word_by_word() -> None:
    """The first letters at 2 s = frame 60: mode, carriage return and place take the six frames before."""
    encoded = encode([Cue(2_000, 4_000, ("Aye.",))], SccOptions(mode="roll-up"))
    assert _lines(encoded.text) == [
        ("00:00:01;24", ["9426", "9426", "94ad", "94ad", "9470", "9470", "c179", "e5ae"]),
        ("00:00:04;00", ["942c", "942c"]),
    ]


def test_roll_up_hazards_lose_nothing() -> None:
    cues = hazards()
    options = SccOptions(mode="roll-up")
    encoded = encode(cues, options)
    assert verify(encoded.text) == ()
    assert compare(Captions(tuple(cues)), encoded.text, options) == ()


@settings(max_examples=60, deadline=None)
@given(_CUES)
def test_any_cues_roll_up_clean(cues: list[Cue]) -> None:
    options = SccOptions(mode="roll-up", depth=2)
    encoded = encode(cues, options)
    assert verify(encoded.text) == ()
    assert compare(Captions(tuple(cues)), encoded.text, options) == ()


_WORD = st.text(alphabet=sorted(SHOWABLE - {" "}), min_size=1, max_size=7)
_LINE = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)


@st.composite
def _leisurely(draw: st.DrawFn) -> list[Cue]:
    """Cues that need no compromise: fit for the screen and far enough apart."""
    cues: list[Cue] = []
    clock = 0
    for _ in range(draw(st.integers(1, 4))):
        clock += draw(st.integers(8_000, 12_000))
        lines = tuple(draw(st.lists(_LINE, min_size=1, max_size=4)))
        number = draw(st.integers(0, len(lines) - 1))
        italics = (Italic(number, 0, len(lines[number])),) if draw(st.booleans()) else ()
        cues.append(Cue(clock, clock + draw(st.integers(1_500, 4_000)), lines, draw(st.booleans()), italics))
    return cues


@settings(max_examples=100, deadline=None)
@given(_leisurely())
def test_decoding_gives_back_what_was_encoded(cues: list[Cue]) -> None:
    encoded = encode(cues)
    screens = play(encoded.text).screens
    assert encoded.notes == ()
    assert [screen.start for screen in screens] == [frame_at(cue.start_ms) for cue in cues]
    assert [screen.end for screen in screens] == [frame_at(cue.end_ms) for cue in cues]
    for cue, screen in zip(cues, screens, strict=True):
        assert tuple(row.text for row in screen.rows) == cue.lines
        assert [row.column for row in screen.rows] == [(32 - len(line)) // 2 for line in cue.lines]
        assert (screen.rows[0].number == 1) is cue.top
        slanted = {italic.line for italic in cue.italics}
        assert [row.italics for row in screen.rows] == [
            ((0, len(line)),) if number in slanted else () for number, line in enumerate(cue.lines)
        ]


@settings(max_examples=100, deadline=None)
@given(_CUES, st.booleans())
def test_what_was_decoded_is_encoded_to_the_same_screens_and_frames(cues: list[Cue], drop_frame: bool) -> None:
    """Any cues, those that need every measure too: what the channel could show once it can show again."""
    options = SccOptions(drop_frame=drop_frame)
    first = encode(cues, options).text
    again = encode(read(first.encode("ascii")).cues, options).text
    assert play(again).screens == play(first).screens
