"""Every fault of the simulator, as a client sees it: most of them over a bare socket."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from tests.simulators.cablecast import NotDone, Simulator
from tests.simulators.conftest import SHOW, Caller, Stations

BASIC = base64.b64encode(b"operator:secret").decode()
BODY = {"show": {"title": "Harbor Council", "location": 1, "localId": "arc-1"}}


def raw(method: str, path: str, body: Any = None, *, close: bool = True) -> bytes:
    data = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} /CablecastAPI/v1/{path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Basic {BASIC}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode() + data


@asynccontextmanager
async def dialled(sim: Simulator) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answered(sim: Simulator, request: bytes) -> bytes:
    """All that the server says before it closes. Raises ConnectionResetError where it resets."""
    async with dialled(sim) as (reader, writer):
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 10)


async def shows(sim: Simulator) -> int:
    return (await sim.control.counts())["shows"]


# Refusals


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504])
async def test_any_status_is_answered_and_nothing_done(sim: Simulator, api: httpx.AsyncClient, status: int) -> None:
    await sim.control.fault("status", status=status, method="POST", path="/shows$", times=1)
    assert (await api.post("shows", json=BODY)).status_code == status
    assert await shows(sim) == 0
    assert (await api.post("shows", json=BODY)).status_code == 201


@pytest.mark.parametrize(
    ("body", "kind", "holds"),
    [
        ("json", "application/json; charset=utf-8", b"Reworded"),
        ("iis-html", "text/html", b"Server Error"),
        ("empty", None, b""),
    ],
)
async def test_a_refusal_has_any_body(
    sim: Simulator, api: httpx.AsyncClient, body: str, kind: str | None, holds: bytes
) -> None:
    await sim.control.fault("status", status=500, body=body, text="Reworded")
    answer = await api.get("shows")
    assert (answer.status_code, answer.headers.get("content-type")) == (500, kind)
    assert holds in answer.content


async def test_a_refusal_of_two_megabytes(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("status", status=500, body="2mb")
    assert len((await api.get("shows")).content) >= 2 * 1024 * 1024


async def test_a_status_may_come_after_the_work_was_done(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("status", status=502, phase="after", times=1)
    assert (await api.post("shows", json=BODY)).status_code == 502
    assert await shows(sim) == 1


@pytest.mark.parametrize("value", [30, "0", "999999", "soon", None])
async def test_a_retry_after_may_say_anything(sim: Simulator, api: httpx.AsyncClient, value: Any) -> None:
    await sim.control.fault("retry_after", status=429, retry_after=value)
    answer = await api.get("shows")
    assert answer.status_code == 429
    assert answer.headers.get("retry-after") == (None if value is None else str(value))


async def test_a_retry_after_may_be_a_date(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("retry_after", date_in_s=90)
    answer = await api.get("shows")
    moment = parsedate_to_datetime(answer.headers["retry-after"])
    assert answer.status_code == 503
    assert (moment - datetime.now(UTC)).total_seconds() == pytest.approx(90, abs=10)


# Which request a rule is for


async def test_rules_are_tried_in_order_and_count(sim: Simulator, api: httpx.AsyncClient, caller: Caller) -> None:
    await sim.control.fault("status", status=500, path="/shows", skip=1, times=2)
    await sim.control.fault("status", status=503, path="/SHOWS", user="operator", times=1)
    await sim.control.fault("status", status=502, path="/locations", method="POST")
    found = [(await api.get("shows")).status_code for _ in range(5)]
    assert found == [503, 500, 500, 200, 200]
    assert (await api.get("locations")).status_code == 200
    assert (await sim.control.fault_counts()) == {"status": 3}
    await sim.control.fault("status", status=500, user="anonymous")
    assert (await caller(None).get("locations")).status_code == 500
    assert (await api.get("locations")).status_code == 200
    await sim.control.no_faults()
    assert (await caller(None).get("locations")).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"}, {"action": "status", "status": 418}, {"action": "status", "kind": "bom"},
        {"action": "delay", "where": "there"}, {"action": "drop", "phase": "during"},
        {"action": "status", "path": "("},
        {"random": {"lost_answer": 0.9, "status_5xx": 0.2}}, {"random": {"fire": 0.1}},
        {"random": {"statuses": [404]}},
    ],
)  # fmt: skip
async def test_a_rule_that_could_never_do_what_it_says_is_refused(sim: Simulator, rule: dict[str, Any]) -> None:
    with pytest.raises(NotDone):
        await sim.control.call("POST", "faults", rule)


# Time


async def took(awaitable: Any) -> float:
    began = time.monotonic()
    await awaitable
    return time.monotonic() - began


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_an_answer_may_come_late(sim: Simulator, api: httpx.AsyncClient, phase: str) -> None:
    await sim.control.fault("delay", seconds=0.4, phase=phase)
    assert await took(api.get("shows")) >= 0.4


@pytest.mark.parametrize(("phase", "stored"), [("before", 0), ("after", 1)])
async def test_a_caller_who_loses_patience_may_have_been_obeyed(
    sim: Simulator, api: httpx.AsyncClient, phase: str, stored: int
) -> None:
    await sim.control.fault("delay", seconds=0.5, phase=phase, method="POST")
    with pytest.raises(httpx.ReadTimeout):
        await api.post("shows", json=BODY, timeout=httpx.Timeout(10, read=0.1))
    async with asyncio.timeout(10):
        while (entry := (await sim.control.journal())[-1])["answered_real"] is None:
            await asyncio.sleep(0.05)
    assert await shows(sim) == stored
    assert (entry["applied"], entry["fault"]) == (bool(stored), f"delay {phase}")


async def test_a_body_may_come_late(sim: Simulator) -> None:
    await sim.control.fault("delay", seconds=0.8, where="before_body")
    async with dialled(sim) as (reader, writer):
        writer.write(raw("GET", "shows"))
        began = time.monotonic()
        await reader.readuntil(b"\r\n\r\n")
        assert time.monotonic() - began < 0.7
        assert json.loads(await reader.read())["shows"] == []
        assert time.monotonic() - began >= 0.8


async def test_a_body_may_drip(sim: Simulator) -> None:
    await sim.control.fault("delay", seconds=0.05, where="drip")
    async with dialled(sim) as (reader, writer):
        writer.write(raw("GET", "shows"))
        await reader.readuntil(b"\r\n\r\n")
        pieces = [await reader.read(100) for _ in range(4)]
    assert [len(piece) for piece in pieces] == [1, 1, 1, 1]


# Lost answers


@pytest.mark.parametrize(("phase", "stored"), [("before", 0), ("after", 1)])
async def test_a_connection_may_end_before_a_word(sim: Simulator, phase: str, stored: int) -> None:
    await sim.control.fault("drop", phase=phase)
    assert await answered(sim, raw("POST", "shows", BODY)) == b""
    assert await shows(sim) == stored


async def test_a_connection_may_be_reset(sim: Simulator) -> None:
    await sim.control.fault("drop", reset=True)
    with pytest.raises(ConnectionResetError):
        await answered(sim, raw("GET", "shows"))


async def test_an_answer_may_end_after_its_headers(sim: Simulator) -> None:
    await sim.control.fault("drop", phase="after", where="after_headers")
    head, _, body = (await answered(sim, raw("GET", "shows", close=False))).partition(b"\r\n\r\n")
    assert b"Content-Length: " in head
    assert body == b""


async def test_an_answer_may_end_in_the_middle(sim: Simulator) -> None:
    await sim.control.fault("drop", phase="after", where="mid_body")
    head, _, body = (await answered(sim, raw("GET", "shows", close=False))).partition(b"\r\n\r\n")
    said = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    assert len(body) == said // 2


@pytest.mark.parametrize("reset", [False, True])
async def test_an_answer_may_be_lost_after_the_work_was_done(
    sim: Simulator, api: httpx.AsyncClient, reset: bool
) -> None:
    await sim.control.fault("apply_then_drop", method="POST", times=1, reset=reset)
    with pytest.raises(httpx.TransportError):
        await api.post("shows", json=BODY)
    assert await shows(sim) == 1
    assert (await sim.control.journal())[-1]["applied"] is True


@pytest.mark.parametrize("path", ["shows", "media", "reels", "vods", "chapters", "fileuploads"])
async def test_every_post_can_be_replayed_by_a_proxy(sim: Simulator, api: httpx.AsyncClient, path: str) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    medium = (await api.get("media")).json()["media"][0]["id"]
    bodies: dict[str, Any] = {
        "shows": BODY,
        "media": {"media": {"location": 1, "format": 2}},
        "reels": {"reel": {"show": 4120, "media": medium, "reelNumber": 2}},
        "vods": {"vod": {"show": 4120, "vodConfiguration": 2}},
        "chapters": {"chapter": {"vod": 900, "title": "x", "offset": 1}},
        "fileuploads": {"fileUpload": {"fileName": "a.scc", "destinationStore": 11, "totalSegments": 1, "size": 1}},
    }
    before = (await sim.control.counts())[path]
    await sim.control.fault("duplicate", method="POST", times=1)
    answer = await api.post(path, json=bodies[path])
    assert answer.status_code == 201
    assert (await sim.control.counts())[path] == before + 2
    [(collection, second)] = await sim.control.duplicated()
    [made] = answer.json().values()
    assert (collection, second) == (path, made["id"] + 1)


# Wrong answers


async def test_an_old_version_may_be_served_for_a_while(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    await sim.control.fault("stale", path="/shows/4120$", method="GET", times=2)
    show = (await api.get("shows/4120")).json()["show"]  # nothing old to serve yet
    for title in ("First", "Second"):
        await api.put("shows/4120", json={"show": {**show, "title": title}})
        assert (await api.get("shows/4120")).json()["show"]["title"] == "Harbor Council"
    assert (await api.get("shows/4120")).json()["show"]["title"] == "Second"
    assert await sim.control.fault_counts() == {"stale": 2}


@pytest.mark.parametrize(
    "kind", ["truncated", "bom", "wrong_root", "null_root", "string_for_int", "html", "login_redirect"]
)
async def test_an_answer_may_be_no_answer(sim: Simulator, api: httpx.AsyncClient, kind: str) -> None:
    await sim.control.fault("malformed", kind=kind, method="POST", times=1)
    answer = await api.post("shows", json=BODY)
    assert await shows(sim) == 1  # it was done all the same
    if kind == "login_redirect":
        assert (answer.status_code, answer.headers["location"]) == (302, "/FrontDoor/")
    elif kind == "html":
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    elif kind == "truncated":
        with pytest.raises(ValueError):
            json.loads(answer.content)
    elif kind == "bom":
        assert answer.content.startswith(b"\xef\xbb\xbf{")
    elif kind == "wrong_root":
        assert "show" not in answer.json()
        assert answer.json()["result"]["title"] == "Harbor Council"
    elif kind == "null_root":
        assert answer.json() == {"show": None}
    else:
        assert answer.json()["show"]["location"] == "1x"


async def test_the_state_of_a_vod_may_flap(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    await sim.control.fault("flap", path="/vodstatuses/900$", times=1)
    await sim.control.fault("flap", path="/vods$", state="paused", percent=0.0, times=1)
    assert (await api.get("vodstatuses/900")).json()["vodStatus"]["vodState"] == "processing"
    assert (await api.get("vodstatuses/900")).json()["vodStatus"]["vodState"] == "complete"
    listed = (await api.get("vods")).json()["vods"][0]
    assert (listed["vodState"], listed["percentComplete"]) == ("paused", 0.0)


@pytest.mark.parametrize(("path", "gone"), [("vodstatuses/900", "vods/900"), ("shows/4120", "vods/900")])
async def test_a_vod_or_a_show_may_vanish(sim: Simulator, api: httpx.AsyncClient, path: str, gone: str) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    await sim.control.fault("vanish", path=path, skip=1, times=1)
    assert (await api.get(path)).status_code == 200
    assert (await api.get(path)).status_code == 404
    assert (await api.get(gone)).status_code == 404


async def test_a_file_may_move_to_another_store(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    key = (await api.get("assets")).json()["assets"][0]["id"]
    await sim.control.fault("vanish", path=f"/assets/{key}$", times=1, move_to="Flex 3")
    assert (await api.get(f"assets/{key}")).json()["asset"]["fileStatus"] == "missing"
    assert (sim.store("Flex 3") / SHOW["file"]["name"]).is_file()  # type: ignore[index]


async def test_credentials_may_be_good_for_a_few_calls_only(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.fault("auth_expire", calls=2, user="operator")
    found = [(await api.get("shows")).status_code for _ in range(4)]
    assert found == [200, 200, 401, 401]


async def test_the_server_may_have_another_idea_of_the_time(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[SHOW])
    right = (await api.get("systemtime")).json()["systemTime"]["time"]
    await sim.control.fault("clock_skew", hours=-2)
    wrong = (await api.get("systemtime")).json()["systemTime"]["time"]
    assert (datetime.fromisoformat(right) - datetime.fromisoformat(wrong)).total_seconds() == 7200
    show = (await api.get("shows/4120")).json()["show"]
    assert show["eventDate"] == "2026-11-17T22:00:00-06:00"
    assert show["title"] == "Harbor Council"


# The whole server


async def test_connections_may_wait_to_be_taken(sim: Simulator, caller: Caller) -> None:
    await sim.control.fault("accept_stall", seconds=1.0)
    assert await took(caller().get("shows")) >= 0.5
    assert await sim.control.fault_counts() == {"accept_stall": 1}


async def test_connections_beyond_the_most_are_refused(sim: Simulator, caller: Caller) -> None:
    already = (await sim.control.connections())["open"]
    await sim.control.fault("max_connections", most=already + 2)
    clients = [caller() for _ in range(3)]
    assert [(await client.get("shows")).status_code for client in clients] == [200, 200, 503]
    assert (await sim.control.connections())["refused"] >= 1
    await sim.control.no_faults()
    assert (await clients[2].get("shows")).status_code == 200


async def test_a_certificate_nobody_has_signed_is_trusted_only_when_asked_to(stations: Stations) -> None:
    sim = await stations(tls=True)
    assert sim.url.startswith("https://127.0.0.1:")
    async with httpx.AsyncClient(base_url=sim.api, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            await client.get("systeminfo")
    assert sim.ca_bundle is not None
    trusting = ssl.create_default_context(cafile=str(sim.ca_bundle))
    async with httpx.AsyncClient(base_url=sim.api, trust_env=False, verify=trusting) as client:
        info = (await client.get("systeminfo")).json()["systemInfo"]
        assert info["baseUrlForEmbeds"] == sim.url
        await sim.control.fault("drop", reset=True)
        with pytest.raises(httpx.TransportError):
            await client.get("systeminfo")


# The lottery


async def drawn(sim: Simulator, api: httpx.AsyncClient, count: int = 60) -> list[str]:
    found = []
    for number in range(count):
        try:
            if number % 2:
                answer = await api.post("shows", json=BODY)
            else:
                answer = await api.get("shows", params={"page_size": 1})
            found.append(str(answer.status_code))
        except httpx.TransportError:
            found.append("lost")
    return found


async def test_a_seeded_lottery_draws_the_same_lots_again(sim: Simulator, api: httpx.AsyncClient) -> None:
    odds = {
        "seed": 7,
        "lost_answer": 0.3,
        "status_5xx": 0.2,
        "timeout": 0.1,
        "duplicate_idempotent": 0.05,
        "hang_s": 0.01,
    }
    await sim.control.random_faults(**odds)
    first = await drawn(sim, api)
    counts = await sim.control.fault_counts()
    assert set(counts) == {"lost_answer", "status_5xx", "timeout", "duplicate_idempotent"}
    assert first.count("lost") == counts["lost_answer"] + counts["timeout"]
    assert len([one for one in first if one.startswith("5")]) == counts["status_5xx"]
    await sim.control.reset()
    assert await drawn(sim, api, 10) == ["200", "201"] * 5
    await sim.control.random_faults(**odds)
    assert await drawn(sim, api) == first


async def test_the_lottery_leaves_other_paths_alone(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.random_faults(seed=1, status_5xx=1.0, path="/vods")
    assert (await api.get("shows")).status_code == 200
    assert (await api.get("vods")).status_code >= 500


async def test_a_replayed_get_or_put_does_its_work_twice_and_doubles_nothing(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    await sim.control.random_faults(seed=1, duplicate_idempotent=1.0)
    assert (await api.post("shows", json=BODY)).status_code == 201
    made = (await api.get("shows")).json()["shows"]
    assert len(made) == 1
    assert (await api.put(f"shows/{made[0]['id']}", json={"show": made[0]})).status_code == 200
    assert await sim.control.fault_counts() == {"duplicate_idempotent": 2}
    assert await sim.control.duplicated() == []


# HTTP itself


async def test_requests_may_come_in_pieces_and_in_chunks(sim: Simulator) -> None:
    data = json.dumps(BODY).encode()
    head = raw("POST", "shows").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (data[:7], data[7:])) + b"0\r\n\r\n"
    async with dialled(sim) as (reader, writer):
        for at in range(0, len(head + chunks), 50):
            writer.write((head + chunks)[at : at + 50])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.read()).startswith(b"HTTP/1.1 201 ")


async def test_requests_on_one_connection_are_answered_in_order(sim: Simulator) -> None:
    await sim.control.fault("delay", seconds=0.2, path="/locations$")
    said = await answered(sim, raw("GET", "locations", close=False) + raw("GET", "formats"))
    assert 0 < said.index(b'"locations"') < said.index(b'"formats"')


async def test_what_is_no_request_is_refused(sim: Simulator) -> None:
    for bad in (
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nnonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        assert (await answered(sim, bad)).startswith(b"HTTP/1.1 400 ")


async def test_a_caller_that_waits_to_be_told_to_go_on_is_told(sim: Simulator) -> None:
    whole = raw("POST", "shows", BODY).replace(b"Connection: close", b"Connection: close\r\nExpect: 100-continue")
    head, _, body = whole.partition(b"\r\n\r\n")
    async with dialled(sim) as (reader, writer):
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
