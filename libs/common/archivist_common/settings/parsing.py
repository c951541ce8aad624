"""Forms that a setting's value may be written in: durations, sizes, addresses."""

import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BeforeValidator

from archivist_common.errors import InvalidRequest


def _seconds(value: Any) -> Any:
    """Plain numbers are seconds: `SESSION_TIMEOUT=3600`. A trailing # comment is cut: the documentation has some."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(#.*)?", value) if isinstance(value, str) else None
    return value if match is None else timedelta(seconds=float(match[1]))


def _size(value: Any) -> Any:
    """Bytes, or a number with KB, MB, GB (powers of 1024): `LOG_MAX_SIZE=100MB`. A trailing # comment is cut."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]?)B?\s*(#.*)?", value, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size: {value!r} (write 10737418240 or 10GB)")
    return int(match[1]) * 1024 ** " KMG".index(match[2].upper() or " ")


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
Size = Annotated[int, BeforeValidator(_size)]


def asyncpg_dsn(url: str) -> str:
    """A PostgreSQL address as SQLAlchemy's asyncpg dialect wants it. Raises InvalidRequest for another kind."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        # Not quoted: where the scheme is missing, what stands in its place may be a password.
        raise InvalidRequest("DATABASE_URL must be a postgresql:// address")
    return "postgresql+asyncpg://" + re.sub(r"([?&])sslmode=", r"\1ssl=", rest)  # libpq's name for it is common


def redis_database(url: str) -> int | None:
    """The number of the database that a Redis address names: `redis://host/1`, `unix:///path?db=1`. None: none."""
    parts = urlsplit(url)
    named = dict(parse_qsl(parts.query)).get("db", "" if parts.scheme == "unix" else parts.path.strip("/"))
    return int(named) if named.isdecimal() else None


def with_redis_database(url: str, number: int) -> str:
    """The same Redis address with the number of a database, whatever it named before."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "db"]
    if parts.scheme == "unix":
        query.append(("db", str(number)))
        return urlunsplit(parts._replace(query=urlencode(query)))
    return urlunsplit(parts._replace(path=f"/{number}", query=urlencode(query)))


def cablecast_base(url: str) -> str:
    """The base of a Cablecast server's API, however it was written: `https://host/CablecastAPI/v1`.

    The path's spelling is kept where it is there. `/api` and `/api/v1`, which older documentation named and no
    server has, count as nothing. Raises ValueError, which never quotes the address: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 -- raises ValueError for what is no port
    except ValueError as exc:
        raise ValueError("not an address") from exc
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an https:// (or http://) address of a server")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password; set CABLECAST_USER_ID and CABLECAST_PASSWORD")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path: no ? and no #")
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    if path.lower() in {"/api", "/api/v1"}:
        path = ""
    if re.search(r"(?i)/cablecastapi$", path):
        path += "/v1"
    elif not re.search(r"(?i)/cablecastapi/v1$", path):
        path += "/CablecastAPI/v1"
    return urlunsplit((parts.scheme.lower(), parts.netloc, path, "", ""))
