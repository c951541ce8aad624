"""Shows and VODs of a real simulator copied into a real database: whole, changed, gone, cut off, refused."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import OPERATOR, SECRET, World, station

from archivist_common.database.models import CablecastShow, Publication, SyncRun, SystemLog, User, VodContent
from archivist_common.errors import TargetDenied
from archivist_common.publishing import targets
from archivist_common.shows import queries as catalogue
from archivist_common.shows import recording_names, sync_runs
from archivist_common.shows.matching import Candidate
from archivist_common.shows.sync_runs import SyncKind, SyncMode, SyncRunView
from archivist_vod.cablecast.publisher import CablecastPublisher
from archivist_vod.cablecast.sync.schedule import SyncSchedule
from archivist_vod.cablecast.sync.source import PAGE, Source
from archivist_vod.cablecast.transport.client import Page

_EVERY, _FULL_EVERY = timedelta(minutes=15), timedelta(hours=24)


async def candidates(session: AsyncSession) -> list[Candidate]:
    """The shows that a recording without any day in its name may be: all of them here."""
    return await catalogue.candidates(session, recording_names.read("Council.mp4"), "")


def syncing(
    world: World,
    *,
    every: timedelta = _EVERY,
    full_every: timedelta = _FULL_EVERY,
    page_size: int = PAGE,
    **more: Any,
) -> SyncSchedule:
    publisher = world.publishers["cablecast"]
    assert isinstance(publisher, CablecastPublisher)
    source = Source(publisher.catalogue, page_size, clock=lambda: world.monotonic[0])
    return SyncSchedule(world.db, "cablecast", source, every=every, full_every=full_every, **more)


async def settle(of: SyncSchedule) -> None:
    while await of.round():
        pass


async def runs(world: World) -> list[SyncRunView]:
    """Oldest first."""
    async with world.db.transaction() as session:
        found = [run for kind in SyncKind for run in await sync_runs.latest(session, kind)]
    return sorted(found, key=lambda run: run.id)


async def shows(world: World, *, there: bool = True) -> dict[int, CablecastShow]:
    async with world.db.transaction() as session:
        found = await session.scalars(select(CablecastShow))
        return {show.cablecast_id: show for show in found if (show.gone_at is None) is there}


async def vods(world: World) -> dict[str, VodContent]:
    async with world.db.transaction() as session:
        return {vod.vod_id: vod for vod in await session.scalars(select(VodContent))}


async def ask(world: World, kind: str, mode: str, user_id: int | None = None) -> int:
    async with world.db.transaction() as session:
        return (await sync_runs.request(session, "cablecast", SyncKind(kind), SyncMode(mode), user_id=user_id))[0].id


async def person(world: World) -> int:
    made = insert(User).values(id=77, username="u", email="u@station.test", password_hash="-")
    async with world.db.transaction() as session:
        return (await session.execute(made.returning(User.id))).scalar_one()


async def age(world: World, by: timedelta) -> None:
    """Let time pass for the schedule."""
    async with world.db.transaction() as session:
        columns = ("created_date", "started_date", "moved_date", "finished_date")
        moved = ", ".join(f"{column} = {column} - CAST(:by AS interval)" for column in columns)
        await session.execute(text(f"UPDATE sync_runs SET {moved}"), {"by": by})
    await world.sim.control.advance(by.total_seconds())


async def api(world: World, method: str, path: str, body: Any = None) -> Any:
    """What a person does in Cablecast itself."""
    async with httpx.AsyncClient(auth=(OPERATOR, SECRET), trust_env=False, verify=False) as http:
        answer = await http.request(method, f"{world.sim.url}/CablecastAPI/v1/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def retitle(world: World, show: int, title: str) -> None:
    whole = (await api(world, "GET", f"shows/{show}"))["show"]
    await api(world, "PUT", f"shows/{show}", {"show": {**whole, "title": title}})


def plain(count: int, first: int = 4100) -> list[dict[str, Any]]:
    return [{"id": first + n, "title": f"Meeting {n}"} for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 50, 51, 100, 101, 1310])
async def test_every_show_is_read_once_whatever_their_number(world: World, count: int) -> None:
    await world.sim.control.seed(shows=plain(count))
    await settle(syncing(world))
    found = await shows(world)
    assert sorted(found) == [4100 + n for n in range(count)]
    run = (await runs(world))[0]
    assert (run.kind, run.mode, run.status) == ("shows", "full", "completed")
    assert (run.added, run.changed, run.gone, run.total, run.position) == (count, 0, 0, count, count)
    assert len(await world.calls("GET", "/v1/shows")) <= count // 99 + 1


async def test_a_show_is_kept_as_search_and_suggestions_need_it(world: World) -> None:
    await world.show(
        id=4120,
        title="Harbor Council 2026-11-18",
        cgTitle="Harbor City Council, Nov 18",
        comments="Regular meeting.",
        eventDate="2026-11-18T00:00:00-06:00",
        category=3,
        producer=11,
        project=8,
        localId="arc-9f2c1",
        reels=[
            {"file": {"store": "Flex 1", "name": "harbor-1118.mp4", "length_s": 600}, "reelNumber": 1},
            {"file": {"store": "Flex 1", "name": "4120-2-second half.mp4", "length_s": 60}, "reelNumber": 2},
        ],
        vods=[{"id": 913, "state": "complete"}],
    )
    await settle(syncing(world))
    show = (await shows(world))[4120]
    assert (show.title, show.cg_title, show.description) == (
        "Harbor Council 2026-11-18",
        "Harbor City Council, Nov 18",
        "Regular meeting.",
    )
    assert (show.category, show.producer, show.project) == (
        "Government",
        "Harbor City Council",
        "City Council (Harbor City)",
    )
    assert (show.event_date, show.runtime, show.local_id) == (date(2026, 11, 18), 660, "arc-9f2c1")
    assert (show.location, show.vods, show.has_captions) == (1, [913], False)
    assert show.files == ["4120-2-second half.mp4", "harbor-1118.mp4"]
    assert show.last_modified is not None
    async with world.db.transaction() as session:
        candidate = (await candidates(session))[0]
    assert (candidate.place, candidate.files) == ("City Council (Harbor City)", tuple(show.files))
    vod = (await vods(world))["913"]
    assert (vod.status, vod.vendor_state, vod.title, vod.show) == (
        "published",
        "complete",
        "Harbor City Council, Nov 18",
        4120,
    )
    assert vod.cablecast_show_id == show.id


async def test_a_meetings_day_is_the_stations_own(world: World) -> None:
    """As the server wrote it, in Chicago: midnight in its own zone, now and then with the other season's offset."""
    days = {
        "2026-11-18T00:00:00-06:00": date(2026, 11, 18),
        "2026-07-01T00:00:00-05:00": date(2026, 7, 1),
        "2026-07-02T00:00:00-06:00": date(2026, 7, 2),  # winter's offset on a summer day
        "2026-12-01T00:00:00-05:00": date(2026, 12, 1),  # and the other way round
        "2026-11-01T00:00:00-05:00": date(2026, 11, 1),  # the day summer time ends
        "2026-03-08T00:00:00-06:00": date(2026, 3, 8),  # the day it begins
        "2026-11-19T06:00:00Z": date(2026, 11, 19),  # midnight, told as UTC
        "2026-07-03T05:00:00Z": date(2026, 7, 3),
        "2026-11-20T23:30:00-06:00": date(2026, 11, 20),
        "2026-11-21T00:00:00": date(2026, 11, 21),
        None: None,
    }
    seeded = [{"id": 4100 + n, "title": "Council", "eventDate": written} for n, written in enumerate(days)]
    await world.sim.control.seed(shows=seeded)
    await settle(syncing(world))
    found = await shows(world)
    assert {written: found[4100 + n].event_date for n, written in enumerate(days)} == days


async def test_titles_of_any_length_and_characters_that_no_column_takes_do_no_harm(world: World) -> None:
    await world.sim.control.seed(
        shows=[
            {"id": 4100, "title": "C" * 300, "cgTitle": "“Ünïcode”\nand a new line", "comments": "a\x00b"},
            {"id": 4101, "title": "", "cgTitle": "Only for the public"},
            {"id": 4102, "title": "   "},
        ]
    )
    await settle(syncing(world))
    found = await shows(world)
    assert found[4100].title == "C" * 255
    assert found[4100].cg_title == "“Ünïcode” and a new line"
    assert found[4100].description == "a\N{REPLACEMENT CHARACTER}b"
    assert (found[4101].title, found[4102].title) == ("Only for the public", "show 4102")


async def test_a_second_run_changes_nothing_and_says_so(world: World) -> None:
    await world.sim.control.seed(
        shows=[*plain(60), {"id": 4500, "title": "With a VOD", "vods": [{"state": "partial"}]}]
    )
    await settle(syncing(world))
    before = {show.cablecast_id: show.updated_date for show in (await shows(world)).values()}
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    again = (await runs(world))[2:]
    assert [(run.mode, run.added, run.changed, run.gone) for run in again] == [("full", 0, 0, 0)] * 2
    assert {show.cablecast_id: show.updated_date for show in (await shows(world)).values()} == before


async def test_what_was_deleted_is_gone_and_what_comes_back_is_there_again(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    for show in (4103, 4107):
        await api(world, "DELETE", f"shows/{show}")
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert sorted(await shows(world, there=False)) == [4103, 4107]
    assert (await runs(world))[2].gone == 2
    async with world.db.transaction() as session:
        assert 4103 not in {candidate.id for candidate in await candidates(session)}
    await world.show(id=4103, title="Back")
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert (await shows(world))[4103].title == "Back"
    run = (await runs(world))[4]
    assert (run.added, run.changed, run.gone) == (1, 0, 0)


async def test_rows_that_come_and_go_between_two_pages_are_neither_missed_nor_gone(world: World) -> None:
    """Three shows of the first page are deleted and one is made while the second page is awaited."""
    await world.sim.control.seed(shows=plain(260))
    await settle(syncing(world, page_size=50))
    await age(world, _FULL_EVERY)
    under_test = syncing(world, page_size=50)
    asked = await _between_pages(
        world,
        under_test,
        lambda: _each(
            *(api(world, "DELETE", f"shows/{show}") for show in (4359, 4350, 4340)),
            world.show(id=5000, title="Made meanwhile"),
        ),
    )
    assert asked
    there = await shows(world)
    still = {4100 + n for n in range(260)} - {4359, 4350, 4340}
    assert still <= set(there)
    assert (await runs(world))[2].gone == 0, "those deleted were seen before; the next run finds them gone"
    await age(world, _FULL_EVERY)
    await settle(under_test)
    assert set(await shows(world)) == still | {5000}


async def _each(*things: Awaitable[Any]) -> None:
    for thing in things:
        await thing


async def _between_pages(world: World, of: SyncSchedule, act: Callable[[], Awaitable[None]]) -> bool:
    """Work, and do something once the first page of shows has come."""
    done = False
    client = of.source.catalogue.client
    get_page = client.get_page

    async def watched(path: str, *args: Any, **kwargs: Any) -> Any:
        nonlocal done
        if path == "shows" and kwargs.get("offset", 0) > 0 and not done:
            done = True
            await act()
        return await get_page(path, *args, **kwargs)

    client.get_page = watched  # type: ignore[method-assign]
    try:
        await settle(of)
    finally:
        del client.get_page  # type: ignore[method-assign]
    return done


async def test_a_list_that_is_suddenly_empty_takes_nothing_away_until_a_person_asks_twice(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    for n in range(6):
        await api(world, "DELETE", f"shows/{4100 + n}")
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    run = next(one for one in (await runs(world))[2:] if one.kind == "shows")
    assert (run.status, run.error_code) == ("failed", "SYNC_TOO_MANY_GONE")
    assert run.error_message == "6 of 10 shows would be gone at once; if that is so, ask for a full sync once more"
    assert len(await shows(world)) == 10
    async with world.db.transaction() as session:
        told = await session.scalars(select(SystemLog.message).where(SystemLog.level == "ERROR"))
        assert told.all() == [f"reading the shows of cablecast failed: {run.error_message}"]
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert len(await shows(world)) == 10, "a scheduled run confirms nothing"
    await ask(world, "shows", "full", await person(world))
    await settle(syncing(world))
    assert sorted(await shows(world)) == [4106, 4107, 4108, 4109]


async def test_half_of_the_shows_may_go_at_once(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    for n in range(5):
        await api(world, "DELETE", f"shows/{4100 + n}")
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert len(await shows(world)) == 5


async def test_another_server_under_the_same_name_takes_nothing_away_either(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    await world.sim.control.reset()
    await world.sim.control.seed(shows=plain(30, first=9000))
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert (await runs(world))[2].error_code == "SYNC_TOO_MANY_GONE"
    assert len(await shows(world)) == 40


async def test_only_what_changed_is_read_between_two_whole_runs(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await settle(syncing(world))
    await age(world, timedelta(hours=3))
    await retitle(world, 4100, "Another title")
    await world.show(id=6000, title="New")
    await world.sim.control.advance(60)
    asked = len(await world.calls("GET", "/v1/shows"))
    await settle(syncing(world))
    found = await shows(world)
    assert (found[4100].title, found[6000].title) == ("Another title", "New")
    run = next(one for one in (await runs(world))[2:] if one.kind == "shows")
    assert (run.mode, run.status, run.added, run.changed) == ("changes", "completed", 1, 1)
    assert len(await world.calls("GET", "/v1/shows")) - asked <= 4 + 2, "the newest, the changed one, its lookups"


@pytest.mark.parametrize("ahead_h", [-5, 5])
async def test_what_changed_is_told_by_cablecasts_clock_not_by_ours(
    own_database: str, tmp_path: Path, ahead_h: int
) -> None:
    """The simulator's clock stands hours away from the database's."""
    begin = datetime.now(UTC) + timedelta(hours=ahead_h)
    async with (
        Simulator.start("modern", start=begin.isoformat()) as sim,
        station(own_database, tmp_path, sim) as world,
    ):
        await world.sim.control.seed(shows=plain(200))
        await settle(syncing(world))
        await age(world, timedelta(hours=1))
        await retitle(world, 4101, "Changed")
        await settle(syncing(world))
        assert (await shows(world))[4101].title == "Changed"


async def test_changes_over_the_night_that_summer_time_ends_are_found(own_database: str, tmp_path: Path) -> None:
    begin = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # half past midnight in Chicago, summer time still
    async with (
        Simulator.start("modern", start=begin.isoformat()) as sim,
        station(own_database, tmp_path, sim) as world,
    ):
        await world.sim.control.seed(shows=plain(200))
        await settle(syncing(world))
        await age(world, timedelta(hours=1, minutes=10))  # 01:40, the first time
        await retitle(world, 4101, "In the first hour")
        await settle(syncing(world))
        await age(world, timedelta(minutes=30))  # 01:10, the second time
        await retitle(world, 4102, "In the second hour")
        await settle(syncing(world))
        found = await shows(world)
        assert (found[4101].title, found[4102].title) == ("In the first hour", "In the second hour")


async def test_without_a_search_the_newest_shows_are_read_until_nothing_has_changed(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await world.sim.control.advance(7200)
    await settle(syncing(world, page_size=50))
    await age(world, timedelta(hours=3))
    await retitle(world, 4390, "Changed")
    await world.sim.control.fault("status", method="POST", path="search", status=404)
    asked = len(await world.calls("GET", "/v1/shows"))
    await settle(syncing(world, page_size=50))
    assert (await shows(world))[4390].title == "Changed"
    assert len(await world.calls("GET", "/v1/shows")) - asked <= 5, "not the whole list"
    run = (await runs(world))[2]
    assert (run.kind, run.mode, run.status, run.changed) == ("shows", "changes", "completed", 1)


async def test_a_show_named_by_the_search_and_deleted_meanwhile_is_gone(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await settle(syncing(world))
    await age(world, timedelta(hours=3))
    await retitle(world, 4105, "Changed and deleted")
    of = syncing(world)
    search = of.source.catalogue.search_shows

    async def late(filters: Any) -> Any:
        found = await search(filters)
        await api(world, "DELETE", "shows/4105")
        return found

    of.source.catalogue.search_shows = late  # type: ignore[method-assign]
    try:
        await settle(of)
    finally:
        del of.source.catalogue.search_shows  # type: ignore[method-assign]
    assert sorted(await shows(world, there=False)) == [4105]


async def test_a_run_cut_off_goes_on_from_its_page(world: World) -> None:
    """The process is killed for real after its third page; another one reads the rest, and only the rest."""
    await world.sim.control.seed(shows=plain(1310))
    points = world.output / "points"
    points.mkdir()
    await _process_until_killed(world, points, "sync-page")
    assert "[INFO]" in (points / "logs" / "vod.log").read_text(), "the publisher's lines reach its own file"
    run = (await runs(world))[0]
    assert (run.status, run.total) == ("running", 1310)
    assert 0 < run.position < 1310
    assert len(await shows(world)) == run.position
    await age(world, timedelta(minutes=3))  # its lease
    asked = len(await world.calls("GET", "/v1/shows"))
    await settle(syncing(world))
    ended = (await runs(world))[0]
    assert (ended.id, ended.status, ended.added, ended.gone) == (run.id, "completed", 1310, 0)
    assert len(await shows(world)) == 1310
    assert len(await world.calls("GET", "/v1/shows")) - asked <= (1310 - run.position) // 99 + 1


async def test_rows_deleted_while_a_run_lay_still_hide_none_of_the_rest(world: World) -> None:
    await world.sim.control.seed(shows=plain(400))
    points = world.output / "points"
    points.mkdir()
    await _process_until_killed(world, points, "sync-page")
    reached = (await runs(world))[0].position
    newest = sorted(await shows(world), reverse=True)
    for show in newest[:30]:
        await api(world, "DELETE", f"shows/{show}")
    await age(world, timedelta(minutes=3))
    await settle(syncing(world))
    assert reached < 400
    assert {4100 + n for n in range(400)} - set(newest[:30]) <= set(await shows(world))


async def _process_until_killed(world: World, points: Path, point: str) -> None:
    """The product's own process, SIGKILLed where it reaches the point."""
    (points / point).write_text("kill")
    settings = {
        "ENVIRONMENT": "testing",
        "DATABASE_URL": str(world.settings.database_url.get_secret_value()),
        "REDIS_URL": "unix:///nonexistent/redis.sock",
        "VOD_PORT": "0",
        "DEFAULT_OUTPUT_PATH": str(world.output),
        "CABLECAST_API_URL": world.sim.url,
        "CABLECAST_USER_ID": OPERATOR,
        "CABLECAST_PASSWORD": SECRET,
        "AUTO_PUBLISH_TO_VOD": "false",
        "KILL_POINTS": str(points),
        "LOG_FILE": str(points / "logs" / "archivist.log"),
    }
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "PYTHONPATH"}}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "archivist_vod.app",
        env=kept | settings,
        cwd=points,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == -signal.SIGKILL, said.decode()


async def test_a_server_away_in_the_middle_is_waited_for(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await world.sim.control.fault("status", path="/shows", status=503, skip=1, times=1, retry_after="120")
    of = syncing(world)
    await settle(of)
    run = (await runs(world))[0]
    assert (run.status, run.position, run.error_code) == ("pending", 100, None)
    assert not await of.round(), "the server asked for a pause"
    await world.skip(125)
    await settle(of)
    run = (await runs(world))[0]
    assert (run.status, run.added) == ("completed", 300)


async def test_a_server_that_refuses_us_stops_the_target_and_the_run_waits(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await world.sim.control.fault("status", path="/shows", status=401, skip=1)
    of = syncing(world)
    await settle(of)
    target = await world.target()
    assert (target.state, target.stopped_code) == ("stopped", "TARGET_DENIED")
    assert (await runs(world))[0].status == "pending"
    asked = len(await world.sim.control.journal())
    await settle(of)
    assert len(await world.sim.control.journal()) == asked, "nothing is asked of a target that is stopped"
    await world.sim.control.no_faults()
    async with world.db.transaction() as session:
        await targets.resume(session, "cablecast")
    world.publishers["cablecast"].resume()
    await settle(of)
    assert (await runs(world))[0].status == "completed"


async def test_a_run_gives_way_where_publishing_finds_the_server_away(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    of = syncing(world)

    async def away() -> None:
        async with world.db.transaction() as session:
            await targets.mark_unavailable(session, "cablecast", "no answer", timedelta(minutes=1))

    await _between_pages(world, of, away)
    assert (await runs(world))[0].status == "pending"
    assert not await of.round()
    async with world.db.transaction() as session:
        await targets.mark_available(session, "cablecast")
    await settle(of)
    assert (await runs(world))[0].status == "completed"


async def test_an_answer_that_makes_no_sense_fails_the_run_and_the_next_one_is_not_at_once(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await world.sim.control.fault("malformed", path="/shows", kind="truncated")
    await settle(syncing(world))
    run = (await runs(world))[0]
    assert (run.status, run.error_code) == ("failed", "TARGET_FAILED")
    await settle(syncing(world))
    assert [one.kind for one in await runs(world)].count("shows") == 1
    await world.sim.control.no_faults()
    await world.skip(3600)
    await age(world, timedelta(hours=1))
    await settle(syncing(world))
    assert len(await shows(world)) == 10


async def test_a_show_that_cannot_be_read_is_left_as_it_was_and_is_not_gone(world: World) -> None:
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    await world.sim.control.seed(shows=[{"id": 4105, "title": ["no", "text"]}])
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    assert (await runs(world))[2].status == "completed"
    assert (await shows(world))[4105].title == "Meeting 5"


async def test_two_processes_never_bring_on_one_run(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await asyncio.gather(*(settle(syncing(world, page_size=20)) for _ in range(3)))
    await settle(syncing(world))
    found = await runs(world)
    assert [(run.kind, run.status) for run in found] == [("shows", "completed"), ("vods", "completed")]
    assert found[0].added == 300


async def test_one_that_was_taken_over_writes_nothing_more(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    of = syncing(world, page_size=50)

    async def taken() -> None:
        async with world.db.transaction() as session:
            await session.execute(update(SyncRun).values(moved_date=SyncRun.moved_date + timedelta(seconds=1)))

    await _between_pages(world, of, taken)
    assert (await runs(world))[0].position == 50
    assert len(await shows(world)) == 50


async def test_only_on_demand_means_that_nothing_is_read_by_itself(world: World) -> None:
    await world.sim.control.seed(shows=plain(3))
    of = syncing(world, every=timedelta())
    await settle(of)
    assert await runs(world) == []
    await ask(world, "shows", "full")
    await settle(of)
    run = (await runs(world))[0]
    assert (run.mode, run.status, len(await shows(world))) == ("full", "completed", 3)


async def test_changes_asked_for_before_anything_was_read_are_everything_there_is(world: World) -> None:
    await world.sim.control.seed(shows=plain(120))
    await ask(world, "shows", "changes")
    await settle(syncing(world, every=timedelta()))
    assert len(await shows(world)) == 120


@pytest.mark.parametrize("profile", ["modern", "mid", "legacy"])
async def test_vods_of_others_are_known_by_their_state(
    own_database: str, tmp_path: Path, profile: str, stations: dict[str, Simulator]
) -> None:
    states = {"complete": "published", "error": "failed", "permanentFailure": "failed", "processing": "processing"}
    sim = stations[profile]
    await sim.control.reset()
    async with station(own_database, tmp_path, sim) as world:
        await world.sim.control.seed(
            shows=[
                {
                    "id": 4100 + n,
                    "title": f"Show {n}",
                    "file": {"store": "Flex 1", "name": f"{4100 + n}-1 a.mp4", "length_s": 60},
                    "vods": [{"id": 900 + n, "state": state}],
                }
                for n, state in enumerate(states)
            ]
        )
        await settle(syncing(world))
        found = await vods(world)
        assert found["900"].status == "published"
        assert [found[str(900 + n)].title for n in range(4)] == [f"Show {n}" for n in range(4)]
        if profile != "legacy":
            assert [found[str(900 + n)].status for n in range(4)] == list(states.values())
        assert (await shows(world))[4100].files == ["4100-1 a.mp4"]


async def test_a_vod_taken_off_the_list_or_deleted_is_removed(world: World) -> None:
    await world.sim.control.seed(
        shows=[{"id": 4100 + n, "title": f"S{n}", "vods": [{"id": 900 + n, "state": "complete"}]} for n in range(6)]
    )
    await settle(syncing(world))
    whole = (await api(world, "GET", "vods/901"))["vod"]
    await api(world, "PUT", "vods/901", {"vod": {**whole, "disabled": True}})
    await api(world, "DELETE", "vods/902")
    await age(world, _FULL_EVERY)
    await settle(syncing(world))
    found = await vods(world)
    assert (found["901"].status, found["901"].gone_at) == ("removed", None)
    assert found["902"].status == "removed"
    assert found["902"].gone_at is not None


async def test_a_new_or_moving_vod_is_read_between_two_whole_runs_without_the_list(world: World) -> None:
    await world.sim.control.seed(
        shows=[{"id": 4100 + n, "title": f"S{n}", "vods": [{"id": 900 + n, "state": "complete"}]} for n in range(60)]
    )
    await world.show(id=4300, title="Being made", vods=[{"id": 1000, "state": "processing"}])
    await world.sim.control.advance(7200)
    await settle(syncing(world))
    await age(world, timedelta(hours=3))
    await world.sim.control.force_vod(1000, "complete")
    await world.show(id=4301, title="New", vods=[{"id": 1001, "state": "complete"}])
    await settle(syncing(world))
    found = await vods(world)
    assert (found["1000"].status, found["1001"].status) == ("published", "published")
    run = (await runs(world))[-1]
    assert (run.kind, run.mode, run.added, run.changed) == ("vods", "changes", 1, 1)
    paths = [call["path"].lower() for call in await world.calls("GET", "/vods")]
    assert len([path for path in paths if path.endswith("/vods")]) == 1, "the list was read in the whole run only"


async def test_what_archivist_published_keeps_its_transcription_title_and_status(world: World) -> None:
    await world.show(
        id=4120,
        title="Harbor Council",
        file={"store": "Flex 1", "name": "4120-1 harbor.mp4", "length_s": 600},
        vods=[{"id": 913, "state": "error"}],
    )
    job = await world.captioned("4120-1 harbor.mp4")
    publication = await world.ask(job)
    async with world.db.transaction() as session:
        await session.execute(
            update(Publication).where(Publication.id == publication).values(vod_id="913", status="published")
        )
        session.add(
            VodContent(
                vod_id="913", transcription_id=job, title="As published", status="published", target="cablecast"
            )
        )
    await settle(syncing(world))
    vod = (await vods(world))["913"]
    assert (vod.transcription_id, vod.title, vod.status) == (job, "As published", "published")
    assert (vod.vendor_state, vod.show) == ("error", 4120)
    await api(world, "DELETE", "vods/913")
    await world.sim.control.seed(
        shows=[{"id": 4200 + n, "title": "Other", "vods": [{"state": "complete"}]} for n in range(3)]
    )
    user = await person(world)
    await ask(world, "vods", "full", user)
    await settle(syncing(world))
    # One of one is gone: more than half, so somebody has to say that it is so.
    assert (await runs(world))[-1].error_code == "SYNC_TOO_MANY_GONE"
    await ask(world, "vods", "full", user)
    await settle(syncing(world))
    vod = (await vods(world))["913"]
    assert (vod.status, vod.gone_at is not None) == ("published", True)
    async with world.db.transaction() as session:
        told = (await session.scalars(select(SystemLog.message).where(SystemLog.level == "WARNING"))).all()
    assert "VOD 913, which Archivist published, is not at cablecast any more" in told


async def test_files_are_known_from_a_server_that_sends_no_reels_along(world: World) -> None:
    await world.show(
        id=4120,
        title="Harbor Council",
        reels=[{"file": {"store": "Flex 1", "name": "harbor-1118.mp4", "length_s": 600}}],
    )
    of = syncing(world)
    get_page = of.source.catalogue.client.get_page

    async def without(path: str, *args: Any, **kwargs: Any) -> Any:
        page = await get_page(path, *args, **kwargs)
        if path == "shows":
            for name in ("reels", "digitalFiles"):
                page.document.pop(name, None)
        return page

    of.source.catalogue.client.get_page = without  # type: ignore[method-assign]
    try:
        await settle(of)
    finally:
        del of.source.catalogue.client.get_page  # type: ignore[method-assign]
    assert (await shows(world))[4120].files == ["harbor-1118.mp4"]


async def test_a_server_that_says_it_has_more_shows_than_it_gives_takes_nothing_away(world: World) -> None:
    """As to a user who may not see all of them."""
    await world.sim.control.seed(shows=plain(10))
    await settle(syncing(world))
    of = syncing(world)
    get_page = of.source.catalogue.client.get_page

    async def hidden(path: str, *args: Any, **kwargs: Any) -> Any:
        page = await get_page(path, *args, **kwargs)
        if path != "shows":
            return page
        return Page(tuple(row for row in page.rows if row["id"] != 4105), page.count, page.document)

    of.source.catalogue.client.get_page = hidden  # type: ignore[method-assign]
    await age(world, _FULL_EVERY)
    try:
        await settle(of)
    finally:
        del of.source.catalogue.client.get_page  # type: ignore[method-assign]
    run = next(one for one in (await runs(world))[2:] if one.kind is SyncKind.SHOWS)
    assert (run.status, run.error_code, run.gone) == ("completed", "SYNC_INCOMPLETE", 0)
    assert run.error_message == "the server gave 9 of 10; what is gone was not looked for"
    assert 4105 in await shows(world)


async def test_a_search_that_finds_everything_is_not_followed_to_its_end(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    await world.sim.control.advance(7200)
    await settle(syncing(world, page_size=50))
    await age(world, timedelta(hours=3))
    await retitle(world, 4399, "Changed")
    of = syncing(world, page_size=50)

    async def ignored(_filters: Any) -> Any:
        return tuple(range(4399, 4099, -1))

    of.source.catalogue.search_shows = ignored  # type: ignore[method-assign]
    asked = len(await world.calls("GET", "/v1/shows"))
    try:
        await settle(of)
    finally:
        del of.source.catalogue.search_shows  # type: ignore[method-assign]
    assert (await shows(world))[4399].title == "Changed"
    assert len(await world.calls("GET", "/v1/shows")) - asked <= 5


async def test_a_server_that_loses_long_answers_is_asked_for_shorter_ones(world: World) -> None:
    await world.sim.control.seed(shows=plain(120))
    tries = world.settings.max_retries + 1
    await world.sim.control.fault("drop", path="v1/shows$", times=tries)
    of = syncing(world)
    await settle(of)
    assert (await runs(world))[0].status == "pending"
    await world.skip(60)
    await settle(of)
    assert (await runs(world))[0].status == "completed"
    asked = [str(call["query"]) for call in await world.calls("GET", "/v1/shows")]
    assert all("page_size=100" in query for query in asked[:tries])
    assert all("page_size=50" in query for query in asked[tries:])


async def test_a_process_that_is_told_to_stop_lets_its_run_wait_for_the_next_one(world: World) -> None:
    await world.sim.control.seed(shows=plain(300))
    of = syncing(world, page_size=50)
    working: list[asyncio.Task[None]] = []

    async def stop() -> None:
        working[0].cancel()
        await asyncio.sleep(0)

    async def work() -> None:
        await _between_pages(world, of, stop)

    working.append(asyncio.create_task(work()))
    with pytest.raises(asyncio.CancelledError):
        await working[0]
    assert (await runs(world))[0].status == "pending"
    await settle(syncing(world))
    assert (await runs(world))[0].added == 300


async def test_a_target_that_somebody_has_started_again_is_not_stopped_anew_by_what_its_client_remembers(
    world: World,
) -> None:
    of = syncing(world)
    of.source.catalogue.client.host.denied(TargetDenied("HTTP 401"))
    assert not await of.round()
    assert (await world.target()).state == "ok"
    of.source.catalogue.client.host.reset()
    assert await of.round()
