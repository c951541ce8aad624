"""whisperx as its documentation describes it: a stand-in with its signatures, since the real one needs torch."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests import media_factory as factory

from archivist_captions.cue import Word
from archivist_common.errors import EngineUnavailable
from archivist_transcriber.audio import media, vad
from archivist_transcriber.audio.vad import Piece
from archivist_transcriber.engines import ENGINES, EngineSettings, Options
from archivist_transcriber.engines.whisperx import Aligner, Diarizer, Turn, with_speakers

PIECE = Piece(60_000, np.zeros(160_000, np.float32), ((0, 160_000),))
WORDS = (Word(61_000, 61_400, "Good"), Word(61_400, 62_000, "evening."), Word(63_000, 63_500, "Welcome."))


@dataclass
class Library:
    """What the stand-in answers with, and what it was asked."""

    later_s: float = 0.1
    change: dict[str, Any] = field(default_factory=dict)
    failure: Exception | None = None
    asked: list[Any] = field(default_factory=list)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """A module `whisperx` 3.8 in place of the real one: an outside library, with its true signatures."""
    state = Library()

    def load_align_model(
        language_code: str,
        device: str,
        model_name: str | None = None,
        model_dir: str | None = None,
        model_cache_only: bool = False,
    ) -> tuple[object, dict[str, object]]:
        state.asked.append((language_code, device, model_name, model_cache_only))
        if state.failure:
            raise state.failure
        return object(), {"language": language_code, "type": "huggingface"}

    def align(
        transcript: list[dict[str, Any]],
        model: object,
        align_model_metadata: dict[str, Any],
        audio: np.ndarray,
        device: str,
        interpolate_method: str = "nearest",
        return_char_alignments: bool = False,
    ) -> dict[str, Any]:
        if state.failure:
            raise state.failure
        segments = []
        for segment in transcript:
            texts = segment["text"].split()
            step = (segment["end"] - segment["start"]) / len(texts)
            begins = [segment["start"] + state.later_s + n * step for n in range(len(texts))]
            found = [
                {"word": text, "start": np.float64(begin), "end": np.float64(begin + step / 2), "score": 0.9}
                | state.change
                for text, begin in zip(texts, begins, strict=True)
            ]
            segments.append({**segment, "words": found})
        return {"segments": segments, "word_segments": [w for s in segments for w in s["words"]]}

    class Rows:
        def __init__(self, rows: list[dict[str, Any]]) -> None:
            self._rows = rows

        def to_dict(self, orient: str) -> list[dict[str, Any]]:
            assert orient == "records"
            return self._rows

    class DiarizationPipeline:
        def __init__(
            self, model_name: str | None = None, token: str | None = None, device: str = "cpu", cache_dir: Any = None
        ) -> None:
            self.model_name = model_name

        def __call__(
            self, audio: np.ndarray, num_speakers: Any = None, min_speakers: Any = None, max_speakers: Any = None
        ) -> Rows:
            if state.failure:
                raise state.failure
            rows = [(62.5, 64.0, "SPEAKER_01"), (60.0, 62.1, "SPEAKER_00")]
            return Rows([{"segment": None, "label": "A", "speaker": s, "start": a, "end": b} for a, b, s in rows])

    whisperx, diarize = ModuleType("whisperx"), ModuleType("whisperx.diarize")
    whisperx.load_align_model, whisperx.align = load_align_model, align  # type: ignore[attr-defined]
    diarize.DiarizationPipeline = DiarizationPipeline  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "whisperx", whisperx)
    monkeypatch.setitem(sys.modules, "whisperx.diarize", diarize)
    return state


@pytest.fixture
def aligner(library: Library, tmp_path: Path) -> Aligner:
    aligner = Aligner("en", tmp_path, "cpu")
    aligner.load()
    return aligner


def test_only_a_folder_of_this_machine_is_loaded(aligner: Aligner, library: Library, tmp_path: Path) -> None:
    assert library.asked == [("en", "cpu", str(tmp_path), True)]


def test_words_get_the_aligned_times(aligner: Aligner) -> None:
    assert [(w.text, w.start_ms, w.end_ms) for w in aligner.align(WORDS, PIECE)] == [
        ("Good", 61_100, 61_350),
        ("evening.", 61_600, 61_850),
        ("Welcome.", 63_100, 63_350),
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"start": None}, id="no-start"),
        pytest.param({"start": float("nan")}, id="not-a-number"),
        pytest.param({"start": 9.9, "end": 9.95}, id="far-off"),
        pytest.param({"start": 5.0, "end": 1.0}, id="backwards"),
    ],
)
def test_a_word_without_a_sensible_time_keeps_its_own(
    aligner: Aligner, library: Library, change: dict[str, float | None]
) -> None:
    library.change = change
    assert aligner.align(WORDS, PIECE) == WORDS


@pytest.mark.parametrize("failure", [RuntimeError("CUDA"), ValueError("x"), KeyError("y"), OSError("libtorch.so")])
def test_a_failing_alignment_keeps_the_transcript(aligner: Aligner, library: Library, failure: Exception) -> None:
    library.failure = failure
    assert aligner.align(WORDS, PIECE) == WORDS


def test_a_model_that_does_not_load_is_an_engine_that_is_not_available(library: Library, tmp_path: Path) -> None:
    library.failure = RuntimeError("bad weights")
    with pytest.raises(EngineUnavailable, match="bad weights"):
        Aligner("en", tmp_path, "cpu").load()
    with pytest.raises(EngineUnavailable, match="no alignment model for es"):
        Aligner("es", tmp_path / "align-es", "cpu").load()


def test_turns_are_a_plain_list_by_start(library: Library, tmp_path: Path) -> None:
    diarizer = Diarizer(tmp_path, "cpu")
    diarizer.load()
    turns = diarizer.turns(PIECE.samples)
    assert turns == (Turn(60_000, 62_100, "SPEAKER_00"), Turn(62_500, 64_000, "SPEAKER_01"))
    assert [word.speaker for word in with_speakers(WORDS, turns)] == ["SPEAKER_00", "SPEAKER_00", "SPEAKER_01"]
    library.failure = RuntimeError("out of memory")
    with pytest.raises(EngineUnavailable, match="out of memory"):
        diarizer.turns(PIECE.samples)


def test_words_outside_every_turn_have_no_speaker() -> None:
    assert [word.speaker for word in with_speakers(WORDS, [Turn(0, 61_100, "A")])] == ["A", None, None]
    assert with_speakers(WORDS, []) == WORDS


@pytest.mark.parametrize("failure", [ImportError("No module named whisperx"), OSError("libc10_cuda.so: not found")])
def test_a_library_that_cannot_be_loaded_is_one_clear_message(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    class Broken:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name == "whisperx":
                raise failure

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(EngineUnavailable, match=r"archivist\[whisperx\]"):
        ENGINES["whisperx"](EngineSettings(factory.DEMO)).load()


@pytest.fixture(scope="module")
def short() -> Iterator[Piece]:
    with media.open_audio(factory.SAMPLES / "short-20s.flac", end_ms=9_000) as audio:
        yield next(iter(vad.pieces(audio)))


@pytest.mark.parametrize("with_model", [True, False], ids=["aligned", "no-alignment-model"])
def test_the_engine_hears_with_faster_whisper_and_aligns_where_it_can(
    library: Library, short: Piece, tmp_path: Path, with_model: bool
) -> None:
    (tmp_path / "demo").symlink_to(factory.DEMO)
    if with_model:
        (tmp_path / "align-en").mkdir()
    found = {}
    for name in ("faster_whisper", "whisperx"):
        engine = ENGINES[name](EngineSettings(tmp_path / "demo", device="cpu"))
        engine.load()
        found[name] = [word for heard in engine.words(short, Options("en")) for word in heard.words]
    assert [w.text for w in found["whisperx"]] == [w.text for w in found["faster_whisper"]]
    assert len(found["whisperx"]) > 5
    assert (found["whisperx"] != found["faster_whisper"]) == with_model
