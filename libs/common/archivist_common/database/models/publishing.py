"""Captions on their way to VOD targets, and what is published there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base, Leased, lease_rules, one_of


class PublishTarget(Base):
    """A place to publish to, as the publisher's process last reported it."""

    __tablename__ = "publish_targets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    capabilities: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    seen_at: Mapped[datetime] = mapped_column(server_default=NOW)
    """When a publisher last reported that its settings name this target."""
    auto_since: Mapped[datetime | None]
    """What completes from then on is published automatically (AUTO_PUBLISH_TO_VOD); None: only what is requested."""
    credentials_sha256: Mapped[str | None] = mapped_column(String(64))
    """Which credentials were rejected: other ones resume the target."""
    stopped_at: Mapped[datetime | None]
    """It rejected our credentials: no request is sent until an operator, or new credentials, resume it."""
    stopped_code: Mapped[str | None] = mapped_column(String(50))
    stopped_reason: Mapped[str | None] = mapped_column(Text)
    away_since: Mapped[datetime | None]
    away_reason: Mapped[str | None] = mapped_column(Text)
    paused_until: Mapped[datetime | None]
    """No request is sent before: it said so (Retry-After), or it is unavailable."""
    last_ok_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What its probe found: version, site, clock."""


class Publication(Leased):
    """A recording's captions on their way to a target: a job of its own, one for each recording and target."""

    __tablename__ = "publications"
    __table_args__ = (
        UniqueConstraint("target", "storage", "file_path"),
        CheckConstraint(
            one_of("status", "pending", "processing", "held", "published", "failed", "removed"),
            name="check_publication_status",
        ),
        *lease_rules("publications", "check_publication_lease_while_processing"),
        Index("idx_publications_claim", "queued_at", "id", postgresql_where=text("status = 'pending'")),
        Index("idx_publications_transcription_id", "transcription_id"),
        Index("idx_publications_created_date", "created_date", "id"),
        Index("idx_publications_batch_id", "batch_id"),
        Index("idx_publications_owner_id", "owner_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    target: Mapped[str] = mapped_column(ForeignKey("publish_targets.name"))
    storage: Mapped[str] = mapped_column(String(64))
    file_path: Mapped[str] = mapped_column(String(500))
    key: Mapped[str] = mapped_column(String(40))
    """What it is marked with at the target (Cablecast's localId), the same for every attempt."""
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="SET NULL"))
    """Whose captions are to be published."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who requested it last."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Whose captions of the recording were published first: who may change it, beside operators."""
    batch_id: Mapped[UUID | None]
    stage: Mapped[str] = mapped_column(String(20), server_default="resolve")
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    version: Mapped[int | None] = mapped_column(Integer)
    """Number of the caption version to be published."""
    item: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What was found or made at the target, by its own ids."""
    plan: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """What publishing it would do, in sentences: a dry run's result, and what is approved."""
    suggestions: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Shows it may be, with score and reasons, while it is held for an operator to choose."""
    vod_id: Mapped[str | None] = mapped_column(String(100))
    url: Mapped[str | None] = mapped_column(String(500))
    vendor_state: Mapped[str | None] = mapped_column(String(50))
    vendor_percent: Mapped[float | None]
    vendor_message: Mapped[str | None] = mapped_column(Text)
    vendor_changed_at: Mapped[datetime | None]
    """When the target last showed a change: what a stall is measured from."""
    attention_code: Mapped[str | None] = mapped_column(String(50))
    """It goes on, but an operator has to act at the target."""
    attention_message: Mapped[str | None] = mapped_column(Text)
    attention_since: Mapped[datetime | None]
    warnings: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    queued_at: Mapped[datetime] = mapped_column(server_default=NOW)
    """Its place in the order of publishing."""
    followed_since: Mapped[datetime | None]
    """When the target began its own work: what VOD_PROCESSING_TIMEOUT is measured from."""
    withdraw_requested_at: Mapped[datetime | None]
    withdrawn_by_operator: Mapped[bool] = mapped_column(server_default=text("false"))
    """No user puts it back."""
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    approved_date: Mapped[datetime | None]
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    published_date: Mapped[datetime | None]


class CaptionVersion(Base):
    """Captions that were, are or are to be at a target. None is ever deleted: rollback needs its bytes."""

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
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    placed_date: Mapped[datetime | None]
    verified_date: Mapped[datetime | None]


class Effect(Base):
    """The ledger of changes made elsewhere: written before the call, settled after it."""

    __tablename__ = "effects"
    __table_args__ = (
        UniqueConstraint("publication_id", "key"),
        CheckConstraint(one_of("state", "intended", "unknown", "confirmed"), name="check_effect_state"),
        CheckConstraint("(state = 'confirmed') = (settled_date IS NOT NULL)", name="check_effect_settled"),
        Index("idx_effects_unsettled", "publication_id", postgresql_where=text("state <> 'confirmed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    """Operation and its object: `vod:4120:2`."""
    state: Mapped[str] = mapped_column(String(20), server_default="intended")
    attempt: Mapped[int]
    """The publication's attempt that last tried."""
    tries: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What is needed to go on in the middle, such as an upload's number."""
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    settled_date: Mapped[datetime | None]


class VodContent(Base):
    """A programme on a VOD server: those Archivist publishes, and those a sync found there."""

    __tablename__ = "vod_content"
    __table_args__ = (
        CheckConstraint(one_of("status", "processing", "published", "failed", "removed"), name="check_vod_status"),
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
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    target: Mapped[str] = mapped_column(String(64), server_default="cablecast")
    show: Mapped[int | None]
    """Cablecast's number of its show, known before that show was ever synced."""
    vendor_state: Mapped[str | None] = mapped_column(String(50))
    is_watchable: Mapped[bool | None]
    seen_run: Mapped[int | None] = mapped_column(BigInteger)
    gone_at: Mapped[datetime | None]
    updated_date: Mapped[datetime] = mapped_column(server_default=NOW)
