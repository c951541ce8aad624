"""The client against a whole station that misbehaves: what it asked for, judged by the station's own journal."""

import asyncio
from typing import Any

import pytest
from tests.simulators.cablecast.process import Simulator
from tests.vod.cablecast.conftest import Connect

from archivist_common.errors import OutcomeUnknown, PublishError, TargetDenied, TargetFailed, TargetUnavailable
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.transport.connection import CONNECTIONS

SHOW = {"title": "Harbor Council", "location": 1, "localId": "arc-1", "cgExempt": False, "customFields": []}


@pytest.mark.parametrize("kind", ["truncated", "wrong_root", "null_root", "html", "login_redirect"])
async def test_a_show_made_behind_a_spoiled_answer_is_found_again_by_its_key(
    modern: Simulator, attend: Connect, kind: str
) -> None:
    await modern.control.fault("malformed", method="POST", path="/shows$", times=1, kind=kind)
    async with attend(modern) as ours:
        with pytest.raises(OutcomeUnknown):
            await ours.client.post("shows", "show", SHOW)
        (found,) = await CablecastApi(ours.client).shows_by_local_id("arc-1")
    assert found.title == "Harbor Council"
    assert [show["localId"] for show in await modern.control.objects("shows")].count("arc-1") == 1


@pytest.mark.parametrize("kind", ["truncated", "wrong_root", "null_root", "html", "login_redirect"])
async def test_a_spoiled_answer_to_a_question_is_asked_for_again(
    modern: Simulator, attend: Connect, kind: str
) -> None:
    await modern.control.seed(shows=[{"id": 4120, "title": "a"}])
    await modern.control.fault("malformed", method="GET", path="/shows/4120", times=2, kind=kind)
    async with attend(modern) as ours:
        assert (await CablecastApi(ours.client).show(4120)).title == "a"


async def test_a_byte_order_mark_is_read_over(modern: Simulator, attend: Connect) -> None:
    await modern.control.seed(shows=[{"id": 4120, "title": "a"}])
    await modern.control.fault("malformed", method="GET", path="/shows/4120", kind="bom")
    async with attend(modern) as ours:
        assert (await CablecastApi(ours.client).show(4120)).title == "a"
        assert ours.time.slept == []


async def test_words_where_a_number_belongs_are_no_object_of_the_servers(modern: Simulator, attend: Connect) -> None:
    reel = {"file": {"store": "Flex 1", "name": "4120-1-a.mp4", "length_s": 60}}
    await modern.control.seed(shows=[{"id": 4120, "title": "a", "reels": [reel]}])
    await modern.control.fault("malformed", method="GET", path="/(shows|reels)", kind="string_for_int")
    async with attend(modern) as ours:
        with pytest.raises(TargetFailed):
            await CablecastApi(ours.client).show(4120)


@pytest.mark.parametrize(
    "how",
    [
        {"retry_after": "120"},
        {"date_in_s": 90},
        {"retry_after": "999999"},
        {"retry_after": "soon"},
        {"retry_after": "0"},
        {},
    ],
    ids=["seconds", "date", "absurd", "garbage", "zero", "absent"],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_no_request_comes_before_a_pause_is_over(
    modern: Simulator, attend: Connect, status: int, how: dict[str, Any]
) -> None:
    await modern.control.fault("retry_after", path="/shows", times=1, status=status, **how)
    async with attend(modern) as ours:
        for _ in range(40):
            try:
                await ours.client.get_page("shows", "shows")
            except TargetUnavailable as exc:
                await ours.time.sleep(exc.retry_after_s)
            else:
                break
        assert (await ours.client.get_page("shows", "shows")).count == 0
    assert await modern.control.invariants(retry_after_cap_s=3_600) == []


async def test_credentials_that_expire_midway_stop_all_asking(modern: Simulator, attend: Connect) -> None:
    await modern.control.fault("auth_expire", calls=3)
    async with attend(modern) as ours:
        for _ in range(3):
            await ours.client.get_page("shows", "shows")
        for _ in range(10):
            with pytest.raises(TargetDenied):
                await ours.client.get_page("shows", "shows")
    assert [entry["status"] for entry in await modern.control.journal()] == [200, 200, 200, 401]


async def test_many_calls_at_once_never_meet_the_servers_limit_of_connections(
    modern: Simulator, attend: Connect
) -> None:
    await modern.control.fault("max_connections", connections=CONNECTIONS)
    async with attend(modern) as ours:
        await asyncio.gather(*(ours.client.get_page("shows", "shows") for _ in range(80)))
    assert (await modern.control.connections())["refused"] == 0


async def test_a_station_with_a_certificate_of_its_own_is_reached_with_its_bundle(attend: Connect) -> None:
    async with Simulator.start("modern", tls=True) as sim:
        async with attend(sim, retries=0) as ours:
            with pytest.raises(TargetUnavailable, match="CABLECAST_CA_BUNDLE"):
                await ours.client.get_page("shows", "shows")
        async with attend(sim, cablecast_ca_bundle=sim.ca_bundle) as ours:
            assert (await ours.client.get_page("shows", "shows")).count == 0


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_weather_a_call_ends_with_an_object_or_an_error_of_ours(
    modern: Simulator, attend: Connect, seed: int
) -> None:
    """And what was said to be not made was not made."""
    await modern.control.random_faults(
        seed=seed, lost_answer=0.2, status_5xx=0.15, timeout=0.05, hang_s=0.6, path="/CablecastAPI/"
    )
    outcomes: dict[str, type[PublishError] | None] = {}
    async with attend(modern, timeout_s=0.5) as ours:
        for number in range(25):
            key = f"arc-{seed}-{number}"
            try:
                await ours.client.post("shows", "show", {**SHOW, "localId": key})
                outcomes[key] = None
            except PublishError as exc:
                outcomes[key] = type(exc)
            ours.time.now += 60
            await modern.control.advance(60)
            ours.host.reset()
    there = [show["localId"] for show in await modern.control.objects("shows")]
    assert len(there) == len(set(there))
    for key, outcome in outcomes.items():
        if outcome is None:
            assert key in there
        elif outcome is not OutcomeUnknown:
            assert key not in there
    assert {None, OutcomeUnknown} <= set(outcomes.values())
