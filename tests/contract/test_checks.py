"""What every check of CHECKS promises, on real servers and with everything away."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import insert
from tests.conftest import Servers

from archivist_common.database.clock import database_in
from archivist_common.database.engine import Database
from archivist_common.database.models import PublishTarget, Worker
from archivist_common.errors import ArchivistError
from archivist_common.events.notify import Notifier
from archivist_common.settings import MonitorSettings
from archivist_common.storage.client import StorageClient
from archivist_monitor.check import Check, CheckResult, Status
from archivist_monitor.checks import CHECKS, Clients
from archivist_monitor.checks.storage import output_servers
from archivist_monitor.thresholds import judge

EVERY = pytest.mark.parametrize("name", list(CHECKS))
NEEDS_NOTHING_AWAY = {"system"}  # looks at the machine itself


async def _clients(settings: MonitorSettings) -> AsyncIterator[Clients]:
    db = Database.connect(settings, name="tests")
    notifier = Notifier(settings.redis_dsn)
    mounts = (*settings.flex_servers, *output_servers(settings.default_output_path))
    async with StorageClient(mounts) as storages:
        yield Clients(settings, db, notifier, storages)
    await notifier.close()
    await db.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def present(
    servers: Servers, migrated_template: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clients]:
    """A station where everything is there: servers, a folder of recordings, a ready worker, a place to publish to."""
    folder = tmp_path_factory.mktemp("media")
    async with servers.database(migrated_template) as database_url:
        settings = MonitorSettings(  # type: ignore[call-arg]
            _env_file=None,
            database_url=database_url,  # type: ignore[arg-type]
            redis_url=redis_url,  # type: ignore[arg-type]
            flex_servers=f"media={folder}+folder",  # type: ignore[arg-type]
            default_output_path=folder,
        )
        async for clients in _clients(settings):
            async with clients.db.transaction() as session:
                worker = {"id": "a", "host": "a", "slots": 1, "free_slots": 1, "ready": True}
                # It stays alive for as long as these tests take.
                await session.execute(insert(Worker).values(heartbeat_at=database_in(timedelta(hours=1)), **worker))
                at_hand = {"name": "cablecast", "kind": "cablecast", "seen_at": database_in(timedelta(hours=1))}
                await session.execute(insert(PublishTarget).values(**at_hand))
            yield clients


@pytest_asyncio.fixture(loop_scope="session")
async def absent(tmp_path: Path) -> AsyncIterator[Clients]:
    """A station where nothing is there."""
    settings = MonitorSettings(  # type: ignore[call-arg]
        _env_file=None,
        database_url="postgresql://postgres@/archivist?host=/nonexistent",  # type: ignore[arg-type]
        redis_url=f"unix://{tmp_path}/none.sock",  # type: ignore[arg-type]
        flex_servers=f"media={tmp_path}/none+folder",  # type: ignore[arg-type]
        default_output_path=tmp_path / "nowhere",
    )
    async for clients in _clients(settings):
        yield clients


def _all_values(reading: CheckResult) -> list[object]:
    return [*reading.values, *(value for part in reading.parts.values() for value in part.values)]


async def _within_deadline(check: Check) -> CheckResult:
    began = time.monotonic()
    try:
        async with asyncio.timeout(check.deadline.total_seconds()):
            return await check.read()
    finally:
        assert time.monotonic() - began < check.deadline.total_seconds()


@EVERY
async def test_making_a_check_talks_to_nobody(name: str, absent: Clients) -> None:
    began = time.perf_counter()
    check = CHECKS[name](absent)
    assert time.perf_counter() - began < 0.05
    assert timedelta() < check.deadline <= timedelta(seconds=10)


@EVERY
async def test_with_everything_there_nothing_but_thresholds_can_be_wrong(name: str, present: Clients) -> None:
    reading = await _within_deadline(CHECKS[name](present))
    assert (reading.status, reading.reason) == (Status.HEALTHY, None)
    assert _all_values(reading), "a check that measures nothing shows nothing"


@EVERY
async def test_with_everything_away_it_says_so_in_words_within_its_deadline(name: str, absent: Clients) -> None:
    check = CHECKS[name](absent)
    try:
        judged, _ = judge(await _within_deadline(check), 0, {})
        status, reason = judged.status, judged.reason
    except ArchivistError as exc:  # the watch makes this of it
        status, reason = Status.UNHEALTHY, exc.message
    if name not in NEEDS_NOTHING_AWAY:
        assert status is not Status.HEALTHY
        assert reason


@EVERY
async def test_values_are_named_once_have_a_unit_and_thresholds_in_order(name: str, present: Clients) -> None:
    reading = await _within_deadline(CHECKS[name](present))
    for values in (reading.values, *(part.values for part in reading.parts.values())):
        names = [value.name for value in values]
        assert len(set(names)) == len(names)
        for value in values:
            assert value.unit
            if value.degraded_above is not None and value.unhealthy_above is not None:
                assert value.degraded_above < value.unhealthy_above


@EVERY
async def test_looking_never_holds_up_the_event_loop(name: str, present: Clients) -> None:
    check = CHECKS[name](present)
    await check.read()  # heavy libraries are imported by the first look
    longest, over = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not over.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began)

    ticking = asyncio.create_task(tick())
    for _ in range(5):
        await check.read()
    over.set()
    await ticking
    assert longest < 0.5  # a blocking wait would be a second or more; the rest is the machine's load


@EVERY
async def test_two_looks_at_once_do_not_disturb_one_another(name: str, present: Clients) -> None:
    check = CHECKS[name](present)
    for reading in await asyncio.gather(check.read(), check.read()):
        assert reading.status is Status.HEALTHY


@EVERY
async def test_a_look_that_is_cut_short_leaves_the_next_one_unharmed(name: str, present: Clients) -> None:
    check = CHECKS[name](present)
    for pause in (0.0, 0.001, 0.005):
        look = asyncio.create_task(check.read())
        await asyncio.sleep(pause)
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
    assert (await _within_deadline(check)).status is Status.HEALTHY
