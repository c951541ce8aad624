"""What the client makes of every kind of answer, and of none, over a real socket."""

import asyncio
import base64
import gzip
import json
import logging
import ssl
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.vod.cablecast.conftest import PASSWORD, USER, Connect, settings
from tests.vod.cablecast.transport.scripted import BASE, Handler, Scripted, Seen, answer

from archivist_common import __version__
from archivist_common.errors import (
    OutcomeUnknown,
    PublishError,
    TargetDenied,
    TargetFailed,
    TargetMissing,
    TargetRefused,
    TargetUnavailable,
)
from archivist_vod.cablecast.transport.circuit_breaker import Circuit
from archivist_vod.cablecast.transport.client import ERROR_KEPT
from archivist_vod.cablecast.transport.connection import CONNECTIONS
from archivist_vod.cablecast.transport.metrics import REQUESTS
from archivist_vod.cablecast.transport.request import JSON_LIMIT

SHOW = {"show": {"id": 41, "title": "Harbor Council", "made-up": [1, {"x": None}]}}
_TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def always(reply: bytes | None) -> Handler:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return reply

    return handler


def in_turn(*replies: bytes | None) -> Handler:
    """Each reply once, then the last one for ever."""
    left = list(replies)

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return handler


async def _hang(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    await asyncio.sleep(60)
    return None


async def _drip(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    """Headers at once, then a byte now and then: every read is quick, the whole never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _drip_headers(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _drip_error(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    writer.write(b"HTTP/1.1 422 No\r\nContent-Length: 100000\r\n\r\ntitle ")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _reset(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    writer.transport.abort()
    return None


async def _short(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
    writer.write(answer(200, SHOW)[:-9])
    await writer.drain()
    return None


async def test_an_object_comes_back_with_everything_it_came_with(connect: Connect) -> None:
    async with Scripted.serve(always(answer(200, SHOW))) as server, connect(server.url) as ours:
        assert await ours.client.get("shows/41", "show", {"include": "reel,vod"}) == SHOW["show"]
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("GET", f"{BASE}shows/41?include=reel%2Cvod")
    assert seen.headers["authorization"] == f"Basic {_TOKEN}"
    assert seen.headers["user-agent"] == f"archivist/{__version__}"
    assert seen.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbf" + json.dumps(SHOW).encode(), id="byte-order-mark"),
        pytest.param(json.dumps({"Show": SHOW["show"]}).encode(), id="root-in-another-case"),
        pytest.param(json.dumps({"show": SHOW["show"], "reels": [], "meta": None}).encode(), id="sideloaded"),
        pytest.param(
            json.dumps({"show": {"id": 41, "title": "Côte d’Azur"}}, ensure_ascii=False).encode(), id="utf-8"
        ),
    ],
)
async def test_an_envelope_is_read_tolerantly(connect: Connect, body: bytes) -> None:
    async with Scripted.serve(always(answer(200, body))) as server, connect(server.url) as ours:
        assert (await ours.client.get("shows/41", "show"))["id"] == 41
    assert len(server.seen) == 1


MALFORMED = [
    pytest.param(answer(200, {"shows": [{"id": 41}]}), id="wrong-root"),
    pytest.param(answer(200, {"show": None}), id="null-root"),
    pytest.param(answer(200, {"show": [1]}), id="list-where-an-object-belongs"),
    pytest.param(answer(200, [1]), id="no-envelope"),
    pytest.param(answer(200, b'{"show":{"id":4'), id="truncated-json"),
    pytest.param(answer(200, b"<!DOCTYPE html><html><body>Sign in</body></html>"), id="html-with-200"),
    pytest.param(answer(200, b""), id="empty"),
    pytest.param(answer(202, b""), id="bot-challenge"),
    pytest.param(answer(200, b'{"show":{"id":41,"title":"\xff\xfe"}}'), id="not-utf-8"),
    pytest.param(answer(200, b"[" * 100_000), id="nested-too-deep"),
    pytest.param(answer(200, b"not gzip", Content_Encoding="gzip"), id="not-what-its-encoding-says"),
    pytest.param(answer(302, b"", Location="/FrontDoor/?returnUrl=x"), id="redirect-to-log-in"),
    pytest.param(answer(302, b""), id="redirect-to-nowhere"),
    pytest.param(answer(500, b"<html>oops</html>"), id="500"),
    pytest.param(answer(502, b""), id="502"),
    pytest.param(answer(504, b""), id="504"),
]


@pytest.mark.parametrize("reply", MALFORMED)
async def test_a_get_with_no_use_is_tried_again_and_then_failed(connect: Connect, reply: bytes) -> None:
    async with Scripted.serve(always(reply)) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="GET shows/41: "):
            await ours.client.get("shows/41", "show")
        assert len(server.seen) == 4
        assert ours.time.slept == [1, 2, 4]
        assert ours.host.state.failures == 4


@pytest.mark.parametrize("reply", MALFORMED)
async def test_a_post_with_no_use_may_have_been_done_and_is_never_repeated(connect: Connect, reply: bytes) -> None:
    async with Scripted.serve(always(reply)) as server, connect(server.url) as ours:
        with pytest.raises(OutcomeUnknown, match="POST shows: "):
            await ours.client.post("shows", "show", {"title": "x"})
        assert len(server.seen) == 1


async def test_a_post_without_an_id_in_its_answer_may_have_been_done(connect: Connect) -> None:
    async with Scripted.serve(always(answer(201, {"show": {"title": "x"}}))) as server, connect(server.url) as ours:
        with pytest.raises(OutcomeUnknown, match="has no id"):
            await ours.client.post("shows", "show", {"title": "x"})


LOST = [
    pytest.param(_hang, id="no-answer"),
    pytest.param(_drip, id="dripping-body"),
    pytest.param(_drip_headers, id="dripping-headers"),
    pytest.param(_reset, id="reset"),
    pytest.param(always(None), id="closed-without-a-word"),
    pytest.param(_short, id="body-cut-short"),
]


@pytest.mark.parametrize("handler", LOST)
async def test_a_lost_answer_to_a_post_leaves_its_outcome_unknown_within_the_deadline(
    connect: Connect, handler: Handler
) -> None:
    async with Scripted.serve(handler) as server, connect(server.url, timeout_s=0.5) as ours:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="POST shows: ") as caught:
            await ours.client.post("shows", "show", {"title": "x"})
        assert time.monotonic() - began < 1.5
        assert caught.value.retryable
        assert len(server.seen) == 1
        assert ours.host.state.failures == 1


@pytest.mark.parametrize("handler", LOST)
async def test_a_lost_answer_to_a_get_or_put_is_unavailable_within_the_deadline(
    connect: Connect, handler: Handler
) -> None:
    async with Scripted.serve(handler) as server, connect(server.url, timeout_s=0.5, retries=2) as ours:
        for call in (
            lambda: ours.client.get("shows/41", "show"),
            lambda: ours.client.put("shows/41", "show", {"id": 41}),
        ):
            began = time.monotonic()
            with pytest.raises(TargetUnavailable):
                await call()
            assert time.monotonic() - began < 1.5


async def test_one_deadline_holds_for_all_tries_together(connect: Connect) -> None:
    """Each try would be quick enough by itself."""

    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        await asyncio.sleep(0.35)
        return answer(500, b"")

    async with Scripted.serve(slow) as server, connect(server.url, timeout_s=0.5) as ours:
        began = time.monotonic()
        with pytest.raises(TargetUnavailable, match="did not end in time"):
            await ours.client.get("shows/41", "show")
        assert time.monotonic() - began < 0.9
        assert len(server.seen) == 2


async def test_a_server_that_is_not_there_was_not_asked(connect: Connect, unused_tcp_port: int) -> None:
    async with connect(f"http://127.0.0.1:{unused_tcp_port}") as ours:
        with pytest.raises(TargetUnavailable, match="POST shows: not reached: ConnectError"):
            await ours.client.post("shows", "show", {"title": "x"})
        assert ours.time.slept == []
        with pytest.raises(TargetUnavailable):
            await ours.client.get("shows/41", "show")
        assert ours.time.slept == [1, 2, 4]


async def test_two_bad_answers_and_a_good_one_are_a_good_one(connect: Connect) -> None:
    replies = in_turn(answer(500, b""), answer(500, b""), answer(200, SHOW))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        assert (await ours.client.get("shows/41", "show"))["id"] == 41
        assert ours.time.slept == [1, 2]
        assert ours.host.state.failures == 0


@pytest.mark.parametrize("status", [400, 405, 409, 413, 415, 422])
@pytest.mark.parametrize("method", ["get", "put", "post"])
async def test_a_refusal_is_kept_word_for_word_and_not_repeated(connect: Connect, status: int, method: str) -> None:
    body = b'{"message":"Title is too long","modelState":{"title":["max 255"]}}'
    async with Scripted.serve(always(answer(status, body))) as server, connect(server.url) as ours:
        given = [{}] if method != "get" else []
        with pytest.raises(TargetRefused, match=f"HTTP {status}: .*Title is too long") as caught:
            await getattr(ours.client, method)("shows/41", "show", *given)
        assert (caught.value.status, caught.value.body.encode()) == (status, body)
        assert not caught.value.retryable
        assert len(server.seen) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_not_there_is_missing(connect: Connect, status: int) -> None:
    async with Scripted.serve(always(answer(status, b"<html>404</html>"))) as server, connect(server.url) as ours:
        with pytest.raises(TargetMissing) as caught:
            await ours.client.get("shows/41", "show")
        assert caught.value.status == status
        assert await ours.client.delete("chapters/7") is False


@pytest.mark.parametrize("status", [401, 403])
async def test_after_a_denial_the_server_is_not_asked_again_until_reset(connect: Connect, status: int) -> None:
    replies = in_turn(answer(status, b"no"), answer(200, SHOW))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        with pytest.raises(TargetDenied) as caught:
            await ours.client.put("shows/41", "show", {"id": 41})
        assert (caught.value.status, caught.value.body, caught.value.retryable) == (status, "no", False)
        for _ in range(3):
            with pytest.raises(TargetDenied, match="not sent"):
                await ours.client.get("shows/41", "show")
        assert len(server.seen) == 1
        ours.host.reset()
        assert (await ours.client.get("shows/41", "show"))["id"] == 41


async def test_nothing_is_ever_asked_without_credentials(connect: Connect) -> None:
    """An anonymous answer may be minutes old."""
    async with (
        Scripted.serve(always(answer(200, SHOW))) as server,
        connect(server.url, cablecast_password=None) as ours,
    ):
        with pytest.raises(TargetDenied, match="no user and password are set"):
            await ours.client.get("shows/41", "show")
    assert server.seen == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry_After": "120"}, 120, id="seconds"),
        pytest.param(
            {"Retry_After": "Fri, 27 Nov 2026 12:00:40 GMT", "Date": "Fri, 27 Nov 2026 12:00:00 GMT"}, 40, id="date"
        ),
        pytest.param({"Retry_After": "999999"}, 3600, id="absurd"),
        pytest.param({"Retry_After": "soon"}, 5, id="garbage"),
        pytest.param({}, 5, id="absent"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_a_pause_gets_it_from_every_call(
    connect: Connect, status: int, headers: dict[str, str], seconds: int
) -> None:
    replies = in_turn(answer(status, b"busy", **headers), answer(200, SHOW))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        with pytest.raises(TargetUnavailable) as caught:
            await ours.client.get("shows/41", "show")
        assert (caught.value.status, caught.value.retry_after_s) == (status, seconds)
        ours.time.now += seconds - 1
        with pytest.raises(TargetUnavailable, match=r"no request to .* for 1 s more"):
            await ours.client.post("vods", "vod", {})
        assert len(server.seen) == 1
        ours.time.now += 1
        assert (await ours.client.get("shows/41", "show"))["id"] == 41


async def test_retry_after_zero_is_tried_again_by_our_own_back_off(connect: Connect) -> None:
    replies = in_turn(answer(503, b"", Retry_After="0"), answer(200, SHOW))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        assert (await ours.client.get("shows/41", "show"))["id"] == 41
        assert ours.time.slept == [1]


async def test_a_503_to_a_post_may_come_from_a_proxy_whose_server_goes_on(connect: Connect) -> None:
    replies = in_turn(answer(503, b"", Retry_After="60"), answer(429, b"", Retry_After="60"))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        with pytest.raises(OutcomeUnknown) as caught:
            await ours.client.post("shows", "show", {})
        assert caught.value.retry_after_s == 60
        ours.time.now += 60
        with pytest.raises(TargetUnavailable):
            await ours.client.post("shows", "show", {})


async def test_five_failures_open_the_circuit_and_one_call_after_30_s_closes_it(connect: Connect) -> None:
    broken = True

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        if broken:
            return answer(500, b"")
        await asyncio.sleep(0.1)
        return answer(200, SHOW)

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        for _ in range(2):
            with pytest.raises(TargetFailed):
                await ours.client.get("shows/41", "show")
        assert len(server.seen) == 5  # four tries, then one that opened it
        with pytest.raises(TargetUnavailable, match="5 failures in a row"):
            await ours.client.get("shows/41", "show")
        assert len(server.seen) == 5
        ours.time.now += 30
        broken = False
        answers = await asyncio.gather(
            *(ours.client.get("shows/41", "show") for _ in range(6)), return_exceptions=True
        )
        assert [type(one) for one in answers].count(dict) == 1
        assert [type(one) for one in answers].count(TargetUnavailable) == 5
        assert len(server.seen) == 6
        assert ours.host.state.circuit is Circuit.CLOSED


async def test_a_deciding_call_cancelled_leaves_the_next_one_to_decide(connect: Connect) -> None:
    async with Scripted.serve(_hang) as server, connect(server.url, timeout_s=30) as ours:
        for _ in range(5):
            ours.host.failed("HTTP 500", deciding=False)
        ours.time.now += 30
        call = asyncio.create_task(ours.client.get("shows/41", "show"))
        while not server.seen:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ours.host.admit("GET shows") is True


async def test_calls_share_a_few_connections_and_keep_them(connect: Connect) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        await asyncio.sleep(0.005)
        return answer(200, SHOW)

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        await asyncio.gather(*(ours.client.get(f"shows/{n}", "show") for n in range(60)))
        assert len(server.seen) == 60
        assert server.most <= CONNECTIONS


async def test_an_errors_body_of_two_megabytes_is_not_read_and_its_first_two_kilobytes_are_kept(
    connect: Connect,
) -> None:
    sent = 0

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        nonlocal sent
        writer.write(b"HTTP/1.1 422 No\r\nContent-Length: 200000000\r\n\r\n")
        for _ in range(3_000):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536
        return None

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        with pytest.raises(TargetRefused) as caught:
            await ours.client.get("shows/41", "show")
        assert caught.value.body == "x" * ERROR_KEPT
        assert len(caught.value.message) < 300
        await asyncio.sleep(0.1)
    assert sent < 20_000_000


async def test_a_dripping_error_is_known_by_its_status(connect: Connect) -> None:
    async with Scripted.serve(_drip_error) as server, connect(server.url) as ours:
        began = time.monotonic()
        with pytest.raises(TargetRefused) as caught:
            await ours.client.post("shows", "show", {})
        assert caught.value.body.startswith("title .")
        assert time.monotonic() - began < 3.5


async def test_a_document_beyond_the_limit_is_not_taken_in(connect: Connect) -> None:
    """Sent packed: a few kilobytes on the wire, far more than the limit in memory."""
    packed = gzip.compress(b'{"show":{"id":41,"x":"' + b"a" * (2 * JSON_LIMIT) + b'"}}')
    async with (
        Scripted.serve(always(answer(200, packed, Content_Encoding="gzip"))) as server,
        connect(server.url, retries=0) as ours,
    ):
        with pytest.raises(TargetFailed, match=f"more than {JSON_LIMIT} bytes"):
            await ours.client.get("shows/41", "show")


async def test_a_put_whose_answer_is_no_object_is_read_back(connect: Connect) -> None:
    """The vendor's schema promises nothing of it."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return answer(200, SHOW) if seen.method == "GET" else answer(200, {"statusCode": 200, "content": None})

    async with Scripted.serve(handler) as server, connect(server.url) as ours:
        assert await ours.client.put("shows/41", "show", {"id": 41, "title": "x"}) == SHOW["show"]
        assert [one.method for one in server.seen] == ["PUT", "GET"]
        assert server.seen[0].json == {"show": {"id": 41, "title": "x"}}


async def test_a_put_answered_with_a_page_for_people_is_not_done(connect: Connect) -> None:
    async with Scripted.serve(always(answer(200, b"<html>"))) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="it is a page"):
            await ours.client.put("shows/41", "show", {"id": 41})


async def test_a_search_is_repeated_because_it_changes_nothing(connect: Connect) -> None:
    replies = in_turn(None, answer(200, {"savedShowSearch": {"results": [7]}}))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        found = await ours.client.search("shows/search/advanced", "savedShowSearch", {"name": ""})
        assert found == {"results": [7]}
        assert len(server.seen) == 2


async def test_a_segment_is_sent_as_a_form_of_its_number_and_its_bytes(connect: Connect) -> None:
    async with Scripted.serve(always(answer(200, b""))) as server, connect(server.url) as ours:
        await ours.client.post_segment(12, 3, 'a "b".scc', b"\x00\xff9420", deadline_s=5)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "fileuploads/12/upload")
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="segment"\r\n\r\n3\r\n' in seen.body
    assert b'name="file"; filename="a %22b%22.scc"' in seen.body
    assert b"\r\n\r\n\x00\xff9420\r\n" in seen.body


async def test_a_warning_header_is_logged_once_a_path(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    reply = answer(200, SHOW, Warning='299 - "shows goes away"')
    async with Scripted.serve(always(reply)) as server, connect(server.url) as ours:
        for id_ in (41, 42, 43):
            await ours.client.get(f"shows/{id_}", "show")
        await ours.client.get("shows", "show")
    said = [record.__dict__["operation"] for record in caplog.records if "sent a Warning header" in record.message]
    assert said == ["GET shows/{id}", "GET shows"]


async def test_figures_name_operations_without_their_ids(connect: Connect) -> None:
    def counted(operation: str, outcome: str) -> float:
        return REQUESTS.labels(operation, outcome)._value.get()

    before = counted("GET figures/{id}/x", "ok"), counted("GET figures/{id}/x", "target_failed")
    replies = in_turn(answer(500, b""), answer(200, SHOW))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        await ours.client.get("figures/123/x", "show")
    after = counted("GET figures/{id}/x", "ok"), counted("GET figures/{id}/x", "target_failed")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


# Files


async def test_text_is_read_as_utf_8_whatever_the_headers_say(connect: Connect) -> None:
    body = "\ufeffWEBVTT\n\nCôte\n".encode()
    async with Scripted.serve(always(answer(200, body, Content_Type="text/vtt"))) as server:
        async with connect(server.url) as ours:
            assert await ours.client.get_text("/store-3/4120/captions.en.vtt") == "WEBVTT\n\nCôte\n"
        assert server.seen[0].target == "/store-3/4120/captions.en.vtt"
        assert server.seen[0].headers["authorization"] == f"Basic {_TOKEN}"


async def test_another_host_gets_no_credentials_and_its_no_stops_nothing(connect: Connect) -> None:
    async with (
        Scripted.serve(in_turn(answer(200, b"WEBVTT"), answer(403, b"no"))) as cdn,
        Scripted.serve(always(answer(200, SHOW))) as server,
        connect(server.url) as ours,
    ):
        assert await ours.client.get_bytes(f"{cdn.url}/a.vtt?token=t") == b"WEBVTT"
        with pytest.raises(TargetRefused) as caught:
            await ours.client.get_text(f"{cdn.url}/a.vtt?token=hush")
        assert "hush" not in str(caught.value)
        assert all("authorization" not in seen.headers for seen in cdn.seen)
        assert (await ours.client.get("shows/41", "show"))["id"] == 41


async def test_a_file_of_the_servers_that_is_not_for_us_stops_nothing_but_an_unknown_user_does(
    connect: Connect,
) -> None:
    replies = in_turn(answer(403, b"no"), answer(200, SHOW), answer(401, b"who?"))
    async with Scripted.serve(replies) as server, connect(server.url) as ours:
        with pytest.raises(TargetRefused):
            await ours.client.get_text("/a.vtt")
        assert (await ours.client.get("shows/41", "show"))["id"] == 41
        with pytest.raises(TargetDenied):
            await ours.client.get_text("/a.vtt")
        with pytest.raises(TargetDenied, match="not sent"):
            await ours.client.get("shows/41", "show")


async def test_another_host_that_fails_does_not_make_us_leave_the_server_alone(connect: Connect) -> None:
    async with (
        Scripted.serve(always(answer(500, b""))) as cdn,
        Scripted.serve(always(answer(200, SHOW))) as server,
        connect(server.url, retries=0) as ours,
    ):
        for _ in range(5):
            with pytest.raises(TargetFailed):
                await ours.client.get_text(f"{cdn.url}/a.vtt")
        with pytest.raises(TargetUnavailable, match="5 failures in a row"):
            await ours.client.get_text(f"{cdn.url}/a.vtt")
        assert (await ours.client.get("shows/41", "show"))["id"] == 41


async def test_a_segment_may_take_longer_than_a_call(connect: Connect) -> None:
    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        await asyncio.sleep(0.6)
        return answer(200, b"")

    async with Scripted.serve(slow) as server, connect(server.url, timeout_s=0.3) as ours:
        await ours.client.post_segment(12, 0, "a.scc", b"x", deadline_s=5)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            await ours.client.post_segment(12, 0, "a.scc", b"x", deadline_s=0.3)
        assert time.monotonic() - began < 0.6


async def test_many_pauses_on_end_are_not_failures(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """A server that says 429 is well, and said to be in trouble once."""
    caplog.set_level(logging.INFO)
    async with Scripted.serve(always(answer(429, b"", Retry_After="60"))) as server, connect(server.url) as ours:
        for _ in range(8):
            with pytest.raises(TargetUnavailable):
                await ours.client.get("shows/41", "show")
            ours.time.now += 60
        assert len(server.seen) == 8
        assert (ours.host.state.failures, ours.host.state.circuit) == (0, Circuit.CLOSED)
    said = [record.message for record in caplog.records if record.name.startswith("archivist")]
    assert said == ["server sent Retry-After: no requests meanwhile"]


async def test_a_redirect_of_a_file_is_followed_without_credentials(connect: Connect) -> None:
    async with (
        Scripted.serve(always(answer(200, b"WEBVTT"))) as cdn,
        Scripted.serve(always(answer(302, b"", Location=f"{cdn.url}/b.vtt"))) as server,
        connect(server.url) as ours,
    ):
        assert await ours.client.get_text("/a.vtt") == "WEBVTT"
        assert "authorization" not in cdn.seen[0].headers


async def test_redirects_without_end_end(connect: Connect) -> None:
    async with Scripted.serve(always(answer(302, b"", Location="/a.vtt"))) as server, connect(server.url) as ours:
        with pytest.raises(TargetFailed, match="more than 3 times"):
            await ours.client.get_text("/a.vtt")
        assert len(server.seen) == 4


@pytest.mark.parametrize("url", ["ftp://h/a", "file:///etc/passwd", "http://[::1", "gopher:x"])
async def test_an_address_that_is_none_of_the_web_is_not_asked(connect: Connect, url: str) -> None:
    async with connect("http://127.0.0.1:9") as ours:
        with pytest.raises(TargetFailed, match="address"):
            await ours.client.get_text(url)


# Credentials


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(500, f"Authorization: Basic {_TOKEN} as {PASSWORD}".encode()), id="500"),
        pytest.param(answer(422, f"Authorization: Basic {_TOKEN} as {PASSWORD}".encode()), id="422"),
        pytest.param(answer(401, f"Authorization: Basic {_TOKEN} as {PASSWORD}".encode()), id="401"),
        pytest.param(answer(503, f"Authorization: Basic {_TOKEN} as {PASSWORD}".encode()), id="503"),
        pytest.param(answer(200, f"Authorization: Basic {_TOKEN} as {PASSWORD}".encode()), id="malformed"),
        pytest.param(answer(200, SHOW, Warning=f'299 - "{PASSWORD}"'), id="warning"),
        pytest.param(answer(302, b"", Location=f"http://{USER}:{PASSWORD}@127.0.0.1:1/{PASSWORD}"), id="redirect"),
        pytest.param(None, id="dropped"),
    ],
)
async def test_credentials_occur_in_no_error_no_log_no_repr_and_no_address(
    connect: Connect, reply: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where a server prints our request into its error page."""
    caplog.set_level(logging.DEBUG)
    said = []
    async with Scripted.serve(always(reply)) as server, connect(server.url) as ours:
        calls: list[Callable[[], Any]] = [
            lambda: ours.client.get("shows/41", "show"),
            lambda: ours.client.post("shows", "show", {}),
            lambda: ours.client.get_text("/a.vtt"),
        ]
        for call in calls:
            try:
                await call()
            except PublishError as exc:
                said += [str(exc), repr(exc), exc.body, "".join(traceback.format_exception(exc))]
            ours.host.reset()
        said += [repr(ours.client), repr(ours.client._http), repr(ours.client._http.auth), ours.client.base]
        said += [str(ours.host.state)]
    # What httpcore traces at DEBUG, a server's headers among it, is never let out (`observability.logs`).
    ours_only = [record for record in caplog.records if not record.name.startswith("httpcore")]
    said += [f"{record.getMessage()} {record.__dict__}" for record in ours_only]
    said += [seen.target for seen in server.seen]
    assert server.seen, "nothing was asked"
    assert [text for text in said if PASSWORD in text or _TOKEN in text] == []


def test_settings_show_no_credentials_and_refuse_an_address_that_holds_some() -> None:
    made = settings("https://c.example", CABLECAST_API_KEY=None, cablecast_api_key="id:hush-hush")
    assert PASSWORD not in repr(made)
    assert "hush-hush" not in repr(made)
    with pytest.raises(ValueError, match="must not hold a user or password") as caught:
        settings(f"https://{USER}:{PASSWORD}@c.example")
    assert PASSWORD not in str(caught.value)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate signed by itself, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return made, context


async def test_a_certificate_signed_by_itself_is_believed_only_by_our_bundle(
    connect: Connect, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    bundle, context = certificate
    async with Scripted.serve(always(answer(200, SHOW)), context) as server:
        async with connect(server.url, retries=0) as ours:
            with pytest.raises(TargetUnavailable, match="CABLECAST_CA_BUNDLE"):
                await ours.client.get("shows/41", "show")
        assert server.seen == []
        async with connect(server.url, cablecast_ca_bundle=bundle) as ours:
            assert (await ours.client.get("shows/41", "show"))["id"] == 41


async def test_a_certificate_is_not_checked_when_told_so_and_that_is_logged(
    connect: Connect, certificate: tuple[Path, ssl.SSLContext], caplog: pytest.LogCaptureFixture
) -> None:
    _, context = certificate
    async with (
        Scripted.serve(always(answer(200, SHOW)), context) as server,
        connect(server.url, cablecast_verify_ssl=False) as ours,
    ):
        assert (await ours.client.get("shows/41", "show"))["id"] == 41
    assert [record.message for record in caplog.records] == ["TLS certificates are not verified"]


async def test_a_proxy_of_the_environment_is_not_used(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Scripted.serve(always(answer(200, {"show": {"id": 1}}))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with Scripted.serve(always(answer(200, SHOW))) as server, connect(server.url) as ours:
            assert (await ours.client.get("shows/41", "show"))["id"] == 41
        assert proxy.seen == []


def test_the_base_of_httpx_ends_with_a_slash() -> None:
    """Else the last part of the base would be lost from every path."""
    assert httpx.URL("http://h/CablecastAPI/v1/").join("shows/1").path == "/CablecastAPI/v1/shows/1"
