"""Shows: found by words and by number, paged by day, held against a recording's name; syncs one at a time."""

import asyncio
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select, update

from archivist_common.database.engine import Database
from archivist_common.database.models import CablecastShow, ShowLink, SyncRun, VodContent
from archivist_common.errors import NotFound
from archivist_common.publishing import targets
from archivist_common.shows import queries, recording_names, sync_runs
from archivist_common.shows.queries import ShowFilter
from archivist_common.shows.sync_runs import SyncKind, SyncMode, SyncStatus

DAY = date(2022, 4, 12)


async def add(db: Database, number: int, title: str = "City Council", **more: Any) -> None:
    async with db.transaction() as session:
        await session.execute(insert(CablecastShow).values(cablecast_id=number, title=title, **more))


async def found(db: Database, **which: Any) -> list[int]:
    async with db.transaction() as session:
        return [one.id for one in await queries.page(session, ShowFilter(**which), None, 100)]


async def likely(db: Database, name: str, key: str = "arc-0") -> set[int]:
    async with db.transaction() as session:
        return {one.id for one in await queries.candidates(session, recording_names.read(name), key)}


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        pytest.param("birch", [1], id="a-piece-of-a-word"),
        pytest.param("COUNCIL birchwood", [1], id="words-in-any-order-and-case"),
        pytest.param("council april", [1], id="words-in-different-fields"),
        pytest.param("harbor-1118", [2], id="its-file"),
        pytest.param('say "hi".mp4', [2], id="a-file-with-quotes"),
        pytest.param("arc-9f2c", [3], id="local-id"),
        pytest.param("21413", [21413, 3], id="a-number-or-what-holds-it"),
        pytest.param("100%", [3], id="a-percent-sign-is-one"),
        pytest.param("_", [3], id="an-underscore-is-one"),
        pytest.param("\\", [], id="a-backslash"),
        pytest.param("2147483648999", [], id="more-than-a-number-can-be"),
        pytest.param("² ½", [], id="digits-that-are-none"),
        pytest.param("   ", [21413, 3, 2, 1], id="nothing"),
    ],
)
async def test_words_of_a_search_all_stand_somewhere_in_the_show(db: Database, words: str, ids: list[int]) -> None:
    await add(db, 1, "Birchwood City Council", cg_title="Council, April 12")
    await add(db, 2, "Parade", files=["harbor-1118.mp4", 'Say "hi".mp4'])
    await add(db, 3, "100%_true 21413", local_id="arc-9f2c1")
    await add(db, 21_413, "Park Board")
    assert await found(db, search=words) == ids


async def test_shows_are_sifted_by_day_place_captions_and_vods(db: Database) -> None:
    await add(db, 1, event_date=DAY, location=5, has_captions=True, vods=[913])
    await add(db, 2, event_date=DAY.replace(day=13), location=6, has_captions=False)
    await add(db, 3, location=5)
    await add(db, 4, event_date=DAY, gone_at=func.now())
    assert await found(db) == [2, 1, 3]
    assert await found(db, date_from=DAY, date_to=DAY) == [1]
    assert await found(db, location=5) == [1, 3]
    assert await found(db, has_captions=True) == [1]
    assert await found(db, has_captions=False) == [2, 3]
    assert await found(db, has_vod=True) == [1]
    assert await found(db, has_vod=False) == [2, 3]


async def test_pages_follow_one_another_through_equal_days_and_none(db: Database) -> None:
    for number in range(1, 8):
        await add(db, number, event_date=(None, DAY, DAY.replace(day=13))[number % 3])
    got: list[int] = []
    after = None
    async with db.transaction() as session:
        while page := await queries.page(session, ShowFilter(), after, 2):
            got += [one.id for one in page]
            after = (page[-1].event_date or queries.UNDATED, page[-1].id)
    assert got == [5, 2, 7, 4, 1, 6, 3]


async def test_one_show_has_its_vods_and_its_recordings(db: Database) -> None:
    await add(db, 4120, gone_at=func.now())
    async with db.transaction() as session:
        key = await session.scalar(select(CablecastShow.id))
        for vod, more in (("913", {"show": 4120}), ("914", {"cablecast_show_id": key}), ("915", {"show": 4121})):
            await session.execute(insert(VodContent).values(vod_id=vod, title="Council", **more))
        await session.execute(insert(VodContent).values(vod_id="912", title="x", show=4120, gone_at=func.now()))
        await session.execute(
            insert(ShowLink).values(storage="flex-1", file_path="a.mp4", cablecast_id=4120, score=99)
        )
        assert (await queries.get(session, 4120)).gone is not None
        assert [one.id for one in await queries.vods(session, 4120)] == ["914", "913"]
        assert [(one.path, one.score) for one in await queries.recordings(session, 4120)] == [("a.mp4", 99)]
        with pytest.raises(NotFound, match="4121"):
            await queries.get(session, 4121)


async def test_a_recording_is_held_against_the_shows_near_it(db: Database) -> None:
    far = date(2019, 1, 7)
    await add(db, 17_837, event_date=far)
    await add(db, 1, event_date=far, local_id="arc-0")
    await add(db, 2, event_date=far, files=["17837-1-birchwood city council (20220412).MP4"])
    await add(db, 3, event_date=DAY.replace(day=20))
    await add(db, 4, event_date=far, created_date=datetime(2022, 4, 11, tzinfo=ZoneInfo("America/Chicago")))
    await add(db, 5, event_date=far)
    await add(db, 6, event_date=DAY, gone_at=func.now())
    name = "17837-1-Birchwood City Council (20220412).mp4"
    assert await likely(db, name) == {17_837, 1, 2, 3, 4}
    assert await likely(db, "Grant Council 1_7.mp4") == {17_837, 2, 4, 5, 1}, "the day of any year"
    assert await likely(db, "Council.mp4") == {17_837, 1, 2, 3, 4, 5}, "no day at all: the latest shows"
    assert await likely(db, f"{10**7 - 1}-1-Council (19990101).mp4") == {1}


async def test_a_sync_that_waits_or_runs_is_the_answer_to_another(committed_db: Database) -> None:
    async with committed_db.transaction() as session:
        await targets.report(
            session, "cablecast", "cablecast", capabilities={}, credentials_sha256=None, automatic=False
        )

    async def ask(kind: SyncKind, mode: SyncMode = SyncMode.CHANGES) -> tuple[int, bool]:
        async with committed_db.transaction() as session:
            run, is_new = await sync_runs.request(session, "cablecast", kind, mode)
            return run.id, is_new

    asked = await asyncio.gather(*(ask(SyncKind.SHOWS) for _ in range(5)))
    assert len({number for number, _ in asked}) == 1
    assert [is_new for _, is_new in asked].count(True) == 1
    assert await ask(SyncKind.SHOWS, SyncMode.FULL) == (asked[0][0], False)
    assert (await ask(SyncKind.VODS))[1] is True
    async with committed_db.transaction() as session:
        # One that waited is made full; one that runs goes on as it was begun.
        assert [run.mode for run in await sync_runs.latest(session, SyncKind.SHOWS)] == [SyncMode.FULL]
        await session.execute(update(SyncRun).values(status=SyncStatus.RUNNING))
    assert (await ask(SyncKind.VODS, SyncMode.FULL))[1] is False
    async with committed_db.transaction() as session:
        assert [run.mode for run in await sync_runs.latest(session, SyncKind.VODS)] == [SyncMode.CHANGES]
    async with committed_db.transaction() as session:
        await session.execute(update(SyncRun).values(status=SyncStatus.COMPLETED, finished_date=func.now()))
    assert (await ask(SyncKind.SHOWS, SyncMode.FULL))[1] is True
    async with committed_db.transaction() as session:
        latest = await sync_runs.latest(session, SyncKind.SHOWS)
        assert [(run.mode, run.status) for run in latest] == [("full", "pending"), ("full", "completed")]
        assert await sync_runs.last_good(session, SyncKind.SHOWS) is not None


@pytest.mark.parametrize(
    ("values", "percent"),
    [
        pytest.param({"status": "pending"}, None, id="total-not-known"),
        pytest.param({"status": "running", "position": 50, "total": 200}, 25, id="a-quarter"),
        pytest.param({"status": "running", "position": 200, "total": 200}, 99, id="all-but-the-end"),
        pytest.param({"status": "completed", "position": 0, "total": 0}, 100, id="nothing-there"),
        pytest.param({"status": "failed", "position": 50, "total": 200}, 25, id="where-it-stopped"),
    ],
)
async def test_a_sync_says_how_far_it_is(db: Database, values: dict[str, Any], percent: int | None) -> None:
    async with db.transaction() as session:
        await targets.report(
            session, "cablecast", "cablecast", capabilities={}, credentials_sha256=None, automatic=False
        )
        await session.execute(insert(SyncRun).values(target="cablecast", kind="shows", mode="full", **values))
        (run,) = await sync_runs.latest(session, SyncKind.SHOWS)
    assert run.percent == percent
