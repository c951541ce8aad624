"""After the faults: wait until everything has come to rest, and take down how the world ended."""

import asyncio
import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archivist_common.database.engine import Database, engine
from archivist_common.maintenance import committed_files, invariants
from archivist_common.settings import asyncpg_dsn
from tests.chaos import stub
from tests.chaos.checker import End, Job
from tests.chaos.watching import until
from tests.chaos.world import STORAGE, World

_DUE_NOW = (
    "UPDATE transcriptions SET available_at = now() WHERE status = 'pending' AND available_at > now()",
    "UPDATE transcription_chunks SET available_at = now() WHERE status = 'pending' AND available_at > now()",
)
_LIVE = """
SELECT (SELECT count(*) FROM transcriptions WHERE status IN ('pending', 'processing'))
     + (SELECT count(*) FROM artifacts a JOIN transcriptions t ON t.id = a.transcription_id
        WHERE a.public_state = 'pending' AND t.status = 'completed')
     + (SELECT count(*) FROM outbox WHERE relayed_date IS NULL) AS rest
"""
_JOBS = """
SELECT t.id::text AS id, t.file_path, t.status, t.attempt,
       extract(epoch FROM t.created_date)::float8 AS created, extract(epoch FROM t.completed_date)::float8 AS ended,
       ARRAY(SELECT event::text FROM outbox o WHERE o.transcription_id = t.id
             AND o.event <> 'transcription.captions' ORDER BY o.id) AS events
FROM transcriptions t
"""


async def settle(world: World, within: timedelta) -> bool:
    """Wait until every job has ended and every file is placed. Waits before another try are cut short: no fault
    is left that they would wait out."""

    async def at_rest() -> bool:
        for statement in _DUE_NOW:
            await world.fetch(statement)
        return bool((await world.fetch(_LIVE))[0]["rest"] == 0)

    return await until(at_rest, within, every_s=0.5)


async def end_of(world: World) -> End:
    """How the world ended: its rows, its files, what is broken."""
    files = defaultdict(list)
    for row in await world.fetch("SELECT transcription_id::text AS id, kind, attempt, sha256 FROM artifacts"):
        files[row["id"]].append((row["kind"], row["attempt"], row["sha256"]))
    rows = await world.fetch(_JOBS)
    jobs = tuple(
        Job(
            row["id"],
            row["file_path"],
            row["status"],
            row["attempt"],
            row["created"],
            row["ended"],
            tuple(row["events"]),
            tuple(sorted(files[row["id"]])),
        )
        for row in rows
    )
    expected = {path: stub.files_of(path, world.chunks) for path in world.recordings}
    changed = [path for path, data in world.recordings.items() if (world.media / path).read_bytes() != data]
    public = await asyncio.to_thread(_public, world.output / STORAGE)
    return End(jobs, expected, public, tuple(await _broken(world)), tuple(changed))


async def _broken(world: World) -> list[str]:
    db = Database(engine(asyncpg_dsn(world.postgres.dsn), 1, 0, "chaos-end"))
    try:
        async with db.transaction() as session:
            found = await invariants.violations(session, world.lease)
            committed = await committed_files.committed(session)
    finally:
        await db.close()
    a_day_ago = datetime.now(UTC) - timedelta(days=1)
    said = [f"{one.invariant.id}: {row}" for one in found for row in one.rows]
    for id_, look in (
        ("I6", lambda: list(committed_files.damaged_files(committed))),
        ("I7", lambda: list(committed_files.torn_public_files(committed))),
        ("I21", lambda: list(committed_files.stray_attempts(world.output, committed, a_day_ago))),
    ):
        said += [f"{id_}: {what}" for what in await asyncio.to_thread(look)]
    return said


def _public(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder.iterdir() if folder.is_dir() else ())
        if not path.name.startswith(".")
    }
