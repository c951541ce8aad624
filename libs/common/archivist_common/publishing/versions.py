"""Caption versions of a publication, as functions of a session: which one it has, the next one, the one before."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.models import CaptionVersion, Publication
from archivist_common.publishing.updates import change, mirrored
from archivist_common.states import PublicationStatus, VodStatus


async def is_present(session: AsyncSession, row: Publication, sha256: str) -> bool:
    """Whether the publication's present version has these captions, to the byte."""
    present = await session.scalar(
        select(CaptionVersion.sha256).where(
            CaptionVersion.publication_id == row.id, CaptionVersion.number == row.version
        )
    )
    return present == sha256


async def all_of(session: AsyncSession, publication_id: UUID) -> Mapping[int, CaptionVersion]:
    """By number."""
    rows = await session.scalars(select(CaptionVersion).where(CaptionVersion.publication_id == publication_id))
    return {one.number: one for one in rows}


def before(versions: Mapping[int, CaptionVersion], present: CaptionVersion) -> CaptionVersion | None:
    """The version before this one; None where there is none. Before a return came what was before its original, so
    that two rollbacks go two versions back."""
    one = present
    while one.sha256 == present.sha256:
        if one.restores is not None and one.restores in versions:
            one = versions[one.restores]
        elif one.number - 1 in versions:
            one = versions[one.number - 1]
        else:
            return None
    return one


async def add(
    session: AsyncSession,
    publication_id: UUID,
    sha256: str,
    path: str,
    job_id: UUID | None,
    *,
    restores: int | None = None,
) -> int:
    """The next version, which is wanted from now on; its number. restores: the version it is a return to."""
    last = await session.scalar(
        select(func.max(CaptionVersion.number)).where(CaptionVersion.publication_id == publication_id)
    )
    number = (last or 0) + 1
    await session.execute(
        insert(CaptionVersion).values(
            publication_id=publication_id,
            number=number,
            transcription_id=job_id,
            sha256=sha256,
            path=path,
            restores=restores,
            created_date=database_now(),
        )
    )
    await change(session, publication_id, version=number)
    return number


async def move(session: AsyncSession, row: Publication, job_id: UUID) -> None:
    """The same captions are now another transcription's, which made them to the byte."""
    await change(session, row.id, transcription_id=job_id)
    await session.execute(
        update(CaptionVersion)
        .where(CaptionVersion.publication_id == row.id, CaptionVersion.number == row.version)
        .values(transcription_id=job_id)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row)
    if row.status == PublicationStatus.PUBLISHED:
        await mirrored(session, row, VodStatus.PUBLISHED)
