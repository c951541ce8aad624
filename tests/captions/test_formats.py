"""Files, held against goldens that were checked by hand against each format's rules."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats import FORMATS
from archivist_captions.formats.clock import clock

GOLDENS = Path(__file__).parent / "goldens"

MEETING = Captions(
    cues=(
        Cue(2_000, 4_100, ("Good evening, everyone.",)),
        Cue(4_100, 7_250, ("“Smith & Sons” asked:", "is 3 < 4 --> true?")),
        Cue(9_000, 10_500, (">> Aye.", ">> Señor Núñez: Aye ♪")),
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


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_same_captions_always_give_the_same_bytes(name: str) -> None:
    assert FORMATS[name].write(MEETING) == FORMATS[name].write(MEETING)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_is_named_as_it_is_registered(name: str) -> None:
    entry = FORMATS[name]
    assert entry.name == name
    assert "/" in entry.media_type
    assert not entry.extension.startswith(".")


def test_hours_never_wrap() -> None:
    assert clock(359_999_999, ".") == "99:59:59.999"
    assert clock(360_000_000, ",") == "100:00:00,000"


def test_a_blank_line_in_a_cue_does_not_end_it() -> None:
    captions = Captions((Cue(0, 1_000, ("One", " ", "Two\n\nthree")),))
    assert FORMATS["srt"].write(captions) == b"1\r\n00:00:00,000 --> 00:00:01,000\r\nOne\r\nTwo three\r\n"
    assert FORMATS["vtt"].write(captions).endswith(b"\nOne\nTwo three\n")


def test_json_reads_back_what_it_wrote() -> None:
    entry = FORMATS["json"]
    assert entry.read is not None
    assert entry.read(entry.write(MEETING)) == MEETING


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
