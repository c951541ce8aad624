"""Parity and characters, one by one. The tables here are typed from 47 CFR 79.101, not taken from the code."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.cea608.characters import (
    BASIC,
    BASIC_OF_CODE,
    EXTENDED,
    EXTENDED_OF_CODE,
    FALLBACKS,
    SHOWABLE,
    SPECIAL_OF_CODE,
)
from archivist_captions.cea608.codes import COLUMNS, PAC_BASES, hex_of, pac, with_parity
from archivist_captions.cea608.decoder import receive
from archivist_captions.cea608.encoder import encode
from archivist_captions.cea608.transliteration import Change, transliterate
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Cue

_SPANISH = "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»"
_PORTUGUESE = "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘"


@pytest.mark.parametrize("byte", range(128))
def test_every_byte_has_odd_parity_and_its_seven_bits(byte: int) -> None:
    sent = with_parity(byte)
    assert sent.bit_count() % 2 == 1
    assert sent & 0x7F == byte
    assert hex_of(byte << 8 | byte) == f"{sent:02x}" * 2


def test_basic_characters_are_ascii_but_for_ten() -> None:
    replaced = {0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú", 0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ"}
    for code in range(0x20, 0x7F):
        assert BASIC_OF_CODE[code] == replaced.get(code, chr(code))
    assert BASIC_OF_CODE[0x7F] == "█"


def test_special_and_extended_characters_stand_at_their_codes() -> None:
    assert [SPECIAL_OF_CODE[0x1130 + i] for i in range(16)] == list("®°½¿™¢£♪à\u00a0èâêîôû")
    assert [EXTENDED_OF_CODE[0x1220 + i] for i in range(32)] == list(_SPANISH)
    assert [EXTENDED_OF_CODE[0x1320 + i] for i in range(32)] == list(_PORTUGUESE)


@pytest.mark.parametrize("character", sorted(EXTENDED))
def test_a_receiver_without_the_extended_set_shows_a_fallback(character: str) -> None:
    """The words as an old receiver takes them: extended pairs ignored."""
    encoded = encode([Cue(2_000, 4_000, (f"a{character}b",))]).text
    words = [
        (frame, int(word, 16) & 0x7F7F) for frame, word in enumerate(encoded.split("\t")[1].split("\n")[0].split())
    ]
    assert play(encoded).screens[0].text == f"a{character}b"
    old = receive([(frame, word) for frame, word in words if word not in EXTENDED_OF_CODE])
    assert old.screens[0].text == f"a{FALLBACKS[character]}b"


@pytest.mark.parametrize("character", sorted(SHOWABLE - {" "}))
def test_every_showable_character_is_shown_twice_in_a_row(character: str) -> None:
    """Twice, for a pair that is not doubled vanishes at its second appearance."""
    played = play(encode([Cue(2_000, 4_000, (f"x{character}{character} y",))]).text)
    assert [row.text for row in played.screens[0].rows] == [f"x{character}{character} y"]
    assert played.findings == ()


@pytest.mark.parametrize("character", sorted(EXTENDED))
def test_an_extended_character_is_kept_out_of_the_last_column(character: str) -> None:
    played = play(encode([Cue(5_000, 9_000, ("word " * 6 + "x" + character,))]).text)
    assert played.findings == ()
    assert "".join(row.text for row in played.screens[0].rows).replace(" ", "") == "word" * 6 + "x" + character


def test_row_codes_are_those_of_the_rule() -> None:
    assert pac(15, 0) == 0x1470
    assert pac(1, 4) == 0x1152
    assert pac(11, 28) == 0x105E
    assert len(set(PAC_BASES.values())) == len(PAC_BASES) == 15
    with pytest.raises(ValueError, match="indents"):
        pac(15, COLUMNS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("We’re", "We're"),
        ("ten – twelve…", "ten - twelve..."),
        ("¾ cup, €5", "3/4 cup, EUR5"),
        ("no\u00a0break\u2009thin", "no break thin"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("♫ song ♬", "♪ song ♪"),
        ("Dvořák, Łódź", "Dvorák, Lódz"),
        ("e\u0301", "é"),
        ("ﬁne", "fine"),
        ("Thank you 👍 all", "Thank you  all"),
        ("Москва", ""),
        ("`code`", "'code'"),
        ("§ 12", "Sec. 12"),
    ],
)
def test_what_has_no_code_is_shown_another_way(text: str, shown: str) -> None:
    assert transliterate(text)[0] == shown


def test_changes_are_told_and_spaces_are_none() -> None:
    assert transliterate("a\u00a0b 👍 €")[1] == (Change("👍", ""), Change("€", "EUR"))


@given(st.text())
def test_any_text_becomes_showable_or_is_told(text: str) -> None:
    shown, changes = transliterate(text)
    assert SHOWABLE.issuperset(shown)
    assert transliterate(shown) == (shown, ())
    kept = len(unicodedata.normalize("NFC", text)) - len(changes)
    invisible = sum(unicodedata.category(character) in {"Cf", "Cc", "Mn"} for character in text)
    assert len(shown) >= kept - invisible


def test_basic_table_has_no_character_twice() -> None:
    assert len(BASIC) == 96
