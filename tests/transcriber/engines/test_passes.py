"""Both passes over a piece, with a model that is a function of the window and of how it is decoded."""

from collections.abc import Callable, Sequence

import numpy as np

from archivist_transcriber.audio.vad import RATE, Piece
from archivist_transcriber.engines.hallucinations import DecodedWindow
from archivist_transcriber.engines.passes import UNSURE, Decode, How, Kept, Passes
from archivist_transcriber.engines.windows import Window, pack

SECOND = RATE
LONGEST = 30 * SECOND


def piece(*speech: tuple[float, float], length: float = 30.0) -> Piece:
    spans = tuple((round(start * RATE), round(end * RATE)) for start, end in speech)
    return Piece(60_000, np.zeros(round(length * RATE), np.float32), spans)


def decoded(
    text: str, start: float = 0.0, *, each: float = 0.3, sure: float = -0.2, silence: float = 0.0
) -> DecodedWindow:
    words = [
        {"word": f" {word}", "start": start + n * each, "end": start + (n + 1) * each, "probability": 0.9}
        for n, word in enumerate(text.split())
    ]
    return DecodedWindow(words, no_speech=silence, log_probability=sure, compression=1.0)


def asked(heard: Callable[[Window, How], DecodedWindow], calls: list[tuple[How, int]]) -> Decode:
    def decode(windows: Sequence[Window], how: How) -> Sequence[DecodedWindow]:
        calls.extend((how, window.parts[0].start) for window in windows)
        return [heard(window, how) for window in windows]

    return decode


def kept(sound: Piece, heard: Callable[[Window, How], DecodedWindow]) -> tuple[Kept, list[tuple[How, int]]]:
    calls: list[tuple[How, int]] = []
    passes = Passes(sound, "en", asked(heard, calls), longest=LONGEST, most=4)
    return passes.kept(pack(sound.speech, sound.samples, LONGEST)), calls


TALK = piece((1.0, 3.0), (6.0, 9.0))


def test_speech_that_got_words_is_decoded_once() -> None:
    said, calls = kept(
        TALK, lambda window, how: decoded("one two three four five six seven eight nine ten", 0.4, each=0.5)
    )
    assert [how for how, _ in calls] == [How.QUICK]
    assert said.unheard == ()


def test_a_passage_that_was_jumped_over_is_decoded_by_itself_and_its_words_come_in_order() -> None:
    def heard(window: Window, how: How) -> DecodedWindow:
        return decoded("one two three four", 0.4) if how is How.QUICK else decoded("five six seven eight", 0.4)

    said, calls = kept(TALK, heard)
    assert [how for how, _ in calls] == [How.QUICK, How.BEAM]
    assert [word.text for word in said.words] == ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    assert [word.start_ms for word in said.words] == sorted(word.start_ms for word in said.words)
    assert said.words[4].start_ms >= 66_000
    assert said.unheard == ()


def test_a_passage_before_the_first_words_is_put_before_them() -> None:
    def heard(window: Window, how: How) -> DecodedWindow:
        return decoded("five six seven eight", 3.6) if how is How.QUICK else decoded("one two three", 0.4)

    said, _ = kept(TALK, heard)
    assert [word.text for word in said.words] == ["one", "two", "three", "five", "six", "seven", "eight"]


def test_speech_that_stays_without_words_is_told_with_its_times() -> None:
    said, _ = kept(TALK, lambda window, how: decoded("one two three four" if how is How.QUICK else "", 0.4))
    assert said.unheard == ((66_000, 69_000),)


def test_words_in_what_the_model_takes_for_silence_fill_no_hole() -> None:
    def heard(window: Window, how: How) -> DecodedWindow:
        return (
            decoded("one two three four", 0.4)
            if how is How.QUICK
            else decoded("thank you all", sure=-1.4, silence=0.9)
        )

    said, _ = kept(TALK, heard)
    assert [word.text for word in said.words] == ["one", "two", "three", "four"]
    assert said.unheard == ((66_000, 69_000),)


def test_a_window_that_was_not_sure_is_decoded_with_a_beam_and_the_surer_words_are_kept() -> None:
    talk = piece((1.0, 4.0))
    for second, expected in ((-0.3, "right"), (-0.9, "wrong")):

        def heard(window: Window, how: How, second: float = second) -> DecodedWindow:
            quick = how is How.QUICK
            text = "wrong " * 3 if quick else "right " * 3
            return decoded(text, 0.4, sure=UNSURE - 0.1 if quick else second)

        said, calls = kept(talk, heard)
        assert [how for how, _ in calls] == [How.QUICK, How.BEAM]
        assert {word.text for word in said.words} == {expected}


def test_a_click_in_music_does_not_hold_the_first_word_of_who_speaks_later() -> None:
    """The model lets the first word begin with the window: it came up 20 s early."""
    sound = piece((1.0, 1.2), (21.0, 24.0))
    said, _ = kept(sound, lambda window, how: decoded("I knew well enough that", 0.0, each=1.1))
    assert said.words[0].start_ms >= 81_000
