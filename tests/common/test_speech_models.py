"""Which speech models there are, told from folders."""

from pathlib import Path

import pytest

from archivist_common import speech_models
from archivist_common.errors import ModelMissing, ModelUnknown

FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")


def fill(folder: Path, *without: str) -> Path:
    folder.mkdir(parents=True)
    for name in FILES:
        if name not in without:
            (folder / name).write_bytes(b"x")
    return folder


def test_the_bundled_model_is_found_from_the_checkout():
    folder = speech_models.demo_folder()
    assert folder is not None
    assert (folder / "model.bin").stat().st_size > 1_000_000


def test_complete_folders_are_known_and_incomplete_ones_are_not(tmp_path):
    fill(tmp_path / "large-v3")
    fill(tmp_path / "half", "model.bin")
    (tmp_path / "file").write_bytes(b"x")
    assert speech_models.known(tmp_path) == ("demo", "large-v3")
    assert speech_models.known(tmp_path / "nowhere") == ("demo",)


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_says_what_it_lacks(tmp_path, missing):
    (lacks,) = speech_models.missing_files(fill(tmp_path / "model", missing))
    assert missing in lacks


def test_an_empty_file_is_a_missing_one(tmp_path):
    folder = fill(tmp_path / "model")
    (folder / "model.bin").write_bytes(b"")
    assert speech_models.missing_files(folder) == ("model.bin",)


def test_naming_none_takes_the_default_which_need_not_be_here(tmp_path):
    assert speech_models.choose(None, default=Path("/elsewhere/large-v2"), directory=tmp_path) == "large-v2"


def test_a_name_is_one_of_those_that_exist(tmp_path):
    fill(tmp_path / "mine")
    assert speech_models.choose("mine", default=None, directory=tmp_path) == "mine"
    assert speech_models.choose("demo", default=None, directory=tmp_path) == "demo"
    assert speech_models.choose("std", default=Path("/x/std"), directory=tmp_path) == "std"


@pytest.mark.parametrize("name", ["nonsense", "..", "", "mine/../mine", "/etc", "a\0b"])
def test_another_name_is_answered_with_those_that_exist(tmp_path, name):
    fill(tmp_path / "mine")
    with pytest.raises(ModelUnknown, match="demo, mine, std"):
        speech_models.choose(name, default=Path("/x/std"), directory=tmp_path)


def test_a_published_model_that_is_not_here_is_missing_not_unknown(tmp_path):
    with pytest.raises(ModelMissing, match=r"model\.bin"):
        speech_models.choose("large-v3", default=None, directory=tmp_path)
    with pytest.raises(ModelMissing, match="WHISPER_MODEL_PATH"):
        speech_models.choose(None, default=None, directory=tmp_path)
