"""Pages of a list: their limits, and cursors: opaque, signed, and valid only for the list they came from."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query

from archivist_common.errors import InvalidRequest

PAGE = 50
LONGEST_PAGE = 200
LONGEST_CURSOR = 2048  # characters
_TAG = 16  # bytes of HMAC-SHA-256

Row = TypeVar("Row")
Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page a caller asks for: at most `limit` rows, behind `cursor` or from the start."""

    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None


Paging = Annotated[PageRequest, Depends()]


@dataclass(frozen=True, slots=True)
class Order(Generic[Place]):
    """The order of a list. write: the place of a row, as JSON; read: the place again; start: before the first row."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Place]
    start: Place


BY_ID: Order[int] = Order(lambda row: row.id, int, 0)
BY_CREATION: Order[tuple[datetime, UUID] | None] = Order(
    lambda row: (row.created.isoformat(), str(row.id)),
    lambda place: (datetime.fromisoformat(place[0]), UUID(place[1])),
    None,
)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and the cursor of the next page; None on the last one."""

    rows: Sequence[Row]
    next: str | None


class Cursors:
    """Signs and reads cursors with a key of their own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    async def page(
        self,
        listing: str,
        request: PageRequest,
        order: Order[Place],
        fetch: Callable[[Place, int], Awaitable[Sequence[Row]]],
    ) -> Page[Row]:
        """The page that was asked for. listing: which list, with which filters. fetch: so many rows behind a place.

        Raises InvalidRequest for a cursor of another list or filter.
        """
        after = order.start if request.cursor is None else order.read(self.read(listing, request.cursor))
        found = await fetch(after, request.limit + 1)  # one more tells whether there is a next page
        rows = found[: request.limit]
        more = len(found) > request.limit
        return Page(rows, self.write(listing, order.write(rows[-1])) if more else None)

    def write(self, listing: str, place: Any) -> str:
        """A cursor. place: JSON, where the page ended."""
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
