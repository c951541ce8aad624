"""Rows and files that tests of several packages begin with."""

import hashlib
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import Artifact


async def store_output(
    session: AsyncSession, job: UUID, kind: str, data: bytes, *, folder: Path, public: Path
) -> None:
    """A file of a completed job as the transcriber leaves it: in the vault's folder, signed off, with its row.
    public: where it stands for people."""
    path = folder / f"captions.{kind}"
    path.write_bytes(data)
    await session.execute(
        insert(Artifact).values(
            transcription_id=job,
            attempt=1,
            kind=kind,
            path=str(path),
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            public_path=str(public),
        )
    )
