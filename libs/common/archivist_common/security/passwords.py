"""Passwords: argon2id off the event loop, two at a time, and which ones are too easily guessed.

Parameters are OWASP's for argon2id (19 MiB, two passes, one lane): about 70 ms on a small machine.
"""

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from archivist_common.errors import WeakPassword

SHORTEST = 12
LONGEST = 128  # characters; never truncated
_REMAINDER = 6  # characters that must be left once everything guessable is taken out
_DISTINCT = 5

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="argon2")

# The hash of 32 random bytes that were thrown away: a log-in for a name we do not know takes as long as any other.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$QFYcbFKjBnzKYViBwolayg$zfxi+DpwIOW3ZjCCoFejLUf7V4RWjrvyob07MF27068"

# What guessing programs try first, and this product's own words.
_GUESSABLE = """
    administrator archivist captions captioning cablecast station television broadcast transcription password passwort
    passw0rd letmein welcome qwertyuiop qwertzuiop asdfghjkl zxcvbnm qwerty qwertz azerty iloveyou princess sunshine
    football baseball basketball superman batman starwars pokemon monkey dragon master shadow trustno secret changeme
    default access login admin root user test guest hello love summer winter spring autumn january february march
    april june july august september october november december monday tuesday wednesday thursday friday saturday
    sunday michael jennifer jordan charlie ashley daniel whatever computer internet samsung google microsoft freedom
    liverpool arsenal chelsea mustang corvette harley cookie pepper ginger flower butterfly abcdefghijkl abcdefgh
    abcdef abc 0123456789 1234567890 123456789 12345678 1234567 123456 12345 1234 123 987654321 654321 4321 321
    1q2w3e4r5t 1q2w3e4r 1qaz2wsx 2wsx3edc 3edc4rfv qazwsx zaq12wsx q1w2e3r4
""".split()  # noqa: SIM905 -- a table of words reads better as text
_LEET = str.maketrans("@4301$5!7", "aaeoissit")
_REPEATED = re.compile(r"(.)\1{2,}")
_YEAR = re.compile(r"(19|20)\d\d")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one behind a stored hash. None (no such user) takes as long, and is False."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _matches, password, stored)


def needs_rehash(stored: str) -> bool:
    """Whether a stored hash is weaker than those made today."""
    return _HASHER.check_needs_rehash(stored)


def check_strength(password: str, about: Iterable[str] = ()) -> None:
    """Raises WeakPassword for one that is short, endless, or little more than a common word.

    about: words that belong to the account, such as its name.
    """
    if len(password) < SHORTEST:
        raise WeakPassword(f"a password has at least {SHORTEST} characters; a sentence is easy to remember")
    if len(password) > LONGEST:
        raise WeakPassword(f"a password has at most {LONGEST} characters")
    if len(set(password)) < _DISTINCT:
        raise WeakPassword(f"a password has at least {_DISTINCT} different characters")
    words = sorted({*_GUESSABLE, *(word.lower() for word in about if len(word) > 2)}, key=len, reverse=True)
    plain = password.lower()
    if min(len(_without(plain, words)), len(_without(plain.translate(_LEET), words))) < _REMAINDER:
        raise WeakPassword("that password is easy to guess: it is little more than common words, names or sequences")


def _without(password: str, words: Iterable[str]) -> str:
    for word in words:
        password = password.replace(word, "")
    return re.sub(r"[\W_]+", "", _REPEATED.sub("", _YEAR.sub("", password)))


def _matches(password: str, stored: str | None) -> bool:
    try:
        return _HASHER.verify(_NOBODY if stored is None else stored, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
