"""A publisher as a station runs it, but that its client's waits are short: `python -m tests.vod.storm.publisher`.

Sender, stages, ledger, fences, leases, kill points and the client are the real ones, settings come from the
environment. Only the clock of the client's back-off goes faster, as the storm's Cablecast does, and its circuit
breaker opens later: six spoiled answers in ten, each by itself, are no outage, though five in a row are not rare
among them. What an outage does has tests of its own.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from archivist_common import failpoints
from archivist_common.settings import VodSettings, read
from archivist_common.storage.client import StorageClient
from archivist_common.web import service
from archivist_vod.app import NAME, create_app
from archivist_vod.cablecast.publisher import CablecastPublisher
from archivist_vod.cablecast.transport import connection
from archivist_vod.cablecast.transport.circuit_breaker import CircuitBreaker
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.targets.registry import TARGETS

SPEED = "STORM_SPEED"
"""Seconds of a station in one of the storm."""
_OPEN_AFTER = 40  # failures in a row
_SOONER = 4  # and the client tries again so much sooner than that


def main() -> None:
    speed = float(os.environ[SPEED])
    settings = read(VodSettings)
    failpoints.arm(settings.kill_points)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / speed / _SOONER)

    @asynccontextmanager
    async def opened(settings: VodSettings, storages: StorageClient) -> AsyncIterator[CablecastPublisher]:
        host = CircuitBreaker("cablecast", clock=lambda: time.monotonic() * speed, open_after=_OPEN_AFTER)
        async with connection.http(settings) as http:
            yield CablecastPublisher(settings, CablecastClient.of(settings, http, host=host, sleep=sleep), storages)

    app = create_app(settings, {"cablecast": replace(TARGETS["cablecast"], opened=opened)})
    service.run(NAME, app, settings, settings.vod_host, settings.vod_port)


if __name__ == "__main__":
    main()
