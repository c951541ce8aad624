"""Files of completed jobs: damaged, cut short, or of an attempt that no job points at."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from archivist_common.maintenance import committed_files
from archivist_common.maintenance.committed_files import Committed
from archivist_common.states import PublicState
from archivist_common.storage.paths import VAULT


def _committed(tmp_path: Path, data: bytes = b"captions") -> Committed:
    vault = tmp_path / VAULT / str(UUID(int=1)) / "1"
    vault.mkdir(parents=True)
    (vault / "captions.scc").write_bytes(b"captions")
    (tmp_path / "done.scc").write_bytes(data)
    sha256 = hashlib.sha256(b"captions").hexdigest()
    return Committed(
        UUID(int=1), 1, "scc", vault / "captions.scc", sha256, 8, tmp_path / "done.scc", PublicState.PLACED
    )


def test_a_committed_file_that_is_cut_changed_or_gone_is_found(tmp_path: Path) -> None:
    file = _committed(tmp_path)
    file.path.write_bytes(b"capt")
    assert "has 4 bytes, 8 were written" in next(committed_files.damaged_files([file]))
    file.path.write_bytes(b"CAPTIONS")
    assert "does not hold what was written" in next(committed_files.damaged_files([file]))
    file.path.unlink()
    assert "cannot be read" in next(committed_files.damaged_files([file]))


def test_a_whole_file_is_not_damaged(tmp_path: Path) -> None:
    assert list(committed_files.damaged_files([_committed(tmp_path)])) == []


@pytest.mark.parametrize(
    ("data", "torn"),
    [
        pytest.param(b"capt", True, id="half-a-file"),
        pytest.param(b"captions", False, id="whole"),
        pytest.param(b"mine", False, id="edited-by-a-person"),
    ],
)
def test_half_a_public_file_is_found_and_an_edited_one_is_not_ours(tmp_path: Path, data: bytes, torn: bool) -> None:
    assert bool(list(committed_files.torn_public_files([_committed(tmp_path, data)]))) is torn


def test_an_attempt_that_nobody_points_at_is_found_once_it_is_old(tmp_path: Path) -> None:
    file = _committed(tmp_path)
    stray = file.path.parent.with_name("2")
    stray.mkdir()
    now = datetime.now(UTC)
    assert list(committed_files.stray_attempts(tmp_path, [file], now - committed_files.LEFT_FOR)) == []
    found = list(committed_files.stray_attempts(tmp_path, [file], now + timedelta(minutes=1)))
    assert found == [f"{stray} belongs to no completed job"]
