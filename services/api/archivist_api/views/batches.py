"""Batches with the estimates of their jobs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_api.schemas.batches import Batch, BatchHead
from archivist_api.views.presentation import Presentation
from archivist_common.jobs import batches
from archivist_common.jobs.batches import BatchView
from archivist_common.jobs.estimates import Forecast


async def current(how: Presentation, session: AsyncSession, batch_id: UUID) -> Batch:
    """A batch of any user."""
    return await one(how, session, await batches.get(session, batch_id, user_id=None))


async def one(how: Presentation, session: AsyncSession, batch: BatchView) -> Batch:
    return Batch.whole(batch, (await _forecast(how, session, [batch])).of, how.redact)


async def several(how: Presentation, session: AsyncSession, found: Sequence[BatchView]) -> list[BatchHead]:
    forecast = await _forecast(how, session, found)
    return [BatchHead.of(batch, forecast.of) for batch in found]


async def _forecast(how: Presentation, session: AsyncSession, found: Sequence[BatchView]) -> Forecast:
    return Forecast() if all(batch.has_ended for batch in found) else await how.estimates.recent(session)
