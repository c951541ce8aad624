"""Lists read to their end: no row missed and none doubled, though rows come and go between pages."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.vod.cablecast.conftest import Connect
from tests.vod.cablecast.transport.scripted import Scripted, Seen, answer

from archivist_common.errors import TargetFailed
from archivist_vod.cablecast.transport.client import Page
from archivist_vod.cablecast.transport.envelopes import Json
from archivist_vod.cablecast.transport.paging import rows


class Shelf:
    """A list of ids that a server pages through. between: called before each page but the first, with the ids."""

    def __init__(
        self,
        ids: list[int],
        *,
        meta: bool = True,
        default: int = 50,
        between: Callable[[list[int]], None] | None = None,
    ) -> None:
        self.ids = ids
        self.meta = meta
        self.default = default
        self.between = between
        self.pages = 0
        self.always = set(ids)  # those that were there all the time

    def page(self, offset: int, size: int | None) -> Json:
        self.pages += 1
        if self.between is not None and self.pages > 1:
            self.between(self.ids)
            self.always &= set(self.ids)
        found = [{"id": id_} for id_ in self.ids[offset : offset + (size or 50)]]
        meta = {"meta": {"offset": offset, "pageSize": size or 50, "count": len(self.ids)}}
        return {"shows": found, **(meta if self.meta else {})}

    async def __call__(self, seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        size = seen.query.get("page_size")
        return answer(200, self.page(seen.offset, int(size[0]) if size else None))


class Direct:
    """The shelf as a client, for thousands of lists: the one call that a list is read by."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def get_page(
        self, path: str, root: str, params: Any = None, *, offset: int = 0, page_size: int | None = None
    ) -> Page:
        document = self._shelf.page(offset, page_size)
        meta = document.get("meta")
        return Page(tuple(document[root]), meta and meta["count"], document)


@pytest.mark.parametrize("meta", [True, False], ids=["with-meta", "without-meta"])
@pytest.mark.parametrize("count", [0, 1, 2, 49, 50, 51, 99, 100, 1310])
@pytest.mark.parametrize("page_size", [None, 500])
async def test_every_row_comes_once_and_in_order(
    connect: Connect, count: int, meta: bool, page_size: int | None
) -> None:
    shelf = Shelf(list(range(count, 0, -1)), meta=meta)
    async with Scripted.serve(shelf) as server, connect(server.url) as ours:
        found = [row["id"] async for row in rows(ours.client, "shows", "shows", page_size=page_size)]
    assert found == list(range(count, 0, -1))
    assert len(server.seen) <= count // 49 + 3


def _insert_one(ids: list[int]) -> None:
    ids.insert(0, max(ids) + 1)


def _insert_many(ids: list[int]) -> None:
    ids[:0] = range(max(ids) + 70, max(ids), -1)


def _remove_first(ids: list[int]) -> None:
    del ids[:1]


def _remove_many(ids: list[int]) -> None:
    del ids[:40]


def _remove_last(ids: list[int]) -> None:
    del ids[-1:]


@pytest.mark.parametrize("between", [_insert_one, _insert_many, _remove_first, _remove_many, _remove_last])
@pytest.mark.parametrize("count", [51, 200, 1310])
async def test_rows_that_stay_are_neither_missed_nor_doubled_while_others_come_and_go(
    connect: Connect, between: Callable[[list[int]], None], count: int
) -> None:
    calls = 0

    def some_of_the_time(ids: list[int]) -> None:
        nonlocal calls
        calls += 1
        if calls <= 6 and len(ids) > 45:
            between(ids)

    shelf = Shelf(list(range(count, 0, -1)), between=some_of_the_time)
    async with Scripted.serve(shelf) as server, connect(server.url) as ours:
        found = [row["id"] async for row in rows(ours.client, "shows", "shows")]
    assert shelf.always - set(found) == set()
    assert len(found) == len(set(found))


async def test_a_row_added_while_reading_is_read_too(connect: Connect) -> None:
    shelf = Shelf(list(range(120, 0, -1)))

    def once(ids: list[int]) -> None:
        if shelf.pages == 2:
            _insert_one(ids)

    shelf.between = once
    async with Scripted.serve(shelf) as server, connect(server.url) as ours:
        found = [row["id"] async for row in rows(ours.client, "shows", "shows")]
    assert sorted(found) == list(range(1, 122))


@given(
    count=st.integers(0, 160),
    size=st.integers(1, 60),
    changes=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 10_000)), max_size=12),
    meta=st.booleans(),
)
@examples(max_examples=150, deadline=None)
def test_no_change_between_pages_makes_a_row_come_twice_or_the_reading_endless(
    count: int, size: int, changes: list[tuple[int, int]], meta: bool
) -> None:
    left = list(changes)
    new = iter(range(10_000, 20_000))

    def change(ids: list[int]) -> None:
        how, where = left.pop(0) if left else (0, 0)
        at = where % (len(ids) + 1)
        if how > 0:
            ids[at:at] = [next(new) for _ in range(how)]
        else:
            del ids[at : at - how]

    shelf = Shelf(list(range(count)), meta=meta, between=change)

    async def read() -> list[int]:
        return [row["id"] async for row in rows(Direct(shelf), "shows", "shows", page_size=size)]  # type: ignore[arg-type]

    found = asyncio.run(read())
    assert len(found) == len(set(found))
    assert shelf.pages <= 3 * (count + 60) + 10
    if not changes:
        assert found == list(range(count))


async def test_a_list_that_ignores_paging_is_read_once(connect: Connect) -> None:
    """Locations, formats: the whole list, whatever was asked for, and no meta."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, {"formats": [{"id": id_} for id_ in range(70)]})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        assert [row["id"] async for row in rows(ours.client, "formats", "formats")] == list(range(70))
        assert len(server.seen) == 2


async def test_a_server_that_gives_the_same_page_for_ever_is_at_fault(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        page = [{"id": id_} for id_ in range(50)]
        return answer(200, {"shows": page, "meta": {"offset": 0, "pageSize": 50, "count": 100_000}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="same page comes again"):
            [row async for row in rows(ours.client, "shows", "shows")]
        assert len(server.seen) < 10


async def test_a_count_that_is_never_reached_is_said_and_lived_with(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Some rows may not be for us to see."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        page = [{"id": id_} for id_ in range(60)][seen.offset : seen.offset + 50]
        return answer(200, {"shows": page, "meta": {"offset": seen.offset, "pageSize": 50, "count": 61}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        assert [row["id"] async for row in rows(ours.client, "shows", "shows")] == list(range(60))
    assert [record.message for record in caplog.records] == ["list holds fewer rows than its count"]


async def test_a_list_without_any_order_comes_to_an_end(connect: Connect) -> None:
    """VODs come in no useful order; here in another one each time."""
    order = [[(id_ * step) % 211 for id_ in range(1, 211)] for step in (1, 7, 29, 53, 101)]
    turn = iter(range(1_000_000))

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        ids = order[next(turn) % 5]
        page = [{"id": id_} for id_ in ids[seen.offset : seen.offset + 50]]
        return answer(200, {"vods": page, "meta": {"offset": seen.offset, "pageSize": 50, "count": len(ids)}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        found = [row["id"] async for row in rows(ours.client, "vods", "vods")]
        assert len(found) == len(set(found))
        assert len(server.seen) <= 80


async def test_a_row_without_an_id_is_no_row(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, {"shows": [{"title": "x"}]})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="a row has no id"):
            [row async for row in rows(ours.client, "shows", "shows")]
