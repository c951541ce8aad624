"""What is read off a station of each version, from the simulator as a process of its own."""

import asyncio
from datetime import timedelta, timezone
from fractions import Fraction

import pytest
from tests.simulators.cablecast.process import Simulator
from tests.vod.cablecast.conftest import Connect
from tests.vod.cablecast.transport.scripted import Scripted, Seen, answer

from archivist_common.errors import TargetFailed, TargetMissing
from archivist_vod.cablecast import models
from archivist_vod.cablecast.api import CablecastApi

_CENTRAL = timezone(timedelta(hours=-6))


def _show(id_: int, key: str = "", **more: object) -> dict[str, object]:
    return {"id": id_, "title": f"Council {id_}", "localId": key, "eventDate": "2026-11-18T00:00:00-06:00", **more}


async def _calls(sim: Simulator) -> list[str]:
    return [f"{entry['method']} {entry['path']}" for entry in await sim.control.journal()]


@pytest.mark.parametrize("profile", ["modern", "mid", "legacy"])
async def test_every_version_says_what_it_is_and_has(
    stations: dict[str, Simulator], attend: Connect, profile: str
) -> None:
    sim = stations[profile]
    await sim.control.reset()
    async with attend(sim) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        assert (await catalogue.lookups.system_info()).version[0] == {"modern": 7, "mid": 7, "legacy": 6}[profile]
        assert (await catalogue.lookups.system_time()).time is not None
        assert (await catalogue.lookups.user_session()).user == "operator"
        assert [one.id for one in await catalogue.lookups.locations()] == [1, 2]
        assert [one.primitive_format for one in await catalogue.lookups.formats()] == [1, 4, 4]
        assert [one.name for one in await catalogue.lookups.categories()] == ["Government", "Government"]
        assert [one.id for one in await catalogue.lookups.producers()] == [11]
        assert [one.id for one in await catalogue.lookups.projects()] == [8]
        assert [one.field_definition for one in await catalogue.lookups.show_fields()] == [1, 2]
        assert [one.name for one in await catalogue.lookups.field_definitions()] == ["Tags", "Meeting date"]
        assert [one.location for one in await catalogue.lookups.vod_configurations()] == [1, 2]
        assert [one.name for one in await catalogue.lookups.qualities()] == ["1080 HD", "720 HD", "480 SD", "360 SD"]
        if profile == "modern":
            assert "Flex 1" in [one.name for one in await catalogue.lookups.file_stores()]


async def test_lookups_are_read_once_an_hour(modern: Simulator, attend: Connect) -> None:
    async with attend(modern) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        before = await catalogue.lookups.locations()
        asked = len(await _calls(modern))
        ours.time.now += 3_599
        assert await catalogue.lookups.locations() == before
        assert len(await _calls(modern)) == asked
        ours.time.now += 2
        await modern.control.seed(locations=[{"id": 7, "name": "New"}])
        assert [one.id for one in await catalogue.lookups.locations()] == [1, 2, 7]
        await modern.control.seed(locations=[{"id": 8, "name": "Newer"}])
        catalogue.lookups.forget()
        assert [one.id for one in await catalogue.lookups.locations()] == [1, 2, 7, 8]


@pytest.mark.parametrize("profile", ["modern", "legacy"])
async def test_shows_are_found_by_our_key_and_by_nothing_like_it(
    stations: dict[str, Simulator], attend: Connect, profile: str
) -> None:
    sim = stations[profile]
    await sim.control.reset()
    keys = ["arc-1", "arc-10", "ARC-1", "", "arc-1 ", "arc-2", "arc-2"]
    await sim.control.seed(shows=[_show(4_000 + n, key) for n, key in enumerate(keys)])
    async with attend(sim) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        for key, ids in {"arc-1": [4_000], "arc-2": [4_005, 4_006], "arc-3": []}.items():
            assert sorted(show.id for show in await catalogue.shows_by_local_id(key)) == ids


async def test_without_a_search_our_key_is_looked_for_on_every_page(modern: Simulator, attend: Connect) -> None:
    await modern.control.seed(shows=[_show(3_000 + n, f"arc-{n}") for n in range(1_310)])
    await modern.control.fault("status", path="/shows/search/advanced", status=404)
    async with attend(modern) as ours:
        found = await CablecastApi(ours.client, clock=ours.time).shows_by_local_id("arc-3")
    assert [show.id for show in found] == [3_003]
    assert "POST /CablecastAPI/v1/shows/search/advanced" in await _calls(modern)


async def test_a_show_the_search_has_not_met_yet_is_found_among_the_newest(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        if seen.path == "shows/search/advanced":
            return answer(200, {"savedShowSearch": {"results": []}})
        page = {"shows": [_show(2, "arc-2"), _show(1, "arc-1")], "meta": {"offset": 0, "pageSize": 50, "count": 900}}
        return answer(200, page)

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        assert [show.id for show in await CablecastApi(ours.client).shows_by_local_id("arc-2")] == [2]


async def test_a_search_and_a_filter_that_are_ignored_find_no_strangers(connect: Connect) -> None:
    """Every show comes back from the search, every page ignores its ids."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        if seen.path == "shows/search/advanced":
            return answer(200, {"savedShowSearch": {"results": list(range(1, 131))}})
        if seen.path == "shows":
            page = [_show(id_, f"arc-{id_}") for id_ in range(130, 80, -1)][seen.offset :]
            return answer(200, {"shows": page, "meta": {"offset": 0, "pageSize": 50, "count": 130}})
        id_ = int(seen.path.rpartition("/")[2])
        return answer(404, b"") if id_ == 7 else answer(200, {"show": _show(id_, f"arc-{id_}")})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        catalogue = CablecastApi(ours.client)
        assert [show.id for show in await catalogue.shows_by_local_id("arc-3")] == [3]
        assert [show.id for show in await catalogue.shows([9, 7, 9, 100])] == [9, 100]
        assert await catalogue.shows_by_local_id("arc-7") == ()


async def test_shows_by_id_come_in_hundreds_and_in_the_order_asked_for(modern: Simulator, attend: Connect) -> None:
    await modern.control.seed(shows=[_show(3_000 + n) for n in range(250)])
    wanted = [3_000 + n for n in range(249, -1, -1)]
    async with attend(modern) as ours:
        found = await CablecastApi(ours.client).shows([*wanted, 99_999])
    assert [show.id for show in found] == wanted
    assert (await _calls(modern)).count("GET /CablecastAPI/v1/shows") == 3


async def _captioned_show(sim: Simulator) -> int:
    reel = {"file": {"store": "Flex 1", "name": "4120-1-Harbor Council.mp4", "length_s": 600}}
    made = await sim.control.seed(shows=[_show(4_120, reels=[reel], vods=[{}]), _show(4_121, reels=[{"length": 5}])])
    return made["shows"][0]


@pytest.mark.parametrize("profile", ["modern", "mid", "legacy"])
async def test_a_reel_leads_to_its_file_in_every_version(
    stations: dict[str, Simulator], attend: Connect, profile: str
) -> None:
    sim = stations[profile]
    await sim.control.reset()
    await _captioned_show(sim)
    async with attend(sim) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        show = await catalogue.show(4_120)
        (reel,) = await catalogue.reels(show)
        assert (reel.show, reel.length) == (4_120, 600)
        file = await catalogue.file_of(reel)
        assert file is not None
        assert file.name == "4120-1-Harbor Council.mp4"
        assert file.length_s is not None
        assert abs(file.length_s - 600) < Fraction(1, 20)
        if profile == "modern":
            assert (len(file.stores), file.digital_file) == (1, None)
        else:
            assert (file.stores, file.asset) == ((), None)
        (fileless,) = await catalogue.reels(await catalogue.show(4_121))
        assert await catalogue.file_of(fileless) is None


async def test_a_sidecar_is_found_by_its_exact_name_in_its_store(modern: Simulator, attend: Connect) -> None:
    await _captioned_show(modern)
    scc = "Scenarist_SCC V1.0\n\n00:00:01;00\t9420 9420 942f 942f\n"
    await modern.control.put_file("Flex 1", "4120-1-Harbor Council.scc", text=scc)
    await modern.control.put_file("Flex 2", "4120-1-harbor council.scc", text=scc)
    await modern.control.advance(200)
    async with attend(modern) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        stores = {one.name: one.id for one in await catalogue.lookups.file_stores()}
        found = await catalogue.sidecar(stores["Flex 1"], "4120-1-Harbor Council.scc")
        assert found is not None
        assert found.file_type == "caption"
        assert await ours.client.get_text(found.url) == scc
        assert await catalogue.sidecar(stores["Flex 2"], "4120-1-Harbor Council.scc") is None
        assert await catalogue.sidecar(stores["Flex 1"], "4120-1-harbor council.scc") is None
        digital = await catalogue.digital_file("4120-1-Harbor Council.mp4")
        assert digital is not None
        assert digital.has_captions


@pytest.mark.parametrize("profile", ["modern", "mid", "legacy"])
async def test_how_far_a_vod_is_can_be_asked_in_every_version(
    stations: dict[str, Simulator], attend: Connect, profile: str
) -> None:
    sim = stations[profile]
    await sim.control.reset()
    await _captioned_show(sim)
    async with attend(sim) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        (vod,) = await catalogue.vods(await catalogue.show(4_120))
        before = (await catalogue.vod_progress(vod.id))[0].vod_state
        assert before in {"queued", "processing", "unknown"}
        await sim.control.advance(3_600)
        status, _ = await catalogue.vod_progress(vod.id)
        assert (status.id, status.vod_state) == (vod.id, models.COMPLETE)
        if profile == "legacy":
            assert (await _calls(sim)).count(f"GET /CablecastAPI/v1/vodstatuses/{vod.id}") == 1
        with pytest.raises(TargetMissing):
            await catalogue.vod_progress(99_999)


async def test_a_state_nobody_knows_comes_through_as_it_is(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, {"vodStatus": {"id": 913, "vodState": "paused", "percentComplete": 40}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        status, _ = await CablecastApi(ours.client).vod_progress(913)
    assert (status.vod_state, status.percent_complete) == ("paused", 40)


async def test_chapters_are_the_vods_own_in_order_without_deleted_ones(modern: Simulator, attend: Connect) -> None:
    await _captioned_show(modern)
    async with attend(modern) as ours:
        catalogue = CablecastApi(ours.client, clock=ours.time)
        (vod,) = await catalogue.vods(await catalogue.show(4_120))
        for offset in (90, 30, 60):
            body = {"vod": vod.id, "title": f"at {offset}", "body": "", "offset": offset, "deleted": False}
            made = await ours.client.post("chapters", "chapter", body)
        assert await ours.client.delete(f"chapters/{made['id']}")
        assert [chapter.offset for chapter in await catalogue.chapters(vod.id)] == [30, 90]


async def test_chapters_of_others_and_deleted_ones_are_left_out_where_the_filter_is_ignored(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        chapters = [{"id": n, "vod": 9 + n % 2, "offset": n, "deleted": n == 2} for n in range(6)]
        return answer(200, {"chapters": chapters})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        assert [chapter.id for chapter in await CablecastApi(ours.client).chapters(9)] == [0, 4]


async def test_reels_are_found_where_the_filter_is_ignored_and_the_list_is_cut_short(connect: Connect) -> None:
    """The list gives the same fifty strangers whatever is asked for; the show itself names two reels, one gone."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        if seen.path == "reels":
            return answer(200, {"reels": [{"id": n, "show": 9} for n in range(50)]})
        if seen.path == "reels/52":
            return answer(404, b"")
        return answer(200, {"reel": {"id": int(seen.path.rpartition("/")[2]), "show": 4, "reelNumber": 1}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        show = models.Show.read({"id": 4, "reels": [51, 52]})
        assert [reel.id for reel in await CablecastApi(ours.client).reels(show)] == [51]


async def test_a_shows_vods_are_its_own_and_still_there(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        id_ = int(seen.path.rpartition("/")[2])
        return answer(404, b"") if id_ == 2 else answer(200, {"vod": {"id": id_, "show": {1: 4, 3: 5}.get(id_)}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        show = models.Show.read({"id": 4, "vods": [1, 2, 3, 6]})
        assert [vod.id for vod in await CablecastApi(ours.client).vods(show)] == [1, 6]


async def test_an_object_that_is_not_what_it_should_be_is_the_servers_fault(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, {"reel": {"id": 1, "length": "long"}})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="reels/1: length: "):
            await CablecastApi(ours.client).reel(1)


async def test_a_show_is_written_back_with_all_it_came_with(modern: Simulator, attend: Connect) -> None:
    await modern.control.seed(shows=[_show(4_120, custom3="keep", comments="old")])
    async with attend(modern) as ours:
        catalogue = CablecastApi(ours.client)
        show = await catalogue.show(4_120)
        written = models.Show.read(
            await ours.client.put("shows/4120", "show", models.edited(show.raw, comments="new"))
        )
        assert (written.comments, written.raw["custom3"]) == ("new", "keep")
    assert await modern.control.invariants() == []
