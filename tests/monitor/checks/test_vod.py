"""Publishing as the monitor sees it, on rows of a real database."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert

from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database
from archivist_common.database.models import Effect, Publication, PublishTarget, SyncRun
from archivist_monitor.check import Status
from archivist_monitor.checks.vod import VodCheck
from archivist_monitor.thresholds import Judged, judge

_numbers = iter(range(1, 10_000))


def _ago(seconds: float) -> Any:
    return database_in(timedelta(seconds=-seconds))


async def _target(db: Database, name: str = "cablecast", *, seen_s: float = 1, **changes: Any) -> None:
    async with db.transaction() as session:
        row = {"name": name, "kind": name, "seen_at": _ago(seen_s)}
        await session.execute(insert(PublishTarget).values(**row | changes))


async def _publication(db: Database, *, target: str = "cablecast", **changes: Any) -> Any:
    plain = {"target": target, "storage": "flex-1", "file_path": f"{next(_numbers)}.mp4", "key": "arc-1"}
    async with db.transaction() as session:
        return await session.scalar(insert(Publication).values(**plain | changes).returning(Publication.id))


async def _look(db: Database) -> Judged:
    return judge(await VodCheck(db).read(), 0, {})[0]


async def test_a_station_that_publishes_nowhere_is_healthy_and_told_so(db: Database) -> None:
    found = await _look(db)
    assert (found.status, found.reason) == (Status.HEALTHY, "publishing is not set up")


async def test_a_target_that_answers_is_healthy(db: Database) -> None:
    await _target(db)
    await _publication(db, status="published")
    await _publication(db)
    found = await _look(db)
    assert (found.status, found.reason) == (Status.HEALTHY, None)
    values = {value.name: value.value for value, _ in found.parts["cablecast"].values}
    assert (values["waiting"], values["held"], values["needing_attention"]) == (1, 0, 0)


async def test_a_stopped_target_is_unhealthy_and_says_why_and_how_many_wait(db: Database) -> None:
    await _target(db, stopped_at=_ago(60), stopped_code="TARGET_DENIED", stopped_reason="HTTP 401: who are you")
    await _publication(db)
    await _publication(db)
    found = await _look(db)
    told = "cablecast: stopped: HTTP 401: who are you; 2 publications waiting"
    assert (found.status, found.reason) == (Status.UNHEALTHY, told)


@pytest.mark.parametrize(
    ("unavailable_s", "status"), [(60, Status.DEGRADED), (3_500, Status.DEGRADED), (3_700, Status.UNHEALTHY)]
)
async def test_an_unavailable_target_is_degraded_and_after_an_hour_unhealthy(
    db: Database, unavailable_s: float, status: Status
) -> None:
    await _target(db, away_since=_ago(unavailable_s), away_reason="no answer")
    found = await _look(db)
    assert found.status is status
    assert f"unavailable for {unavailable_s / 60:.0f} minutes: no answer; 0 publications waiting" in (
        found.reason or ""
    )


async def test_a_target_that_no_publisher_serves_is_unhealthy_only_while_something_waits(db: Database) -> None:
    await _target(db, seen_s=600)
    assert (await _look(db)).status is Status.HEALTHY
    await _publication(db, status="published")
    assert (await _look(db)).status is Status.HEALTHY
    await _publication(db)
    found = await _look(db)
    assert found.status is Status.UNHEALTHY
    assert "no publisher has had this target in its settings" in (found.reason or "")
    assert "1 publications waiting" in (found.reason or "")


async def test_a_target_once_stopped_and_taken_out_of_the_settings_troubles_nobody(db: Database) -> None:
    await _target(db, seen_s=86_400, stopped_at=_ago(90_000), stopped_reason="HTTP 401")
    assert (await _look(db)).status is Status.HEALTHY


async def test_what_is_due_for_a_quarter_of_an_hour_is_reported_while_the_target_is_there(db: Database) -> None:
    await _target(db)
    await _publication(db, available_at=_ago(-3_600))  # followed: looked at again in an hour
    await _publication(db, available_at=_ago(800))
    assert (await _look(db)).status is Status.HEALTHY
    await _publication(db, available_at=_ago(1_000))
    found = await _look(db)
    assert found.status is Status.DEGRADED
    assert "overdue is 100" in (found.reason or "")


async def test_what_has_needed_an_operator_for_an_hour_is_reported(db: Database) -> None:
    await _target(db)
    for since in (60, 3_700, 3_800):
        await _publication(db, attention_code="VOD_WAITING", attention_since=_ago(since))
    found = await _look(db)
    told = "cablecast: waiting for an operator at the target for an hour: VOD_WAITING (2)"
    assert (found.status, found.reason) == (Status.DEGRADED, told)


async def test_held_publications_are_counted_and_are_no_trouble_of_the_machine(db: Database) -> None:
    """A station that approves everything has some held all day."""
    await _target(db)
    await _publication(db, status="held", error_code="APPROVAL_NEEDED")
    await _publication(db, attention_code="VOD_ERROR", attention_since=_ago(5))
    found = await _look(db)
    assert found.status is Status.HEALTHY
    values = {value.name: value.value for value, _ in found.parts["cablecast"].values}
    assert (values["held"], values["needing_attention"]) == (1, 2)
    labels = {"target": "cablecast"}
    assert REGISTRY.get_sample_value("archivist_publications_needing_attention", labels) == 2
    assert REGISTRY.get_sample_value("archivist_publications", labels | {"status": "held"}) == 1
    assert REGISTRY.get_sample_value("archivist_publications", labels | {"status": "failed"}) == 0


@pytest.mark.parametrize(
    ("state", "age_s", "status"),
    [
        pytest.param("intended", 600, Status.HEALTHY, id="being-asked-for"),
        pytest.param("intended", 1_000, Status.DEGRADED, id="asked-for-long-ago"),
        pytest.param("unknown", 1_000, Status.DEGRADED, id="unknown"),
        pytest.param("confirmed", 1_000, Status.HEALTHY, id="confirmed"),
    ],
)
async def test_a_change_whose_outcome_stays_unknown_is_reported(
    db: Database, state: str, age_s: float, status: Status
) -> None:
    await _target(db)
    publication = await _publication(db, status="published")
    settled = {"settled_date": _ago(1)} if state == "confirmed" else {}
    async with db.transaction() as session:
        values = {"publication_id": publication, "key": "vod:1:2", "state": state, "attempt": 1}
        await session.execute(insert(Effect).values(created_date=_ago(age_s), **values, **settled))
    found = await _look(db)
    assert found.status is status
    if status is Status.DEGRADED:
        assert "outcome of 1 changes" in (found.reason or "")


async def test_the_last_sync_is_shown_and_one_that_failed_is_told_of_until_the_next_has_ended(db: Database) -> None:
    await _target(db)
    ended = {"target": "cablecast", "kind": "shows", "mode": "full"}
    async with db.transaction() as session:
        done = {"status": "completed", "started_date": _ago(7_200), "finished_date": _ago(7_000)}
        await session.execute(insert(SyncRun).values(**ended, **done))
    found = await _look(db)
    value = next(value for value, _ in found.parts["cablecast"].values if value.name == "last_sync")
    assert (found.status, value.value) == (Status.HEALTHY, pytest.approx(7_000, abs=30))
    failed = {"status": "failed", "error_code": "SYNC_TOO_MANY_GONE", "error_message": "6 of 10 would be gone"}
    async with db.transaction() as session:
        await session.execute(insert(SyncRun).values(**ended, **failed, finished_date=_ago(60)))
        await session.execute(insert(SyncRun).values(**ended, status="running", moved_date=_ago(1)))
    found = await _look(db)
    told = "cablecast: sync of its shows and VODs failed: 6 of 10 would be gone"
    assert (found.status, found.reason) == (Status.DEGRADED, told)


async def test_one_of_two_targets_stopped_is_the_stations_trouble(db: Database) -> None:
    await _target(db)
    await _target(db, "folder", stopped_at=_ago(60), stopped_reason="no right to write")
    found = await _look(db)
    assert found.status is Status.UNHEALTHY
    assert found.parts["cablecast"].status is Status.HEALTHY
