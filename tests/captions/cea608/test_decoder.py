"""The receiver, fed by hand: words are written here in hex, never by our encoder."""

import pytest

from archivist_captions.cea608.decoder import MemoryRow, Mode, Receiver, receive
from archivist_captions.cea608.verifier import play


def _receive(hexes: str) -> Receiver:
    return receive((frame, int(word, 16) & 0x7F7F) for frame, word in enumerate(hexes.split()))


def _file(*lines: str) -> str:
    return "Scenarist_SCC V1.0\n\n" + "".join(line.replace(" ", "\t", 1) + "\n\n" for line in lines)


def test_pop_on_shows_at_the_first_swap() -> None:
    receiver = _receive("9420 9420 94ae 94ae 9476 9476 97a2 97a2 c179 e5ae 942f 942f 8080 942c 942c")
    (screen,) = receiver.screens
    assert (screen.start, screen.end) == (10, 13)
    assert screen.rows == (MemoryRow(15, 14, "Aye."),)
    assert receiver.modes == [Mode.POP_ON]


def test_a_repeated_pair_is_ignored_in_the_next_frame_only() -> None:
    shown = _receive("9429 9429 9470 9470 9137 9137 9137 9137").screens[-1]
    assert shown.text == "♪♪"
    apart = _receive("9429 9429 9470 9470 9137 8080 9137").screens[-1]
    assert apart.text == "♪♪"


def test_a_third_copy_counts_again() -> None:
    """Three EOCs swap twice: the caption is gone again."""
    receiver = _receive("9420 9420 9470 9470 c179 e5ae 942f 942f 942f")
    assert receiver.shows == [6, 8]
    assert receiver.screens[0].end == 8


def test_extended_replaces_the_character_before_it() -> None:
    assert _receive("9429 9429 9470 9470 7580 92a5 92a5 62e5").screens[-1].text == "übe"


def test_without_a_fallback_a_letter_is_eaten_and_said_so() -> None:
    receiver = _receive("9429 9429 9470 9470 46e5 92a5 92a5")
    assert receiver.screens[-1].text == "Fü"
    assert [event.what for event in receiver.events] == ["no-fallback"]


def test_roll_up_moves_rows_up_and_drops_the_top_one() -> None:
    lines = " ".join(f"94ad 94ad 9470 9470 {word} " for word in ("4fce", "54d7", "54c8"))
    receiver = _receive("9425 9425 " + lines)
    assert [row.text for row in receiver.screens[-1].rows] == ["TW", "TH"]
    assert [row.number for row in receiver.screens[-1].rows] == [14, 15]
    assert receiver.modes == [Mode.ROLL_UP]


def test_fewer_rows_of_a_roll_up_take_the_upper_ones_away() -> None:
    lines = " ".join(f"94ad 94ad 9470 9470 {word} " for word in ("4fce", "54d7", "54c8"))
    receiver = _receive("94a7 94a7 " + lines + "9425 9425")
    assert [row.text for row in receiver.screens[-2].rows] == ["ON", "TW", "TH"]
    assert [row.text for row in receiver.screens[-1].rows] == ["TW", "TH"]


def test_paint_on_shows_every_word_as_it_comes() -> None:
    receiver = _receive("9429 9429 9470 9470 c1c2 43c4")
    assert [(screen.start, screen.text) for screen in receiver.screens] == [(4, "AB"), (5, "ABCD")]


def test_memories_swap_so_old_text_returns_without_enm() -> None:
    hexes = (
        "9420 9420 94ae 94ae 9470 9470 c1c1 942f 942f "
        "9420 9420 9440 9440 c2c2 942f 942f "
        "9420 9420 9440 9440 43c1 942f 942f"
    )
    receiver = _receive(hexes)
    assert receiver.screens[-1].text == "CA AA"
    assert "stale-memory" in [event.what for event in receiver.events]


def test_the_other_channel_is_not_ours() -> None:
    receiver = _receive("1c20 1c20 1c70 1c70 c1c1 1c2f 1c2f")
    assert receiver.screens == []
    assert {event.what for event in receiver.events} == {"other-channel"}


def test_backspace_and_delete_to_end_of_row() -> None:
    assert _receive("9429 9429 9470 9470 c1c2 94a1 94a1 43c4").screens[-1].text == "ACD"
    assert _receive("9429 9429 9470 9470 c1c2 9470 9470 97a1 97a1 94a4 94a4").screens[-1].text == "A"


def test_italics_by_preamble_and_mid_row() -> None:
    assert _receive("9429 9429 94ce 94ce c1c1").screens[-1].rows == (MemoryRow(14, 0, "AA", ((0, 2),)),)
    assert _receive("9429 9429 94d0 94d0 c1c1").screens[-1].rows == (MemoryRow(14, 0, "AA"),)
    assert _receive("9429 9429 9470 9470 91ae 91ae c1c1").screens[-1].rows == (MemoryRow(15, 1, "AA", ((0, 2),)),)
    mixed = _receive("9429 9429 9470 9470 c1c1 91ae 91ae c1c1 9120 9120 c1c1").screens[-1].rows
    assert mixed == (MemoryRow(15, 0, "AA AA AA", ((3, 5),)),)


def test_what_does_not_fit_overwrites_the_last_column() -> None:
    receiver = _receive("9429 9429 9470 9470 " + "c1c1 " * 16 + "c2c2")
    assert receiver.screens[-1].rows[0].text == "A" * 31 + "B"
    assert [event.what for event in receiver.events] == ["columns", "columns"]


def test_a_line_that_begins_too_early_waits_for_the_channel() -> None:
    played = play(
        _file(
            "00:00:01;00 9420 9420 94ae 94ae 9470 9470 c1c1 c1c1 942f 942f",
            "00:00:01;05 942c 942c",
        )
    )
    assert [(screen.start, screen.end) for screen in played.screens] == [(38, 40)]
    assert [finding.rule for finding in played.findings] == ["overlap"]


@pytest.mark.parametrize("junk", ["ffff", "0101", "9f2f 1000 1f7f", "8080 8080", "10e0 10e0"])
def test_junk_is_survived(junk: str) -> None:
    _receive(junk + " 9429 9429 9470 9470 c1c1 " + junk)
