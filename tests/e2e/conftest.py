"""The whole system as its users run it: real processes, real HTTP, the demo model, real recordings."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from archivist_cli import accounts, config
from archivist_cli.gateway import Gateway
from archivist_cli.local.ports import Ports
from archivist_cli.local.stack import Stack

DEMO = Path(__file__).parents[2] / "demo"


@dataclass(frozen=True)
class System:
    """A running stack, the way in, and its folders."""

    stack: Stack
    gateway: Gateway
    key: str
    media: Path
    output: Path

    def recording(self, name: str, sample: str = "meeting-2min.ogg") -> str:
        shutil.copy(DEMO / "samples" / sample, self.media / name)
        return name

    async def ended(self, job_id: str, within_s: float = 90) -> dict[str, Any]:
        """The job once it has ended, asked as often as a patient client asks."""
        async with asyncio.timeout(within_s):
            while True:
                job = await self.gateway.read(job_id)
                if job["status"] in {"completed", "failed", "cancelled"}:
                    return job
                await asyncio.sleep(0.5)

    async def transcribing(self, job_id: str) -> None:
        """Return once the job is in the midst of its work."""
        async with asyncio.timeout(60):
            while (await self.gateway.read(job_id))["audio_done_s"] == 0:
                await asyncio.sleep(0.1)

    async def placed(self, job_id: str) -> list[str]:
        """Names of the files that stand where people look, once all do."""
        async with asyncio.timeout(45):
            while True:
                outputs = (await self.gateway.read(job_id))["outputs"]
                if outputs and all(one["state"] == "placed" for one in outputs):
                    public = self.output / "flex-1"
                    return sorted(path.name for path in public.rglob("*") if path.is_file())
                await asyncio.sleep(0.3)

    def attempts_on_disk(self, job_id: str) -> list[str]:
        return sorted(path.name for path in (self.output / ".archivist" / job_id).iterdir())


Start = Callable[..., AbstractAsyncContextManager[System]]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts the whole system in a folder of its own, or once more in the same."""

    @asynccontextmanager
    async def starting(folder: Path | None = None, **settings: str) -> AsyncIterator[System]:
        folder = folder or tmp_path_factory.mktemp("system")
        media, output = folder / "media", folder / "output"
        for made in (media, output):
            made.mkdir(exist_ok=True)
        told = {
            "FLEX_SERVERS": config.storage_servers({"flex-1": media}),
            "DEFAULT_OUTPUT_PATH": str(output),
            "WHISPER_MODEL_PATH": str(DEMO),
            "MODEL_DIRECTORY": str(folder / "models"),
            "RECORDING_SETTLED": "0",  # the tests' recordings are written a moment before
            **settings,
        }
        async with Stack(folder / "data", settings=told, ports=Ports(api=0), durable=False) as stack:
            key = await accounts.working_key(stack.database_url)
            async with Gateway(stack.api_url, key) as gateway:
                yield System(stack, gateway, key, media, output)

    return starting


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(start: Start) -> AsyncIterator[System]:
    async with start() as running:
        yield running


def reference(sample: str) -> dict[str, Any]:
    return dict(json.loads((DEMO / "samples" / sample).with_suffix(".json").read_text()))
