"""What every speech engine promises before and at its loading. A new entry of ENGINES is tested here by being one.

What an engine hears is tested with its real library in tests/transcriber.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from archivist_common.errors import EngineError, EngineUnavailable, ModelMissing
from archivist_transcriber.audio.vad import Piece
from archivist_transcriber.engines import ENGINES, EngineSettings, Options

every_engine = pytest.mark.parametrize("name", ENGINES)
PIECE = Piece(0, np.zeros(16_000, np.float32), ((0, 16_000),))


def test_listing_the_engines_costs_no_library() -> None:
    heavy = "{'torch', 'ctranslate2', 'faster_whisper', 'whisperx', 'av', 'onnxruntime'}"
    program = f"import sys, archivist_transcriber.engines as e; e.ENGINES; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@every_engine
def test_an_engine_is_made_without_touching_its_model(name: str, tmp_path: Path) -> None:
    ENGINES[name](EngineSettings(model=tmp_path / "not-there"))


@every_engine
def test_a_model_that_is_not_there_is_named_when_it_is_loaded(name: str, tmp_path: Path) -> None:
    engine = ENGINES[name](EngineSettings(model=tmp_path / "not-there"))
    with pytest.raises((ModelMissing, EngineUnavailable)) as raised:
        engine.load()
    assert "not-there" in str(raised.value) or name in str(raised.value)
    assert len(str(raised.value).split()) > 4


@every_engine
def test_an_engine_that_was_not_loaded_hears_nothing_and_says_so(name: str, tmp_path: Path) -> None:
    engine = ENGINES[name](EngineSettings(model=tmp_path))
    with pytest.raises(EngineError):
        list(engine.words(PIECE, Options(language="en")))
    with pytest.raises(EngineError):
        engine.measure()
