"""Sessions: refresh tokens used once, and when a session ends."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update
from tests.common.security.accounts_at_hand import HOUR, continued, older, person, seen

from archivist_common.database.models import Session, User
from archivist_common.errors import InvalidToken
from archivist_common.security import sessions
from archivist_common.security.tokens import Access
from archivist_common.states import Role


async def test_a_refresh_token_is_replaced_by_each_use(db):
    _, opened = await person(db)
    second = await continued(db, opened.refresh_token)
    third = await continued(db, second.refresh_token)
    assert len({opened.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert opened.id == second.id == third.id


async def test_a_lost_answer_may_be_asked_for_again_and_is_the_same(db):
    _, opened = await person(db)
    second = await continued(db, opened.refresh_token)
    assert await continued(db, opened.refresh_token) == second
    assert await continued(db, second.refresh_token) is not None


async def test_a_token_that_comes_again_later_ends_the_session(db):
    _, opened = await person(db)
    second = await continued(db, opened.refresh_token)
    await older(db, Session, "last_used", timedelta(seconds=11))
    assert await continued(db, opened.refresh_token) is None
    assert await continued(db, second.refresh_token) is None
    with pytest.raises(InvalidToken):
        await seen(db, opened)


async def test_two_uses_at_once_lead_to_one_successor(committed_db):
    _, opened = await person(committed_db)
    answers = await asyncio.gather(*(continued(committed_db, opened.refresh_token) for _ in range(10)))
    assert len({answer.refresh_token for answer in answers}) == 1


@pytest.mark.parametrize("token", ["", "x" * 43, "ä" * 43, "x" * 10_000])
async def test_a_token_of_no_session_continues_nothing(db, token):
    assert await continued(db, token) is None


async def test_an_idle_session_ends(db):
    _, opened = await person(db)
    await older(db, Session, "last_used", HOUR)
    with pytest.raises(InvalidToken):
        await seen(db, opened)
    assert await continued(db, opened.refresh_token) is None


async def test_a_session_ends_after_a_day_however_busy(db):
    _, opened = await person(db)
    await older(db, Session, "created_date", timedelta(days=1))
    with pytest.raises(InvalidToken):
        await seen(db, opened)


async def test_a_new_role_counts_at_once(db):
    account, opened = await person(db)
    async with db.transaction() as session:
        await session.execute(update(User).where(User.id == account.id).values(role=Role.OPERATOR))
    assert (await seen(db, opened)).role is Role.OPERATOR


async def test_somebody_elses_name_in_a_token_of_a_session_is_refused(db):
    _, opened = await person(db, "lee")
    other, _ = await person(db, "kim")
    async with db.transaction() as session:
        with pytest.raises(InvalidToken):
            await sessions.who(session, Access(other.id, opened.id, "x", None), HOUR)
