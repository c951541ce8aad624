"""What is to be published of a recording: its signed-off captions, chapters, a description."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.chapters import lookup
from archivist_common.chapters.detection import Chapter, Topic
from archivist_common.database.engine import Database
from archivist_common.database.models import Artifact, CaptionVersion, Transcription
from archivist_common.errors import CaptionsInvalid, FileMissing, NotCompleted
from archivist_common.jobs import artifacts
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.shows import links
from archivist_vod.targets.interface import Track, Work

_DESCRIPTION = 1000  # characters; whole sentences of the summary are taken while they fit
_SCC = "scc"


async def prepare(db: Database, claim: PublicationClaim, *, auto_tags: bool = False) -> Work:
    """Everything an attempt needs to know. Raises FileMissing, CaptionsInvalid for a damaged committed file."""
    async with db.transaction() as session:
        version = await session.scalar(
            select(CaptionVersion)
            .where(CaptionVersion.publication_id == claim.id, CaptionVersion.number == claim.version)
            .execution_options(populate_existing=True)
        )
        if version is None:
            raise NotCompleted("the publication has no captions")
        ours = await _ours(session, claim)
        job_id = version.transcription_id or claim.transcription_id
        job = None if job_id is None else await session.get(Transcription, job_id, populate_existing=True)
        files = (
            {} if job is None else {one.kind: one.path for one in await artifacts.of_transcription(session, job.id)}
        )
        link = await links.of_recording(session, claim.storage, claim.path)
    data = await asyncio.to_thread(_read, Path(version.path), version.sha256)
    chapters: Sequence[Chapter] = ()
    if job is not None:
        chapters = await lookup.of_transcription(db, job.id)
    options = claim.options
    return Work(
        key=claim.key,
        version=version.number,
        storage=claim.storage,
        path=claim.path,
        length_s=None if job is None else job.duration,
        track=Track(_SCC, "en" if job is None else job.language, data, version.sha256, Path(version.path), ours),
        options=options,
        chapters=tuple(chapters),
        description=options.description or described(None if job is None else job.summary),
        tags=options.tags or (tags_of(chapters) if auto_tags else ()),
        link=None if link is None else link.show_id,
        link_by_person=link is not None and link.by_person,
        files=files,
    )


def described(summary: Mapping[str, Any] | None) -> str:
    """A description made of the summary's sentences, as many as fit."""
    said = [" ".join(str(one["text"]).split()) for one in (summary or {}).get("sentences", ())]
    text = ""
    for sentence in said:
        if len(text) + len(sentence) + 1 > _DESCRIPTION:
            break
        text = f"{text} {sentence}".strip()
    return text


def tags_of(chapters: Sequence[Chapter]) -> tuple[str, ...]:
    """What a meeting had in it, by the kinds of its chapters."""
    wanted = {Topic.HEARING: "Public hearing", Topic.COMMENT: "Public comment", Topic.MOTION: "Motion"}
    kinds = {chapter.kind for chapter in chapters}
    return tuple(name for kind, name in wanted.items() if kind in kinds)


async def _ours(session: AsyncSession, claim: PublicationClaim) -> frozenset[str]:
    """Hashes of the caption files that Archivist has written for this recording."""
    versions = await session.scalars(select(CaptionVersion.sha256).where(CaptionVersion.publication_id == claim.id))
    made = await session.scalars(
        select(Artifact.sha256)
        .join(Transcription, Transcription.id == Artifact.transcription_id)
        .where(Artifact.kind == _SCC, Transcription.storage == claim.storage, Transcription.file_path == claim.path)
    )
    return frozenset(versions) | frozenset(made)


def _read(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise FileMissing(f"the committed captions {str(path)!r} cannot be read: {exc.strerror}") from exc
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CaptionsInvalid(f"the committed captions {str(path)!r} are not what was signed off")
    return data
