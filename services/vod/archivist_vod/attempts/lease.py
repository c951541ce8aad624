"""An attempt at a publication while its lease is ours: renewed meanwhile, given back when the process stops."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from archivist_common.errors import ArchivistError, DatabaseUnavailable, Fenced
from archivist_common.observability import metrics
from archivist_common.publishing import lifecycle
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_vod.attempts.attempt import Attempt
from archivist_vod.attempts.deps import Deps
from archivist_vod.attempts.ledger import LeaseGate
from archivist_vod.attempts.state import Ended

log = logging.getLogger(__name__)

_RENEWALS = 4  # in a lease


async def run(deps: Deps, held: PublicationClaim) -> None:
    """Bring a claimed publication as far as it goes now.

    Raises DatabaseUnavailable when it could not be written how that ended: it is still held.
    """
    gate = LeaseGate(min(10.0, deps.lease.total_seconds() / 3), deps.clock)
    attempt = Attempt(deps, held, gate)
    try:
        async with _renewed(deps, held, gate):
            await attempt.go()
    except Ended:
        return
    except Fenced:
        metrics.FENCED_WRITES.labels("vod").inc()
        log.info("publication lost", extra={"publication_id": str(held.id), "attempt": held.attempt})
    except asyncio.CancelledError:
        await _give_back(deps, attempt.standing.held)
        raise


async def _give_back(deps: Deps, held: PublicationClaim) -> None:
    """The process stops: the next one goes on at once, rather than when the lease has lapsed."""
    try:
        async with asyncio.timeout(2), deps.db.transaction() as session:
            await lifecycle.reschedule(session, held, deps.pace.at_least(held.stage))
    except (ArchivistError, TimeoutError):
        log.info("a publication was left to its lease", extra={"publication_id": str(held.id)})


@asynccontextmanager
async def _renewed(deps: Deps, held: PublicationClaim, gate: LeaseGate) -> AsyncIterator[None]:
    """The lease is renewed while the block runs. One that is lost ends the block with Fenced."""
    working = asyncio.current_task()
    lost: list[Fenced] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(deps.lease.total_seconds() / _RENEWALS)
            asked = deps.clock()
            try:
                async with deps.db.transaction() as session:
                    await lifecycle.renew(session, held, deps.lease)
            except DatabaseUnavailable:
                continue  # the gate closes by itself
            except Fenced as exc:
                gate.lose()
                lost.append(exc)
                if working is not None:
                    working.cancel()
                return
            gate.renewed(asked)

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost and working is not None:
            working.uncancel()
            raise lost[0] from None
        raise
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
