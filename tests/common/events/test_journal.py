"""Entries of system_logs: written with their change, read back as a story, and no line of them forged."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from archivist_common.database.engine import Database
from archivist_common.database.models import SystemLog
from archivist_common.events import journal
from archivist_common.jobs import lifecycle

Claimed = Callable[..., Awaitable[lifecycle.JobClaim]]


async def test_the_story_of_a_job_is_told_oldest_first(db: Database, claimed: Claimed) -> None:
    held = await claimed(db)
    await claimed(db)
    async with db.transaction() as session:
        await lifecycle.release(session, held)
        story = await journal.of_transcription(session, held.id)
        assert await journal.of_transcription(session, held.id, limit=1) == story[:1]
    assert [entry.message for entry in story] == ["queued", "started, attempt 1", "released: the worker stopped"]
    assert {(entry.level, entry.component) for entry in story} == {("INFO", "transcription")}
    assert all(entry.created_date.tzinfo is not None for entry in story)


async def test_an_entry_keeps_who_what_and_details(
    db: Database, claimed: Claimed, user: Callable[..., Awaitable[int]]
) -> None:
    person, held = await user(db), await claimed(db)
    async with db.transaction() as session:
        await journal.record(
            session, "WARNING", "auth", "refused", user_id=person, transcription_id=held.id, address="10.0.0.1"
        )
        entry = (await session.scalars(select(SystemLog).where(SystemLog.component == "auth"))).one()
    assert (entry.level, entry.message, entry.user_id, entry.transcription_id) == (
        "WARNING",
        "refused",
        person,
        held.id,
    )
    assert entry.details == {"address": "10.0.0.1"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("a\r\n2022-01-01 INFO forged", "a\ufffd\ufffd2022-01-01 INFO forged", id="line-break"),
        pytest.param("a\0b", "a\ufffdb", id="nul"),
        pytest.param("a\x1b[31mred", "a\ufffd[31mred", id="escape"),
        pytest.param("caf\udcff", "caf\ufffd", id="half-a-surrogate"),
        pytest.param("Café «🎥»", "Café «🎥»", id="any-other-letter"),
    ],
)
async def test_a_message_is_one_line(db: Database, said: str, kept: str) -> None:
    async with db.transaction() as session:
        await journal.record(session, "INFO", "tests", said)
        assert await session.scalar(select(SystemLog.message).where(SystemLog.component == "tests")) == kept


async def test_an_entry_of_a_change_that_was_rolled_back_never_was(db: Database) -> None:
    async def breaks() -> None:
        async with db.transaction() as session:
            await journal.record(session, "INFO", "tests", "said too early")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks()
    async with db.transaction() as session:
        assert await session.scalar(select(SystemLog.id).where(SystemLog.component == "tests")) is None
