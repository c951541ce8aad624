"""Cablecast's shows as synced, the recordings linked to them, and the syncs themselves."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base, one_of


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
    updated_date: Mapped[datetime] = mapped_column(server_default=NOW)
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
    """Since a full sync no longer found it."""


class ShowLink(Base):
    """Which show a recording is, as a rule found or a user said."""

    __tablename__ = "show_links"

    storage: Mapped[str] = mapped_column(String(64), primary_key=True)
    file_path: Mapped[str] = mapped_column(String(500), primary_key=True)
    cablecast_id: Mapped[int] = mapped_column(index=True)
    score: Mapped[int | None]
    """0 to 100; None where a user said so."""
    reasons: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    linked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    linked_date: Mapped[datetime] = mapped_column(server_default=NOW)


class SyncRun(Base):
    """One sync of Cablecast's shows or VODs into ours: how far it is, and what it found."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        CheckConstraint(one_of("kind", "shows", "vods"), name="check_sync_kind"),
        CheckConstraint(one_of("mode", "full", "changes"), name="check_sync_mode"),
        CheckConstraint(one_of("status", "pending", "running", "completed", "failed"), name="check_sync_status"),
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
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    started_date: Mapped[datetime | None]
    moved_date: Mapped[datetime | None]
    """When it last got on."""
    finished_date: Mapped[datetime | None]
