"""Which of the long matrices are due: those that guard what has changed of late, and all of them now and then.

A matrix proves one thing many times over: a publisher killed at each of its steps, a test double in all its states.
One telling row of it runs always; the rest where what it guards has changed, and at every tenth commit.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY = 10  # commits
ALL = "ARCHIVIST_ALL_TESTS"


@dataclass(frozen=True, slots=True)
class Matrix:
    """tests: a regular expression that the ids of its tests begin with. guards: paths of what they prove, and of
    what they stand on."""

    name: str
    tests: str
    guards: tuple[str, ...]

    def holds(self, test: str) -> bool:
        return re.match(self.tests, test) is not None


_PUBLISHING = (
    "services/vod",
    "libs/common/archivist_common/publishing",
    "libs/common/archivist_common/leases",
    "libs/common/archivist_common/events",
    "libs/common/archivist_common/database",
    "tests/vod",
    "tests/simulators",
)

MATRICES = (
    Matrix(
        "the simulators' own tests",
        r"tests/simulators/",
        (
            "tests/simulators",
            "tests/media_factory.py",
            "libs/captions/archivist_captions/cue.py",
            "libs/captions/archivist_captions/formats/scc.py",
            "requirements/dev.txt",
        ),
    ),
    Matrix(
        "publishers killed or stopped at each step",
        r"tests/vod/attempts/test_killed_publishers\.py::.*\[(?!publish-accept\]|effect-done\])",
        _PUBLISHING,
    ),
    Matrix(
        "the other nights without Cablecast",
        r"tests/vod/cablecast/test_outage\.py::test_after_a_night.*\[(asks-to-wait|never-answers)\]",
        _PUBLISHING,
    ),
    Matrix(
        "no secret told, with a key",
        r"tests/vod/test_no_secret_is_logged\.py::.*\[key\]",
        (*_PUBLISHING, "libs/common/archivist_common/observability", "libs/common/archivist_common/web"),
    ),
    Matrix(
        "the benchmarks, run",
        r"tests/bench/test_transcribe(_run)?\.py::",
        (
            "libs/bench",
            "tests/bench",
            "services/transcriber/archivist_transcriber/engines",
            "services/transcriber/archivist_transcriber/audio",
            "requirements/dev.txt",
        ),
    ),
    Matrix(
        "names of recordings and their shows, with and without bodies",
        r"tests/common/shows/test_matching\.py::test_names_find.*\[(none|learnt-from-the-shows)\]",
        ("libs/common/archivist_common/shows", "tests/common/shows"),
    ),
    Matrix(
        "a meeting of ten minutes beside that of two",
        r"tests/e2e/test_main_job\.py::.*\[meeting-10min\.ogg\]",
        ("services/transcriber", "libs/captions", "libs/common/archivist_common/jobs", "tests/e2e", "demo"),
    ),
)


def left_out(root: Path, arguments: Sequence[str]) -> list[Matrix]:
    """The matrices that need not run. arguments: those of pytest; who names a folder or a file gets all of it."""
    whole = {root, root / "tests"}
    if any(Path(root, one.split("::")[0]).resolve() not in whole for one in arguments):
        return []
    return [matrix for matrix in MATRICES if not is_due(root, matrix.guards)]


def is_due(root: Path, guards: Sequence[str]) -> bool:
    """True where one of these paths differs from ten commits ago, at each tenth commit, with ARCHIVIST_ALL_TESTS=1,
    and wherever git cannot tell: no repository, no git, a history cut short."""
    if os.environ.get(ALL, "") not in {"", "0"}:
        return True
    try:
        count = int(_git(root, "rev-list", "--count", "HEAD"))
        changed = _git(root, "diff", "--name-only", f"HEAD~{EVERY}", "--", *guards)
        untracked = _git(root, "ls-files", "--others", "--exclude-standard", "--", *guards)
    except (OSError, subprocess.SubprocessError, ValueError):
        return True
    return count % EVERY == 0 or bool(changed or untracked)


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
