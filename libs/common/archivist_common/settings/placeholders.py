"""Secrets that were copied out of an example, or are too short to be secrets."""

import re

_PLACEHOLDERS = re.compile(r"(?i)change.?me|your[-_ ]|example|placeholder|secret[-_]key|^(secret|password|admin123)$")
_MIN_SECRET = 32  # bytes; an HS256 key shorter than its digest weakens it (RFC 7518 section 3.2)


def check_secret(name: str, value: str) -> None:
    """Raises ValueError for a secret that is short or was copied out of an example."""
    if len(value.encode()) < _MIN_SECRET:
        raise ValueError(f"{name} must be at least {_MIN_SECRET} bytes of random text")
    if _PLACEHOLDERS.search(value):
        raise ValueError(f"{name} is a placeholder; put random text in its place")
