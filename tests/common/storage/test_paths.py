"""Names of recordings and outputs, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_common.errors import PathRefused
from archivist_common.storage import paths

LEGAL = [
    pytest.param("17837-1-Birchwood City Council (20220412).mp4", id="cablecast"),
    pytest.param("16380 - Lake Elmo … 11092020.mov", id="ellipsis"),
    pytest.param("Grant City Council (04_01_2025).mp4", id="underscores"),
    pytest.param("Mayor's Q&A – José.mp4", id="apostrophe-ampersand-accent"),
    pytest.param("[live] {draft} 100% #1; $5 `x` \\ |.mp4", id="brackets-and-shell"),
    pytest.param("Zoë e\u0301te\u0301.mp4", id="decomposed-accents"),
    pytest.param("🎥 party 🎉.mp4", id="emoji"),
    pytest.param("two\nlines\tand a tab.mp4", id="newline"),
    pytest.param("会议.mp4", id="chinese"),
    pytest.param(" leading and trailing .mp4 ", id="blanks"),
    pytest.param("-rf.mp4", id="dash"),
    pytest.param("%2e%2e.mp4", id="percent-signs-are-only-letters"),
    pytest.param("...mp4", id="dots"),
    pytest.param("a/b/c.mp4", id="folders"),
    pytest.param("x" * 251 + ".mp4", id="longest-name"),
]


@pytest.mark.parametrize("text", LEGAL)
def test_any_legal_name_is_a_path(text: str) -> None:
    assert str(paths.relative(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("//server/share.mp4", id="double-slash"),
        pytest.param("C:\\videos\\a.mp4", id="drive"),
        pytest.param("\\\\server\\share\\a.mp4", id="windows-share"),
        pytest.param("..", id="up"),
        pytest.param("a/../../b.mp4", id="up-inside"),
        pytest.param("a/..", id="up-last"),
        pytest.param("./a.mp4", id="here"),
        pytest.param("a//b.mp4", id="empty-part"),
        pytest.param("a/", id="slash-last"),
        pytest.param("a\0.mp4", id="nul"),
        pytest.param("a\udcff.mp4", id="not-text"),
        pytest.param("a/" * 249 + "ab.mp4", id="over-500-bytes"),
        pytest.param("é" * 126 + ".mp4", id="name-over-255-bytes"),
    ],
)
def test_what_climbs_out_or_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathRefused):
        paths.relative(text)


@given(st.text(alphabet="a./\\\0\n é🎥:", max_size=30))
def test_a_path_that_passes_stays_beneath_and_is_unchanged(text: str) -> None:
    try:
        path = paths.relative(text)
    except PathRefused:
        return
    assert str(path) == text
    assert not path.is_absolute()
    assert not {"..", "."} & set(path.parts)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Council.mp4", True),
        ("COUNCIL.MOV", True),
        ("a.b.ts", True),
        ("Council.scc", False),
        ("Council.docx", False),
        ("Council", False),
        (".mp4", False),
        (".hidden.mp4", False),
        ("Council_captioned.mp4", False),
        ("Council.mp4.part", False),
    ],
)
def test_a_recording_is_told_by_its_ending_and_is_not_our_own_copy(name: str, expected: bool) -> None:
    assert paths.is_media(name) is expected


@pytest.mark.parametrize(
    "name", [".archivist", ".DS_Store", "$RECYCLE.BIN", "System Volume Information", "lost+found"]
)
def test_system_folders_and_our_own_are_hidden(name: str) -> None:
    assert paths.is_hidden(name)


def test_outputs_are_named_after_the_recording() -> None:
    assert paths.output_name("Council 3-4", "scc") == "Council 3-4.scc"
    assert paths.output_name("Council 3-4", "summary") == "Council 3-4_summary.txt"


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=252))
def test_an_output_name_always_fits_a_file_system(base: str) -> None:
    names = {paths.output_name(base, kind) for kind in paths.OUTPUT_ENDINGS}
    assert all(len(name.encode()) <= paths.MAX_NAME_BYTES for name in names)
    assert len(names) == len(paths.OUTPUT_ENDINGS)


def test_long_names_that_are_cut_stay_different() -> None:
    one, two = (paths.output_name("é" * 125 + last, "metadata") for last in "ab")
    assert one != two
    assert one.endswith("_metadata.json")
