"""Marks of where a page ended: opaque, signed, and good only for the list they came from."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from archivist_common.errors import InvalidRequest

LONGEST = 2048  # characters
_TAG = 16  # bytes of HMAC-SHA-256


class Cursors:
    """Signs and reads them with a key of their own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, listing: str, place: Any) -> str:
        """listing: which list and with which filters. place: JSON, where its page ended."""
        data = json.dumps(place, separators=(",", ":")).encode()
        return urlsafe_b64encode(self._tag(listing, data) + data).rstrip(b"=").decode()

    def read(self, listing: str, cursor: str) -> Any:
        """The place of a cursor. Raises InvalidRequest for one that is not ours or belongs to another list."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as exc:
            raise InvalidRequest("the cursor is not one of ours") from exc
        tag, data = raw[:_TAG], raw[_TAG:]
        if not hmac.compare_digest(tag, self._tag(listing, data)):
            raise InvalidRequest("the cursor is not one of ours, or belongs to another list or filter")
        return json.loads(data)

    def _tag(self, listing: str, data: bytes) -> bytes:
        return hmac.digest(self._key, listing.encode() + b"\0" + data, "sha256")[:_TAG]
