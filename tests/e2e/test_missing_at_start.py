"""`archivist up` after a power cut on the wrong night: what others provide is missing, and captioning goes on."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests import media_factory
from tests.simulators.cablecast.process import Simulator
from tests.vod.line import Line

from archivist_cli import accounts, run_files
from archivist_cli.gateway import Gateway
from archivist_cli.local import data_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


class Up:
    """A running `archivist up`, what it has printed so far, and its data folder."""

    def __init__(self, process: asyncio.subprocess.Process, data: Path) -> None:
        self._process = process
        self._data = data
        self.said = ""

    async def says(self, sentence: str, within_s: float = 120) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            while sentence not in self.said:
                line = (await self._process.stdout.readline()).decode()
                assert line, self.said
                self.said += line

    async def submit(self, storage: str, path: str) -> str:
        async with self._gateway() as gateway:
            return str((await gateway.submit(storage, path))["id"])

    async def captions(self, job_id: str) -> str:
        """The captions of a job, once it has ended."""
        async with self._gateway() as gateway, asyncio.timeout(150):
            await run_files.followed(gateway, await gateway.read(job_id), lambda _: None)
            return (await gateway.output(job_id, "vtt")).decode()

    @asynccontextmanager
    async def _gateway(self) -> AsyncIterator[Gateway]:
        running = data_folder.running(self._data)
        assert running is not None
        async with Gateway(running.api_url, await accounts.working_key(running.database_url)) as gateway:
            yield gateway


@asynccontextmanager
async def up(place: Path, *media: Path, **settings: str) -> AsyncIterator[Up]:
    servers = [word for one in media for word in ("--media", str(one))]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "archivist_cli.main", "up", "--data", "data", "--port", "0", *servers],
        cwd=place,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"CHECK_INTERVAL": "1", "RECORDING_SETTLED": "0", "WORKER_CONCURRENCY": "1", **settings},
    )
    running = Up(process, place / "data")
    try:
        await running.says("Stop with Ctrl-C")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            await process.communicate()


async def test_it_starts_again_and_captions_while_cablecast_is_unavailable(tmp_path: Path) -> None:
    """Issue 10, fault 2: the second start waited for Cablecast, and ended everything after two minutes."""
    media = tmp_path / "flex-1"
    media.mkdir()
    shutil.copy(media_factory.DEMO / "samples/short-20s.flac", media / "council.ogg")
    unavailable = "Publishing target cablecast is unavailable"
    async with Simulator.start("modern") as sim:
        line = Line(sim.port)
        await line.mend()
        await line.cut()  # its port stays ours to mend
        settings = {
            "CABLECAST_API_URL": f"http://127.0.0.1:{line.port}",
            "CABLECAST_USER_ID": "operator",
            "CABLECAST_PASSWORD": "secret",
            "MAX_RETRIES": "0",
            "WHISPER_MODEL_PATH": str(media_factory.DEMO),
        }
        async with up(tmp_path, media, **settings) as first:
            await first.says(unavailable)
        async with up(tmp_path, media, **settings) as second:
            assert "-->" in await second.captions(await second.submit("flex-1", "council.ogg"))
            await second.says(unavailable)
            await line.mend()
            await second.says("Publishing target cablecast is available again")
            assert second.said.count(unavailable) == 1
        await line.cut()


async def test_it_starts_without_mount_and_model_and_goes_on_when_they_are_there(tmp_path: Path) -> None:
    there, missing, model = tmp_path / "flex-1", tmp_path / "flex-2", tmp_path / "model"
    there.mkdir()
    shutil.copy(media_factory.DEMO / "samples/short-20s.flac", there / "first.ogg")
    settings = {"WHISPER_MODEL_PATH": str(model), "CABLECAST_API_URL": "", "PUBLISH_FOLDER": str(tmp_path / "public")}
    settings |= {"PUBLISH_FOLDER_URL": "https://captions.example.org", "AUTO_PUBLISH_TO_VOD": "false"}
    async with up(tmp_path, there, missing, **settings) as running:
        await running.says(f"No speech model: the model folder {model} does not exist")
        await running.says("Storage server flex-2 is unavailable")
        await running.says("Publishing target folder is unavailable")
        job_id = await running.submit("flex-1", "first.ogg")
        shutil.copytree(media_factory.DEMO, model)
        await running.says("The speech model is there and loaded")
        assert "-->" in await running.captions(job_id)
        missing.mkdir()
        shutil.copy(media_factory.DEMO / "samples/short-20s.flac", missing / "second.ogg")
        (tmp_path / "public").mkdir()
        await running.says("Storage server flex-2 is available again")
        await running.says("Publishing target folder is available again")
        assert "-->" in await running.captions(await running.submit("flex-2", "second.ogg"))
