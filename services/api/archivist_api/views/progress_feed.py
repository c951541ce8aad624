"""Progress of the jobs that clients watch: one query per round for all watchers of this process."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from archivist_common.database.engine import Database
from archivist_common.errors import DatabaseUnavailable, TooManyAttempts
from archivist_common.jobs import queries
from archivist_common.jobs.queries import JobProgress
from archivist_common.observability.outage import Outage

log = logging.getLogger(__name__)

_EVERY_S = 0.5
_MOST = 200  # watchers of one process
_MOST_OF_ONE = 10  # watchers of one user
_PING_S = 15.0
_RETRY_AFTER_S = 5


class Watch:
    """One watcher's view of a job. `latest` is None once the job is deleted."""

    def __init__(self, now: JobProgress) -> None:
        self.transcription_id = now.id
        self.latest: JobProgress | None = now
        self._changed = asyncio.Event()

    async def changed(self, within_s: float) -> bool:
        """Whether the job changed within this many seconds; returns as soon as it does."""
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def update(self, latest: JobProgress | None) -> None:
        if latest != self.latest:
            self.latest = latest
            self._changed.set()

    def wake(self) -> None:
        self._changed.set()


class ProgressFeed:
    """Keeps watches up to date. Open it once per process; `run` belongs to the lifespan."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._watches: set[Watch] = set()
        self._by_user: Counter[int] = Counter()
        self._seats = 0
        self._wanted = asyncio.Event()
        self.stopping = asyncio.Event()
        self.most, self.most_of_one = _MOST, _MOST_OF_ONE
        self.ping_s = _PING_S
        """How long a stream may be silent, and how often its caller's permissions are checked again."""

    @property
    def watching(self) -> int:
        """Watchers now."""
        return len(self._watches) + self._seats

    def require_room(self, user_id: int) -> None:
        """Raises TooManyAttempts when this process or this user has as many watchers as it may."""
        if self.watching >= self.most or self._by_user[user_id] >= self.most_of_one:
            raise TooManyAttempts("too many event streams are open; close one, or retry later", _RETRY_AFTER_S)

    @contextmanager
    def watch(self, now: JobProgress, user_id: int) -> Iterator[Watch]:
        """A view that follows the job, from `now` on."""
        watch = Watch(now)
        self._watches.add(watch)
        self._by_user[user_id] += 1
        self._wanted.set()
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            self._by_user[user_id] -= 1
            if not self._watches:
                self._wanted.clear()

    @contextmanager
    def seat(self, user_id: int) -> Iterator[None]:
        """A place among the watchers for a caller that polls by itself. Raises TooManyAttempts."""
        self.require_room(user_id)
        self._seats += 1
        self._by_user[user_id] += 1
        try:
            yield
        finally:
            self._seats -= 1
            self._by_user[user_id] -= 1

    def stop(self) -> None:
        """The process is ending: every watcher is woken and finds `stopping` set."""
        self.stopping.set()
        for watch in self._watches:
            watch.wake()

    async def until_moved(self, job: JobProgress, user_id: int, seconds: float) -> None:
        """Return when the job's status or stage changes, when the process ends, or after so many seconds.

        Raises TooManyAttempts.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        self.require_room(user_id)
        with self.watch(job, user_id) as watch:
            while (left := until - clock()) > 0 and not self.stopping.is_set():
                await watch.changed(left)
                if watch.latest is None or (watch.latest.status, watch.latest.stage) != (job.status, job.stage):
                    return

    async def run(self) -> None:
        """Poll for ever, while anybody watches. A database that is unavailable is waited for, and logged once."""
        database = Outage(log, "database", meanwhile="event streams wait")
        while True:
            await self._wanted.wait()
            with database.tolerated(DatabaseUnavailable):
                await self._round()
            await asyncio.sleep(_EVERY_S)

    async def _round(self) -> None:
        ids = {watch.transcription_id for watch in self._watches}
        async with self._db.transaction() as session:
            found = await queries.progress(session, ids)
        for watch in list(self._watches):
            if watch.transcription_id in ids:
                watch.update(found.get(watch.transcription_id))
