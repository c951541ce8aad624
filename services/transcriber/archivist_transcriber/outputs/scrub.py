"""Verifies a sample of committed files once a day by checksum, and reports those that are damaged or missing."""

import asyncio
import logging
from datetime import timedelta

from archivist_common.database.engine import Database
from archivist_common.errors import ArchivistError, DatabaseUnavailable
from archivist_common.events import journal
from archivist_common.jobs import artifacts
from archivist_common.observability import metrics
from archivist_common.storage import atomic_files

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
FIRST = timedelta(minutes=10)  # after the start, when its rush is over
SAMPLE = 200  # files a day, some megabytes


async def run(db: Database) -> None:
    """Scrub a sample once a day, for ever."""
    await asyncio.sleep(FIRST.total_seconds())
    while True:
        try:
            await scrub(db, SAMPLE)
        except DatabaseUnavailable:
            log.info("scrub skipped: database unavailable")
        await asyncio.sleep(EVERY.total_seconds())


async def scrub(db: Database, count: int) -> int:
    """Hash `count` committed files, chosen at random; how many are damaged or missing. Their jobs' logs name them."""
    async with db.transaction() as session:
        chosen = await artifacts.sample(session, count)
    damaged = 0
    for transcription_id, file in chosen:
        try:
            found = await asyncio.to_thread(atomic_files.digest, file.path)
            problem = None if found.sha256 == file.sha256 else "it does not hold what was written"
        except ArchivistError as exc:
            problem = exc.message
        if problem is None:
            continue
        damaged += 1
        metrics.SCRUB_FAILURES.inc()
        log.error("a committed file is damaged", extra={"kind": file.kind, "why": problem})
        async with db.transaction() as session:
            message = f"the committed {file.kind} file is damaged: {problem}; submit the recording again"
            await journal.record(session, "ERROR", "scrub", message, transcription_id=transcription_id)
    return damaged
