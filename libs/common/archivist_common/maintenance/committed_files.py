"""The files of completed jobs on the disk: those damaged, public copies cut short, attempts that belong to no job."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import Artifact, Transcription
from archivist_common.states import JobStatus, PublicState
from archivist_common.storage.paths import VAULT

LEFT_FOR = timedelta(days=1)
"""Files of an abandoned attempt may stay for this long (I21); the hourly clean-up removes them then."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A file of a completed job, as the database knows it."""

    transcription_id: UUID
    attempt: int
    kind: str
    path: Path
    sha256: str
    size_bytes: int
    public_path: Path
    public_state: PublicState


async def committed(session: AsyncSession) -> Sequence[Committed]:
    """The files of all completed jobs."""
    rows = await session.scalars(
        select(Artifact)
        .join(Transcription, Transcription.id == Artifact.transcription_id)
        .where(Transcription.status == JobStatus.COMPLETED)
        .order_by(Artifact.id)
    )
    return [
        Committed(
            row.transcription_id,
            row.attempt,
            row.kind,
            Path(row.path),
            row.sha256,
            row.size_bytes,
            Path(row.public_path),
            PublicState(row.public_state),
        )
        for row in rows
    ]


def damaged_files(files: Iterable[Committed]) -> Iterator[str]:
    """I6: committed files that are not on the disk as they were written. Waits for the disk: call it in a thread."""
    for file in files:
        try:
            size = file.path.stat().st_size
            if size != file.size_bytes:
                yield f"{file.path} has {size} bytes, {file.size_bytes} were written"
            elif _sha256(file.path) != file.sha256:
                yield f"{file.path} does not hold what was written"
        except OSError as exc:
            yield f"{file.path} cannot be read: {exc.strerror}"


def torn_public_files(files: Iterable[Committed]) -> Iterator[str]:
    """I7: public files that are the beginning of what was committed and no more. A user's own file is none.

    Waits for the disk: call it in a thread.
    """
    for file in files:
        if file.public_state is not PublicState.PLACED:
            continue
        try:
            if file.public_path.stat().st_size < file.size_bytes:
                public = file.public_path.read_bytes()
                if file.path.read_bytes().startswith(public):
                    yield f"{file.public_path} ends after {len(public)} of {file.size_bytes} bytes"
        except OSError:
            continue  # a user may remove it; a vault that cannot be read is reported by `damaged_files`


def stray_attempts(output: Path, files: Iterable[Committed], before: datetime) -> Iterator[str]:
    """I21: folders of attempts in the vault last written to before a moment that no completed job points at.

    Waits for the disk: call it in a thread.
    """
    kept = {(str(file.transcription_id), str(file.attempt)) for file in files}
    vault = output / VAULT
    for job in sorted(vault.iterdir()) if vault.is_dir() else ():
        for attempt in sorted(job.iterdir()) if job.is_dir() else ():
            if (job.name, attempt.name) not in kept and attempt.stat().st_mtime < before.timestamp():
                yield f"{attempt} belongs to no completed job"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
