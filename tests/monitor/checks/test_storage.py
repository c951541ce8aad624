"""Mounts as the monitor sees them: there, missing, hung, read-only, full; each server of its own."""

import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from prometheus_client import REGISTRY

from archivist_common.storage.client import MountState, StorageClient, StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_monitor.check import Status
from archivist_monitor.checks.storage import OUTPUT, StorageCheck, mount_result, output_servers
from archivist_monitor.thresholds import Judged, judge

SOON = timedelta(seconds=5)


def _server(tmp_path: Path, name: str, **changes: object) -> StorageServer:
    (tmp_path / name).mkdir()
    return StorageServer(name, tmp_path / name, kind=MountKind.FOLDER, **changes)  # type: ignore[arg-type]


@pytest.fixture
def output(tmp_path: Path) -> StorageServer:
    (tmp_path / "output").mkdir()
    return output_servers(tmp_path / "output")[0]


async def _look(*servers: StorageServer) -> Judged:
    async with StorageClient(servers) as storages:
        return judge(await StorageCheck(storages, SOON).read(), 0, {})[0]


async def _presence(*servers: StorageServer) -> Judged:
    """As `_look`, whatever the disk that the tests run on has left."""
    async with StorageClient(servers) as storages:
        reading = await StorageCheck(storages, SOON).read()
    parts = {name: replace(part, values=()) for name, part in reading.parts.items()}
    return judge(replace(reading, parts=parts), 0, {})[0]


def _gauge(name: str, mount: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"mount": mount})


async def test_a_readable_mount_is_not_an_error(tmp_path: Path, output: StorageServer) -> None:
    """Seed defect 1: the check used a module it had not imported, so that every mount always had an error."""
    found = await _look(_server(tmp_path, "flex-1"), output)
    disk = shutil.disk_usage(tmp_path)
    values = {value.name: value.value for value, _ in found.parts["flex-1"].values}
    assert found.parts["flex-1"].reason is None or "used is" in found.parts["flex-1"].reason
    assert values["total"] == disk.total
    assert values["used"] == pytest.approx(100 * (1 - disk.free / disk.total), abs=2)
    assert _gauge("archivist_flex_mount_up", "flex-1") == 1
    assert _gauge("archivist_flex_size_bytes", "flex-1") == disk.total


async def test_the_mounts_are_those_of_the_settings(tmp_path: Path, output: StorageServer) -> None:
    """Seed defect 3: five hard-coded mount points, whatever the station had."""
    servers = [_server(tmp_path, name) for name in ("birchwood", "oakdale")]
    assert set((await _look(*servers, output)).parts) == {"birchwood", "oakdale", OUTPUT}


async def test_no_storage_server_at_all_is_not_healthy(output: StorageServer) -> None:
    """Station finding R10: an empty list was reported as healthy."""
    found = await _presence(output)
    assert found.status is Status.DEGRADED
    assert "FLEX_SERVERS names no storage server" in (found.reason or "")


async def test_one_missing_mount_of_two_degrades_and_none_left_is_unhealthy(
    tmp_path: Path, output: StorageServer
) -> None:
    gone = StorageServer("gone", tmp_path / "gone")
    one_left = await _presence(_server(tmp_path, "flex-1"), gone, output)
    assert one_left.parts["gone"].status is Status.UNHEALTHY
    assert one_left.parts["gone"].reason == f"not mounted: there is no folder {str(tmp_path / 'gone')!r}"
    assert one_left.status is Status.DEGRADED
    assert (await _presence(gone, output)).status is Status.UNHEALTHY
    assert _gauge("archivist_flex_mount_up", "gone") == 0
    size = _gauge("archivist_flex_size_bytes", "gone")
    assert size is not None
    assert math.isnan(size)


async def test_the_server_that_the_output_lies_on_is_vital(tmp_path: Path) -> None:
    gone = StorageServer("flex-1", tmp_path / "flex-1")
    found = await _presence(
        gone, _server(tmp_path, "flex-2"), *output_servers(tmp_path / "flex-1" / "transcriptions")
    )
    assert found.parts["flex-1"].vital
    assert not found.parts["flex-2"].vital
    assert found.status is Status.UNHEALTHY


async def test_a_mount_that_hangs_costs_its_deadline_and_is_named_as_hung(
    tmp_path: Path, output: StorageServer
) -> None:
    """Seed defect 5: the disk usage of a mount that hangs was waited for without end."""
    well, hung = _server(tmp_path, "flex-1"), _server(tmp_path, "flex-2")
    async with StorageClient([well, hung, output]) as storages:
        for child in psutil.Process().children():
            if str(hung.path) in child.cmdline():
                os.kill(child.pid, signal.SIGSTOP)
        began = time.monotonic()
        reading = await StorageCheck(storages, timedelta(seconds=1)).read()
        assert time.monotonic() - began < 3
    found, _ = judge(reading, 0, {})
    assert found.parts["flex-2"].status is Status.UNHEALTHY
    assert "did not answer within 1 s" in (found.parts["flex-2"].reason or "")
    assert "did not answer" not in (found.parts["flex-1"].reason or "")
    assert _gauge("archivist_flex_mount_up", "flex-2") == 0


async def test_a_well_fallback_spares_the_whole_while_the_output_folder_is_gone(tmp_path: Path) -> None:
    flex, gone = _server(tmp_path, "flex-1"), tmp_path / "output"
    (tmp_path / "spare").mkdir()
    without = await _presence(flex, *output_servers(gone))
    spared = await _presence(flex, *output_servers(gone, tmp_path / "spare"))
    neither = await _presence(flex, *output_servers(gone, tmp_path / "spare too"))
    no_server_left = await _presence(StorageServer("gone", gone), *output_servers(gone, tmp_path / "spare"))
    assert [found.status for found in (without, spared, neither, no_server_left)] == [
        Status.UNHEALTHY,
        Status.DEGRADED,
        Status.UNHEALTHY,
        Status.UNHEALTHY,
    ]


def _state(used: float | None = 50, **changes: object) -> MountState:
    total = None if used is None else 1000
    free = None if used is None else round(1000 - 10 * used)
    plain = {"mounted": True, "readable": True, "writable": True, "hung": False, "reason": None}
    return MountState(server="flex-1", total_bytes=total, free_bytes=free, **plain | changes)  # type: ignore[arg-type]


PLAIN = StorageServer("flex-1", Path("/mnt/flex-1"))
BESIDE = StorageServer("flex-1", Path("/mnt/flex-1"), beside=True)
FULL = _state(None, writable=False, full=True, reason="it can be read but not written: it is full")
READ_ONLY = _state(writable=False, reason="it can be read but not written: Read-only file system")


@pytest.mark.parametrize(
    ("server", "state", "expected"),
    [
        pytest.param(PLAIN, _state(80), Status.HEALTHY, id="80-percent"),
        pytest.param(PLAIN, _state(85), Status.DEGRADED, id="85-percent"),
        pytest.param(PLAIN, _state(90), Status.DEGRADED, id="90-percent"),
        pytest.param(PLAIN, _state(95), Status.UNHEALTHY, id="95-percent"),
        pytest.param(PLAIN, _state(None, mounted=False, readable=False, writable=False), Status.UNHEALTHY, id="gone"),
        pytest.param(PLAIN, _state(None, readable=False, writable=False, hung=True), Status.UNHEALTHY, id="hung"),
        pytest.param(PLAIN, _state(None, readable=False, writable=False), Status.UNHEALTHY, id="unreadable"),
        pytest.param(PLAIN, READ_ONLY, Status.HEALTHY, id="read-only-where-we-only-read"),
        pytest.param(BESIDE, READ_ONLY, Status.DEGRADED, id="read-only-where-captions-go"),
        pytest.param(output_servers(Path("/out"))[0], READ_ONLY, Status.UNHEALTHY, id="read-only-output"),
        pytest.param(PLAIN, FULL, Status.HEALTHY, id="full-where-we-only-read"),
        pytest.param(BESIDE, FULL, Status.DEGRADED, id="full-where-captions-go"),
    ],
)
def test_what_a_mounts_state_means(server: StorageServer, state: MountState, expected: Status) -> None:
    judged, _ = judge(mount_result(server, state, vital=False), 0, {})
    assert judged.status is expected
    if not state.writable:
        assert judged.reason == state.reason


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


async def test_a_real_disk_fills_up_becomes_read_only_and_vanishes(small_disk: Path, output: StorageServer) -> None:
    server = StorageServer("small", small_disk, beside=True)
    seen = []
    async with StorageClient([server, output]) as storages:
        check = StorageCheck(storages, SOON)

        async def look() -> Judged:
            return judge(await check.read(), 0, {})[0].parts["small"]

        seen.append((await look()).status)
        (small_disk / "ballast").write_bytes(b"x" * int(0.85 * 4 * 1024**2))
        seen.append((await look()).status)
        (small_disk / "more").write_bytes(b"x" * int(0.10 * 4 * 1024**2))
        seen.append((await look()).status)
        (small_disk / "ballast").unlink()
        seen.append((await look()).status)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, capture_output=True)
        read_only = await look()
        subprocess.run(["umount", "-l", str(small_disk)], check=True, capture_output=True)
        gone = await look()
    assert seen == [Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.HEALTHY]
    assert (read_only.status, "not written" in (read_only.reason or "")) == (Status.DEGRADED, True)
    assert (gone.status, "not mounted" in (gone.reason or "")) == (Status.UNHEALTHY, True)
