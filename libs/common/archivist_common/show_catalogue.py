"""Cablecast's shows as the last sync saw them: what search and suggestions are served from."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.matching import Candidate
from archivist_common.models import CablecastShow

_MOST = 50_000


async def candidates(session: AsyncSession) -> Sequence[Candidate]:
    """Every show that is still there, newest first, as matching takes them."""
    rows = await session.execute(
        select(
            CablecastShow.cablecast_id,
            CablecastShow.title,
            CablecastShow.cg_title,
            CablecastShow.event_date,
            CablecastShow.created_date,
            CablecastShow.runtime,
            CablecastShow.local_id,
            CablecastShow.files,
            CablecastShow.project,
        )
        .where(CablecastShow.gone_at.is_(None))
        .order_by(CablecastShow.cablecast_id.desc())
        .limit(_MOST)
    )
    return [
        Candidate(
            id=row.cablecast_id,
            title=row.title,
            cg_title=row.cg_title,
            event_date=row.event_date,
            created=None if row.created_date is None else row.created_date.date(),
            length_s=row.runtime,
            local_id=row.local_id,
            files=tuple(row.files),
            place=row.project,
        )
        for row in rows
    ]
