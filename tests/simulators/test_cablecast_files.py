"""The simulator's file stores: what becomes an asset and when, which sidecar belongs to which video, uploads."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import media_factory
from tests.simulators.cablecast import NotDone, Simulator, media
from tests.simulators.cablecast.clock import Clock
from tests.simulators.cablecast.station import Station
from tests.simulators.conftest import FILE, SCC, SHOW, Caller, Stations

VIDEO, SIDECAR = "4120-1-Harbor Council.mp4", "4120-1-Harbor Council.scc"


async def assets(api: httpx.AsyncClient, **query: Any) -> dict[str, dict[str, Any]]:
    """By path."""
    listed = (await api.get("assets", params={"page_size": 500, **query})).json()["assets"]
    return {asset["path"]: asset for asset in listed}


# Indexing


async def test_a_new_file_is_processing_for_ninety_seconds(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.put_file("Flex 1", "hand-named.mp4", length_s=60)
    assert (await assets(api))["hand-named.mp4"]["fileStatus"] == "processing"
    await sim.control.advance(89)
    assert (await assets(api))["hand-named.mp4"]["fileStatus"] == "processing"
    await sim.control.advance(2)
    found = (await assets(api))["hand-named.mp4"]
    assert (found["fileStatus"], found["fileType"], found["fileStores"]) == ("unlinked", "video", [11])


async def test_a_file_dropped_into_the_folder_is_seen_without_being_told(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    (sim.store("Flex 3") / "dropped.mp4").write_bytes(media.stub(5))
    assert (await assets(api))["dropped.mp4"]["fileStores"] == [13]


async def test_a_file_that_still_grows_is_not_indexed(sim: Simulator, api: httpx.AsyncClient) -> None:
    path = sim.store("Flex 1") / "growing.mp4"
    path.write_bytes(media.stub(5))
    await assets(api)
    for _ in range(3):
        await sim.control.advance(60)
        with path.open("ab") as file:
            file.write(b"more")
    await sim.control.advance(60)
    assert (await assets(api))["growing.mp4"]["fileStatus"] == "processing"
    await sim.control.advance(90)
    assert (await assets(api))["growing.mp4"]["fileStatus"] != "processing"


def test_a_file_that_has_changed_since_it_was_looked_at_is_not_indexed(tmp_path: Path) -> None:
    station = Station("modern", tmp_path, Clock())
    path = tmp_path / "Flex 1" / "growing.mp4"
    path.write_bytes(media.stub(5))
    station.files.scan(whole=True)
    path.write_bytes(media.stub(5, "more"))
    station.settle(station.clock.advance(91))
    [asset] = station.files.assets.values()
    assert asset.status == "processing"
    station.settle(station.clock.advance(91))
    assert asset.status == "unlinked"


async def test_a_file_that_grows_while_time_is_moved_on_is_looked_at_again(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    path = sim.store("Flex 1") / "growing.mp4"
    path.write_bytes(media.stub(5))
    await assets(api)
    await sim.control.auto(600)  # ninety seconds go by in 0.15
    for _ in range(20):
        await asyncio.sleep(0.02)
        with path.open("ab") as file:
            file.write(b"more")
    assert (await assets(api))["growing.mp4"]["fileStatus"] == "processing"


async def test_names_that_begin_with_a_dot_are_never_indexed(sim: Simulator, api: httpx.AsyncClient) -> None:
    part = sim.store("Flex 1") / f".{SIDECAR}.part"
    part.write_text(SCC)
    await sim.control.advance(200)
    assert await assets(api) == {}
    part.rename(sim.store("Flex 1") / SIDECAR)
    assert list(await assets(api)) == [SIDECAR]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a film", id="foreign"),
        pytest.param(media.stub(60, "twenty bytes of film")[:-10], id="torn-behind-its-header"),
        pytest.param(media.stub(60)[:40], id="torn-in-its-header"),
    ],
)
async def test_a_torn_or_foreign_file_is_invalid(sim: Simulator, api: httpx.AsyncClient, data: bytes) -> None:
    (sim.store("Flex 1") / VIDEO).write_bytes(data)
    await assets(api)
    await sim.control.advance(91)
    assert (await assets(api))[VIDEO]["fileStatus"] == "invalid"


async def test_a_name_links_a_file_to_show_and_reel(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": 4120, "title": "Harbor", "reels": [{"length": 60}, {"length": 60}]}])
    for name in ("4120-1-a.mp4", "4120-2-b.mp4", "4121-1-c.mp4", "2025-06-11 d.mp4"):
        await sim.control.put_file("Flex 1", name, length_s=60)
    await sim.control.advance(91)
    found = await assets(api)
    assert {name: asset["fileStatus"] for name, asset in found.items()} == {
        "4120-1-a.mp4": "valid",
        "4120-2-b.mp4": "valid",
        "4121-1-c.mp4": "unlinked",
        "2025-06-11 d.mp4": "unlinked",
    }
    reels = (await api.get("reels", params={"show": 4120})).json()["reels"]
    assert [reel["playbackAsset"] for reel in reels] == [found["4120-1-a.mp4"]["id"], found["4120-2-b.mp4"]["id"]]
    assert all(reel["hasValidFile"] for reel in reels)


async def test_a_name_without_a_reel_number_means_the_first(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": 4120, "title": "x", "file": {**FILE, "name": "4120-Grant.mp4"}}])
    parsed = (await api.get("digitalfiles")).json()["digitalFiles"][0]
    assert (parsed["show"], parsed["reelNumber"], parsed["reel"] is not None) == (4120, 1, True)


async def test_two_files_of_one_show_and_reel_are_ambiguous(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    assert [row["ambiguous"] for row in (await api.get("digitalfiles")).json()["digitalFiles"]] == [False]
    await sim.control.put_file("Flex 2", "4120-1-Again.mp4", length_s=60)
    assert [row["ambiguous"] for row in (await api.get("digitalfiles")).json()["digitalFiles"]] == [True, True]


async def test_a_reel_can_be_bound_to_any_file(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": 4120, "title": "x", "reels": [{"length": 60}]}])
    await sim.control.put_file("Flex 2", "harbor-1118.mp4", length_s=60)
    await sim.control.advance(91)
    reel = (await api.get("reels", params={"show": 4120})).json()["reels"][0]
    assert (reel["playbackAsset"], reel["hasValidFile"]) == (None, False)
    bound = (await api.put(f"reels/{reel['id']}", json={"reel": {**reel, "userFileName": "harbor-1118.mp4"}})).json()[
        "reel"
    ]
    asset = (await assets(api))["harbor-1118.mp4"]
    assert (bound["playbackAsset"], bound["hasValidFile"], asset["fileStatus"]) == (asset["id"], True, "valid")
    assert asset["reels"] == [bound["id"]]


async def test_the_length_of_a_file_stands_in_its_info(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    listed = (await api.get("assets")).json()
    [info] = listed["assetInfos"]
    assert listed["assets"][0]["assetInfos"] == [info["id"]]
    assert info["frameCount"] / info["frameRate"] == pytest.approx(600, abs=0.05)


@pytest.mark.parametrize("name", ["real.mp4", "real.mov", "real.mkv", "real.ts"])
def test_the_length_of_a_real_recording_is_read(tmp_path: Path, name: str) -> None:
    path = media_factory.write(tmp_path / name, media_factory.tone(7.5), video=7.5)
    assert media.length_ms(path) == pytest.approx(7500, abs=100)
    path.write_bytes(b"nothing of the kind")
    assert media.length_ms(path) is None


async def test_assets_can_be_asked_for_by_state_purpose_and_age(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    await sim.control.advance(10)
    await sim.control.put_file("Flex 1", "new.mp4", length_s=60)
    await sim.control.put_file("VOD", "vod.mp4", length_s=60)
    assert set(await assets(api, **{"status_type[]": "Processing"})) == {"new.mp4", "vod.mp4"}
    assert set(await assets(api, **{"status_type[]": "Valid"})) == {VIDEO}
    assert set(await assets(api, purpose_type="Playback")) == {VIDEO, "new.mp4"}
    assert set(await assets(api, purpose_type="VOD")) == {"vod.mp4"}
    assert list(await assets(api, sort="last_modified"))[-1] == VIDEO
    assert set(await assets(api, media_search="council")) == {VIDEO, "new.mp4", "vod.mp4"}


async def test_a_file_that_is_gone_is_missing_and_comes_back_with_its_id(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.seed(shows=[SHOW])
    key = (await assets(api))[VIDEO]["id"]
    (sim.store("Flex 1") / VIDEO).rename(sim.store("Flex 1") / ".away")
    assert (await assets(api))[VIDEO]["fileStatus"] == "missing"
    (sim.store("Flex 1") / ".away").rename(sim.store("Flex 1") / VIDEO)
    await assets(api)
    await sim.control.advance(91)
    back = (await assets(api))[VIDEO]
    assert (back["fileStatus"], back["id"]) == ("valid", key)


async def test_the_bytes_of_an_asset_are_at_its_url(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.put_file("Flex 1", SIDECAR, text=SCC)
    assert (await api.get((await assets(api))[SIDECAR]["url"])).text == SCC


# Sidecars


async def placed(
    sim: Simulator, api: httpx.AsyncClient, name: str = SIDECAR, *, store: str = "Flex 1", text: str = SCC
) -> None:
    (sim.store(store) / name).write_text(text)
    await assets(api)
    await sim.control.advance(91)


async def flags(api: httpx.AsyncClient) -> tuple[bool, bool, bool]:
    """hasCaptions of the show, of the video, of its digital file."""
    show = (await api.get("shows/4120")).json()["show"]["hasCaptions"]
    files = (await api.get("digitalfiles")).json()["digitalFiles"]
    return show, (await assets(api))[VIDEO]["hasCaptions"], files[0]["hasCaptions"]


async def test_a_sidecar_of_the_same_base_name_belongs_to_the_video(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    assert await flags(api) == (False, False, False)
    await placed(sim, api)
    assert await flags(api) == (True, True, True)
    found = await assets(api)
    links = (await api.get("assetreellinks")).json()["assetReelLinks"]
    assert {(link["asset"], link["linkType"]) for link in links} == {
        (found[VIDEO]["id"], "playback"),
        (found[SIDECAR]["id"], "caption"),
    }
    assert (await api.get(f"assetreellinks/{links[0]['id']}")).json()["assetReelLink"] == links[0]
    (sim.store("Flex 1") / SIDECAR).unlink()
    assert await flags(api) == (False, False, False)


@pytest.mark.parametrize(
    "name",
    [
        "4120-1-harbor council.scc",
        "4120-1-Harbor Council .scc",
        "4120-1-Harbor  Council.scc",
        f"{VIDEO}.scc",
        "4120-1-H.scc",
    ],
)
async def test_a_sidecar_of_another_name_stays_alone(sim: Simulator, api: httpx.AsyncClient, name: str) -> None:
    await sim.control.seed(shows=[SHOW])
    await placed(sim, api, name)
    assert await flags(api) == (False, False, False)
    assert (await assets(api))[name]["fileStatus"] == "unlinked"


@pytest.mark.parametrize("name", ["4120-1-Harbor Council.vtt", "4120-1-Harbor Council.srt"])
async def test_webvtt_and_srt_are_no_sidecars(sim: Simulator, api: httpx.AsyncClient, name: str) -> None:
    await sim.control.seed(shows=[SHOW])
    await placed(sim, api, name)
    assert await flags(api) == (False, False, False)


async def test_a_sidecar_in_another_store_stays_alone(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    await placed(sim, api, store="Flex 2")
    assert await flags(api) == (False, False, False)


async def test_an_sx_server_passes_sidecars_over(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "file": {**FILE, "store": "SX 1"}}])
    await placed(sim, api, store="SX 1")
    assert await flags(api) == (False, False, False)


async def test_a_legacy_server_passes_sidecars_over(stations: Stations, caller: Caller) -> None:
    sim = await stations("legacy")
    await sim.control.seed(shows=[SHOW])
    (sim.store("Flex 1") / SIDECAR).write_text(SCC)
    client = caller(of=sim)
    await client.get("shows")
    await sim.control.advance(91)
    assert not (await client.get("shows/4120")).json()["show"]["hasCaptions"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(SCC.replace("c8e5", "48e5"), "parity"), (SCC.replace("V1.0", "V1.1"), "line 1"), ("", "line 1")],
)
async def test_a_bad_sidecar_is_said_to_be_incompatible_and_why(
    sim: Simulator, api: httpx.AsyncClient, text: str, said: str
) -> None:
    await sim.control.seed(shows=[SHOW])
    await placed(sim, api)
    good = (await api.get("digitalfiles")).json()["digitalFiles"][0]
    assert (good["captionsAreCompatible"], good["captionsMessage"]) == (True, None)
    await placed(sim, api, text=text)
    bad = (await api.get("digitalfiles")).json()["digitalFiles"][0]
    assert not bad["captionsAreCompatible"]
    assert said in bad["captionsMessage"]


# Uploads


async def begin(api: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    body = {"fileName": SIDECAR, "destinationStore": 11, "totalSegments": 2, "size": len(SCC), **fields}
    return await api.post("fileuploads", json={"fileUpload": body})


async def send(api: httpx.AsyncClient, upload: int, number: int, data: bytes) -> int:
    answer = await api.post(
        f"fileuploads/{upload}/upload",
        data={"segment": str(number)},
        files={"file": ("part", data, "application/octet-stream")},
    )
    return answer.status_code


async def state(api: httpx.AsyncClient, upload: int) -> int:
    return (await api.get(f"fileuploads/{upload}")).json()["fileUpload"]["state"]  # type: ignore[no-any-return]


async def uploaded(api: httpx.AsyncClient, text: str = SCC, **fields: Any) -> int:
    made = await begin(api, size=len(text), **fields)
    key = made.json()["fileUpload"]["id"]
    half = len(text) // 2
    assert await send(api, key, 1, text[half:].encode()) == 200  # in any order
    assert await send(api, key, 0, text[:half].encode()) == 200
    assert (await api.put(f"fileuploads/{key}", json={"fileUpload": {"state": 2}})).status_code == 200
    return key  # type: ignore[no-any-return]


async def test_a_file_comes_in_segments_and_lands_in_its_store(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    key = await uploaded(api)
    assert await state(api, key) == 2
    assert not (sim.store("Flex 1") / SIDECAR).exists()
    for wanted in (3, 4, 5):
        await sim.control.advance(2)
        assert await state(api, key) == wanted
    assert (sim.store("Flex 1") / SIDECAR).read_text() == SCC
    asset = (await api.get(f"fileuploads/{key}")).json()["fileUpload"]["asset"]
    assert asset == (await assets(api))[SIDECAR]["id"]
    await sim.control.advance(91)
    assert await flags(api) == (True, True, True)


@pytest.mark.parametrize(
    "bad",
    [
        {"fileName": "a/b.scc"}, {"fileName": "a\\b.scc"}, {"fileName": "..scc"}, {"fileName": ""},
        {"fileName": ".x"}, {"totalSegments": 0}, {"size": -1}, {"destinationStore": 99},
    ],
)  # fmt: skip
async def test_an_upload_that_cannot_be_is_refused(
    sim: Simulator, api: httpx.AsyncClient, bad: dict[str, Any]
) -> None:
    assert (await begin(api, **bad)).status_code == 400


async def test_a_segment_is_a_form_with_a_number_and_a_file(sim: Simulator, api: httpx.AsyncClient) -> None:
    key = (await begin(api)).json()["fileUpload"]["id"]
    path = f"fileuploads/{key}/upload"
    named = {"file": ("x", b"x")}
    assert (await api.post(path, files=named)).status_code == 400
    assert (await api.post(path, data={"segment": "x"}, files=named)).status_code == 400
    assert (await api.post(path, data={"segment": "2"}, files=named)).status_code == 400
    assert (await api.post(path, data={"segment": "0"}, files={"scc_file": ("x", b"x")})).status_code == 400
    forced = {"Content-Type": "application/json"}
    assert (await api.post(path, data={"segment": "0"}, files=named, headers=forced)).status_code == 400
    assert (await api.post(path, data={"segment": "0"}, files=named)).status_code == 200


async def test_a_segment_sent_again_replaces_the_first(sim: Simulator, api: httpx.AsyncClient) -> None:
    key = (await begin(api, totalSegments=1)).json()["fileUpload"]["id"]
    assert await send(api, key, 0, b"torn") == 200
    assert await send(api, key, 0, SCC.encode()) == 200
    await api.put(f"fileuploads/{key}", json={"fileUpload": {"state": 2}})
    await sim.control.advance(6)
    assert (sim.store("Flex 1") / SIDECAR).read_text() == SCC
    assert await send(api, key, 0, b"late") == 409


@pytest.mark.parametrize(("segments", "size"), [([0], len(SCC)), ([0, 1], len(SCC) + 1)])
async def test_an_upload_that_does_not_add_up_has_failed(
    sim: Simulator, api: httpx.AsyncClient, segments: list[int], size: int
) -> None:
    key = (await begin(api, size=size)).json()["fileUpload"]["id"]
    for number in segments:
        await send(api, key, number, SCC[number * 10 : 10 if number == 0 else None].encode())
    await api.put(f"fileuploads/{key}", json={"fileUpload": {"state": 2}})
    await sim.control.advance(60)
    assert await state(api, key) == 0
    assert not (sim.store("Flex 1") / SIDECAR).exists()


async def test_an_upload_left_alone_for_four_hours_is_given_up(sim: Simulator, api: httpx.AsyncClient) -> None:
    key = (await begin(api)).json()["fileUpload"]["id"]
    await sim.control.advance(3 * 3600)
    await send(api, key, 0, b"x")
    await sim.control.advance(4 * 3600 - 1)
    assert await state(api, key) == 1
    await sim.control.advance(2)
    assert await state(api, key) == 6


async def test_a_name_that_is_taken_is_overwritten_or_not_by_the_switch(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    taken = sim.store("Flex 1") / SIDECAR
    taken.write_text("old")
    await uploaded(api)
    await sim.control.advance(6)
    assert taken.read_text() == SCC
    await sim.control.switch(upload_same_name="suffix")
    await uploaded(api)
    await sim.control.advance(6)
    assert (sim.store("Flex 1") / "4120-1-Harbor Council (1).scc").read_text() == SCC
    await sim.control.switch(upload_same_name="409")
    assert (await begin(api)).status_code == 409


async def test_uploads_are_listed_only_where_that_is_switched_on(sim: Simulator, api: httpx.AsyncClient) -> None:
    assert (await api.get("fileuploads")).status_code == 405
    await sim.control.switch(fileuploads_list=True)
    await begin(api)
    assert [row["fileName"] for row in (await api.get("fileuploads")).json()["fileUploads"]] == [SIDECAR]


# The control port


async def test_files_are_put_and_taken_away_from_outside(sim: Simulator) -> None:
    path = await sim.control.put_file("Flex 1", "a.scc", base64=base64.b64encode(b"\x00\xff").decode())
    assert path.read_bytes() == b"\x00\xff"
    assert [row["name"] for row in (await sim.control.store())["Flex 1"]] == ["a.scc"]
    await sim.control.remove_file("Flex 1", "a.scc")
    assert (await sim.control.store())["Flex 1"] == []
    with pytest.raises(NotDone, match="no store"):
        await sim.control.put_file("Flex 9", "a.scc", text="")


async def test_a_recording_of_ones_own_can_be_seeded(sim: Simulator, api: httpx.AsyncClient, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(media.stub(77.5, "mine"))
    await sim.control.seed(shows=[{**SHOW, "file": {"store": "Flex 1", "name": VIDEO, "bytes_from": str(own)}}])
    assert (sim.store("Flex 1") / VIDEO).read_bytes() == own.read_bytes()
    assert (await api.get("shows/4120")).json()["show"]["totalRunTime"] == 78


async def test_a_seed_with_a_typing_error_is_refused(sim: Simulator) -> None:
    for seed in ({"show": []}, {"shows": [{"titel": "x"}]}):
        with pytest.raises(NotDone):
            await sim.control.seed(**seed)
