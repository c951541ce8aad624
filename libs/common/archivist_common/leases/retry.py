"""Retry policy: whether and when a failed attempt is retried, and which counter it raises.

Retry classes of the reliability protocol, step 13, for jobs, chunks and publications alike.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Leased
from archivist_common.errors import ArchivistError, DecoderFailed, WorkerCrashed

MAX_CRASHES = 3  # a recording that killed its worker this often is poison (Sidekiq)
CRASHES_COUNT = timedelta(hours=72)  # and crashes that lie further apart are not of one cause
_BACKOFF_FIRST_S = 15
_BACKOFF_MOST_S = 600


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What a failure does to a row. again: whether it is retried. counts: columns to set."""

    again: ColumnElement[bool]
    counts: Mapping[str, Any]


def decide(row: type[Leased], error: ArchivistError, *, final: bool = False) -> RetryDecision:
    """By retry class: a crash is counted as one (within 72 h, of this row alone), anything else as a failure."""
    crashed = isinstance(error, WorkerCrashed)
    recent = func.coalesce(row.crashed_at > database_in(-CRASHES_COUNT), literal(False))
    crashes = case((recent, row.crash_count + 1), else_=1)
    failures = row.failure_count + 1
    counts = {"crash_count": crashes, "crashed_at": database_now()} if crashed else {"failure_count": failures}
    if final or not error.retryable:
        return RetryDecision(literal(False), counts)
    return RetryDecision(crashes < MAX_CRASHES if crashed else failures < error.tries, counts)


def wait_before(error: ArchivistError, attempt: int, spread: float | None = None) -> timedelta:
    """How long the next attempt waits. After a crash not at all: the worker is what was lost.

    But for a crash of the decoder: what ended it may be a shortage of memory, which passes.
    """
    if isinstance(error, WorkerCrashed) and not isinstance(error, DecoderFailed):
        return timedelta()
    return retry_delay(attempt, random.random() if spread is None else spread)  # noqa: S311 -- jitter, not a secret


def retry_delay(attempt: int, spread: float) -> timedelta:
    """Wait before the next attempt: full jitter, 15 s doubling to 10 min. spread: 0 to 1."""
    most = min(_BACKOFF_FIRST_S * 2 ** min(max(attempt - 1, 0), 16), _BACKOFF_MOST_S)
    return timedelta(seconds=most * spread)
