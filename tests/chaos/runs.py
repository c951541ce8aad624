"""A run of the sections: how much of everything, the worlds they break, and what all of them showed together."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from tests.chaos import history as histories
from tests.chaos import nemesis
from tests.chaos.checker import Verdict, check
from tests.chaos.client import Client, Reader
from tests.chaos.history import History
from tests.chaos.settling import end_of, settle
from tests.chaos.watching import sample
from tests.chaos.world import World

LEASE = timedelta(seconds=6)
"""At a station 30 s. What recovery may take is the lease and ten seconds, here and there."""
SETTLES_IN = timedelta(seconds=150)
_SAY_EVERY_S = 15.0
_SAID = 12  # findings said as they come


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. jobs and faults are those of all seeds together; times in seconds."""

    jobs: int
    faults: int
    kinds: int
    seeds: tuple[int, ...]
    jobs_a_second: float
    kills: int
    zombies: int
    workers: int
    """Of one slot each, to be killed and stopped."""
    disturbed: int
    queued: int
    redis_away_s: float
    redis_long_away_s: float
    """0 leaves it out."""
    restarts: int
    starts: int
    claiming_s: float
    """0 leaves it out: a figure of speed says nothing on a machine that does other things too."""
    cancels: int


SHORT = Size(
    jobs=200,
    faults=len(nemesis.KINDS),
    kinds=12,
    seeds=(1,),
    jobs_a_second=6,
    kills=15,
    zombies=4,
    workers=4,
    disturbed=5,
    queued=100,
    redis_away_s=10,
    redis_long_away_s=0,
    restarts=4,
    starts=15,
    claiming_s=0,
    cancels=40,
)
FULL = Size(
    jobs=2_000,
    faults=300,
    kinds=12,
    seeds=(1, 2, 3),
    jobs_a_second=4,
    kills=100,
    zombies=100,
    workers=8,
    disturbed=50,
    queued=100,
    redis_away_s=20,
    redis_long_away_s=300,
    restarts=50,
    starts=50,
    claiming_s=5,
    cancels=500,
)


def resized(size: Size, *, jobs: int | None, faults: int | None, seeds: Sequence[int] | None) -> Size:
    """The same, with what a person asked for instead."""
    return replace(
        size,
        jobs=size.jobs if jobs is None else jobs,
        faults=size.faults if faults is None else faults,
        seeds=size.seeds if seeds is None else tuple(seeds),
    )


@dataclass(slots=True)
class Run:
    """What is under way. say: prints a line."""

    size: Size
    say: Callable[[str], None]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """The last one of each world: it covers all that happened there."""

    def take(self, world: World, verdict: Verdict) -> None:
        known = self.verdicts.get(world.name)
        said = set(known.findings()) if known is not None else set()
        for finding in itertools.islice((one for one in verdict.findings() if one not in said), _SAID):
            self.say(f"  {finding}")
        self.verdicts[world.name] = verdict


@asynccontextmanager
async def a_world(name: str, *, workers: int, slots: int) -> AsyncIterator[World]:
    """A world with its workers, invariants sampled and public files read meanwhile."""
    with tempfile.TemporaryDirectory(prefix="archivist-history-") as folder:
        history = History(Path(folder) / "history.jsonl", "world")
        async with World(name, history, lease=LEASE) as world:
            await asyncio.gather(*(world.join(slots=slots) for _ in range(workers)))
            watchers = [asyncio.create_task(sample(world)), asyncio.create_task(Reader(world).run())]
            try:
                yield world
            finally:
                await ended(*watchers)
        history.close()


async def judged(run: Run, world: World) -> Verdict:
    """Heal everything, wait until all has come to rest, and judge all that happened in this world."""
    await nemesis.heal(world)
    if not await settle(world, SETTLES_IN):
        run.say(f"  not at rest after {SETTLES_IN.total_seconds():g} s")
    await asyncio.to_thread(Reader(world).look)
    verdict = check(histories.read(world.history.path), await end_of(world))
    run.take(world, verdict)
    return verdict


@asynccontextmanager
async def told(run: Run, world: World, name: str) -> AsyncIterator[None]:
    """A line now and then while the block runs."""

    async def say() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_SAY_EVERY_S)
            records = histories.read(world.history.path)
            faults = sum(1 for _ in histories.of(records, "fault"))
            acknowledged = sum(1 for _ in histories.of(records, "acknowledged"))
            rows = await world.fetch("SELECT status, count(*) FROM transcriptions GROUP BY status ORDER BY status")
            states = ", ".join(f"{row['count']} {row['status']}" for row in rows)
            passed = f"{time.monotonic() - began:.0f} s, {faults} faults"
            run.say(f"  {name}: {passed}, {acknowledged} acknowledged; {states}")

    async with beside(say()):
        yield


@asynccontextmanager
async def fed(world: World, name: str, live: int) -> AsyncIterator[None]:
    """So many jobs always wait or run while the block does."""

    async def feed() -> None:
        async with Client(world) as client:
            for number in itertools.count():
                while await _live(world) >= live:
                    await asyncio.sleep(0.1)
                await client.submit(world.record(f"{name}-{number}"))

    async with beside(feed()):
        yield


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Coroutines that run while the block does; one that fails by itself raises at its end."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        await ended(*tasks)


async def ended(*tasks: "asyncio.Task[None]") -> None:
    """End tasks; the error of one that had failed by itself is raised."""
    failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for error in failed:
        if error is not None:
            raise error


async def _live(world: World) -> int:
    rows = await world.fetch("SELECT count(*) FROM transcriptions WHERE status IN ('pending', 'processing')")
    return int(rows[0][0])
