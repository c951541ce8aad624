"""The database's clock, in one place: leases and due times never read a worker's own."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Interval, func, literal


def database_now() -> ColumnElement[datetime]:
    """The moment the statement runs, by the database."""
    return func.clock_timestamp()


def database_in(delay: timedelta) -> ColumnElement[datetime]:
    """That moment and a delay."""
    return func.clock_timestamp() + literal(delay, Interval)
