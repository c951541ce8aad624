"""Mends what a crash or a lost message left: run by transcriber, vod and monitor, one at a time.

Lapsed leases go back to the queue, bells that were not rung are rung, old bookkeeping is thrown away. An outage of
the database is nobody's crash: for a lease after it no lease lapses, so that every worker can renew first.
"""

import asyncio
import logging
import time
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database import migrate
from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database
from archivist_common.database.models import IdempotencyKey, OutboxEvent, SyncRun, SystemLog, Transcription, Worker
from archivist_common.errors import DatabaseUnavailable, SchemaMismatch
from archivist_common.events import outbox
from archivist_common.jobs import chunks
from archivist_common.jobs import lifecycle as jobs
from archivist_common.observability import metrics
from archivist_common.publishing import lifecycle as publishing

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
_LEADER_LOCK = 0x52656369  # "Reci"

_CHUNKS_KEPT = timedelta(days=7)  # after their job has ended: until then its retry goes on from them
_KEEP = (
    (IdempotencyKey.created_date, timedelta(days=1)),
    (OutboxEvent.created_date, timedelta(days=30)),
    (SystemLog.created_date, timedelta(days=365)),
    (Worker.heartbeat_at, timedelta(days=1)),
    (SyncRun.created_date, timedelta(days=90)),
)


async def run(db: Database, notifier: outbox.WakeUps, lease: timedelta, every: timedelta = EVERY) -> None:
    """Mend for ever. A database that is away, or not migrated yet, is waited for, and that is said once."""
    away = False
    spare_until = 0.0
    while True:
        try:
            await migrate.check(db)
            if away:
                spare_until = time.monotonic() + lease.total_seconds()
            await run_once(db, notifier, lease, lapses=time.monotonic() >= spare_until)
            if away:
                log.info("database is back")
            away = False
        except (DatabaseUnavailable, SchemaMismatch) as exc:
            if not away:
                log.warning("database is away; the reconciler waits", extra={"why": exc.message})
            away = True
        except Exception:
            log.exception("the reconciler stumbled")
        await asyncio.sleep(every.total_seconds())


async def run_once(db: Database, notifier: outbox.WakeUps, lease: timedelta, *, lapses: bool = True) -> bool:
    """One round. lapses: whether leases that ran out are taken back. False when another process is leading it."""
    async with db.transaction() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LEADER_LOCK))):
            return False
        if lapses:
            await _take_back(session, lease)
        await _prune(session)
    await outbox.relay(db, notifier)
    metrics.RECONCILER_LAST_SUCCESS.set_to_current_time()
    return True


async def _take_back(session: AsyncSession, lease: timedelta) -> None:
    for job_id, status in await jobs.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        log.warning("lease lapsed", extra={"transcription_id": job_id, "status": status})
    for job_id, number, chunk_status in await chunks.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        told = {"transcription_id": job_id, "chunk": number, "status": chunk_status}
        log.warning("lease of a chunk lapsed", extra=told)
    for publication_id, publication_status in await publishing.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        told = {"publication_id": publication_id, "status": publication_status}
        log.warning("lease of a publication lapsed", extra=told)


async def _prune(session: AsyncSession) -> None:
    for column, age in _KEEP:
        await session.execute(delete(column.class_).where(column < database_in(-age)))
    await chunks.forget(session, Transcription.completed_date < database_in(-_CHUNKS_KEPT))
