"""What a slot tries on itself before it takes work: a second of speech, by the way of a job."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from tests import media_factory as factory

from archivist_bench import synthetic_models
from archivist_common.errors import SelfTestFailed
from archivist_transcriber.audio.vad import Piece
from archivist_transcriber.engines import ENGINES, Engine, EngineSettings, Options, TranscribedBatch
from archivist_transcriber.slot import self_test
from archivist_transcriber.slot.assemble import Places


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = ENGINES["faster_whisper"](EngineSettings(factory.DEMO, device="cpu", threads=1))
    engine.load()
    return engine


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go meanwhile."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def try_out(engine: Engine, speech: Path | None = None) -> None:
    places = Places({}, Path("/nonexistent/output"), media_deadline_s=20)
    self_test.run(engine, "demo", places, "a recipe", speech=speech or self_test.SPEECH)


def test_a_good_engine_passes_and_nothing_is_left_behind(engine: Engine, scratch: Path) -> None:
    try_out(engine)
    assert list(scratch.iterdir()) == []


def test_a_model_whose_words_are_nonsense_passes_too(tmp_path: Path) -> None:
    """Any model folder may be named: what counts is that it computes and that files come of it."""
    engine = ENGINES["faster_whisper"](EngineSettings(synthetic_models.make("tiny", tmp_path / "tiny"), device="cpu"))
    engine.load()
    try_out(engine)


class Wordless:
    """An engine that finds no word in anything."""

    device = "cpu"

    def load(self) -> None:
        return

    def detect_language(self, piece: Piece) -> tuple[str, float]:
        return "en", 1.0

    def words(self, piece: Piece, options: Options) -> Iterator[TranscribedBatch]:
        return iter(())

    def measure(self) -> float:
        return 1.0


class Broken(Wordless):
    def words(self, piece: Piece, options: Options) -> Iterator[TranscribedBatch]:
        raise TypeError("generate() got an unexpected keyword argument 'beam_size'")


def test_a_model_that_writes_no_word_passes(scratch: Path) -> None:
    try_out(Wordless())


def test_an_engine_library_of_another_version_is_named(scratch: Path) -> None:
    with pytest.raises(SelfTestFailed, match=r"TypeError: .*unexpected keyword") as caught:
        try_out(Broken())
    assert "Traceback" in caught.value.stderr
    assert list(scratch.iterdir()) == []


def test_sound_in_which_the_detector_finds_no_speech_fails(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SelfTestFailed, match="no speech was found"):
        try_out(engine, factory.write(tmp_path / "silent.flac", factory.silence(1)))


def test_a_file_that_is_no_sound_fails_with_the_decoders_code(engine: Engine, tmp_path: Path) -> None:
    spoilt = tmp_path / "self_test.flac"
    spoilt.write_text("lost in a package that was built wrongly")
    with pytest.raises(SelfTestFailed, match="MEDIA_UNREADABLE"):
        try_out(engine, spoilt)
    spoilt.unlink()
    with pytest.raises(SelfTestFailed, match=r"self_test\.flac"):
        try_out(engine, spoilt)


def test_no_folder_for_temporary_files_fails(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/scratch")
    with pytest.raises(SelfTestFailed, match="/nonexistent/scratch"):
        try_out(engine)


def test_the_second_of_speech_is_a_piece_of_our_own_demo_recording() -> None:
    with av.open(self_test.SPEECH) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert np.array_equal(sound, factory.sample("short-20s", 1.0, 0.5))
    assert self_test.SPEECH.stat().st_size <= 30 * 1024
