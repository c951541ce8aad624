"""The tables at rest. The six of the technical documentation, and what the life of a job needs beside them.

Column names, types, checks and indexes of the documentation are kept; every time carries its zone.
Plain PostgreSQL 15: no extension.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NOW = func.now()


def _one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "idx_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy's own declaration
        datetime: DateTime(timezone=True),
        UUID: SqlUuid(),
        dict[str, Any]: JSONB(),
        list[str]: JSONB(),
    }


class User(Base):
    __tablename__ = "users"
    __table_args__ = (CheckConstraint(_one_of("role", "admin", "operator", "user"), name="check_role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), server_default="user")
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    one_time_until: Mapped[datetime | None]
    """The password is a one-time one, good until then: it can only be exchanged for a password of one's own."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_login: Mapped[datetime | None]


class Session(Base):
    """One log-in. Its refresh token is used once and replaced."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    previous_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """The token before this one: seen again, it was stolen, and the session ends."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_used: Mapped[datetime] = mapped_column(server_default=_NOW)
    revoked_date: Mapped[datetime | None]


class ApiKey(Base):
    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(32), unique=True)
    """The public part, by which a key is found and spoken of."""
    key_hash: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), index=True)
    expires_at: Mapped[datetime | None]
    last_used: Mapped[datetime | None]
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class Transcription(Base):
    """A recording to caption: the job, its progress, its result."""

    __tablename__ = "transcriptions"
    __table_args__ = (
        CheckConstraint(
            _one_of("status", "pending", "processing", "completed", "failed", "cancelled"),
            name="check_status",
        ),
        CheckConstraint("priority >= 1 AND priority <= 5", name="check_priority"),
        CheckConstraint("progress >= 0 AND progress <= 100", name="check_progress"),
        CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="check_lease_while_processing",
        ),
        Index(
            "uq_transcriptions_live_dedupe_key",
            "dedupe_key",
            unique=True,
            postgresql_where=text("status IN ('pending', 'processing')"),
        ),
        Index("idx_transcriptions_claim", "queue_key", "id", postgresql_where=text("status = 'pending'")),
        Index("idx_transcriptions_running", "queue_key", "id", postgresql_where=text("status = 'processing'")),
        Index(
            "idx_transcriptions_lease",
            "lease_expires_at",
            postgresql_where=text("status = 'processing'"),
        ),
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
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
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
    worth (`jobs.PRIORITY_STEP`). So waiting makes up for priority, and a move is a number between two others."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    available_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    """Not claimed before."""
    start_at: Mapped[datetime | None]
    """The start time its submitter asked for."""
    paused_at: Mapped[datetime | None]
    """Held back by a person: not claimed, and of a running one no further chunk is."""
    cleared_at: Mapped[datetime | None]
    """Taken out of the list by a person, once it had ended; kept for the record (docs/decisions/0016)."""
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="SET NULL"))
    started_date: Mapped[datetime | None]
    completed_date: Mapped[datetime | None]
    """When it reached a terminal state."""
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The fencing token: bumped by every claim, in the WHERE clause of every later write."""
    failure_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crash_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crashed_at: Mapped[datetime | None]
    """The last crash: three within 72 hours make a recording poison."""
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    progress_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    dedupe_key: Mapped[str] = mapped_column(String(64))
    source_fingerprint: Mapped[str | None] = mapped_column(String(64))
    """Size, head and tail of the recording when it was submitted."""
    recipe: Mapped[str | None] = mapped_column(String(120))
    """Engine and settings its chunks are heard with; a chunk of another recipe is never mixed in."""
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the planner found: media, language, length. Set once all chunks are known."""
    scc_file_path: Mapped[str | None] = mapped_column(String(500))
    summary_file_path: Mapped[str | None] = mapped_column(String(500))
    metadata_file_path: Mapped[str | None] = mapped_column(String(500))
    summary: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Codes and sentences of what we coped with: `NO_SPEECH: …`."""
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    processing_time: Mapped[int | None] = mapped_column(Integer)
    """Seconds from the claim of the attempt that completed to its completion."""
    vod_id: Mapped[str | None] = mapped_column(String(100))
    vod_url: Mapped[str | None] = mapped_column(String(500))
    vod_status: Mapped[str | None] = mapped_column(String(20))


class Chunk(Base):
    """A stretch of a recording, cut in silence: the unit of claiming. Heard once, whoever dies meanwhile."""

    __tablename__ = "transcription_chunks"
    __table_args__ = (
        UniqueConstraint("transcription_id", "number"),
        CheckConstraint(_one_of("status", "pending", "processing", "completed", "failed"), name="check_chunk_status"),
        CheckConstraint("start_ms >= 0 AND start_ms < end_ms", name="check_chunk_length"),
        CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="check_chunk_lease_while_processing",
        ),
        CheckConstraint("(status = 'completed') = (words IS NOT NULL)", name="check_chunk_words_when_completed"),
        Index(
            "idx_transcription_chunks_claim",
            "transcription_id",
            "number",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("idx_transcription_chunks_lease", "lease_expires_at", postgresql_where=text("status = 'processing'")),
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
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The chunk's own fencing token, and how often it was begun."""
    failure_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crash_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crashed_at: Mapped[datetime | None]
    available_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    done_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of this chunk, heard by the attempt under way."""
    words: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """[start_ms, end_ms, text, confidence] of each word, times of the recording."""
    dropped: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Words left out as inventions of the model."""
    bad_packets: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    took_ms: Mapped[int | None] = mapped_column(BigInteger)
    """Time the attempt that finished it took."""
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    started_date: Mapped[datetime | None]
    completed_date: Mapped[datetime | None]


class Batch(Base):
    """Recordings submitted together. Its progress is that of its transcriptions."""

    __tablename__ = "batches"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    name: Mapped[str | None] = mapped_column(String(100))
    results: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """One answer per file, in the order asked: {storage, path, transcription_id | code, message}."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class QueueControl(Base):
    """The one row of what holds for the whole queue: whether it is held back, and where its results are read."""

    __tablename__ = "queue_control"
    __table_args__ = (CheckConstraint("id = 1", name="check_one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    vault: Mapped[str | None] = mapped_column(String(64))
    """Name of the vault that the gateway reads (`vaults.py`)."""


class MachineSpeed(Base):
    """How fast a machine hears with a model, measured once: what estimates come from."""

    __tablename__ = "machine_speeds"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    recipe: Mapped[str] = mapped_column(String(120), primary_key=True)
    threads: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    window_s: Mapped[float]
    """Seconds of computing for thirty seconds of speech in one slot."""
    measured_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class Artifact(Base):
    """One file a job made: the committed copy (path, hash) and the public name people look for."""

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("transcription_id", "kind"),
        CheckConstraint(_one_of("public_state", "pending", "placed", "blocked"), name="check_public_state"),
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
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class CablecastShow(Base):
    """A show as the last sync saw it. Cablecast owns it; this copy serves search and suggestions."""

    __tablename__ = "cablecast_shows"
    __table_args__ = (
        Index("idx_cablecast_shows_cablecast_id", "cablecast_id"),
        Index("idx_cablecast_shows_title", "title"),
        Index("idx_cablecast_shows_event_date", "event_date"),
        Index("idx_cablecast_shows_local_id", "local_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cablecast_id: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(100))
    producer: Mapped[str | None] = mapped_column(String(100))
    runtime: Mapped[int | None]
    """Seconds."""
    created_date: Mapped[datetime | None]
    updated_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    cg_title: Mapped[str | None] = mapped_column(String(255))
    """The title the public sees."""
    event_date: Mapped[date | None]
    """The day of the meeting, by the station's calendar."""
    local_id: Mapped[str | None] = mapped_column(String(255))
    location: Mapped[int | None]
    project: Mapped[str | None] = mapped_column(String(255))
    files: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Names of its reels' files."""
    vods: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Ids of its VODs."""
    has_captions: Mapped[bool | None]
    last_modified: Mapped[datetime | None]
    """By Cablecast's clock."""
    seen_run: Mapped[int | None] = mapped_column(BigInteger)
    """The sync that saw it last."""
    gone_at: Mapped[datetime | None]
    """A whole sync did not find it any more."""


class VodContent(Base):
    """A programme on a VOD server: those Archivist publishes, and those a sync found there."""

    __tablename__ = "vod_content"
    __table_args__ = (
        CheckConstraint(_one_of("status", "processing", "published", "failed", "removed"), name="check_vod_status"),
        Index("idx_vod_content_transcription_id", "transcription_id"),
        Index("idx_vod_content_status", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="SET NULL"))
    cablecast_show_id: Mapped[int | None] = mapped_column(ForeignKey("cablecast_shows.id", ondelete="SET NULL"))
    vod_id: Mapped[str] = mapped_column(String(100), unique=True)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(String(500))
    thumbnail_url: Mapped[str | None] = mapped_column(String(500))
    duration: Mapped[int | None]
    quality: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(20), server_default="processing")
    published_date: Mapped[datetime | None]
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    target: Mapped[str] = mapped_column(String(64), server_default="cablecast")
    show: Mapped[int | None]
    """Cablecast's number of its show, known before that show was ever synced."""
    vendor_state: Mapped[str | None] = mapped_column(String(50))
    is_watchable: Mapped[bool | None]
    seen_run: Mapped[int | None] = mapped_column(BigInteger)
    gone_at: Mapped[datetime | None]
    updated_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class PublishTarget(Base):
    """A place to publish to, as the publisher's process last reported it."""

    __tablename__ = "publish_targets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    capabilities: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    seen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    """When a publisher last said that its settings name this target."""
    auto_since: Mapped[datetime | None]
    """What completes from then on is published by itself (AUTO_PUBLISH_TO_VOD); None: only what is asked for."""
    credentials_sha256: Mapped[str | None] = mapped_column(String(64))
    """Which credentials were refused: other ones start the target again."""
    stopped_at: Mapped[datetime | None]
    """It refused our credentials: nothing is asked of it until a person, or new credentials, start it again."""
    stopped_code: Mapped[str | None] = mapped_column(String(50))
    stopped_reason: Mapped[str | None] = mapped_column(Text)
    away_since: Mapped[datetime | None]
    away_reason: Mapped[str | None] = mapped_column(Text)
    paused_until: Mapped[datetime | None]
    """Not asked anything before: it said so, or it does not answer."""
    last_ok_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What its probe found: version, site, clock."""


class Publication(Base):
    """A recording's captions on their way to a target: a job of its own, one for each recording and target."""

    __tablename__ = "publications"
    __table_args__ = (
        UniqueConstraint("target", "storage", "file_path"),
        CheckConstraint(
            _one_of("status", "pending", "processing", "held", "published", "failed", "removed"),
            name="check_publication_status",
        ),
        CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="check_publication_lease_while_processing",
        ),
        Index("idx_publications_claim", "queued_at", "id", postgresql_where=text("status = 'pending'")),
        Index("idx_publications_lease", "lease_expires_at", postgresql_where=text("status = 'processing'")),
        Index("idx_publications_transcription_id", "transcription_id"),
        Index("idx_publications_created_date", "created_date", "id"),
        Index("idx_publications_batch_id", "batch_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    target: Mapped[str] = mapped_column(ForeignKey("publish_targets.name"))
    storage: Mapped[str] = mapped_column(String(64))
    file_path: Mapped[str] = mapped_column(String(500))
    key: Mapped[str] = mapped_column(String(40))
    """What it is marked with at the target (Cablecast's localId), the same for every attempt."""
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="SET NULL"))
    """Whose captions are to stand there."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    batch_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    stage: Mapped[str] = mapped_column(String(20), server_default="resolve")
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    version: Mapped[int | None] = mapped_column(Integer)
    """Number of the caption version that is to stand there."""
    item: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What was found or made at the target, by its own ids."""
    plan: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """What publishing it would do, in sentences: a dry run's result, and what is approved."""
    suggestions: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Shows it may be, with score and reasons, while it is held for a person to say."""
    vod_id: Mapped[str | None] = mapped_column(String(100))
    url: Mapped[str | None] = mapped_column(String(500))
    vendor_state: Mapped[str | None] = mapped_column(String(50))
    vendor_percent: Mapped[float | None]
    vendor_message: Mapped[str | None] = mapped_column(Text)
    vendor_changed_at: Mapped[datetime | None]
    """When the target last showed a change: what a stall is measured from."""
    attention_code: Mapped[str | None] = mapped_column(String(50))
    """It goes on, but somebody has to do something at the target."""
    attention_message: Mapped[str | None] = mapped_column(Text)
    attention_since: Mapped[datetime | None]
    warnings: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The fencing token."""
    failure_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crash_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crashed_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    """Its place in the order of sending."""
    available_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    followed_since: Mapped[datetime | None]
    """When the target began its own work: what VOD_PROCESSING_TIMEOUT is measured from."""
    withdraw_requested_at: Mapped[datetime | None]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    approved_date: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    published_date: Mapped[datetime | None]


class CaptionVersion(Base):
    """Captions that stood, stand or are to stand at a target. None is ever thrown away: rollback needs its bytes."""

    __tablename__ = "caption_versions"
    __table_args__ = (
        UniqueConstraint("publication_id", "number"),
        Index("idx_caption_versions_transcription_id", "transcription_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Counted from 1."""
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="SET NULL"))
    sha256: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(Text)
    """The committed copy in the vault."""
    restores: Mapped[int | None]
    """The number of the version this one is a return to."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    placed_date: Mapped[datetime | None]
    verified_date: Mapped[datetime | None]


class Effect(Base):
    """The ledger of changes made elsewhere: written before the call, settled after it."""

    __tablename__ = "effects"
    __table_args__ = (
        UniqueConstraint("publication_id", "key"),
        CheckConstraint(_one_of("state", "intended", "unknown", "confirmed"), name="check_effect_state"),
        CheckConstraint("(state = 'confirmed') = (settled_date IS NOT NULL)", name="check_effect_settled"),
        Index("idx_effects_unsettled", "publication_id", postgresql_where=text("state <> 'confirmed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    """Operation and what it is done to: `vod:4120:2`."""
    state: Mapped[str] = mapped_column(String(20), server_default="intended")
    attempt: Mapped[int]
    """The publication's attempt that last tried."""
    tries: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What is needed to go on in the middle, such as an upload's number."""
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    settled_date: Mapped[datetime | None]


class ShowLink(Base):
    """Which show a recording is, as a rule found out or a person said."""

    __tablename__ = "show_links"

    storage: Mapped[str] = mapped_column(String(64), primary_key=True)
    file_path: Mapped[str] = mapped_column(String(500), primary_key=True)
    cablecast_id: Mapped[int] = mapped_column(index=True)
    score: Mapped[int | None]
    """0 to 100; None where a person said so."""
    reasons: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    linked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    linked_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class ChapterList(Base):
    """Chapters of a transcription: found in its words, or as a person has edited them."""

    __tablename__ = "chapter_lists"

    transcription_id: Mapped[UUID] = mapped_column(
        ForeignKey("transcriptions.id", ondelete="CASCADE"), primary_key=True
    )
    chapters: Mapped[list[Any]] = mapped_column(JSONB)
    """[start_ms, title, kind] of each, times of the recording."""
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    edited_date: Mapped[datetime | None]
    """None: as the rules found them."""


class SyncRun(Base):
    """One sync of Cablecast's shows or VODs into ours: how far it is, and what it found."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        CheckConstraint(_one_of("kind", "shows", "vods"), name="check_sync_kind"),
        CheckConstraint(_one_of("mode", "full", "changes"), name="check_sync_mode"),
        CheckConstraint(_one_of("status", "pending", "running", "completed", "failed"), name="check_sync_status"),
        Index(
            "uq_sync_runs_live",
            "target",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('pending', 'running')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    target: Mapped[str] = mapped_column(ForeignKey("publish_targets.name"))
    kind: Mapped[str] = mapped_column(String(10))
    mode: Mapped[str] = mapped_column(String(10))
    """full: everything, and what is gone is found out; changes: what changed since the run before."""
    status: Mapped[str] = mapped_column(String(10), server_default="pending")
    position: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """Rows dealt with: where a run that was interrupted goes on."""
    total: Mapped[int | None]
    since: Mapped[datetime | None]
    """Changes: by Cablecast's clock."""
    added: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    changed: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    gone: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    started_date: Mapped[datetime | None]
    moved_date: Mapped[datetime | None]
    """When it last got on."""
    finished_date: Mapped[datetime | None]


class SystemLog(Base):
    """What happened, for people: the steps of a job's life, log-ins, refusals."""

    __tablename__ = "system_logs"
    __table_args__ = (
        Index("idx_system_logs_level", "level"),
        Index("idx_system_logs_component", "component"),
        Index("idx_system_logs_created_date", "created_date"),
        Index("idx_system_logs_transcription_id", "transcription_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(Text)
    component: Mapped[str | None] = mapped_column(String(50))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    details: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)


class OutboxEvent(Base):
    """A change of state, written in its own transaction. Doorbell and event streams are fed from here."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("idx_outbox_unsent", "id", postgresql_where=text("relayed_date IS NULL")),
        Index("idx_outbox_transcription_id", "transcription_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event: Mapped[str] = mapped_column(String(60))
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    relayed_date: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A client's own name for a request, and the answer it was given."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (CheckConstraint("num_nonnulls(transcription_id, batch_id) = 1", name="check_one_answer"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    created_date: Mapped[datetime] = mapped_column(server_default=_NOW, index=True)


class Worker(Base):
    """A running transcriber, as it last reported itself."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    slots: Mapped[int]
    free_slots: Mapped[int]
    ready: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it takes no job, in words, when it is not ready."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    started_date: Mapped[datetime] = mapped_column(server_default=_NOW)
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=_NOW)
