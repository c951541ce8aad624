"""What the probe says of good and bad stations and settings, in words and as JSON, without writing anything."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.cablecast.process import Simulator
from tests.vod.cablecast.conftest import PASSWORD, settings
from tests.vod.cablecast.transport.scripted import Scripted, Seen, answer

from archivist_vod.cablecast.probe import Report, Verdict, as_json, as_text, look

_GOOD = {"CABLECAST_USER_ID": "operator", "cablecast_password": "secret", "max_retries": 0, "request_timeout": 5}


def _said(report: Report, what: str) -> tuple[Verdict, str]:
    (found,) = [finding for finding in report.findings if finding.what == what]
    return found.verdict, found.text


def _advised(report: Report) -> dict[str, str]:
    return {line.setting: line.value for line in report.advice}


async def _looked(sim: Simulator, **given: Any) -> Report:
    return await look(settings(sim.url, **{**_GOOD, **given}))


async def _reset(stations: dict[str, Simulator], profile: str) -> Simulator:
    sim = stations[profile]
    await sim.control.reset()
    return sim


async def test_a_good_station_can_work_and_every_setting_is_named() -> None:
    async with Simulator.start("modern", speed=1.0) as sim:
        report = await _looked(sim)
    assert report.can_work
    assert _said(report, "server") == (
        Verdict.GOOD,
        "Cablecast 7.8, site 'Harbor Community Television': reads caption files beside videos",
    )
    assert _said(report, "credentials") == (Verdict.GOOD, "operator: may write")
    assert _said(report, "locations") == (Verdict.GOOD, "1 'Harbor City', 2 'Upriver'")
    assert _said(report, "VOD configurations") == (Verdict.GOOD, "2 for location 1; 2 is used")
    assert _said(report, "qualities")[1].endswith("1080 is 1")
    assert "11 'Flex 1'" in _said(report, "file stores")[1]
    assert _said(report, "clock")[0] is Verdict.GOOD
    assert _said(report, "sidecars")[0] is Verdict.NOTE
    assert _said(report, "address")[0] is Verdict.NOTE  # plain http
    assert _advised(report) == {
        "CABLECAST_API_URL": f"{sim.url}/CablecastAPI/v1",
        "CABLECAST_LOCATION_ID": "1",
        "VOD_DEFAULT_QUALITY": "1080",
    }


async def test_it_never_writes_and_asks_as_its_user(modern: Simulator) -> None:
    await _looked(modern)
    entries = await modern.control.journal()
    assert {entry["method"] for entry in entries} == {"GET"}
    assert {entry["user"] for entry in entries} == {"operator"}
    assert await modern.control.invariants() == []


async def test_a_file_with_captions_proves_that_sidecars_work_here(modern: Simulator) -> None:
    scc = "Scenarist_SCC V1.0\n\n00:00:01;00\t9420 9420 942f 942f\n"
    file = {"store": "Flex 1", "name": "4120-1-a.mp4", "length_s": 60, "sidecar": scc}
    await modern.control.seed(shows=[{"id": 4120, "title": "a", "file": file}])
    verdict, text = _said(await _looked(modern), "sidecars")
    assert verdict is Verdict.GOOD
    assert "4120-1-a." in text


async def test_a_user_who_may_only_read_cannot_publish(modern: Simulator) -> None:
    report = await _looked(modern, CABLECAST_USER_ID="viewer")
    assert not report.can_work
    assert _said(report, "credentials") == (
        Verdict.BAD,
        "viewer: may only read; publishing needs rights to write shows and VODs",
    )


async def test_a_user_the_server_does_not_know_is_asked_for_once(modern: Simulator) -> None:
    report = await _looked(modern, CABLECAST_USER_ID="disabled")
    assert not report.can_work
    assert _said(report, "credentials") == (Verdict.BAD, "the server does not know this user and password (401)")
    assert len([entry for entry in await modern.control.journal() if entry["status"] == 401]) == 1


async def test_a_location_that_is_not_there_and_a_quality_nobody_makes_are_said(modern: Simulator) -> None:
    report = await _looked(modern, cablecast_location_id=3, vod_default_quality="4k")
    assert not report.can_work
    assert _said(report, "locations") == (
        Verdict.BAD,
        "3 is none of them: 1 'Harbor City', 2 'Upriver'; set CABLECAST_LOCATION_ID to yours",
    )
    assert _said(report, "VOD configurations")[1].startswith("none for location 3; there are: 2 (location 1)")
    assert _said(report, "qualities")[0] is Verdict.BAD
    assert _advised(report)["VOD_DEFAULT_QUALITY"] == "1"


async def test_a_version_without_sidecars_cannot_work(stations: dict[str, Simulator]) -> None:
    report = await _looked(await _reset(stations, "legacy"))
    assert not report.can_work
    assert _said(report, "server")[1].endswith("reads no caption files")
    assert _said(report, "sidecars") == (
        Verdict.BAD,
        "caption files beside a video are read from version 7.1 on; this server is older",
    )


async def test_a_version_without_file_stores_works_through_the_content_share(stations: dict[str, Simulator]) -> None:
    report = await _looked(await _reset(stations, "mid"))
    assert report.can_work, as_text(report)


async def test_a_reflect_host_is_recognised_by_its_cached_answers(stations: dict[str, Simulator]) -> None:
    report = await _looked(await _reset(stations, "reflect"))
    assert not report.can_work
    assert "read-only" in _said(report, "Reflect")[1]


async def test_a_reflect_host_is_recognised_by_its_name_and_the_stations_own_is_named() -> None:
    made = settings("https://reflect-harbor.invalid", **{**_GOOD, "request_timeout": 2})
    report = await look(made)
    assert _said(report, "Reflect")[0] is Verdict.BAD
    assert _advised(report)["CABLECAST_API_URL"] == "https://harbor.invalid/CablecastAPI/v1"


async def test_a_clock_that_is_hours_off_is_noted(modern: Simulator) -> None:
    await modern.control.advance(7_200)
    verdict, text = _said(await _looked(modern), "clock")
    assert verdict is Verdict.NOTE
    assert "ahead of ours" in text


@pytest.mark.parametrize(
    ("reply", "what", "text"),
    [
        pytest.param(answer(404, b"<html>"), "server", "no Cablecast API at this address", id="another-server"),
        pytest.param(answer(200, b"<html>"), "server", "it is a page, not JSON", id="a-web-page"),
        pytest.param(answer(200, {}), "server", "is this a Cablecast server?", id="no-version"),
        pytest.param(answer(503, b"down"), "server", "HTTP 503: down", id="maintenance"),
        pytest.param(answer(403, b""), "credentials", "does not let it in (403)", id="forbidden"),
    ],
)
async def test_a_server_that_is_no_use_is_said_in_plain_words(reply: bytes, what: str, text: str) -> None:
    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> bytes | None:
        return reply

    async with Scripted.serve(handler) as server:
        report = await look(settings(server.url, **_GOOD))
    assert not report.can_work
    assert text in _said(report, what)[1]


async def test_a_list_that_may_not_be_looked_at_does_not_hide_the_rest(modern: Simulator) -> None:
    await modern.control.fault("status", path="/filestores", status=403)
    report = await _looked(modern)
    assert _said(report, "file stores") == (Verdict.BAD, "this user may not look at it (HTTP 403)")
    assert _said(report, "sidecars")[0] is Verdict.NOTE


async def test_a_certificate_that_is_not_believed_is_said_with_the_setting_that_helps() -> None:
    async with Simulator.start("modern", tls=True) as sim:
        report = await _looked(sim)
        assert not report.can_work
        assert "its certificate is not trusted" in _said(report, "server")[1]
        assert "CABLECAST_CA_BUNDLE" in _advised(report)
        believed = await _looked(sim, cablecast_ca_bundle=sim.ca_bundle)
        assert believed.can_work
        assert _said(believed, "address")[0] is Verdict.GOOD


async def test_a_server_that_is_not_there_is_said(unused_tcp_port: int) -> None:
    report = await look(settings(f"http://127.0.0.1:{unused_tcp_port}", **_GOOD))
    assert not report.can_work
    assert _said(report, "server")[1].startswith("no answer: GET systeminfo: not reached")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param({"CABLECAST_API_URL": None}, "CABLECAST_API_URL is not set", id="no-address"),
        pytest.param({"cablecast_password": None}, "not both set", id="no-password"),
        pytest.param(
            {"CABLECAST_USER_ID": None, "cablecast_password": None, "cablecast_api_key": "plain"},
            "id:secret",
            id="key",
        ),
        pytest.param({"cablecast_ca_bundle": Path("/nowhere.pem")}, "cannot be read: No such file", id="bundle"),
    ],
)
async def test_settings_that_cannot_work_are_said_before_anything_is_asked(given: dict[str, Any], text: str) -> None:
    values = {
        "CABLECAST_API_URL": "https://cablecast.invalid",
        "CABLECAST_USER_ID": "a",
        "cablecast_password": PASSWORD,
    }
    made = settings("https://cablecast.invalid", **{**values, **given})
    report = await look(made)
    assert not report.can_work
    assert text in as_text(report)
    assert PASSWORD not in as_text(report) + as_json(report)


def _run(url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "archivist_vod.cablecast.probe", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "CABLECAST_API_URL": url,
            "CABLECAST_USER_ID": "operator",
            "CABLECAST_PASSWORD": "secret",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_prints_a_table_and_lines_to_set_and_ends_with_its_verdict(
    modern: Simulator, tmp_path: Path
) -> None:
    done = await asyncio.to_thread(_run, modern.url)
    assert done.returncode == 0, done.stderr
    assert "ok    credentials" in done.stdout
    assert "Publishing can work." in done.stdout
    assert "\nCABLECAST_LOCATION_ID=1  # location 'Harbor City'\n" in done.stdout
    assert "secret" not in done.stdout + done.stderr

    wrong = await asyncio.to_thread(_run, modern.url, CABLECAST_PASSWORD="wrong-one")
    assert wrong.returncode == 1
    assert "does not know this user" in wrong.stdout
    assert "wrong-one" not in wrong.stdout
    assert wrong.stderr == ""


async def test_the_command_gives_json_for_programs(modern: Simulator) -> None:
    done = await asyncio.to_thread(_run, modern.url, "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["can_work"] is True
    assert {"what": "credentials", "verdict": "good", "text": "operator: may write"} in report["findings"]
    assert report["advice"][0]["setting"] == "CABLECAST_API_URL"


async def test_a_wrong_setting_ends_the_command_with_its_name() -> None:
    done = await asyncio.to_thread(_run, "https://u:hush@c.example")
    assert done.returncode == 2
    assert "CABLECAST_API_URL: " in done.stderr
    assert "hush" not in done.stderr
