"""The fence and the lease, on a real PostgreSQL, for each table whose rows are claimed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, literal, select, update

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import Publication, PublishTarget, Transcription
from archivist_common.errors import EngineUnavailable, Fenced, MediaUnreadable, WorkerCrashed
from archivist_common.jobs import chunks, lifecycle, planning
from archivist_common.jobs.chunks import CHUNK, Cut
from archivist_common.jobs.lifecycle import JOB
from archivist_common.leases import lease as leases
from archivist_common.leases.lease import Claim, Fence, Lease
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing.lifecycle import PUBLICATION
from archivist_common.shows import sync_runs
from archivist_common.shows.sync_runs import SyncKind, SyncMode
from archivist_vod.cablecast.sync import runs
from archivist_vod.cablecast.sync.runs import SYNC

LEASE = timedelta(seconds=30)
OWNER = "host-a/0"
CRASH = WorkerCrashed("the worker's lease expired")

Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]


async def a_job(db: Database, claimed: Claimed, lease: timedelta) -> Claim:
    return await claimed(db, owner=OWNER, lease=lease)


async def a_chunk(db: Database, claimed: Claimed, lease: timedelta) -> Claim:
    job = await claimed(db, owner="leader/0")
    async with db.transaction() as session:
        await planning.add(session, job, "recipe", [Cut(0, 0, 60_000, ((0, 16_000),), "en")])
        due = (await session.execute(chunks.next_due("recipe", None))).one()
        return await chunks.claim_locked(session, due[0], OWNER, lease)


async def _target(db: Database) -> None:
    async with db.transaction() as session:
        if await session.get(PublishTarget, "vod") is None:
            await session.execute(insert(PublishTarget).values(name="vod", kind="folder"))


async def a_publication(db: Database, claimed: Claimed, lease: timedelta) -> Claim:
    await _target(db)
    async with db.transaction() as session:
        many = await session.scalar(select(func.count()).select_from(Publication))
        await session.execute(
            insert(Publication).values(target="vod", storage="flex-1", file_path=f"{many}.mp4", key=f"key-{many}")
        )
        claim = await publishing.claim(session, OWNER, lease, ["vod"])
    assert claim is not None
    return claim


async def a_sync(db: Database, claimed: Claimed, lease: timedelta) -> Claim:
    await _target(db)
    async with db.transaction() as session:
        await sync_runs.request(session, "vod", SyncKind.SHOWS, SyncMode.FULL)
        claim = await runs.claim(session, "vod", lease)
    assert claim is not None
    return claim


@dataclass(frozen=True)
class Kind:
    """A table, and how a row of it comes to be claimed. others: claims of the same row that are not its own."""

    fence: Fence
    claimed: Callable[[Database, Claimed, timedelta], Awaitable[Claim]]
    others: tuple[Callable[[Any], Claim], ...]


OF_OTHERS = (
    lambda claim: replace(claim, attempt=claim.attempt - 1),
    lambda claim: replace(claim, attempt=claim.attempt + 1),
    lambda claim: replace(claim, owner="host-b/0"),
)
LEASES = {
    "job": Kind(JOB, a_job, OF_OTHERS),
    "chunk": Kind(CHUNK, a_chunk, OF_OTHERS),
    "publication": Kind(PUBLICATION, a_publication, OF_OTHERS),
}
FENCES = LEASES | {
    "sync": Kind(SYNC, a_sync, (lambda claim: replace(claim, moved=claim.moved - timedelta(microseconds=1)),))
}
fenced = pytest.mark.parametrize("kind", FENCES.values(), ids=FENCES)
leased = pytest.mark.parametrize("kind", LEASES.values(), ids=LEASES)


def lease_of(kind: Kind) -> Lease:
    assert isinstance(kind.fence, Lease)
    return kind.fence


async def row(db: Database, kind: Kind, claim: Claim) -> dict[str, Any]:
    table = kind.fence.table.__table__
    async with db.transaction() as session:
        return dict((await session.execute(select(table).where(table.c.id == claim.id))).mappings().one())


async def change(db: Database, kind: Kind, claim: Claim, **values: Any) -> None:
    """Write past every fence."""
    table = kind.fence.table
    async with db.transaction() as session:
        await session.execute(update(table).where(table.__table__.c.id == claim.id).values(**values))


async def write(db: Database, kind: Kind, claim: Claim, **values: Any) -> Any:
    async with db.transaction() as session:
        return await leases.write(session, kind.fence, claim, values or {"error_message": "written"})


@fenced
async def test_the_holder_of_a_claim_writes_its_row(db: Database, claimed: Claimed, kind: Kind) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    assert await write(db, kind, claim) is True
    assert (await row(db, kind, claim))["error_message"] == "written"


@fenced
async def test_a_write_under_another_token_is_fenced_and_changes_nothing(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    before = await row(db, kind, claim)
    for other in kind.others:
        with pytest.raises(Fenced, match="has lost its lease"):
            await write(db, kind, other(claim))
        async with db.transaction() as session:
            with pytest.raises(Fenced):
                await leases.lock(session, kind.fence, other(claim))
    assert await row(db, kind, claim) == before


@fenced
@pytest.mark.parametrize("status", ["pending", "failed"])
async def test_a_row_that_is_no_longer_claimed_takes_no_write(
    db: Database, claimed: Claimed, kind: Kind, status: str
) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    ended = kind.fence.ended(status) if isinstance(kind.fence, Lease) else {"status": status}
    await write(db, kind, claim, **ended)
    before = await row(db, kind, claim)
    with pytest.raises(Fenced):
        await write(db, kind, claim)
    assert await row(db, kind, claim) == before


@fenced
async def test_a_row_that_was_deleted_takes_no_write(db: Database, claimed: Claimed, kind: Kind) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    table = kind.fence.table.__table__
    async with db.transaction() as session:
        await session.execute(table.delete().where(table.c.id == claim.id))
    with pytest.raises(Fenced):
        await write(db, kind, claim)


@fenced
async def test_a_locked_row_is_nobody_elses_until_the_transaction_ends(
    committed_db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(committed_db, claimed, LEASE)
    free = select(kind.fence.table.__table__.c.id).with_for_update(skip_locked=True)
    async with committed_db.transaction() as mine:
        await leases.lock(mine, kind.fence, claim)
        async with asyncio.timeout(5), committed_db.transaction() as theirs:
            assert (await theirs.scalars(free)).all() == []
    async with committed_db.transaction() as session:
        assert (await session.scalars(free)).all() == [claim.id]


@leased
async def test_a_claim_has_an_owner_and_expires_by_the_clock_of_the_database(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    found = await row(db, kind, claim)
    assert (found["status"], found["attempt"], found["lease_owner"]) == ("processing", 1, OWNER)
    assert claim.token == (1, OWNER)
    await write(db, kind, claim, **lease_of(kind).renewed(timedelta(hours=1)))
    async with db.transaction() as session:
        now = (await session.execute(select(database_now()))).scalar_one()
    left = (await row(db, kind, claim))["lease_expires_at"] - now
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


@leased
async def test_a_released_row_is_due_at_once_and_charged_with_nothing(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    await change(db, kind, claim, available_at=database_in(timedelta(hours=1)))
    await write(db, kind, claim, **lease_of(kind).released())
    found = await row(db, kind, claim)
    assert (found["status"], found["lease_owner"], found["lease_expires_at"]) == ("pending", None, None)
    assert (found["attempt"], found["failure_count"], found["crash_count"]) == (1, 0, 0)
    async with db.transaction() as session:
        assert found["available_at"] <= (await session.execute(select(database_now()))).scalar_one()


@leased
async def test_of_an_owners_rows_those_it_does_not_know_of_are_released(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    table = lease_of(kind).table
    first, second = [await kind.claimed(db, claimed, LEASE) for _ in range(2)]
    async with db.transaction() as session:
        column = table.__table__.c.id
        assert await leases.release_unknown(session, lease_of(kind), "host-b/0", column) == []
        rows = await leases.release_unknown(session, lease_of(kind), OWNER, column, known=[first.id])
    assert [found[0] for found in rows] == [second.id]
    assert (await row(db, kind, first))["lease_owner"] == OWNER
    found = await row(db, kind, second)
    assert (found["status"], found["crash_count"], found["failure_count"]) == ("pending", 0, 0)


async def expire(db: Database, kind: Kind, lease: timedelta = timedelta(), **more: Any) -> list[Any]:
    of = lease_of(kind)
    async with db.transaction() as session:
        rows = await leases.expire(session, of, lease, CRASH, of.table.__table__.c.id, of.table.status, **more)
    return [tuple(found) for found in rows]


@leased
async def test_a_lease_that_has_expired_is_a_crash_and_its_holder_is_fenced(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim, live = await kind.claimed(db, claimed, timedelta(seconds=-1)), await kind.claimed(db, claimed, LEASE)
    assert await expire(db, kind) == [(claim.id, "pending")]
    found = await row(db, kind, claim)
    assert (found["lease_owner"], found["crash_count"], found["failure_count"]) == (None, 1, 0)
    assert (found["error_code"], found["error_message"]) == (CRASH.code, CRASH.message)
    assert found["crashed_at"] is not None
    assert (await row(db, kind, live))["lease_owner"] == OWNER
    with pytest.raises(Fenced):
        await write(db, kind, claim)


@leased
@pytest.mark.parametrize(
    ("crashes", "ago", "status", "counted"),
    [
        pytest.param(1, timedelta(hours=1), "pending", 2, id="the-second"),
        pytest.param(2, timedelta(hours=71), "failed", 3, id="the-third-within-72-hours"),
        pytest.param(2, timedelta(hours=73), "pending", 1, id="the-third-after-72-hours-is-a-first"),
    ],
)
async def test_the_third_crash_within_72_hours_is_the_last(
    db: Database, claimed: Claimed, kind: Kind, crashes: int, ago: timedelta, status: str, counted: int
) -> None:
    claim = await kind.claimed(db, claimed, timedelta(seconds=-1))
    await change(db, kind, claim, crash_count=crashes, crashed_at=database_in(-ago))
    assert await expire(db, kind) == [(claim.id, status)]
    assert (await row(db, kind, claim))["crash_count"] == counted


@leased
async def test_no_lease_expires_while_the_database_was_up_for_less_than_one(
    db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(db, claimed, timedelta(seconds=-1))
    assert await expire(db, kind, timedelta(days=3650)) == []
    assert await write(db, kind, claim) is True


@leased
async def test_what_was_not_running_is_not_charged(db: Database, claimed: Claimed, kind: Kind) -> None:
    claim = await kind.claimed(db, claimed, timedelta(seconds=-1))
    await change(db, kind, claim, crash_count=2, crashed_at=database_now())
    assert await expire(db, kind, uncharged=literal(True)) == [(claim.id, "pending")]
    assert (await row(db, kind, claim))["crash_count"] == 2


@leased
async def test_a_row_that_another_transaction_has_locked_expires_later(
    committed_db: Database, claimed: Claimed, kind: Kind
) -> None:
    claim = await kind.claimed(committed_db, claimed, timedelta(seconds=-1))
    async with committed_db.transaction() as hanging:
        await leases.lock(hanging, kind.fence, claim)
        async with asyncio.timeout(5):
            assert await expire(committed_db, kind) == []
    assert await expire(committed_db, kind) == [(claim.id, "pending")]


@leased
@pytest.mark.parametrize(
    ("error", "final", "status"),
    [
        pytest.param(EngineUnavailable("gone"), False, "pending", id="may-help"),
        pytest.param(EngineUnavailable("gone"), True, "failed", id="tried-often-enough"),
        pytest.param(MediaUnreadable("NUL\0in it"), False, "failed", id="cannot-help"),
    ],
)
async def test_a_failure_worth_a_retry_waits_and_is_counted(
    db: Database, claimed: Claimed, kind: Kind, error: Any, final: bool, status: str
) -> None:
    claim = await kind.claimed(db, claimed, LEASE)
    await write(db, kind, claim, **lease_of(kind).failed(error, timedelta(hours=1), final=final))
    found = await row(db, kind, claim)
    assert (found["status"], found["failure_count"], found["crash_count"]) == (status, 1, 0)
    assert (found["error_code"], found["error_message"]) == (error.code, error.message.replace("\0", "\ufffd"))
    async with db.transaction() as session:
        now = (await session.execute(select(database_now()))).scalar_one()
    assert timedelta(minutes=59) < found["available_at"] - now <= timedelta(hours=1)


@pytest.mark.parametrize("end", ["released", "failed", "expired"])
@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_job_asked_to_end_does_not_wait_again(
    db: Database, claimed: Claimed, end: str, cancelled: bool
) -> None:
    kind = LEASES["job"]
    claim = await kind.claimed(db, claimed, timedelta(seconds=-1))
    if cancelled:
        await change(db, kind, claim, cancel_requested_at=database_now())
    if end == "expired":
        await expire(db, kind)
    else:
        values = JOB.released() if end == "released" else JOB.failed(EngineUnavailable("gone"), timedelta())
        await write(db, kind, claim, **values)
    async with db.transaction() as session:
        job = await session.get_one(Transcription, claim.id)
    assert job.status == ("cancelled" if cancelled else "pending")
    assert (job.completed_date is not None) is cancelled
