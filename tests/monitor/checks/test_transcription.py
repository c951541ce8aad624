"""The queue and its workers as the monitor sees them, on rows of a real database."""

import math
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import event, insert, text

from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import OutboxEvent, Transcription, Worker
from archivist_common.errors import DatabaseUnavailable
from archivist_monitor import gauges
from archivist_monitor.check import Status
from archivist_monitor.checks.transcription import TranscriptionCheck
from archivist_monitor.thresholds import Judged, judge


async def _worker(db: Database, name: str = "host-a", *, age_s: float = 1, **changes: object) -> None:
    plain: dict[str, object] = {"host": name, "slots": 2, "free_slots": 0, "ready": True}
    async with db.transaction() as session:
        await session.execute(
            insert(Worker).values(id=name, heartbeat_at=database_in(timedelta(seconds=-age_s)), **plain | changes)
        )


async def _jobs(db: Database, count: int, *, waiting_s: float = 1, **changes: object) -> None:
    plain: dict[str, object] = {"storage": "flex-1", "filename": "a.mp4", "file_path": "a.mp4"}
    async with db.transaction() as session:
        await session.execute(
            insert(Transcription),
            [plain | {"dedupe_key": uuid4().hex} | changes for _ in range(count)],
        )
        await session.execute(
            text("UPDATE transcriptions SET available_at = now() - :age * interval '1 second'"), {"age": waiting_s}
        )


async def _look(db: Database) -> Judged:
    return judge(await TranscriptionCheck(db).read(), 0, {})[0]


def _sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_a_ready_worker_and_an_empty_queue_are_healthy(db: Database) -> None:
    await _worker(db)
    found = await _look(db)
    assert (found.status, found.reason) == (Status.HEALTHY, None)


async def test_no_worker_at_all_is_unhealthy(db: Database) -> None:
    found = await _look(db)
    assert (found.status, found.reason) == (Status.UNHEALTHY, "no heartbeat of a transcriber for 30 s")


@pytest.mark.parametrize(("age_s", "status"), [(25, Status.HEALTHY), (35, Status.UNHEALTHY)])
async def test_a_worker_without_a_heartbeat_for_thirty_seconds_is_dead(
    db: Database, age_s: float, status: Status
) -> None:
    await _worker(db, age_s=age_s)
    assert (await _look(db)).status is status


async def test_a_worker_that_is_not_ready_says_why(db: Database) -> None:
    await _worker(db, ready=False, reason="model missing: /opt/models/small has no model.bin")
    alone = await _look(db)
    assert alone.status is Status.UNHEALTHY
    assert alone.reason == "host-a is not ready: model missing: /opt/models/small has no model.bin"
    await _worker(db, "host-b")
    assert (await _look(db)).status is Status.DEGRADED


async def test_the_queue_is_counted_where_it_is_kept(db: Database) -> None:
    """Seed defect 2: the length was read from the wrong Redis database and so was always 0. Ours needs no Redis."""
    await _worker(db)
    await _jobs(db, 50)
    assert (await _look(db)).status is Status.HEALTHY
    await _jobs(db, 1)
    found = await _look(db)
    assert (found.status, found.reason) == (Status.DEGRADED, "queue_length is 51 jobs, degraded above 50")


async def test_counting_a_long_queue_reads_no_list(db: Database) -> None:
    """Seed defect 6: the whole queue was fetched to learn its length. Ours is counted by the database."""
    await _jobs(db, 2_000)
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    async with db.transaction() as session:
        connection = await session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        try:
            await TranscriptionCheck(db).read()
        finally:
            event.remove(connection.sync_connection, "before_cursor_execute", note)
        of_jobs = [each for each in asked if "FROM transcriptions" in each[0]]
        assert of_jobs
        for statement, parameters in of_jobs:
            assert len((await connection.exec_driver_sql(statement, parameters)).all()) <= 5


async def test_a_job_that_waits_for_two_minutes_while_a_slot_is_free_is_reported(db: Database) -> None:
    await _jobs(db, 1, waiting_s=130)
    await _worker(db, free_slots=0)
    assert (await _look(db)).status is Status.HEALTHY
    await _worker(db, "host-b", free_slots=1)
    found = await _look(db)
    assert found.status is Status.DEGRADED
    assert "oldest_waiting is 130" in (found.reason or "")


async def test_a_job_that_is_to_be_tried_again_later_does_not_wait_yet(db: Database) -> None:
    await _worker(db, free_slots=1)
    await _jobs(db, 1, waiting_s=-300)
    assert (await _look(db)).status is Status.HEALTHY
    assert _sample("archivist_job_oldest_pending_seconds") == 0


async def test_the_gauges_have_the_figures(db: Database) -> None:
    await _worker(db, age_s=5)
    await _jobs(db, 3, waiting_s=60)
    await _jobs(db, 2, status="failed")
    async with db.transaction() as session:
        await session.execute(
            insert(OutboxEvent).values(event="transcription.queued", created_date=database_in(timedelta(seconds=-9)))
        )
    await TranscriptionCheck(db).read()
    counts = {status: _sample("archivist_jobs", status=status) for status in ("pending", "failed", "completed")}
    assert counts == {"pending": 3, "failed": 2, "completed": 0}
    assert _sample("archivist_outbox_unsent") == 1
    assert _sample("archivist_outbox_oldest_age_seconds") == pytest.approx(9, abs=5)
    assert _sample("archivist_worker_last_heartbeat_timestamp_seconds", worker="host-a") is not None


async def test_with_the_database_unavailable_old_values_are_not_exported(db: Database) -> None:
    await _worker(db)
    await TranscriptionCheck(db).read()
    bind = engine("postgresql+asyncpg://postgres@/archivist?host=/nonexistent", 1, 0, "tests")
    with pytest.raises(DatabaseUnavailable):
        await TranscriptionCheck(Database(bind)).read()
    await bind.dispose()
    assert _sample("archivist_jobs", status="pending") is None
    assert _sample("archivist_worker_last_heartbeat_timestamp_seconds", worker="host-a") is None
    assert math.isnan(_sample("archivist_outbox_unsent") or 0)
    assert gauges.UNKNOWN != gauges.UNKNOWN
