"""The whole life of a publication whose target is a folder, through the sender, on a real database and disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select
from tests.vod.folder.rss_validation import problems
from tests.vod.folder.world import URL, FolderWorld, folder_station
from tests.vod.world import SPOKEN, spoken

from archivist_captions.formats import FORMATS
from archivist_captions.formats.scc import write_scc
from archivist_common.database import migrate
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import CaptionVersion, Transcription, VodContent
from archivist_common.publishing import requests, targets
from archivist_common.publishing.options import PublishOptions
from archivist_vod.worker import PublishingWorker

PATH = "2026/Harbor City Council (20261118).mp4"
NEW = SPOKEN.replace("water tower", "fire station")


@pytest_asyncio.fixture(loop_scope="session")
async def station(own_database: str, tmp_path: Path) -> AsyncIterator[FolderWorld]:
    async with folder_station(own_database, tmp_path) as made:
        yield made


async def test_a_recording_is_published_corrected_rolled_back_withdrawn_and_brought_back(
    station: FolderWorld,
) -> None:
    first = spoken()
    job = await station.laid_out(PATH, first)
    asked = await station.ask(job)
    done = await station.drive(asked)
    assert (done.status, done.error_message, done.warnings) == ("published", None, ())
    key = requests.key_of("flex-1", PATH)
    folder = station.folder(key)
    assert done.url == f"{URL}/{folder.name}/index.html"
    signed = write_scc(first).text.encode()
    assert (folder / "captions.scc").read_bytes() == signed
    assert (folder / "captions.vtt").read_bytes() == FORMATS["vtt"].write(first)
    assert (folder / "captions.srt").read_bytes() == FORMATS["srt"].write(first)
    assert b"water tower" in (folder / "transcript.txt").read_bytes()
    assert (folder / "description.txt").read_text() == "The water tower needs paint.\n"
    assert b"Call to order" in (folder / "chapters.vtt").read_bytes()
    feed = (station.root / "feed.xml").read_bytes()
    assert problems(feed) == []
    assert key.encode() in feed
    async with station.db.transaction() as session:
        row = await session.get(Transcription, job, populate_existing=True)
        assert row is not None
        assert (row.vod_id, row.vod_url, row.vod_status) == (key, done.url, "published")
        shown = (await session.scalars(select(VodContent))).one()
        assert (shown.target, shown.status, shown.title) == ("folder", "published", "Harbor City Council 2026-11-18")

    again = await station.ask(job)
    assert again == asked
    assert not await station.sender.work_once()

    corrected = spoken(NEW)
    done = await station.drive(await station.ask(await station.laid_out(PATH, corrected)))
    assert (done.status, done.id) == ("published", asked)
    assert (folder / "captions.scc").read_bytes() == write_scc(corrected).text.encode()
    assert (folder / "captions.v1.scc").read_bytes() == signed
    assert b"fire station" in (folder / "captions.vtt").read_bytes()

    async with station.db.transaction() as session:
        assert await requests.rollback(session, asked) == 3
    done = await station.drive(asked)
    assert done.status == "published"
    assert (folder / "captions.scc").read_bytes() == signed
    assert (folder / "captions.vtt").read_bytes() == FORMATS["vtt"].write(first)
    assert (folder / "captions.v2.scc").read_bytes() == write_scc(corrected).text.encode()
    async with station.db.transaction() as session:
        versions = (await session.scalars(select(CaptionVersion).order_by(CaptionVersion.number))).all()
        assert [(one.number, one.restores, one.verified_date is not None) for one in versions] == [
            (1, None, True),
            (2, None, True),
            (3, 1, True),
        ]

    async with station.db.transaction() as session:
        assert await requests.withdraw(session, asked) == "pending"
    done = await station.drive(asked)
    assert (done.status, done.error_message) == ("removed", None)
    assert not folder.exists()
    assert (station.root / ".withdrawn" / folder.name / "captions.scc").read_bytes() == signed
    feed = (station.root / "feed.xml").read_bytes()
    assert key.encode() not in feed
    assert problems(feed) == []

    async with station.db.transaction() as session:
        await requests.retry(session, asked)
    done = await station.drive(asked)
    assert done.status == "published"
    assert (folder / "captions.scc").read_bytes() == signed
    assert key.encode() in (station.root / "feed.xml").read_bytes()


async def test_a_sender_started_before_the_tables_are_there_waits_for_them(
    station: FolderWorld, empty_database: str
) -> None:
    """Slots that asked at once died of the missing table, and the process with them."""
    bind = engine(empty_database, 5, 5, "tests")
    deps = replace(station.deps, db=Database(bind))
    sender = PublishingWorker(deps, "unix:///nowhere", slots=2, automatic=None, options=PublishOptions())
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0.5)
    assert not running.done(), running
    await migrate.upgrade(empty_database)
    async with asyncio.timeout(20):
        while True:
            async with deps.db.transaction() as session:
                if [target.name for target in await targets.all_of(session)] == ["folder"]:
                    break
            await asyncio.sleep(0.1)
    assert not running.done(), running
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await bind.dispose()
