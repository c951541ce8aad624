"""What tables are declared with: their base, the names of constraints, the columns of rows claimed under a lease."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, MetaData, String, Text, func, text
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NOW = func.now()


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


class Leased(Base):
    """Columns of a row that workers claim under a lease (`leases/lease.py`), retry, and count failures of."""

    __abstract__ = True

    status: Mapped[str] = mapped_column(String(20), server_default="pending")
    available_at: Mapped[datetime] = mapped_column(server_default=NOW)
    """Not claimed before."""
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The fencing token: bumped by every claim, in the WHERE clause of every later write."""
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    failure_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crash_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    crashed_at: Mapped[datetime | None]
    """The last crash: three within 72 hours are the last (`leases/retry.py`)."""
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)


def one_of(column: str, *values: str) -> str:
    """Condition of a check: the column holds one of these."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def lease_rules(table: str, check: str) -> tuple[CheckConstraint, Index]:
    """Of a table of `Leased` rows: a lease while processing and at no other time, and how expired ones are found."""
    return (
        CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)", name=check
        ),
        Index(f"idx_{table}_lease", "lease_expires_at", postgresql_where=text("status = 'processing'")),
    )
