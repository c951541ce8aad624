"""Heartbeats of transcribers, as they are written and read."""

from typing import Any

import pytest
from sqlalchemy import select, text

from archivist_common.database.engine import Database
from archivist_common.database.models import Worker
from archivist_common.jobs import workers

READY: dict[str, Any] = {"slots": 4, "free_slots": 3, "ready": True, "reason": None, "details": {"machine": "m"}}


async def report(db: Database, worker_id: str, **changes: Any) -> None:
    async with db.transaction() as session:
        await workers.report(session, worker_id, **(READY | changes))


async def test_a_heartbeat_is_a_row_and_the_next_one_takes_its_place(db: Database) -> None:
    await report(db, "a", ready=False, reason="loading its model")
    await report(db, "a")
    async with db.transaction() as session:
        [state] = await workers.states(session)
        row = await session.get_one(Worker, "a", populate_existing=True)
    assert (state.id, state.ready, state.reason, state.slots, state.free_slots) == ("a", True, None, 4, 3)
    assert state.age_s < 5
    assert row.details == {"machine": "m"}
    assert row.host


@pytest.mark.parametrize(("age_s", "live"), [(25, True), (35, False)])
async def test_a_worker_without_a_heartbeat_for_thirty_seconds_is_gone(db: Database, age_s: int, live: bool) -> None:
    await report(db, "a")
    async with db.transaction() as session:
        old = text("UPDATE workers SET heartbeat_at = clock_timestamp() - make_interval(secs => :age)")
        await session.execute(old, {"age": age_s})
        [state] = await workers.states(session)
        found = (await session.scalars(select(Worker.id).where(workers.is_live()))).all()
    assert state.is_live is live
    assert list(found) == (["a"] if live else [])
    assert age_s <= state.age_s < age_s + 5


async def test_a_worker_that_stops_on_purpose_is_removed(db: Database) -> None:
    await report(db, "a")
    await report(db, "b")
    async with db.transaction() as session:
        await workers.remove(session, "a")
        assert [state.id for state in await workers.states(session)] == ["b"]
