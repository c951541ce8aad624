"""Accounts, log-ins, sessions and keys in the database."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, text, update

from archivist_common.database.clock import database_in
from archivist_common.database.models import ApiKey, Session, SystemLog, User
from archivist_common.errors import (
    AuthRequired,
    Conflict,
    InvalidApiKey,
    InvalidRequest,
    InvalidToken,
    NotFound,
    PasswordChangeRequired,
    PermissionDenied,
    TooManyAttempts,
    WeakPassword,
)
from archivist_common.security import accounts, api_keys, login_throttle, passwords, sessions
from archivist_common.security.login_throttle import Credentials
from archivist_common.security.permissions import GRANTABLE, OF_ROLE, Permission, of_key
from archivist_common.security.tokens import Access
from archivist_common.states import Role

GOOD = "seven green lanterns at dusk"
OTHER = "eight blue kites over the pier"
HOUR = timedelta(hours=1)
KEY = b"k" * 32


async def person(db, name="lee", role=Role.USER):
    async with db.transaction() as session:
        made = await accounts.create(session, name, role=role)
    opened = await login_throttle.log_in(db, Credentials(name, made.password, "198.51.100.1", GOOD))
    return made.account, opened


async def older(db, model, column, by, **where):
    """Move a time into the past, as waiting would."""
    async with db.transaction() as session:
        query = update(model).values({column: getattr(model, column) - by})
        for name, value in where.items():
            query = query.where(getattr(model, name) == value)
        await session.execute(query)


async def seen(db, opened, idle=HOUR):
    async with db.transaction() as session:
        access = Access(opened.user_id, opened.id, "x", None)
        return await sessions.who(session, access, idle)


async def continued(db, token, idle=HOUR):
    async with db.transaction() as session:
        return await sessions.refresh(session, token, KEY, idle)


# accounts


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


# logging in


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


# sessions


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


# keys


async def make_key(db, user_id, *permissions, **more):
    async with db.transaction() as session:
        return await api_keys.create(session, user_id, "web team", permissions or api_keys.READ_ONLY, **more)


async def owner_of(db, key):
    async with db.transaction() as session:
        return await api_keys.who(session, key)


async def test_a_key_has_the_form_scanners_look_for_and_is_kept_as_a_hash(db):
    account, _ = await person(db)
    made = await make_key(db, account.id)
    assert api_keys._FORM.fullmatch(made.text)
    assert len(made.text) == len("arc_prod_") + 8 + 1 + 43 + 1 + 6
    assert (await owner_of(db, made.text)).user_id == account.id
    async with db.transaction() as session:
        stored = await session.scalar(select(ApiKey))
    secret = made.text.removeprefix(stored.prefix)[1:44]
    assert secret not in f"{stored.key_hash} {stored.prefix} {stored.name}"


async def test_a_key_that_is_not_exactly_the_one_made_is_refused(db):
    account, _ = await person(db)
    text_ = (await make_key(db, account.id)).text
    other = (await make_key(db, account.id)).text
    body = text_[:-7]
    same_id_other_secret = f"{text_[:17]}{other[17:-7]}"
    cases = [
        text_[:-1],
        text_ + "0",
        text_.upper(),
        body + "_000000",
        f"{same_id_other_secret}_{api_keys._checksum(same_id_other_secret)}",
        text_.replace("arc_prod_", "arc_test_"),
        f" {text_}",
        "arc_",
        "arc_prod_ÄÖÜÄÖÜÄÖ_" + text_[18:],
    ]
    for case in cases:
        with pytest.raises(InvalidApiKey):
            await owner_of(db, case)
    await owner_of(db, text_)


async def test_revoked_expired_and_unknown_keys_are_refused_in_one_voice(db):
    account, _ = await person(db)
    revoked, expired, deleted = [await make_key(db, account.id) for _ in range(3)]
    async with db.transaction() as session:
        await api_keys.revoke(session, revoked.key.id, owner=account.id)
        await api_keys.revoke(session, revoked.key.id, owner=account.id)
        await session.execute(
            update(ApiKey).where(ApiKey.id == expired.key.id).values(expires_at=database_in(timedelta(0)))
        )
        await session.execute(text("DELETE FROM api_keys WHERE id = :id"), {"id": deleted.key.id})
    said = set()
    for key in (revoked, expired, deleted):
        with pytest.raises(InvalidApiKey) as refusal:
            await owner_of(db, key.text)
        said.add(refusal.value.message)
    assert len(said) == 1


async def test_a_key_of_somebody_shut_out_is_refused(db):
    account, _ = await person(db)
    made = await make_key(db, account.id)
    async with db.transaction() as session:
        await session.execute(update(User).where(User.id == account.id).values(active=False))
    with pytest.raises(InvalidApiKey):
        await owner_of(db, made.text)


async def test_a_key_does_less_when_its_owner_may_do_less(db):
    account, _ = await person(db, role=Role.OPERATOR)
    made = await make_key(db, account.id, Permission.TRANSCRIPTIONS_READ, Permission.TRANSCRIPTIONS_ALL)
    assert (await owner_of(db, made.text)).sees_only is None
    async with db.transaction() as session:
        await session.execute(update(User).where(User.id == account.id).values(role=Role.USER))
    caller = await owner_of(db, made.text)
    assert caller.sees_only == account.id
    assert caller.permissions == {Permission.TRANSCRIPTIONS_READ}


async def test_a_key_cannot_be_made_with_more_than_its_owner_may(db):
    account, _ = await person(db)
    with pytest.raises(PermissionDenied):
        await make_key(db, account.id, Permission.ADMIN)
    with pytest.raises(InvalidRequest):
        await make_key(db, account.id, Permission.ACCOUNT)


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_a_key_ends_within_a_year(db, days):
    account, _ = await person(db)
    with pytest.raises(InvalidRequest):
        await make_key(db, account.id, life=timedelta(days=days))


async def test_the_last_use_is_written_once_a_minute(db):
    account, _ = await person(db)
    made = await make_key(db, account.id)

    async def last_used():
        await owner_of(db, made.text)
        async with db.transaction() as session:
            return await session.scalar(select(ApiKey.last_used))

    first = await last_used()
    assert first is not None
    assert await last_used() == first
    await older(db, ApiKey, "last_used", timedelta(seconds=61))
    assert await last_used() >= first


async def test_a_key_of_somebody_else_cannot_be_revoked(db):
    account, _ = await person(db, "lee")
    other, _ = await person(db, "kim")
    made = await make_key(db, account.id)
    with pytest.raises(NotFound):
        async with db.transaction() as session:
            await api_keys.revoke(session, made.key.id, owner=other.id)
    await owner_of(db, made.text)


@pytest.mark.parametrize("role", list(Role))
def test_no_key_ever_has_more_than_its_owner_nor_the_account(role):
    held = of_key([permission.value for permission in Permission] + ["nonsense"], role)
    assert held == OF_ROLE[role] & GRANTABLE
    assert Permission.ACCOUNT not in held
