"""Writes the locks beside this file from pyproject.toml: `make lock`, or `make lock UPGRADE=1` for newer versions.

Every version and its hashes, for all supported Pythons; no index and no host. What development uses is solved
first and binds the others, so that a service runs what was tested.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SERVICES = ("api", "transcriber", "vod", "monitor")
BUILD = HERE / "build.in"


def main() -> None:
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    development = HERE / "dev.txt"
    compile_lock(development, "pyproject.toml", BUILD, "--extra", "dev", *upgrade)
    same = ("--constraint", development)
    compile_lock(HERE / "embedded.txt", "pyproject.toml", BUILD, "--extra", "all", *same)
    for service in SERVICES:
        compile_lock(HERE / f"{service}.txt", "pyproject.toml", "--extra", service, *same)
    compile_lock(HERE / "migrate.txt", "pyproject.toml", *same)
    compile_lock(HERE / "build.txt", BUILD, *same)


def compile_lock(target: Path, *inputs: str | Path) -> None:
    command = [Path(sys.executable).parent / "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--fork-strategy", "fewest"]  # one version for all Pythons
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--strip-extras"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--output-file", target.relative_to(ROOT)]
    subprocess.run([*command, *inputs], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
