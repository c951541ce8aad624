"""Watchers of the database while all around them dies: invariants each second, orphans until somebody has them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from archivist_common.database.engine import Database, engine
from archivist_common.errors import DatabaseUnavailable
from archivist_common.maintenance.invariants import INVARIANTS, violations
from archivist_common.settings import asyncpg_dsn
from tests.chaos.world import AWAY, World

SAMPLED = tuple(one for one in INVARIANTS if one.id in {"I4", "I5", "I11", "I12", "I13", "I15", "I16", "I18"})
_SAMPLE_EVERY_S = 1.0
_LOOK_EVERY_S = 0.1

_HELD = """
SELECT 'job ' || id AS what, attempt, status, extract(epoch FROM lease_expires_at)::float8 AS expires,
       extract(epoch FROM clock_timestamp())::float8 AS now
FROM transcriptions WHERE status IN ('pending', 'processing')
UNION ALL
SELECT format('chunk %s of %s', c.number, c.transcription_id), c.attempt, c.status,
       extract(epoch FROM c.lease_expires_at)::float8, extract(epoch FROM clock_timestamp())::float8
FROM transcription_chunks c JOIN transcriptions t ON t.id = c.transcription_id
WHERE t.status IN ('pending', 'processing') AND c.status IN ('pending', 'processing')
"""


async def sample(world: World) -> None:
    """Ask the invariants each second and note what is broken. Runs until it is cancelled."""
    history = world.history.of("sampler")
    db = Database(engine(asyncpg_dsn(world.postgres.dsn), 1, 1, "chaos-sampler"))
    try:
        while True:
            began = time.monotonic()
            try:
                async with db.transaction() as session:
                    found = await violations(session, world.lease, SAMPLED)
                history.note("sampled")
                for one in found:
                    history.note("broken", invariant=one.invariant.id, rows=list(one.rows))
            except DatabaseUnavailable:
                pass
            await asyncio.sleep(max(0.0, _SAMPLE_EVERY_S - (time.monotonic() - began)))
    finally:
        await db.close()


@dataclass(slots=True)
class _Seen:
    attempt: int
    status: str
    renewed: float


class PickUps:
    """How long each lapsed job and chunk was without anybody: from its last renewal to its next claim, in seconds.

    That is longer than from the kill, which came between.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, _Seen] = {}
        self.taken: list[float] = []

    async def run(self) -> None:
        while True:
            try:
                async with self._world.sql() as connection:
                    while True:
                        self._look(await connection.fetch(_HELD, timeout=5))
                        await asyncio.sleep(_LOOK_EVERY_S)
            except AWAY:
                self._seen.clear()  # nobody was watching: what comes after is not measured
                await asyncio.sleep(0.2)

    async def none_waits(self) -> bool:
        """Whether every job and chunk that has lapsed has been taken again."""
        return not any(seen.status == "lapsed" for seen in self._seen.values())

    def _look(self, rows: list[asyncpg.Record]) -> None:
        lease_s = self._world.lease.total_seconds()
        for row in rows:
            before = self._seen.get(row["what"])
            if row["status"] == "pending":
                if before is not None and before.status == "processing" and row["now"] >= before.renewed + lease_s:
                    before.status = "lapsed"
                elif before is not None and before.status == "processing":
                    del self._seen[row["what"]]  # given back, not lapsed
                continue
            renewed = row["expires"] - lease_s
            if (
                before is not None
                and row["attempt"] > before.attempt
                and (before.status == "lapsed" or renewed >= before.renewed + lease_s)
            ):
                self.taken.append(renewed - before.renewed)
            self._seen[row["what"]] = _Seen(row["attempt"], "processing", renewed)


async def until(fact: Callable[[], Awaitable[bool]], within: timedelta, every_s: float = 0.2) -> bool:
    """Whether a fact came true in time."""
    deadline = time.monotonic() + within.total_seconds()
    while not await fact():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True
