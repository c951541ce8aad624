"""Sentences out of words, and the most central ones as a summary (docs/decisions/0021)."""

import pytest
from tests import media_factory as factory

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import sentences
from archivist_transcriber.slot import summary as summary_module
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


COUNCIL = """Good evening, everyone, and welcome to the regular meeting of the Falls City council. I call this
meeting to order. Please rise for the pledge of allegiance. Let the record show that all members are present.
The first item is the replacement of the water main beneath Elm Street. The water main beneath Elm Street has
burst four times since January and must be replaced. Replacing the whole water main costs two million dollars,
paid from the water fund over ten years. Are there any questions from the council? My daughter was at the
dentist on Tuesday and it took forever. Will Elm Street be closed while the water main is replaced? Elm Street
closes for eleven weeks this summer, one block after the other. We now move to public comment. Please state your
name and address for the record. Good evening, Mayor and members of the council, and thank you for having me
tonight. The bakery on Elm Street loses its summer customers when the street is closed for eleven weeks. Thank
you very much for your time, we appreciate it as always. Please state your name and address for the record. The
water fund has enough money for the water main, but not for the pumping station as well. Thank you very much for
your time, we appreciate it as always. Please state your name and address for the record. Is there a motion on
this item? I move that we replace the water main this summer and keep one lane of Elm Street open. I move that
we replace the water main this summer, and keep one lane of Elm Street open! Second. All in favor, say aye. Aye.
The motion carries unanimously. The next regular meeting of the council is on the second Monday of the month.
This meeting is adjourned. Good night, everybody, and drive home safely tonight."""

AYUNTAMIENTO = """Buenas noches a todos y bienvenidos a la reunión ordinaria del consejo municipal. El primer
punto es la reparación del puente sobre el río. ¿Hay algún comentario sobre este punto? El puente sobre el río
tiene grietas en dos pilares y debe repararse antes del invierno. La reparación del puente cuesta un millón de
dólares y la paga el fondo de carreteras. Mi perro se llama Canelo y le gusta la radio. Mientras se repara el
puente, los camiones cruzarán el río por la carretera del norte. Muchas gracias por su tiempo y por escucharnos
esta noche. El fondo de carreteras alcanza para el puente, pero no para la carretera del norte. ¿Hay algún
comentario sobre este punto? Muchas gracias por su tiempo y por escucharnos esta noche. Se aprueba por
unanimidad."""


def chosen(text: str, language: str = "en", count: int = 4) -> list[str]:
    return [s.text for s in summarise(spoken(text), language=language, count=count).sentences]


def test_the_business_of_a_meeting_is_chosen() -> None:
    found = chosen(COUNCIL)
    assert "The first item is the replacement of the water main beneath Elm Street." in found
    assert "I move that we replace the water main this summer and keep one lane of Elm Street open." in found
    assert all("Elm Street" in text or "water" in text for text in found)


@pytest.mark.parametrize("count", [3, 4, 6, 8])
@pytest.mark.parametrize(
    "never",
    [
        pytest.param(("Good evening", "Good night"), id="greetings"),
        pytest.param(("Thank you",), id="thanks"),
        pytest.param(("I call", "Please rise", "Please state", "Let the record", "We now move"), id="formulas"),
        pytest.param(("Are there any", "Is there a motion", "All in favor", "The motion carries"), id="procedure"),
        pytest.param(("Aye", "Second"), id="calls"),
        pytest.param(("My daughter",), id="beside-the-subject"),
    ],
)
def test_what_every_meeting_says_is_not_chosen(never: tuple[str, ...], count: int) -> None:
    assert not [text for text in chosen(COUNCIL, count=count) if text.startswith(never)]


@pytest.mark.parametrize("count", [3, 5, 8])
def test_of_two_sentences_that_say_the_same_one_is_chosen(count: int) -> None:
    talk = COUNCIL.replace(
        "Is there a motion", "Elm Street closes for eleven weeks, block after block, this summer. Is there a"
    )
    found = chosen(talk, count=count)
    assert sum(text.startswith("I move that we replace the water main") for text in found) <= 1
    assert sum(text.startswith("Elm Street closes for eleven weeks") for text in found) <= 1


def test_a_sentence_restated_again_and_again_is_not_central_by_that() -> None:
    cats = [
        f"My old cat Whiskers likes the kitchen radio {when}." for when in ("daily", "nightly", "weekly", "always")
    ]
    found = chosen(COUNCIL + " " + " ".join(cats), count=4)
    assert not [text for text in found if "Whiskers" in text]


def test_a_meeting_in_spanish_is_summarised_by_its_business() -> None:
    found = chosen(AYUNTAMIENTO, "es", count=3)
    assert all("puente" in text for text in found)
    assert not [text for text in found if text.startswith(("Buenas", "¿Hay", "Muchas", "Mi perro"))]


def test_a_language_without_lists_is_summarised_by_its_business() -> None:
    assert not [t for t in chosen(COUNCIL, "xx", count=4) if t.startswith(("My daughter", "Please", "Aye", "Second"))]


def test_a_script_without_spaces_is_ranked_by_pairs_of_characters() -> None:
    talk = [
        Word(n * 5_000, n * 5_000 + 4_000, text)
        for n, text in enumerate(
            [
                "水道本管の工事は今年の夏に始まります。",
                "私の猫はラジオがとても大好きなのです。",
                "水道本管の工事の費用は二百万ドルです。",
                "青い傘がだれかの忘れ物として届きました。",
                "夏の間は水道本管の工事で道路を閉じます。",
            ]
        )
    ]
    assert all("水道本管" in s.text for s in summarise(talk, language="ja", count=2).sentences)


def test_no_formula_of_the_demo_meetings_is_chosen() -> None:
    formulas = (
        "I call this",
        "We now move",
        "Are there any",
        "Good evening",
        "We are back",
        "Please",
        "The motion",
        "Thank",
    )
    for name in ("meeting-10min", "meeting-2min"):
        found = [s.text for s in summarise(referenced(name)).sentences]
        assert len(found) == 3
        assert not [text for text in found if text.startswith(formulas) and not text.startswith("Motion to")]


def test_a_meeting_of_four_hours_costs_four_times_one_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: pairs of sentences compared, and terms of the vocabulary they are compared over."""
    work: list[tuple[int, int]] = []
    similarity = summary_module._similarity

    def counted(sentence_terms, language):  # type: ignore[no-untyped-def]
        work.append((len(sentence_terms), len(set().union(*sentence_terms))))
        return similarity(sentence_terms, language)

    monkeypatch.setattr(summary_module, "_similarity", counted)
    cost = {}
    for hours in (1, 4):
        work.clear()
        talk = [
            Word(
                n * 5_000 + k * 400,
                n * 5_000 + k * 400 + 300,
                f"{(n * 7 + k * k * 31) % 1_999}th" + "." * (k == 11),
            )
            for n in range(hours * 720)
            for k in range(12)
        ]
        assert len(summarise(talk).sentences) == (8 if hours == 1 else 15)
        assert max(sentences for sentences, _ in work) <= 150
        cost[hours] = sum(sentences**2 * terms for sentences, terms in work)
    assert cost[4] < 5 * cost[1]


def test_a_sentence_said_three_times_word_for_word_is_a_formula() -> None:
    formula = "Speakers have three minutes on the replacement of the water main beneath Elm Street."
    twice = f"{formula} {COUNCIL} {formula}"
    assert formula in chosen(twice, count=6)
    assert formula not in chosen(f"{twice} {formula}", count=6)
