import tempfile
from pathlib import Path

import pytest

from archivist_cli.local import runtime


def test_the_folder_is_ours_alone():
    folder = runtime.make()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        runtime.remove(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["d" * 90, "with space", "per%cent", "ques?tion"], ids=["long", "space", "percent", "?"]
)
def test_a_temporary_folder_that_suits_no_address_is_passed_over(name, place, monkeypatch):
    (place / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place / name))
    folder = runtime.make()
    try:
        assert folder.parent == Path("/tmp")
    finally:
        runtime.remove(folder)


def test_only_folders_of_this_kind_are_removed(place):
    runtime.remove(place / "missing")
    (place / "archivist-link").symlink_to(place)
    runtime.remove(place / "archivist-link")
    (place / "kept").mkdir()
    runtime.remove(place / "kept")
    assert (place / "kept").is_dir()
    assert (place / "archivist-link").is_symlink()
