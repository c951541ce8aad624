"""`archivist captions`, through the same door as its users: arguments in, files and an exit code out."""

import io
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from archivist_captions.cea608.characters import SHOWABLE
from archivist_captions.cea608.decoder import DisplayedText, MemoryRow
from archivist_captions.cea608.verifier import play, verify
from archivist_captions.convert import read
from archivist_captions.formats.reading import MOST_BYTES
from archivist_captions.timecode import frame_at
from archivist_cli.commands.captions import picture
from archivist_cli.commands.captions.play import play as play_in_terminal
from archivist_cli.main import main

_SRT = """1
00:00:02,000 --> 00:00:05,500
Good evening everybody and welcome to this meeting

2
00:00:06,000 --> 00:00:08,000
{\\an8}<i>♪ Señor Núñez ♪</i>
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with `in.srt`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.srt").write_text(_SRT)
    return tmp_path


def _convert(*arguments: str) -> int:
    return main(["captions", "convert", *arguments])


def _starts(path: Path) -> list[int]:
    return [screen.start for screen in play(path.read_text("ascii")).screens]


# convert


def test_a_file_is_made_fit_for_air_and_its_report_says_what_that_took(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _convert("in.srt", "out.scc", "--report", "r.json", "--report", "r.html", "--as-cues") == 0
    told = capsys.readouterr()
    assert told.out.split() == ["out.scc", "r.json", "r.html"]
    assert "rewrapped (1): cue 1: 50 columns" in told.err
    assert "largest start error 0 frames, late: 0" in told.err
    assert verify((here / "out.scc").read_text("ascii")) == ()
    report = json.loads((here / "r.json").read_text())
    assert report["releasable"] is True
    assert [note["kind"] for note in report["notes"]] == ["rewrapped"]
    assert "<title>Caption report: in</title>" in (here / "r.html").read_text()
    assert _starts(here / "out.scc") == [frame_at(2_000), frame_at(6_000)]


@pytest.mark.parametrize("name", ["o.vtt", "o.srt", "o.ttml", "o.smi", "o.txt", "o.json", "o.scc"])
def test_the_extension_says_the_format(here: Path, name: str) -> None:
    assert _convert("in.srt", name) == 0
    assert (here / name).stat().st_size > 50


def test_format_overrules_the_extension_and_an_old_file_is_replaced(here: Path) -> None:
    (here / "o.dat").write_text("old")
    assert _convert("in.srt", "o.dat", "--format", "vtt") == 0
    assert (here / "o.dat").read_text().startswith("WEBVTT\n")


def test_labels_start_and_offset_are_the_stations(here: Path) -> None:
    arguments = ["--non-drop", "--start-timecode", "01:00:00:00", "--offset", "-0.5", "--as-cues"]
    assert _convert("in.srt", "o.scc", *arguments) == 0
    assert _starts(here / "o.scc") == [108_000 + frame_at(1_500), 108_000 + frame_at(5_500)]
    assert "01:00:0" in (here / "o.scc").read_text()
    # And back: the file's first picture is named, so its times are the recording's.
    assert _convert("o.scc", "back.vtt", "--start-timecode", "01:00:00:00", "--as-cues") == 0
    assert "00:00:01.5" in (here / "back.vtt").read_text()


def test_an_hour_on_the_labels_of_a_file_is_pointed_at(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.scc", "--start-timecode", "01:00:00;00") == 0
    assert _convert("o.scc", "back.srt") == 0
    assert "first caption is at hour 01" in capsys.readouterr().err
    # A colon for the semicolon makes no difference: a file has labels of one kind.
    assert _convert("o.scc", "back.scc", "--in-start-timecode", "01:00:00:00", "--as-cues") == 0
    assert _starts(here / "back.scc")[0] == frame_at(2_000)
    assert _convert("o.scc", "back.scc", "--in-start-timecode", "01:00:00;00", "--as-cues") == 0
    assert _starts(here / "back.scc")[0] == frame_at(2_000)


def test_captions_before_the_first_picture_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.scc") == 0
    assert _convert("o.scc", "o.vtt", "--start-timecode", "01:00:00;00") == 1
    assert "before 01:00:00;00" in capsys.readouterr().err
    assert not (here / "o.vtt").exists()


def test_the_offset_moves_every_format(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.vtt", "--as-cues", "--offset", "1.25") == 0
    assert "00:00:03.250 --> 00:00:06.750" in (here / "o.vtt").read_text()
    assert _convert("in.srt", "p.vtt", "--offset", "-7200") == 1
    assert "cue 1" in capsys.readouterr().err
    assert not (here / "p.vtt").exists()


def test_true_30_frames_and_rolling_up_can_be_asked_for(here: Path) -> None:
    assert _convert("in.srt", "o.scc", "--fps", "30", "--as-cues") == 0
    assert _starts(here / "o.scc") == [60, 180]
    assert _convert("in.srt", "r.scc", "--mode", "roll-up") == 0
    assert "9426 9426 94ad 94ad" in (here / "r.scc").read_text()


def test_words_of_a_job_are_read_and_unsure_ones_reported(here: Path) -> None:
    words = [("Good", 0.9), ("evening.", 0.3)]
    document = {
        "format": "archivist-captions",
        "version": 1,
        "title": "Council",
        "language": "en",
        "cues": [],
        "words": [
            {"start_ms": 2_000 + 500 * n, "end_ms": 2_400 + 500 * n, "text": w, "confidence": c, "speaker": None}
            for n, (w, c) in enumerate(words)
        ],
    }
    (here / "in.json").write_text(json.dumps(document))
    assert _convert("in.json", "o.scc", "--report", "r.json") == 0
    assert json.loads((here / "r.json").read_text())["accuracy"]["unsure_words"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["in.srt", "o.scc", "--fps", "25"], "only its time", id="rate"),
        pytest.param(["in.srt", "o.scc", "--fps", "30", "--drop-frame"], "--drop-frame", id="drop-frame-at-30"),
        pytest.param(["in.srt", "o.scc", "--drop-frame", "--non-drop"], "not allowed with", id="both-kinds"),
        pytest.param(["in.srt", "o.scc", "--start-timecode", "01:00:00"], "in quotes", id="the-shell-ate-it"),
        pytest.param(["in.srt", "o.scc", "--start-timecode", "01:00:00:00"], "or add --non-drop", id="other-kind"),
        pytest.param(["in.srt", "o.scc", "--start-timecode", "00:01:00;00"], "skips this label", id="no-label"),
        pytest.param(["in.srt", "o.scc", "--offset", "nan"], "not seconds", id="offset"),
        pytest.param(["in.srt", "o.scc", "--offset", "1e99"], "are a day", id="far-offset"),
        pytest.param(["in.srt", "o.scc", "--report", "r.pdf"], ".json or a .html", id="report"),
        pytest.param(["in.srt", "o.vtt", "--report", "r.json"], "only SCC", id="report-of-another"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        _convert(*arguments)
    assert exit_.value.code == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["in.srt"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["in.srt", "in.srt"], "would replace in.srt", id="itself"),
        pytest.param(["in.srt", "./link.srt"], "would replace in.srt", id="itself-by-a-link"),
        pytest.param(["in.srt", "twin.srt"], "would replace in.srt", id="itself-by-another-name"),
        pytest.param(["in.srt", "o.scc", "--report", "o.scc.json", "--report", "o.scc.json"], "replace", id="twice"),
        pytest.param(["in.srt", "nowhere/o.scc"], "no folder 'nowhere'", id="no-folder"),
        pytest.param(["in.srt", "folder.scc"], "not a file that could be replaced", id="folder"),
        pytest.param(["in.srt", "pipe.scc"], "not a file that could be replaced", id="device"),
        pytest.param(["in.srt", "o.docx"], "no caption format is called '.docx'", id="unknown-format"),
        pytest.param(["in.txt", "o.scc"], "txt files are written only", id="written-only"),
        pytest.param(["none.srt", "o.scc"], "there is no file 'none.srt'", id="missing"),
        pytest.param(["folder.scc", "o.srt"], "is a folder", id="folder-in"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    (here / "link.srt").symlink_to("in.srt")
    (here / "twin.srt").hardlink_to(here / "in.srt")
    (here / "folder.scc").mkdir()
    (here / "in.txt").write_text("Good evening.")
    os.mkfifo(here / "pipe.scc")
    before = sorted(path.name for path in here.iterdir())
    assert _convert(*arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith("archivist: ")
    assert len(err.strip().splitlines()) == 1
    assert told in err
    assert (here / "in.srt").read_text() == _SRT
    assert sorted(path.name for path in here.iterdir()) == before
    assert stat.S_ISFIFO((here / "pipe.scc").stat().st_mode)


def test_the_target_of_a_link_is_written_and_the_link_stays(here: Path) -> None:
    (here / "o.scc").symlink_to("real.scc")
    assert _convert("in.srt", "o.scc") == 0
    assert (here / "o.scc").is_symlink()
    assert verify((here / "real.scc").read_text()) == ()


# Bad input: a clear error, or a repair that is told


def _items(*items: tuple[float, float, str]) -> bytes:
    return json.dumps([{"start": start, "end": end, "text": text} for start, end, text in items]).encode()


_REFUSED = {
    "an-empty-list": ("in.json", b"[]", "holds no captions"),
    "an-empty-file": ("in.srt", b"", "holds no captions"),
    "only-emoji": ("in.json", _items((1, 3, "👍"), (4, 5, "🎉🎉")), "nothing that CEA-608 can show"),
    "half-written-json": ("in.json", _items((1, 3, "Aye."))[:-9], "not JSON"),
    "half-written-vtt": ("in.vtt", b"WEB", "not a WebVTT file"),
    "past-the-day": ("in.json", _items((86_399, 86_403, "Midnight.")), "cue 1 (86399000 ms, 'Midnight.')"),
    "words-past-the-day": ("in.srt", b"1\n24:00:01,000 --> 24:00:03,000\nLate.\n", "cue 1"),
    "not-a-number": ("in.json", b'[{"start": NaN, "end": 2, "text": "x"}]', "entry 1: 'start'"),
    "binary": ("in.srt", bytes(range(256)) * 40, "not a text file"),
    "random-scc": ("in.scc", b"\x93\x8f nonsense \xff" * 50, "not an SCC file"),
    "deep-json": ("in.json", b"[" * 100_000, "not JSON"),
    "a-picture": ("in.vtt", b"\x89PNG\r\n\x1a\n" + bytes(64), "not a WebVTT file"),
}


@pytest.mark.parametrize("name", list(_REFUSED))
def test_what_is_no_captions_is_refused_in_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, data, told = _REFUSED[name]
    (here / file).write_bytes(data)
    assert _convert(file, "o.scc", "--as-cues") == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"archivist: {file}: ")
    assert told in last
    assert not (here / "o.scc").exists()


_CUE = b"1\n00:00:01,000 --> 00:00:03,000\n%s\n"
_REPAIRED = {
    "end-before-start": ("in.json", _items((5, 2, "Aye."), (8, 9, "Nay.")), "its end was not after", "Aye. Nay."),
    "overlap": ("in.json", _items((1, 5, "One two."), (3, 7, "Three.")), "ended by cue 2", "One two. Three."),
    "six-rows": ("in.json", _items((3, 9, "a1\nb2\nc3\nd4\ne5\nf6")), "6 rows as 2 captions", "a1 b2 c3 d4 e5 f6"),
    "an-80-letter-word": ("in.json", _items((3, 9, "x" * 80)), "of 80 letters", f"{'x' * 32} {'x' * 32} {'x' * 16}"),
    "an-emoji": ("in.json", _items((1, 3, "Thank you 👍 all")), "removed (1): cue 1: 👍", "Thank you all"),
    "latin-1": ("in.srt", _CUE % "Señor Núñez".encode("latin-1"), "read as Windows-1252", "Señor Núñez"),
    "half-a-cue": ("in.srt", _CUE % b"Aye." + b"\n2\n00:00:04,0", "the file ends where cue 2 begins", "Aye."),
    "half-a-time": ("in.srt", _CUE % b"Aye." + b"\n2\n00:00:04,000 --> 00:", "a cue was left out", "Aye."),
    "half-an-arrow": ("in.srt", _CUE % b"Aye." + b"\n2\n00:00:04,000 --", "the file ends where cue 2", "Aye."),
    "no-end": ("in.srt", _CUE % b"Aye." + b"\n2\n00:00:04,000 -->\nNay.\n", "a cue was left out", "Aye."),
    "half-a-vtt": (
        "in.vtt",
        b"WEBVTT\n\n00:01.000 --> 00:03.000\nAye.\n\n00:04.000 --",
        "text without times was left out",
        "Aye.",
    ),
    "at-zero": ("in.json", _items((0, 3, "Good evening.")), "late (1)", "Good evening."),
}  # fmt: skip


@pytest.mark.parametrize("name", list(_REPAIRED))
def test_what_can_be_repaired_is_and_the_report_says_so(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, data, told, shown = _REPAIRED[name]
    (here / file).write_bytes(data)
    assert _convert(file, "o.scc", "--as-cues", "--report", "r.json") == 0
    assert told in capsys.readouterr().err
    report = json.loads((here / "r.json").read_text())
    assert report["releasable"]
    assert report["notes"]
    played = play((here / "o.scc").read_text("ascii"))
    assert " ".join(screen.text for screen in played.screens) == shown
    # Laid out anew it shows the same, but for where a long word is cut.
    assert _convert(file, "p.scc") == 0
    words = "".join(screen.text for screen in play((here / "p.scc").read_text("ascii")).screens)
    assert "".join(words.split()).replace("-", "") == "".join(shown.split())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: "\ufeff" + text, id="byte-order-mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="crlf"),
        pytest.param(lambda text: text.replace("\n", "\r"), id="cr"),
    ],
)
def test_marks_and_line_ends_make_no_difference(here: Path, change: object) -> None:
    assert callable(change)
    (here / "odd.srt").write_bytes(change(_SRT).encode())
    for name in ("in", "odd"):
        assert _convert(f"{name}.srt", f"{name}.scc", "--as-cues") == 0
    assert (here / "in.scc").read_bytes() == (here / "odd.scc").read_bytes()


def test_a_whole_day_is_captioned(here: Path) -> None:
    (here / "day.json").write_bytes(_items(*((60.0 * n + 5, 60.0 * n + 8, f"Minute {n}.") for n in range(1_440))))
    assert _convert("day.json", "day.scc") == 0
    assert len(_starts(here / "day.scc")) == 1_440


@pytest.mark.parametrize("command", ["convert", "check", "preview"])
def test_a_gigabyte_of_nonsense_is_refused_without_being_read(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with (here / "big.scc").open("wb") as file:
        file.truncate(1_000_000_000)
    rest = {"convert": ["o.srt"], "check": [], "preview": ["--at", "00:00:01:00"]}[command]
    begun = time.perf_counter()
    assert main(["captions", command, "big.scc", *rest]) == (2 if command == "check" else 1)
    assert time.perf_counter() - begun < 2
    assert f"more than {MOST_BYTES // 1_000_000} MB" in capsys.readouterr().err


# check


def test_a_good_file_is_clean(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.scc") == 0
    assert main(["captions", "check", "o.scc"]) == 0
    assert "o.scc: 2 screens, clean" in capsys.readouterr().out


_GOOD = (
    "Scenarist_SCC V1.0\n\n"
    "00:00:01;00\t9420 9420 94ae 94ae 9470 9470 c1f9 e5ae 942f 942f\n\n"
    "00:00:03;00\t942c 942c\n\n"
)


@pytest.mark.parametrize(
    ("data", "rule", "line"),
    [
        pytest.param(_GOOD.replace("c1f9", "41f9").encode(), "parity", 3, id="flipped-parity"),
        pytest.param(_GOOD.replace("9420 9420", "9420").encode(), "undoubled", 3, id="split-pair"),
        pytest.param(_GOOD.replace("00:00:03;00", "00:01:00;00").encode(), "label", 5, id="label-that-is-not"),
        pytest.param(_GOOD.replace("9470 9470 ", "9470 9470 zz ").encode(), "word", 3, id="torn-word"),
        pytest.param(("\ufeff" + _GOOD).encode(), "bom", 1, id="mark"),
        pytest.param(_GOOD.encode("utf-16"), "bom", 1, id="utf-16"),
        pytest.param(_GOOD.split("942f")[0].encode(), "never-shown", 3, id="half-written"),
    ],
)
def test_damage_is_named_by_rule_and_line(
    here: Path, capsys: pytest.CaptureFixture[str], data: bytes, rule: str, line: int
) -> None:
    (here / "bad.scc").write_bytes(data)
    assert main(["captions", "check", "bad.scc"]) == 1
    assert f"bad.scc:{line}: error: {rule}: " in capsys.readouterr().out
    assert main(["captions", "check", "bad.scc", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["readable"]
    assert (rule, line) in [(finding["rule"], finding["line"]) for finding in found["findings"]]


@pytest.mark.parametrize("data", [b"", b"1\n2\n3\n", bytes(100)], ids=["empty", "text", "nul"])
def test_what_is_no_scc_is_not_readable(here: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (here / "bad.scc").write_bytes(data)
    assert main(["captions", "check", "bad.scc", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["readable"] is False
    assert told.err.startswith("archivist: bad.scc: not ")


def test_a_missing_file_is_not_readable(here: Path) -> None:
    assert main(["captions", "check", "none.scc"]) == 2


# preview


def test_the_screen_is_drawn_as_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.scc", "--as-cues") == 0
    capsys.readouterr()
    assert main(["captions", "preview", "o.scc", "--at", "00:00:03;10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "00:00:03;10"
    assert len(lines) == 18
    assert lines[15].strip("│ ") == "Good evening everybody and"
    assert lines[16].strip("│ ") == "welcome to this meeting"


def test_a_blank_screen_says_where_to_look(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert("in.srt", "o.scc", "--as-cues") == 0
    assert main(["captions", "preview", "o.scc", "--at", "00:00:01:20"]) == 0
    assert "the next one at 00:00:02;00" in capsys.readouterr().err


def test_the_picture_is_a_television_screen(here: Path) -> None:
    assert _convert("in.srt", "o.scc", "--as-cues") == 0
    assert main(["captions", "preview", "o.scc", "--at", "00:00:06:15", "--output", "f.png"]) == 0
    with Image.open(here / "f.png") as frame:
        assert frame.size == (800, 600)
        # The cue stands at the top: white on black there, and the bare picture below.
        assert frame.crop((0, 60, 800, 92)).getextrema() == (0, 255)
        assert frame.crop((0, 92, 800, 600)).getextrema() == (0x55, 0x55)


def test_every_character_has_a_picture_of_its_own() -> None:
    cells = {character: picture.glyph(character).tobytes() for character in SHOWABLE}
    assert len(set(cells.values())) == len(SHOWABLE)
    assert not any(cells[" "])
    assert all(any(cell) for character, cell in cells.items() if character != " ")


def test_italics_lean_in_the_picture() -> None:
    plain, slanted = (
        picture.png(DisplayedText(0, None, (MemoryRow(15, 0, "HI", italics),))) for italics in ((), ((0, 2),))
    )
    assert Image.open(io.BytesIO(plain)).tobytes() != Image.open(io.BytesIO(slanted)).tobytes()


@pytest.mark.parametrize("name", ["f.svg", "f.txt"])
def test_a_preview_without_pillow(here: Path, name: str) -> None:
    assert _convert("in.srt", "o.scc", "--as-cues") == 0
    assert main(["captions", "preview", "o.scc", "--at", "00:00:06:15", "--output", name]) == 0
    assert "♪ Señor Núñez ♪" in (here / name).read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param([], 2, id="neither"),
        pytest.param(["--at", "9"], 2, id="no-label"),
        pytest.param(["--at", "00:00:01:00", "--output", "f.gif"], 2, id="no-such-picture"),
        pytest.param(["--at", "00:00:01:00", "--speed", "2"], 2, id="speed-of-a-still"),
        pytest.param(["--play", "--output", "f.png"], 2, id="picture-of-a-film"),
        pytest.param(["--play", "--speed", "0"], 2, id="no-speed"),
        pytest.param(["--at", "00:01:00:00"], 1, id="skipped-label"),
    ],
)
def test_a_preview_of_what_is_not(here: Path, arguments: list[str], code: int) -> None:
    assert _convert("in.srt", "o.scc") == 0
    try:
        result = main(["captions", "preview", "o.scc", *arguments])
    except SystemExit as exc:
        result = exc.code  # type: ignore[assignment]
    assert result == code


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Clock:
    """A clock that only sleeping moves."""

    def __init__(self, stop_at: float = 1e9) -> None:
        self.now = 100.0
        self._stop_at = stop_at

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self._stop_at:
            raise KeyboardInterrupt


_SCREENS = (
    DisplayedText(300, 330, (MemoryRow(15, 4, "First."),)),
    DisplayedText(330, 390, (MemoryRow(1, 0, "Second."),)),
)


def test_playing_shows_each_caption_at_its_time() -> None:
    out, clock = io.StringIO(), _Clock()
    assert play_in_terminal(_SCREENS, out=out, clock=clock, sleep=clock.sleep) == 0
    assert out.getvalue().splitlines() == ["00:00:10;00  First.", "00:00:11;00  Second."]
    # A second of lead, then three seconds of captions, at 1001/30000 s a frame.
    assert clock.now == pytest.approx(100 + 120 * 1_001 / 30_000, abs=0.05)


def test_playing_can_begin_later_and_go_faster() -> None:
    out, clock = io.StringIO(), _Clock()
    play_in_terminal(_SCREENS, begin=330, speed=4, drop_frame=False, out=out, clock=clock, sleep=clock.sleep)
    assert out.getvalue() == "00:00:11:00  Second.\n"
    assert clock.now == pytest.approx(100.5, abs=0.05)


def test_an_interrupt_gives_the_terminal_back() -> None:
    out, clock = _Terminal(), _Clock(stop_at=101.5)
    with pytest.raises(KeyboardInterrupt):
        play_in_terminal(_SCREENS, out=out, clock=clock, sleep=clock.sleep)
    assert out.getvalue().startswith("\x1b[?1049h\x1b[?25l")
    assert "      First." in out.getvalue()
    assert out.getvalue().endswith("\x1b[?25h\x1b[?1049l")


def test_ctrl_c_ends_playing_without_a_trace(here: Path) -> None:
    assert _convert("in.srt", "o.scc") == 0
    # As at a terminal: a test run in the background of a shell has Ctrl-C ignored, and hands that down.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from archivist_cli.main import main; sys.exit(main())"
    )
    arguments = ["captions", "preview", "o.scc", "--play", "--from", "00:00:02:00"]
    command = [sys.executable, "-c", program, *arguments]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("00:00:02;00  Good evening")
        child.send_signal(2)
        _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (130, "")


# countdown


@pytest.mark.parametrize("arguments", [[], ["--non-drop"], ["--start-timecode", "01:00:00;00"]])
def test_the_countdown_is_clean_and_names_its_labels(here: Path, arguments: list[str]) -> None:
    assert main(["captions", "countdown", "c.scc", *arguments]) == 0
    text = (here / "c.scc").read_text("ascii")
    assert verify(text) == ()
    screens = play(text).screens
    assert len(screens) == 60
    assert screens[0].text.endswith("non-drop" if "--non-drop" in arguments else "drop-frame")
    assert read(text.encode(), "scc").captions.cues[0].start_ms // 3_600_000 == ("--start-timecode" in arguments)


def test_nothing_of_a_failed_write_is_left(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (here / "c.scc").write_text("old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        assert main(["captions", "countdown", "c.scc"]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "no room to write" in capsys.readouterr().err
    assert (here / "c.scc").read_text() == "old"
    assert sorted(path.name for path in here.iterdir()) == ["c.scc", "in.srt"]
