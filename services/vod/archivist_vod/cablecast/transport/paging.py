"""Every row of a list that is read in pages, though rows come and go while it is read.

A new row at the front pushes rows into the next page, where they come again; a deleted one pulls a row out of it,
where it would be missed. So each page is asked for from the last row of the one before; where it is empty or begins
with a row not met yet, some went away and it is asked for from further back. A row is known by its id, given once.
"""

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from archivist_common.errors import TargetFailed
from archivist_vod.cablecast.transport.client import CablecastClient, Page
from archivist_vod.cablecast.transport.envelopes import Json

log = logging.getLogger(__name__)

_MOST_PAGES = 10_000
_MOST_PASSES = 3  # over a list that says it has more rows than came
_MOST_STEPS_BACK = 16  # in one pass: a list without any order would go back for ever
_MOST_REPEATED = 100  # rows of the same page again and again, whatever was asked for


async def rows(
    client: CablecastClient,
    path: str,
    root: str,
    params: Mapping[str, Any] | None = None,
    *,
    page_size: int | None = None,
) -> AsyncGenerator[Json, None]:
    """Rows in the server's order, each id once.

    A list without `meta` has ended where nothing new comes; one with it, where its count is reached. Rows that came
    to its front meanwhile are read in another pass. Raises TargetFailed for a row without an id, for a server that
    gives the same page for ever, and for a list without end.
    """
    given: set[int] = set()
    count: int | None = None
    for _ in range(_MOST_PASSES):
        async with aclosing(pages(client, path, root, params, page_size=page_size)) as listed:
            async for page in listed:
                count = page.count
                for row in page.rows:
                    if row["id"] not in given:
                        given.add(row["id"])
                        yield row
        if count is None or len(given) >= count:
            return
    log.warning("list holds fewer rows than its count", extra={"path": path, "rows": len(given), "count": count})


async def pages(
    client: CablecastClient,
    path: str,
    root: str,
    params: Mapping[str, Any] | None = None,
    *,
    page_size: int | None = None,
    start: int = 0,
    known: Iterable[int] = (),
) -> AsyncGenerator[Page, None]:
    """Pages that follow on one another, from the list's start, or from the row `start`, to its end.

    One pass: see `rows` for what a list that changes needs beyond it. known: ids of the rows before `start`, from an
    earlier reading that was cut off. Raises TargetFailed as `rows` does.
    """
    met = set(known)
    offset, back, repeated = start, 0, 0
    stride = 1
    was_empty, overlaps = False, start > 0
    previous: list[int] = []
    for _ in range(_MOST_PAGES):
        page = await client.get_page(path, root, params, offset=offset, page_size=page_size)
        ids = [_id(row, path) for row in page.rows]
        if overlaps and not (ids and ids[0] in met) and offset and back < _MOST_STEPS_BACK:
            back += 1
            offset = max(0, offset - stride)
            stride *= 2
            was_empty = not ids
            continue
        yield page
        is_new = not met.issuperset(ids)
        met.update(ids)
        nothing_more = not is_new and (page.count is None or was_empty)
        if not ids or nothing_more or (page.count is not None and offset + len(ids) >= page.count):
            return
        repeated = repeated + len(ids) if ids == previous else 0
        if repeated >= _MOST_REPEATED:
            raise TargetFailed(f"GET {path}: the same page comes again whatever its offset", status=200)
        previous = ids
        was_empty = False
        stride = max(1, len(ids) // 2)
        overlaps = len(ids) > 1
        offset += len(ids) - overlaps
    raise TargetFailed(f"GET {path}: no end after {_MOST_PAGES} pages", status=200)


def _id(row: Json, path: str) -> int:
    id_ = row.get("id")
    if type(id_) is not int:
        raise TargetFailed(f"GET {path}: a row has no id", status=200)
    return id_
