"""`archivist bench storage`: how fast a large folder is listed, beside a plain scan of the same folder, now."""

import argparse
import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from archivist_common.storage.client import StorageClient, StorageServer

LISTED_S, PAUSE_S = 2.0, 0.5  # what is promised of 5,000 recordings: a page, and the longest pause of the event loop
_FILES = 5_000
_RUNS = 5
_TICK_S = 0.01
_DEADLINE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Listed:
    """One paired run, in seconds. pause_s: the longest that the event loop was kept from its other work."""

    ours_s: float
    plain_s: float
    pause_s: float


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "storage",
        help="the listing of a large folder, beside os.scandir and stat of the same folder",
        description="List the newest page of a folder of recordings with captions beside them through the storage "
        "client, and scan it plainly, in turn. Exit 0 only if the bounds are kept.",
    )
    parser.add_argument("--files", type=int, default=_FILES, help=f"recordings in the folder (default: {_FILES})")
    parser.add_argument("--runs", type=int, default=_RUNS, help=f"default: {_RUNS}; the median counts")
    parser.add_argument("--folder", type=Path, help="where the folder is made, such as a mounted share")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="archivist-bench-") as made:
        folder = Path(made)
        for number in range(options.files):
            (folder / f"{number}-1-Council.mp4").touch()
            (folder / f"{number}-1-Council.scc").touch()
        runs = asyncio.run(measure(folder, options.runs))
    ours, plain = median(one.ours_s for one in runs), median(one.plain_s for one in runs)
    ratio = median(one.ours_s / one.plain_s for one in runs)
    pause = max(one.pause_s for one in runs)
    print(f"{options.files} recordings with captions beside them, median of {options.runs} paired runs")
    print(f"newest page     {ours:.3f} s   (promised for {_FILES}: {LISTED_S:g} s)")
    print(f"scandir + stat  {plain:.3f} s")
    print(f"ratio           {ratio:.2f}")
    print(f"longest pause   {pause:.3f} s   of the event loop (promised: {PAUSE_S:g} s)")
    kept = ours < LISTED_S and pause < PAUSE_S
    print("All kept." if kept else "Not kept.")
    return 0 if kept else 1


async def measure(folder: Path, runs: int) -> list[Listed]:
    """Our listing of a folder and a plain scan, in turn, in one process; the helper has been started before."""
    server = StorageServer("bench", folder)
    found = []
    async with StorageClient([server]) as client:
        await client.browse(server, deadline=_DEADLINE)  # its first answer includes the helper's start
        for _ in range(runs):
            ticking = asyncio.create_task(_longest_pause())
            began = time.perf_counter()
            await client.browse(server, deadline=_DEADLINE)
            ours_s = time.perf_counter() - began
            ticking.cancel()
            pause_s = await ticking
            began = time.perf_counter()
            await asyncio.to_thread(_scan, folder)
            found.append(Listed(ours_s, time.perf_counter() - began, pause_s))
    return found


async def _longest_pause() -> float:
    """Until cancelled: the longest that a short sleep took."""
    worst = 0.0
    try:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            worst = max(worst, time.perf_counter() - began)
    except asyncio.CancelledError:
        return max(worst, time.perf_counter() - began)


def _scan(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
