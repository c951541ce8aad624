"""Files a job made: found by who must place them, by who asks whose a file is, and by who reads them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from archivist_common.database.engine import Database
from archivist_common.database.models import Transcription
from archivist_common.jobs import artifacts, lifecycle
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.states import PublicState

Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]

OUT = Path("/out")


def made(kind: str, sha256: str = "a" * 64) -> StagedFile:
    return StagedFile(kind, Path(f"/vault/{sha256[:8]}.{kind}"), sha256, 12, OUT / f"Council.{kind}")


async def completed(
    db: Database, claimed: Claimed, *files: StagedFile, path: str = "Council.mp4", mtime: int = 1
) -> UUID:
    held = await claimed(db, path=path, mtime_ns=mtime)
    async with db.transaction() as session:
        await lifecycle.complete(session, held, lifecycle.JobOutcome(files, 1000, "en", None, ()))
    return held.id


async def test_what_was_made_is_read_back_in_order(db: Database, claimed: Claimed) -> None:
    job_id = await completed(db, claimed, made("scc"), made("vtt", "b" * 64))
    async with db.transaction() as session:
        stored = await artifacts.of_transcription(session, job_id)
        assert await artifacts.of_transcription(session, uuid4()) == []
    assert stored == [
        artifacts.StoredFile(
            "scc", Path("/vault/aaaaaaaa.scc"), "a" * 64, 12, OUT / "Council.scc", PublicState.PENDING, None
        ),
        artifacts.StoredFile(
            "vtt", Path("/vault/bbbbbbbb.vtt"), "b" * 64, 12, OUT / "Council.vtt", PublicState.PENDING, None
        ),
    ]


async def test_files_are_known_by_the_attempt_that_made_them(db: Database, claimed: Claimed) -> None:
    job_id = await completed(db, claimed, made("scc"))
    async with db.transaction() as session:
        assert await artifacts.made_by(session, job_id, 1)
        assert not await artifacts.made_by(session, job_id, 2)
        assert not await artifacts.made_by(session, uuid4(), 1)


async def test_a_committed_file_waits_to_be_placed(db: Database, claimed: Claimed) -> None:
    first = await completed(db, claimed, made("scc"))
    second = await completed(db, claimed, made("vtt"), path="Other.mp4")
    async with db.transaction() as session:
        waiting = await artifacts.pending(session)
        assert [one.transcription_id for one in await artifacts.pending(session, limit=1)] == [first]
    assert [(one.transcription_id, one.kind, one.source, one.superseded) for one in waiting] == [
        (first, "scc", "Council.mp4", False),
        (second, "vtt", "Other.mp4", False),
    ]
    assert (waiting[0].storage, waiting[0].sha256, waiting[0].public_path) == (
        "flex-1",
        "a" * 64,
        OUT / "Council.scc",
    )


@pytest.mark.parametrize(
    ("state", "error", "column"),
    [
        pytest.param(PublicState.PLACED, None, "/out/Council.scc", id="placed"),
        pytest.param(PublicState.BLOCKED, "a file of somebody else's is there", "/vault/aaaaaaaa.scc", id="blocked"),
    ],
)
async def test_a_settled_file_waits_no_more(
    db: Database, claimed: Claimed, state: PublicState, error: str | None, column: str
) -> None:
    job_id = await completed(db, claimed, made("scc"))
    async with db.transaction() as session:
        [waiting] = await artifacts.pending(session)
        await artifacts.set_public_state(session, waiting, state, OUT / "Council.scc", error)
        assert await artifacts.pending(session) == []
        [stored] = await artifacts.of_transcription(session, job_id)
        job = await session.get_one(Transcription, job_id)
    assert (stored.public_state, stored.public_error, stored.public_path) == (state, error, OUT / "Council.scc")
    assert job.scc_file_path == column, "the committed copy until the file stands under its public name"


async def test_a_file_that_could_not_be_placed_is_tried_again(db: Database, claimed: Claimed) -> None:
    job_id = await completed(db, claimed, made("scc"))
    async with db.transaction() as session:
        [waiting] = await artifacts.pending(session)
        await artifacts.note(session, waiting, "flex-1 is away")
        [again] = await artifacts.pending(session)
        assert await artifacts.pending(session, tried=True) == [again]
        assert await artifacts.pending(session, tried=False) == []
        [stored] = await artifacts.of_transcription(session, job_id)
    assert (again.id, again.error) == (waiting.id, "flex-1 is away")
    assert (stored.public_state, stored.public_error) == (PublicState.PENDING, "flex-1 is away")


async def test_a_public_path_longer_than_its_column_is_settled(db: Database, claimed: Claimed) -> None:
    job_id = await completed(db, claimed, made("scc"))
    long = OUT / ("a" * 250) / ("b" * 250) / "c.scc"
    async with db.transaction() as session:
        [waiting] = await artifacts.pending(session)
        await artifacts.set_public_state(session, waiting, PublicState.PLACED, long)
        assert (await artifacts.of_transcription(session, job_id))[0].public_path == long
        assert (await session.get_one(Transcription, job_id)).scc_file_path == "/vault/aaaaaaaa.scc"


async def test_a_later_result_of_the_same_recording_supersedes_kind_by_kind(db: Database, claimed: Claimed) -> None:
    old = await completed(db, claimed, made("scc"), made("vtt"), mtime=1)
    new = await completed(db, claimed, made("scc", "b" * 64), mtime=2)
    other = await completed(db, claimed, made("scc", "c" * 64), path="Other.mp4")
    async with db.transaction() as session:
        waiting = {(one.transcription_id, one.kind): one.superseded for one in await artifacts.pending(session)}
    assert waiting == {(old, "scc"): True, (old, "vtt"): False, (new, "scc"): False, (other, "scc"): False}


async def test_a_file_is_known_by_place_and_content(db: Database, claimed: Claimed) -> None:
    await completed(db, claimed, made("scc"))
    await completed(db, claimed, made("scc", "b" * 64), path="2023/Council.mp4")
    async with db.transaction() as session:
        assert await artifacts.writer_of(session, OUT / "Council.scc", "a" * 64) == ("flex-1", "Council.mp4")
        assert await artifacts.writer_of(session, OUT / "Council.scc", "b" * 64) == ("flex-1", "2023/Council.mp4")
        assert await artifacts.writer_of(session, OUT / "Council.scc", "c" * 64) is None
        assert await artifacts.writer_of(session, OUT / "Other.scc", "a" * 64) is None
