"""Who may change a publication: its owner, whose captions of the recording were published first, and operators.

Anyone who has a transcription of the recording may read it (`queries`). `only`: the user who may change no more than
their own; None for operators and for the system itself.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import Publication, Transcription
from archivist_common.errors import PermissionDenied


def readable_by(user_id: int) -> ColumnElement[bool]:
    """Of publications: those of this user, and those of recordings that this user has a transcription of."""
    theirs = (
        select(Transcription.id)
        .where(
            Transcription.storage == Publication.storage,
            Transcription.file_path == Publication.file_path,
            Transcription.user_id == user_id,
        )
        .exists()
    )
    return or_(Publication.owner_id == user_id, theirs)


async def require(session: AsyncSession, row: Publication, only: int | None) -> None:
    """Raises PermissionDenied where `only` is not the owner."""
    if only is not None and await owner_of(session, row) != only:
        raise PermissionDenied(
            "this recording's publication is another user's: it can be changed by them or by an operator"
        )


def require_not_withdrawn(row: Publication, only: int | None) -> None:
    """Raises PermissionDenied where an operator has taken it off and `only` would put it back."""
    if only is not None and row.withdrawn_by_operator:
        raise PermissionDenied("an operator has withdrawn this publication: an operator has to publish it again")


async def require_of_recording(session: AsyncSession, storage: str, path: str, only: int | None) -> None:
    """For what changes its publications by changing the recording, as its show does. Raises PermissionDenied."""
    await _require_all(session, and_(Publication.storage == storage, Publication.file_path == path), only)


async def require_of_transcription(session: AsyncSession, transcription_id: UUID, only: int | None) -> None:
    """For what changes the publications of its captions, as its chapters do. Raises PermissionDenied."""
    await _require_all(session, Publication.transcription_id == transcription_id, only)


async def _require_all(session: AsyncSession, which: ColumnElement[bool], only: int | None) -> None:
    if only is not None:
        for row in (await session.scalars(select(Publication).where(which))).all():
            await require(session, row, only)


async def owner_of(session: AsyncSession, row: Publication) -> int | None:
    """Of one that the version before wrote, whose transcription it carries."""
    if row.owner_id is not None:
        return row.owner_id
    owner: int | None = await session.scalar(
        select(Transcription.user_id).where(Transcription.id == row.transcription_id)
    )
    return owner
