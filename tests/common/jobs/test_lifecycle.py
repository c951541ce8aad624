"""The life of a job on a real PostgreSQL: what each function does, and that a lost race changes nothing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from archivist_common.database.engine import Database
from archivist_common.database.models import Artifact, OutboxEvent, SystemLog, Transcription
from archivist_common.errors import (
    ArchivistError,
    Cancelled,
    CaptionsInvalid,
    Conflict,
    EngineUnavailable,
    Fenced,
    MediaUnreadable,
    ModelMissing,
    NotFound,
    QueueFull,
    ResourceExhausted,
    StorageUnavailable,
    WorkerCrashed,
)
from archivist_common.events import outbox
from archivist_common.jobs import lifecycle, requests
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.leases import retry
from archivist_common.states import JobStatus, PublicState, Stage

LEASE = timedelta(seconds=30)
GONE = timedelta(seconds=-1)
TERMINAL_EVENTS = {outbox.COMPLETED, outbox.FAILED, outbox.CANCELLED}

Submit = Callable[..., requests.Submission]
Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]


def progress(
    percent: int = 10, done: int = 1_000, stage: Stage = Stage.TRANSCRIBE, total: int | None = 60_000
) -> Any:
    return lifecycle.StageProgress(stage=stage, percent=percent, audio_done_ms=done, audio_ms=total)


def outcome(held: lifecycle.JobClaim, *kinds: str) -> lifecycle.JobOutcome:
    made = tuple(
        StagedFile(kind, Path(f"/vault/{held.id}/{held.attempt}.{kind}"), "0" * 64, 12, Path(f"/out/council.{kind}"))
        for kind in kinds or ("scc", "vtt", "summary", "metadata")
    )
    return lifecycle.JobOutcome(made, 60_000, "en", {"sentences": []}, ("NO_SPEECH: silence throughout",))


async def queue(db: Database, submission: requests.Submission) -> UUID:
    async with db.transaction() as session:
        return (await requests.submit(session, submission, max_queue=100))[0]


async def take(db: Database, owner: str = "host-a/slot-0", lease: timedelta = LEASE) -> lifecycle.JobClaim | None:
    async with db.transaction() as session:
        return await lifecycle.claim(session, owner, lease)


async def row(db: Database, job_id: UUID) -> Transcription:
    async with db.transaction() as session:
        found = await session.get(Transcription, job_id)
    assert found is not None
    return found


async def events(db: Database, job_id: UUID) -> list[str]:
    async with db.transaction() as session:
        return [event.event for event in await outbox.since(session, job_id, 0)]


async def everything(db: Database) -> dict[str, list[dict[str, Any]]]:
    """All that a write could have changed."""
    async with db.transaction() as session:
        tables = (Transcription, Artifact, OutboxEvent, SystemLog)
        return {
            table.__tablename__: [
                dict(found) for found in (await session.execute(select(table.__table__).order_by("id"))).mappings()
            ]
            for table in tables
        }


async def due_in(db: Database, job_id: UUID) -> float:
    """Seconds until the job may be claimed, by the database's clock; negative when it is due."""
    async with db.transaction() as session:
        wait = Transcription.available_at - func.clock_timestamp()
        seconds = await session.scalar(select(func.extract("epoch", wait)).where(Transcription.id == job_id))
    return float(seconds)


class TestSubmit:
    async def test_a_recording_is_queued_with_its_event_and_its_story(self, db: Database, submission: Submit) -> None:
        wish = submission(path="a/b/Meeting.mp4", priority=3, audio_track=2, include_summary=False)
        async with db.transaction() as session:
            job_id, created = await requests.submit(session, wish, max_queue=100)

        job = await row(db, job_id)
        assert created
        assert (job.status, job.attempt, job.progress, job.stage) == ("pending", 0, 0, None)
        assert (job.storage, job.file_path, job.filename) == ("flex-1", "a/b/Meeting.mp4", "Meeting.mp4")
        assert (job.file_size, job.file_mtime_ns) == (wish.size_bytes, wish.mtime_ns)
        assert (job.priority, job.audio_track, job.include_summary) == (3, 2, False)
        assert await events(db, job_id) == [outbox.QUEUED]
        assert [entry["message"] for entry in (await everything(db))["system_logs"]] == ["queued"]

    async def test_the_same_live_recording_is_the_first_jobs_answer(self, db: Database, submission: Submit) -> None:
        wish = submission()
        first = await queue(db, wish)
        async with db.transaction() as session:
            assert await requests.submit(session, wish, max_queue=100) == (first, False)
        assert await take(db) is not None
        async with db.transaction() as session:
            assert await requests.submit(session, wish, max_queue=100) == (first, False)
        assert (await events(db, first)).count(outbox.QUEUED) == 1

    async def test_a_duplicate_is_answered_even_when_the_queue_is_full(
        self, db: Database, submission: Submit
    ) -> None:
        wish = submission()
        first = await queue(db, wish)
        async with db.transaction() as session:
            assert await requests.submit(session, wish, max_queue=1) == (first, False)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"size_bytes": 1_000_001}, id="another-size"),
            pytest.param({"mtime_ns": 1_649_764_800_000_000_001}, id="written-since"),
            pytest.param({"language": "es"}, id="another-language"),
            pytest.param({"model": "small"}, id="another-model"),
            pytest.param({"audio_track": 0}, id="another-track"),
            pytest.param({"storage": "flex-2"}, id="another-server"),
        ],
    )
    async def test_what_changes_the_result_makes_another_job(
        self, db: Database, submission: Submit, change: dict[str, Any]
    ) -> None:
        wish = submission()
        first = await queue(db, wish)
        assert await queue(db, replace(wish, **change)) != first

    async def test_a_finished_job_is_no_duplicate(self, db: Database, submission: Submit) -> None:
        wish = submission()
        first = await queue(db, wish)
        held = await take(db)
        assert held is not None
        async with db.transaction() as session:
            await lifecycle.complete(session, held, outcome(held))
        assert await queue(db, wish) != first

    async def test_a_full_queue_refuses_and_writes_nothing(self, db: Database, submission: Submit) -> None:
        await queue(db, submission())
        await queue(db, submission())
        before = await everything(db)
        with pytest.raises(QueueFull, match="2 jobs are waiting"):
            async with db.transaction() as session:
                await requests.submit(session, submission(), max_queue=2)
        assert await everything(db) == before

    async def test_running_jobs_do_not_fill_the_queue(
        self, db: Database, submission: Submit, claimed: Claimed
    ) -> None:
        await claimed(db)
        async with db.transaction() as session:
            assert (await requests.submit(session, submission(), max_queue=1))[1]

    async def test_twenty_at_once_make_one_job(self, committed_db: Database, submission: Submit) -> None:
        wish = submission()

        async def once() -> tuple[UUID, bool]:
            async with committed_db.transaction() as session:
                return await requests.submit(session, wish, max_queue=100)

        answers = await asyncio.gather(*(once() for _ in range(20)))
        assert len({job_id for job_id, _ in answers}) == 1
        assert [created for _, created in answers].count(True) == 1
        assert len((await everything(committed_db))["transcriptions"]) == 1

    async def test_a_queue_with_one_place_takes_one_of_ten_at_once(
        self, committed_db: Database, submission: Submit
    ) -> None:
        async def once() -> bool:
            try:
                async with committed_db.transaction() as session:
                    await requests.submit(session, submission(), max_queue=1)
            except QueueFull:
                return False
            return True

        assert Counter(await asyncio.gather(*(once() for _ in range(10)))) == {True: 1, False: 9}


class TestClaim:
    async def test_an_empty_queue_gives_nothing(self, db: Database) -> None:
        assert await take(db) is None

    async def test_a_claim_takes_a_lease_and_bumps_the_attempt(self, db: Database, submission: Submit) -> None:
        wish = submission(audio_track=1)
        job_id = await queue(db, wish)
        held = await take(db, "host-b/slot-3")
        assert held == lifecycle.JobClaim(
            id=job_id,
            attempt=1,
            owner="host-b/slot-3",
            storage=wish.storage,
            path=wish.path,
            size_bytes=wish.size_bytes,
            mtime_ns=wish.mtime_ns,
            language=wish.language,
            model=wish.model,
            include_summary=True,
            audio_track=1,
            filename=wish.path.rsplit("/", 1)[-1],
        )
        job = await row(db, job_id)
        assert (job.status, job.stage, job.attempt, job.lease_owner) == ("processing", "probe", 1, "host-b/slot-3")
        assert job.lease_expires_at is not None
        assert job.started_date is not None
        assert timedelta(seconds=29) < job.lease_expires_at - job.started_date < timedelta(seconds=31)
        assert await events(db, job_id) == [outbox.QUEUED, outbox.STARTED]
        assert await take(db) is None

    async def test_priority_goes_before_age_and_age_before_id(self, db: Database, submission: Submit) -> None:
        low = [await queue(db, submission(priority=1)) for _ in range(2)]
        high = [await queue(db, submission(priority=5)) for _ in range(2)]
        middle = await queue(db, submission(priority=3))
        twins = sorted([await queue(db, submission(priority=4)), await queue(db, submission(priority=4))])
        same = select(func.max(Transcription.queue_key)).where(Transcription.id.in_(twins))
        async with db.transaction() as session:
            await session.execute(
                update(Transcription).where(Transcription.id.in_(twins)).values(queue_key=same.scalar_subquery())
            )
        order = [held.id for _ in range(7) if (held := await take(db)) is not None]
        assert order == [*high, *twins, middle, *low]

    async def test_a_low_priority_that_has_waited_a_day_goes_before_a_fresh_high_one(
        self, db: Database, submission: Submit
    ) -> None:
        patient = await queue(db, submission(priority=1))
        async with db.transaction() as session:
            day = 4 * requests.PRIORITY_STEP.total_seconds() + 60
            await session.execute(
                update(Transcription)
                .where(Transcription.id == patient)
                .values(queue_key=Transcription.queue_key - day)
            )
        fresh = await queue(db, submission(priority=5))
        order = [held.id for _ in range(2) if (held := await take(db)) is not None]
        assert order == [patient, fresh]

    async def test_only_jobs_of_storages_that_can_be_read_are_taken(self, db: Database, submission: Submit) -> None:
        await queue(db, submission(priority=5, storage="flex-1"))
        readable = await queue(db, submission(priority=1, storage="flex-2"))
        async with db.transaction() as session:
            held = await lifecycle.claim(session, "host-a/0", LEASE, storages={"flex-2"})
            assert await lifecycle.claim(session, "host-a/0", LEASE, storages=set()) is None
        assert held is not None
        assert held.id == readable

    async def test_a_job_of_the_future_is_left_alone(self, db: Database, submission: Submit) -> None:
        later, now = await queue(db, submission(priority=5)), await queue(db, submission(priority=1))
        async with db.transaction() as session:
            await session.execute(
                update(Transcription)
                .where(Transcription.id == later)
                .values(available_at=func.clock_timestamp() + timedelta(minutes=1))
            )
        assert (held := await take(db)) is not None
        assert held.id == now
        assert await take(db) is None

    async def test_a_row_in_somebody_elses_hands_is_stepped_over(
        self, committed_db: Database, submission: Submit
    ) -> None:
        first, second = await queue(committed_db, submission()), await queue(committed_db, submission())
        async with committed_db.transaction() as mine:
            held = await lifecycle.claim(mine, "a", LEASE)
            async with asyncio.timeout(5), committed_db.transaction() as theirs:
                other = await lifecycle.claim(theirs, "b", LEASE)
        assert held is not None
        assert other is not None
        assert (held.id, other.id) == (first, second)

    async def test_ten_workers_share_thirty_jobs_without_a_double(
        self, committed_db: Database, submission: Submit
    ) -> None:
        waiting = {await queue(committed_db, submission()) for _ in range(30)}

        async def work(owner: str) -> list[tuple[UUID, int]]:
            taken = []
            while (held := await take(committed_db, owner)) is not None:
                taken.append((held.id, held.attempt))
            return taken

        shares = await asyncio.gather(*(work(f"slot-{n}") for n in range(10)))
        taken = [one for share in shares for one in share]
        assert len(taken) == 30
        assert set(taken) == {(job_id, 1) for job_id in waiting}

    async def test_the_next_attempt_starts_from_nothing(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.advance(session, held, progress(50, 30_000))
            await lifecycle.release(session, held)
        again = await take(db, "host-c")
        assert again is not None
        assert (again.id, again.attempt) == (held.id, 2)
        job = await row(db, held.id)
        assert (job.progress, job.audio_done_ms, job.stage) == (0, 0, "probe")


class TestHolding:
    """Writes of the attempt that holds the job."""

    async def test_renewing_pushes_the_lease_out(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db, lease=timedelta(seconds=2))
        before = (await row(db, held.id)).lease_expires_at
        async with db.transaction() as session:
            assert await lifecycle.renew(session, held, LEASE) is False
        after = (await row(db, held.id)).lease_expires_at
        assert before is not None
        assert after is not None
        assert timedelta(seconds=27) < after - before < timedelta(seconds=31)

    async def test_renewing_and_advancing_tell_of_a_cancel(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            assert await lifecycle.renew(session, held, LEASE) is True
            assert await lifecycle.advance(session, held, progress()) is True

    async def test_progress_is_written(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            assert await lifecycle.advance(session, held, progress(42, 25_200, Stage.TRANSCRIBE, 60_400)) is False
        job = await row(db, held.id)
        assert (job.stage, job.progress, job.audio_done_ms, job.audio_ms, job.duration) == (
            "transcribe",
            42,
            25_200,
            60_400,
            60,
        )

    async def test_progress_never_goes_back(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.advance(session, held, progress(42, 25_200))
            moved = (await session.get_one(Transcription, held.id)).progress_at
            await lifecycle.advance(session, held, progress(41, 25_199, Stage.ASSEMBLE, None))
        job = await row(db, held.id)
        assert (job.progress, job.audio_done_ms, job.audio_ms, job.stage) == (42, 25_200, 60_000, "assemble")
        assert job.progress_at == moved, "nothing moved, and the stall rule must see it"

    @pytest.mark.parametrize("percent", [99, 100, 250])
    async def test_only_completion_is_a_hundred(self, db: Database, claimed: Claimed, percent: int) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.advance(session, held, progress(percent, 60_000))
        assert (await row(db, held.id)).progress == 99

    async def test_completion_writes_the_result_in_one_step(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.complete(session, held, outcome(held))
        job = await row(db, held.id)
        assert (job.status, job.progress, job.audio_ms, job.duration) == ("completed", 100, 60_000, 60)
        assert (job.lease_owner, job.lease_expires_at) == (None, None)
        assert job.completed_date is not None
        assert job.processing_time == 0
        assert job.warnings == ["NO_SPEECH: silence throughout"]
        assert job.summary == {"sentences": []}
        assert job.scc_file_path == f"/vault/{held.id}/1.scc"
        assert job.summary_file_path == f"/vault/{held.id}/1.summary"
        assert job.metadata_file_path == f"/vault/{held.id}/1.metadata"
        made = (await everything(db))["artifacts"]
        assert [(one["kind"], one["attempt"], one["public_state"]) for one in made] == [
            (kind, 1, PublicState.PENDING) for kind in ("scc", "vtt", "summary", "metadata")
        ]
        assert await events(db, held.id) == [outbox.QUEUED, outbox.STARTED, outbox.COMPLETED]

    async def test_a_path_longer_than_its_column_does_not_keep_a_job_from_completing(
        self, db: Database, claimed: Claimed
    ) -> None:
        held = await claimed(db)
        long = Path("/out") / ("a" * 250) / ("b" * 250) / "c.scc"
        made = StagedFile("scc", long, "0" * 64, 12, long)
        async with db.transaction() as session:
            await lifecycle.complete(session, held, replace(outcome(held), artifacts=(made,)))
        assert (await row(db, held.id)).scc_file_path is None
        assert [one["path"] for one in (await everything(db))["artifacts"]] == [str(long)]

    async def test_a_job_may_complete_without_files(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.complete(session, held, replace(outcome(held), artifacts=()))
        assert (await row(db, held.id)).status == "completed"
        assert (await everything(db))["artifacts"] == []

    async def test_a_completion_that_is_rolled_back_leaves_the_job_running(
        self, db: Database, claimed: Claimed
    ) -> None:
        held = await claimed(db)
        before = await everything(db)

        async def breaks() -> None:
            async with db.transaction() as session:
                await lifecycle.complete(session, held, outcome(held))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await breaks()
        assert await everything(db) == before

    async def test_a_cancel_that_came_before_completion_does_not_undo_the_work(
        self, db: Database, claimed: Claimed
    ) -> None:
        """Whoever writes first decides (I12): the worker finished before it heard of the cancel."""
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            await lifecycle.complete(session, held, outcome(held))
        assert (await row(db, held.id)).status == "completed"

    async def test_stopping_ends_a_cancelled_job(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            await lifecycle.stop(session, held)
        job = await row(db, held.id)
        assert (job.status, job.lease_owner, job.lease_expires_at) == ("cancelled", None, None)
        assert job.completed_date is not None
        assert (await events(db, held.id)).count(outbox.CANCELLED) == 1

    async def test_releasing_charges_nothing_and_the_job_is_due_at_once(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.release(session, held)
        job = await row(db, held.id)
        assert (job.status, job.failure_count, job.crash_count, job.attempt) == ("pending", 0, 0, 1)
        assert (job.lease_owner, job.lease_expires_at, job.completed_date) == (None, None, None)
        assert await due_in(db, held.id) <= 0
        assert (await events(db, held.id))[-1] == outbox.RELEASED

    async def test_releasing_a_job_somebody_cancelled_ends_it(self, db: Database, claimed: Claimed) -> None:
        """Found here: it went back to the queue and waited for a free slot before it was cancelled."""
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            await lifecycle.release(session, held)
        job = await row(db, held.id)
        assert job.status == "cancelled"
        assert job.completed_date is not None
        assert (await events(db, held.id))[-1] == outbox.CANCELLED
        assert await take(db) is None

    async def test_a_claim_nobody_heard_of_is_given_back_and_charges_nothing(
        self, db: Database, claimed: Claimed
    ) -> None:
        known, others = await claimed(db), await claimed(db, owner="host-b/slot-0")
        unknown, ended = await claimed(db), await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, ended.id)
            await lifecycle.release_unknown(session, unknown.owner, [known.id])
            await lifecycle.renew(session, known, LEASE)
            await lifecycle.renew(session, others, LEASE)
        job = await row(db, unknown.id)
        assert (job.status, job.failure_count, job.crash_count, job.lease_owner) == ("pending", 0, 0, None)
        assert await due_in(db, unknown.id) <= 0
        assert (await events(db, unknown.id))[-1] == outbox.RELEASED
        assert (await row(db, ended.id)).status == "cancelled"
        assert (await events(db, ended.id))[-1] == outbox.CANCELLED


class TestFail:
    @pytest.mark.parametrize(
        "error",
        [MediaUnreadable("not a recording"), ModelMissing("fill it"), CaptionsInvalid("parity"), Cancelled("no")],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_trying_again_cannot_mend_fails_at_once(
        self, db: Database, claimed: Claimed, error: ArchivistError
    ) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            assert await lifecycle.fail(session, held, error) is JobStatus.FAILED
        job = await row(db, held.id)
        assert (job.status, job.error_code, job.error_message) == ("failed", error.code, error.message)
        assert (job.lease_owner, job.lease_expires_at) == (None, None)
        assert job.completed_date is not None
        assert await take(db) is None
        assert (await events(db, held.id))[-1] == outbox.FAILED

    async def test_what_may_mend_itself_waits_and_is_tried_again(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            status = await lifecycle.fail(session, held, StorageUnavailable("flex-1 is away"), spread=1.0)
        assert status is JobStatus.PENDING
        assert 14 < await due_in(db, held.id) <= 15
        job = await row(db, held.id)
        assert (job.failure_count, job.crash_count, job.completed_date) == (1, 0, None)
        assert (job.error_code, job.error_message) == ("STORAGE_UNAVAILABLE", "flex-1 is away")
        assert (await events(db, held.id))[-1] == outbox.RELEASED
        assert await take(db) is None

    async def test_the_wait_is_somewhere_below_its_bound_when_nobody_says_where(
        self, db: Database, claimed: Claimed
    ) -> None:
        waits = set()
        for _ in range(5):
            held = await claimed(db)
            async with db.transaction() as session:
                await lifecycle.fail(session, held, StorageUnavailable("flex-1 is away"))
            waits.add(round(await due_in(db, held.id), 1))
        assert all(-0.5 <= wait <= 15 for wait in waits)
        assert len(waits) > 1

    @pytest.mark.parametrize("error", [EngineUnavailable("gone"), ResourceExhausted("no memory")], ids=["5", "2"])
    async def test_the_last_try_of_its_retry_class_is_the_last(
        self, db: Database, claimed: Claimed, error: ArchivistError
    ) -> None:
        held: lifecycle.JobClaim | None = await claimed(db)
        ends = []
        while held is not None:
            async with db.transaction() as session:
                ends.append(await lifecycle.fail(session, held, error, spread=0.0))
            held = await take(db)
        assert ends == [JobStatus.PENDING] * (error.tries - 1) + [JobStatus.FAILED]

    async def test_crashes_three_days_apart_are_not_counted_together(self, db: Database, claimed: Claimed) -> None:
        held: lifecycle.JobClaim | None = await claimed(db)
        for _ in range(4):
            assert held is not None
            async with db.transaction() as session:
                assert await lifecycle.fail(session, held, WorkerCrashed("signal 11")) is JobStatus.PENDING
                await session.execute(
                    update(Transcription).values(crashed_at=Transcription.crashed_at - retry.CRASHES_COUNT)
                )
            held = await take(db)

    async def test_the_third_crash_is_the_last_and_none_waits(self, db: Database, claimed: Claimed) -> None:
        held: lifecycle.JobClaim | None = await claimed(db)
        ends = []
        while held is not None:
            async with db.transaction() as session:
                ends.append(await lifecycle.fail(session, held, WorkerCrashed("signal 11"), spread=1.0))
            held = await take(db)
        assert ends == [JobStatus.PENDING] * (retry.MAX_CRASHES - 1) + [JobStatus.FAILED]

    async def test_a_failure_of_a_cancelled_job_is_its_end(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            status = await lifecycle.fail(session, held, StorageUnavailable("away"))
        assert status is JobStatus.CANCELLED
        assert (await row(db, held.id)).completed_date is not None
        assert (await events(db, held.id))[-1] == outbox.CANCELLED

    async def test_a_message_the_database_cannot_hold_is_made_harmless(self, db: Database, claimed: Claimed) -> None:
        """Found here: a NUL or half a surrogate from a dying child kept its job from being failed."""
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.fail(session, held, MediaUnreadable("moov\0atom \udcff"))
        assert (await row(db, held.id)).error_message == "moov\ufffdatom \ufffd"


WRITES: dict[str, Callable[[Any, lifecycle.JobClaim], Awaitable[Any]]] = {
    "renew": lambda session, held: lifecycle.renew(session, held, LEASE),
    "advance": lambda session, held: lifecycle.advance(session, held, progress()),
    "complete": lambda session, held: lifecycle.complete(session, held, outcome(held)),
    "fail": lambda session, held: lifecycle.fail(session, held, MediaUnreadable("no")),
    "fail-retryable": lambda session, held: lifecycle.fail(session, held, StorageUnavailable("away")),
    "stop": lifecycle.stop,
    "release": lifecycle.release,
}


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES.items()])
class TestFencing:
    """A write of an attempt that has lost its job raises Fenced and changes nothing (I5)."""

    async def _refused(self, db: Database, held: lifecycle.JobClaim, write: Any) -> None:
        before = await everything(db)
        with pytest.raises(Fenced, match=f"attempt {held.attempt} of transcription {held.id}"):
            async with db.transaction() as session:
                await write(session, held)
        assert await everything(db) == before

    async def test_an_older_attempt(self, db: Database, claimed: Claimed, write: Any) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.release(session, held)
        assert await take(db, held.owner) is not None
        await self._refused(db, held, write)

    async def test_an_attempt_that_never_was(self, db: Database, claimed: Claimed, write: Any) -> None:
        held = await claimed(db)
        await self._refused(db, replace(held, attempt=held.attempt + 1), write)

    async def test_another_owner(self, db: Database, claimed: Claimed, write: Any) -> None:
        held = await claimed(db)
        await self._refused(db, replace(held, owner="an impostor"), write)

    async def test_a_job_given_back(self, db: Database, claimed: Claimed, write: Any) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.release(session, held)
        await self._refused(db, held, write)

    @pytest.mark.parametrize("end", ["complete", "fail", "stop"])
    async def test_a_job_that_has_ended(self, db: Database, claimed: Claimed, write: Any, end: str) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await WRITES[end](session, held)
        await self._refused(db, held, write)

    async def test_a_job_that_never_was(self, db: Database, claimed: Claimed, write: Any) -> None:
        held = await claimed(db)
        await self._refused(db, replace(held, id=uuid4()), write)

    async def test_the_same_write_by_the_holder_goes_through(
        self, db: Database, claimed: Claimed, write: Any
    ) -> None:
        held = await claimed(db)
        before = await everything(db)
        async with db.transaction() as session:
            await write(session, held)
        assert await everything(db) != before


class TestCancel:
    async def test_a_waiting_job_ends_at_once(self, db: Database, submission: Submit) -> None:
        job_id = await queue(db, submission())
        async with db.transaction() as session:
            assert await requests.cancel(session, job_id) is JobStatus.CANCELLED
        job = await row(db, job_id)
        assert job.status == "cancelled"
        assert job.completed_date is not None
        assert await take(db) is None
        assert await events(db, job_id) == [outbox.QUEUED, outbox.CANCELLED]

    async def test_a_running_job_is_asked_to_end(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            assert await requests.cancel(session, held.id) is JobStatus.PROCESSING
        job = await row(db, held.id)
        assert job.status == "processing"
        assert job.cancel_requested_at is not None
        assert outbox.CANCELLED not in await events(db, held.id)

    async def test_asking_twice_changes_nothing_more(
        self, db: Database, submission: Submit, claimed: Claimed
    ) -> None:
        waiting, held = await queue(db, submission()), await claimed(db)
        async with db.transaction() as session:
            first = [await requests.cancel(session, waiting), await requests.cancel(session, held.id)]
        before = await everything(db)
        async with db.transaction() as session:
            assert [await requests.cancel(session, waiting), await requests.cancel(session, held.id)] == first
        assert await everything(db) == before

    @pytest.mark.parametrize("end", ["complete", "fail"])
    async def test_a_job_that_has_ended_otherwise_says_so(self, db: Database, claimed: Claimed, end: str) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await WRITES[end](session, held)
        before = await everything(db)
        with pytest.raises(Conflict, match=r"has (completed|failed) already"):
            async with db.transaction() as session:
                await requests.cancel(session, held.id)
        assert await everything(db) == before

    async def test_an_unknown_job_is_not_found(self, db: Database) -> None:
        with pytest.raises(NotFound):
            async with db.transaction() as session:
                await requests.cancel(session, uuid4())

    async def test_a_cancel_and_a_claim_at_once_agree(self, committed_db: Database, submission: Submit) -> None:
        for _ in range(5):
            job_id = await queue(committed_db, submission())

            async def cancel(job_id: UUID = job_id) -> JobStatus:
                async with committed_db.transaction() as session:
                    return await requests.cancel(session, job_id)

            answer, held = await asyncio.gather(cancel(), take(committed_db))
            job = await row(committed_db, job_id)
            if held is None:
                assert (answer, job.status) == (JobStatus.CANCELLED, "cancelled")
            else:
                assert (answer, job.status) == (JobStatus.PROCESSING, "processing")
                async with committed_db.transaction() as session:
                    assert await lifecycle.renew(session, held, LEASE) is True
                    await lifecycle.stop(session, held)


class TestRetry:
    async def test_a_failed_job_starts_over(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await lifecycle.advance(session, held, progress(50, 30_000))
            await lifecycle.fail(session, held, MediaUnreadable("no"))
            await requests.retry(session, held.id)
        job = await row(db, held.id)
        assert (job.status, job.progress, job.audio_done_ms, job.stage) == ("pending", 0, 0, None)
        assert (job.failure_count, job.crash_count, job.error_code, job.error_message) == (0, 0, None, None)
        assert (job.completed_date, job.attempt) == (None, 1)
        again = await take(db)
        assert again is not None
        assert (again.id, again.attempt) == (held.id, 2)

    async def test_a_cancelled_job_forgets_that_it_was(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
            await lifecycle.stop(session, held)
            await requests.retry(session, held.id)
        again = await take(db)
        assert again is not None
        async with db.transaction() as session:
            assert await lifecycle.renew(session, again, LEASE) is False

    async def test_the_story_names_who_asked(
        self, db: Database, claimed: Claimed, user: Callable[..., Awaitable[int]]
    ) -> None:
        person, held = await user(db), await claimed(db)
        async with db.transaction() as session:
            await lifecycle.fail(session, held, MediaUnreadable("no"))
            await requests.retry(session, held.id, user_id=person)
        last = (await everything(db))["system_logs"][-1]
        assert (last["message"], last["user_id"], last["transcription_id"]) == ("queued again", person, held.id)
        assert (await events(db, held.id))[-1] == outbox.QUEUED

    async def test_a_job_that_lives_or_completed_is_not_tried_again(
        self, db: Database, submission: Submit, claimed: Claimed
    ) -> None:
        running, done = await claimed(db), await claimed(db)
        waiting = await queue(db, submission())
        async with db.transaction() as session:
            await lifecycle.complete(session, done, outcome(done))
        before = await everything(db)
        for job_id in (waiting, running.id, done.id):
            with pytest.raises(Conflict, match="only a failed or cancelled"):
                async with db.transaction() as session:
                    await requests.retry(session, job_id)
        assert await everything(db) == before

    async def test_an_unknown_job_is_not_found(self, db: Database) -> None:
        with pytest.raises(NotFound):
            async with db.transaction() as session:
                await requests.retry(session, uuid4())

    async def test_a_recording_another_job_is_doing_is_not_done_twice(self, db: Database, submission: Submit) -> None:
        wish = submission()
        first = await queue(db, wish)
        async with db.transaction() as session:
            await requests.cancel(session, first)
        second = await queue(db, wish)
        with pytest.raises(Conflict, match=str(second)):
            async with db.transaction() as session:
                await requests.retry(session, first)

    async def test_a_retry_and_a_submit_at_once_leave_one_live_job(
        self, committed_db: Database, submission: Submit
    ) -> None:
        """Found here: the loser of the race was answered with the database's own error."""
        for _ in range(10):
            wish = submission()
            first = await queue(committed_db, wish)
            async with committed_db.transaction() as session:
                await requests.cancel(session, first)

            async def again(job_id: UUID = first) -> None:
                async with committed_db.transaction() as session:
                    await requests.retry(session, job_id)

            answer, submitted = await asyncio.gather(again(), queue(committed_db, wish), return_exceptions=True)
            assert isinstance(submitted, UUID)
            if answer is None:
                assert submitted == first
            else:
                assert isinstance(answer, Conflict)
                assert (await row(committed_db, first)).status == "cancelled"


class TestLapsed:
    async def _lapsed(self, db: Database, lease: timedelta = timedelta()) -> dict[UUID, JobStatus]:
        async with db.transaction() as session:
            return dict(await lifecycle.expire_leases(session, lease))

    async def test_a_lease_that_runs_is_left_alone(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db)
        assert await self._lapsed(db) == {}
        assert (await row(db, held.id)).status == "processing"

    async def test_an_orphaned_job_goes_back_to_the_queue_as_a_crash(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db, lease=GONE)
        assert await self._lapsed(db) == {held.id: JobStatus.PENDING}
        job = await row(db, held.id)
        assert (job.status, job.crash_count, job.failure_count) == ("pending", 1, 0)
        assert (job.lease_owner, job.lease_expires_at, job.completed_date) == (None, None, None)
        assert job.error_code == "WORKER_CRASHED"
        assert (await events(db, held.id))[-1] == outbox.RELEASED
        again = await take(db)
        assert again is not None
        assert again.attempt == 2

    async def test_the_third_crash_ends_it(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db, lease=GONE)
        for _ in range(2):
            assert await self._lapsed(db) == {held.id: JobStatus.PENDING}
            assert await take(db, lease=GONE) is not None
        assert await self._lapsed(db) == {held.id: JobStatus.FAILED}
        job = await row(db, held.id)
        assert (job.status, job.crash_count) == ("failed", 3)
        assert job.completed_date is not None
        assert (await events(db, held.id)).count(outbox.FAILED) == 1
        assert await self._lapsed(db) == {}

    async def test_a_cancelled_orphan_is_cancelled(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db, lease=GONE)
        async with db.transaction() as session:
            await requests.cancel(session, held.id)
        assert await self._lapsed(db) == {held.id: JobStatus.CANCELLED}
        assert (await row(db, held.id)).completed_date is not None
        assert (await events(db, held.id))[-1] == outbox.CANCELLED

    async def test_nothing_lapses_while_the_server_has_been_up_for_less_than_a_lease(
        self, db: Database, claimed: Claimed
    ) -> None:
        await claimed(db, lease=GONE)
        before = await everything(db)
        assert await self._lapsed(db, lease=timedelta(days=365)) == {}
        assert await everything(db) == before

    async def test_the_worker_that_comes_back_is_fenced(self, db: Database, claimed: Claimed) -> None:
        held = await claimed(db, lease=GONE)
        await self._lapsed(db)
        with pytest.raises(Fenced):
            async with db.transaction() as session:
                await lifecycle.renew(session, held, LEASE)

    async def test_several_at_once_are_all_taken_back(self, db: Database, claimed: Claimed) -> None:
        gone = {(await claimed(db, lease=GONE)).id for _ in range(3)}
        runs = (await claimed(db)).id
        assert set(await self._lapsed(db)) == gone
        assert (await row(db, runs)).status == "processing"


class TestTwice:
    """Everything that is run twice works once."""

    async def test_two_completions_at_once_make_one(self, committed_db: Database, claimed: Claimed) -> None:
        held = await claimed(committed_db)

        async def once() -> bool:
            try:
                async with committed_db.transaction() as session:
                    await lifecycle.complete(session, held, outcome(held))
            except Fenced:
                return False
            return True

        assert Counter(await asyncio.gather(*(once() for _ in range(5)))) == {True: 1, False: 4}
        assert (await events(committed_db, held.id)).count(outbox.COMPLETED) == 1
        assert len((await everything(committed_db))["artifacts"]) == 4

    async def test_of_many_ends_at_once_one_is_the_end(self, committed_db: Database, claimed: Claimed) -> None:
        held = await claimed(committed_db)

        async def end(name: str) -> str | None:
            try:
                async with committed_db.transaction() as session:
                    await WRITES[name](session, held)
            except Fenced:
                return None
            return name

        answers = await asyncio.gather(*(end(name) for name in ("complete", "fail", "stop", "complete", "fail")))
        assert len([answer for answer in answers if answer]) == 1
        assert len(TERMINAL_EVENTS & set(await events(committed_db, held.id))) == 1

    async def test_two_lapses_at_once_charge_one_crash(self, committed_db: Database, claimed: Claimed) -> None:
        held = await claimed(committed_db, lease=GONE)

        async def once() -> int:
            async with committed_db.transaction() as session:
                return len(await lifecycle.expire_leases(session, timedelta()))

        assert sum(await asyncio.gather(*(once() for _ in range(5)))) == 1
        assert (await row(committed_db, held.id)).crash_count == 1

    async def test_five_cancels_at_once_write_one_event(self, committed_db: Database, submission: Submit) -> None:
        job_id = await queue(committed_db, submission())

        async def once() -> JobStatus:
            async with committed_db.transaction() as session:
                return await requests.cancel(session, job_id)

        assert set(await asyncio.gather(*(once() for _ in range(5)))) == {JobStatus.CANCELLED}
        assert (await events(committed_db, job_id)).count(outbox.CANCELLED) == 1
