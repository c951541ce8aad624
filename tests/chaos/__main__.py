"""`python -m tests.chaos [--short]`: inject the faults, judge the history, print each goal beside its bound."""

import argparse
import asyncio
import platform
import signal
import sys
import time
from collections.abc import Sequence

from tests.chaos.runs import FULL, LEASE, SHORT, Run, resized
from tests.chaos.sections import NAMES, all_goals
from tests.goals import say, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when every goal was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="200 jobs, one fault of each kind: under four minutes")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--faults", type=int)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], help="such as 1,2,3")
    parser.add_argument("--only", action="append", choices=sorted(NAMES), help="one section; repeatable")
    options = parser.parse_args(arguments)
    size = resized(SHORT if options.short else FULL, jobs=options.jobs, faults=options.faults, seeds=options.seeds)
    return asyncio.run(_all(Run(size, say), options.only or NAMES))


async def _all(run: Run, names: Sequence[str]) -> int:
    task = asyncio.current_task()
    assert task is not None
    # Asked to stop, we take down what we started, as after Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    say(f"seeds {', '.join(map(str, run.size.seeds))}; lease {LEASE.total_seconds():g} s; {platform.node()}")
    goals = await all_goals(run, names)
    return tell(goals, began)


if __name__ == "__main__":
    sys.exit(main())
