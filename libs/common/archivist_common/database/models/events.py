"""What happened: the log for operators, and the transactional outbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base


class SystemLog(Base):
    """The log for operators: the steps of a job's life, log-ins, refusals."""

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
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)


class OutboxEvent(Base):
    """A change of state, written in the transaction that makes it. Wake-ups and event streams are fed from here."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("idx_outbox_unsent", "id", postgresql_where=text("relayed_date IS NULL")),
        Index("idx_outbox_transcription_id", "transcription_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event: Mapped[str] = mapped_column(String(60))
    transcription_id: Mapped[UUID | None] = mapped_column(ForeignKey("transcriptions.id", ondelete="CASCADE"))
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    relayed_date: Mapped[datetime | None]
