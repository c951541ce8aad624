"""`make demo-publish` in its short form, looked at as its viewers and its operator do: over HTTP, and by command."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from archivist_cli import accounts
from archivist_cli.gateway import Gateway
from archivist_cli.local.data_folder import running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
STATIONS_OWN = {  # of an installation on the same machine, which a demo has no business with
    "CABLECAST_BASE_URL": "http://cablecast.invalid",
    "CABLECAST_API_KEY": "station:station-secret",
    "CABLECAST_STORES": "Archive=flex-9",
    "AUTO_PUBLISH_TO_VOD": "false",
    "LOG_LEVEL": "DEBUG",
}


@dataclass(frozen=True)
class Shown:
    """A demo that has published and stays up: what it said, and the processes it runs, by name."""

    process: asyncio.subprocess.Process
    said: str
    data: Path
    told: dict[str, bytes]

    def after(self, word: str) -> str:
        found = re.search(rf"^{word} +(.+)$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    home = tmp_path_factory.mktemp("home")
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.demo_publish", "--short", "--keep"],
        cwd=ROOT,
        env={**os.environ, **STATIONS_OWN, "HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(240):
            while "Stop with Ctrl-C" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, said
                said += line
        found = re.search(r"--data (\S+)", said)
        assert found, said
        data = Path(found[1])
        yield Shown(process, said, data, _environments(data))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        assert _environments(data) == {}
        assert not [path for path in home.rglob("*") if "archivist" in path.name.lower()]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _publication(shown: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one publication and its captions, as an operator gets them from the API."""
    notes = running(shown.data)
    assert notes is not None
    async with accounts.operators_key(notes.database_url) as key, Gateway(notes.api_url, key) as gateway:
        page = await gateway.request("GET", "/publications")
        assert len(page["items"]) == 1
        publication = page["items"][0]
        return publication, json.loads(await gateway.output(publication["transcription_id"], "json"))


async def test_the_api_calls_it_published_and_its_show_and_vod_are_those_it_printed(shown: Shown) -> None:
    publication, _ = await _publication(shown)
    assert publication["status"] == "published"
    assert publication["warnings"] == []
    assert shown.after("Found").startswith(f"show {publication['show_id']}, Harbor City Council (score 100 ")
    assert shown.after("VOD") == f"{publication['vod_id']}, complete: {publication['url']}"
    assert "number 4120 stands in the file name" in shown.said
    assert "as signed off" in shown.after("Placed")


async def test_the_page_plays_a_film_with_captions_whose_words_are_those_of_the_transcript(
    shown: Shown,
) -> None:
    _, captions = await _publication(shown)
    page_url = httpx.URL(shown.after("Page"))
    async with httpx.AsyncClient(trust_env=False) as viewer:
        page = await viewer.get(page_url)
        assert page.status_code == 200
        film = re.search(r'<video [^>]*src="([^"]+)"', page.text)
        track = re.search(r'<track kind="captions"[^>]* src="([^"]+)"', page.text)
        assert film
        assert track
        part = await viewer.get(page_url.join(film[1]), headers={"Range": "bytes=0-99"})
        assert part.status_code == 206
        assert part.content[4:8] == b"ftyp"
        vtt = await viewer.get(page_url.join(track[1]))
        assert vtt.status_code == 200
    lines = vtt.content.decode().splitlines()
    seen = _words(" ".join(line for line in lines if line != "WEBVTT" and "-->" not in line))
    said = _words(" ".join(word["text"] for word in captions["words"]))
    assert len(said) > 30
    assert seen == said
    assert shown.after("Read back") == f"{len(said)} of {len(said)} words, equal"


async def test_its_chapters_stand_on_the_page_and_in_the_public_data(shown: Shown) -> None:
    page_url = httpx.URL(shown.after("Page"))
    async with httpx.AsyncClient(trust_env=False) as viewer:
        public = await viewer.get(page_url.join("/CablecastAPI/publicsitedata/shows/4120"))
        page = await viewer.get(page_url)
    chapters = public.json()["show"]["chapters"]
    assert "Call to order" in [chapter["title"] for chapter in chapters]
    for chapter in chapters:
        assert f'data-at="{chapter["offset"]}"' in page.text
        assert f"<span>{chapter['title']}</span>" in page.text


async def test_the_command_line_shows_it_with_the_data_folder_that_was_printed(shown: Shown) -> None:
    publication, _ = await _publication(shown)
    asked = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "archivist_cli.main", "publish", "show", publication["id"][:8]],
        *["--data", str(shown.data)],
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asked.communicate()
    assert asked.returncode == 0
    assert "to cablecast: published" in said.decode()
    assert publication["url"] in said.decode()


def test_only_the_publisher_is_told_how_to_log_in_and_nobody_of_the_machines_own_station(shown: Shown) -> None:
    assert shown.told.keys() == {"api", "transcriber", "vod", "monitor"}
    assert {name for name, told in shown.told.items() if b"CABLECAST_PASSWORD=" in told} == {"vod"}
    assert {name for name, told in shown.told.items() if b"\0SECRET_KEY=" in told} == {"api"}
    for name, told in shown.told.items():
        for alien in (b"station-secret", b"cablecast.invalid", b"LOG_LEVEL=DEBUG"):
            assert alien not in told, name


def _environments(data: Path) -> dict[str, bytes]:
    """What each service of this data folder was started with."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, told = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        service = re.search(rb"\0archivist_(\w+)\.app\0", command)
        if service and f"={data}//".encode() in told:
            found[service[1].decode()] = told
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())
