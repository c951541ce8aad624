"""A lease kept while work runs: renewed in time, through an outage; once it is lost, the work ends."""

import asyncio
from datetime import timedelta

import pytest

from archivist_common.errors import DatabaseUnavailable, Fenced
from archivist_common.leases.keeper import LeaseKeeper

SHORT = timedelta(seconds=0.15)  # renewed every 40 ms


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("lease_s", "every_s", "due_after_s"),
    [
        pytest.param(30, None, 8.0, id="3.75-times-in-a-lease"),
        pytest.param(30, 2, 2.0, id="as-often-as-asked"),
        pytest.param(3, 2, 0.8, id="more-often-for-a-short-lease"),
    ],
)
def test_a_renewal_is_due_well_before_the_lease_expires(
    lease_s: float, every_s: float | None, due_after_s: float
) -> None:
    clock = Clock()
    every = {} if every_s is None else {"every": timedelta(seconds=every_s)}
    keeper = LeaseKeeper(timedelta(seconds=lease_s), clock=clock, **every)
    clock.now += due_after_s - 0.01
    assert not keeper.is_due
    clock.now += 0.02
    assert keeper.is_due


@pytest.mark.parametrize(("lease_s", "fresh_s"), [(60, 10.0), (30, 10.0), (6, 2.0)])
def test_nothing_is_changed_elsewhere_unless_the_lease_was_renewed_just_now(lease_s: float, fresh_s: float) -> None:
    clock = Clock()
    keeper = LeaseKeeper(timedelta(seconds=lease_s), clock=clock)
    clock.now += fresh_s
    keeper.require()
    clock.now += 0.01
    assert not keeper.is_fresh
    with pytest.raises(Fenced, match="not renewed in time"):
        keeper.require()


async def test_a_renewal_counts_from_when_it_was_requested() -> None:
    clock = Clock()
    keeper = LeaseKeeper(timedelta(seconds=30), clock=clock)
    clock.now += 9
    async with keeper.renewing():
        clock.now += 6  # the database took its time
    clock.now += 4.5
    assert not keeper.is_fresh


async def test_a_renewal_that_found_no_database_does_not_count() -> None:
    clock = Clock()
    keeper = LeaseKeeper(timedelta(seconds=30), clock=clock)
    clock.now += 11
    with pytest.raises(DatabaseUnavailable):
        async with keeper.renewing():
            raise DatabaseUnavailable("gone")
    assert keeper.is_due
    assert not keeper.is_fresh


async def test_a_lost_lease_is_never_fresh_again() -> None:
    keeper = LeaseKeeper(timedelta(seconds=30))
    with pytest.raises(Fenced):
        async with keeper.renewing():
            raise Fenced("another attempt has it")
    assert not keeper.is_fresh
    async with keeper.renewing():
        pass
    assert not keeper.is_fresh


async def test_the_lease_is_renewed_while_the_block_runs_and_no_longer() -> None:
    times = 0

    async def renew() -> None:
        nonlocal times
        times += 1
        if times == 2:
            raise DatabaseUnavailable("for a moment")

    keeper = LeaseKeeper(SHORT)
    async with asyncio.timeout(10), keeper.kept(renew):
        while times < 4:
            await asyncio.sleep(0.01)
    ended_at = times
    await asyncio.sleep(0.15)
    assert times == ended_at


async def test_work_whose_lease_is_lost_ends_at_once_with_fenced() -> None:
    async def renew() -> None:
        raise Fenced("another attempt has it")

    keeper = LeaseKeeper(SHORT)
    async with asyncio.timeout(10):
        with pytest.raises(Fenced, match="another attempt"):
            async with keeper.kept(renew):
                await asyncio.sleep(60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "what comes after it is not cancelled"
    assert not keeper.is_fresh


async def test_a_cancellation_of_the_work_itself_stays_one() -> None:
    async def work() -> None:
        async with LeaseKeeper(timedelta(seconds=30)).kept(lambda: asyncio.sleep(0)):
            await asyncio.sleep(60)

    running = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
