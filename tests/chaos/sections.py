"""The goals of the issue, section by section: each breaks a world in its own way and says how it held."""

import asyncio
import itertools
import json
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from archivist_common import failpoints
from tests.chaos import nemesis
from tests.chaos.checker import Verdict
from tests.chaos.client import Client, submit_until
from tests.chaos.runs import LEASE, SETTLES_IN, Run, a_world, beside, fed, judged, told
from tests.chaos.settling import settle
from tests.chaos.watching import PickUps, until
from tests.chaos.world import Worker, World
from tests.goals import Goal

_PICKED_UP_S = LEASE.total_seconds() + 10  # 40 s at a station's lease of 30 s
_ZOMBIE_STEPS = tuple(point for point in failpoints.OF_A_JOB if point not in {"before-claim", "chunk-finished"})
_CANCELLERS = 10

Section = Callable[[Run, World], Awaitable[list[Goal]]]


async def throughput(run: Run, world: World) -> list[Goal]:
    """Claims and completions by two worker processes, on a database of their own."""
    if not run.size.claiming_s:
        return []
    async with world.another_database() as dsn:
        command = [sys.executable, "-m", "tests.chaos.claiming", "--dsn", dsn, "--seconds", str(run.size.claiming_s)]
        processes = [
            await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, cwd=world.folder, env=world.environment
            )
            for _ in range(2)
        ]
        outputs = await asyncio.gather(*(process.communicate() for process in processes))
    took = [seconds for output, _ in outputs for seconds in json.loads(output)]
    rate = len(took) / run.size.claiming_s
    what = "claims and completions a second, two workers"
    return [Goal(what, f"{rate:.0f} (p99 {1000 * _p99(took):.0f} ms)", ">= 200", rate >= 200)]


async def start(run: Run, world: World) -> list[Goal]:
    """Submit to start with a free slot."""
    async with Client(world) as client:
        for number in range(run.size.starts):
            await client.submit(world.record(f"start-{number}"))
            await asyncio.sleep(0.4)
    await settle(world, SETTLES_IN)
    waits = await _waits(world, "start-")
    figure = f"p50 {_middle(waits):.3f} s, p99 {_p99(waits):.3f} s"
    kept = len(waits) == run.size.starts and _p99(waits) <= 1
    what = f"submit to start with a free slot ({len(waits)} jobs)"
    return [Goal(what, figure, "<= 1 s", kept), _sound(await judged(run, world), "calm run")]


async def cancels(run: Run, world: World) -> list[Goal]:
    """Cancels at random moments of a job's life."""
    size = run.size
    latencies: list[float] = []
    answers = Counter[int | None]()
    numbers = iter(range(size.cancels))
    rng = random.Random(11)

    async def lane(client: Client) -> None:
        for number in numbers:
            path = world.record(f"cancel-{number}")
            job_id = await client.submit(path, priority=rng.randint(1, 5))
            if job_id is None:
                continue
            await asyncio.sleep(rng.uniform(0, 1.5))
            asked = time.time()
            answer = await client.cancel(job_id, path)
            answers[answer] += 1
            if answer in {200, 202}:
                await until(partial(_has_ended, client, job_id), timedelta(seconds=30))
                latencies.append(await _ended_at(world, job_id) - asked)

    async with Client(world) as client, told(run, world, "cancels"), asyncio.TaskGroup() as group:
        for _ in range(_CANCELLERS):
            group.create_task(lane(client))
    verdict = await judged(run, world)
    rows = await world.fetch(
        "SELECT count(*) FROM transcriptions WHERE status = 'completed' AND cancel_requested_at IS NOT NULL"
    )
    running = f"{answers[202]} while running, of which {rows[0][0]} completed first"
    how = f"{answers[200]} at once, {running}, {answers[409]} too late"
    most_s = max(latencies, default=0)
    return [
        _at_least("cancels at random moments", answers.total(), size.cancels, how),
        Goal("cancelled within", f"p99 {_p99(latencies):.2f} s, most {most_s:.2f} s", "<= 10 s", 0 < most_s <= 10),
        _none("terminal conflicts", len(verdict.conflicts)),
        _sound(verdict, "after the cancels"),
    ]


async def redis(run: Run, world: World) -> list[Goal]:
    """Redis flushed with jobs queued, then gone for some seconds."""
    size = run.size
    async with Client(world) as client:
        await world.fetch("UPDATE queue_control SET paused_at = now()")
        async with asyncio.TaskGroup() as group:
            for number in range(size.queued):
                group.create_task(client.submit(world.record(f"flushed-{number}")))
        await nemesis.flush(world)
        rows = await world.fetch("UPDATE queue_control SET paused_at = NULL RETURNING clock_timestamp() AS now")
        await settle(world, SETTLES_IN)
        starts = sorted(await _starts(world, "flushed-"))
        gaps = [after - before for before, after in itertools.pairwise([rows[0]["now"].timestamp(), *starts])]
        late_s = max(gaps, default=float("inf"))

        answers = await _without_redis(world, client, "away", size.redis_away_s)
        waits = await _waits(world, "away-")
        await world.valkey.start()
    verdict = await judged(run, world)
    return [
        Goal(
            f"Redis flushed with {size.queued} queued: longest wait of a free slot",
            f"{late_s:.1f} s, {len(starts)} started",
            f"<= 3 s, {size.queued}",
            late_s <= 3 and len(starts) == size.queued,
        ),
        _all_taken(size.redis_away_s, answers),
        Goal("submit to start meanwhile, by polling", f"p99 {_p99(waits):.2f} s", "<= 3 s", _p99(waits) <= 3),
        _sound(verdict, "after Redis came back"),
    ]


async def long_without_redis(run: Run, world: World) -> list[Goal]:
    """Redis gone for minutes."""
    away_s = run.size.redis_long_away_s
    async with Client(world) as client:
        answers = await _without_redis(world, client, "long", away_s)
        await world.valkey.start()
    return [_all_taken(away_s, answers), _sound(await judged(run, world), "after Redis came back")]


async def _without_redis(world: World, client: Client, name: str, seconds: float) -> list[bool]:
    """Whether each submit was answered while Redis was away."""
    await world.valkey.stop()
    until_s = time.monotonic() + seconds
    answers: list[bool] = []
    while time.monotonic() < until_s:
        answers.append(await client.submit(world.record(f"{name}-{len(answers)}"), patient=False) is not None)
        await asyncio.sleep(0.5)
    return answers


def _all_taken(seconds: float, answers: Sequence[bool]) -> Goal:
    taken = sum(answers)
    kept = 0 < taken == len(answers)
    return Goal(f"Redis gone for {seconds:g} s: submits answered 202", f"{taken} of {len(answers)}", "all", kept)


async def postgres(run: Run, world: World) -> list[Goal]:
    """PostgreSQL killed and stopped at once, again and again, while people submit."""
    size = run.size
    over = asyncio.Event()
    rng = random.Random(7)
    submitting = asyncio.create_task(submit_until(world, "crash", 1, 3, over, rng))
    back: list[float] = []
    async with told(run, world, "postgres"):
        for number in range(size.restarts):
            await asyncio.sleep(0.5)
            await (nemesis.kill_postgres if number % 2 else nemesis.stop_at_once)(world, rng)
            began = time.monotonic()
            await world.gateway.ready()
            back.append(time.monotonic() - began)
        over.set()
        await submitting
    verdict = await judged(run, world)
    lapsed = await world.fetch(
        "SELECT to_char(created_date, 'HH24:MI:SS.MS ') || message AS what FROM system_logs "
        "WHERE metadata ->> 'code' = 'WORKER_CRASHED' ORDER BY created_date"
    )
    for row in lapsed:
        run.say(f"  {row['what']}")
    what = f"PostgreSQL crash-restarted {size.restarts} times: acknowledged submits missing"
    figure = f"{len(verdict.lost)} of {verdict.acknowledged}"
    return [
        Goal(what, figure, "0", not verdict.lost and verdict.acknowledged > 0),
        Goal("gateway ready after the database", f"{max(back):.1f} s", "<= 5 s", max(back) <= 5),
        _none("leases expired by a restart", len(lapsed)),
        _sound(verdict, "after the restarts"),
    ]


async def kills(run: Run, world: World) -> list[Goal]:
    """SIGKILL at every named step, on workers of one slot each; half of them at a time, as for zombies."""
    size = run.size
    half = asyncio.Semaphore(max(1, size.workers // 2))
    watch = PickUps(world)
    steps = itertools.cycle(failpoints.OF_A_JOB)
    done: list[str] = []

    async def lane(worker: Worker) -> None:
        while True:
            async with half:
                if len(done) >= size.kills:
                    return
                point = next(steps)
                if not await nemesis.reach(worker, point, "kill", lambda: not worker.runs):
                    run.say(f"  nobody came to {point!r} in time")
                    continue
                await worker.ended(5)
                done.append(point)
                await worker.start()

    async with fed(world, "kill", size.workers * 2), beside(watch.run()), told(run, world, "kills"):
        async with asyncio.TaskGroup() as group:
            for worker in world.workers:
                group.create_task(lane(worker))
        await until(watch.none_waits, timedelta(seconds=60))
    verdict = await judged(run, world)
    slowest_s = max(watch.taken, default=0)
    again = len(verdict.heard_again)
    return [
        _at_least("SIGKILLs at named steps", len(done), size.kills, f"at {len(set(done))} steps"),
        Goal(
            f"picked up again ({len(watch.taken)} pieces of work, lease {LEASE.total_seconds():g} s)",
            f"median {_middle(watch.taken):.1f} s, most {slowest_s:.1f} s",
            f"<= {_PICKED_UP_S:g} s (40 s at a lease of 30 s)",
            0 < slowest_s <= _PICKED_UP_S,
        ),
        Goal(
            "chunks heard again",
            f"{again} of {verdict.heard}; after one kill at most {verdict.most_again}",
            f"<= {len(done)}; 1",
            again <= len(done) and verdict.most_again <= 1,
        ),
        _sound(verdict, "after the kills"),
    ]


async def zombies(run: Run, world: World) -> list[Goal]:
    """SIGSTOP at a named step until the lease has lapsed and somebody else has the work, then SIGCONT.

    Half of the workers at a time: somebody must be there to take the work, and to mend.
    """
    size = run.size
    half = asyncio.Semaphore(max(1, size.workers // 2))
    steps = itertools.cycle(_ZOMBIE_STEPS)
    done: list[str] = []

    async def lane(worker: Worker) -> None:
        while True:
            async with half:
                if len(done) >= size.zombies:
                    return
                point = next(steps)
                if not await nemesis.reach(worker, point, "stop", lambda: worker.is_stopped):
                    run.say(f"  nobody came to {point!r} in time")
                    continue
                await asyncio.sleep(LEASE.total_seconds() + 6)  # a round of the reconciler is five seconds
                worker.signal(signal.SIGCONT)
                done.append(point)

    async with fed(world, "zombie", size.workers * 2), told(run, world, "zombies"):
        async with asyncio.TaskGroup() as group:
            for worker in world.workers:
                group.create_task(lane(worker))
        await asyncio.sleep(2)  # the last ones wake and try to write
    fenced = sum(await asyncio.gather(*(worker.fenced_writes() for worker in world.workers)))
    verdict = await judged(run, world)
    return [
        _at_least("SIGSTOP and SIGCONT", len(done), size.zombies, f"at {len(set(done))} steps"),
        Goal("stale writes refused", f"{fenced:.0f}", "> 0", fenced > 0),
        _sound(verdict, "stale writes accepted, or anything else"),
    ]


async def total_queue(run: Run) -> list[Goal]:
    """The history: jobs under faults of every kind, once for each seed."""
    size = run.size
    verdicts = [await _one_history(run, seed) for seed in size.seeds]
    kinds = Counter[str]()
    for verdict in verdicts:
        kinds.update(verdict.faults)
    run.say("  faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))

    def all_of(name: str) -> int:
        return sum(getattr(verdict, name) for verdict in verdicts)

    def none_of(name: str, what: str) -> Goal:
        return _none(what, sum(len(getattr(verdict, name)) for verdict in verdicts))

    stuck = sum(said.startswith("I16") for verdict in verdicts for said in verdict.broken)
    samples = all_of("samples")
    return [
        _at_least("jobs submitted", all_of("attempted"), size.jobs, f"{all_of('acknowledged')} acknowledged"),
        _at_least("faults", kinds.total(), size.faults, f"seeds {', '.join(map(str, size.seeds))}"),
        _at_least("kinds of faults", len(kinds), size.kinds, ""),
        none_of("lost", f"lost ({all_of('recovered')} recovered)"),
        none_of("unexpected", "unexpected"),
        none_of("duplicated", "duplicated effects"),
        none_of("conflicts", "ends that contradict an answer"),
        none_of("differing", "files with other bytes, half files seen"),
        Goal(f"leases lapsed for over 15 s ({samples} samples)", str(stuck), "0", stuck == 0 and samples > 0),
        none_of("broken", "invariants broken"),
    ]


async def _one_history(run: Run, seed: int) -> Verdict:
    size = run.size
    rng = random.Random(seed)
    jobs, faults = (-(-count // len(size.seeds)) for count in (size.jobs, size.faults))
    name = f"history {seed}"
    async with a_world(name, workers=4, slots=2) as world, told(run, world, name):
        if not world.mounted:
            run.say("  left out: output read-only, output full (only root can mount a file system for them)")
        over = asyncio.Event()
        submitting = asyncio.create_task(
            submit_until(world, f"seed{seed}", jobs, size.jobs_a_second, over, random.Random(seed))
        )
        await nemesis.run(world, faults, rng)
        over.set()
        await submitting
        return await judged(run, world)


def identical(run: Run) -> Goal:
    """What the disturbed runs of all worlds gave, beside what an undisturbed one gives."""
    disturbed = sum(verdict.disturbed for verdict in run.verdicts.values())
    differing = sum(len(verdict.differing) for verdict in run.verdicts.values())
    return Goal(
        "disturbed runs with the bytes of an undisturbed one",
        f"{disturbed} runs, {differing} differ",
        f">= {run.size.disturbed}, 0",
        disturbed >= run.size.disturbed and differing == 0,
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Sections that share a world, in their order."""

    world: Callable[[Run], AbstractAsyncContextManager[World]]
    sections: Mapping[str, Section]


PHASES = (
    (
        Group(
            lambda run: a_world("calm", workers=2, slots=2),
            {"throughput": throughput, "start": start, "redis": redis, "cancels": cancels, "postgres": postgres},
        ),
    ),
    (
        Group(
            lambda run: a_world("disturbed", workers=run.size.workers, slots=1),
            {"kills": kills, "zombies": zombies},
        ),
        Group(lambda run: a_world("without Redis", workers=1, slots=1), {"redis-long": long_without_redis}),
    ),
)
"""One after another; the groups of one phase beside one another."""
HISTORY = "history"
NAMES = (*(name for phase in PHASES for group in phase for name in group.sections), HISTORY)


async def all_goals(run: Run, names: Sequence[str]) -> list[Goal]:
    """Every goal of these sections, by section."""
    goals: list[Goal] = []
    for phase in PHASES:
        for found in await asyncio.gather(*(_of_group(run, group, names) for group in phase)):
            goals += found
    if HISTORY in names:
        run.say(f"{HISTORY} …")
        goals += _of(HISTORY, await total_queue(run))
    if set(names) == set(NAMES):
        goals += _of("all", [identical(run)])
    return goals


async def _of_group(run: Run, group: Group, names: Sequence[str]) -> list[Goal]:
    wanted = [
        name for name in group.sections if name in names and (name != "redis-long" or run.size.redis_long_away_s)
    ]
    goals: list[Goal] = []
    if not wanted:
        return goals
    async with group.world(run) as world:
        for name in wanted:
            run.say(f"{name} …")
            goals += _of(name, await group.sections[name](run, world))
    return goals


def _of(section: str, goals: Sequence[Goal]) -> list[Goal]:
    return [replace(goal, section=section) for goal in goals]


def _sound(verdict: Verdict, what: str) -> Goal:
    findings = list(verdict.findings())
    figure = "0" if not findings else f"{len(findings)}: {findings[0][:60]} …"
    return Goal(f"lost, doubled, differing, broken: {what}", figure, "0", not findings and verdict.acknowledged > 0)


def _none(what: str, count: int) -> Goal:
    return Goal(what, str(count), "0", count == 0)


def _at_least(what: str, count: int, wanted: int, how: str) -> Goal:
    return Goal(what, f"{count} ({how})" if how else str(count), f">= {wanted}", count >= wanted)


async def _starts(world: World, prefix: str) -> list[float]:
    rows = await world.fetch(
        "SELECT extract(epoch FROM min(o.created_date))::float8 AS at FROM outbox o "
        "JOIN transcriptions t ON t.id = o.transcription_id "
        "WHERE o.event = 'transcription.started' AND t.file_path LIKE $1 GROUP BY t.id",
        f"{prefix}%",
    )
    return [row["at"] for row in rows]


async def _waits(world: World, prefix: str) -> list[float]:
    rows = await world.fetch(
        "SELECT extract(epoch FROM min(o.created_date) - t.created_date)::float8 AS wait FROM outbox o "
        "JOIN transcriptions t ON t.id = o.transcription_id "
        "WHERE o.event = 'transcription.started' AND t.file_path LIKE $1 GROUP BY t.id",
        f"{prefix}%",
    )
    return [row["wait"] for row in rows]


async def _has_ended(client: Client, job_id: str) -> bool:
    job = await client.read(job_id)
    return job is not None and job["status"] in {"completed", "failed", "cancelled"}


async def _ended_at(world: World, job_id: str) -> float:
    """Seconds since 1970; infinite while it has not ended."""
    ended = (await world.fetch("SELECT completed_date FROM transcriptions WHERE id::text = $1", job_id))[0][0]
    return float("inf") if ended is None else float(ended.timestamp())


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else float("inf")


def _middle(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("inf")
