"""Rows counted in one transaction, once the schema is ours; after a failure no gauge keeps an old value."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database import migrate
from archivist_common.database.engine import Database

T = TypeVar("T")


async def snapshot(db: Database, query: Callable[[AsyncSession], Awaitable[T]], *, forget: Callable[[], None]) -> T:
    """What `query` reads in one transaction. forget: clears the gauges that its result fills.

    On any failure, a timeout of the check included, `forget` is called: old values are not exported any more.
    Raises DatabaseUnavailable, and SchemaMismatch where there are no tables to count in yet.
    """
    try:
        await migrate.check(db)
        async with db.transaction() as session:
            return await query(session)
    except BaseException:
        forget()
        raise
