"""Pages and cursors, without a database."""

from types import SimpleNamespace

import pytest

from archivist_api.pagination import BY_ID, Cursors, PageRequest
from archivist_common.errors import InvalidRequest

CURSORS = Cursors(b"a key of these tests")


async def page(limit, count, cursor=None, listing="numbers"):
    """A page of a list of `count` rows, and how many rows were read for it."""
    reads = []

    async def fetch(after, most):
        rows = [SimpleNamespace(id=number) for number in range(after + 1, count + 1)][:most]
        reads.append(len(rows))
        return rows

    found = await CURSORS.page(listing, PageRequest(limit, cursor), BY_ID, fetch)
    return [row.id for row in found.rows], found.next, reads


async def test_pages_hold_every_row_once_and_the_last_one_has_no_cursor():
    seen, cursor, sizes = [], None, []
    while not sizes or cursor is not None:
        rows, cursor, _ = await page(3, 8, cursor)
        seen, sizes = seen + rows, [*sizes, len(rows)]
    assert (seen, sizes) == (list(range(1, 9)), [3, 3, 2])


@pytest.mark.parametrize(
    ("count", "has_next"),
    [
        pytest.param(0, False, id="empty"),
        pytest.param(2, False, id="fewer"),
        pytest.param(3, False, id="exactly-one-page"),
        pytest.param(4, True, id="one-more"),
    ],
)
async def test_a_page_says_whether_there_is_another_by_reading_one_row_more(count, has_next):
    rows, cursor, reads = await page(3, count)
    assert (rows, cursor is not None) == (list(range(1, min(count, 3) + 1)), has_next)
    assert reads == [min(count, 4)]


async def test_a_cursor_of_another_list_or_key_is_refused():
    _, cursor, _ = await page(3, 8)
    with pytest.raises(InvalidRequest, match="another list or filter"):
        await page(3, 8, cursor, listing="letters")
    with pytest.raises(InvalidRequest):
        Cursors(b"another key").read("numbers", cursor)
