"""Publishers as a station runs them: real processes of `archivist_vod.app`, to be killed, stopped and asked."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from tests.chaos.world import ROOT, Armed
from tests.vod.world import World

from archivist_common.events.notify import Notifier
from archivist_common.maintenance import reconciler
from archivist_common.settings import VodSettings

_FENCED = re.compile(r'^archivist_fenced_writes_total\{component="vod"\} (\S+)$', re.MULTILINE)
_ROUND_S = 0.1


def environment(settings: VodSettings, redis_url: str, **more: object) -> dict[str, str]:
    """What a publisher of these settings is started with."""
    password = settings.cablecast_password
    account = {} if password is None else {"CABLECAST_PASSWORD": password.get_secret_value()}
    if settings.cablecast_user_id is not None:
        account["CABLECAST_USER_ID"] = settings.cablecast_user_id
    said: dict[str, object] = {
        **account,
        "ENVIRONMENT": "testing",
        "DATABASE_URL": settings.database_dsn,
        "REDIS_URL": redis_url,
        "DEFAULT_OUTPUT_PATH": settings.default_output_path,
        "FLEX_SERVERS": ",".join(f"{one.name}={one.path}+folder" for one in settings.flex_servers),
        "CABLECAST_API_URL": settings.cablecast_api_url,
        "CABLECAST_STORES": ",".join(f"{store}={name}" for store, name in settings.cablecast_stores.items()),
        "CABLECAST_SIDECAR": settings.cablecast_sidecar,
        "CABLECAST_SYNC_INTERVAL": 0,
        "AUTO_PUBLISH_TO_VOD": "false",
        "VOD_STATUS_CHECK_INTERVAL": settings.vod_status_check_interval.total_seconds(),
        "VOD_CONCURRENCY": settings.vod_concurrency,
        "JOB_LEASE": settings.job_lease.total_seconds(),
        "LOG_LEVEL": "INFO",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        **{name.upper(): value for name, value in more.items()},
    }
    return dict(os.environ) | {name: str(value) for name, value in said.items()}


class PublisherProcess(Armed):
    """A publisher with kill points. module: what is run instead of the product's own entry. points: the folder of its
    kill points, where it shares one with others: then one of them alone is hit."""

    def __init__(
        self,
        name: str,
        folder: Path,
        env: dict[str, str],
        *,
        module: str = "archivist_vod.app",
        points: Path | None = None,
    ) -> None:
        self.log = folder / f"{name}.log"
        command, own = [sys.executable, "-m", module], folder / "points" / name
        super().__init__(name, command, env=env, log=self.log, cwd=folder, points=points or own)

    async def up(self) -> None:
        """Launch it and wait until it lives; whether it is ready is the target's to say too."""
        self.launch()
        await self.ready(what="live")

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False, verify=False) as client:
            return await client.get(f"{self.url}{path}")

    async def fenced_writes(self) -> float:
        """Writes refused to attempts of this process that had lost their publication."""
        found = _FENCED.search((await self.get("/metrics")).text)
        return float(found[1]) if found else 0.0


@asynccontextmanager
async def mended(world: World, redis_url: str, lease: timedelta) -> AsyncIterator[None]:
    """Lapsed leases are taken back and publishers woken all the while, as transcriber and monitor do it."""
    notifier = Notifier(redis_url)

    async def mend() -> None:
        while True:
            await reconciler.run_once(world.db, notifier, lease)
            await notifier.notify_publisher()
            await asyncio.sleep(_ROUND_S)

    mending = asyncio.create_task(mend())
    try:
        yield
    finally:
        mending.cancel()
        await asyncio.wait([mending])
        await notifier.close()
    if not mending.cancelled() and (error := mending.exception()) is not None:
        raise error


async def until(fact: Callable[[], Awaitable[bool]], within_s: float, what: str) -> None:
    """Wait for a fact. Raises AssertionError with `what` when it does not come true in time."""
    try:
        async with asyncio.timeout(within_s):
            while not await fact():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {what}") from None
