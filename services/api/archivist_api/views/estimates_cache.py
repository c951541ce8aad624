"""When jobs will start and finish, for responses: read from the database no more often than is of use."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.jobs import estimates
from archivist_common.jobs.estimates import Forecast, Learned

_LEARNED_S = 60.0  # what completed recordings teach changes slowly
_RECENT_S = 1.0  # however many callers read their jobs, the queue is read once a second


class EstimatesCache:
    """Keeps the last forecast for a moment. One per process."""

    def __init__(self) -> None:
        self._learned = Learned()
        self._last = Forecast()
        self._learn_at = self._read_at = 0.0

    async def now(self, session: AsyncSession) -> Forecast:
        """As the queue is in this transaction: for a caller who has just changed it."""
        clock = asyncio.get_running_loop().time()
        if clock >= self._learn_at:
            self._learned = await estimates.learn(session)
            self._learn_at = clock + _LEARNED_S
        self._last = await estimates.read(session, self._learned)
        self._read_at = clock + _RECENT_S
        return self._last

    async def recent(self, session: AsyncSession) -> Forecast:
        """As the queue was at most a second ago."""
        return self._last if asyncio.get_running_loop().time() < self._read_at else await self.now(session)

    def forget(self) -> None:
        """Read everything anew the next time."""
        self._learn_at = self._read_at = 0.0
