"""Accounts: names, addresses, one-time passwords, and the last administrator."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from tests.common.security.accounts_at_hand import person

from archivist_common.database.models import User
from archivist_common.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
)
from archivist_common.security import accounts
from archivist_common.states import Role


async def test_the_first_administrator_has_an_hour_to_come_in(db):
    async with db.transaction() as session:
        assert not await accounts.any_admin(session)
        made = await accounts.create_admin(session)
        left = await session.scalar(select(User.one_time_until - func.now()))
        assert await accounts.any_admin(session)
    assert made.account.role is Role.ADMIN
    assert timedelta(minutes=59) < left <= timedelta(minutes=61)


async def test_a_name_is_taken_once_in_whatever_case(db):
    await person(db, "lee")
    with pytest.raises(Conflict):
        async with db.transaction() as session:
            await accounts.create(session, " LEE ", "other@example.org")


async def test_an_address_is_taken_once(db):
    async with db.transaction() as session:
        await accounts.create(session, "one", "a@example.org")
        with pytest.raises(Conflict):
            await accounts.create(session, "two", "A@example.org")


@pytest.mark.parametrize("name", ["ab", "-lee", "lee smith", "lee\nx", "lée", "l" * 81, "lee'; --", ""])
async def test_what_cannot_be_a_name_is_refused(db, name):
    with pytest.raises(InvalidRequest):
        async with db.transaction() as session:
            await accounts.create(session, f"{name}")


@pytest.mark.parametrize("address", ["lee", "lee@", "@example.org", "a b@example.org", "a@b@c"])
async def test_what_cannot_be_an_address_is_refused(db, address):
    with pytest.raises(InvalidRequest):
        async with db.transaction() as session:
            await accounts.create(session, "lee", address)


async def test_the_last_administrator_can_neither_be_shut_out_nor_demoted(db):
    async with db.transaction() as session:
        made = await accounts.create_admin(session)
    for change in ({"active": False}, {"role": Role.USER}):
        with pytest.raises(Conflict):
            async with db.transaction() as session:
                await accounts.change(session, made.account.id, by=made.account.id, **change)
    async with db.transaction() as session:
        assert (await accounts.get(session, made.account.id)).active


async def test_one_of_two_administrators_can_go(db):
    async with db.transaction() as session:
        first = await accounts.create_admin(session, "first")
        await accounts.create_admin(session, "second")
        changed = await accounts.change(session, first.account.id, role=Role.USER, by=1)
    assert changed.role is Role.USER


async def test_nobody_is_changed_who_does_not_exist(db):
    with pytest.raises(NotFound):
        async with db.transaction() as session:
            await accounts.change(session, 99, active=False, by=1)
