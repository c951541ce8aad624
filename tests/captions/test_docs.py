"""docs/captions.md, computed again: a figure or a hex word there that is no longer true fails here."""

import re
from pathlib import Path

import pytest

from archivist_captions.cea608 import codes, popon
from archivist_captions.cea608.caption_load import LAVISH, Thrift, length, load
from archivist_captions.cea608.characters import BASIC_OF_CODE, EXTENDED_OF_CODE, FALLBACKS, SPECIAL_OF_CODE
from archivist_captions.cea608.encoder import encode
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.screens import screens_of
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cea608.verifier import play, verify
from archivist_captions.cue import Captions, Cue
from archivist_captions.profiles import BROADCAST, PROFILES, profile_from
from archivist_captions.report.data import report
from archivist_captions.timecode import (
    LAST_DROP_FRAME,
    NTSC_30,
    drop_frame_label,
    frame_at,
    frame_of_label,
    label,
    non_drop_label,
)

_ROOT = Path(__file__).parents[2]
_DOC = (_ROOT / "docs" / "captions.md").read_text(encoding="utf-8")
_FILE, _CAPTION = re.findall(r"```text\n(.*?)```", _DOC, re.DOTALL)
_EXAMPLE = Cue(65_000, 68_000, tuple(_CAPTION.splitlines()))


def _table(header: str) -> list[list[str]]:
    """Cells of the rows under a header, without backticks."""
    rows: list[list[str]] = []
    for line in _DOC[_DOC.index(f"| {header} |") :].splitlines()[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    assert rows
    return rows


def _words(lines: tuple[str, ...], thrift: Thrift = LAVISH) -> int:
    screens, _ = screens_of([Cue(10_000, 13_000, lines)], NTSC_30, 0, 0)
    return length(load(screens[0].rows, thrift))


def test_the_file_of_the_example_is_what_the_encoder_writes() -> None:
    encoded = encode([_EXAMPLE])
    assert encoded.text == _FILE
    assert encoded.notes == ()
    assert verify(_FILE) == ()
    (screen,) = play(_FILE).screens
    assert screen.start == frame_at(65_000) == 1_948
    assert [row.text for row in screen.rows] == list(_EXAMPLE.lines)


def test_the_example_word_by_word_is_that_file() -> None:
    sent = {}
    for line in _FILE.splitlines()[2::2]:
        time_code, _, words = line.partition("\t")
        first = frame_of_label(time_code)
        sent |= {first + place: word for place, word in enumerate(words.split())}
    told: dict[int, str] = {}
    for frame, words, *_ in _table("Frame | Words | Without parity | What it says"):
        told |= {int(frame) + place: word for place, word in enumerate(words.split())}
    assert told == sent


def test_the_example_says_what_each_word_means() -> None:
    commands = {"RCL": codes.RCL, "ENM": codes.ENM, "EOC": codes.EOC, "EDM": codes.EDM}
    seen = set()
    for _, words, plain, says in _table("Frame | Words | Without parity | What it says"):
        bare = [int(word, 16) & 0x7F7F for word in words.split()]
        kind, _, rest = says.partition(":")
        seen.add(kind)
        if kind == "text":
            assert [int(word, 16) for word in plain.split()] == bare
            text = "".join(BASIC_OF_CODE[byte] for word in bare for byte in (word >> 8, word & 0x7F) if byte)
            assert rest.strip().startswith(text)
            continue
        assert bare == [int(plain, 16)] * 2  # one pair, sent twice
        if kind in commands:
            assert bare[0] == commands[kind]
        elif kind == "PAC":
            row, column = map(int, re.findall(r"row (\d+), column (\d+)", rest)[0])
            assert bare[0] == codes.pac(row, column)
        elif kind == "tab offset":
            assert bare[0] == codes.TAB_OFFSETS[int(rest.split()[0]) - 1]
        else:
            assert kind == "extended character"
            assert EXTENDED_OF_CODE[bare[0]] == "ü"
            assert FALLBACKS["ü"] == "u"
    assert seen == {*commands, "PAC", "tab offset", "text", "extended character"}


def test_the_parity_of_the_example() -> None:
    for letter, byte, sent in (("D", 0x44, 0xC4), ("w", 0x77, 0xF7), (" ", 0x20, 0x20)):
        assert (ord(letter), codes.with_parity(byte)) == (byte, sent)
        assert f"{byte:x}" in _DOC
        assert f"{sent:x}" in _DOC


def test_when_the_example_begins() -> None:
    words = _words(_EXAMPLE.lines)
    shown = frame_at(_EXAMPLE.start_ms)
    begin = shown - (words - 2)
    assert f"The load has {words} words" in _DOC
    assert f"{shown} - {words - 2} = {begin}, whose drop-frame label is `{drop_frame_label(begin)}`" in _DOC
    assert f"{words - 2} frames late" in _DOC
    assert f"a caption of {words} words takes {words} frames" in _DOC


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Aye.", ("Aye.",)),
        ("one row of 20 letters", ("x" * 20,)),
        ("two rows of 32 letters", ("x" * 32,) * 2),
        ("four rows of 32 letters", ("x" * 32,) * 4),
    ],
)
def test_how_long_a_load_is(name: str, lines: tuple[str, ...]) -> None:
    told = {row[0]: row[1:] for row in _table("Caption | Words | Seconds")}
    words = _words(lines)
    assert told[name] == [str(words), f"{float(words / NTSC_30):.2f}"]


def test_the_anchors_of_time_codes() -> None:
    for time, frame, drop, non_drop in _table("Time | Frame | Drop-frame | Non-drop"):
        ms = round(float(time.removesuffix(" s")) * 1_000)
        assert [str(frame_at(ms)), drop_frame_label(frame_at(ms)), non_drop_label(frame_at(ms))] == [
            frame,
            drop,
            non_drop,
        ]
    assert f"After `{drop_frame_label(LAST_DROP_FRAME)}` there is no label" in _DOC
    behind = 3_600 - float(3_600 * NTSC_30 / 30)
    assert f"fall {behind:.1f} s an hour behind" in _DOC


def test_what_the_measures_save() -> None:
    rows = _table("`“Yes,” he said — then no.` | Words")
    line = ("“Yes,” he said — then no.",)
    thrifts = [LAVISH, Thrift(True), Thrift(True, True), Thrift(True, True, True)]
    assert [int(row[1]) for row in rows] == [_words(line, thrift) for thrift in thrifts]
    assert f"more than {popon._JOIN_AFTER} frames" in _DOC
    assert f"at most {popon._JOIN_WITHIN} frames early" in _DOC
    assert popon._JOIN_ROWS == 3
    assert f"a gap of up to {SccOptions().chain_gap_ms} ms" in _DOC


def test_the_sizes_of_the_character_sets() -> None:
    assert sum(BASIC_OF_CODE[code] != chr(code) for code in range(0x20, 0x80)) == 10
    assert BASIC_OF_CODE[ord("*")] == "á"
    assert BASIC_OF_CODE[ord("{")] == "ç"
    assert (len(SPECIAL_OF_CODE), len(EXTENDED_OF_CODE)) == (16, 64)
    assert {"♪", "½", "®"} <= set(SPECIAL_OF_CODE.values())
    assert {"“", "ü", "©"} <= set(EXTENDED_OF_CODE.values())
    assert EXTENDED_OF_CODE[0x132E] == "|"


def test_what_is_shown_another_way() -> None:
    for written, shown in _table("Written | Shown"):
        assert transliterate(written)[0].strip() == shown


def test_the_figures_of_the_profiles() -> None:
    header = re.findall(r"\| Profile \|(.*)\|\n", _DOC)[0]
    names = [name.strip() for name in header.split("|")]
    told = {row[0]: [int(cell) for cell in row[1:]] for row in _table(f"Profile | {' | '.join(names)}")}
    assert told == {name: [getattr(each, field) for field in names] for name, each in PROFILES.items()}
    assert profile_from({"name": "ours", "base": "bbc", "columns": 30}).columns == 30


def test_what_the_report_is_said_to_hold() -> None:
    data = report(Captions((_EXAMPLE,)), _FILE, None, (), BROADCAST).as_dict()
    told = re.findall(r"`([a-z_]+)`", _DOC[_DOC.index("The **report**") : _DOC.index("## Try it")])
    assert set(told) == set(data) - {"schema", "releasable", "profile", "cues"}


def test_every_file_it_names_is_there() -> None:
    library = _ROOT / "libs" / "captions" / "archivist_captions"
    for name in set(re.findall(r"`([a-z0-9_/]+\.py)`", _DOC)):
        assert any((place / name).is_file() for place in (_ROOT, library, library / "cea608")), name
    for link in re.findall(r"\]\(([^)#]+)\)", _DOC):
        assert (_ROOT / "docs" / link).is_file(), link


def test_every_setting_it_names_is_described() -> None:
    described = (_ROOT / ".env.example").read_text(encoding="utf-8")
    for name in set(re.findall(r"`([A-Z]+_[A-Z_]+)`", _DOC)):
        assert f"{name}=" in described, name


def test_labels_of_either_kind_in_the_text_exist() -> None:
    for text in re.findall(r"`(\d\d:\d\d:\d\d[:;]\d\d)`", _DOC):
        assert label(frame_of_label(text), drop_frame=";" in text) == text
