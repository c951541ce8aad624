"""Copies Cablecast's shows and VODs into ours: all of them once a day, what changed every quarter of an hour.

A run, scheduled or requested, is read page by page (`run.py`). None is begun while publishing waits: a server that is
unavailable or stopped gets no request, and the run waits for it.
"""

import asyncio
import logging
from datetime import timedelta

from archivist_common.database import migrate
from archivist_common.database.engine import Database
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch
from archivist_common.publishing import targets
from archivist_common.settings import VodSettings
from archivist_vod.cablecast.publisher import CablecastPublisher
from archivist_vod.cablecast.sync import runs
from archivist_vod.cablecast.sync.run import Sync
from archivist_vod.cablecast.sync.source import Source
from archivist_vod.targets.interface import BackgroundLoop

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""A run that has not moved for so long is taken over. A page takes REQUEST_TIMEOUT at the most."""

_POLL_S = 5.0


def loops(
    settings: VodSettings, db: Database, target: str, publisher: CablecastPublisher
) -> tuple[BackgroundLoop, ...]:
    """The syncs of a target; none where the settings name no user, as shows are then not to be read."""
    if settings.cablecast_login is None:
        return ()
    every, full_every = settings.cablecast_sync_interval, settings.cablecast_full_sync_interval
    return (SyncSchedule(db, target, Source(publisher.catalogue), every=every, full_every=full_every).run,)


class SyncSchedule:
    """The syncs of one target. `run` owns them until it is cancelled.

    every: between two reads of what changed; 0: only when somebody asks. full_every: between two whole ones.
    """

    def __init__(
        self,
        db: Database,
        target: str,
        source: Source,
        *,
        every: timedelta,
        full_every: timedelta,
        lease: timedelta = LEASE,
    ) -> None:
        self._db = db
        self._target = target
        self.source = source
        self._every = every
        self._full_every = full_every
        self._lease = lease

    async def run(self) -> None:
        """For ever, through any outage of the database."""
        while True:
            try:
                await migrate.check(self._db)
                while await self.round():
                    pass
            except (DatabaseUnavailable, SchemaMismatch) as exc:
                log.debug("database unavailable; waiting", extra={"why": exc.message})
            except Exception:
                log.exception("sync failed unexpectedly")
                self.source.rest(60)
            await asyncio.sleep(_POLL_S)

    async def round(self) -> bool:
        """Bring one run as far as it goes. False when none is due, or the target is not to be asked now."""
        if self.source.rests:
            return False
        async with self._db.transaction() as session:
            target = next((one for one in await targets.all_of(session) if one.name == self._target), None)
            if target is None:  # not reported yet
                return False
            if self._every:
                await runs.schedule(session, self._target, self._every, self._full_every)
            if target.state in {"stopped", "away"}:
                return False
            run = await runs.claim(session, self._target, self._lease)
        if run is None:
            return False
        await Sync(self._db, self.source, run).work()
        return True
