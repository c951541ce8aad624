"""Words to cues: what a reader of captions would check."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivist_bench.caption_trials import benign, easy
from archivist_captions.cea608.encoder import encode
from archivist_captions.cue import Cue, Word
from archivist_captions.formats.voices import words_of
from archivist_captions.layout.grammar import BAN, break_cost, ends_sentence
from archivist_captions.layout.layout import layout
from archivist_captions.layout.masking import mask
from archivist_captions.notes import NoteKind
from archivist_captions.profiles import BROADCAST, NETFLIX, PROFILES, Profile, profile_from

_DEMO = Path(__file__).parents[3] / "demo" / "samples"


def _speech(text: str, start_ms: int = 1_000, word_ms: int = 300, speaker: str | None = None) -> list[Word]:
    return [
        Word(start_ms + word_ms * place, start_ms + word_ms * (place + 1) - 20, word, speaker=speaker)
        for place, word in enumerate(text.split())
    ]


def _lines(words: list[Word]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in layout(words)]


def test_no_words_give_no_cues() -> None:
    assert layout([]) == ()


def test_a_sentence_that_fits_is_one_cue() -> None:
    cues = layout(_speech("The motion carries."))
    assert cues == (Cue(1_000, 2_330, ("The motion carries.",)),)


def test_a_cue_starts_with_its_first_word() -> None:
    words = words_of(easy())
    starts = {word.start_ms for word in words}
    assert {cue.start_ms for cue in layout(words)} <= starts


def test_each_sentence_gets_a_caption_of_its_own() -> None:
    words = _speech("Please call the roll of the council. All members of the board are present.")
    assert [" ".join(lines) for lines in _lines(words)] == [
        "Please call the roll of the council.",
        "All members of the board are present.",
    ]


def test_rows_break_where_the_grammar_does() -> None:
    assert _lines(_speech("We will hear the report of the director of public works.")) == [
        ("We will hear the report", "of the director of public works.")
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Mayor", "Lopez"), ("Dr.", "Smith"), ("J.", "Smith"), ("No.", "5"), ("Ordinance", "2024-17"),
        ("Item", "12"), ("five", "percent"), ("20", "percent"), ("$3", "million"), ("hundred", "thousand"),
        ("March", "12"), ("7", "p.m."), ("12,", "2024"),
    ],
)  # fmt: skip
def test_what_belongs_together_is_not_broken(before: str, after: str) -> None:
    assert break_cost(before, after) == BAN


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (("public.", "We"), ("public,", "we")),
        (("public,", "and"), ("public", "and")),
        (("public", "and"), ("public", "hearing")),
        (("hearing", "of"), ("of", "the")),
        (("of", "it"), ("the", "hearing")),
        (("works", "hard"), ("environmental", "report")),
        (("council", "works"), ("very", "much")),
        (("much", "thing"), ("one", "thing")),
        (("financial", "impact"), ("the", "impact")),
        (("environmental", "is"), ("environmental", "report")),
        (("works", "hard"), ("will", "work")),
        (("will", "work"), ("Thank", "you")),
        (("street", "works"), ("Elm", "Street")),
        (("motion", "passes"), ("five", "to")),
        (("Elm", "Street"), ("the", "street")),
        (("the", "street"), ("Mayor", "Lopez")),
    ],
)
def test_a_better_place_to_break_costs_less(better: tuple[str, str], worse: tuple[str, str]) -> None:
    assert break_cost(*better) < break_cost(*worse)


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("yes.", True), ("No.", True), ("mayor.", True), ("yes?”", True), ("done…", True),
        ("Dr.", False), ("U.S.", False), ("J.", False), ("word,", False), ("3.5", False),
    ],
)  # fmt: skip
def test_where_sentences_end(word: str, ends: bool) -> None:
    assert ends_sentence(word) is ends


def test_pronouns_stay_with_their_verbs_and_numbers_with_their_things() -> None:
    """Was `clarify one | thing, because I think there` and `may be some confusion about what | this item`."""
    words = _speech(
        "I just wanted to clarify one thing, because I think there may be some confusion "
        "about what this item does and does not do.",
        word_ms=350,
    )
    assert _lines(words) == [
        ("I just wanted", "to clarify one thing,"),
        ("because I think", "there may be some confusion"),
        ("about what this item", "does and does not do."),
    ]


def _demo_words(name: str, speakers: bool) -> list[Word]:
    segments = json.loads((_DEMO / f"{name}.json").read_text(encoding="utf-8"))["segments"]
    return [
        Word(
            round(word["start"] * 1_000),
            round(word["end"] * 1_000),
            word["word"],
            speaker=segment["speaker"] if speakers else None,
        )
        for segment in segments
        for word in segment["words"]
    ]


@pytest.mark.parametrize("speakers", [False, True], ids=["no-speakers", "speakers"])
@pytest.mark.parametrize("name", ["meeting-2min", "meeting-10min"])
def test_no_caption_of_the_demo_is_one_that_nobody_would_put_on_air(name: str, speakers: bool) -> None:
    cues = layout(_demo_words(name, speakers))
    fast = 0
    for before, cue in pairwise(cues):
        last, words = before.text.split()[-1], cue.text.split()
        stays = cue.end_ms - cue.start_ms
        assert stays >= BROADCAST.floor_ms, f"a flash: {cue}"
        fast += len(cue.text) * 1_000 > BROADCAST.warn_cps * stays
        assert ends_sentence(last) or not ends_sentence(words[0]), f"begins with a sentence's last word: {cue}"
        assert ends_sentence(last) or len(words) > 1, f"one word of a sentence: {cue}"
        assert len(cue.lines) <= 2
        assert all(len(line.split()) > 1 for line in cue.lines[1:]), f"a second row of one word: {cue}"
        breaks = [(last, words[0]), *((a.split()[-1], b.split()[0]) for a, b in pairwise(cue.lines))]
        assert all(break_cost(*pair) < break_cost("the", "council") for pair in breaks), f"{before} {cue}"
    assert fast <= -(-len(cues) // 20)


def test_two_words_of_a_sentence_are_not_left_in_the_caption_before() -> None:
    """Was `>> Please call the roll. | We spent`, with the rest in the next caption."""
    lines = [cue.lines for cue in layout(_demo_words("meeting-2min", speakers=True))]
    place = lines.index((">> Please call the roll.",))
    assert lines[place + 1 : place + 3] == [
        ("We spent", "five hundred thousand dollars"),
        ("on the park", "playground last year."),
    ]


def test_a_change_of_speaker_begins_a_row() -> None:
    words = _speech("Is there a second?", 1_000, speaker="A") + _speech("Second.", 2_300, speaker="B")
    rows = [row for lines in _lines(words) for row in lines]
    assert rows == ["Is there a second?", ">> Second."]


def test_an_unknown_speaker_changes_nothing() -> None:
    words = [
        *_speech("Is there", 1_000, speaker="A"),
        Word(1_600, 1_900, "a"),
        *_speech("second?", 1_900, speaker="A"),
    ]
    assert _lines(words) == [("Is there a second?",)]


def test_silence_ends_a_caption() -> None:
    words = _speech("We are waiting", 1_000) + _speech("for the clerk", 6_000)
    cues = layout(words)
    assert [cue.text for cue in cues] == ["We are waiting", "for the clerk"]
    assert cues[0].end_ms <= 2_000 + BROADCAST.linger_ms


def test_a_word_that_lasts_through_a_silence_does_not_keep_its_caption() -> None:
    (cue,) = layout([Word(1_000, 1_300, "Thank"), Word(1_300, 31_000, "you.")])
    assert cue.end_ms <= 1_300 + BROADCAST.silence_ms + BROADCAST.linger_ms


def test_a_short_gap_is_closed() -> None:
    words = _speech("The first of two sentences is really rather long.")
    words += _speech("The second sentence is just as long as that.", words[-1].end_ms + 300)
    first, second = layout(words)
    assert first.end_ms == second.start_ms


def test_a_word_longer_than_a_row_is_hyphenated_and_whole() -> None:
    cues = layout([Word(1_000, 2_000, "a" * 80)])
    rows = [row for cue in cues for row in cue.lines]
    assert rows == ["a" * 31 + "-", "a" * 31 + "-", "a" * 18]


def test_votes_are_put_together_rather_than_flashed() -> None:
    words = [Word(1_000 + 400 * n, 1_200 + 400 * n, "Aye.", speaker=str(n)) for n in range(8)]
    cues = layout(words)
    assert all(row.removeprefix(">> ") == "Aye." for cue in cues for row in cue.lines)
    assert all(len(cue.lines) >= 2 for cue in cues)
    assert sum(len(cue.lines) for cue in cues) == 8


def test_captions_of_fast_speech_leave_one_another_time_to_be_sent() -> None:
    """Laid out without a thought for the channel, every second one would be seven frames late."""
    words = _speech("Thank you. Please state your name and address for the public record. " * 8, word_ms=150)
    notes = encode(layout(words)[1:]).notes
    assert NoteKind.LATE not in [note.kind for note in notes]


def test_three_rows_only_to_keep_up() -> None:
    at_ease = layout(_speech("word " * 60, word_ms=350))
    assert max(len(cue.lines) for cue in at_ease) <= 2


def test_a_profile_of_one_row_has_one_row() -> None:
    narrow = Profile(name="narrow", columns=20, rows=1, max_rows=1)
    cues = layout(_speech("We will hear the report of the director of public works."), narrow)
    assert all(len(cue.lines) == 1 and len(cue.lines[0]) <= 20 for cue in cues)


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": 7},
        {"rows": 3, "max_rows": 2},
        {"max_rows": 5},
        {"target_cps": 0},
        {"floor_ms": 2_000},
        {"pause_ms": 0},
    ],
)
def test_a_profile_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Profile(**wrong)  # type: ignore[arg-type]


def test_a_named_speaker_is_named_once() -> None:
    words = [
        *_speech("Good evening.", 1_000, speaker="A"),
        *_speech("Thank you.", 4_000, speaker="B"),
        *_speech("You are welcome.", 7_000, speaker="A"),
    ]
    cues = layout(words, names={"A": "Mayor López"})
    assert [cue.text for cue in cues] == [">> MAYOR LÓPEZ: Good evening.", ">> Thank you.", ">> You are welcome."]


def test_a_name_too_long_for_the_word_beside_it_keeps_the_word_whole() -> None:
    words = _speech("Extraordinarily. Good.", 1_000, speaker="A")
    cues = layout(words, names={"A": "Councilmember de la Cruz"})
    assert [line for cue in cues for line in cue.lines] == [">> COUNCILMEMBER DE LA CRUZ:", "Extraordinarily. Good."]


def test_a_topic_begins_with_three_marks() -> None:
    cues = layout(_speech("Item one is done. Item two is next."), topics={4})
    assert [line for cue in cues for line in cue.lines] == ["Item one is done.", ">>> Item two is next."]


def test_a_label_has_its_own_row() -> None:
    words = _speech("Thank you. [APPLAUSE] Please be [LOUD MUSIC PLAYING] seated.")
    rows = [line for cue in layout(words) for line in cue.lines]
    assert rows == ["Thank you.", "[APPLAUSE]", "Please be", "[LOUD MUSIC PLAYING]", "seated."]


def test_capitals_on_request() -> None:
    (cue,) = layout(_speech("The straße is open."), Profile(name="capitals", capitals=True))
    assert cue.text == "THE STRASSE IS OPEN."


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_profile_keeps_its_columns_and_rows_and_loses_nothing(profile: Profile) -> None:
    words = words_of(benign(60))
    cues = layout(words, profile)
    assert [token for cue in cues for token in cue.text.split()] == [word.text for word in words]
    assert all(len(cue.lines) <= profile.max_rows for cue in cues)
    assert all(len(line) <= profile.columns for cue in cues for line in cue.lines)


def test_masked_words_keep_their_first_letter_and_are_told() -> None:
    words = _speech("Darn! “Darning” and damn-it darn")
    masking = mask(words, ["darn"])
    assert [word.text for word in masking.words] == ["D---!", "“Darning”", "and", "damn-it", "d---"]
    assert masking.masked == (0, 4)
    assert mask(words, []).words == tuple(words)


def test_a_profile_from_settings_changes_what_it_names() -> None:
    assert profile_from({"name": "ours", "base": "netflix", "columns": 30}) == replace(
        NETFLIX, name="ours", columns=30
    )
    assert profile_from({}) == BROADCAST


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"base": "cinema"}, "known: broadcast"),
        ({"colums": 30}, "no 'colums'"),
        ({"columns": "30"}, "columns is int"),
        ({"capitals": 1}, "capitals is bool"),
        ({"columns": 5}, "columns must be"),
    ],
)
def test_a_profile_from_settings_that_cannot_be_is_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        profile_from(values)


_WORDS = st.lists(
    st.tuples(
        st.integers(0, 3_000),
        st.integers(0, 900),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Z", "Cs"]), min_size=1, max_size=70),
        st.sampled_from([None, "A", "B"]),
    ),
    max_size=60,
)


def _timed(rows: list[tuple[int, int, str, str | None]]) -> list[Word]:
    clock, words = 0, []
    for wait, length, text, speaker in rows:
        clock += wait
        if text.strip():
            words.append(Word(clock, clock + length, text.strip(), speaker=speaker))
    return words


@settings(deadline=None, max_examples=150)
@given(_WORDS)
def test_layout_never_loses_adds_or_moves_a_word(rows: list[tuple[int, int, str, str | None]]) -> None:
    words = _timed(rows)
    cues = layout(words)
    shown = "".join(line for cue in cues for line in cue.lines).replace(" ", "").replace(">", "").replace("-", "")
    spoken = "".join("".join(word.text.split()) for word in words).replace(">", "").replace("-", "")
    assert shown == spoken
    if all(len(word.text) <= 29 for word in words):
        assert [t for cue in cues for t in cue.text.split() if t != ">>"] == [
            t for word in words for t in word.text.split() if t != ">>"
        ]
    assert all(len(cue.lines) <= BROADCAST.max_rows for cue in cues)
    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)
    assert layout(words) == cues


@given(
    st.lists(st.sampled_from(["the", "council", "will", "vote,", "on", "Item", "12.", "Aye.", ">>"]), max_size=80),
    st.integers(0, 500),
)
def test_rows_never_pass_their_columns(texts: list[str], word_ms: int) -> None:
    for cue in layout(_speech(" ".join(texts), word_ms=word_ms + 20)):
        assert all(len(line) <= BROADCAST.columns for line in cue.lines)
