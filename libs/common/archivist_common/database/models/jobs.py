"""Recordings to caption: jobs, their chunks, batches and files, chapters."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base, Leased, lease_rules, one_of


class Transcription(Leased):
    """A recording to caption: the job, its progress, its result."""

    __tablename__ = "transcriptions"
    __table_args__ = (
        CheckConstraint(
            one_of("status", "pending", "processing", "completed", "failed", "cancelled"),
            name="check_status",
        ),
        CheckConstraint("priority >= 1 AND priority <= 5", name="check_priority"),
        CheckConstraint("progress >= 0 AND progress <= 100", name="check_progress"),
        *lease_rules("transcriptions", "check_lease_while_processing"),
        Index(
            "uq_transcriptions_live_dedupe_key",
            "dedupe_key",
            unique=True,
            postgresql_where=text("status IN ('pending', 'processing')"),
        ),
        Index("idx_transcriptions_claim", "queue_key", "id", postgresql_where=text("status = 'pending'")),
        Index("idx_transcriptions_running", "queue_key", "id", postgresql_where=text("status = 'processing'")),
        Index("idx_transcriptions_status", "status"),
        Index("idx_transcriptions_user_id", "user_id"),
        Index("idx_transcriptions_created_date", "created_date"),
        Index("idx_transcriptions_vod_status", "vod_status"),
        Index("idx_transcriptions_batch_id", "batch_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    storage: Mapped[str] = mapped_column(String(64))
    """Name of the storage server; file_path is relative to it."""
    filename: Mapped[str] = mapped_column(String(255))
    file_path: Mapped[str] = mapped_column(String(500))
    file_size: Mapped[int | None] = mapped_column(BigInteger)
    file_mtime_ns: Mapped[int | None] = mapped_column(BigInteger)
    duration: Mapped[int | None] = mapped_column(Integer)
    """Length of the recording, seconds."""
    audio_ms: Mapped[int | None] = mapped_column(BigInteger)
    audio_done_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    stage: Mapped[str | None] = mapped_column(String(20))
    progress: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Percent, never backwards within an attempt."""
    language: Mapped[str] = mapped_column(String(10), server_default="en")
    model: Mapped[str] = mapped_column(String(50), server_default="large-v2")
    output_format: Mapped[str] = mapped_column(String(10), server_default="scc")
    include_summary: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    audio_track: Mapped[int | None] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """1 to 5; 5 is claimed first."""
    queue_key: Mapped[Decimal] = mapped_column(Numeric, server_default=text("extract(epoch from now())"))
    """Place in the queue, lowest first: seconds since 1970 at which it began to wait, less what its priority is
    worth (`requests.PRIORITY_STEP`). So waiting makes up for priority, and a move is a number between two others."""
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    start_at: Mapped[datetime | None]
    """The start time its submitter requested."""
    paused_at: Mapped[datetime | None]
    """Paused by a user: not claimed, and no further chunk of a running one is."""
    cleared_at: Mapped[datetime | None]
    """Cleared from the list by a user, once it had ended; kept for the record (docs/decisions/0016)."""
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="SET NULL"))
    started_date: Mapped[datetime | None]
    completed_date: Mapped[datetime | None]
    """When it reached a terminal state."""
    progress_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    dedupe_key: Mapped[str] = mapped_column(String(64))
    source_fingerprint: Mapped[str | None] = mapped_column(String(64))
    """Size, head and tail of the recording when it was submitted."""
    recipe: Mapped[str | None] = mapped_column(String(120))
    """Engine and settings its chunks are transcribed with; chunks of two recipes are never mixed."""
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the planner found: media, language, length. Set once all chunks are known."""
    scc_file_path: Mapped[str | None] = mapped_column(String(500))
    summary_file_path: Mapped[str | None] = mapped_column(String(500))
    metadata_file_path: Mapped[str | None] = mapped_column(String(500))
    summary: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Codes and sentences of what did not stop the job: `NO_SPEECH: …`."""
    unheard: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """[start_ms, end_ms] of each stretch of speech without words, once it is completed; NULL: nobody looked."""
    processing_time: Mapped[int | None] = mapped_column(Integer)
    """Seconds from the claim of the attempt that completed to its completion."""
    vod_id: Mapped[str | None] = mapped_column(String(100))
    vod_url: Mapped[str | None] = mapped_column(String(500))
    vod_status: Mapped[str | None] = mapped_column(String(20))


class Chunk(Leased):
    """A stretch of a recording, cut in silence: the unit of claiming. Transcribed once, whatever dies meanwhile."""

    __tablename__ = "transcription_chunks"
    __table_args__ = (
        UniqueConstraint("transcription_id", "number"),
        CheckConstraint(one_of("status", "pending", "processing", "completed", "failed"), name="check_chunk_status"),
        CheckConstraint("start_ms >= 0 AND start_ms < end_ms", name="check_chunk_length"),
        *lease_rules("transcription_chunks", "check_chunk_lease_while_processing"),
        CheckConstraint("(status = 'completed') = (words IS NOT NULL)", name="check_chunk_words_when_completed"),
        Index(
            "idx_transcription_chunks_claim",
            "transcription_id",
            "number",
            postgresql_where=text("status = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    transcription_id: Mapped[UUID] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Counted from 0, without a hole."""
    recipe: Mapped[str] = mapped_column(String(120))
    start_ms: Mapped[int] = mapped_column(BigInteger)
    end_ms: Mapped[int] = mapped_column(BigInteger)
    speech: Mapped[list[Any]] = mapped_column(JSONB)
    """[start, end] of each stretch of speech, in samples at 16 kHz from the start of the chunk."""
    language: Mapped[str] = mapped_column(String(10))
    done_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of this chunk, transcribed by the attempt under way."""
    words: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """[start_ms, end_ms, text, confidence] of each word, times of the recording."""
    dropped: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Words removed as hallucinations."""
    bad_packets: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    unheard: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """[start_ms, end_ms] of each stretch of speech without words; NULL from a version that did not look."""
    took_ms: Mapped[int | None] = mapped_column(BigInteger)
    """Time the attempt that finished it took."""
    started_date: Mapped[datetime | None]
    completed_date: Mapped[datetime | None]


class Batch(Base):
    """Recordings submitted together. Its progress is that of its transcriptions."""

    __tablename__ = "batches"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    name: Mapped[str | None] = mapped_column(String(100))
    results: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """One result per file, in the order submitted: {storage, path, transcription_id | code, message}."""
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)


class Artifact(Base):
    """One file a job made: the committed copy (path, hash) and its public name."""

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("transcription_id", "kind"),
        CheckConstraint(one_of("public_state", "pending", "placed", "blocked"), name="check_public_state"),
        Index("idx_artifacts_public_path", "public_path"),
        Index("idx_artifacts_unplaced", "transcription_id", postgresql_where=text("public_state = 'pending'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    transcription_id: Mapped[UUID] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    public_path: Mapped[str] = mapped_column(Text)
    public_state: Mapped[str] = mapped_column(String(10), server_default="pending")
    public_error: Mapped[str | None] = mapped_column(Text)
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)


class ChapterList(Base):
    """Chapters of a transcription: found in its words, or as a user has edited them."""

    __tablename__ = "chapter_lists"

    transcription_id: Mapped[UUID] = mapped_column(
        ForeignKey("transcriptions.id", ondelete="CASCADE"), primary_key=True
    )
    chapters: Mapped[list[Any]] = mapped_column(JSONB)
    """[start_ms, title, kind] of each, times of the recording."""
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    edited_date: Mapped[datetime | None]
    """None: as the rules found them."""
