"""faster-whisper with the demo model, and what corrects it."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests import media_factory as factory
from tests.transcriber.scoring import Score, score

from archivist_captions.cue import Word
from archivist_captions.layout.layout import layout
from archivist_captions.profiles import BROADCAST
from archivist_common.errors import EngineUnavailable, InvalidRequest, ModelMissing
from archivist_transcriber.audio import media
from archivist_transcriber.audio import vad as speech
from archivist_transcriber.audio.vad import RATE, Piece
from archivist_transcriber.engines import ENGINES, Engine, EngineSettings, Options, TranscribedBatch, hallucinations
from archivist_transcriber.engines.hallucinations import DecodedWindow, Hallucination, hallucination_in, without_loops
from archivist_transcriber.engines.windows import KEPT_PAUSE, PAD, Part, Window, batches, pack
from archivist_transcriber.engines.word_timing import TimedWord, within_speech


@pytest.fixture(scope="session")
def engine() -> Engine:
    engine = ENGINES["faster_whisper"](EngineSettings(factory.DEMO, device="cpu", threads=1))
    engine.load()
    return engine


@pytest.fixture(scope="session")
def meeting() -> list[Piece]:
    with media.open_audio(factory.SAMPLES / "meeting-2min.ogg") as audio:
        return list(speech.pieces(audio))


@pytest.fixture(scope="session")
def steps(engine: Engine, meeting: list[Piece]) -> list[TranscribedBatch]:
    return [heard for piece in meeting for heard in engine.words(piece, Options("en"))]


@pytest.fixture(scope="session")
def words(steps: list[TranscribedBatch]) -> list[Word]:
    return [word for heard in steps for word in heard.words]


@pytest.fixture(scope="session")
def scored(words: list[Word]) -> Score:
    return score(factory.reference(), words)


def test_two_minutes_are_understood(scored: Score) -> None:
    assert scored.word_error_rate <= 0.08


def test_words_after_a_pause_begin_when_they_are_said(scored: Score) -> None:
    assert np.mean(scored.onset_errors_s <= 0.5) >= 0.9
    assert np.mean(scored.onset_errors_s <= 0.3) >= 0.85
    assert np.median(scored.onset_errors_s) <= 0.1


def test_cues_begin_within_half_a_second_of_their_first_word(words: list[Word]) -> None:
    starts = [word["start"] for segment in factory.reference()["segments"] for word in segment["words"]]
    cues = layout(words, BROADCAST)
    near = [min(abs(cue.start_ms / 1000 - start) for start in starts) <= 0.5 for cue in cues]
    assert len(cues) > 20
    assert np.mean(near) >= 0.9


def test_words_rise_and_do_not_overlap(words: list[Word]) -> None:
    assert len(words) > 200
    for word, following in pairwise(words):
        assert word.start_ms < word.end_ms <= following.start_ms


def test_words_lie_in_speech(words: list[Word], meeting: list[Piece]) -> None:
    (piece,) = meeting
    spoken = [(start / 16 - 1, end / 16 + 61) for start, end in piece.speech]
    assert all(any(a <= word.start_ms and word.end_ms <= b for a, b in spoken) for word in words)


def test_the_same_piece_gives_the_same_words(engine: Engine, meeting: list[Piece]) -> None:
    short = shortened(meeting[0], 9)
    first, second = (list(engine.words(short, Options("en"))) for _ in range(2))
    assert first == second
    assert first[0].words


def shortened(piece: Piece, seconds: int) -> Piece:
    samples = piece.samples[: seconds * RATE]
    return Piece(piece.start_ms, samples, tuple(s for s in piece.speech if s[1] <= len(samples)))


def test_times_are_those_of_the_recording(engine: Engine, meeting: list[Piece]) -> None:
    early = shortened(meeting[0], 9)
    late = replace(early, start_ms=3_600_000)
    moved = [w.start_ms for heard in engine.words(late, Options("en")) for w in heard.words]
    assert moved == [w.start_ms + 3_600_000 for heard in engine.words(early, Options("en")) for w in heard.words]


def test_progress_moves_with_every_batch_and_ends_at_the_end(
    steps: list[TranscribedBatch], meeting: list[Piece]
) -> None:
    done = [heard.done_ms for heard in steps]
    assert done == sorted(done)
    assert len(done) > 3
    assert done[-1] == meeting[0].end_ms


def test_closing_stops_between_batches(engine: Engine, meeting: list[Piece]) -> None:
    steps = engine.words(meeting[0], Options("en"))
    next(steps)
    began = time.monotonic()
    steps.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 0.1


def test_words_do_not_depend_on_what_was_heard_before(engine: Engine, meeting: list[Piece]) -> None:
    fresh = ENGINES["faster_whisper"](EngineSettings(factory.DEMO, device="cpu", threads=1))
    fresh.load()
    short = shortened(meeting[0], 9)
    assert list(fresh.words(short, Options("en"))) == list(engine.words(short, Options("en")))


def test_words_of_windows_that_look_like_loops_stay_in_order(
    engine: Engine, meeting: list[Piece], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is told to suspect whatever is said: every window is decoded a second time."""
    monkeypatch.setattr(hallucinations, "FASTEST", 0.1)
    short = shortened(meeting[0], 16)
    words = [word for step in engine.words(short, Options("en")) for word in step.words]
    assert len(words) > 15
    assert [word.start_ms for word in words] == sorted(word.start_ms for word in words)


def test_measuring_takes_as_long_as_it_says(engine: Engine) -> None:
    """The demo model hears nine seconds at once: thirty seconds cost three and a third of its windows."""
    began = time.perf_counter()
    seconds = engine.measure()
    took = time.perf_counter() - began
    assert 0.0 < seconds < took


def test_silence_has_no_words(engine: Engine) -> None:
    piece = Piece(5_000, np.zeros(RATE * 20, np.float32), ())
    (heard,) = engine.words(piece, Options())
    assert (heard.words, heard.done_ms) == ((), 25_000)
    assert engine.detect_language(piece) == ("en", 0.0)


def test_noise_taken_for_speech_has_hardly_a_word(engine: Engine) -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, RATE * 20).astype(np.float32)
    heard = list(engine.words(Piece(0, noise, ((0, len(noise)),)), Options("en")))
    assert sum(len(step.words) for step in heard) <= 8  # people say 50 in that time


def test_the_language_is_found(engine: Engine, meeting: list[Piece]) -> None:
    language, probability = engine.detect_language(meeting[0])
    assert language == "en"
    assert probability > 0.5
    assert {heard.language for heard in engine.words(shortened(meeting[0], 9), Options(None))} == {"en"}


def test_an_unknown_language_is_the_callers_mistake(engine: Engine, meeting: list[Piece]) -> None:
    with pytest.raises(InvalidRequest, match="xx"):
        list(engine.words(shortened(meeting[0], 9), Options("xx")))


def test_speech_without_a_pause_longer_than_a_window_is_heard(engine: Engine, meeting: list[Piece]) -> None:
    short = shortened(meeting[0], 30)
    solid = replace(short, speech=((0, len(short.samples)),))
    assert sum(len(heard.words) for heard in engine.words(solid, Options("en"))) > 40


def test_an_empty_model_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"lacks config\.json, model\.bin, tokenizer\.json, vocabulary"):
        ENGINES["faster_whisper"](EngineSettings(tmp_path)).load()


def test_a_broken_model_is_an_engine_that_is_not_available(tmp_path: Path) -> None:
    for file in factory.DEMO.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.bin").write_bytes(b"this is no model" * 100)
    with pytest.raises(EngineUnavailable, match="cannot be loaded on cpu"):
        ENGINES["faster_whisper"](EngineSettings(tmp_path, device="cpu")).load()


def test_a_gpu_that_is_not_there_is_an_engine_that_is_not_available() -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EngineUnavailable, match="on cuda"):
        ENGINES["faster_whisper"](EngineSettings(factory.DEMO, device="cuda")).load()


def test_auto_is_what_the_machine_has(engine: Engine) -> None:
    import ctranslate2

    automatic = ENGINES["faster_whisper"](EngineSettings(factory.DEMO, device="auto"))
    automatic.load()
    assert automatic.device == ("cuda" if ctranslate2.get_cuda_device_count() else "cpu")
    assert engine.device == "cpu"


def test_an_engine_used_before_it_is_loaded_says_so(meeting: list[Piece]) -> None:
    with pytest.raises(EngineUnavailable, match="before it was loaded"):
        next(ENGINES["faster_whisper"](EngineSettings(factory.DEMO)).words(meeting[0], Options()))


def test_clock_times_can_be_written_and_stage_directions_cannot(engine: Engine) -> None:
    from archivist_transcriber.engines.faster_whisper import FasterWhisper

    assert isinstance(engine, FasterWhisper)
    tokens = engine._model.hf_tokenizer
    suppressed = set(engine._spelling("en")[1])
    assert not {tokens.encode(symbol, add_special_tokens=False).ids[0] for symbol in ":/#"} & suppressed
    assert {tokens.encode(symbol, add_special_tokens=False).ids[0] for symbol in "[]"} <= suppressed


def test_listing_the_engines_loads_no_library() -> None:
    program = """
import sys
from archivist_transcriber import engines
from archivist_transcriber.audio import media, vad
from archivist_transcriber.engines import models
from archivist_transcriber.slot import summary
from archivist_transcriber.supervisor import cores
print(*engines.ENGINES, *{"av", "ctranslate2", "faster_whisper", "onnxruntime", "torch"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["faster_whisper", "whisperx"]


# Seams between pieces


def test_no_word_is_lost_or_said_twice_where_pieces_meet(engine: Engine) -> None:
    """Both sides of every seam of ten minutes of talk, heard apart, against what was said there."""
    with media.open_audio(factory.SAMPLES / "meeting-10min.ogg") as audio:
        meeting = list(speech.pieces(audio))
    said = [word for segment in factory.reference("meeting-10min")["segments"] for word in segment["words"]]
    errors = count = 0
    for piece, following in pairwise(meeting):
        heard = [*heard_in(engine, ending(piece, 9)), *heard_in(engine, shortened(following, 9))]
        around = (heard[0].start_ms - 100, heard[-1].end_ms + 100)
        reference = [w for w in said if around[0] <= (w["start"] + w["end"]) * 500 <= around[1]]
        found = score({"segments": [{"start": 0.0, "end": 0.0, "words": reference}]}, heard)
        errors += round(found.word_error_rate * len(reference))
        count += len(reference)
    assert len(meeting) > 3
    assert count > 80
    assert errors / count <= 0.12


def ending(piece: Piece, seconds: int) -> Piece:
    """The last seconds of a piece, from a pause on."""
    begin = next(start for start, _ in piece.speech if len(piece.samples) - start < seconds * RATE) - PAD // 4
    inside = tuple((start - begin, end - begin) for start, end in piece.speech if start > begin)
    return Piece(piece.start_ms + begin * 1000 // RATE, piece.samples[begin:], inside)


def heard_in(engine: Engine, piece: Piece) -> list[Word]:
    return [word for heard in engine.words(piece, Options("en")) for word in heard.words]


# Windows


def test_a_piece_fills_the_models_windows_and_leaves_no_remainder() -> None:
    """Talk with pauses of every length: four windows a piece, none with room for a sentence more."""
    rng = np.random.default_rng(5)
    runs = [(p, int(n)) for n in rng.integers(40, 150, 400) for p in (0.9, 0.9, 0.0)]
    lengths = [n if p else n % 40 + 5 for p, n in runs]
    spoken = np.concatenate([np.full(n, p, np.float32) for (p, _), n in zip(runs, lengths, strict=True)])
    while (cut := speech.cut_point(spoken)) is not None:
        samples = np.zeros(cut * speech.WINDOW, np.float32)
        windows = pack(speech.regions(spoken[:cut]), samples, 30 * RATE)
        assert len(windows) == speech.WISHED
        assert all(window.length > 20 * RATE for window in windows)
        spoken = spoken[cut:]


def test_windows_hold_all_speech_and_are_never_too_long() -> None:
    speech = [(RATE * n, RATE * n + RATE * 3 // 4) for n in range(2, 60, 2)]
    samples = np.zeros(RATE * 62, np.float32)
    windows = pack(speech, samples, 9 * RATE)
    assert all(window.length <= 9 * RATE for window in windows)
    parts = [(part.start, part.end) for window in windows for part in window.parts]
    assert all(any(a <= start and end <= b for a, b in parts) for start, end in speech)
    assert parts == sorted(parts)
    assert all(part.end <= following[0] for part, following in zip(windows[0].parts, parts[1:], strict=False))


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [
        pytest.param(0, 4, [], id="none"),
        pytest.param(4, 4, [4], id="one-full"),
        pytest.param(5, 4, [2, 3], id="never-four-and-one"),
        pytest.param(9, 4, [3, 3, 3], id="three"),
        pytest.param(3, 1, [1, 1, 1], id="one-by-one"),
    ],
)
def test_batches_are_even(count: int, most: int, sizes: list[int]) -> None:
    windows = [Window((Part(n, n + 1, 0),)) for n in range(count)]
    found = list(batches(windows, most))
    assert [len(batch) for batch in found] == sizes
    assert [window for batch in found for window in batch] == windows


def test_long_pauses_are_shortened_and_short_ones_kept() -> None:
    samples = np.zeros(RATE * 20, np.float32)
    (window,) = pack([(RATE, 2 * RATE), (2 * RATE + KEPT_PAUSE, 4 * RATE), (9 * RATE, 10 * RATE)], samples, 9 * RATE)
    assert [(part.start, part.end) for part in window.parts] == [
        (RATE - PAD, 4 * RATE + PAD),
        (9 * RATE - PAD, 10 * RATE + PAD),
    ]
    second = window.parts[1]
    assert window.span(second.at + 100, second.at + 300) == (9 * RATE - PAD + 100, 9 * RATE - PAD + 300)


def test_endless_speech_is_cut_where_it_is_quietest() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, RATE * 14).astype(np.float32)
    samples[7 * RATE : 7 * RATE + RATE // 5] *= 0.01
    first, second = pack([(0, len(samples))], samples, 9 * RATE)
    assert 7 * RATE < first.end == second.parts[0].start < 7 * RATE + RATE // 5


# Placing: times in samples, written in tenths of a second


def placed(*words: tuple[float, float, str]) -> list[TimedWord]:
    return [TimedWord(start * RATE, end * RATE, text, 1.0) for start, end, text in words]


def seconds(words: Sequence[TimedWord]) -> list[tuple[float, float]]:
    return [(round(word.start / RATE, 2), round(word.end / RATE, 2)) for word in words]


STRETCHES = [(1 * RATE, 3 * RATE), (5 * RATE, 8 * RATE)]


@pytest.mark.parametrize(
    ("words", "times"),
    [
        pytest.param(placed((0.6, 1.4, "Early")), [(1.0, 1.4)], id="first-word-comes-early"),
        pytest.param(placed((1.2, 1.4, "Late")), [(1.0, 1.4)], id="first-word-comes-late"),
        pytest.param(placed((2.0, 2.4, "Middle")), [(2.0, 2.4)], id="first-word-too-late-to-be-the-first"),
        pytest.param(
            placed((1.0, 2.0, "Pause."), (4.4, 5.5, "After"), (5.5, 6.0, "it")),
            [(1.0, 2.0), (5.0, 5.5), (5.5, 6.0)],
            id="word-that-begins-in-the-pause",
        ),
        pytest.param(
            placed((2.6, 3.9, "long."), (5.1, 6.0, "Next")),
            [(2.6, 3.0), (5.0, 6.0)],
            id="word-that-ends-in-the-pause",
        ),
        pytest.param(
            placed((1.0, 1.0, "a"), (1.0, 1.0, "b"), (1.0, 2.0, "c")),
            [(1.0, 1.06), (1.06, 1.12), (1.12, 2.0)],
            id="words-without-length",
        ),
    ],
)
def test_words_are_moved_into_speech(words: list[TimedWord], times: list[tuple[float, float]]) -> None:
    moved, _ = within_speech(words, STRETCHES)
    assert seconds(moved) == times


def test_only_the_first_word_of_a_stretch_begins_at_its_onset() -> None:
    _, before = within_speech(placed((5.1, 5.4, "one")), STRETCHES)
    moved, _ = within_speech(placed((5.5, 5.8, "two")), STRETCHES, before)
    assert seconds(moved) == [(5.5, 5.8)]


def test_a_window_begins_where_the_one_before_ended() -> None:
    _, before = within_speech(placed((5.1, 5.4, "one")), STRETCHES)
    moved, _ = within_speech(placed((5.2, 5.3, "two"), (5.3, 5.6, "three")), STRETCHES, before)
    assert seconds(moved) == [(5.4, 5.46), (5.46, 5.6)]


def test_without_speech_words_stay_where_they_are() -> None:
    assert within_speech(placed((1.0, 2.0, "word")), [])[0] == placed((1.0, 2.0, "word"))


# The guard


WORD = {"word": " aye", "start": 0.0, "end": 0.1, "probability": 1.0}


@pytest.mark.parametrize(
    ("said", "suspicion"),
    [
        pytest.param(DecodedWindow(), None, id="nothing"),
        pytest.param(DecodedWindow(words=[WORD] * 20, compression=1.2), None, id="plain"),
        pytest.param(DecodedWindow(no_speech=0.9, log_probability=-0.2), None, id="sure-of-its-words"),
        pytest.param(DecodedWindow(no_speech=0.9, log_probability=-1.5), Hallucination.NO_SPEECH, id="silence"),
        pytest.param(DecodedWindow(compression=3.0), Hallucination.LOOP, id="repeats-itself"),
        pytest.param(DecodedWindow(words=[WORD] * 100), Hallucination.LOOP, id="too-fast"),
        pytest.param(
            DecodedWindow(words=[WORD], log_probability=-1.2), Hallucination.LOW_CONFIDENCE, id="thinks-little-of-it"
        ),
    ],
)
def test_what_looks_made_up(said: DecodedWindow, suspicion: Hallucination | None) -> None:
    assert hallucination_in(said, 9.0) is suspicion


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("aye aye aye aye aye aye", "aye aye aye aye aye aye", id="roll-call"),
        pytest.param("all in favor all in favor all in favor", "all in favor all in favor all in favor", id="thrice"),
        pytest.param("so thank you all " + "thank you all " * 9 + "bye", "so thank you all bye", id="loop"),
        pytest.param("we move to adjourn", "we move to adjourn", id="plain"),
    ],
)
def test_loops_are_kept_once(said: str, kept: str) -> None:
    words = placed(*[(n, n + 0.5, word) for n, word in enumerate(said.split())])
    assert [word.text for word in without_loops(words)] == kept.split()
