"""A station in a storm: a database, a spoiled Cablecast, two publishers that are killed and stopped all the while."""

import asyncio
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from tests.simulators.cablecast.process import Simulator
from tests.vod.processes import PublisherProcess, environment
from tests.vod.recordings import Recording, asked_for_twice
from tests.vod.storm.publisher import SPEED
from tests.vod.world import World, station

from archivist_cli.local import runtime
from archivist_cli.local.postgres import Postgres
from archivist_cli.local.valkey import Valkey
from archivist_common import failpoints
from archivist_common.database import migrate
from archivist_common.errors import WorkerCrashed
from archivist_common.events.notify import Notifier
from archivist_common.publishing import requests as publication_requests
from archivist_common.settings import asyncpg_dsn

POINTS = tuple(
    point for point in failpoints.POINTS if point.startswith(("publish-", "effect-")) and point != "publish-withdraw"
)
"""Every step of a publication. Withdrawing is another story, with tests of its own."""

FASTER = 50.0
"""Virtual seconds of Cablecast, and of the client's waits, in a real one."""
FLOOR_S = 15 / FASTER
LEASE_S = 6.0
_REQUEST_S = 2.0
_RETRIES = 10
_LIVE = 24
"""Publications under way at a time; another is asked for when one has ended."""
_AHEAD = 4
"""Recordings asked for beyond the share of the kills that is done."""
_ARMED = 6  # kill points at a time, of which the first reached is taken
_STOP_EVERY = 6  # kills
_UNREACHED_S = 6.0
_FAULTS: dict[str, Any] = {
    "path": "/CablecastAPI/",
    "lost_answer": 0.30,
    "status_5xx": 0.20,
    "statuses": [*[500, 502, 504] * 20, 503],  # 503 asks for a pause of the whole server, so it is the rarest
    "timeout": 0.10,
    "hang_s": [*[0.05] * 39, 2.2],  # then the line is cut; some are held back for longer than a call may take
    "duplicate_idempotent": 0.05,
}

# Of a publication in hand: who took it, as whom he is known to the database. A write by anybody else, while it is in
# hand, was let in though it should not have been.
_WATCH = """
CREATE TABLE storm_takers (publication_id uuid, attempt int, taker text, PRIMARY KEY (publication_id, attempt));
CREATE TABLE storm_intruders (publication_id uuid, attempt int, intruder text, at timestamptz DEFAULT now());
CREATE FUNCTION storm_watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'pending' AND NEW.status = 'processing' THEN
        INSERT INTO storm_takers VALUES (NEW.id, NEW.attempt, session_user);
    ELSIF session_user LIKE 'publisher%' AND OLD.status = 'processing'
        AND NOT (NEW.error_code = 'WORKER_CRASHED' AND OLD.lease_expires_at < clock_timestamp())
        AND NOT EXISTS (SELECT FROM storm_takers t WHERE t.publication_id = OLD.id AND t.attempt = OLD.attempt
                        AND t.taker = session_user) THEN
        INSERT INTO storm_intruders VALUES (OLD.id, OLD.attempt, session_user);
    ELSIF session_user LIKE 'publisher%' AND OLD.status <> 'processing' THEN
        INSERT INTO storm_intruders VALUES (OLD.id, OLD.attempt, session_user);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER storm_watch BEFORE UPDATE ON publications FOR EACH ROW EXECUTE FUNCTION storm_watch();
"""

# What a station waits for in seconds is waited for here in fiftieths of it.
_HURRY = (
    "UPDATE publish_targets SET paused_until = clock_timestamp() + interval '0.1 s' "
    "WHERE paused_until > clock_timestamp() + interval '0.12 s'",
    "UPDATE publications SET available_at = clock_timestamp() + interval '0.4 s' "
    "WHERE status = 'pending' AND error_code IS NOT NULL AND available_at > clock_timestamp() + interval '0.5 s'",
)


@dataclass(slots=True)
class Injected:
    """What was done to the station. kills, stops: by kill point."""

    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)
    doubled: int = 0
    given_up: list[str] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)
    """What was given up, and why, until a person pressed Retry; the latter after three kills at one step, as the
    protocol has it (step 13)."""
    fenced: float = 0


class Storm:
    """`async with a_storm(folder, seed) as storm:`, then `blow`, and a reckoning."""

    def __init__(self, world: World, publishers: list[PublisherProcess], seed: int, notifier: Notifier) -> None:
        self.world = world
        self.sim = world.sim
        self.publishers = publishers
        self.injected = Injected()
        self.recordings: list[Recording] = []
        self._dice = random.Random(seed)
        self._seed = seed
        self._notifier = notifier

    async def blow(self, count: int, rounds: int, say: Callable[[int, str], None], within_s: float) -> None:
        """Ask for so many publications while everything goes wrong, until all are at rest.

        rounds: how often each kill point is reached. The storm ends when all kills are done and all publications are
        at rest, or with the time.
        """
        await self.sim.control.random_faults(seed=self._seed, **_FAULTS)
        deadline = time.monotonic() + within_s
        hurrying, feeding = asyncio.create_task(self._hurry()), asyncio.create_task(self._feed(count, rounds))
        killing = asyncio.create_task(self._kill(rounds))
        tasks = [hurrying, feeding, killing]
        try:
            while time.monotonic() < deadline:
                for task in tasks:
                    if task.done() and (error := task.exception()) is not None:
                        raise error
                states = await self.states()
                rest = states["published"] + states["held"] + states["failed"]
                say(min(rest, count), f"{_told(states)}; {self.injected.kills.total()} kills")
                if killing.done() and feeding.done() and rest == len(self.recordings):
                    break
                await asyncio.sleep(1)
            self.injected.faults = await self.sim.control.fault_counts()
            await self.sim.control.no_faults()
            await self._settle(say)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def calm(self, count: int) -> tuple[float, float]:
        """Without faults, and with one publisher: publications an hour, and requests for each."""
        await self.publishers[-1].stop()
        requests, first, began = len(await self.sim.control.journal()), len(self.recordings), time.monotonic()
        hurrying = asyncio.create_task(self._hurry())
        try:
            for number in range(first, first + count):
                self.recordings.append(await asked_for_twice(self.world, number))
            while (states := await self.states())["pending"] + states["processing"]:
                await asyncio.sleep(0.1)
        finally:
            hurrying.cancel()
            await asyncio.wait([hurrying])
        took = time.monotonic() - began
        return count / took * 3600, (len(await self.sim.control.journal()) - requests) / count

    async def states(self) -> Counter[str]:
        async with self.world.db.transaction() as session:
            rows = await session.execute(text("SELECT status, count(*) FROM publications GROUP BY status"))
            return Counter({row.status: row.count for row in rows})

    async def _feed(self, count: int, rounds: int) -> None:
        """Ask for so many and, while kills are left to be done, for more: there is work to be killed at till then."""
        for number in itertools.count():
            while True:
                states = await self.states()
                kills = self.injected.kills.total() / (rounds * len(POINTS))
                if number >= count and kills >= 1:
                    return
                live = states["pending"] + states["processing"]
                if live < _LIVE and (number - count * kills < _AHEAD or not live):
                    break
                await asyncio.sleep(0.1)
            self.recordings.append(await asked_for_twice(self.world, number))
            self.injected.doubled += 1

    async def _hurry(self) -> None:
        while True:
            await self._notifier.notify_publisher()
            async with self.world.db.transaction() as session:
                for statement in _HURRY:
                    await session.execute(text(statement))
            await asyncio.sleep(0.1)

    async def _kill(self, rounds: int) -> None:
        """Kill at each point so often; now and then stop for three leases; begin again at once."""
        number = 0
        for _ in range(rounds):
            todo = set(POINTS)
            while todo:
                number += 1
                victim = self._dice.choice(self.publishers)
                points = self._dice.sample(sorted(todo), min(_ARMED, len(todo)))
                if number % _STOP_EVERY == 0:
                    await self._stop(victim, points)
                    continue
                killed = await self._killed_at(victim, points)
                todo -= {killed}

    async def _killed_at(self, victim: PublisherProcess, points: Sequence[str]) -> str | None:
        """The first of these points that it reached, and was killed at."""
        for point in points:
            victim.arm(point, "kill")
        ended = await victim.ended(_UNREACHED_S)
        victim.disarm()
        if not ended and not await victim.ended(0.5):
            return None
        _, point = victim.steps()[-1]
        self.injected.kills[point] += 1
        await victim.up()
        return point

    async def _stop(self, victim: PublisherProcess, points: Sequence[str]) -> None:
        """A zombie: stopped in the middle of it, and going on when it has long been given up."""
        for point in points:
            victim.arm(point, "stop")
        deadline = time.monotonic() + _UNREACHED_S
        while not victim.is_stopped and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        victim.disarm()
        if victim.is_stopped:
            self.injected.stops[victim.steps()[-1][1]] += 1
            await asyncio.sleep(3 * LEASE_S)
            victim.signal(signal.SIGCONT)
            await asyncio.sleep(1)
            self.injected.fenced += await victim.fenced_writes()

    async def _settle(self, say: Callable[[int, str], None]) -> None:
        """Without faults all comes to rest. A person presses Retry where tries were used up."""
        deadline = time.monotonic() + 60 + len(self.recordings) * 0.5
        while time.monotonic() < deadline:
            states = await self.states()
            say(states["published"], f"calm again, {_told(states)}")
            if states["failed"]:
                await self._retry()
            elif not states["pending"] + states["processing"]:
                return
            await asyncio.sleep(1)

    async def _retry(self) -> None:
        async with self.world.db.transaction() as session:
            found = await session.execute(text("SELECT * FROM publications WHERE status = 'failed'"))
            for row in found.all():
                crashed = row.error_code == WorkerCrashed.code
                given_up = self.injected.poisoned if crashed else self.injected.given_up
                given_up.append(f"{row.file_path} at {row.stage}: {row.error_code}, {row.error_message}")
                await publication_requests.retry(session, row.id)


def _told(states: Counter[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(states.items())) or "none yet"


@asynccontextmanager
async def a_storm(folder: Path, seed: int) -> AsyncIterator[Storm]:
    """Servers, a Cablecast and two publishers, each a user of the database of its own."""
    sockets = runtime.make()
    postgres = Postgres(folder / "postgres", runtime=sockets, log=folder / "postgres.log", durable=False)
    valkey = Valkey(folder / "valkey", runtime=sockets, log=folder / "valkey.log")
    publishers: list[PublisherProcess] = []
    try:
        await postgres.start()
        await valkey.start()
        await migrate.upgrade(asyncpg_dsn(postgres.dsn))
        connection = await postgres.connect("archivist")
        await connection.execute(_WATCH)
        for number in (1, 2):
            await connection.execute(f"CREATE ROLE publisher{number} LOGIN SUPERUSER")
        await connection.close()
        async with (
            Simulator.start("modern") as sim,
            station(
                asyncpg_dsn(postgres.dsn),
                folder,
                sim,
                cablecast_stores="Flex 1=flex-1",
                vod_status_check_interval=FLOOR_S,
                vod_concurrency=4,
                job_lease=LEASE_S,
            ) as world,
        ):
            await sim.control.switch(slots=4)
            await sim.control.auto(FASTER)
            more = {"request_timeout": _REQUEST_S, "max_retries": _RETRIES, "log_level": "WARNING", SPEED: FASTER}
            for number in (1, 2):
                dsn = postgres.dsn.replace("postgres@", f"publisher{number}@")
                env = environment(world.settings, valkey.url, database_url=dsn, **more)
                module = "tests.vod.storm.publisher"
                publishers.append(PublisherProcess(f"publisher-{number}", folder, env, module=module))
            await asyncio.gather(*(one.up() for one in publishers))
            notifier = Notifier(valkey.url)
            yield Storm(world, publishers, seed, notifier)
            await notifier.close()
            for one in publishers:
                await one.stop()
    finally:
        for one in publishers:
            await one.kill()
            one.close()
        await valkey.stop()
        await postgres.stop()
        runtime.remove(sockets)
