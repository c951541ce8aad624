"""Sentences out of words, and the ones that tell most."""

import pytest
from tests import media_factory as factory

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import sentences
from archivist_transcriber.slot.summary import NO_SPEECH, Summary, summarise


def spoken(*groups: str, pause_ms: int = 300) -> list[Word]:
    """Words of 200 ms each; a pause between the groups."""
    words, now = [], 0
    for group in groups:
        for text in group.split():
            words.append(Word(now, now + 200, text))
            now += 200
        now += pause_ms
    return words


def referenced(name: str) -> list[Word]:
    return [
        Word(int(w["start"] * 1000), int(w["end"] * 1000), w["word"])
        for segment in factory.reference(name)["segments"]
        for w in segment["words"]
    ]


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        pytest.param(spoken("Good evening. Please rise."), ["Good evening.", "Please rise."], id="full-stops"),
        pytest.param(spoken("Who moves? I do! So moved."), ["Who moves?", "I do!", "So moved."], id="marks"),
        pytest.param(spoken("Mr. Diaz of St. Paul spoke."), ["Mr. Diaz of St. Paul spoke."], id="abbreviations"),
        pytest.param(spoken("John F. Kennedy spoke."), ["John F. Kennedy spoke."], id="initials"),
        pytest.param(spoken("Not me, said I. He did."), ["Not me, said I.", "He did."], id="i-is-no-initial"),
        pytest.param(spoken('He said "yes." Then left.'), ['He said "yes."', "Then left."], id="quotes"),
        pytest.param(spoken("It is 7.5 percent."), ["It is 7.5 percent."], id="decimals"),
        pytest.param(
            spoken("no marks at all", "but pauses", pause_ms=2_500), ["no marks at all", "but pauses"], id="pauses"
        ),
        pytest.param([], [], id="nothing"),
    ],
)
def test_sentences(words: list[Word], texts: list[str]) -> None:
    assert [sentence.text for sentence in sentences(words)] == texts


def test_a_sentence_lasts_from_its_first_word_to_its_last() -> None:
    first, second = sentences(spoken("Good evening all.", "Please rise.", pause_ms=500))
    assert (first.start_ms, first.end_ms) == (0, 600)
    assert (second.start_ms, second.end_ms) == (1_100, 1_500)


def test_endless_talk_is_cut() -> None:
    assert max(len(s.text.split()) for s in sentences(spoken("word " * 200))) <= 60


def test_a_summary_is_made_of_sentences_in_order_with_their_times() -> None:
    words = referenced("meeting-10min")
    summary = summarise(words, count=5)
    everything = {(s.start_ms, s.end_ms, s.text) for s in sentences(words)}
    assert len(summary.sentences) == 5
    assert all((s.start_ms, s.end_ms, s.text) in everything for s in summary.sentences)
    assert [s.start_ms for s in summary.sentences] == sorted(s.start_ms for s in summary.sentences)
    assert len({s.text for s in summary.sentences}) == 5


def test_a_summary_is_the_same_every_time() -> None:
    words = referenced("meeting-10min")
    assert summarise(words) == summarise(words)


def test_the_sentence_others_speak_of_is_chosen() -> None:
    talk = spoken(
        "The water main on Elm Street will be replaced this summer.",
        "My cat is called Whiskers and likes the radio.",
        "Replacing the water main costs two million dollars.",
        "Elm Street residents asked when the water main will be replaced.",
        "Somebody left a blue umbrella in the hall.",
        "Elm Street will be closed while the main is replaced.",
    )
    chosen = " ".join(s.text for s in summarise(talk, count=2).sentences)
    assert "main" in chosen
    assert "Whiskers" not in chosen
    assert "umbrella" not in chosen


def test_calls_of_a_word_or_two_summarise_nothing() -> None:
    talk = spoken(*["Aye."] * 5, "The council approves the budget for the coming year.", *["Second, please."] * 5)
    assert [s.text for s in summarise(talk).sentences] == ["The council approves the budget for the coming year."]


def test_a_summary_grows_with_the_recording_and_stays_readable() -> None:
    hours = [
        Word(n * 10_000 + k * 300, n * 10_000 + k * 300 + 200, f"word{n * k % 97}" + "." * (k == 7))
        for n in range(2_000)
        for k in range(8)
    ]
    assert len(summarise(hours).sentences) == 15
    assert len(summarise(referenced("meeting-2min")).sentences) == 3


def test_text_has_a_time_code_and_a_sentence_on_each_line() -> None:
    talk = [Word(3_723_000, 3_724_000, "Two\nlines"), Word(3_724_000, 3_725_000, "are one.")]
    assert summarise([Word(w.start_ms, w.end_ms, w.text) for w in talk]).text() == "[01:02:03] Two lines are one.\n"


def test_without_speech_the_summary_says_so() -> None:
    summary = summarise([])
    assert summary == Summary("en", ())
    assert summary.text() == NO_SPEECH + "\n"


@pytest.mark.parametrize("language", ["en", "es", "fr", "de", "ja", "xx"])
def test_every_language_gets_a_summary(language: str) -> None:
    talk = spoken(*(f"Sentence number {n} speaks of the bridge and the river." for n in range(6)))
    assert len(summarise(talk, language=language, count=3).sentences) == 3


def test_sentences_that_share_no_word_are_no_trouble() -> None:
    talk = spoken(*(f"a{n} b{n} c{n} d{n} e{n} f{n}." for n in range(6)))
    assert len(summarise(talk, count=3).sentences) == 3
