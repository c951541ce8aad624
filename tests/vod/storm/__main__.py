"""`python -m tests.vod.storm [--short]`: publish through a storm, then print each goal beside its bound."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from tests.goals import Goal, say, tell
from tests.vod.storm import reckoning
from tests.vod.storm.weather import FASTER, LEASE_S, Injected, a_storm

_SAY_EVERY_S = 10.0
_CALM, _CALM_SHORT = 10, 4
"""Publications after the storm, by which the publisher's speed is told."""
_MOST_REQUESTS = 120  # for each of them, its polls included


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when every goal was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.vod.storm", description=__doc__)
    parser.add_argument("--count", type=int, help="publications; 300")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--short", action="store_true", help="8 publications, one kill at each step: two to three minutes"
    )
    options = parser.parse_args(arguments)
    count = options.count or (8 if options.short else 300)
    return asyncio.run(_run(count, options.seed, 1 if options.short else 3, _CALM_SHORT if options.short else _CALM))


async def _run(count: int, seed: int, rounds: int, calm: int) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    say(f"{count} publications, seed {seed}, time {FASTER:g} times as fast, lease {LEASE_S:g} s")
    with tempfile.TemporaryDirectory(prefix="archivist-storm-") as folder:
        async with a_storm(Path(folder), seed) as storm:
            with _progress(count) as show:
                await storm.blow(count, rounds, show, within_s=150 + 4 * count)
            an_hour, requests = await storm.calm(calm)
            goals = await reckoning.goals(storm, count + calm)
            _injected(storm.injected)
    say(f"in the calm after it one publisher follows {an_hour:.0f} publications an hour, {FASTER:g} times as fast")
    goals.append(
        Goal("requests for each of these", f"{requests:.0f}", f"<= {_MOST_REQUESTS}", requests <= _MOST_REQUESTS)
    )
    return tell(goals, began)


def _injected(done: Injected) -> None:
    faults = ", ".join(f"{number} {kind}" for kind, number in sorted(done.faults.items()))
    kills = ", ".join(f"{number} at {point}" for point, number in sorted(done.kills.items()))
    stops = ", ".join(f"{number} at {point}" for point, number in sorted(done.stops.items())) or "none"
    say(f"faults: {faults}")
    say(f"kills: {kills}")
    say(f"stopped for three leases: {stops}; writes refused to the stopped: {done.fenced:g}")
    say(f"given up after three kills at one step, until a person pressed Retry: {len(done.poisoned)}")


@contextmanager
def _progress(count: int) -> Iterator[Callable[[int, str], None]]:
    """A bar in a terminal; a line now and then elsewhere."""
    console = Console()
    if not console.is_terminal:
        yield _lines(count)
        return
    columns = (TextColumn("storm"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("storm", total=count, note="")
        yield lambda rest, note: progress.update(task, completed=rest, note=note)


def _lines(count: int) -> Callable[[int, str], None]:
    said = -_SAY_EVERY_S

    def show(rest: int, note: str) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_EVERY_S:
            said = time.monotonic()
            say(f"  {rest} of {count} at rest: {note}")

    return show


if __name__ == "__main__":
    sys.exit(main())
