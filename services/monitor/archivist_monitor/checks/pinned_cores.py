"""Which cores of this machine transcriber slots are pinned to, as the workers report it."""

from sqlalchemy import select

from archivist_common.database import migrate
from archivist_common.database.engine import Database
from archivist_common.database.models import Worker
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch
from archivist_common.jobs.workers import is_live, machine_id


class PinnedCores:
    """Core numbers of the live workers on this machine. While the database is unavailable: as known last."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: frozenset[int] = frozenset()

    async def __call__(self) -> frozenset[int]:
        try:
            await migrate.check(self._db)
            async with self._db.transaction() as session:
                details = await session.scalars(
                    select(Worker.details).where(
                        Worker.details["machine"].as_string() == machine_id(),
                        is_live(),
                    )
                )
                self._known = frozenset(core for each in details for slot in each.get("cores", ()) for core in slot)
        except (DatabaseUnavailable, SchemaMismatch):
            return self._known
        return self._known
