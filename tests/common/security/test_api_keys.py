"""API keys: their form, what they may do, and when they end."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from tests.common.security.accounts_at_hand import older, person

from archivist_common.database.clock import database_in
from archivist_common.database.models import ApiKey, User
from archivist_common.errors import (
    InvalidApiKey,
    InvalidRequest,
    NotFound,
    PermissionDenied,
)
from archivist_common.security import api_keys
from archivist_common.security.permissions import Permission
from archivist_common.states import Role


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
