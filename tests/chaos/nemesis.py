"""What goes wrong: one function for each kind of fault, which does it and puts it right again.

A fault is noted when it was done, not when it was meant. `LANES` says which kinds run beside one another: each lane
has things of its own to break.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from archivist_common import failpoints
from archivist_common.maintenance import reconciler
from tests.chaos.client import Client
from tests.chaos.world import AWAY, Worker, World

Fault = Callable[[World, random.Random], Awaitable[bool]]
"""Does it and heals it. False: it could not be done, as nothing came to the armed step."""

_REACHED_WITHIN_S = 8.0
_TRIES = 5  # of a fault that nothing came to, or that failed itself
_FILLER = ".archivist-chaos-filler"


async def kill_worker(world: World, rng: random.Random) -> bool:
    """SIGKILL a worker at a random moment."""
    with _borrowed(world, rng) as worker:
        await asyncio.sleep(rng.uniform(0, 0.5))
        await worker.kill()
        await worker.start()
    return True


async def kill_at_step(world: World, rng: random.Random) -> bool:
    """SIGKILL a worker at a named step."""
    with _borrowed(world, rng) as worker:
        if not await reach(worker, rng.choice(failpoints.OF_A_JOB), "kill", lambda: not worker.runs):
            return False
        await worker.start()
    return True


async def stop_and_continue(world: World, rng: random.Random) -> bool:
    """SIGSTOP a worker for longer than a lease, then SIGCONT: it believes that it still has its work."""
    with _borrowed(world, rng) as worker:
        worker.signal(signal.SIGSTOP)
        await asyncio.sleep(world.lease.total_seconds() + rng.uniform(0, 6))
        worker.signal(signal.SIGCONT)
    return True


async def stop_at_step(world: World, rng: random.Random) -> bool:
    """The same, at a named step."""
    with _borrowed(world, rng) as worker:
        if not await reach(worker, rng.choice(failpoints.OF_A_JOB), "stop", lambda: worker.is_stopped):
            return False
        await asyncio.sleep(world.lease.total_seconds() + rng.uniform(0, 6))
        worker.signal(signal.SIGCONT)
    return True


async def hang_at_step(world: World, rng: random.Random) -> bool:
    """A worker hangs at a named step for longer than a lease, its event loop with it."""
    with _borrowed(world, rng) as worker:
        seconds = world.lease.total_seconds() + 2
        before = worker.reached()
        point = rng.choice(failpoints.OF_A_JOB)
        if not await reach(worker, point, f"sleep {seconds}", lambda: worker.reached() > before):
            return False
        await asyncio.sleep(seconds)
    return True


async def ask_to_stop(world: World, rng: random.Random) -> bool:
    """SIGTERM a worker: it gives back what it has."""
    with _borrowed(world, rng) as worker:
        await worker.stop()
        await worker.start()
    return True


async def join_and_leave(world: World, rng: random.Random) -> bool:
    """A machine joins for some seconds and goes again."""
    worker = await world.join(slots=2, lent=True)
    await asyncio.sleep(rng.uniform(1, 3))
    await world.leave(worker)
    return True


async def kill_gateway(world: World, rng: random.Random) -> bool:
    await world.gateway.kill()
    await world.gateway.start()
    return True


async def stop_gateway(world: World, rng: random.Random) -> bool:
    """The gateway hangs for some seconds."""
    world.gateway.signal(signal.SIGSTOP)
    await asyncio.sleep(rng.uniform(1, 3))
    world.gateway.signal(signal.SIGCONT)
    return True


async def kill_postgres(world: World, rng: random.Random) -> bool:
    """SIGKILL the database server and start it again: recovery from a crash."""
    _signal(world.postgres.pid, signal.SIGKILL)
    await world.postgres.stop()
    await world.postgres.start()
    return True


async def stop_at_once(world: World, rng: random.Random) -> bool:
    """An immediate shutdown of the database, which the start after it recovers from."""
    _signal(world.postgres.pid, signal.SIGQUIT)
    await world.postgres.stop()
    await world.postgres.start()
    return True


async def stop_postgres(world: World, rng: random.Random) -> bool:
    """An immediate shutdown, and the database is away for some seconds."""
    _signal(world.postgres.pid, signal.SIGQUIT)
    await asyncio.sleep(rng.uniform(1, 4))
    await world.postgres.stop()
    await world.postgres.start()
    return True


async def cut_connections(world: World, rng: random.Random) -> bool:
    """Every connection to the database is ended by its server."""
    async with world.sql() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND application_name LIKE 'archivist-%'"
        )
    return True


async def hold_reconciler(world: World, rng: random.Random) -> bool:
    """Whoever leads the reconciler hangs in its round for some seconds."""
    async with world.sql() as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", reconciler._LEADER_LOCK)
        await asyncio.sleep(rng.uniform(3, 7))
    return True


async def kill_valkey(world: World, rng: random.Random) -> bool:
    _signal(world.valkey.pid, signal.SIGKILL)
    await world.valkey.stop()
    await world.valkey.start()
    return True


async def stop_valkey(world: World, rng: random.Random) -> bool:
    """Redis is away for some seconds."""
    await world.valkey.stop()
    await asyncio.sleep(rng.uniform(2, 6))
    await world.valkey.start()
    return True


async def flush_valkey(world: World, rng: random.Random) -> bool:
    """Everything Redis holds is erased."""
    await flush(world)
    return True


async def output_read_only(world: World, rng: random.Random) -> bool:
    """The output folder cannot be written to for some seconds."""
    if not world.mounted:
        return False
    for _ in range(100):  # busy while somebody writes
        if await _run("mount", "-o", "remount,ro", str(world.output)):
            break
        await asyncio.sleep(0.05)
    else:
        return False
    await asyncio.sleep(rng.uniform(0.5, 2))
    await _run("mount", "-o", "remount,rw", str(world.output))
    return True


async def output_full(world: World, rng: random.Random) -> bool:
    """The output folder's file system is full for some seconds."""
    if not world.mounted:
        return False
    filler = world.output / _FILLER
    await asyncio.to_thread(_fill, filler)
    await asyncio.sleep(rng.uniform(0.5, 2))
    filler.unlink()
    return True


async def submit_twice(world: World, rng: random.Random) -> bool:
    """The same recording ten times at once: by one key and by several."""
    path = world.record(f"twice-{rng.getrandbits(48):x}")
    async with Client(world) as client, asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(client.submit(path, key=f"{path}-{min(number, 5)}"))
    return True


async def cancel_some(world: World, rng: random.Random) -> bool:
    """Some jobs are cancelled, whatever they are at; half of them are queued again."""
    rows = await world.fetch(
        "SELECT id, file_path FROM transcriptions WHERE status IN ('pending', 'processing') ORDER BY random() LIMIT 3"
    )
    async with Client(world) as client:
        for row in rows:
            job_id, path = str(row["id"]), row["file_path"]
            if await client.cancel(job_id, path) in {200, 202} and rng.random() < 0.5:
                await asyncio.sleep(rng.uniform(0, 1))
                await client.retry(job_id, path)
    return bool(rows)


async def pause_queue(world: World, rng: random.Random) -> bool:
    """The whole queue is held back for some seconds."""
    await world.fetch("UPDATE queue_control SET paused_at = now()")
    await asyncio.sleep(rng.uniform(0.5, 2))
    await world.fetch("UPDATE queue_control SET paused_at = NULL")
    return True


async def pause_jobs(world: World, rng: random.Random) -> bool:
    """Some jobs are held back for some seconds."""
    rows = await world.fetch(
        "UPDATE transcriptions SET paused_at = now() WHERE id IN (SELECT id FROM transcriptions "
        "WHERE status IN ('pending', 'processing') ORDER BY random() LIMIT 5) RETURNING id"
    )
    await asyncio.sleep(rng.uniform(0.5, 2))
    await world.fetch("UPDATE transcriptions SET paused_at = NULL WHERE paused_at IS NOT NULL")
    return bool(rows)


WORKERS: Mapping[str, Fault] = {
    "worker killed": kill_worker,
    "worker killed at a step": kill_at_step,
    "worker stopped, continued": stop_and_continue,
    "worker stopped at a step": stop_at_step,
    "worker hangs at a step": hang_at_step,
    "worker asked to stop": ask_to_stop,
    "worker joins and leaves": join_and_leave,
}
SERVERS: Mapping[str, Fault] = {
    "gateway killed": kill_gateway,
    "gateway hangs": stop_gateway,
    "database killed": kill_postgres,
    "database away": stop_postgres,
    "connections cut": cut_connections,
    "reconciler hangs": hold_reconciler,
    "redis killed": kill_valkey,
    "redis away": stop_valkey,
    "redis flushed": flush_valkey,
}
PEOPLE: Mapping[str, Fault] = {
    "output read-only": output_read_only,
    "output full": output_full,
    "submitted ten times": submit_twice,
    "cancelled, queued again": cancel_some,
    "queue paused": pause_queue,
    "jobs paused": pause_jobs,
}
LANES = (WORKERS, SERVERS, PEOPLE)
KINDS: Mapping[str, Fault] = {**WORKERS, **SERVERS, **PEOPLE}


async def flush(world: World) -> None:
    reader, writer = await asyncio.open_unix_connection(world.valkey.socket)
    try:
        writer.write(b"FLUSHALL\r\n")
        async with asyncio.timeout(5):
            await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def run(world: World, faults: int, rng: random.Random, lanes: int = 3) -> None:
    """Do so many faults, each kind about as often as any other; several workers at once, in `lanes`.

    A kind that cannot be done here is said in the history and left out.
    """
    history = world.history.of("nemesis")
    kinds = dict(KINDS)
    if not world.mounted:
        for kind in ("output read-only", "output full"):
            history.note("left-out", kind=kind, why="only root can mount a file system of its own here")
            del kinds[kind]
    queue = [kind for _ in range(-(-faults // len(kinds))) for kind in rng.sample(sorted(kinds), len(kinds))]
    shares = [[kind for kind in queue[:faults] if kind in lane] for lane in LANES]
    served = [shares[0][number::lanes] for number in range(lanes)] + shares[1:]
    async with asyncio.TaskGroup() as group:
        for share in served:
            group.create_task(_lane(world, share, random.Random(rng.getrandbits(64))))


async def _lane(world: World, kinds: list[str], rng: random.Random) -> None:
    history = world.history.of("nemesis")
    for kind in kinds:
        for _ in range(_TRIES):
            try:
                done = await KINDS[kind](world, rng)
            except AWAY as exc:
                history.note("fault-failed", kind=kind, why=repr(exc)[:500])
                done = False
            if done:
                history.note("fault", kind=kind)
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(rng.uniform(0, 0.3))


async def reach(worker: Worker, point: str, what: str, fact: Callable[[], bool]) -> bool:
    """Arm a step and wait until it has done what it was told; False when nothing came to it in time."""
    worker.arm(point, what)
    deadline = time.monotonic() + _REACHED_WITHIN_S
    while not fact():
        if time.monotonic() > deadline:
            worker.disarm()
            return fact()
        await asyncio.sleep(0.05)
    return True


async def heal(world: World) -> None:
    """Whatever a fault may have left: everything runs, nothing is held back, the disk is good."""
    if world.mounted:
        (world.output / _FILLER).unlink(missing_ok=True)
        await _run("mount", "-o", "remount,rw", str(world.output))
    for server in (world.postgres, world.valkey):
        if server.pid is None or server.exit_code() is not None:
            await server.stop()
            await server.start()
    for program in (world.gateway, world.publisher, *world.workers):
        program.signal(signal.SIGCONT)
        if not program.runs:
            await program.start()
    for worker in world.workers:
        worker.disarm()
    await world.fetch("UPDATE queue_control SET paused_at = NULL")
    await world.fetch("UPDATE transcriptions SET paused_at = NULL WHERE paused_at IS NOT NULL")


@contextmanager
def _borrowed(world: World, rng: random.Random) -> Iterator[Worker]:
    """A worker that no other lane is doing something to."""
    worker = rng.choice([worker for worker in world.workers if worker not in world.lent])
    world.lent.add(worker)
    try:
        yield worker
    finally:
        world.lent.discard(worker)


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        os.kill(pid, number)


def _fill(filler: Path) -> None:
    block = bytes(1024 * 1024)
    try:
        with filler.open("wb") as file:
            while True:
                file.write(block)
                file.flush()
    except OSError:
        return  # full


async def _run(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(20):
        return await process.wait() == 0
