"""Whether the whole queue is paused, as a condition in a query."""

from sqlalchemy import ColumnElement, select

from archivist_common.database.models import QueueControl


def queue_is_open() -> ColumnElement[bool]:
    """Whether no operator has paused the whole queue."""
    return ~select(QueueControl.id).where(QueueControl.paused_at.is_not(None)).exists()
