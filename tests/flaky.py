"""`make flaky`: the whole suite several times in a row beside two busy loops; what failed, and how often.

What fails in one run and passes in another depends on time, order or luck: each is to be repaired at its cause.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_LOOPS = 2
_BUSY = "while True: pass"


def failures(report: Path) -> list[str]:
    """Tests of a JUnit report that failed or could not be set up: file and name. Raises OSError, ParseError."""
    return [
        f"{case.get('classname', '')}::{case.get('name', '')}"
        for case in ElementTree.parse(report).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]


def main() -> int:
    """0 where no test failed in any run."""
    parser = argparse.ArgumentParser(prog="tests/flaky.py", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", action="store_true", help="without the busy loops")
    parser.add_argument("pytest", nargs="*", help="after --: arguments of pytest")
    options = parser.parse_args()
    loops = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(0 if options.idle else _LOOPS)]
    failed: Counter[str] = Counter()
    broken = 0
    try:
        for number in range(1, options.runs + 1):
            began = time.monotonic()
            found = _run(options.pytest)
            took = f"run {number} of {options.runs}, {time.monotonic() - began:.0f} s"
            if found is None:
                broken += 1
                print(f"{took}: no report; pytest itself failed", flush=True)
                continue
            failed.update(found)
            print(f"{took}: {len(found)} failed", flush=True)
            for name in found:
                print(f"  {name}", flush=True)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    for name, times in failed.most_common():
        print(f"{times} of {options.runs}  {name}")
    print(f"{len(failed)} tests failed in {options.runs} runs" + (f", {broken} runs broke off" if broken else ""))
    return 1 if failed or broken else 0


def _run(arguments: list[str]) -> list[str] | None:
    """What failed in one run; None where there is no report."""
    with tempfile.TemporaryDirectory(prefix="archivist-flaky-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
        done = subprocess.run(command, cwd=_ROOT, check=False)
        try:
            found = failures(report)
        except (OSError, ElementTree.ParseError):
            return None
        # 0 all passed, 1 some failed; anything else broke off: interrupted, or nothing was collected
        return found if done.returncode in {0, 1} else None


if __name__ == "__main__":
    sys.exit(main())
