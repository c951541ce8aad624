"""The queue as a whole, the workers and their machines, requests answered already."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base


class QueueControl(Base):
    """The one row of what holds for the whole queue: whether it is paused, and where its results are read."""

    __tablename__ = "queue_control"
    __table_args__ = (CheckConstraint("id = 1", name="check_one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    vault: Mapped[str | None] = mapped_column(String(64))
    """Name of the vault that the gateway reads (`vault_identity.py`)."""


class Worker(Base):
    """A running transcriber, as its last heartbeat reported it."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    slots: Mapped[int]
    free_slots: Mapped[int]
    ready: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it takes no job, in words, when it is not ready."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    started_date: Mapped[datetime] = mapped_column(server_default=NOW)
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=NOW)


class MachineSpeed(Base):
    """How fast a machine transcribes with a model, measured once: what estimates come from."""

    __tablename__ = "machine_speeds"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    model: Mapped[str] = mapped_column(String(100), primary_key=True)
    recipe: Mapped[str] = mapped_column(String(120), primary_key=True)
    threads: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    window_s: Mapped[float]
    """Seconds of computing for thirty seconds of speech in one slot."""
    measured_date: Mapped[datetime] = mapped_column(server_default=NOW)


class IdempotencyKey(Base):
    """A client's own key for a request, and what it was answered with."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (CheckConstraint("num_nonnulls(transcription_id, batch_id) = 1", name="check_one_answer"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    created_date: Mapped[datetime] = mapped_column(server_default=NOW, index=True)
