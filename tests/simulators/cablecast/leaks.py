"""Whether a password stands where it should not: in an address, a header, a body."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from tests.simulators.cablecast.journal import Entry
from tests.simulators.cablecast.messages import Request

_NO_COMMON_WORD = 10  # characters from which on a password is not taken for a word of somebody's text


class Leaks:
    """Looks at every request before the journal keeps it."""

    def __init__(self, accounts: Iterable[tuple[str, str]]) -> None:
        words, long = [], []
        for name, secret in accounts:
            if len(secret) > 1:
                spelt = "|".join(re.escape(form) for form in {secret, quote(secret, safe=""), quote_plus(secret)})
                word = rf"(?<![A-Za-z0-9])(?:{spelt})(?![A-Za-z0-9])"
                pair = re.escape(base64.b64encode(f"{name}:{secret}".encode()).decode())
                words += [word, pair]
                long += [word, pair] if len(secret) >= _NO_COMMON_WORD else [pair]
        self._secret = re.compile("|".join(words)) if words else None
        self._in_body = re.compile("|".join(long)) if long else None

    def look(self, request: Request, entry: Entry) -> None:
        """Note a violation, and blot the secret out of what the journal keeps."""
        if self._secret is None:
            return
        where = [
            f"header {name}"
            for name, value in request.headers.items()
            if name != "authorization" and self._secret.search(value)
        ]
        if self._secret.search(request.target) or self._secret.search(request.path):
            where.append("address")
        if (
            request.body
            and self._in_body is not None
            and self._in_body.search(request.body.decode("utf-8", "replace"))
        ):
            where.append("body")
        for place in where:
            entry.violations.append(
                ("secret_leaked", f"a password stands in the {place} of {request.method} request {entry.number}")
            )
        if where:
            entry.path, entry.query = self._secret.sub("…", entry.path), self._secret.sub("…", entry.query)
            entry.headers = {name: self._secret.sub("…", value) for name, value in entry.headers.items()}
