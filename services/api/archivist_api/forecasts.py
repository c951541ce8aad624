"""When jobs will start and end, for answers: asked of the database with what was learned in the last minute."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import estimates
from archivist_common.estimates import Forecast, Learned
from archivist_common.transcriptions import Reading

_FRESH_S = 60.0


class Forecasts:
    """Remembers what completed recordings teach. One per process."""

    def __init__(self) -> None:
        self._learned = Learned()
        self._until = 0.0

    async def now(self, session: AsyncSession) -> Forecast:
        clock = asyncio.get_running_loop().time()
        if clock >= self._until:
            self._learned = await estimates.learn(session)
            self._until = clock + _FRESH_S
        return await estimates.read(session, self._learned)

    async def of(self, session: AsyncSession, jobs: Sequence[Reading]) -> Forecast:
        """The forecast, where any of these jobs has a future."""
        return await self.now(session) if any(not job.now.has_ended for job in jobs) else Forecast()
