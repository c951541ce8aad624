"""Who meets at this station: the settings' bodies and what the synced shows teach, learnt anew after a sync."""

import asyncio
from collections.abc import Mapping, Sequence

from archivist_common.database.engine import Database
from archivist_common.shows import bodies, queries, sync_runs
from archivist_common.shows.bodies import Bodies
from archivist_common.shows.sync_runs import SyncKind


class StationBodies:
    """Of one process; kept until a sync has changed a show. configured: MEETING_BODIES (decision 0020)."""

    def __init__(self, configured: Mapping[str, Sequence[str]] | None = None) -> None:
        self._configured = configured or {}
        self._learnt_from: int | None = None
        self._bodies: Bodies | None = None

    async def known(self, db: Database) -> Bodies:
        async with db.transaction() as session:
            run = await sync_runs.last_change(session, SyncKind.SHOWS)
            if self._bodies is not None and run == self._learnt_from:
                return self._bodies
            titles = await queries.title_counts(session)
        learnt = await asyncio.to_thread(bodies.learn, titles)
        self._learnt_from, self._bodies = run, bodies.merged(self._configured, learnt)
        return self._bodies
