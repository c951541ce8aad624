"""The files a job made: where the committed copy is, and whether it is placed under its public name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from archivist_common.database.models import Artifact, Transcription
from archivist_common.states import JobStatus, PublicState

MAX_COLUMN = 500
"""Characters of `scc_file_path` and its like; a longer path is in `artifacts` alone."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file staged under an attempt-unique path, and its public name."""

    kind: str
    path: Path
    sha256: str
    size_bytes: int
    public_path: Path


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A committed file that is not placed under its public name yet."""

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
    error: str | None = None
    """Why it could not be placed so far."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A committed file, as the API shows it."""

    kind: str
    path: Path
    sha256: str
    size_bytes: int
    public_path: Path
    public_state: PublicState
    public_error: str | None


async def of_transcription(session: AsyncSession, transcription_id: UUID) -> Sequence[StoredFile]:
    rows = await session.scalars(
        select(Artifact).where(Artifact.transcription_id == transcription_id).order_by(Artifact.id)
    )
    return [stored(row) for row in rows]


def stored(row: Artifact) -> StoredFile:
    return StoredFile(
        row.kind,
        Path(row.path),
        row.sha256,
        row.size_bytes,
        Path(row.public_path),
        PublicState(row.public_state),
        row.public_error,
    )


async def sample(session: AsyncSession, count: int) -> Sequence[tuple[UUID, StoredFile]]:
    """So many committed files, chosen at random, each with its transcription."""
    rows = await session.scalars(select(Artifact).order_by(func.random()).limit(count))
    return [(row.transcription_id, stored(row)) for row in rows]


async def made_by(session: AsyncSession, transcription_id: UUID, attempt: int) -> bool:
    """Whether this attempt's files are the job's result."""
    found = await session.scalar(
        select(Artifact.id).where(Artifact.transcription_id == transcription_id, Artifact.attempt == attempt).limit(1)
    )
    return found is not None


async def pending(
    session: AsyncSession,
    limit: int = 50,
    *,
    after: int = 0,
    tried: bool | None = None,
    beneath: Path | None = None,
    but_not: Sequence[Path] = (),
) -> Sequence[PendingFile]:
    """Files still to be put under their public names, oldest first.

    after: the id of the last one seen. tried: only those that a place refused before, or only those that are new.
    beneath, but_not: only those whose public name lies beneath the one folder and none of the others.
    """
    newer_file, newer_job = aliased(Artifact), aliased(Transcription)
    superseded = (
        select(newer_file.id)
        .join(newer_job, newer_job.id == newer_file.transcription_id)
        .where(
            newer_job.status == JobStatus.COMPLETED,
            newer_file.kind == Artifact.kind,
            newer_job.storage == Transcription.storage,
            newer_job.file_path == Transcription.file_path,
            newer_job.completed_date > Transcription.completed_date,
        )
        .exists()
    )
    chosen = [
        Artifact.public_state == PublicState.PENDING,
        Transcription.status == JobStatus.COMPLETED,
        Artifact.id > after,
        *(~_beneath(folder) for folder in but_not),
    ]
    if tried is not None:
        chosen.append(Artifact.public_error.is_not(None) if tried else Artifact.public_error.is_(None))
    if beneath is not None:
        chosen.append(_beneath(beneath))
    rows = await session.execute(
        select(Artifact, Transcription.storage, Transcription.file_path, superseded)
        .join(Transcription, Transcription.id == Artifact.transcription_id)
        .where(*chosen)
        .order_by(Artifact.id)
        .limit(limit)
    )
    return [
        PendingFile(
            row.id,
            row.transcription_id,
            row.kind,
            Path(row.path),
            row.sha256,
            Path(row.public_path),
            storage,
            source,
            superseded=later,
            error=row.public_error,
        )
        for row, storage, source, later in rows
    ]


def _beneath(folder: Path) -> ColumnElement[bool]:
    return Artifact.public_path.startswith(f"{str(folder).rstrip('/')}/", autoescape=True)


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


async def stood_in_for(session: AsyncSession, artifact: PendingFile, sha256: str) -> tuple[str, str] | None:
    """(storage, path) of the recording whose copy of this content is where this one's would be; None if none's.

    A file that stands in for one whose place refuses it has no row of its own: it is known by what it holds, and
    by the recordings that would share its name.
    """
    base = PurePosixPath(artifact.source)
    alike = str(base.parent / base.stem).removeprefix("./")
    rows = await session.execute(
        select(Transcription.storage, Transcription.file_path)
        .join(Artifact, Artifact.transcription_id == Transcription.id)
        .where(
            Artifact.sha256 == sha256,
            Artifact.kind == artifact.kind,
            Transcription.storage == artifact.storage,
            Transcription.file_path.startswith(f"{alike}.", autoescape=True),
        )
        .order_by((Transcription.file_path == artifact.source).desc(), Artifact.id.desc())
    )
    found = [(storage, path) for storage, path in rows if PurePosixPath(path).with_suffix("") == base.with_suffix("")]
    return found[0] if found else None


async def is_placed(session: AsyncSession, public_path: Path) -> bool:
    """Whether a file was placed under this name for good."""
    found = await session.scalar(
        select(Artifact.id)
        .where(Artifact.public_path == str(public_path), Artifact.public_state == PublicState.PLACED)
        .limit(1)
    )
    return found is not None


async def set_public_state(
    session: AsyncSession, artifact: PendingFile, state: PublicState, public_path: Path, error: str | None = None
) -> None:
    """Write where a file is placed now, or why it cannot be."""
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


async def note(session: AsyncSession, artifact: PendingFile, error: str) -> None:
    """A file that could not be placed this time; it will be retried."""
    await session.execute(update(Artifact).where(Artifact.id == artifact.id).values(public_error=error))
