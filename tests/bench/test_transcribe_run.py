"""Models of true size without true weights, and the process that measures with them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import media_factory as factory

from archivist_bench import synthetic_models
from archivist_bench.transcribe_run import Clock, repeated
from archivist_transcriber.audio import media
from archivist_transcriber.audio.vad import RATE, Piece
from archivist_transcriber.engines import ENGINES, EngineSettings, Options


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_models.make("tiny", tmp_path_factory.mktemp("tiny"))


def test_a_stand_in_is_of_true_size(tiny: Path) -> None:
    """The published int8 model of this size has 40 MB."""
    assert (tiny / "model.bin").stat().st_size == pytest.approx(40e6, rel=0.05)


def test_a_stand_in_says_the_same_whatever_it_hears(tiny: Path) -> None:
    engine = ENGINES["faster_whisper"](EngineSettings(tiny, device="cpu"))
    engine.load()
    talk = factory.sample(seconds=15).astype(np.float32) / 32768
    noise = np.random.default_rng(1).normal(0, 0.1, 15 * RATE).astype(np.float32)
    heard = [
        [
            word.text
            for step in engine.words(Piece(0, sound, ((0, len(sound)),)), Options("en"))
            for word in step.words
        ]
        for sound in (talk, noise)
    ]
    assert heard[0] == heard[1]
    assert 60 < len(set(heard[0])) <= synthetic_models.WORDS


def test_every_way_writes_the_same_tokens(tiny: Path, tmp_path: Path) -> None:
    """Within faster-whisper's time code at the beginning, which its batches and ours do without."""
    recording = factory.write(tmp_path / "talk.wav", factory.sample(seconds=25))
    jobs = [
        {"do": "run", "way": way, "cores": None, "threads": 1, "model": str(tiny), "recording": str(recording),
         "batch_size": 4, "beam_size": 1, "chunks": str(tmp_path), "plans": True}
        for way in ("ours", "plain", "batched")
    ]  # fmt: skip
    ours, plain, batched = map(measured, jobs)
    assert ours["windows"] == plain["windows"] == batched["windows"] == 1
    assert ours["tokens"] == batched["tokens"] == plain["tokens"] - 1 == synthetic_models.WORDS + 1
    words = [[word for _, part in done["words"] for word in part] for done in (ours, plain, batched)]
    assert words[0] == words[1] == words[2]
    for stage in ("decode", "voice", "features", "encode", "generate", "align", "other"):
        assert 0 < ours["stages"][stage] < ours["wall_s"]
    assert sum(ours["stages"].values()) == pytest.approx(ours["wall_s"])
    assert 20 < ours["memory_mb"] < 600


def measured(job: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "archivist_bench.transcribe_run", json.dumps(job)]
    done = subprocess.run(command, input="go\n", capture_output=True, text=True, check=True, timeout=120)
    ready, result = done.stdout.splitlines()
    assert ready == "ready"
    found: dict[str, Any] = json.loads(result)
    return found


def test_a_recording_is_repeated_packet_by_packet(tmp_path: Path) -> None:
    sample = factory.SAMPLES / "meeting-2min.ogg"
    once = media.probe(sample).duration_ms
    with media.open_audio(repeated(sample, 3, tmp_path / "thrice.mkv")) as audio:
        samples = sum(len(block) for block in audio)
    assert samples * 1000 // RATE == pytest.approx(3 * once, abs=100)
    assert audio.bad_packets == 0


def test_a_stage_within_another_is_counted_once() -> None:
    clock = Clock()
    inner = clock.timed("inner", lambda: sum(range(200_000)))
    outer = clock.timed("outer", lambda: inner())
    outer()
    assert 0 < clock.seconds["outer"] < clock.seconds["inner"]
