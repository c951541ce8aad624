"""An attempt at a publication under its lease: renewed meanwhile, released when the process stops."""

import asyncio
import logging

from archivist_common.errors import ArchivistError, Fenced
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.observability import metrics
from archivist_common.publishing import lifecycle
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_vod.attempts.attempt import Attempt
from archivist_vod.attempts.deps import Deps
from archivist_vod.attempts.state import Ended

log = logging.getLogger(__name__)

_RELEASE_S = 2


async def run(deps: Deps, claim: PublicationClaim) -> None:
    """Bring a claimed publication as far as it goes now.

    Raises DatabaseUnavailable when it could not be written how that ended: it is still claimed.
    """
    keeper = LeaseKeeper(deps.lease, clock=deps.clock)
    attempt = Attempt(deps, claim, keeper)

    async def renew() -> None:
        async with deps.db.transaction() as session:
            await lifecycle.renew(session, claim, deps.lease)

    try:
        async with keeper.kept(renew):
            await attempt.go()
    except Ended:
        return
    except Fenced:
        metrics.FENCED_WRITES.labels("vod").inc()
        log.info("publication lost its lease", extra={"publication_id": str(claim.id), "attempt": claim.attempt})
    except asyncio.CancelledError:
        await _release(deps, attempt.state.claim)
        raise


async def _release(deps: Deps, claim: PublicationClaim) -> None:
    """The process stops: the next one goes on at once, rather than when the lease has expired."""
    try:
        async with asyncio.timeout(_RELEASE_S), deps.db.transaction() as session:
            await lifecycle.reschedule(session, claim, deps.pace.at_least(claim.stage))
    except (ArchivistError, TimeoutError):
        log.info("publication not released; its lease will expire", extra={"publication_id": str(claim.id)})
