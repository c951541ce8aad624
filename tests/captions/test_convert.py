"""One file to another, and the test file for stations."""

import pytest

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.verifier import play, verify
from archivist_captions.convert import convert, format_of, read
from archivist_captions.countdown import countdown
from archivist_captions.errors import CannotEncode, CannotRead
from archivist_captions.notes import NoteKind
from archivist_captions.timecode import drop_frame_label, frame_at, frame_of_label

_SRT = b"""1
00:00:02,000 --> 00:00:05,500
Good evening everybody and welcome to this meeting of the city council tonight

2
00:00:06,000 --> 00:00:07,000
{\\an8}<i>Aye.</i>
"""


def test_a_file_is_laid_out_anew_for_air() -> None:
    made = convert(read(_SRT, ".srt"), "scc")
    assert made.report is not None
    assert made.report.releasable
    assert all(len(line) <= 32 for cue in made.captions.cues for line in cue.lines)
    assert made.captions.cues[0].start_ms == 2_000
    assert NoteKind.PLAIN in [note.kind for note in made.notes]
    words = " ".join(screen.text for screen in play(made.data.decode()).screens)
    assert words == "Good evening everybody and welcome to this meeting of the city council tonight Aye."


def test_as_cues_changes_only_what_the_channel_forces() -> None:
    made = convert(read(_SRT, "srt"), "scc", as_cues=True)
    assert [note.kind for note in made.notes] == [NoteKind.REWRAPPED]
    first, second = play(made.data.decode()).screens
    assert (first.start, second.start) == (frame_at(2_000), frame_at(6_000))
    assert len(first.rows) == 3
    assert (second.rows[0].number, second.rows[0].italics) == (1, ((0, 4),))


@pytest.mark.parametrize("target", ["vtt", "srt", "json", "txt", "ttml", "smi"])
def test_every_other_format_is_written_without_a_report(target: str) -> None:
    made = convert(read(_SRT, "srt"), target)
    assert made.report is None
    assert b"welcome" in made.data


def test_scc_there_and_back_keeps_text_places_and_times() -> None:
    there = convert(read(_SRT, "srt"), "scc", as_cues=True)
    back = convert(read(there.data, "scc"), "scc", as_cues=True)
    assert back.data == there.data


def test_scc_with_an_hour_on_its_labels_is_read_from_its_first_picture() -> None:
    options = SccOptions(start_label="01:00:00;00")
    made = convert(read(_SRT, "srt"), "scc", options=options, as_cues=True)
    cues = read(made.data, "scc", first_frame=options.first_frame).captions.cues
    assert abs(cues[0].start_ms - 2_000) <= 17
    assert read(made.data, "scc").captions.cues[0].start_ms > 3_600_000


def test_speakers_of_a_text_file_keep_their_marks() -> None:
    source = read(b"1\n00:00:01,000 --> 00:00:04,000\nIs there a second?\n>> Second.\n", "srt")
    assert [cue.lines for cue in convert(source, "scc").captions.cues] == [("Is there a second?", ">> Second.")]


def test_a_cue_past_the_day_is_named() -> None:
    source = read(b"1\n23:59:59,900 --> 24:00:02,000\nMidnight.\n", "srt")
    with pytest.raises(CannotEncode, match="Midnight"):
        convert(source, "scc")


def test_overlapping_cues_are_laid_out_one_after_the_other() -> None:
    source = read(
        b'[{"start": 1, "end": 9, "text": "Is there a second?"}, {"start": 4, "end": 6, "text": "Yes."}]', "json"
    )
    made = convert(source, "vtt")
    assert "cue 1 as read is ended by cue 2" in [note.detail for note in made.notes]
    (yes,) = (word for word in made.captions.words if word.text == "Yes.")
    assert (yes.start_ms, yes.end_ms) == (4_000, 6_000)
    assert max(word.end_ms for word in made.captions.words if word is not yes) == 4_000


def test_a_word_that_no_row_holds_is_told() -> None:
    made = convert(read(b'[{"start": 1, "end": 9, "text": "%s"}]' % (b"x" * 80), "json"), "srt")
    assert [(note.kind, note.detail) for note in made.notes] == [(NoteKind.CUT, f"a word of 80 letters: {'x' * 40}…")]


def test_an_offset_moves_words_and_cues_of_every_format() -> None:
    made = convert(read(_SRT, "srt"), "json", options=SccOptions(offset_ms=-3_000))
    assert made.captions.cues[0].start_ms == made.captions.words[0].start_ms == 0
    assert made.captions.words[-1].start_ms == 3_000
    with pytest.raises(CannotEncode, match=r"cue 1 .* before the first picture"):
        convert(read(_SRT, "srt"), "json", options=SccOptions(offset_ms=-9_000))


def test_what_is_unknown_or_only_written_is_refused() -> None:
    with pytest.raises(CannotRead, match="known: scc"):
        format_of(".docx")
    with pytest.raises(CannotRead, match="written only"):
        read(b"", "ttml")


@pytest.mark.parametrize(
    "options", [SccOptions(), SccOptions(drop_frame=False), SccOptions(start_label="01:00:00;00")]
)
def test_the_countdown_says_when_it_is(options: SccOptions) -> None:
    encoded = countdown(options)
    assert verify(encoded.text) == ()
    screens = play(encoded.text).screens
    assert len(screens) == 60
    for number, screen in enumerate(screens, 1):
        seconds, named = (row.text for row in screen.rows)
        assert seconds.startswith(f"{2 * number} seconds")
        assert frame_of_label(named.split()[0]) == screen.start


def test_the_countdown_crosses_the_skipped_labels() -> None:
    texts = [screen.text for screen in play(countdown().text).screens]
    assert f"{drop_frame_label(1_798)} drop-frame" in texts[29]
