"""Files as other programs write them: each line of times is read, nothing of it becomes text."""

import pytest

from archivist_captions.errors import CannotRead
from archivist_captions.formats import srt, vtt


def _told(data: str, kind: str) -> list[tuple[int, int, str]]:
    read = {"srt": srt.read, "vtt": vtt.read}[kind]
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in read(data.encode()).cues]


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        pytest.param("00:00:20 --> 00:00:24", (20_000, 24_000), id="no-fraction"),
        pytest.param("0:0:1,5 --> 0:0:2,25", (1_500, 2_250), id="single-digits"),
        pytest.param("00:00:00,500 --> 00:00:01,1000", (500, 2_000), id="rounded-over"),
        pytest.param("00:00:59,000 --> 00:00:60,000", (59_000, 60_000), id="sixty-seconds"),
        pytest.param("00:00:01:500 --> 00:00:02:750", (1_500, 2_750), id="colon-before-milliseconds"),
        pytest.param("00:00:01.500 --> 00:00:02.750", (1_500, 2_750), id="points"),
        pytest.param("-00:00:01,000 --> 00:00:02,500", (0, 2_500), id="before-zero"),
        pytest.param("00:00:01,000 -> 00:00:02,000", (1_000, 2_000), id="short-arrow"),
        pytest.param("00:00:01,000 —> 00:00:02,000", (1_000, 2_000), id="arrow-of-a-dash"),
        pytest.param("00:00:01,000 --&gt; 00:00:02,000", (1_000, 2_000), id="escaped-arrow"),
        pytest.param("7 00:00:01,000 --> 00:00:02,000", (1_000, 2_000), id="number-on-the-line"),
    ],
)
def test_subrip_times_are_read_as_they_are_written(times: str, wanted: tuple[int, int]) -> None:
    assert _told(f"1\n{times}\nAye.\n\n2\n00:09:00,000 --> 00:09:01,000\nNo.\n", "srt") == [
        (*wanted, "Aye."),
        (540_000, 541_000, "No."),
    ]


def test_a_subrip_cue_that_ends_before_zero_is_left_out_and_noted() -> None:
    reading = srt.reading(b"-0:0:3 --> -0:0:1\nGone.\n\n0:0:3 --> 0:0:4\nAye.\n")
    assert [cue.text for cue in reading.captions.cues] == ["Aye."]
    assert "before zero" in reading.notes[0].detail


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        pytest.param("<LAUGHTER> Yes.", "<LAUGHTER> Yes.", id="words-in-brackets"),
        pytest.param("<b>One</b> <u>two</u> <font color=red>three</font>", "One two three", id="tags"),
        pytest.param("One\\Ntwo\\hthree", "One two three", id="literal-line-end"),
        pytest.param("&gt;&gt; A &amp; B&#39;s AT&T", ">> A & B's AT&T", id="references"),
    ],
)
def test_subrip_text_is_what_the_captioner_wrote(payload: str, text: str) -> None:
    assert _told(f"1\n00:00:01,000 --> 00:00:02,000\n{payload}\n", "srt") == [(1_000, 2_000, text)]


def test_a_text_that_looks_like_a_reference_is_read_back_from_subrip() -> None:
    captions = vtt.read(b"WEBVTT\n\n00:01.000 --> 00:02.000\nWrite &amp;amp; twice\n")
    assert srt.read(srt.write(captions)) == captions


def test_one_broken_byte_leaves_the_other_letters() -> None:
    reading = srt.reading("1\n00:00:01,000 --> 00:00:02,000\nSeñor Núñez y José".encode()[:-1])
    assert reading.captions.cues[0].text == "Señor Núñez y Jos\ufffd"
    assert reading.notes[0].detail == "1 broken bytes in UTF-8"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("WEBVTT\nKind: captions\n00:01.000 --> 00:02.000\nOne\n", id="header-then-cue"),
        pytest.param("WEBVTT\n\nNOTE x\ny\nz\n00:01.000 --> 00:02.000\nOne\n", id="note-then-cue"),
        pytest.param("WEBVTT\n\na\nb\n00:01.000 --> 00:02.000\nOne\n", id="two-lines-before"),
        pytest.param("WEBVTT\n\n00:01.000\t-->\t00:02.000\tline:0\nOne\n", id="tabs"),
        pytest.param("WEBVTT\n\n--> x\n00:01.000-->00:02.000size:5%\nOne\n", id="broken-timing-before"),
    ],
)
def test_a_webvtt_cue_is_found_wherever_its_arrow_is(text: str) -> None:
    assert _told(text, "vtt") == [(1_000, 2_000, "One")]


def test_a_nul_in_webvtt_is_a_replacement_character_and_refused_elsewhere() -> None:
    assert _told("WEBVTT\n\n00:01.000 --> 00:02.000\nO\0e\n", "vtt") == [(1_000, 2_000, "O\ufffde")]
    with pytest.raises(CannotRead):
        srt.read(b"1\n00:00:01,000 --> 00:00:02,000\nO\0e\n")


@pytest.mark.parametrize(
    ("setting", "top"),
    [
        ("line:10.5%", True),
        ("line:84.66%", False),
        ("line:-1", False),
        ("line:-15", True),
        ("line:12%,start", True),
        ("line:x line:0", True),
        ("line:0 line:90%", False),
        ("outline:0", False),
    ],
)
def test_a_webvtt_line_says_top_or_bottom(setting: str, top: bool) -> None:
    (cue,) = vtt.read(f"WEBVTT\n\n00:01.000 --> 00:02.000 {setting}\nOne\n".encode()).cues
    assert cue.top is top
