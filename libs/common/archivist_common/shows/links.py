"""Links of recordings to Cablecast shows: found by a rule or chosen by a user. A user's choice is never overruled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import ShowLink


@dataclass(frozen=True, slots=True)
class RecordingLink:
    """A recording's show. score: 0 to 100, None where a user chose it. reasons: in words for a user."""

    show_id: int
    score: int | None
    reasons: tuple[str, ...]
    linked_by: int | None
    linked: datetime

    @property
    def by_person(self) -> bool:
        return self.score is None


async def of_recording(session: AsyncSession, storage: str, path: str) -> RecordingLink | None:
    row = await session.get(ShowLink, (storage, path), populate_existing=True)
    if row is None:
        return None
    return RecordingLink(row.cablecast_id, row.score, tuple(row.reasons), row.linked_by, row.linked_date)


async def link_by_rule(
    session: AsyncSession, storage: str, path: str, show_id: int, score: int, reasons: Sequence[str]
) -> None:
    """Store what a rule found, unless a user has chosen."""
    values = {"cablecast_id": show_id, "score": score, "reasons": list(reasons), "linked_date": database_now()}
    await session.execute(
        insert(ShowLink)
        .values(storage=storage, file_path=path, **values)
        .on_conflict_do_update(
            index_elements=["storage", "file_path"], set_=values, where=ShowLink.score.is_not(None)
        )
    )


async def link(session: AsyncSession, storage: str, path: str, show_id: int, *, user_id: int) -> None:
    """Store a user's choice."""
    values = {
        "cablecast_id": show_id,
        "score": None,
        "reasons": ["chosen by a user"],
        "linked_by": user_id,
        "linked_date": database_now(),
    }
    await session.execute(
        insert(ShowLink)
        .values(storage=storage, file_path=path, **values)
        .on_conflict_do_update(index_elements=["storage", "file_path"], set_=values)
    )


async def unlink(session: AsyncSession, storage: str, path: str) -> bool:
    """Delete the link, whoever made it. False where there was none."""
    deleted = await session.scalar(
        delete(ShowLink)
        .where(ShowLink.storage == storage, ShowLink.file_path == path)
        .returning(ShowLink.cablecast_id)
    )
    return deleted is not None
