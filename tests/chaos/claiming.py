"""Claims and completes minimal jobs as fast as it can: `python -m tests.chaos.claiming --dsn … --seconds 4`.

Prints one line of JSON: jobs done, and the time of each pair of transactions in seconds.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import timedelta

from archivist_common.database.engine import Database, engine
from archivist_common.jobs import dispatch, lifecycle
from archivist_common.jobs.lifecycle import JobClaim, JobOutcome
from archivist_common.settings import asyncpg_dsn

_NOTHING = JobOutcome((), 1000, "en", None, ())
_LEASE = timedelta(seconds=30)


async def run(dsn: str, seconds: float, tasks: int) -> list[float]:
    """How long each claim with its completion took."""
    db = Database(engine(asyncpg_dsn(dsn), tasks, 0, "chaos-claiming"))
    took: list[float] = []

    async def work(name: str, until: float) -> None:
        while (began := time.monotonic()) < until:
            async with db.transaction() as session:
                claim = await dispatch.next_work(session, name, _LEASE, recipe="none")
            assert isinstance(claim, JobClaim), "the jobs have run out"
            async with db.transaction() as session:
                await lifecycle.complete(session, claim, _NOTHING)
            took.append(time.monotonic() - began)

    try:
        await db.ping(timedelta(seconds=10))
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(tasks):
                group.create_task(work(f"bench/{number}", until))
    finally:
        await db.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.claiming")
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--tasks", type=int, default=4)
    options = parser.parse_args()
    json.dump(asyncio.run(run(options.dsn, options.seconds, options.tasks)), sys.stdout)


if __name__ == "__main__":
    main()
