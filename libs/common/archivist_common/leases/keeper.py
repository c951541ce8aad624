"""A lease kept while work runs: renewed in time, known to be fresh before anything is changed elsewhere."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from archivist_common.errors import DatabaseUnavailable, Fenced

RENEWALS = 3.75
"""In a lease: every 8 s of 30 s, so that two may fail before it expires."""
FRESH = timedelta(seconds=10)
"""No effect unless it was renewed so recently (reliability protocol, step 5)."""


class LeaseKeeper:
    """When a claim's lease was last renewed. A renewal counts from when it was requested: so long it holds for sure.

    every: the longest pause between two renewals. fresh: for how long after one something may be changed elsewhere.
    Both are shorter for a short lease. clock: seconds, never going back.
    """

    def __init__(
        self,
        lease: timedelta,
        *,
        every: timedelta = timedelta.max,
        fresh: timedelta = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = min(every, lease / RENEWALS).total_seconds()
        self._fresh_s = min(fresh, lease / 3).total_seconds()
        self._clock = clock
        self._renewed = clock()
        self._is_lost = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to renew the lease."""
        return self._clock() - self._renewed >= self._every_s

    @property
    def is_fresh(self) -> bool:
        """Whether the lease was renewed recently enough to change something elsewhere."""
        return not self._is_lost and self._clock() - self._renewed <= self._fresh_s

    def require(self) -> None:
        """Raises Fenced unless the lease is fresh."""
        if not self.is_fresh:
            raise Fenced("the lease was not renewed in time; nothing more is changed elsewhere")

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """The block renews the lease, by itself or together with other writes."""
        requested = self._clock()
        try:
            yield
        except Fenced:
            self._is_lost = True
            raise
        self._renewed = requested

    @asynccontextmanager
    async def kept(self, renew: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """The lease is renewed while the block runs, through any outage of the database. A lost one raises Fenced."""
        working = asyncio.current_task()
        lost: list[Fenced] = []

        async def keep() -> None:
            while True:
                await asyncio.sleep(self._every_s)
                try:
                    async with self.renewing():
                        await renew()
                except DatabaseUnavailable:
                    continue  # it is no longer fresh soon
                except Fenced as exc:
                    lost.append(exc)
                    if working is not None:
                        working.cancel()
                    return

        keeping = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if lost and working is not None:
                working.uncancel()
                raise lost[0] from None
            raise
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
