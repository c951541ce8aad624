"""Repairs what a crash or a lost message left: run by transcriber, vod and monitor, one at a time.

Jobs with an expired lease are requeued, events not yet relayed are relayed, old rows are deleted. An outage of the
database is no worker's crash: for the length of a lease after it none expires, so that every worker can renew first.
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
from archivist_common.observability.outage import Outage
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
    """Reconcile for ever. A database that is unavailable, or not migrated yet, is waited for, and logged once."""
    database = Outage(log, "database", meanwhile="the reconciler waits")
    spare_until = 0.0
    while True:
        try:
            await migrate.check(db)
            if database.is_active:
                spare_until = time.monotonic() + lease.total_seconds()
            await run_once(db, notifier, lease, expire=time.monotonic() >= spare_until)
            database.recovered()
        except (DatabaseUnavailable, SchemaMismatch) as exc:
            database.failed(exc)
        except Exception:
            log.exception("reconciler iteration failed")
        await asyncio.sleep(every.total_seconds())


async def run_once(db: Database, notifier: outbox.WakeUps, lease: timedelta, *, expire: bool = True) -> bool:
    """One iteration. expire: whether expired leases are released. False when another process leads it."""
    async with db.transaction() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LEADER_LOCK))):
            return False
        if expire:
            await _expire_leases(session, lease)
        await _prune(session)
    await outbox.relay(db, notifier)
    metrics.RECONCILER_LAST_SUCCESS.set_to_current_time()
    return True


async def _expire_leases(session: AsyncSession, lease: timedelta) -> None:
    for job_id, status in await jobs.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        log.warning("lease expired", extra={"transcription_id": job_id, "status": status})
    for job_id, number, chunk_status in await chunks.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        fields = {"transcription_id": job_id, "chunk": number, "status": chunk_status}
        log.warning("lease of a chunk expired", extra=fields)
    for publication_id, publication_status in await publishing.expire_leases(session, lease):
        metrics.LEASE_EXPIRED.inc()
        fields = {"publication_id": publication_id, "status": publication_status}
        log.warning("lease of a publication expired", extra=fields)


async def _prune(session: AsyncSession) -> None:
    for column, age in _KEEP:
        await session.execute(delete(column.class_).where(column < database_in(-age)))
    await chunks.forget(session, Transcription.completed_date < database_in(-_CHUNKS_KEPT))
