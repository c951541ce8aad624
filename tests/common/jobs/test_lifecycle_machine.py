"""Any order of any calls: the database and a model in memory agree, and the invariants hold after each step.

I2: nothing leaves a terminal state but by retry. I3: attempts only rise and no two claims are the same.
I4: one lease at most, and only while processing. I9: one event for each terminal transition.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from archivist_common.database.engine import Database
from archivist_common.database.models import OutboxEvent, Transcription
from archivist_common.errors import (
    ArchivistError,
    Conflict,
    Fenced,
    MediaUnreadable,
    QueueFull,
    ResourceExhausted,
    StorageUnavailable,
    WorkerCrashed,
)
from archivist_common.events import outbox
from archivist_common.jobs import lifecycle, requests
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.leases import retry as verdicts
from archivist_common.states import LIVE, TERMINAL, JobStatus, Stage

LEASE = timedelta(seconds=30)
MAX_QUEUE = 3
ENDS = {
    JobStatus.COMPLETED: outbox.COMPLETED,
    JobStatus.FAILED: outbox.FAILED,
    JobStatus.CANCELLED: outbox.CANCELLED,
}
ERRORS = (
    StorageUnavailable("away"),
    ResourceExhausted("no memory"),
    MediaUnreadable("no"),
    WorkerCrashed("signal 9"),
)
STALE = 5
NEWEST_MOSTLY = st.sampled_from([0, 0, 0, 0, 1, 2, STALE])
T = TypeVar("T")


# Allowed moves of a status. failed -> pending and cancelled -> pending are an operator's retry.
MOVES = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}


@dataclass
class Model:
    """What a job should be."""

    id: UUID
    recording: int
    priority: int
    order: int
    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    progress: int = 0
    asked_to_end: bool = False
    due: bool = True
    lapsed: bool = False
    leading: bool = False
    """Its chunks are being heard: what dies then is a leader, and the job is not charged."""
    held: lifecycle.JobClaim | None = None
    ended: Counter[JobStatus] = field(default_factory=Counter)

    def move(self, status: JobStatus) -> None:
        assert status in MOVES[self.status], f"{self.status} -> {status}"
        self.status = status
        if status is not JobStatus.PROCESSING:
            self.held, self.lapsed = None, False
        if status in TERMINAL:
            self.ended[status] += 1

    def crash(self) -> None:
        self.crashes += 1
        self.due = True
        self.move(self._after(self.crashes < verdicts.MAX_CRASHES))

    def _after(self, again: bool) -> JobStatus:
        if self.asked_to_end:
            return JobStatus.CANCELLED
        return JobStatus.PENDING if again else JobStatus.FAILED

    def fail(self, error: ArchivistError) -> None:
        self.failures += 1
        self.move(self._after(error.retryable and self.failures < error.tries))

    def lapse(self) -> None:
        self.crashes += not self.leading
        self.due = True
        self.move(self._after(self.leading or self.crashes < verdicts.MAX_CRASHES))


class Life(RuleBasedStateMachine):
    """Rules call `jobs` and `job_requests`, and the model alike; every claim ever made may still try to write."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._engine = create_async_engine(self.url, poolclass=NullPool)
        self._connection = self._loop.run_until_complete(self._engine.connect())
        self._outer = self._loop.run_until_complete(self._connection.begin())
        self._db = Database(self._connection)
        self.jobs: dict[UUID, Model] = {}
        self.claims: list[lifecycle.JobClaim] = []
        self._places = count()

    def teardown(self) -> None:
        async def close() -> None:
            await self._outer.rollback()
            await self._connection.close()
            await self._engine.dispose()

        self._loop.run_until_complete(close())
        self._loop.close()

    def _do(self, work: Callable[[AsyncSession], Coroutine[Any, Any, T]]) -> T:
        async def run() -> T:
            async with self._db.transaction() as session:
                return await work(session)

        return self._loop.run_until_complete(run())

    def _write(self, claim: int, work: Callable[[AsyncSession, lifecycle.JobClaim], Coroutine[Any, Any, T]]) -> Any:
        """Writes as a claim, old or new. The model and the answer; None when it was fenced, as it had to be."""
        live = [job.held for job in self.jobs.values() if job.held is not None]
        known = live if live and claim != STALE else self.claims
        held = known[-1 - claim % len(known)]
        job = self.jobs[held.id]
        if job.held is held:
            return job, self._do(lambda session: work(session, held))
        with pytest.raises(Fenced):
            self._do(lambda session: work(session, held))
        return None

    @initialize()
    def begin(self) -> None:
        for recording in range(3):
            self.submit(recording=recording, priority=1)
        self.claim(lapses=False, owner="a")

    @rule(recording=st.integers(0, 2), priority=st.integers(1, 3))
    def submit(self, recording: int, priority: int) -> None:
        wish = requests.Submission("flex-1", f"{recording}.mp4", 1, 1, "en", "demo", priority=priority)
        twin = [job.id for job in self.jobs.values() if job.recording == recording and job.status in LIVE]
        waiting = [job for job in self.jobs.values() if job.status is JobStatus.PENDING]
        if not twin and len(waiting) >= MAX_QUEUE:
            with pytest.raises(QueueFull):
                self._do(lambda session: requests.submit(session, wish, max_queue=MAX_QUEUE))
            return
        job_id, created = self._do(lambda session: requests.submit(session, wish, max_queue=MAX_QUEUE))
        if twin:
            assert (job_id, created) == (twin[0], False)
        else:
            assert created
            assert job_id not in self.jobs
            self.jobs[job_id] = Model(job_id, recording, priority, order=next(self._places))

    @rule(lapses=st.booleans(), owner=st.sampled_from(["a", "b"]))
    def claim(self, lapses: bool, owner: str) -> None:
        due = [job for job in self.jobs.values() if job.status is JobStatus.PENDING and job.due]
        lease = -LEASE if lapses else LEASE
        held = self._do(lambda session: lifecycle.claim(session, owner, lease))
        if not due:
            assert held is None
            return
        expected = min(due, key=lambda job: (-job.priority, job.order))
        assert held is not None
        assert (held.id, held.attempt) == (expected.id, expected.attempt + 1)
        expected.move(JobStatus.PROCESSING)
        expected.attempt, expected.progress, expected.held, expected.lapsed = held.attempt, 0, held, lapses
        expected.leading = False
        self.claims.append(held)

    @precondition(lambda self: self.claims)
    @rule(claim=NEWEST_MOSTLY)
    def renew(self, claim: int) -> None:
        if (wrote := self._write(claim, lambda session, held: lifecycle.renew(session, held, LEASE))) is not None:
            job, asked_to_end = wrote
            assert asked_to_end is job.asked_to_end
            job.lapsed = False

    @precondition(lambda self: self.claims)
    @rule(claim=NEWEST_MOSTLY, percents=st.lists(st.integers(0, 100), min_size=1, max_size=3))
    def advance(self, claim: int, percents: list[int]) -> None:
        for percent in percents:
            reached = lifecycle.StageProgress(Stage.TRANSCRIBE, percent, percent * 10, 1000)

            def work(
                session: AsyncSession, held: lifecycle.JobClaim, reached: lifecycle.StageProgress = reached
            ) -> Any:
                return lifecycle.advance(session, held, reached)

            if (wrote := self._write(claim, work)) is not None:
                job, asked_to_end = wrote
                assert asked_to_end is job.asked_to_end
                job.progress, job.leading = max(job.progress, min(percent, 99)), True

    @precondition(lambda self: self.claims)
    @rule(claim=NEWEST_MOSTLY)
    def complete(self, claim: int) -> None:
        def work(session: AsyncSession, held: lifecycle.JobClaim) -> Coroutine[Any, Any, None]:
            made = StagedFile("scc", Path(f"/vault/{held.id}.{held.attempt}"), "0" * 64, 1, Path("/out/a.scc"))
            return lifecycle.complete(session, held, lifecycle.JobOutcome((made,), 1000, "en", None, ()))

        if (wrote := self._write(claim, work)) is not None:
            wrote[0].move(JobStatus.COMPLETED)
            wrote[0].progress = 100

    @precondition(lambda self: self.claims)
    @rule(
        claim=NEWEST_MOSTLY,
        error=st.sampled_from(
            [
                StorageUnavailable("away"),
                ResourceExhausted("memory"),
                MediaUnreadable("no"),
                WorkerCrashed("signal 9"),
            ]
        ),
        waits=st.booleans(),
    )
    def fail(self, claim: int, error: ArchivistError, waits: bool) -> None:
        spread = 1.0 if waits else 0.0
        wrote = self._write(claim, lambda session, held: lifecycle.fail(session, held, error, spread=spread))
        if wrote is not None:
            job, status = wrote
            if isinstance(error, WorkerCrashed):
                job.crash()
            else:
                job.due = not waits
                job.fail(error)
            assert status is job.status

    @precondition(lambda self: self.claims)
    @rule(claim=NEWEST_MOSTLY)
    def stop(self, claim: int) -> None:
        if (wrote := self._write(claim, lifecycle.stop)) is not None:
            wrote[0].move(JobStatus.CANCELLED)

    @precondition(lambda self: self.claims)
    @rule(claim=NEWEST_MOSTLY)
    def release(self, claim: int) -> None:
        if (wrote := self._write(claim, lifecycle.release)) is not None:
            job = wrote[0]
            job.due = True
            job.move(JobStatus.CANCELLED if job.asked_to_end else JobStatus.PENDING)

    @rule(number=NEWEST_MOSTLY)
    def cancel(self, number: int) -> None:
        job = list(self.jobs.values())[-1 - number % len(self.jobs)]
        if job.status in {JobStatus.COMPLETED, JobStatus.FAILED}:
            with pytest.raises(Conflict):
                self._do(lambda session: requests.cancel(session, job.id))
            return
        answer = self._do(lambda session: requests.cancel(session, job.id))
        if job.status is JobStatus.PENDING:
            job.move(JobStatus.CANCELLED)
        elif job.status is JobStatus.PROCESSING:
            job.asked_to_end = True
        assert answer is job.status

    @rule(number=NEWEST_MOSTLY)
    def retry(self, number: int) -> None:
        job = list(self.jobs.values())[-1 - number % len(self.jobs)]
        twin = any(other.recording == job.recording and other.status in LIVE for other in self.jobs.values())
        if job.status not in {JobStatus.FAILED, JobStatus.CANCELLED} or twin:
            with pytest.raises(Conflict):
                self._do(lambda session: requests.retry(session, job.id))
            return
        self._do(lambda session: requests.retry(session, job.id))
        job.move(JobStatus.PENDING)
        job.failures, job.crashes, job.progress = 0, 0, 0
        job.asked_to_end, job.due = False, True
        job.order = next(self._places)  # it begins to wait anew

    @rule()
    def lapse(self) -> None:
        gone = [job for job in self.jobs.values() if job.lapsed]
        answer = dict(self._do(lambda session: lifecycle.expire_leases(session, timedelta())))
        for job in gone:
            job.lapse()
        assert answer == {job.id: job.status for job in gone}

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        async def read(session: AsyncSession) -> tuple[list[Transcription], list[tuple[UUID, str]]]:
            rows = list(await session.scalars(select(Transcription)))
            told = (await session.execute(select(OutboxEvent.transcription_id, OutboxEvent.event))).all()
            return rows, [(job_id, event) for job_id, event in told if job_id is not None]

        rows, told = self._do(read)
        assert {found.id for found in rows} == set(self.jobs)
        heard = Counter(told)
        for found in rows:
            job = self.jobs[found.id]
            assert (found.status, found.attempt, found.progress) == (job.status, job.attempt, job.progress)
            assert (found.failure_count, found.crash_count) == (job.failures, job.crashes)
            owner = job.held.owner if job.held else None
            assert found.lease_owner == owner
            assert (found.lease_expires_at is not None) == (job.status is JobStatus.PROCESSING)
            assert (found.completed_date is not None) == (job.status in TERMINAL)
            for status, event in ENDS.items():
                assert heard[found.id, event] == job.ended[status]

    @invariant()
    def no_two_claims_are_the_same(self) -> None:
        taken = [(held.id, held.attempt) for held in self.claims]
        assert len(set(taken)) == len(taken)
        for job in self.jobs.values():
            attempts = [held.attempt for held in self.claims if held.id == job.id]
            assert attempts == list(range(1, len(attempts) + 1))


def test_any_order_of_calls_keeps_the_promises(database_url: str) -> None:
    class OnRealDatabase(Life):
        url = database_url

    run_state_machine_as_test(
        OnRealDatabase,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # to shrink thirty steps on a database takes five minutes
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
