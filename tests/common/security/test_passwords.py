"""Which passwords are taken, and how they are kept."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from archivist_common.errors import WeakPassword
from archivist_common.security import passwords

GOOD = "seven green lanterns at dusk"


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("elevenchars", id="eleven-characters"),
        pytest.param("", id="empty"),
        pytest.param("x7#" * 43, id="129-characters"),
        pytest.param("aaaaaaaaaaaaaaaa", id="one-character"),
        pytest.param("abababababababab", id="two-characters"),
        pytest.param("password123456", id="common-word-and-sequence"),
        pytest.param("PassWord!2024!", id="common-word-and-year"),
        pytest.param("P@ssw0rdP@ssw0rd", id="letters-as-signs"),
        pytest.param("qwertyuiop123", id="a-row-of-keys"),
        pytest.param("123456789012", id="digits-in-order"),
        pytest.param("archivist2024!!", id="our-own-name"),
        pytest.param("admin-admin-admin", id="admin"),
        pytest.param("letmeinletmein1", id="let-me-in"),
        pytest.param("captions.captions", id="what-we-do"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password):
    with pytest.raises(WeakPassword):
        passwords.check_strength(password)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(GOOD, id="a-sentence"),
        pytest.param("kx83hfnw02ls", id="twelve-random-characters"),
        pytest.param("Zürich läßt grüßen ☂", id="any-characters"),
        pytest.param("lQ7&w9z!" * 16, id="128-characters"),
        pytest.param("        nine tall pines", id="spaces-are-characters"),
        pytest.param("my password is a fine poem", id="a-common-word-among-others"),
    ],
)
def test_a_password_of_ones_own_is_taken(password):
    passwords.check_strength(password)


def test_the_name_of_the_account_counts_for_nothing():
    with pytest.raises(WeakPassword):
        passwords.check_strength("wilhelmina-42", about=["wilhelmina"])
    passwords.check_strength("wilhelmina-42", about=["otto"])


async def test_a_hash_is_argon2id_with_the_figures_of_the_rule():
    stored = await passwords.hash_password(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches(GOOD, stored)
    assert not await passwords.matches(GOOD + " ", stored)
    assert not passwords.needs_rehash(stored)


async def test_nothing_is_cut_off_a_long_password():
    stored = await passwords.hash_password("l" * 127 + "a")
    assert not await passwords.matches("l" * 127 + "b", stored)


async def test_nobody_has_no_password():
    assert not await passwords.matches(GOOD, None)
    assert not await passwords.matches("", None)


async def test_a_damaged_hash_matches_nothing():
    assert not await passwords.matches(GOOD, "$argon2id$damaged")


def test_a_weaker_hash_is_known_as_one():
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert passwords.needs_rehash(weak)


async def test_looking_at_a_password_does_not_stop_the_loop():
    stored = await passwords.hash_password(GOOD)
    looking = [asyncio.create_task(passwords.matches(GOOD, stored)) for _ in range(4)]
    turns = 0
    while not all(task.done() for task in looking):
        await asyncio.sleep(0.001)
        turns += 1
    assert all([await task for task in looking])
    assert turns > 10


def test_an_unknown_name_costs_as_much_as_a_wrong_password():
    stored = passwords._HASHER.hash(GOOD)
    costs: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(6):
        for kept, cost in costs.items():
            began = time.thread_time()
            passwords._matches("a wrong one, surely", kept)
            cost.append(time.thread_time() - began)
    known, unknown = (min(cost) for cost in costs.values())
    assert unknown == pytest.approx(known, rel=0.3)
