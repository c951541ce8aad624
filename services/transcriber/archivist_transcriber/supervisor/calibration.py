"""How fast this machine transcribes, measured at its first start with a model and kept: what estimates come from."""

import logging
import socket

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import MachineSpeed
from archivist_common.errors import ArchivistError
from archivist_transcriber.supervisor.slot import Loaded
from archivist_transcriber.supervisor.supervision import SlotProtocol

log = logging.getLogger(__name__)


async def of(db: Database, slot: SlotProtocol, loaded: Loaded) -> float | None:
    """Seconds of computing for thirty seconds of speech in one slot: as stored, else measured now and stored.

    None where it could not be measured; there are no estimates then.
    """
    try:
        async with db.transaction() as session:
            known = await _known(session, slot, loaded)
        if known is not None:
            return known
        window_s = await slot.measure()
        async with db.transaction() as session:
            await _store(session, slot, loaded, window_s)
    except (ArchivistError, TimeoutError) as exc:
        log.warning("speed of the machine not measured", extra={"slot": slot.number, "why": str(exc)})
        return None
    log.info(
        "speed of the machine measured",
        extra={"window_s": round(window_s, 3), "times_real_time": round(30 / window_s, 1)},
    )
    return window_s


async def _known(session: AsyncSession, slot: SlotProtocol, loaded: Loaded) -> float | None:
    found: float | None = await session.scalar(
        select(MachineSpeed.window_s).where(
            MachineSpeed.host == socket.gethostname(),
            MachineSpeed.model == loaded.model,
            MachineSpeed.recipe == loaded.recipe,
            MachineSpeed.threads == slot.threads,
        )
    )
    return found


async def _store(session: AsyncSession, slot: SlotProtocol, loaded: Loaded, window_s: float) -> None:
    row = {"window_s": window_s, "measured_date": database_now()}
    keys = {
        "host": socket.gethostname(), "model": loaded.model, "recipe": loaded.recipe, "threads": slot.threads
    }  # fmt: skip
    await session.execute(
        insert(MachineSpeed).values(**keys, **row).on_conflict_do_update(index_elements=list(keys), set_=row)
    )
