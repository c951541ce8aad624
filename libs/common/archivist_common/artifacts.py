"""The files a job made: where the committed copy lies, and whether it stands under its public name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.models import Artifact, Transcription
from archivist_common.states import JobStatus, PublicState

MAX_COLUMN = 500
"""Characters of `scc_file_path` and its like; a longer path stands in `artifacts` alone."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file staged under an attempt-unique path, and the name people will look for."""

    kind: str
    path: Path
    sha256: str
    size_bytes: int
    public_path: Path


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A committed file that does not stand under its public name yet."""

    id: int
    transcription_id: UUID
    kind: str
    path: Path
    sha256: str
    public_path: Path
    storage: str
    source: str
    superseded: bool
    """A later transcription of the same recording has made this file anew."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A committed file, as the API speaks of it."""

    kind: str
    path: Path
    sha256: str
    size_bytes: int
    public_path: Path
    public_state: PublicState
    public_error: str | None


async def of_transcription(session: AsyncSession, transcription_id: UUID) -> Sequence[Stored]:
    rows = await session.scalars(
        select(Artifact).where(Artifact.transcription_id == transcription_id).order_by(Artifact.id)
    )
    return [stored(row) for row in rows]


def stored(row: Artifact) -> Stored:
    return Stored(
        row.kind,
        Path(row.path),
        row.sha256,
        row.size_bytes,
        Path(row.public_path),
        PublicState(row.public_state),
        row.public_error,
    )


async def made_by(session: AsyncSession, transcription_id: UUID, attempt: int) -> bool:
    """Whether this attempt's files are the job's result."""
    found = await session.scalar(
        select(Artifact.id).where(Artifact.transcription_id == transcription_id, Artifact.attempt == attempt).limit(1)
    )
    return found is not None


async def unplaced(session: AsyncSession, limit: int = 50) -> Sequence[Unplaced]:
    """Files still to be put under their public names, oldest first."""
    newer = (
        select(Artifact.id)
        .join_from(Artifact, Transcription)
        .where(Transcription.status == JobStatus.COMPLETED)
        .correlate(None)
    )
    rows = await session.execute(
        select(Artifact, Transcription.storage, Transcription.file_path, Transcription.completed_date)
        .join(Transcription, Transcription.id == Artifact.transcription_id)
        .where(Artifact.public_state == PublicState.PENDING, Transcription.status == JobStatus.COMPLETED)
        .order_by(Artifact.id)
        .limit(limit)
    )
    result = []
    for row, storage, source, completed in rows:
        later = await session.scalar(
            newer.where(
                Artifact.kind == row.kind,
                tuple_(Transcription.storage, Transcription.file_path) == (storage, source),
                Transcription.completed_date > completed,
            ).limit(1)
        )
        result.append(
            Unplaced(
                row.id,
                row.transcription_id,
                row.kind,
                Path(row.path),
                row.sha256,
                Path(row.public_path),
                storage,
                source,
                superseded=later is not None,
            )
        )
    return result


async def writer_of(session: AsyncSession, public_path: Path, sha256: str) -> tuple[str, str] | None:
    """(storage, path) of the recording for which Archivist wrote a file of this content here; None if it did not."""
    row = (
        await session.execute(
            select(Transcription.storage, Transcription.file_path)
            .join(Artifact, Artifact.transcription_id == Transcription.id)
            .where(Artifact.public_path == str(public_path), Artifact.sha256 == sha256)
            .order_by(Artifact.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


async def settle(
    session: AsyncSession, artifact: Unplaced, state: PublicState, public_path: Path, error: str | None = None
) -> None:
    """Say where a file stands now, or why it cannot stand there."""
    await session.execute(
        update(Artifact)
        .where(Artifact.id == artifact.id)
        .values(public_state=state, public_path=str(public_path), public_error=error)
    )
    column = {"scc": "scc_file_path", "summary": "summary_file_path", "metadata": "metadata_file_path"}.get(
        artifact.kind
    )
    if state is PublicState.PLACED and column is not None and len(str(public_path)) <= MAX_COLUMN:
        await session.execute(
            update(Transcription)
            .where(Transcription.id == artifact.transcription_id)
            .values({column: str(public_path)})
        )


async def note(session: AsyncSession, artifact: Unplaced, error: str) -> None:
    """A file that could not be placed this time; it stays to be tried again."""
    await session.execute(update(Artifact).where(Artifact.id == artifact.id).values(public_error=error))
