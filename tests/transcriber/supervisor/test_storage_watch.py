"""Which servers jobs can be claimed for: known of each within its deadline, whatever the others do."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.simulators import faultfs

from archivist_common.storage.client import MountState, StorageClient, StorageServer
from archivist_common.storage.mounts import MARKER, MountKind
from archivist_transcriber.supervisor import storage_watch
from archivist_transcriber.supervisor.storage_watch import StorageWatch, trouble_of

DEADLINE = timedelta(seconds=5)


def _server(folder: Path, name: str, **changes: object) -> StorageServer:
    (folder / name).mkdir()
    return StorageServer(name, folder / name, **{"kind": MountKind.FOLDER} | changes)  # type: ignore[arg-type]


@asynccontextmanager
async def _watching(*servers: StorageServer, deadline: timedelta = DEADLINE) -> AsyncIterator[StorageWatch]:
    async with StorageClient(servers) as storages:
        watch = StorageWatch(storages, deadline, every=timedelta(seconds=0.05))
        running = asyncio.create_task(watch.run())
        yield watch
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _checked(watch: StorageWatch, count: int) -> None:
    async with asyncio.timeout(15):
        while len(watch.states()) < count:
            await asyncio.sleep(0.02)


async def _until(watch: StorageWatch, names: set[str]) -> None:
    async with asyncio.timeout(15):
        while watch.usable() != names:
            await asyncio.sleep(0.02)


async def test_nothing_is_usable_before_it_was_checked(tmp_path: Path) -> None:
    async with StorageClient([_server(tmp_path, "flex-1")]) as storages:
        assert StorageWatch(storages, DEADLINE).usable() == frozenset()
    async with _watching() as watch:
        assert (watch.usable(), watch.states()) == (frozenset(), {})


async def test_a_server_that_goes_and_comes_is_told_in_words_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=storage_watch.__name__)
    well, comes = _server(tmp_path, "flex-1"), _server(tmp_path, "flex-2", kind=MountKind.MARKER)
    async with _watching(well, comes) as watch:
        await _checked(watch, 2)
        assert watch.usable() == {"flex-1"}
        assert {name: state.readable for name, state in watch.states().items()} == {"flex-1": True, "flex-2": False}
        (comes.path / MARKER).touch()
        await _until(watch, {"flex-1", "flex-2"})
        (comes.path / MARKER).unlink()
        await _until(watch, {"flex-1"})
    told = [(record.message, record.__dict__["storage"]) for record in caplog.records]
    assert told == [
        ("storage server unavailable", "flex-2"),
        ("storage server available again", "flex-2"),
        ("storage server unavailable", "flex-2"),
    ]
    assert caplog.records[0].__dict__["trouble"] == "it is not mounted: its jobs wait"
    assert "not mounted" in caplog.records[0].__dict__["why"]


async def test_a_server_that_hangs_delays_no_answer_of_another_and_is_back_when_it_answers(tmp_path: Path) -> None:
    well, hung = _server(tmp_path, "flex-1"), _server(tmp_path, "flex-2", kind=MountKind.AUTO)
    (tmp_path / "disk").mkdir()
    try:
        faulty = faultfs.Mounted(tmp_path / "disk", hung.path)
    except faultfs.NotHere as exc:
        pytest.skip(str(exc))
    with faulty:
        faulty.set("hang")
        began = time.monotonic()
        async with _watching(well, hung, deadline=timedelta(seconds=3)) as watch:
            await _until(watch, {"flex-1"})
            assert time.monotonic() - began < 3, "the hung one has not answered yet, nor has its deadline passed"
            await _checked(watch, 2)
            assert time.monotonic() - began < 5
            assert watch.usable() == {"flex-1"}
            assert trouble_of(hung, watch.states()["flex-2"]) == "it hangs: its jobs wait"
            faulty.set("ok")
            await _until(watch, {"flex-1", "flex-2"})


WELL = MountState("flex-1", True, True, True, False, 1000, 500, None)
READ_ONLY = replace(WELL, writable=False, reason="Read-only file system")


@pytest.mark.parametrize(
    ("beside", "state", "words"),
    [
        pytest.param(True, WELL, None, id="well"),
        pytest.param(False, READ_ONLY, None, id="read-only-where-we-only-read"),
        pytest.param(True, READ_ONLY, "cannot be written", id="read-only-where-captions-go"),
        pytest.param(True, replace(READ_ONLY, full=True), "is full", id="full-where-captions-go"),
        pytest.param(False, replace(READ_ONLY, full=True), None, id="full-where-we-only-read"),
        pytest.param(False, replace(READ_ONLY, readable=False), "cannot be read", id="unreadable"),
        pytest.param(False, replace(READ_ONLY, readable=False, mounted=False), "not mounted", id="gone"),
        pytest.param(False, replace(READ_ONLY, readable=False, hung=True), "hangs", id="hung"),
    ],
)
def test_trouble_is_what_keeps_us_from_our_work(beside: bool, state: MountState, words: str | None) -> None:
    found = trouble_of(StorageServer("flex-1", Path("/mnt/flex-1"), beside), state)
    assert (found is None) if words is None else (words in (found or ""))
