"""Whether the simulators' own tests are due: they prove test doubles, not the product."""

import os
import subprocess
from pathlib import Path

FOLDER = "tests/simulators"
STANDS_ON = (
    FOLDER,
    "tests/media_factory.py",
    "libs/captions/archivist_captions/cue.py",
    "libs/captions/archivist_captions/formats/scc.py",
    "requirements/dev.txt",
)
EVERY = 10  # commits
ALL = "ARCHIVIST_ALL_TESTS"


def are_due(root: Path) -> bool:
    """True where the simulators, or what they stand on, differ from ten commits ago, at each tenth commit, with
    ARCHIVIST_ALL_TESTS=1, and wherever git cannot tell: no repository, no git, a history cut short."""
    if os.environ.get(ALL, "") not in {"", "0"}:
        return True
    try:
        count = int(_git(root, "rev-list", "--count", "HEAD"))
        changed = _git(root, "diff", "--name-only", f"HEAD~{EVERY}", "--", *STANDS_ON)
        untracked = _git(root, "ls-files", "--others", "--exclude-standard", "--", *STANDS_ON)
    except (OSError, subprocess.SubprocessError, ValueError):
        return True
    return count % EVERY == 0 or bool(changed or untracked)


def are_named(root: Path, arguments: list[str]) -> bool:
    """Whether the command line names the folder, or something in it: then they run whatever git says."""
    folder = root / FOLDER
    return any(Path(root, one.split("::")[0]).resolve().is_relative_to(folder) for one in arguments)


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
