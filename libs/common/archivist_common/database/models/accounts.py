"""People, their log-ins and their API keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, String, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from archivist_common.database.models.declarative import NOW, Base, one_of


class User(Base):
    __tablename__ = "users"
    __table_args__ = (CheckConstraint(one_of("role", "admin", "operator", "user"), name="check_role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), server_default="user")
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    one_time_until: Mapped[datetime | None]
    """The password is a one-time one, good until then: it can only be exchanged for a password of one's own."""
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    last_login: Mapped[datetime | None]


class Session(Base):
    """One log-in. Its refresh token is used once and replaced."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    previous_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """The token before this one: seen again, it was stolen, and the session ends."""
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
    last_used: Mapped[datetime] = mapped_column(server_default=NOW)
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
    created_date: Mapped[datetime] = mapped_column(server_default=NOW)
