"""Puts committed files under the names people look for, and tries again where a disk was away or full.

Nothing here is lost when it fails: the committed copy is in the vault, the reason is on the row and in the API.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from pathlib import Path

from archivist_common import artifacts, files
from archivist_common.artifacts import Unplaced
from archivist_common.db import Database
from archivist_common.errors import ArchivistError, DatabaseUnavailable, FileMissing, PublicNameTaken
from archivist_common.states import PublicState
from archivist_common.storage import Storages, StorageServer
from archivist_transcriber.outputs import second_choice

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)


class Placer:
    """Places files as they are committed, and again every thirty seconds what could not be placed."""

    def __init__(self, db: Database, storages: Storages, deadline: timedelta) -> None:
        self._db = db
        self._storages = storages
        self._deadline = deadline
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to place."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.place_all()
            except DatabaseUnavailable:
                log.info("placing waits for the database")
            try:
                async with asyncio.timeout(EVERY.total_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def place_all(self) -> None:
        """Place everything that waits, one file after another."""
        async with self._db.transaction() as session:
            waiting = await artifacts.unplaced(session)
        for artifact in waiting:
            await self._place(artifact)

    async def _place(self, artifact: Unplaced) -> None:
        if artifact.superseded:
            await self._settle(
                artifact, PublicState.BLOCKED, artifact.public_path, "a later transcription replaced it"
            )
            return
        first = artifact.public_path
        for target in (first, second_choice(first, artifact.source)):
            try:
                taken = await self._put(artifact, target)
            except PublicNameTaken as exc:
                await self._settle(artifact, PublicState.BLOCKED, target, f"{exc.code}: {exc.message}")
                return
            except DatabaseUnavailable:
                raise
            except ArchivistError as exc:
                log.warning("not placed yet", extra={"kind": artifact.kind, "code": exc.code, "detail": exc.message})
                async with self._db.transaction() as session:
                    await artifacts.note(session, artifact, f"{exc.code}: {exc.message}")
                return
            if not taken:
                await self._settle(artifact, PublicState.PLACED, target)
                return
        await self._settle(artifact, PublicState.BLOCKED, first, "both names belong to other recordings")

    async def _put(self, artifact: Unplaced, target: Path) -> bool:
        """Place one file. True when the name belongs to another recording of the same base name."""
        server = next((server for server in self._storages.servers if target.is_relative_to(server.path)), None)
        held = await self._held(target, server)
        async with self._db.transaction() as session:
            writer = None if held is None else await artifacts.writer_of(session, target, held)
        if writer not in (None, (artifact.storage, artifact.source)):
            return True
        ours = frozenset({held} if held is not None and writer is not None else ())
        if server is None:
            await asyncio.to_thread(files.make_folder, target.parent)
            await asyncio.to_thread(
                partial(files.place, artifact.path, artifact.sha256, target, ours=ours.__contains__)
            )
        else:
            await self._storages.place(
                server,
                str(target.relative_to(server.path)),
                source=artifact.path,
                sha256=artifact.sha256,
                ours=ours,
                deadline=self._deadline,
            )
        return False

    async def _held(self, target: Path, server: StorageServer | None) -> str | None:
        """Hash of what stands under a name; None when nothing does. A mount that may hang is asked of a child."""
        try:
            if server is None:
                return (await asyncio.to_thread(files.digest, target)).sha256
            path = str(target.relative_to(server.path))
            return (await self._storages.digest(server, path, self._deadline)).sha256
        except FileMissing:
            return None

    async def _settle(self, artifact: Unplaced, state: PublicState, path: Path, error: str | None = None) -> None:
        async with self._db.transaction() as session:
            await artifacts.settle(session, artifact, state, path, error)
        log.info(
            "placed" if state is PublicState.PLACED else "not placed", extra={"kind": artifact.kind, "why": error}
        )
