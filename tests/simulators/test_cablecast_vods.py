"""The simulator's VOD machine by its clock, and what lies in the folder of a VOD."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.simulators.cablecast import Simulator, media
from tests.simulators.conftest import AYE, FILE, HELLO, SCC, SHOW, Caller, Stations

VARIANT_S = 150  # 600 seconds of programme at four times its speed
CAPTIONED = {**SHOW, "file": {**FILE, "sidecar": SCC}}
OTHER = SCC.replace("c179 e5ae", "ceef ae80")  # No. for Aye.


def vtt(*cues: tuple[str, str]) -> str:
    return "\n\n".join(["WEBVTT", *(f"{times}\n{words}" for times, words in cues)]) + "\n"


async def order(api: httpx.AsyncClient, show: int = 4120, **fields: Any) -> int:
    answer = await api.post("vods", json={"vod": {"show": show, "vodConfiguration": 2, **fields}})
    assert answer.status_code == 201, answer.text
    return answer.json()["vod"]["id"]  # type: ignore[no-any-return]


async def status(api: httpx.AsyncClient, vod: int) -> tuple[str, float]:
    found = (await api.get(f"vodstatuses/{vod}")).json()["vodStatus"]
    return found["vodState"], found["percentComplete"]


async def one(api: httpx.AsyncClient, vod: int) -> dict[str, Any]:
    return (await api.get(f"vods/{vod}")).json()["vod"]  # type: ignore[no-any-return]


async def shown(api: httpx.AsyncClient, vod: int, name: str = "captions.en.vtt") -> str | None:
    """A file of the VOD's folder, None where there is none."""
    url = (await one(api, vod))["url"]
    answer = await api.get(f"{url.rpartition('/')[0]}/{name}")
    return answer.content.decode() if answer.status_code == 200 else None


# The life of a VOD


async def test_a_vod_goes_from_processing_over_partial_to_complete(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    vod = await order(api)
    assert await status(api, vod) == ("processing", 0.0)
    assert (await one(api, vod))["isWatchable"] is False
    assert (await one(api, vod))["url"] is None
    await sim.control.advance(VARIANT_S - 1)
    assert (await status(api, vod))[0] == "processing"
    await sim.control.advance(1)
    assert await status(api, vod) == ("partial", 25.0)
    assert (await one(api, vod))["isWatchable"] is True
    await sim.control.advance(VARIANT_S * 2.5)
    assert await status(api, vod) == ("partial", 87.5)
    await sim.control.advance(VARIANT_S / 2)
    assert await status(api, vod) == ("complete", 100.0)
    done = await one(api, vod)
    assert (done["transactionType"], done["length"], done["vodStatus"]) == (5, 600, vod)
    steps = (await api.get("vodtransactions", params={"vod": vod})).json()["vodTransactions"]
    assert steps[-1]["id"] == done["lastTransaction"]


async def test_a_day_goes_by_in_its_order(sim: Simulator, api: httpx.AsyncClient) -> None:
    """One step of the clock: the file is indexed, the VOD queued and made, its captions cut from what was there."""
    await sim.control.seed(shows=[{"id": 4120, "title": "Harbor", "reels": [{"length": 600}]}])
    vod = await order(api)
    await sim.control.put_file("Flex 1", FILE["name"], length_s=600)
    (sim.store("Flex 1") / "4120-1-Harbor Council.scc").write_text(SCC)
    await sim.control.advance(86_400)
    assert await status(api, vod) == ("complete", 100.0)
    assert await shown(api, vod) == vtt(HELLO, AYE)


async def test_a_vod_waits_for_the_length_of_its_reel(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "reels": [{"length": 0, "file": FILE}]}])
    vod = await order(api)
    await sim.control.advance(3600)
    assert (await status(api, vod))[0] == "waiting"
    assert "not properly timed" in (await one(api, vod))["statusMessage"]
    reel = (await api.get("reels", params={"show": 4120})).json()["reels"][0]
    await api.put(f"reels/{reel['id']}", json={"reel": {**reel, "length": 600}})
    assert (await status(api, vod))[0] == "processing"


async def test_a_vod_waits_for_its_file(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": 4120, "title": "Harbor", "reels": [{"length": 600}]}])
    vod = await order(api)
    assert "no valid file" in (await one(api, vod))["statusMessage"]
    await sim.control.put_file("Flex 1", FILE["name"], length_s=600)
    await sim.control.advance(89)
    assert (await status(api, vod))[0] == "waiting"
    await sim.control.advance(2)
    assert (await status(api, vod))[0] == "processing"


async def test_one_slot_goes_round_all_vods_a_variant_each(sim: Simulator, api: httpx.AsyncClient) -> None:
    files = [{"store": "Flex 1", "name": f"{n}-1-x.mp4", "length_s": 600} for n in (1, 2)]
    await sim.control.seed(shows=[{"id": n, "title": "x", "file": file} for n, file in enumerate(files, 1)])
    one_, two = await order(api, 1), await order(api, 2)
    assert ((await status(api, one_))[0], (await status(api, two))[0]) == ("processing", "queued")
    await sim.control.advance(VARIANT_S)
    assert ((await status(api, one_))[0], (await status(api, two))[0]) == ("partial", "processing")
    before = await status(api, one_)
    await sim.control.advance(VARIANT_S - 1)
    assert await status(api, one_) == before  # looks like a hang, and is none
    await sim.control.advance(VARIANT_S * 6 + 1)
    assert ((await status(api, one_))[0], (await status(api, two))[0]) == ("complete", "complete")


async def test_more_slots_work_side_by_side(sim: Simulator, api: httpx.AsyncClient) -> None:
    files = [{"store": "Flex 1", "name": f"{n}-1-x.mp4", "length_s": 600} for n in (1, 2)]
    await sim.control.seed(shows=[{"id": n, "title": "x", "file": file} for n, file in enumerate(files, 1)])
    await sim.control.switch(slots=2, transcode_speed=600)
    vods = [await order(api, 1), await order(api, 2)]
    await sim.control.advance(4)
    assert [(await status(api, vod))[0] for vod in vods] == ["complete", "complete"]


async def test_time_runs_by_itself_as_fast_as_it_is_told(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    vod = await order(api)
    await sim.control.auto(6000)
    async with asyncio.timeout(10):
        while (await status(api, vod))[0] != "complete":
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("state", ["error", "permanentFailure", "queued", "processing", "unknown", "paused"])
async def test_a_forced_state_stays(sim: Simulator, api: httpx.AsyncClient, state: str) -> None:
    await sim.control.seed(shows=[SHOW])
    vod = await order(api)
    await sim.control.force_vod(vod, state, errorMessage="The encoder crashed.", percentComplete=12.5)
    await sim.control.advance(7 * 86_400)
    assert await status(api, vod) == (state, 12.5)
    assert (await one(api, vod))["errorMessage"] == "The encoder crashed."


async def test_an_operator_retries_a_failed_vod(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    vod = await order(api)
    await sim.control.force_vod(vod, "error", errorMessage="The encoder crashed.")
    await sim.control.retry(vod)
    assert (await one(api, vod))["errorMessage"] is None
    await sim.control.advance(VARIANT_S * 4)
    assert await status(api, vod) == ("complete", 100.0)


async def test_a_disabled_vod_is_not_shown_and_comes_back_where_it_was(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.seed(shows=[SHOW])
    vod = await order(api)
    hidden = await api.put(f"vods/{vod}", json={"vod": {**await one(api, vod), "disabled": True}})
    assert hidden.json()["vod"]["vodState"] == "disabled"
    await sim.control.advance(VARIANT_S * 4)
    assert (await status(api, vod))[0] == "disabled"
    again = await api.put(f"vods/{vod}", json={"vod": {**await one(api, vod), "disabled": False}})
    assert again.json()["vod"]["vodState"] == "complete"


# Ordering


async def test_a_vod_needs_a_show_and_a_configuration_of_its_location(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    for bad in ({"show": 1}, {"vodConfiguration": 99}, {"vodConfiguration": 3}, {"quality": 9}):
        body = {"show": 4120, "vodConfiguration": 2, **bad}
        assert (await api.post("vods", json={"vod": body})).status_code == 400, bad
    assert (await one(api, await order(api, quality=2)))["quality"] == 2


async def test_a_second_vod_of_one_configuration_is_allowed_or_not_by_the_switch(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.seed(shows=[SHOW])
    assert await order(api) != await order(api)
    await sim.control.switch(vod_duplicate="409")
    assert (await api.post("vods", json={"vod": {"show": 4120, "vodConfiguration": 2}})).status_code == 409


async def test_vods_are_listed_in_no_order_and_not_by_show(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": n, "title": "x", "vods": [{"id": 900 + n}]} for n in range(1, 11)])
    listed = (await api.get("vods", params={"showId": 3})).json()
    ids = [vod["id"] for vod in listed["vods"]]
    assert sorted(ids) == list(range(901, 911))
    assert ids != sorted(ids)
    assert listed["meta"]["count"] == 10


async def test_addresses_of_a_vod_cannot_be_written(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    before = await one(api, 900)
    body = {**before, "url": "http://elsewhere", "vodState": "queued", "show": 1, "quality": 2}
    after = (await api.put("vods/900", json={"vod": body})).json()["vod"]
    assert {name for name in before if before[name] != after[name]} == {"quality"}


async def test_a_deleted_vod_is_gone_with_its_files(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    url = (await one(api, 900))["url"]
    assert (await api.get(url)).status_code == 200
    assert (await api.delete("vods/900")).status_code == 204
    assert (await api.get(url)).status_code == 404
    assert (await api.get("vodstatuses/900")).status_code == 404


# Captions


async def test_captions_come_whole_and_in_parts_that_overlap(sim: Simulator, api: httpx.AsyncClient) -> None:
    over_the_edge = SCC.replace("00:00:04;00", "00:00:12;00")  # Hello until 12.012 s
    await sim.control.seed(
        shows=[{**SHOW, "file": {**FILE, "sidecar": over_the_edge}, "vods": [{"id": 900, "state": "complete"}]}]
    )
    long = ("00:00:01.301 --> 00:00:12.012", "Hello")
    assert await shown(api, 900) == vtt(long, AYE)
    master = await shown(api, 900, "vod.m3u8")
    assert 'TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en"' in (master or "")
    names = [line for line in (await shown(api, 900, "captions.en.m3u8") or "").splitlines() if line.endswith(".vtt")]
    assert len(names) == 60
    assert names[:2] == ["subtitles/captions.en.00000.vtt", "subtitles/captions.en.00001.vtt"]
    parts = [await shown(api, 900, name) for name in names[:4]]
    assert parts == [vtt(long), vtt(long), vtt(AYE), vtt()]
    assert await shown(api, 900, "subtitles/captions.en.00060.vtt") is None
    assert await shown(api, 900, "transcript.en.txt") == "[00:00:01.301]\nHello\nAye.\n"


async def test_without_a_sidecar_there_are_no_captions(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    for name in ("captions.en.vtt", "captions.en.m3u8", "subtitles/captions.en.00000.vtt", "transcript.en.txt"):
        assert await shown(api, 900, name) is None
    assert "SUBTITLES" not in (await shown(api, 900, "vod.m3u8") or "")


async def test_a_bad_sidecar_gives_no_captions(sim: Simulator, api: httpx.AsyncClient) -> None:
    bad = {**FILE, "sidecar": SCC.replace("c8e5", "48e5")}
    await sim.control.seed(shows=[{**SHOW, "file": bad, "vods": [{"id": 900, "state": "complete"}]}])
    assert await shown(api, 900) is None


async def test_captions_are_those_of_the_moment_the_first_variant_was_done(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    await sim.control.switch(late_sidecar="never")
    vod = await order(api)
    (sim.store("Flex 1") / "4120-1-Harbor Council.scc").write_text(OTHER)
    await api.get("shows")
    await sim.control.advance(VARIANT_S)  # indexed after 90 s, cut after 150 s
    assert await shown(api, vod) == vtt(HELLO, (AYE[0], "No."))


@pytest.mark.parametrize(("switch", "words"), [("refresh", "No."), ("never", "Aye.")])
async def test_a_later_sidecar_changes_the_captions_or_not_by_the_switch(
    sim: Simulator, api: httpx.AsyncClient, switch: str, words: str
) -> None:
    await sim.control.seed(shows=[{**CAPTIONED, "vods": [{"id": 900, "state": "complete"}]}])
    await sim.control.switch(late_sidecar=switch)
    (sim.store("Flex 1") / "4120-1-Harbor Council.scc").write_text(OTHER)
    assert await shown(api, 900) == vtt(HELLO, AYE)  # not before it is indexed
    await sim.control.advance(91)
    assert await shown(api, 900) == vtt(HELLO, (AYE[0], words))
    await sim.control.retranscode(900)
    assert (await one(api, 900))["isWatchable"] is True  # what was there stays until it is made anew
    await sim.control.advance(VARIANT_S * 4)
    assert await status(api, 900) == ("complete", 100.0)
    assert await shown(api, 900) == vtt(HELLO, (AYE[0], "No."))


async def test_cue_and_length_of_a_reel_trim_the_captions(sim: Simulator, api: httpx.AsyncClient) -> None:
    reel = {"cue": 2, "length": 19, "file": {**FILE, "sidecar": SCC}}
    await sim.control.seed(
        shows=[{"id": 4120, "title": "x", "reels": [reel], "vods": [{"id": 900, "state": "complete"}]}]
    )
    cut = [("00:00:00.000 --> 00:00:02.004", "Hello"), ("00:00:18.120 --> 00:00:19.000", "Aye.")]
    assert await shown(api, 900) == vtt(*cut)


async def test_reels_are_joined_with_their_times_moved(sim: Simulator, api: httpx.AsyncClient) -> None:
    first = {"length": 10, "file": {**FILE, "sidecar": SCC}}
    second = {"cue": 1, "length": 60, "file": {**FILE, "name": "4120-2-Harbor Council.mp4", "sidecar": SCC}}
    show = {"id": 4120, "title": "x", "reels": [first, second], "vods": [{"id": 900, "state": "complete"}]}
    await sim.control.seed(shows=[show])
    joined = [HELLO, ("00:00:10.301 --> 00:00:13.004", "Hello"), ("00:00:29.120 --> 00:00:31.022", "Aye.")]
    assert await shown(api, 900) == vtt(*joined)
    assert (await one(api, 900))["length"] == 70


@pytest.mark.parametrize(
    ("profile", "names"), [("modern", ["captions.en.vtt"]), ("mid", ["captions.vtt"]), ("legacy", [])]
)
async def test_captions_lie_where_the_version_puts_them(
    stations: Stations, caller: Caller, profile: str, names: list[str]
) -> None:
    sim = await stations(profile)
    await sim.control.seed(shows=[{**CAPTIONED, "vods": [{"id": 900, "state": "complete"}]}])
    client = caller(of=sim)
    found = [name for name in ("captions.en.vtt", "captions.vtt") if await shown(client, 900, name)]
    assert found == names
    assert (await client.get((await one(client, 900))["url"])).status_code == 200


async def test_captions_say_no_charset_unless_that_is_switched_on(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**CAPTIONED, "vods": [{"id": 900, "state": "complete"}]}])
    url = (await one(api, 900))["url"].replace("vod.mp4", "captions.en.vtt")
    assert (await api.get(url)).headers["content-type"] == "text/vtt"
    await sim.control.switch(charset_header=True)
    assert (await api.get(url)).headers["content-type"] == "text/vtt; charset=utf-8"


# The programme itself, and those who watch


async def test_the_programme_is_the_recording_whole_or_in_ranges(
    sim: Simulator, caller: Caller, api: httpx.AsyncClient
) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    url, data = (await one(api, 900))["url"], (sim.store("Flex 1") / FILE["name"]).read_bytes()
    nobody = caller(None)
    whole = await nobody.get(url)
    assert (whole.content, whole.headers["accept-ranges"]) == (data, "bytes")
    head = await nobody.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(data)))
    for asked, status_code, part in (
        ("bytes=4-7", 206, data[4:8]),
        ("bytes=10-", 206, data[10:]),
        ("bytes=-5", 206, data[-5:]),
        ("bytes=0-999999", 206, data),
        (f"bytes={len(data)}-", 416, b""),
        ("pages=1-2", 200, data),
    ):
        answer = await nobody.get(url, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (status_code, part), asked
    assert (await nobody.get(url, headers={"Range": "bytes=4-7"})).headers[
        "content-range"
    ] == f"bytes 4-7/{len(data)}"


async def test_a_big_recording_is_sent_in_pieces(sim: Simulator, api: httpx.AsyncClient) -> None:
    big = media.stub(600) + bytes(12) + b"x" * 5_000_000
    (sim.store("Flex 1") / FILE["name"]).write_bytes(big)
    await sim.control.seed(shows=[{"id": 4120, "title": "x", "reels": [{"length": 600}], "vods": [{"id": 900}]}])
    await sim.control.force_vod(900, "complete")
    assert (await api.get((await one(api, 900))["url"])).content == big


async def test_the_public_site_has_the_transcript_and_the_chapters(
    sim: Simulator, api: httpx.AsyncClient, caller: Caller
) -> None:
    await sim.control.seed(
        shows=[{**CAPTIONED, "cgTitle": "Council & Mayor", "vods": [{"id": 900, "state": "complete"}]}]
    )
    await api.post("chapters", json={"chapter": {"vod": 900, "title": "Roll <call>", "offset": 35}})
    await api.put("vods/900", json={"vod": {**await one(api, 900), "chaptersPublished": True}})
    nobody = caller(None)
    show = (await nobody.get(f"{sim.url}/CablecastAPI/publicsitedata/shows/4120")).json()["show"]
    assert (show["title"], show["isWatchable"], show["chapters"][0]["title"]) == (
        "Council & Mayor",
        True,
        "Roll <call>",
    )
    assert (await nobody.get(show["vodTranscripts"][0]["url"])).text.startswith("[00:00:01.301]\nHello")
    page = (await nobody.get(f"{sim.url}/CablecastPublicSite/show/4120")).text
    assert "Council &amp; Mayor" in page
    assert "Roll &lt;call&gt;" in page
    assert 'kind="captions" srclang="en"' in page
    assert "http" not in page.replace(sim.url, "")  # nothing from elsewhere


async def test_the_page_of_a_show_without_a_vod_says_so(sim: Simulator, caller: Caller) -> None:
    await sim.control.seed(shows=[SHOW])
    nobody = caller(None)
    assert "cannot be watched yet" in (await nobody.get(f"{sim.url}/CablecastPublicSite/show/4120")).text
    assert (await nobody.get(f"{sim.url}/CablecastPublicSite/show/1")).status_code == 404
