"""Access tokens: JWTs of one algorithm whose every claim is required. The only file that imports jose.

Nothing is parsed before its size and its text are checked, and no header may choose a key or an algorithm:
the flaws known of the library need one of the two. What would make us replace it: docs/decisions.
"""

import hashlib
import hmac
import json
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jose import jwk, jws
from jose.exceptions import JOSEError

from archivist_common.errors import InvalidToken

ISSUER = "archivist"
AUDIENCE = "archivist-api"
LONGEST = 8 * 1024  # characters of a token; more is not parsed
_ALGORITHM = "HS256"
_HEADER_TYPE = "at+jwt"  # RFC 9068
_TYPE = "access"
_LEEWAY = timedelta(seconds=30)
_LONGEST_LIFE = timedelta(days=1)
_PART = re.compile(r"[A-Za-z0-9_-]+")
_CLAIMS = frozenset({"exp", "iat", "nbf", "iss", "aud", "sub", "jti", "typ", "sid"})


@dataclass(frozen=True, slots=True)
class Access:
    """What a valid token says."""

    user_id: int
    session_id: UUID
    id: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets that sign. The first signs; each of them verifies, so that a new one can come in beside the old."""

    secrets: tuple[str, ...]

    def named(self) -> dict[str, str]:
        return {_key_id(secret): secret for secret in self.secrets}

    def derive(self, purpose: str) -> bytes:
        """A key for something else than tokens, of the signing secret."""
        return hmac.digest(self.secrets[0].encode(), f"archivist:{purpose}".encode(), "sha256")


def issue(keys: Keys, user_id: int, session_id: UUID, lifetime: timedelta, now: datetime) -> str:
    """A token for a session, good for `lifetime` from `now`."""
    secret = keys.secrets[0]
    began = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": uuid.uuid4().hex,
        "typ": _TYPE,
        "iat": began,
        "nbf": began,
        "exp": began + int(lifetime.total_seconds()),
    }
    headers = {"typ": _HEADER_TYPE, "kid": _key_id(secret)}
    return jws.sign(claims, _key(secret), headers=headers, algorithm=_ALGORITHM)


def read(keys: Keys, token: str, now: datetime) -> Access:
    """What a token says, when every part of it is as `issue` writes it. Raises InvalidToken."""
    header = _json(_parts(token)[0])
    secret = keys.named().get(header["kid"]) if _is_our_header(header) else None
    if secret is None:
        raise _refused("its header is not one of ours")
    try:
        payload = jws.verify(token, _key(secret), algorithms=[_ALGORITHM])
    except JOSEError as exc:
        raise _refused("its signature is not ours") from exc
    return _access(_json(payload), now)


def _access(claims: dict[str, Any], now: datetime) -> Access:
    if set(claims) != _CLAIMS:
        raise _refused("it lacks a claim, or has one too many")
    if (claims["iss"], claims["aud"], claims["typ"]) != (ISSUER, AUDIENCE, _TYPE):
        raise _refused("it was issued by or for another system")
    issued, not_before, expires = (_moment(claims[name]) for name in ("iat", "nbf", "exp"))
    if now >= expires + _LEEWAY:
        raise _refused("it has expired")
    if max(issued, not_before) > now + _LEEWAY or not issued < expires <= issued + _LONGEST_LIFE:
        raise _refused("its times do not fit")
    subject, token_id, session = claims["sub"], claims["jti"], claims["sid"]
    if not (isinstance(subject, str) and re.fullmatch(r"[1-9][0-9]{0,9}", subject, re.ASCII)):
        raise _refused("its subject is no user")
    if not (isinstance(token_id, str) and re.fullmatch(r"[0-9a-f]{32}", token_id)):
        raise _refused("it has no id")
    try:
        session_id = UUID(session) if isinstance(session, str) else None
    except ValueError:
        session_id = None
    if session_id is None or str(session_id) != session:
        raise _refused("it belongs to no session")
    return Access(int(subject), session_id, token_id, expires)


def _parts(token: str) -> list[bytes]:
    """The three parts decoded. Text that decodes to the same bytes in another spelling is refused."""
    if len(token) > LONGEST:
        raise _refused(f"it is longer than {LONGEST} characters")
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise _refused("it is not three parts of base64url")
    decoded = []
    for part in parts:
        try:
            data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError as exc:
            raise _refused("a part is not base64url") from exc
        if urlsafe_b64encode(data).rstrip(b"=") != part.encode():
            raise _refused("a part is not spelt as base64url is")
        decoded.append(data)
    return decoded


def _is_our_header(header: dict[str, Any]) -> bool:
    return (
        set(header) == {"alg", "typ", "kid"}
        and header["alg"] == _ALGORITHM
        and header["typ"] == _HEADER_TYPE
        and isinstance(header["kid"], str)
    )


def _json(data: bytes) -> dict[str, Any]:
    """An object whose names are all different: two parsers must not read two things out of one token."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise _refused("a part is not JSON") from exc
    if not isinstance(value, dict):
        raise _refused("a part is not a JSON object")
    return value


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is given twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _moment(value: object) -> datetime:
    if type(value) is not int or not 0 <= value < 2**33:
        raise _refused("a time in it is not a whole number of seconds")
    return datetime.fromtimestamp(value, UTC)


def _key(secret: str) -> Any:
    """A key made here: given text, the library would look for JSON and PEM in it first."""
    return jwk.construct(secret, _ALGORITHM)


def _key_id(secret: str) -> str:
    return hashlib.sha256(b"archivist key id\0" + secret.encode()).hexdigest()[:12]


def _refused(why: str) -> InvalidToken:
    return InvalidToken(f"the token is not valid: {why}")
