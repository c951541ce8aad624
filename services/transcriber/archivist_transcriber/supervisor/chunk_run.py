"""One attempt at one chunk, from its claim to its end.

Run twice, the work is done once: an attempt that lost its lease meanwhile writes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common import failpoints
from archivist_common.errors import (
    ArchivistError,
    Cancelled,
    DatabaseUnavailable,
    Fenced,
    ResourceExhausted,
    SelfTestFailed,
)
from archivist_common.jobs import chunks
from archivist_common.jobs.chunks import ChunkClaim, ChunkTranscript
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.observability import logs, metrics
from archivist_transcriber import protocol
from archivist_transcriber.supervisor import supervision
from archivist_transcriber.supervisor.supervision import Deps, Movement, SlotProtocol

log = logging.getLogger(__name__)
T = TypeVar("T")

_REPORT_EVERY = timedelta(seconds=2)
_QUARANTINE = 2  # crashes, after which a chunk is tried with the least memory, in a process of its own


async def transcribe_chunk(deps: Deps, slot: SlotProtocol, claim: ChunkClaim) -> None:
    """Work on a claimed chunk and write how it ended. Never raises for what the chunk did; only when cancelled."""
    with logs.bound(transcription_id=str(claim.transcription_id), chunk=claim.cut.number, attempt=claim.attempt):
        failpoints.reach("chunk-claimed")
        began = time.monotonic()
        careful = claim.crash_count >= _QUARANTINE or claim.failed_with == ResourceExhausted.code
        try:
            if careful:
                await slot.kill("quarantine")
                await slot.start()
            transcript = await _transcribed(deps, slot, claim, careful)
            took = timedelta(seconds=time.monotonic() - began)
            await supervision.write_end(deps.db, lambda session: chunks.finish(session, claim, transcript, took))
            failpoints.reach("chunk-finished")
        except Fenced as exc:
            metrics.FENCED_WRITES.labels("transcriber").inc()
            log.info("chunk lost its lease", extra={"why": exc.message})
            _count("fenced")
        except asyncio.CancelledError:
            await slot.kill("shutdown")
            async with asyncio.timeout(supervision.RELEASE_S):
                await _ended(deps, lambda session: chunks.release(session, claim))
            raise
        except Cancelled:
            await _ended(deps, lambda session: chunks.release(session, claim))
            _count("released")
        except SelfTestFailed as exc:
            await _ended(deps, lambda session: chunks.release(session, claim))
            log.warning("chunk given back", extra={"code": exc.code, "detail": exc.message})
            _count("released")
        except ArchivistError as exc:
            error = exc
            status = await _ended(deps, lambda session: chunks.fail(session, claim, error))
            log.error("chunk failed", extra={"code": exc.code, "detail": exc.message, "status": status})
            _count("failed")
        else:
            metrics.CHUNK_AUDIO_SECONDS.inc((claim.cut.end_ms - claim.cut.start_ms) / 1000)
            metrics.UNHEARD_SPEECH_SECONDS.inc(sum(end - start for start, end in transcript.unheard) / 1000)
            metrics.CHUNK_SECONDS.observe(took.total_seconds())
            _count("completed")


async def _transcribed(deps: Deps, slot: SlotProtocol, claim: ChunkClaim, careful: bool) -> ChunkTranscript:
    cut = claim.cut
    movement = Movement(timedelta(milliseconds=cut.end_ms - cut.start_ms))
    keeper = LeaseKeeper(deps.lease, every=_REPORT_EVERY)

    async def beat() -> None:
        if keeper.is_due:
            async with keeper.renewing(), deps.db.transaction() as session:
                await chunks.renew(session, claim, deps.lease, movement.done_ms)

    work = protocol.ChunkWork(protocol.RecordingFile.of(claim), claim.model, cut, careful)
    proven = supervision.proven(slot, slot.transcribe(work, movement.update))
    return await supervision.watched(slot, proven, beat, movement)


async def _ended(deps: Deps, work: Callable[[AsyncSession], Awaitable[T]]) -> T | None:
    """End an attempt without a result. None when its end could not be written."""
    try:
        return await supervision.write_end(deps.db, work)
    except (Fenced, DatabaseUnavailable) as exc:
        log.warning("the end of a chunk's attempt was not written", extra={"code": exc.code})
        return None


def _count(outcome: str) -> None:
    metrics.CHUNK_ATTEMPTS.labels(outcome).inc()
