"""Removes what killed attempts left in the vault. A job's result is never touched."""

import asyncio
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from archivist_common.database.engine import Database
from archivist_common.errors import DatabaseUnavailable
from archivist_common.jobs import artifacts
from archivist_common.storage.paths import VAULT

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
LEFT_FOR = timedelta(days=1)
"""An attempt's folder is not checked before: no attempt stages its files for so long."""


async def run(db: Database, *outputs: Path | None) -> None:
    """Sweep the vaults of the output path and of its fallback, where there is one, every hour, for ever."""
    async with asyncio.TaskGroup() as group:
        for output in outputs:
            if output is not None:
                group.create_task(_run(db, output))


async def _run(db: Database, output: Path) -> None:
    while True:
        try:
            await sweep(db, output, datetime.now(UTC) - LEFT_FOR)
        except (DatabaseUnavailable, OSError) as exc:
            log.warning("vault not cleaned up", extra={"folder": str(output), "reason": repr(exc)})
        await asyncio.sleep(EVERY.total_seconds())


async def sweep(db: Database, output: Path, before: datetime) -> int:
    """Remove folders of attempts last written to before a moment that are no job's result; how many were."""
    removed = 0
    for job_id, attempt, folder in await asyncio.to_thread(lambda: list(_old_attempts(output / VAULT, before))):
        async with db.transaction() as session:
            if await artifacts.made_by(session, job_id, attempt):
                continue
        await asyncio.to_thread(shutil.rmtree, folder)
        removed += 1
        log.info("abandoned attempt removed", extra={"transcription_id": str(job_id), "attempt": attempt})
    return removed


def _old_attempts(vault: Path, before: datetime) -> Iterator[tuple[UUID, int, Path]]:
    """Folders named after a job and an attempt; anything else in the vault is left alone."""
    for job in vault.iterdir() if vault.is_dir() else ():
        try:
            job_id = UUID(job.name)
        except ValueError:
            continue
        for folder in job.iterdir() if job.is_dir() else ():
            if folder.name.isdecimal() and folder.stat().st_mtime < before.timestamp():
                yield job_id, int(folder.name), folder
