"""Files, held against goldens that were checked by hand against each format's rules."""

import contextlib
from itertools import permutations
from pathlib import Path
from xml.etree import ElementTree

import pytest
import ttconv.imsc.reader
from hypothesis import given
from hypothesis import strategies as st
from tests.captions.cea608.oracle import paragraphs_of, text_of_model

from archivist_captions.cue import Captions, Cue, Italic, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats import FORMATS
from archivist_captions.formats.clock import clock
from archivist_captions.formats.reading import Reading
from archivist_captions.formats.scc import SccOptions, write_scc
from archivist_captions.formats.voices import voices_of, words_of
from archivist_captions.notes import NoteKind

GOLDENS = Path(__file__).parent / "goldens"

MEETING = Captions(
    cues=(
        Cue(2_000, 4_100, ("Good evening, everyone.",)),
        Cue(4_100, 7_250, ("“Smith & Sons” asked:", "is 3 < 4 --> true?")),
        Cue(9_000, 10_500, (">> Aye.", ">> Señor Núñez: Aye ♪")),
        Cue(12_000, 14_000, ("Read the Daily Record", "every day."), top=True, italics=(Italic(0, 9, 21),)),
        Cue(3_661_001, 3_662_002, ("The end.",)),
    ),
    words=(
        Word(2_000, 2_400, "Good", 0.91, "S1"),
        Word(2_400, 4_000, "evening,", None, "S1"),
        Word(4_000, 4_100, "everyone.", 1.0, "S1"),
        Word(9_000, 9_400, "Aye.", 0.4, "S2"),
    ),
    language="en",
    title="Council & Clerk --> 2026",
)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_file_is_as_its_golden(name: str) -> None:
    entry = FORMATS[name]
    assert entry.write(MEETING) == (GOLDENS / f"meeting.{entry.extension}").read_bytes()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_empty_programme_is_a_valid_file(name: str) -> None:
    data = FORMATS[name].write(Captions(()))
    assert data == {
        "scc": b"Scenarist_SCC V1.0\n\n",
        "vtt": b"WEBVTT\n",
        "srt": b"",
        "txt": b"",
        "json": b'{"format":"archivist-captions","version":1,"title":"","language":"en","words":[],"cues":[]}\n',
    }.get(name, data)


def test_hours_never_wrap() -> None:
    assert clock(359_999_999, ".") == "99:59:59.999"
    assert clock(360_000_000, ",") == "100:00:00,000"


def test_a_blank_line_in_a_cue_does_not_end_it() -> None:
    captions = Captions((Cue(0, 1_000, ("One", " ", "Two\n\nthree")),))
    assert FORMATS["srt"].write(captions) == b"1\r\n00:00:00,000 --> 00:00:01,000\r\nOne\r\nTwo three\r\n"
    assert FORMATS["vtt"].write(captions).endswith(b"\nOne\nTwo three\n")


def _reading(name: str, data: bytes | str) -> Reading:
    reading = FORMATS[name].reading
    assert reading is not None
    return reading(data.encode() if isinstance(data, str) else data)


def _read(name: str, data: bytes | str) -> Captions:
    read = FORMATS[name].read
    assert read is not None
    captions = read(data.encode() if isinstance(data, str) else data)
    assert captions == _reading(name, data).captions
    return captions


def test_json_reads_back_what_it_wrote() -> None:
    assert _read("json", FORMATS["json"].write(MEETING)) == MEETING
    odd = Captions((), (Word(0, 1, "half \ud83d pair"),))
    assert _read("json", FORMATS["json"].write(odd)) == odd


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_text_formats_read_back_the_cues_they_wrote(name: str) -> None:
    assert _read(name, FORMATS[name].write(MEETING)).cues == MEETING.cues


def test_scc_reads_back_what_a_receiver_shows() -> None:
    cues = _read("scc", FORMATS["scc"].write(MEETING)).cues
    assert [(cue.lines, cue.top, cue.italics) for cue in cues] == [
        (cue.lines, cue.top, cue.italics) for cue in MEETING.cues
    ]
    assert all(abs(a.start_ms - b.start_ms) <= 17 for a, b in zip(cues, MEETING.cues, strict=True))


def test_scc_that_rolls_up_is_read_row_by_row() -> None:
    cues = (Cue(2_000, 4_000, ("Good evening,", "everyone.")), Cue(4_000, 6_000, ("Please rise.",)))
    text = write_scc(Captions(cues), SccOptions(mode="roll-up")).text
    read = _read("scc", text).cues
    assert [cue.lines for cue in read] == [("Good evening,",), ("everyone.",), ("Please rise.",)]
    assert abs(read[0].start_ms - 2_000) <= 17
    assert read[-1].end_ms == 6_006


def test_scc_that_is_painted_on_is_one_cue_from_first_letter_to_erase() -> None:
    text = (
        "Scenarist_SCC V1.0\n\n00:00:01:00\t9429 9429 9470 9470 c179 e5ae\n\n00:00:03:00\t942c 942c\n\n"
        "00:00:04:00\t9429 9429 9470 9470 ceef ae80\n\n00:00:06:00\t942c 942c\n\n"
    )
    cues = _read("scc", text).cues
    assert [cue.lines for cue in cues] == [("Aye.",), ("No.",)]
    assert (cues[0].start_ms, cues[0].end_ms) == (1_134, 3_003)


_MODES = {
    "pop-on": "9420 9420 94ae 94ae 9470 9470 {} 942f 942f",
    "roll-up": "9425 9425 94ad 94ad 9470 9470 {}",
    "paint-on": "9429 9429 9470 9470 {}",
}


@pytest.mark.parametrize("modes", [*permutations(_MODES), ("paint-on", "paint-on", "pop-on")])
@pytest.mark.parametrize("erase", [True, False])
def test_scc_that_changes_mode_loses_no_caption(modes: tuple[str, ...], erase: bool) -> None:
    said = {"Aye.": "c179 e5ae", "No.": "ceef ae80", "Me.": "cde5 ae80"}
    lines = ["Scenarist_SCC V1.0\n"]
    for number, (mode, words) in enumerate(zip(modes, said.values(), strict=True)):
        lines.append(f"00:00:{4 * number + 1:02}:00\t{_MODES[mode].format(words)}\n")
        if erase:
            lines.append(f"00:00:{4 * number + 3:02}:00\t942c 942c\n")
    assert [cue.text for cue in _read("scc", "\n".join([*lines, ""])).cues] == list(said)


@pytest.mark.parametrize("mark", [":", ";"])
def test_scc_labels_that_pass_midnight_go_on(mark: str) -> None:
    lines = [
        f"{label}\t{_MODES['pop-on'].format('c179 e5ae')}" for label in (f"23:59:58{mark}00", f"00:00:02{mark}00")
    ]
    reading = _reading("scc", "\n\n".join(["Scenarist_SCC V1.0", *lines, f"00:00:05{mark}00\t942c 942c\n"]))
    first, second = reading.captions.cues
    assert second.start_ms - first.start_ms == 4_004
    assert reading.notes == ()


def test_an_scc_label_that_jumps_ahead_moves_no_other() -> None:
    labels = ("00:00:02:00", "23:00:00:00", "00:00:08:00")
    lines = [f"{label}\t{_MODES['pop-on'].format('c179 e5ae')}" for label in labels]
    assert "order" in " ".join(
        note.detail for note in _reading("scc", "\n\n".join(["Scenarist_SCC V1.0", *lines])).notes
    )


def test_scc_from_air_is_read_with_its_faults_noted() -> None:
    """Undoubled, with a wrong parity: what a receiver would still show."""
    text = "Scenarist_SCC V1.0\n\n00:00:01:00\t9420 94ae 9470 4179 e5ae 942f\n\n00:00:03:00\t942c\n\n"
    reading = _reading("scc", text)
    assert [cue.text for cue in reading.captions.cues] == ["Aye."]
    assert {note.detail.split(": ")[1] for note in reading.notes} == {"parity", "undoubled"}


def test_subrip_is_read_as_it_is_found() -> None:
    text = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\n<i>One &amp; two</i>\r\nthree\r\n\r\n"
        "7\r\n00:00:03.000-->00:00:04.000\r\n{\\an8}<font color='red'>Top</font> <3 <b>bold</b>"
        "\r\n\r\nafter a blank\r\n\r\n"
        "00:00:05,5 --> 00:00:06,000\nno number\n\n"
        "3\n00:00:08,000 --> 00:00:07,000\nbackwards\n\n"
        "4\n00:00:09,000 --> 00:00:10,000\n \n\n"
        "5\n00:99:00,000 --> 00:99:10,000\nnever\n"
    )
    reading = _reading("srt", text)
    assert reading.captions.cues == (
        Cue(1_000, 2_500, ("One & two", "three"), italics=(Italic(0, 0, 9),)),
        Cue(3_000, 4_000, ("Top <3 bold", "after a blank"), top=True),
        Cue(5_500, 6_000, ("no number",)),
        Cue(8_000, 9_000, ("backwards",)),
    )
    assert [note.kind for note in reading.notes] == [NoteKind.REPAIRED] * 2
    assert "cue at 00:00:08,000" in reading.notes[1].detail


def test_subrip_in_an_old_encoding_is_read_and_noted() -> None:
    reading = _reading("srt", "1\n00:00:01,000 --> 00:00:02,000\nSeñor Núñez’s\n".encode("cp1252"))
    assert reading.captions.cues[0].lines == ("Señor Núñez’s",)
    assert "Windows-1252" in reading.notes[0].detail
    assert _read("srt", "1\n00:00:01,000 --> 00:00:02,000\né\n".encode("utf-16")).cues[0].text == "é"


def test_an_empty_subrip_file_has_no_cues() -> None:
    assert _read("srt", b"").cues == ()


def test_webvtt_is_read_with_positions_voices_and_entities() -> None:
    text = (
        "WEBVTT - title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE a --> b\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start line:0\n<v.loud Mary Lou>Fish &amp; <c.x>chips</c></v>\n"
        "- <00:00:01.500>two\n\n"
        "00:00:03.000 --> 00:00:04.000 line:-1\n<v Bob>Yes <i>sir</i>\n\n"
        "00:00:05.000 --> 00:00:06.000 line:10%\nup\n\n"
        "00:00:xx.000 --> 00:00:06.000\nnever\n"
    )
    reading = _reading("vtt", text)
    assert reading.captions.cues == (
        Cue(1_000, 2_000, ("Fish & chips", "- two"), top=True),
        Cue(3_000, 4_000, ("Yes sir",), italics=(Italic(0, 4, 7),)),
        Cue(5_000, 6_000, ("up",), top=True),
    )
    assert [(word.text, word.speaker) for word in reading.captions.words] == [
        ("Fish", "Mary Lou"), ("&", "Mary Lou"), ("chips", "Mary Lou"), ("-", None), ("two", None),
        ("Yes", "Bob"), ("sir", "Bob"), ("up", None),
    ]  # fmt: skip
    assert len(reading.notes) == 1


def test_webvtt_without_its_empty_line_loses_no_cue() -> None:
    text = "WEBVTT\n00:01.000 --> 00:02.000\nOne\n\n00:03.000 --> 00:04.000\nTwo\n"
    assert [cue.text for cue in _read("vtt", text).cues] == ["One", "Two"]
    assert _read("vtt", "WEBVTT").cues == _read("vtt", "WEBVTT\n").cues == ()


def test_webvtt_names_the_voices_of_its_words() -> None:
    words = (Word(0, 500, "Second?", speaker="Ann <A>"), Word(600, 900, "Aye.", speaker="Bob"))
    captions = Captions((Cue(0, 1_000, ("Second?", ">> BOB: Aye.")),), words)
    text = FORMATS["vtt"].write(captions).decode()
    assert "<v Ann &lt;A&gt;>Second?</v>\n<v Bob>&gt;&gt; BOB: Aye.</v>" in text
    assert [word.speaker for word in _read("vtt", text).words] == ["Ann <A>", "Bob", "Bob"]


def test_cues_that_tell_another_text_than_the_words_have_no_voices() -> None:
    captions = Captions((Cue(0, 1_000, ("Second!",)),), (Word(0, 500, "Second?", speaker="Ann"),))
    assert voices_of(captions) == {}


def test_words_of_cues_share_their_time_by_letters() -> None:
    words = words_of((Cue(1_000, 2_000, ("Is there", ">> Aye.")),))
    assert [(word.start_ms, word.end_ms, word.text) for word in words] == [
        (1_000, 1_181, "Is"), (1_181, 1_636, "there"), (1_636, 2_000, ">> Aye."),
    ]  # fmt: skip


def test_a_list_of_cues_in_seconds_is_read() -> None:
    data = b'[{"start": 1, "end": 2.5, "text": "One\\ntwo"}, {"start": 3, "end": 3, "text": "late"}]'
    reading = _reading("json", data)
    assert reading.captions.cues == (Cue(1_000, 2_500, ("One", "two")), Cue(3_000, 4_000, ("late",)))
    assert [note.kind for note in reading.notes] == [NoteKind.REPAIRED]


def test_ttml_is_read_by_somebody_else() -> None:
    """ttconv's IMSC reader finds the same times, text, places and italics."""
    tree = ElementTree.ElementTree(ElementTree.fromstring(FORMATS["ttml"].write(MEETING)))
    document = ttconv.imsc.reader.to_model(tree)
    paragraphs = list(paragraphs_of(document.get_body()))
    assert [
        (int(paragraph.get_begin() * 1_000), int(paragraph.get_end() * 1_000), text_of_model(paragraph))
        for paragraph in paragraphs
    ] == [(cue.start_ms, cue.end_ms, "\n".join(cue.lines)) for cue in MEETING.cues]
    assert [paragraph.get_region().get_id() for paragraph in paragraphs].count("top") == 1


@pytest.mark.parametrize("name", ["srt", "vtt", "scc", "json"])
def test_what_cannot_be_captions_is_refused(name: str) -> None:
    for data in (b"\0" * 100, b"x" * 64_000_001, b"\x89PNG\r\n\x1a\n\0\0"):
        with pytest.raises(CannotRead):
            _read(name, data)


_MARKED = st.text(alphabet=st.sampled_from(list("ab <>/ivn{}\\&;:-\n0123.,>")), max_size=120)


@given(_MARKED, st.sampled_from(["srt", "vtt"]))
def test_no_text_crashes_a_reader(text: str, name: str) -> None:
    head = "WEBVTT\n\n" if name == "vtt" else ""
    captions = _read(name, f"{head}00:00:01.000 --> 00:00:02.000\n{text}\n\n00:00:05.000 --> 00:00:06.000\nend\n")
    assert captions.cues[-1].start_ms <= 5_000


@given(st.binary(max_size=200), st.sampled_from(["srt", "vtt", "scc"]))
def test_random_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    with contextlib.suppress(CannotRead):
        _read(name, data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "JSON"),
        (b"{}", "format"),
        (b'{"format":"archivist-captions","version":2}', "version 2"),
        (b'{"format":"archivist-captions","version":1,"cues":{}}', "list"),
        (
            b'{"format":"archivist-captions","version":1,"title":"","language":"en","cues":[],'
            b'"words":[{"start_ms":5,"end_ms":2,"text":"a"}]}',
            "word 1",
        ),
        (
            b'{"format":"archivist-captions","version":1,"title":"","language":"en","words":[],'
            b'"cues":[{"start_ms":true,"end_ms":2,"lines":["a"]}]}',
            "cue 1.*start_ms",
        ),
    ],
)
def test_json_that_is_not_ours_is_refused_with_the_place(data: bytes, says: str) -> None:
    entry = FORMATS["json"]
    assert entry.read is not None
    with pytest.raises(CannotRead, match=says):
        entry.read(data)


@given(st.binary(max_size=200))
def test_random_bytes_never_crash_the_json_reader(data: bytes) -> None:
    entry = FORMATS["json"]
    assert entry.read is not None
    with pytest.raises(CannotRead):
        entry.read(data)


def test_text_has_paragraphs_by_speaker_and_silence() -> None:
    words = (
        Word(0, 400, "One.", None, "A"),
        Word(400, 800, "Two.", None, "A"),
        Word(4_000, 4_400, "Three.", None, "A"),
        Word(4_500, 4_900, "Four.", None, "B"),
    )
    assert FORMATS["txt"].write(Captions((), words)) == b"One. Two.\n\nThree.\n\n>> Four.\n"


if __name__ == "__main__":  # the goldens anew: read the difference against each format's rules before it is committed
    for entry in FORMATS.values():
        (GOLDENS / f"meeting.{entry.extension}").write_bytes(entry.write(MEETING))
