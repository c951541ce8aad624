"""Where people speak, found in a stream as in a whole."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests import media_factory as factory

from archivist_transcriber.audio import media
from archivist_transcriber.audio.vad import (
    LONGEST,
    QUIET,
    RATE,
    STEP,
    WINDOW,
    Piece,
    VoiceDetector,
    cut_point,
    pieces,
    regions,
)

REAL = Path(__file__).parents[2] / "data/real-speech"


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return factory.sample(seconds=40).astype(np.float32) / 32768


def blocks(sound: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for begin in range(0, len(sound), size):
        yield sound[begin : begin + size]


def test_a_stream_is_judged_as_faster_whisper_judges_the_whole_until_the_first_reset(sound: np.ndarray) -> None:
    from faster_whisper.vad import get_vad_model

    start = 6 * RATE // WINDOW * WINDOW  # speech without a pause of a reset
    spoken = sound[start : start + QUIET * 2 * WINDOW]
    detector = VoiceDetector()
    streamed = np.concatenate([detector.probabilities(block) for block in blocks(spoken, 50 * WINDOW)])
    assert np.abs(streamed - get_vad_model()(spoken).reshape(-1)).max() < 1e-3


@pytest.mark.parametrize("size", [1, 7, STEP, 37, 1_000])
def test_blocks_of_any_length_give_the_same_resets(size: int) -> None:
    heard = real("telephone-8k.wav")[: 20 * RATE // WINDOW * WINDOW]
    whole = VoiceDetector().probabilities(heard)
    detector = VoiceDetector()
    split = np.concatenate([detector.probabilities(block) for block in blocks(heard, size * WINDOW)])
    assert np.abs(whole - split).max() < 1e-3


def real(name: str) -> np.ndarray:
    """A recording of people, or of nobody, from its file."""
    with media.open_audio(REAL / name) as audio:
        return np.concatenate(list(audio))


def found_s(sound: np.ndarray, after_s: float = 0.0) -> float:
    """Seconds of speech found after a moment."""
    after = round(after_s * RATE)
    spoken = [
        (p.start_ms * RATE // 1000 + a, p.start_ms * RATE // 1000 + b) for p in pieces([sound]) for a, b in p.speech
    ]
    return sum(end - max(begin, after) for begin, end in spoken if end > after) / RATE


@pytest.mark.parametrize("first", ["no-speech-music.ogg", "no-speech-noise.ogg", "no-speech-silence.ogg"])
def test_who_speaks_softly_after_music_noise_or_silence_is_found(first: str) -> None:
    """The state carried on, 0.0, 6.7 and 17.1 s of these 17.9 s were found (silero-vad #725)."""
    before, talk = real(first), real("reading-3080.ogg") * np.float32(0.02)
    assert found_s(np.concatenate([before, talk]), len(before) / RATE) >= 0.95 * found_s(talk)


def test_a_telephone_line_that_is_never_quiet_for_long_is_heard_on() -> None:
    """Of 50.5 s with the pauses inside speech; 35.3 s without a reset in short pauses."""
    assert found_s(real("telephone-8k.wav")) > 38


@pytest.mark.parametrize("name", ["no-speech-music.ogg", "no-speech-noise.ogg", "no-speech-silence.ogg"])
def test_hardly_any_speech_is_found_where_nobody_speaks(name: str) -> None:
    assert found_s(real(name)) <= 0.2


def test_speech_begins_where_the_sentences_begin(sound: np.ndarray) -> None:
    (piece,) = pieces([sound])
    onsets = np.array([start / RATE for start, _ in piece.speech])
    ends, errors = 0.0, []
    for segment in factory.reference()["segments"]:
        if segment["end"] < 40 and segment["start"] - ends > 0.25:
            errors.append(np.abs(onsets - segment["start"]).min())
        ends = segment["end"]
    assert len(errors) > 5
    assert max(errors) < 0.15


@pytest.fixture(scope="module")
def long() -> np.ndarray:
    """Four minutes and 20 seconds: more than one piece."""
    return np.tile(factory.sample("short-20s").astype(np.float32) / 32768, 13)


@pytest.fixture(scope="module")
def cut(long: np.ndarray) -> list[Piece]:
    return list(pieces(blocks(long, 160_000)))


def test_blocks_of_any_length_give_the_same_pieces(long: np.ndarray, cut: list[Piece]) -> None:
    found = list(pieces(blocks(long, 77_777)))
    assert [(p.start_ms, p.end_ms, p.speech) for p in found] == [(p.start_ms, p.end_ms, p.speech) for p in cut]
    assert len(found) > 1
    assert np.array_equal(np.concatenate([p.samples for p in found]), long)


def test_pieces_start_where_the_caller_says(sound: np.ndarray) -> None:
    assert [p.start_ms for p in pieces([sound], start_ms=480_000)] == [480_000]


def spans(found: Iterable[Piece]) -> list[tuple[int, int, tuple[tuple[int, int], ...]]]:
    return [(piece.start_ms, piece.end_ms, piece.speech) for piece in found]


def test_pieces_end_where_an_earlier_run_ended_them(long: np.ndarray, cut: list[Piece]) -> None:
    """A cut of that run which the rule would not make here stands, and the rest is found from there on."""
    ends = [40_000, cut[0].end_ms]
    found = list(pieces(blocks(long, 77_777), cuts=ends))
    assert [piece.end_ms for piece in found[:2]] == ends
    assert spans(found[2:]) == spans(cut[1:])
    assert np.array_equal(np.concatenate([p.samples for p in found]), long)


def test_a_stream_whose_every_piece_is_known_is_cut_the_same(long: np.ndarray, cut: list[Piece]) -> None:
    off = long[:-100]  # the last piece ends inside a window
    known = [*(piece.end_ms for piece in cut[:-1]), len(off) * 1000 // RATE]
    assert [piece.end_ms for piece in pieces(blocks(off, 160_000), cuts=known)] == known


@pytest.mark.parametrize("cuts", [(64, 64), (96, 64), (500,), (0,)])
def test_ends_that_do_not_rise_are_refused(cuts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must rise from 500"):
        list(pieces([], start_ms=500, cuts=cuts))


def test_a_piece_never_ends_inside_speech_that_has_a_pause(cut: list[Piece]) -> None:
    for piece in cut[:-1]:
        assert piece.speech[-1][1] <= len(piece.samples) - 4 * WINDOW


@pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.zeros(5, np.float32), np.zeros(RATE * 3, np.float32)])
def test_silence_is_a_piece_without_speech(sound: np.ndarray) -> None:
    assert sum(len(piece.samples) for piece in pieces([sound])) == len(sound)
    assert [piece.speech for piece in pieces([sound]) if piece.speech] == []


def spoken(*runs: tuple[float, float]) -> np.ndarray:
    """Probabilities for runs of (milliseconds, probability)."""
    return np.concatenate([np.full(round(ms / 32), p, np.float32) for ms, p in runs])


@pytest.mark.parametrize(
    ("probabilities", "found"),
    [
        pytest.param(spoken((320, 0.1), (640, 0.9), (320, 0.1)), ((10, 30),), id="one"),
        pytest.param(spoken((320, 0.9), (96, 0.1), (320, 0.9)), ((0, 23),), id="a-breath-is-inside"),
        pytest.param(spoken((320, 0.9), (128, 0.1), (320, 0.9)), ((0, 10), (14, 24)), id="a-pause-is-not"),
        pytest.param(spoken((320, 0.9), (320, 0.4), (320, 0.9)), ((0, 30),), id="doubt-goes-on"),
        pytest.param(spoken((320, 0.1), (32, 0.9), (320, 0.1)), (), id="a-click"),
        pytest.param(spoken((320, 0.4)), (), id="doubt-begins-nothing"),
    ],
)
def test_regions(probabilities: np.ndarray, found: tuple[tuple[int, int], ...]) -> None:
    assert regions(probabilities) == tuple((a * WINDOW, b * WINDOW) for a, b in found)


def talk(minutes: int, silent_from: int = 10**9) -> np.ndarray:
    """Sentences of 4,480 ms with pauses of 512 ms; from a moment on, silence."""
    probabilities = spoken(*[(4_480, 0.9), (512, 0.0)] * (minutes * 12 + 1))
    probabilities[silent_from // 32 :] = 0.0
    return probabilities


@pytest.mark.parametrize(
    ("probabilities", "cut_ms"),
    [
        pytest.param(talk(minutes=1), None, id="too-early-to-cut"),
        pytest.param(talk(minutes=3), 119_552, id="four-windows-of-six-sentences"),
        pytest.param(talk(minutes=6, silent_from=100_000), 89_600, id="three-windows-and-a-recess"),
        pytest.param(spoken((20_000, 0.9), (60_000, 0.0), (20_000, 0.9), (280_000, 0.0)), 50_000, id="few-words"),
        pytest.param(spoken((300_000, 0.0)), 225_000, id="silence"),
        pytest.param(spoken((200_000, 0.9), (160, 0.0), (100_000, 0.9)), 200_080, id="one-breath"),
        pytest.param(spoken((250_000, 0.9), (32, 0.5), (60_000, 0.9)), 250_000, id="least-spoken-after-five"),
    ],
)
def test_cut_point(probabilities: np.ndarray, cut_ms: int | None) -> None:
    cut = cut_point(probabilities)
    assert cut is None if cut_ms is None else cut is not None and abs(cut * 32 - cut_ms) <= 32


def test_a_day_of_talk_is_cut_into_pieces_of_five_minutes_at_most() -> None:
    """Sound that never pauses: white noise judged as it comes, only lengths matter."""
    assert LONGEST * 32 <= 300_000
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    assert all(piece.end_ms - piece.start_ms <= 300_000 for piece in pieces(noise for _ in range(40)))


def test_a_recording_becomes_pieces(tmp_path: Path) -> None:
    path = factory.write(tmp_path / "meeting.mkv", factory.sample(seconds=30), video=30)
    with media.open_audio(path) as audio:
        found = list(pieces(audio))
    assert found[0].start_ms == 0
    assert 10_000 < sum(end - start for piece in found for start, end in piece.speech) * 1000 // RATE < 30_000
