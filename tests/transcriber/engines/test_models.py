"""Which folder a model's name means, and one sentence where it is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import media_factory as factory

from archivist_common.errors import ModelMissing, ModelUnknown
from archivist_common.speech_models import SIZES, known
from archivist_transcriber.engines import models


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model directory with one complete model and one that lacks files."""
    (tmp_path / "council").symlink_to(factory.DEMO)
    (tmp_path / "half").mkdir()
    (tmp_path / "half/model.bin").write_bytes(b"")
    (tmp_path / "half/config.json").write_text("{}")
    return tmp_path


def test_demo_is_bundled(directory: Path) -> None:
    assert models.resolve("demo", default=None, directory=directory) == factory.DEMO


def test_a_folder_is_found_by_name_and_by_path(directory: Path) -> None:
    assert models.resolve("council", default=None, directory=directory) == directory / "council"
    assert models.resolve(str(factory.DEMO), default=None, directory=directory) == factory.DEMO


def test_no_name_is_the_default(directory: Path) -> None:
    assert models.resolve(None, default=factory.DEMO, directory=directory) == factory.DEMO


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(None, "no speech model is set", id="no-default"),
        pytest.param("small", "small is not on this machine: fill .*/small with config.json, model.bin", id="size"),
        pytest.param("half", "half lacks model.bin, tokenizer.json, vocabulary.json or", id="incomplete"),
        pytest.param("/nowhere/model", "/nowhere/model does not exist: fill it with", id="path"),
    ],
)
def test_a_model_that_is_not_there_is_missing_in_one_sentence(
    directory: Path, name: str | None, sentence: str
) -> None:
    with pytest.raises(ModelMissing, match=sentence) as caught:
        models.resolve(name, default=None, directory=directory)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["huge", "", ".", "..", "../council", "a/b", "nul\0"])
def test_a_name_that_can_be_no_model_is_unknown(directory: Path, name: str) -> None:
    with pytest.raises(ModelUnknown, match=r"council, demo, tiny"):
        models.resolve(name, default=None, directory=directory)


def test_known_are_complete_folders(directory: Path) -> None:
    assert known(directory) == ("council", "demo")
    assert known(directory / "nowhere") == ("demo",)


def test_sizes_are_those_of_faster_whisper() -> None:
    from faster_whisper.utils import _MODELS

    assert models._REPOSITORIES == _MODELS
    assert set(models._REPOSITORIES) == set(SIZES)


def fetch(name: str, into: Path) -> subprocess.CompletedProcess[str]:
    # A port nobody listens on stands for a machine without internet access.
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(into / "cache")}
    command = [sys.executable, "-m", "archivist_transcriber.engines.models", "fetch", name, "--into", str(into)]
    return subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, timeout=60)


def test_fetching_without_a_network_says_which_folder_to_fill(tmp_path: Path) -> None:
    done = fetch("tiny", tmp_path)
    assert done.returncode == 1
    assert f"fill {tmp_path / 'tiny'} with config.json, model.bin" in done.stderr
    assert "Traceback" not in done.stderr


def test_fetching_what_is_there_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "tiny").symlink_to(factory.DEMO)
    done = fetch("tiny", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'tiny'}\n")


def test_an_unknown_size_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match="large-v3"):
        models.fetch("gigantic", tmp_path)
