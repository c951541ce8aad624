"""Which tests a run is of: each has one mark of cost, and the long matrices run when they are due."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import costs, selection
from tests.selection import MATRICES

Commit = Callable[..., None]
GUARDED = ("tests/simulators", "tests/media_factory.py")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(selection.ALL, raising=False)
    return tmp_path


@pytest.fixture
def commit(root: Path) -> Commit:
    """Commits a changed file so many times."""

    def git(*command: str) -> None:
        identity = ("-c", "user.name=clerk", "-c", "user.email=clerk@station.test", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *command], cwd=root, check=True, capture_output=True)

    def make(path: str, times: int = 1) -> None:
        for number in range(times):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{path} {number}\n")
            git("add", "--all")
            git("commit", "--allow-empty", "--quiet", "--message", f"change {path}")

    git("init", "--quiet")
    return make


def test_simulators_that_nobody_touched_for_ten_commits_are_not_tested_again(root: Path, commit: Commit) -> None:
    commit("tests/simulators/cablecast/clock.py")
    commit("README.md", times=10)
    assert not selection.is_due(root, GUARDED)


@pytest.mark.parametrize("path", ["tests/simulators/cablecast/clock.py", "tests/media_factory.py"])
def test_a_change_within_ten_commits_makes_them_due(path: str, root: Path, commit: Commit) -> None:
    commit("README.md", times=6)
    commit(path)
    commit("README.md", times=8)
    assert selection.is_due(root, GUARDED)


@pytest.mark.parametrize("path", ["tests/simulators/cablecast/clock.py", "tests/simulators/cablecast/new.py"])
def test_a_change_that_is_not_committed_makes_them_due(path: str, root: Path, commit: Commit) -> None:
    commit("tests/simulators/cablecast/clock.py")
    commit("README.md", times=10)
    (root / path).write_text("other\n")
    assert selection.is_due(root, GUARDED)


def test_every_tenth_commit_makes_them_due(root: Path, commit: Commit) -> None:
    commit("README.md", times=19)
    assert not selection.is_due(root, GUARDED)
    commit("README.md", times=1)
    assert selection.is_due(root, GUARDED)


def test_what_git_cannot_tell_is_tested(root: Path, commit: Commit) -> None:
    commit("README.md", times=9)
    assert selection.is_due(root, GUARDED), "a history of nine commits may have been cut short"


def test_no_repository_is_no_reason_to_leave_them_out(root: Path) -> None:
    assert selection.is_due(root, GUARDED)


def test_all_tests_are_all_tests(root: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    commit("README.md", times=11)
    assert not selection.is_due(root, GUARDED)
    monkeypatch.setenv(selection.ALL, "1")
    assert selection.is_due(root, GUARDED)


@pytest.mark.parametrize("argument", ["tests/simulators", "tests/vod/cablecast/test_outage.py::test_a"])
def test_what_is_named_is_tested_whole(argument: str) -> None:
    assert selection.left_out(Path(__file__).resolve().parents[1], [argument]) == []


def test_a_whole_run_leaves_out_what_nobody_touched(
    root: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("README.md", times=11)
    commit("services/vod/archivist_vod/worker.py")
    assert "the benchmarks, run" in {matrix.name for matrix in selection.left_out(root, [str(root / "tests")])}
    assert not {matrix for matrix in selection.left_out(root, []) if "services/vod" in matrix.guards}


def test_each_matrix_guards_what_is_there_and_is_made_of_tests_that_there_are() -> None:
    root = Path(__file__).resolve().parents[1]
    paths = [path for matrix in MATRICES for path in matrix.guards]
    assert [path for path in paths if not (root / path).exists()] == []
    files = [matrix.tests.split("::")[0].replace("\\", "").replace("(_run)?", "") for matrix in MATRICES]
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "--collect-only", "-q"]
    done = subprocess.run([*command, *files], cwd=root, capture_output=True, text=True, timeout=150, check=False)
    tests = done.stdout.splitlines()
    assert [matrix.name for matrix in MATRICES if not any(map(matrix.holds, tests))] == []


@pytest.mark.parametrize(
    ("path", "fixtures", "names", "cost"),
    [
        ("tests/captions/test_cue.py", set(), set(), "unit"),
        ("tests/common/jobs/test_lifecycle.py", {"db", "migrated_template"}, set(), "db"),
        ("tests/vod/cablecast/test_publisher.py", {"world", "cablecast", "migrated_template"}, set(), "process"),
        ("tests/transcriber/audio/test_media.py", set(), set(), "process"),
        ("tests/e2e/test_kills.py", {"redis_url"}, set(), "e2e"),
        ("tests/vod/test_app.py", set(), {"Postgres"}, "db"),
        ("tests/vod/test_new.py", {"redis_url"}, {"Simulator"}, "process"),
    ],
)
def test_a_test_costs_what_its_folder_and_its_fixtures_cost(
    path: str, fixtures: set[str], names: set[str], cost: str
) -> None:
    assert costs.of(path, fixtures, names) == cost


def test_this_test_is_marked_with_its_cost(request: pytest.FixtureRequest) -> None:
    assert [mark.name for mark in request.node.iter_markers() if mark.name in costs.ORDER] == ["unit"]


@pytest.mark.parametrize(("last", "status", "words"), [("True", 0, "0 tests failed"), ("False", 1, "2 of 2  ")])
def test_what_failed_in_a_row_of_runs_is_counted(last: str, status: int, words: str, tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(f"def test_one():\n    pass\n\ndef test_other():\n    assert {last}\n")
    command = [sys.executable, "tests/flaky.py", "--runs", "2", "--", "--rootdir", str(tmp_path), str(tmp_path)]
    command += ["-p", "no:cacheprovider", "-c", "/dev/null", "--noconftest"]
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stdout
    assert ("test_other" in done.stdout.splitlines()[-2]) is (status == 1)
