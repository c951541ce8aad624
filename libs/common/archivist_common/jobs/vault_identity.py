"""Whether two machines mean the same output folder: a vault has a name, and the gateway registers the one it reads.

A second machine that was only given the database, Redis and the storage servers has an output folder of its own.
Files it made there could not be downloaded: it transcribes chunks, and leaves leading jobs to machines that share
the gateway's.
"""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.engine import Database
from archivist_common.database.models import QueueControl
from archivist_common.errors import ArchivistError, DatabaseUnavailable
from archivist_common.storage import atomic_files
from archivist_common.storage.paths import VAULT

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=10)
_NAME = "name"
_LONGEST = 64


def read(output: Path) -> str | None:
    """The name of the vault in an output folder; None where it has none or cannot be read."""
    try:
        return (output / VAULT / _NAME).read_text("ascii")[:_LONGEST].strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def ensure_id(output: Path) -> str:
    """The name of the vault, given now where it has none. Raises StorageError where it cannot be written."""
    if (name := read(output)) is None:
        atomic_files.make_folder(output / VAULT, within=output)  # a missing output folder may be a missing mount
        atomic_files.stage(output / VAULT, _NAME, uuid4().hex.encode())
        name = read(output)
    return name or ""


async def register(session: AsyncSession, name: str) -> None:
    """The gateway reads this vault."""
    await session.execute(update(QueueControl).where(QueueControl.vault.is_distinct_from(name)).values(vault=name))


async def registered(session: AsyncSession) -> str | None:
    """The vault that the gateway reads; None until it has registered one."""
    name: str | None = await session.scalar(select(QueueControl.vault))
    return name


async def keep_registered(db: Database, output: Path) -> None:
    """Register the vault that is read here, for ever: it may be made, or moved, at any time."""
    while True:
        try:
            name = await asyncio.to_thread(read, output)
            if name is not None:
                async with db.transaction() as session:
                    await register(session, name)
        except DatabaseUnavailable:
            log.debug("vault registered later")
        await asyncio.sleep(EVERY.total_seconds())


class VaultWatch:
    """Whether jobs may be led from a machine with this output folder. `run` keeps it up to date."""

    def __init__(self, db: Database, output: Path) -> None:
        self._db = db
        self._output = output
        self._leads = True

    def leads(self) -> bool:
        return self._leads

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except ArchivistError as exc:  # a disk or a database that is unavailable: as before, until it is back
                log.debug("vault not checked", extra={"why": exc.message})
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        ours = await asyncio.to_thread(ensure_id, self._output)
        async with self._db.transaction() as session:
            theirs = await registered(session)
        leads = theirs in (None, ours)
        if leads != self._leads:
            message = "this machine leads jobs" if leads else "the gateway reads another output folder: chunks only"
            log.warning(message, extra={"output": str(self._output)})
        self._leads = leads
