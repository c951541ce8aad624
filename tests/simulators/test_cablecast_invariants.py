"""The simulator's evidence: each promise broken on purpose is reported, what only looks like it is not."""

import ast
import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.simulators.cablecast import NotDone, Simulator, invariants
from tests.simulators.conftest import FILE, SCC, SHOW, Caller, Stations

CAPTIONED = {**SHOW, "file": {**FILE, "sidecar": SCC}, "vods": [{"id": 900, "state": "complete"}]}


async def broken(sim: Simulator, **bounds: Any) -> list[str]:
    return [violation.rule for violation in await sim.control.invariants(**bounds)]


async def show(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("shows", json={"show": {"title": "x", "location": 1, **fields}})
    return answer.json()["show"]  # type: ignore[no-any-return]


async def test_a_clean_run_breaks_nothing(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    made = await show(api, localId="arc-1")
    assert (await api.put(f"shows/{made['id']}", json={"show": {**made, "comments": "Regular."}})).status_code == 200
    vod = (await api.post("vods", json={"vod": {"show": 4120, "vodConfiguration": 2}})).json()["vod"]
    for _ in range(3):
        await api.get(f"vodstatuses/{vod['id']}")
        await sim.control.advance(15)
    await api.post("chapters", json={"chapter": {"vod": vod["id"], "title": "Roll call", "offset": 5}})
    whole = (await api.get(f"vods/{vod['id']}")).json()["vod"]
    await api.put(f"vods/{vod['id']}", json={"vod": {**whole, "chaptersPublished": True}})
    assert await sim.control.invariants(poll_floor_s=15) == []


async def test_two_shows_with_one_local_id(sim: Simulator, api: httpx.AsyncClient) -> None:
    await show(api, localId="arc-1")
    await show(api, localId="")
    await show(api, localId="")
    assert await broken(sim) == []
    await show(api, localId="arc-1")
    [violation] = await sim.control.invariants()
    assert (violation.rule, violation.sentence) == (
        "two_shows_one_local_id",
        "shows 4100, 4103 have one localId arc-1",
    )


async def test_what_the_station_had_twice_before_is_not_the_callers_doing(sim: Simulator) -> None:
    await sim.control.seed(shows=[{"title": "a", "localId": "arc-1"}, {"title": "b", "localId": "arc-1"}])
    assert await broken(sim) == []


async def test_a_double_made_by_a_fault_is_told_apart(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("duplicate", method="POST", times=1)
    await show(api, localId="arc-1")
    assert await broken(sim) == []
    assert await sim.control.duplicated() == [("shows", 4101)]


async def test_two_vods_reels_media_or_chapters_of_the_same(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    assert await broken(sim) == []
    await api.post("vods", json={"vod": {"show": 4120, "vodConfiguration": 2}})
    assert await broken(sim) == ["two_vods_one_configuration"]
    for _ in range(2):
        medium = await api.post("media", json={"media": {"location": 1, "format": 2, "mediaName": "Council"}})
    assert await broken(sim, only=["two_media_one_name"]) == ["two_media_one_name"]
    await api.post("reels", json={"reel": {"show": 4120, "media": medium.json()["media"]["id"], "reelNumber": 1}})
    assert await broken(sim, only=["two_reels_one_number"]) == ["two_reels_one_number"]
    for _ in range(2):
        made = await api.post("chapters", json={"chapter": {"vod": 900, "title": "Roll call", "offset": 5}})
    assert await broken(sim, only=["two_chapters_one_place"]) == ["two_chapters_one_place"]
    await api.delete(f"chapters/{made.json()['chapter']['id']}")
    assert await broken(sim, only=["two_chapters_one_place"]) == []


async def test_a_write_by_nobody_counts_once_it_is_done(sim: Simulator, caller: Caller) -> None:
    body = {"show": {"title": "x", "location": 1}}
    assert (await caller(None).post("shows", json=body)).status_code == 401
    assert await broken(sim) == []
    await sim.control.switch(anonymous_writes="allowed")
    assert (await caller(None).post("shows", json=body)).status_code == 201
    assert await broken(sim) == ["anonymous_write"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "vods/900/captions"), ("POST", "vods/900/upload"), ("POST", "vods/upload"),
        ("GET", "vods/900/status"), ("GET", "runs"), ("GET", "qualities"), ("GET", "vods/900/embed"),
    ],
)  # fmt: skip
async def test_a_call_that_nobody_documents(sim: Simulator, api: httpx.AsyncClient, method: str, path: str) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    assert (await api.request(method, path, json={})).status_code == 404
    assert await broken(sim) == ["unsupported_call"]


async def test_a_call_to_the_controls_on_the_stations_own_port(sim: Simulator, api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{sim.url}/__sim/reset", json={})).status_code == 404
    assert await broken(sim) == ["control_call"]


@pytest.mark.parametrize(
    ("method", "path", "rule"),
    [
        ("POST", "scheduleitems", "schedule_write"),
        ("PUT", "recordevents/1", "schedule_write"),
        ("DELETE", "autopilotsends/1", "schedule_write"),
        ("POST", "scheduleitems/batch", "schedule_write"),
        ("POST", "texttracks", "caption_order"),
        ("POST", "texttracks/edit/1/publish", "caption_order"),
    ],
)
async def test_a_write_that_drives_hardware_or_spends_money(
    sim: Simulator, api: httpx.AsyncClient, method: str, path: str, rule: str
) -> None:
    assert (await api.request(method, path, json={})).status_code in (404, 405)
    assert await broken(sim) == [rule]


async def test_reading_the_schedule_is_allowed(sim: Simulator, api: httpx.AsyncClient) -> None:
    await api.get("scheduleitems", params={"start": "2026-11-01T00:00:00-06:00", "end": "2026-11-02T00:00:00-06:00"})
    assert await broken(sim) == []


async def test_turning_paid_captions_on(sim: Simulator, api: httpx.AsyncClient) -> None:
    made = await show(api, generateCaptions=True)
    assert await broken(sim) == ["caption_order"]
    await sim.control.reset()
    await sim.control.seed(shows=[{"id": 4120, "title": "x", "generateCaptions": True}, {"id": 4121, "title": "y"}])
    left = (await api.get("shows/4120")).json()["show"]
    await api.put("shows/4120", json={"show": left})  # left as a person had set it
    assert await broken(sim) == []
    made = (await api.get("shows/4121")).json()["show"]
    await api.put("shows/4121", json={"show": {**made, "generateCaptions": True}})
    assert await broken(sim) == ["caption_order"]


async def test_a_put_that_leaves_out_what_was_read(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    whole = (await api.get("shows/4120")).json()["show"]
    await api.put("shows/4120", json={"show": {**whole, "comments": "New."}})
    assert await broken(sim) == []
    del whole["stationNote"]  # what nobody knows counts too
    await api.put("shows/4120", json={"show": whole})
    [violation] = await sim.control.invariants()
    assert violation.sentence == "PUT of show 4120 leaves out what was read: stationNote"


async def test_a_put_of_what_its_caller_never_read(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    await api.put("vods/900", json={"vod": {"chaptersPublished": True}})
    [violation] = await sim.control.invariants()
    assert violation.rule == "put_dropped_field"
    assert violation.sentence == "PUT of vod 900 by operator, who had not read it"


async def test_the_state_alone_may_be_put_to_an_upload(sim: Simulator, api: httpx.AsyncClient) -> None:
    body = {"fileName": "a.scc", "destinationStore": 11, "totalSegments": 1, "size": 0}
    key = (await api.post("fileuploads", json={"fileUpload": body})).json()["fileUpload"]["id"]
    await api.put(f"fileuploads/{key}", json={"fileUpload": {"state": 2}})
    assert await broken(sim) == []


async def test_polling_faster_than_promised(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[CAPTIONED, {"id": 1, "title": "x", "vods": [{"id": 901}]}])
    for path in ("vodstatuses/900", "vodstatuses/901", "vods/900", "vods/900"):
        await api.get(path)
    assert await broken(sim) == []  # one poll of each, and reading a VOD is no poll
    await sim.control.advance(14)
    await api.get("vodstatuses/900")
    [violation] = await sim.control.invariants(poll_floor_s=15)
    assert violation.sentence == "vod 900 was polled again after 14.0 s, which is less than 15 s"
    assert await broken(sim, poll_floor_s=14) == []
    assert await broken(sim, poll_floor_s=0.001, clock="real", slack_s=0) == []
    assert await broken(sim, poll_floor_s=60, clock="real") == ["polled_too_often"]


async def test_a_poll_that_failed_may_be_tried_again_at_once(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    await sim.control.fault("status", status=500, path="vodstatuses", times=1)
    assert [(await api.get("vodstatuses/900")).status_code for _ in range(2)] == [500, 200]
    assert await broken(sim) == []


async def test_on_an_old_server_reading_the_vod_is_the_poll(stations: Stations, caller: Caller) -> None:
    sim = await stations("legacy")
    await sim.control.seed(shows=[CAPTIONED])
    client = caller(of=sim)
    whole = (await client.get("vods/900")).json()["vod"]
    await client.put("vods/900", json={"vod": whole})  # the read was half of this
    await client.get("vods/900")
    assert await broken(sim) == []
    await client.get("vods/900")
    assert await broken(sim) == ["polled_too_often"]


@pytest.mark.parametrize("when", [{"retry_after": 60}, {"date_in_s": 60}])
@pytest.mark.parametrize("status", [429, 503])
async def test_asking_again_before_the_server_wants_to_be_asked(
    sim: Simulator, api: httpx.AsyncClient, status: int, when: dict[str, int]
) -> None:
    await sim.control.fault("status", status=status, times=1, **when)
    await api.get("shows")
    await sim.control.advance(61)
    await api.get("locations")
    assert await broken(sim) == []
    await sim.control.fault("status", status=status, times=1, **when)
    await api.get("shows")
    await sim.control.advance(30)
    await api.get("locations")  # another path, the same host
    [violation] = await sim.control.invariants()
    assert violation.rule == "ignored_retry_after"
    assert violation.sentence.startswith(
        "GET /CablecastAPI/v1/locations came 30.0 s after GET /CablecastAPI/v1/shows"
    )


@pytest.mark.parametrize(
    ("options", "after_s", "rules"),
    [
        pytest.param({"status": 503}, 1, [], id="no-retry-after"),
        pytest.param({"status": 503, "retry_after": "soon"}, 1, [], id="nonsense"),
        pytest.param({"status": 503, "retry_after": 0}, 1, [], id="zero"),
        pytest.param({"status": 500, "retry_after": 60}, 1, [], id="another-status"),
        pytest.param(
            {"status": 503, "retry_after": 999_999}, 3599, ["ignored_retry_after"], id="absurd-within-the-cap"
        ),
        pytest.param({"status": 503, "retry_after": 999_999}, 3601, [], id="absurd-beyond-the-cap"),
    ],
)
async def test_a_retry_after_binds_within_reason(
    sim: Simulator, api: httpx.AsyncClient, options: dict[str, Any], after_s: int, rules: list[str]
) -> None:
    await sim.control.fault("status", times=1, **options)
    await api.get("shows")
    await sim.control.advance(after_s)
    await api.get("shows")
    assert await broken(sim, retry_after_cap_s=3600) == rules


async def test_what_was_under_way_when_the_door_closed_is_no_violation(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.fault("delay", seconds=0.3, path="/shows$", times=1)
    slow = asyncio.ensure_future(api.get("shows"))
    await asyncio.sleep(0.1)
    await sim.control.fault("status", status=503, retry_after=60, path="/locations", times=1)
    await api.get("locations")
    await slow
    assert await broken(sim, clock="real") == []


async def test_a_sidecar_that_is_not_what_was_signed_off(sim: Simulator) -> None:
    await sim.control.seed(shows=[CAPTIONED])
    place, signed = "Flex 1/4120-1-Harbor Council.scc", hashlib.sha256(SCC.encode()).hexdigest()
    assert await broken(sim, sidecars={place: signed}) == []
    await sim.control.put_file("Flex 1", "4120-1-Harbor Council.scc", text=SCC + "\n")
    assert await broken(sim, sidecars={place: signed}) == ["sidecar_changed"]
    [violation] = await sim.control.invariants(sidecars={"Flex 2/none.scc": signed})
    assert violation.sentence == "Flex 2/none.scc is not on the store"


# Secrets

PASSWORD = "correct horse 7 battery"


@pytest.mark.parametrize(
    ("path", "options", "place"),
    [
        ("shows?user=archivist&password=correct%20horse%207%20battery", {}, "address"),
        ("shows", {"headers": {"X-Debug": f"password={PASSWORD}"}}, "header x-debug"),
        (
            "shows",
            {"headers": {"Referer": "http://x/?a=YXJjaGl2aXN0OmNvcnJlY3QgaG9yc2UgNyBiYXR0ZXJ5"}},
            "header referer",
        ),
        ("shows", {"method": "POST", "json": {"show": {"title": f"x {PASSWORD}"}}}, "body"),
    ],
)
async def test_a_password_where_it_should_not_be(
    stations: Stations, caller: Caller, path: str, options: dict[str, Any], place: str
) -> None:
    sim = await stations(user=f"archivist:{PASSWORD}:write")
    client = caller(("archivist", PASSWORD), of=sim)
    assert (await client.get("shows")).status_code == 200
    assert await broken(sim) == []
    await client.request(options.pop("method", "GET"), path, **options)
    [violation] = await sim.control.invariants()
    assert violation.rule == "secret_leaked"
    assert f"stands in the {place} of" in violation.sentence
    kept = str(await sim.control.journal())
    assert PASSWORD not in kept
    assert "correct%20horse" not in kept
    assert "YXJjaGl2aXN0OmNvcnJlY3QgaG9yc2UgNyBiYXR0ZXJ5" not in kept


async def test_the_journal_says_who_did_what_and_never_the_secret(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("delay", seconds=0.01, times=1, method="GET")
    await api.get("shows", params={"page_size": 5})
    await api.post("shows", json={"show": {"title": "x", "location": 1}})
    read, written = await sim.control.journal()
    assert (read["method"], read["path"], read["query"]) == ("GET", "/CablecastAPI/v1/shows", "page_size=5")
    assert (read["user"], read["status"], read["fault"], read["applied"]) == ("operator", 200, "delay before", False)
    assert (written["status"], written["applied"], written["fault"]) == (201, True, None)
    assert len(written["digest"]) == 64
    assert "authorization" not in read["headers"]
    assert await sim.control.journal(since=1) == [written]
    assert read["virtual"] == await sim.control.now()


# The check itself


def test_every_rule_is_broken_by_a_test() -> None:
    told = Path(__file__).read_text()
    assert [rule for rule in invariants.RULES if f'"{rule}"' not in told] == []


async def test_bounds_with_a_typing_error_are_refused(sim: Simulator) -> None:
    for bounds in ({"pol_floor_s": 1}, {"clock": "sun"}, {"only": ["nothing"]}):
        with pytest.raises(NotDone):
            await sim.control.invariants(**bounds)


def test_the_simulator_imports_nothing_of_the_product() -> None:
    roots = set()
    for path in (Path(__file__).parent / "cablecast").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                roots.add((node.module or "").partition(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"av", "httpx", "tests"}


async def test_a_simulator_ends_with_whoever_started_it(tmp_path: Path) -> None:
    code = (
        "import asyncio, os\n"
        "from tests.simulators.cablecast import Simulator\n"
        "async def main():\n"
        "    sim = await Simulator.launch()\n"
        "    print(sim.pid, flush=True)\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    said, _ = await started.communicate()
    async with asyncio.timeout(10):
        while Path(f"/proc/{int(said)}/cmdline").exists() and Path(f"/proc/{int(said)}/cmdline").read_bytes():
            await asyncio.sleep(0.05)
