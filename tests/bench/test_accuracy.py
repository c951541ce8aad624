"""`archivist bench accuracy` on the demo recording with the demo model."""

import shutil
from pathlib import Path

import pytest
from tests import media_factory as factory

from archivist_bench.__main__ import main


def test_a_recording_with_a_reference_is_judged_and_others_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("short-20s.flac", "short-20s.json"):
        shutil.copy(factory.SAMPLES / name, tmp_path)
    shutil.copy(factory.SAMPLES / "short-20s.flac", tmp_path / "alone.flac")
    shutil.copy(factory.SAMPLES / "short-20s.flac", tmp_path / "odd.flac")
    (tmp_path / "odd.json").write_text('{"language": "en"}')
    monkeypatch.setattr(
        "sys.argv",
        ["bench", "accuracy", "--model", str(factory.DEMO), "--speech", str(tmp_path), "--way", "archivist"],
    )
    assert main() == 0
    out = capsys.readouterr().out
    assert "skipped alone.flac: no alone.json beside it" in out
    assert "skipped odd.flac: odd.json is no reference: KeyError: 'segments'" in out
    (row,) = [line for line in out.splitlines() if line.startswith("| short-20s.flac | archivist |")]
    assert float(row.split("|")[4]) <= 15


def test_a_folder_without_references_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "accuracy", "--model", "x", "--speech", str(tmp_path)])
    assert main() == 1
    assert f"{tmp_path}: no recording has a reference" in capsys.readouterr().err
