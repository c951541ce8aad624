"""Storage servers and the output folder: mounted, readable, writable where we write, not too full.

A mount is unhealthy when it is not mounted, does not answer, cannot be read or is over 90 % full, degraded
over 80 %. The whole is unhealthy when that is true of the output folder or of the server it lies on, or when no
server is left; one server of several degrades it, because the others go on. A server that we only read from may
be read-only or full; one that captions are to lie beside, and cannot be written, is degraded. So is the output
folder where a fallback takes what it refuses, and the fallback itself.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

from archivist_common.storage.client import MountState, StorageClient, StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_monitor import gauges
from archivist_monitor.check import CheckResult, Status, Value

USED_DEGRADED = 80.0  # %; the documentation's thresholds
USED_UNHEALTHY = 90.0
OUTPUT = "DEFAULT_OUTPUT_PATH"  # names of the output folders among the mounts
FALLBACK = "OUTPUT_FALLBACK_PATH"


def output_servers(output: Path, fallback: Path | None = None) -> list[StorageServer]:
    """The output folder and its fallback, checked like storage servers that we write to."""
    folders = {OUTPUT: output} | ({} if fallback is None else {FALLBACK: fallback})
    return [StorageServer(name, path, beside=True, kind=MountKind.FOLDER) for name, path in folders.items()]


class StorageCheck:
    """storages: the servers, and the output folders among them (`output_servers`). deadline: for one mount."""

    def __init__(self, storages: StorageClient, deadline: timedelta) -> None:
        self._storages = storages
        self._each = deadline
        self.deadline = deadline + timedelta(seconds=2)

    async def read(self) -> CheckResult:
        servers = self._storages.servers
        states = await asyncio.gather(*(self._storages.state(server, self._each) for server in servers))
        for state in states:
            _export(state)
        spare = any(state.server == FALLBACK and state.writable for state in states)
        outputs = [server.path for server in servers if server.name == OUTPUT and not spare]
        parts = {}
        for server, state in zip(servers, states, strict=True):
            spared = server.name == FALLBACK or (server.name == OUTPUT and spare)
            vital = spared or any(path.is_relative_to(server.path) for path in outputs)
            parts[server.name] = mount_result(server, state, vital=vital, spared=spared)
        if all(server.name in {OUTPUT, FALLBACK} for server in servers):
            return CheckResult(Status.DEGRADED, reason="FLEX_SERVERS names no storage server", parts=parts)
        return CheckResult(parts=parts)


def mount_result(server: StorageServer, state: MountState, *, vital: bool, spared: bool = False) -> CheckResult:
    """What a mount's state means. vital: the output lies on it. spared: there is another to take its place."""
    worst = Status.DEGRADED if spared else Status.UNHEALTHY
    used = None
    if state.total_bytes and state.free_bytes is not None:
        used = 100 * (1 - state.free_bytes / state.total_bytes)
    values = (
        Value("used", used, "%", degraded_above=USED_DEGRADED, unhealthy_above=None if spared else USED_UNHEALTHY),
        Value("total", state.total_bytes, "bytes"),
        Value("free", state.free_bytes, "bytes"),
    )
    status, reason = Status.HEALTHY, None
    if state.hung or not state.mounted or not state.readable:
        status, reason = worst, state.reason
    elif not state.writable:
        reason = state.reason
        if server.beside:
            status = worst if server.name == OUTPUT else Status.DEGRADED
    return CheckResult(status, values, reason, vital=vital)


def _export(state: MountState) -> None:
    up = state.mounted and state.readable and not state.hung
    gauges.MOUNT_UP.labels(state.server).set(up)
    for gauge, size in ((gauges.MOUNT_SIZE, state.total_bytes), (gauges.MOUNT_FREE, state.free_bytes)):
        gauge.labels(state.server).set(gauges.UNKNOWN if size is None else size)
