"""What a person meets at the prompt: one sentence for each mistake, and exit codes scripts can use."""

from pathlib import Path

import pytest

from archivist_cli import config, run_files
from archivist_cli.commands import up
from archivist_cli.main import main
from archivist_common.settings import ApiSettings


def _settings(**given: str) -> ApiSettings:
    return ApiSettings(database_url="postgresql://u@h/d", environment="testing", **given, _env_file=None)  # type: ignore[arg-type, call-arg]


def test_a_missing_file_is_one_sentence_and_exit_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(tmp_path / "council.mp4")]) == 1
    assert capsys.readouterr().err.strip().endswith("council.mp4: there is no such file")


def test_a_folder_is_not_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(tmp_path)]) == 1
    assert "is not a file" in capsys.readouterr().err


def test_a_wrong_format_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["transcribe", "x.mp4", "--format", "docx"])
    assert exit_.value.code == 2


def test_folders_become_storage_servers_whatever_their_names(tmp_path: Path) -> None:
    odd = tmp_path / "Council, 2022 +beside=é"
    twin = tmp_path / "other" / odd.name
    for folder in (odd, twin):
        folder.mkdir(parents=True)
    folders = run_files.folders([odd / "a.mp4", odd / "b.mp4", twin / "a.mp4"])
    servers = _settings(flex_servers=config.storage_servers(folders)).flex_servers
    assert [server.path for server in servers] == [odd, twin]
    assert len({server.name for server in servers}) == 2


def test_two_media_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "flex-1", tmp_path / "b" / "flex-1"
    for folder in (first, second):
        folder.mkdir(parents=True)
    assert up._named([first, second]) == {"flex-1": first, "flex-1-2": second}


def test_the_administrator_needs_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["admin", "create", "--data", str(tmp_path)]) == 1
    assert "set DATABASE_URL" in capsys.readouterr().err


def test_a_model_folder_that_lacks_files_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person waits for it; `archivist up` starts without (tests/e2e/test_missing_at_start.py)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "council.wav").touch()
    assert main(["transcribe", "--model", "./model", "council.wav"]) == 1
    assert "lacks config.json, model.bin, tokenizer.json" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_benchmarks_read_their_own_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    """Fault: `archivist bench --help` was refused as an argument that nobody knows."""
    assert main(["bench", "--help"]) == 0
    assert "usage: archivist bench" in capfd.readouterr().out
