"""Logging in, what every refusal says, and how failures delay the next attempt."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text, update
from tests.common.security.accounts_at_hand import GOOD, HOUR, OTHER, older, person, seen

from archivist_common.database.models import SystemLog, User
from archivist_common.errors import (
    AuthRequired,
    InvalidToken,
    PasswordChangeRequired,
    TooManyAttempts,
    WeakPassword,
)
from archivist_common.security import accounts, login_throttle, passwords
from archivist_common.security.login_throttle import Credentials


async def test_a_one_time_password_needs_a_new_one_beside_it(db):
    async with db.transaction() as session:
        made = await accounts.create(session, "lee")
    with pytest.raises(PasswordChangeRequired):
        await login_throttle.log_in(db, Credentials("lee", made.password, "::1"))
    with pytest.raises(WeakPassword):
        await login_throttle.log_in(db, Credentials("lee", made.password, "::1", "password1234"))
    with pytest.raises(WeakPassword):
        await login_throttle.log_in(db, Credentials("lee", made.password, "::1", made.password))
    await login_throttle.log_in(db, Credentials("lee", made.password, "::1", GOOD))
    with pytest.raises(AuthRequired):
        await login_throttle.log_in(db, Credentials("lee", made.password, "::1", OTHER))
    await login_throttle.log_in(db, Credentials("LEE ", GOOD, "::1"))


async def test_a_one_time_password_ends(db):
    async with db.transaction() as session:
        made = await accounts.create(session, "lee", one_time=HOUR)
    await older(db, User, "one_time_until", HOUR)
    with pytest.raises(AuthRequired):
        await login_throttle.log_in(db, Credentials("lee", made.password, "::1", GOOD))


async def test_every_refusal_reads_the_same(db):
    await person(db, "lee")
    account, _ = await person(db, "shut")
    async with db.transaction() as session:
        await session.execute(update(User).where(User.id == account.id).values(active=False))
    said = set()
    for name, password in [("lee", "wrong"), ("nobody", GOOD), ("shut", GOOD)]:
        with pytest.raises(AuthRequired) as refusal:
            await login_throttle.log_in(db, Credentials(name, password, "::1"))
        said.add((type(refusal.value), refusal.value.message))
    assert len(said) == 1


async def test_a_weaker_hash_is_made_stronger_at_the_next_log_in(db):
    account, _ = await person(db)
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    async with db.transaction() as session:
        await session.execute(update(User).where(User.id == account.id).values(password_hash=weak))
    await login_throttle.log_in(db, Credentials("lee", GOOD, "::1"))
    async with db.transaction() as session:
        stored = await session.scalar(select(User.password_hash))
    assert not passwords.needs_rehash(stored)
    await login_throttle.log_in(db, Credentials("lee", GOOD, "::1"))


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (9, 0), (10, 1), (11, 2), (14, 16), (19, 512), (20, 900), (500, 900)]
)
def test_the_wait_grows_and_has_an_end(failures, seconds):
    assert login_throttle.delay_s(failures, 10) == seconds


async def fail(db, times, name="lee", address="198.51.100.7"):
    for _ in range(times):
        with pytest.raises(AuthRequired):
            await login_throttle.log_in(db, Credentials(name, "a wrong one", address))


async def test_ten_failures_slow_an_account_down_whatever_the_address_and_the_right_password_waits_too(db):
    await person(db)
    await fail(db, 5, address="198.51.100.7")
    await fail(db, 5, address="198.51.100.8")
    with pytest.raises(TooManyAttempts) as refusal:
        await login_throttle.log_in(db, Credentials("Lee", GOOD, "203.0.113.1"))
    assert refusal.value.retry_after_s == 1


async def test_others_are_not_slowed_down(db):
    await person(db, "lee")
    await person(db, "kim")
    await fail(db, 10)
    await login_throttle.log_in(db, Credentials("kim", GOOD, "198.51.100.7"))


async def test_waiting_lets_the_owner_in(db):
    await person(db)
    await fail(db, 10)
    await older(db, SystemLog, "created_date", timedelta(seconds=2), component=login_throttle.COMPONENT)
    await login_throttle.log_in(db, Credentials("lee", GOOD, "::1"))


async def test_failures_are_forgotten_after_a_quarter_of_an_hour(db):
    await person(db)
    await fail(db, 9)
    await older(db, SystemLog, "created_date", timedelta(minutes=16), component=login_throttle.COMPONENT)
    await fail(db, 9)


async def test_an_unknown_name_is_slowed_down_like_a_known_one(db):
    await fail(db, 10, name="nobody")
    with pytest.raises(TooManyAttempts):
        await login_throttle.log_in(db, Credentials("nobody", GOOD, "::1"))


async def test_an_address_that_tries_many_names_is_slowed_down(db):
    entries = [
        {"name": f"name {number}", "address": "198.51.100.7"} for number in range(login_throttle.PER_ADDRESS)
    ]  # what fifty failures leave behind
    async with db.transaction() as session:
        for details in entries:
            session.add(
                SystemLog(
                    level="WARNING", component=login_throttle.COMPONENT, message="log-in refused", details=details
                )
            )
    with pytest.raises(TooManyAttempts):
        await login_throttle.log_in(db, Credentials("lee", GOOD, "198.51.100.7"))


async def test_forty_guesses_at_once_are_counted_before_they_are_looked_at(committed_db):
    guesses = [login_throttle.log_in(committed_db, Credentials("lee", f"guess {n}", "::1")) for n in range(40)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(type(result) is AuthRequired for result in results) <= login_throttle.PER_ACCOUNT + 2
    assert sum(type(result) is TooManyAttempts for result in results) >= 40 - login_throttle.PER_ACCOUNT - 2


async def test_a_log_in_leaves_no_failure_behind(db):
    await person(db)
    for _ in range(12):
        await login_throttle.log_in(db, Credentials("lee", GOOD, "::1"))


async def test_neither_name_nor_password_of_a_failure_is_kept(db):
    with pytest.raises(AuthRequired):
        await login_throttle.log_in(db, Credentials("hunter2-in-the-wrong-field", "hunter3", "::1"))
    async with db.transaction() as session:
        rows = (await session.execute(text("SELECT system_logs::text FROM system_logs"))).scalars().all()
    assert rows
    assert not any("hunter" in row for row in rows)


async def test_changing_the_password_needs_the_old_one_and_ends_every_session(db):
    _, opened = await person(db)
    with pytest.raises(AuthRequired):
        await login_throttle.change_password(db, Credentials("lee", "wrong", "::1"), OTHER)
    with pytest.raises(WeakPassword):
        await login_throttle.change_password(db, Credentials("lee", GOOD, "::1"), GOOD)
    await seen(db, opened)
    await login_throttle.change_password(db, Credentials("lee", GOOD, "::1"), OTHER)
    with pytest.raises(InvalidToken):
        await seen(db, opened)
    await login_throttle.log_in(db, Credentials("lee", OTHER, "::1"))
