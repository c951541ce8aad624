"""When jobs will start and end, for answers: asked of the database, not more often than is of use."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.jobs import estimates
from archivist_common.jobs.estimates import Forecast, Learned

_LEARNED_S = 60.0  # what completed recordings teach changes slowly
_RECENT_S = 1.0  # however many ask how their jobs are, the queue is looked at once a second


class EstimatesCache:
    """Remembers what was found out a moment ago. One per process."""

    def __init__(self) -> None:
        self._learned = Learned()
        self._last = Forecast()
        self._learn_at = self._look_at = 0.0

    async def now(self, session: AsyncSession) -> Forecast:
        """As the queue is in this transaction: for answers to who has just changed it."""
        clock = asyncio.get_running_loop().time()
        if clock >= self._learn_at:
            self._learned = await estimates.learn(session)
            self._learn_at = clock + _LEARNED_S
        self._last = await estimates.read(session, self._learned)
        self._look_at = clock + _RECENT_S
        return self._last

    async def recent(self, session: AsyncSession) -> Forecast:
        """As the queue was at most a second ago."""
        return self._last if asyncio.get_running_loop().time() < self._look_at else await self.now(session)

    def forget(self) -> None:
        """Find everything out anew when next asked."""
        self._learn_at = self._look_at = 0.0
