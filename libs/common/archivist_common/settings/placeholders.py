"""Secrets and addresses that were copied out of an example, or are too short to be secrets."""

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from archivist_common.settings import sources

_COPIED = re.compile(
    r"(?i)^(your[-_ ]|change[-_ ]?me|replace[-_ ]?me)|placeholder|^<.+>$|^(password|admin123)$|^(.)\3{2,}$"
)
_COPIED_KEY = re.compile(r"(?i)change.?me|your[-_ ]|example|placeholder|secret[-_]key|^(secret|password|admin123)$")
_MIN_SECRET = 32  # bytes; an HS256 key shorter than its digest weakens it (RFC 7518 section 3.2)


def placeholders(settings: BaseSettings) -> Iterator[str]:
    """A sentence for each setting that was copied out of an example; it begins with the variable's name."""
    for field, judge in _JUDGED.items():
        value = getattr(settings, field, None)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text and field in settings.model_fields_set and (fault := judge(text)):
            yield f"{_name(settings, field, text)} {fault}"


def check_secret(name: str, value: str) -> None:
    """Raises ValueError for a secret that is short or was copied out of an example."""
    if fault := _key(value):
        raise ValueError(f"{name} {fault}")


def _copied_key(value: str) -> str | None:
    copied = _COPIED.search(value) or _COPIED_KEY.search(value)
    return "is a placeholder; put random text in its place: `openssl rand -hex 32`" if copied else None


def _key(value: str) -> str | None:
    short = len(value.encode()) < _MIN_SECRET
    return _copied_key(value) or (f"must be at least {_MIN_SECRET} bytes of random text" if short else None)


def _password(value: str) -> str | None:
    return "is a placeholder; put the real one in its place" if _COPIED.search(value) else None


def _token_pair(value: str) -> str | None:
    copied = value.lower() == "id:secret" or any(_COPIED.search(part) for part in (value, value.partition(":")[2]))
    return "is a placeholder; put the two parts of a token, joined by a colon, in its place" if copied else None


def _address(value: str) -> str | None:
    """Of an address, its password and its host are judged."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return None  # refused for another reason
    if _COPIED.search(unquote(parts.password or "")):
        return "has a placeholder for a password; put the real one in its place"
    if _COPIED.search(parts.hostname or ""):
        return "has a placeholder for a server; put the real one in its place"
    return None


_JUDGED: Mapping[str, Callable[[str], str | None]] = {
    "database_url": _address,
    "redis_url": _address,
    "redis_password": _password,
    "secret_key": _key,
    "secret_key_previous": _copied_key,
    "cablecast_api_url": _address,
    "cablecast_password": _password,
    "cablecast_api_key": _token_pair,
}


def _name(settings: BaseSettings, field: str, value: str) -> str:
    """The name by which the value was given, where that is known; else the setting's own."""
    cls = type(settings)
    given = sources.given_names(cls, field, sources.sources(cls))
    exact = (name for name, raw in given if raw == value)
    return next(exact, given[0][0] if given else field.upper())
