"""The queue as people order it: places asked for are places given, and a claim takes what is shown first."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent, Transcription
from archivist_common.errors import Conflict, MediaUnreadable, NotFound
from archivist_common.events import journal, outbox
from archivist_common.jobs import dispatch, lifecycle, queries, queue_control, requests
from archivist_common.jobs.chunks import Cut
from archivist_common.jobs.planning import add
from archivist_common.jobs.queries import JobFilter
from archivist_common.jobs.queue_control import between
from archivist_common.states import JobStatus

LEASE = timedelta(seconds=30)
T = TypeVar("T")


@given(
    ends=st.lists(st.decimals(-(10**12), 10**12, places=12, allow_nan=False), min_size=2, max_size=2, unique=True),
    counts=st.lists(st.integers(1, 150), min_size=1, max_size=20),
    side=st.sampled_from([0, -1]),
)
def test_between_two_keys_there_are_always_more(ends: list[Decimal], counts: list[int], side: int) -> None:
    low, high = sorted(ends)
    for count in counts:  # each time into the gap that the time before has left at one side
        keys = between(low, high, count)
        assert len(keys) == count
        for left, right in pairwise((low, *keys, high)):
            assert left < right
        low, high = (low, keys[0]) if side == 0 else (keys[-1], high)


def test_keys_stay_short_enough_for_the_database_after_two_thousand_moves_to_one_place() -> None:
    low, high = Decimal(1), Decimal(2)
    for _ in range(2_000):
        high = between(low, high, 1)[0]
    assert -high.as_tuple().exponent < 16_383 / 5  # of what PostgreSQL's numeric holds behind its point


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1)])
def test_between_equal_keys_there_is_nothing(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="no key lies between"):
        between(Decimal(low), Decimal(high), 1)


ORDERED = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 5)),
        st.tuples(st.just("move"), st.integers(0, 9), st.integers(1, 9)),
        st.tuples(st.just("prioritise"), st.integers(0, 9), st.integers(1, 5)),
        st.tuples(st.just("pause"), st.integers(0, 9)),
        st.tuples(st.just("resume"), st.integers(0, 9)),
        st.tuples(st.just("tie")),
        st.tuples(st.just("claim")),
    ),
    min_size=10,
    max_size=30,
)


def test_any_order_of_calls_keeps_one_order_and_claims_follow_the_places_shown(database_url: str) -> None:
    async def run(steps: list[tuple[Any, ...]]) -> None:
        engine = create_async_engine(database_url, poolclass=NullPool)
        async with engine.connect() as connection:
            outer = await connection.begin()
            try:
                await _play(Database(connection), steps)
            finally:
                await outer.rollback()
        await engine.dispose()

    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps=ORDERED)
    def any_order(steps: list[tuple[Any, ...]]) -> None:
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(run(steps))
        finally:
            loop.close()

    any_order()


async def _play(db: Database, steps: list[tuple[Any, ...]]) -> None:
    async def do(work: Callable[[AsyncSession], Coroutine[Any, Any, T]]) -> T:
        async with db.transaction() as session:
            return await work(session)

    async def shown() -> list[UUID]:
        """Waiting jobs by the places they are shown at."""
        page = await do(lambda session: queries.page(session, JobFilter(status=JobStatus.PENDING), None, 100))
        places = {reading.position: reading.id for reading in page}
        assert sorted(place or 0 for place in places) == list(range(1, len(page) + 1))
        return [places[place] for place in range(1, len(page) + 1)]

    paused: set[UUID] = set()
    for number, step in enumerate([("submit", 1), ("submit", 1), *steps]):
        before = await shown()
        which = (
            before[step[1] % len(before)] if before and step[0] in {"move", "prioritise", "pause", "resume"} else None
        )
        match step:
            case ("submit", priority):
                wish = requests.Submission("flex-1", f"{number}.mp4", 1, 1, "en", "demo", priority=priority)
                job_id, _ = await do(lambda session, wish=wish: requests.submit(session, wish, max_queue=100))
                assert [one for one in await shown() if one != job_id] == before
            case ("move", _, place) if which is not None:
                given_place = await do(lambda session, w=which, p=place: queue_control.move(session, w, p))
                after = await shown()
                assert given_place == min(place, len(before))
                assert after.index(which) + 1 == given_place
                assert [one for one in after if one != which] == [one for one in before if one != which]
            case ("prioritise", _, priority) if which is not None:
                await do(lambda session, w=which, p=priority: queue_control.prioritise(session, w, p))
                assert [one for one in await shown() if one != which] == [one for one in before if one != which]
            case ("pause", _) if which is not None:
                await do(lambda session, w=which: queue_control.pause(session, w))
                paused.add(which)
                assert await shown() == before
            case ("resume", _) if which is not None:
                await do(lambda session, w=which: queue_control.resume(session, w))
                paused.discard(which)
            case ("tie",):
                one_key = update(Transcription).where(Transcription.status == "pending").values(queue_key=5)
                await do(lambda session, one_key=one_key: session.execute(one_key))
            case ("claim",):
                held = await do(lambda session: lifecycle.claim(session, "a", LEASE))
                expected = next((one for one in before if one not in paused), None)
                assert (held.id if held else None) == expected


async def _submitted(db: Database, submission: Callable[..., requests.Submission], **changes: Any) -> UUID:
    async with db.transaction() as session:
        return (await requests.submit(session, submission(**changes), max_queue=1000))[0]


async def _events(db: Database, job_id: UUID) -> list[str]:
    async with db.transaction() as session:
        query = select(OutboxEvent.event).where(OutboxEvent.transcription_id == job_id).order_by(OutboxEvent.id)
        return [event.removeprefix("transcription.") for event in await session.scalars(query)]


async def _log(db: Database, job_id: UUID) -> list[str]:
    async with db.transaction() as session:
        return [entry.message for entry in await journal.of_transcription(session, job_id)]


async def test_jobs_of_one_start_time_stand_in_the_order_they_were_submitted(db, submission) -> None:
    tonight = datetime(2126, 1, 1, 23, tzinfo=UTC)
    ids = [await _submitted(db, submission, start_at=tonight) for _ in range(8)]
    now = await _submitted(db, submission)
    async with db.transaction() as session:
        order = list(
            await session.scalars(select(Transcription.id).order_by(Transcription.queue_key, Transcription.id))
        )
    assert order == [now, *ids]


async def test_a_job_is_not_claimed_before_its_start_time(db, submission) -> None:
    await _submitted(db, submission, start_at=datetime.now(UTC) + timedelta(hours=1), priority=5)
    async with db.transaction() as session:
        assert await lifecycle.claim(session, "a", LEASE) is None
        await session.execute(text("UPDATE transcriptions SET available_at = now() - interval '1 second'"))
    async with db.transaction() as session:
        assert await lifecycle.claim(session, "a", LEASE) is not None


async def test_the_front_is_before_the_chunks_of_what_is_running(db, claimed, submission) -> None:
    running = await claimed(db)
    async with db.transaction() as session:
        await add(session, running, "r", [Cut(n, n * 1000, n * 1000 + 1000, (), "en") for n in range(3)])
    urgent = await _submitted(db, submission, priority=1)
    async with db.transaction() as session:
        assert await queue_control.move(session, urgent, 1) == 1
    async with db.transaction() as session:
        work = await dispatch.next_work(session, "b", LEASE, recipe="r")
    assert isinstance(work, lifecycle.JobClaim)
    assert work.id == urgent
    async with db.transaction() as session:  # and the running one goes on where it was
        assert await lifecycle.renew(session, running, LEASE) is False


async def test_only_what_waits_has_a_place(db, claimed) -> None:
    held = await claimed(db)
    async with db.transaction() as session:
        with pytest.raises(Conflict, match="running already"):
            await queue_control.move(session, held.id, 1)
        await lifecycle.fail(session, held, MediaUnreadable("no"))
    async with db.transaction() as session:
        for act in (queue_control.pause, queue_control.resume):
            with pytest.raises(Conflict, match="has failed already"):
                await act(session, held.id)
        with pytest.raises(Conflict, match="has failed already"):
            await queue_control.move(session, held.id, 1)
        with pytest.raises(Conflict, match="has failed already"):
            await queue_control.prioritise(session, held.id, 5)
        with pytest.raises(NotFound):
            await queue_control.pause(session, uuid4())


async def test_a_held_back_job_keeps_its_place_and_the_bell_rings_when_it_goes_on(db, submission) -> None:
    first, second = await _submitted(db, submission), await _submitted(db, submission)
    for _ in range(2):
        async with db.transaction() as session:
            await queue_control.pause(session, first)
    async with db.transaction() as session:
        held = await lifecycle.claim(session, "a", LEASE)
        assert held is not None
        assert held.id == second
        assert await lifecycle.claim(session, "a", LEASE) is None
    for _ in range(2):
        async with db.transaction() as session:
            await queue_control.resume(session, first)
    async with db.transaction() as session:
        held = await lifecycle.claim(session, "a", LEASE)
        assert held is not None
        assert held.id == first
    assert await _events(db, first) == ["queued", "paused", "resumed", "started"]
    assert outbox.RESUMED in outbox._WAKES_TRANSCRIBERS
    assert (await _log(db, first))[1:3] == ["paused", "resumed"]


async def test_of_a_held_back_running_job_no_further_chunk_is_claimed(db, claimed) -> None:
    running = await claimed(db)
    async with db.transaction() as session:
        await add(session, running, "r", [Cut(n, n * 1000, n * 1000 + 1000, (), "en") for n in range(2)])
        assert await dispatch.next_work(session, "b", LEASE, recipe="r") is not None
        await queue_control.pause(session, running.id)
    async with db.transaction() as session:
        assert await dispatch.next_work(session, "b", LEASE, recipe="r") is None
        assert await lifecycle.renew(session, running, LEASE) is False  # it is not lost meanwhile
        await queue_control.resume(session, running.id)
        assert await dispatch.next_work(session, "b", LEASE, recipe="r") is not None


async def test_the_whole_queue_is_held_back_until_somebody_lets_it_go(db, submission, user) -> None:
    job_id, otto = await _submitted(db, submission), await user(db, "operator")
    for _ in range(2):
        async with db.transaction() as session:
            await queue_control.pause_all(session, user_id=otto)
    async with db.transaction() as session:
        held_back = await queue_control.hold(session)
        assert held_back.since is not None
        assert held_back.by is not None
        assert await lifecycle.claim(session, "a", LEASE) is None
        await queue_control.resume_all(session, user_id=otto)
        assert await queue_control.hold(session) == queue_control.Hold(None, None)
        held = await lifecycle.claim(session, "a", LEASE)
        assert held is not None
        assert held.id == job_id


async def test_failed_jobs_are_tried_again_but_for_those_done_anew(db, claimed, submission, user) -> None:
    ids, otto = [], await user(db, "operator")
    for path in ("a.mp4", "b.mp4"):
        held = await claimed(db, path=path)
        async with db.transaction() as session:
            await lifecycle.fail(session, held, MediaUnreadable("no"))
        ids.append(held.id)
    await _submitted(db, submission, path="b.mp4")
    async with db.transaction() as session:
        answers = await queue_control.retry_failed(session, None, owner=None, user_id=otto)
    assert [(answer.id, answer.status) for answer in answers] == [(ids[0], JobStatus.PENDING), (ids[1], None)]
    assert isinstance(answers[1].error, Conflict)


async def test_many_are_cancelled_with_an_answer_each(db, claimed, submission, user) -> None:
    mine = await user(db)
    waits, done = await _submitted(db, submission, user_id=mine), await claimed(db, user_id=mine)
    theirs = await _submitted(db, submission)
    async with db.transaction() as session:
        await lifecycle.fail(session, done, MediaUnreadable("no"))
        answers = await queue_control.cancel_all(session, [done.id, theirs, waits], owner=mine, user_id=mine)
    assert [answer.status for answer in answers] == [None, None, JobStatus.CANCELLED]
    assert [type(answer.error) for answer in answers] == [Conflict, NotFound, type(None)]


async def test_clearing_hides_what_has_ended_until_it_is_tried_again(db, claimed, submission, user) -> None:
    held, otto = await claimed(db), await user(db, "operator")
    async with db.transaction() as session:
        await lifecycle.fail(session, held, MediaUnreadable("no"))
    waits = await _submitted(db, submission)

    async def listed(**which: Any) -> set[UUID]:
        async with db.transaction() as session:
            return {one.id for one in await queries.page(session, JobFilter(**which), None, 10)}

    async with db.transaction() as session:
        assert await queue_control.clear(session, [JobStatus.COMPLETED], owner=None, user_id=otto) == 0
        assert await queue_control.clear(session, list(JobStatus), owner=999, user_id=otto) == 0
        assert await queue_control.clear(session, list(JobStatus), owner=None, user_id=otto) == 1
    assert await listed() == {waits}
    assert await listed(cleared=True) == {held.id, waits}
    async with db.transaction() as session:
        assert (await queries.get(session, held.id, user_id=None)).now.status is JobStatus.FAILED
        assert await queue_control.retry_failed(session, None, owner=None, user_id=otto) == []
        await requests.retry(session, held.id)
    assert await listed() == {held.id, waits}
