"""When jobs start and end, as a sum a person can do by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text

from archivist_common.database.models import MachineSpeed, Worker
from archivist_common.jobs import chunks, estimates, lifecycle, planning, queue_control, requests
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.estimates import Learned, Load, forecast
from archivist_common.jobs.lifecycle import JobOutcome

NOW = datetime(2026, 6, 1, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=30)


def load(
    number: int, minutes: float | None, *, after: int = 0, running: bool = False, held_back: bool = False
) -> Load:
    left = None if minutes is None else minutes * 60_000
    return Load(UUID(int=number), running, left, NOW + after * MINUTE, held_back)


def told(loads: list[Load], rate: float = 2.0) -> dict[int, tuple[float | None, float | None]]:
    """Minutes from now of (start, finish), by number."""
    return {
        key.int: tuple(None if at is None else (at - NOW) / MINUTE for at in (one.start, one.finish))
        for key, one in forecast(loads, rate, NOW).items()
    }


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([load(1, 60)], {1: (0, 30)}, id="alone"),
        pytest.param(
            [load(1, 20, running=True), load(2, 60), load(3, 10)],
            {1: (None, 10), 2: (10, 40), 3: (40, 45)},
            id="one-after-the-other",
        ),
        pytest.param(
            [load(1, 60, after=100), load(2, 20)], {2: (0, 10), 1: (100, 130)}, id="tonight-lets-others-pass"
        ),
        pytest.param(
            [load(1, 60, after=5), load(2, 20), load(3, 20)],
            {2: (0, 10), 1: (10, 40), 3: (40, 50)},
            id="and-goes-by-its-place-once-it-may",
        ),
        pytest.param(
            [load(1, 60, held_back=True), load(2, 20)], {2: (0, 10)}, id="what-is-held-back-has-no-time"
        ),
        pytest.param(
            [load(1, 20), load(2, None), load(3, 20)], {1: (0, 10), 2: (10, None)}, id="behind-an-unknown-length"
        ),
    ],
)  # fmt: skip
def test_estimates_are_the_sum_of_what_lies_before(loads, expected) -> None:
    assert told(loads) == expected


@given(
    st.lists(
        st.builds(
            load,
            st.uuids().map(lambda one: one.int),
            st.floats(0, 600),
            after=st.integers(0, 600),
            held_back=st.booleans(),
        ),
        max_size=30,
        unique_by=lambda one: one.id,
    )
)
def test_no_slot_is_idle_while_somebody_may_start_and_nobody_starts_early(loads: list[Load]) -> None:
    found = forecast(loads, 3.0, NOW)
    assert set(found) == {one.id for one in loads if not one.held_back}
    for one in loads:
        if not one.held_back:
            assert found[one.id].start >= one.not_before
    work = sum(one.left_ms for one in loads if not one.held_back) / 1000 / 3.0
    latest = max((one.not_before for one in loads if not one.held_back), default=NOW)
    last = max((one.finish for one in found.values()), default=NOW)
    assert last <= latest + timedelta(seconds=work + 1)


async def machine(db, name: str, slots: int, *, speed: object = None, ready: bool = True, age: int = 0) -> None:
    async with db.transaction() as session:
        details = {} if speed is None else {"speed": speed}
        row = {"id": name, "host": name, "slots": slots, "free_slots": slots, "ready": ready, "details": details}
        await session.execute(insert(Worker).values(row))
        moved = text("UPDATE workers SET heartbeat_at = now() - :age * interval '1 second' WHERE id = :id")
        await session.execute(moved, {"age": age, "id": name})


async def submitted(db, submission, **changes):
    async with db.transaction() as session:
        return (await requests.submit(session, submission(**changes), max_queue=100))[0]


async def now(db, learned=None):
    async with db.transaction() as session:
        return await estimates.read(session, learned or Learned(1.0, {"": 100.0}))


async def test_the_rate_is_that_of_every_machine_that_is_ready(db, submission) -> None:
    job_id = await submitted(db, submission, size_bytes=600_000 * 100)  # ten minutes
    assert await now(db) == estimates.Forecast()
    await machine(db, "not-measured", 4)
    assert await now(db) == estimates.Forecast(4)
    await machine(db, "a", 2, speed=10.0)  # 30 s of speech take 10 s in each of two slots: 6
    await machine(db, "b", 1, speed=30)  # 1
    await machine(db, "gone", 8, speed=1.0, age=31)
    await machine(db, "not-ready", 8, speed=1.0, ready=False)
    await machine(db, "garbled", 1, speed="fast")
    found = await now(db)
    assert (found.slots, found.rate) == (8, pytest.approx(7.0))
    one = found.of[job_id]
    assert (one.finish - one.start).total_seconds() == pytest.approx(600 / 7, abs=0.01)
    half = await now(db, Learned(0.5, {"": 100.0}))
    assert half.rate == pytest.approx(14.0)


async def test_a_machine_that_tells_no_speed_has_the_one_it_measured_last(db, submission) -> None:
    await machine(db, "a", 1)
    async with db.transaction() as session:
        for recipe, window_s, measured in (("old", 1.0, NOW - MINUTE), ("new", 15.0, NOW)):
            row = MachineSpeed(
                host="a", model="demo", recipe=recipe, threads=1, window_s=window_s, measured_date=measured
            )
            session.add(row)
    assert (await now(db)).rate == pytest.approx(2.0)


async def test_what_is_held_back_has_no_times_and_a_length_that_is_not_known_has_no_end(db, submission, user) -> None:
    await machine(db, "a", 1, speed=30)
    first, second = await submitted(db, submission), await submitted(db, submission)
    found = await now(db, Learned())
    assert found.of[first].start is not None
    assert found.of[first].finish is None
    assert second not in found.of
    async with db.transaction() as session:
        await queue_control.pause(session, first)
    assert set((await now(db)).of) == {second}
    async with db.transaction() as session:
        await queue_control.pause_all(session, user_id=await user(db, "operator"))
    assert (await now(db)).of == {}


async def test_what_is_left_of_a_running_job_counts(db, claimed) -> None:
    await machine(db, "a", 1, speed=30)
    held = await claimed(db)
    async with db.transaction() as session:
        await lifecycle.advance(session, held, lifecycle.StageProgress("transcribe", 50, 60_000, 90_000))
    one = (await now(db)).of[held.id]
    assert one.start is None
    async with db.transaction() as session:
        left = one.finish - await session.scalar(text("SELECT clock_timestamp()"))
    assert timedelta(seconds=20) < left <= timedelta(seconds=30)


async def test_completed_recordings_teach_their_bytes_and_their_share_of_speech(db, claimed) -> None:
    async with db.transaction() as session:
        assert await estimates.learn(session) == Learned()
    for storage, size in (("flex-1", 6_000_000), ("flex-2", 60_000_000)):
        held = await claimed(db, storage=storage, size_bytes=size)
        cut = Cut(0, 0, 60_000, ((0, 16_000 * 20), (16_000 * 30, 16_000 * 40)), "en")  # 30 s of speech
        async with db.transaction() as session:
            await planning.add(session, held, "r", [cut])
            row = await session.execute(chunks.next_due("r", None))
            chunk = await chunks.claim_locked(session, row.one()[0], "a", LEASE)
            await chunks.finish(session, chunk, ChunkTranscript((), 0, 0), timedelta(seconds=1))
            await lifecycle.complete(session, held, JobOutcome((), 60_000, "en", None, ()))
    async with db.transaction() as session:
        learned = await estimates.learn(session)
    assert learned.speech_share == pytest.approx(0.5)
    assert learned.bytes_per_ms == pytest.approx({"flex-1": 100, "flex-2": 1000, "": 550})
    assert learned.length_ms("flex-1", 100_000) == pytest.approx(1000)
    assert learned.length_ms("flex-9", 550_000) == pytest.approx(1000)
    assert learned.length_ms("flex-1", None) is None
