"""Places committed files under their public names, and retries where a disk was unavailable or full.

Nothing here is lost when it fails: the committed copy is in the vault, the reason is on the row and in the API.
While a place refuses a file, a copy is kept in the first output folder that takes it.

Every storage server and output folder has a lane of its own: one that hangs delays no other's files.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.errors import (
    ArchivistError,
    DatabaseUnavailable,
    FileMissing,
    PublicNameTaken,
    StorageError,
)
from archivist_common.jobs import artifacts
from archivist_common.jobs.artifacts import PendingFile
from archivist_common.observability.outage import Outage
from archivist_common.states import PublicState
from archivist_common.storage.client import StorageClient, StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_transcriber.outputs.cleanup import LEFT_FOR
from archivist_transcriber.outputs.paths import beneath_output, second_choice

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)
_REFUSALS = 3  # of a place in one round: then it is left alone until the next. One may be a single file's matter.
_PAGE = 50
_SWEEP_EVERY_S = 3600.0
_SWEEP_DEADLINE = timedelta(minutes=1)
_NOWHERE = "it belongs beneath no storage server and no output folder of this machine's settings"


@dataclass(slots=True)
class _Lane:
    """A folder that files are placed beneath. `resume`: where the next round goes on with those refused before."""

    home: StorageServer
    deeper: tuple[Path, ...]
    """Other lanes' folders that lie beneath this one."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    resume: int = 0
    swept: float | None = None

    @property
    def is_written(self) -> bool:
        return self.home.is_output or self.home.beside


class Placer:
    """Places files as they are committed, and again every thirty seconds what could not be placed.

    output, fallback: where a copy is kept while a file's place refuses it, in this order.
    """

    def __init__(
        self, db: Database, storages: StorageClient, deadline: timedelta, output: Path, fallback: Path | None = None
    ) -> None:
        self._db = db
        self._storages = storages
        self._deadline = deadline
        folders = {"output folder": output} | ({} if fallback is None else {"output fallback": fallback})
        outputs = [StorageServer(name, path, kind=MountKind.FOLDER, is_output=True) for name, path in folders.items()]
        homes = {server.path: server for server in (*storages.servers, *outputs)}
        self._lanes = [
            _Lane(home, tuple(other for other in homes if path in other.parents)) for path, home in homes.items()
        ]
        self._outputs = [lane for lane in self._lanes if lane.home.is_output]
        self._database = Outage(log, "database", meanwhile="placing waits")

    def wake(self) -> None:
        """There are files to place."""
        for lane in self._lanes:
            lane.wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._work(lane))
            group.create_task(self._say_homeless())

    async def _work(self, lane: _Lane) -> None:
        while True:
            lane.wake.clear()
            with self._database.tolerated(DatabaseUnavailable):
                await self._round(lane)
            await self._sweep(lane)
            try:
                async with asyncio.timeout(EVERY.total_seconds()):
                    await lane.wake.wait()
            except TimeoutError:
                continue

    async def _round(self, lane: _Lane) -> None:
        """New files first: each is placed, or a copy kept elsewhere. Then those refused before, while that works."""
        refusals = list[StorageError]()
        after = 0
        while waiting := await self._waiting(lane, after, tried=False):
            for artifact in waiting:
                known = refusals[-1] if len(refusals) >= _REFUSALS else None
                refusal = known or await self._place(lane, artifact)
                if refusal is not None:
                    refusals.append(refusal)
                    await self._stand_in(lane, artifact, refusal)
            after = waiting[-1].id
        while waiting := await self._waiting(lane, lane.resume, tried=True):
            for artifact in waiting:
                if len(refusals) >= _REFUSALS:
                    return
                lane.resume = artifact.id
                refusal = await self._place(lane, artifact)
                if refusal is not None:
                    refusals.append(refusal)
                    await self._stand_in(lane, artifact, refusal)
        lane.resume = 0

    async def _waiting(self, lane: _Lane, after: int, *, tried: bool) -> list[PendingFile]:
        async with self._db.transaction() as session:
            found = await artifacts.pending(
                session, _PAGE, after=after, tried=tried, beneath=lane.home.path, but_not=lane.deeper
            )
        return list(found)

    async def _say_homeless(self) -> None:
        """Files whose place is known no more, the settings having changed, are named as such, once."""
        homes = [lane.home.path for lane in self._lanes]
        with self._database.tolerated(DatabaseUnavailable):
            async with self._db.transaction() as session:
                for artifact in await artifacts.pending(session, _PAGE, tried=False, but_not=homes):
                    await artifacts.note(session, artifact, _NOWHERE)

    async def _place(self, lane: _Lane, artifact: PendingFile) -> StorageError | None:
        """Place a file for good, or say that it never will be. What the storage said, where it refused for now."""
        first = artifact.public_path
        if artifact.superseded:
            await self._settle(artifact, PublicState.BLOCKED, first, "a later transcription replaced it")
            return None
        for target in (first, second_choice(first, artifact.source)):
            try:
                taken = await self._put(lane, artifact, target)
            except PublicNameTaken as exc:
                await self._settle(artifact, PublicState.BLOCKED, target, f"{exc.code}: {exc.message}")
                return None
            except DatabaseUnavailable:
                raise
            except StorageError as exc:
                return exc
            except ArchivistError as exc:
                await self._note(artifact, f"{exc.code}: {exc.message}")
                return None
            if not taken:
                await self._settle(artifact, PublicState.PLACED, target)
                if artifact.error is not None:
                    await self._clear(artifact, target)
                return None
        await self._settle(artifact, PublicState.BLOCKED, first, "both names belong to other recordings")
        return None

    async def _put(self, lane: _Lane, artifact: PendingFile, target: Path) -> bool:
        """Place one file. True when the name belongs to another recording of the same base name."""
        path = str(target.relative_to(lane.home.path))
        try:
            held = (await self._storages.digest(lane.home, path, self._deadline)).sha256
        except FileMissing:
            held = None
        writer = None
        if held is not None:
            async with self._db.transaction() as session:
                writer = await artifacts.writer_of(session, target, held)
                if writer is None and target != artifact.public_path and lane.home.is_output:
                    writer = await artifacts.stood_in_for(session, artifact, held)
        if writer not in (None, (artifact.storage, artifact.source)):
            return True
        await self._storages.place(
            lane.home,
            path,
            source=artifact.path,
            sha256=artifact.sha256,
            ours=() if held is None or writer is None else (held,),
            deadline=self._deadline,
        )
        return False

    async def _stand_in(self, lane: _Lane, artifact: PendingFile, refusal: StorageError) -> None:
        """A copy where it can be found meanwhile, and a word on the row of why, and where."""
        why = f"{refusal.code}: {refusal.message}"
        for output in self._outputs:
            if output is lane:
                continue
            copy = await self._copy(output, artifact)
            if copy is not None:
                why += f"; until it can be placed, a copy stands at {str(copy)!r}"
                break
        await self._note(artifact, why)

    async def _copy(self, output: _Lane, artifact: PendingFile) -> Path | None:
        for target in self._names(output, artifact):
            try:
                if not await self._put(output, artifact, target):
                    return target
            except DatabaseUnavailable:
                raise
            except ArchivistError as exc:
                log.info("no copy stands in", extra={"kind": artifact.kind, "code": exc.code, "detail": exc.message})
                return None
        return None

    async def _clear(self, artifact: PendingFile, placed: Path) -> None:
        """Remove what stood in for a file that has been placed, unless it is another one's for good."""
        for output in self._outputs:
            for target in self._names(output, artifact):
                async with self._db.transaction() as session:
                    if target == placed or await artifacts.is_placed(session, target):
                        continue
                path = str(target.relative_to(output.home.path))
                try:
                    await self._storages.remove(output.home, path, artifact.sha256, self._deadline)
                except ArchivistError as exc:
                    log.info("a copy was left", extra={"kind": artifact.kind, "why": exc.message})

    @staticmethod
    def _names(output: _Lane, artifact: PendingFile) -> tuple[Path, Path]:
        """The names of a file's temporary copy in an output folder."""
        first = output.home.path / beneath_output(artifact.storage, artifact.source, artifact.kind)
        return first, second_choice(first, artifact.source)

    async def _note(self, artifact: PendingFile, why: str) -> None:
        if artifact.error == why:
            return
        if artifact.error is None:
            log.warning("not placed yet", extra={"kind": artifact.kind, "why": why})
        async with self._db.transaction() as session:
            await artifacts.note(session, artifact, why)

    async def _settle(self, artifact: PendingFile, state: PublicState, path: Path, error: str | None = None) -> None:
        if state is PublicState.PLACED:
            failpoints.reach("file-placed")
        async with self._db.transaction() as session:
            await artifacts.set_public_state(session, artifact, state, path, error)
        log.info(
            "placed" if state is PublicState.PLACED else "not placed", extra={"kind": artifact.kind, "why": error}
        )

    async def _sweep(self, lane: _Lane) -> None:
        """Once an hour: temporary files of helpers that were killed while they wrote."""
        now = time.monotonic()
        if not lane.is_written or (lane.swept is not None and now - lane.swept < _SWEEP_EVERY_S):
            return
        lane.swept = now
        try:
            await self._storages.sweep(lane.home, datetime.now(UTC) - LEFT_FOR, _SWEEP_DEADLINE)
        except ArchivistError as exc:
            log.info("not swept", extra={"storage": lane.home.name, "code": exc.code, "detail": exc.message})
