"""A database that dies once, just after a COMMIT: what was written counts, and whoever wrote it is not told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.engine import Database
from archivist_common.errors import DatabaseUnavailable


class LosesAnAnswer(Database):
    """The real one, but for one answer: the first after which a fact holds that did not before.

    hangs: that answer is waited for, for ever; else the connection is lost.
    """

    def __init__(self, db: Database, fact: Callable[[AsyncSession], Awaitable[bool]], *, hangs: bool = False) -> None:
        super().__init__(db._bind)
        self._fact = fact
        self._hangs = hangs
        self.has_lost = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
        if self.has_lost:
            return
        async with super().transaction() as session:
            self.has_lost = await self._fact(session)
        if self.has_lost and self._hangs:
            await asyncio.Event().wait()
        if self.has_lost:
            raise DatabaseUnavailable("the answer was lost")
