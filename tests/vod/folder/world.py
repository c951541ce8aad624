"""A station that publishes to a folder: its database, its vault, its folder. No server of anybody's is needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from tests.factories import store_output
from tests.vod.world import World

from archivist_captions.cue import Captions
from archivist_captions.formats import srt, vtt
from archivist_captions.formats import text as text_format
from archivist_common.database.engine import Database, engine
from archivist_common.publishing.options import PublishOptions
from archivist_common.settings import VodSettings
from archivist_common.storage.client import StorageClient
from archivist_vod.attempts.deps import Deps
from archivist_vod.attempts.pacing import Pace
from archivist_vod.folder.publisher import FolderPublisher
from archivist_vod.worker import PublishingWorker

URL = "https://captions.example.org/recordings"
FIRST = datetime(2026, 11, 18, 22, 4, 11, tzinfo=UTC)
_TIMES = ("available_at", "followed_since", "vendor_changed_at", "attention_since", "queued_at")


class FolderWorld(World):
    """As `World`, with a folder for its target. Its clock goes on by a minute at each look."""

    root: Path

    async def skip(self, seconds: float) -> None:
        self.monotonic[0] += seconds
        moved = ", ".join(f"{column} = {column} - make_interval(secs => :s)" for column in _TIMES)
        async with self.db.transaction() as session:
            await session.execute(text(f"UPDATE publications SET {moved}"), {"s": seconds})

    async def laid_out(
        self, path: str, captions: Captions, *, made: bool = True, kinds: str = "vtt srt txt", **row: Any
    ) -> UUID:
        """A transcription that has completed, with the files that players and people take beside the SCC."""
        job = await self.captioned(path, captions, **row)
        if not made:
            return job
        writers = {"vtt": vtt.write, "srt": srt.write, "txt": text_format.write}
        folder = self.output / ".archivist" / str(job) / "1"
        async with self.db.transaction() as session:
            for kind in kinds.split():
                data = writers[kind](captions)
                public = self.output / "flex-1" / f"{path}.{kind}"
                await store_output(session, job, kind, data, folder=folder, public=public)
        return job

    async def ask(self, job: UUID, *, target: str = "folder", **options: Any) -> UUID:
        return await super().ask(job, target=target, **options)

    def folder(self, key: str) -> Path:
        """Of a recording, by its key."""
        return next(self.root.glob(f"{key}*"))


@asynccontextmanager
async def folder_station(database_url: str, folder: Path, **given: Any) -> AsyncIterator[FolderWorld]:
    output, root, flex = folder / "output", folder / "public", folder / "flex-1"
    for one in (output, root, flex):
        one.mkdir()
    settings = VodSettings(
        _env_file=None,
        **{
            "environment": "testing",
            "database_url": database_url,
            "default_output_path": output,
            "flex_servers": f"flex-1={flex}+folder",
            "publish_folder": root,
            "publish_folder_url": URL,
            "auto_publish_to_vod": False,
        }
        | given,
    )
    bind = engine(database_url, 5, 5, "tests")
    db = Database(bind)
    minutes = iter(range(1_000_000))
    async with StorageClient(settings.flex_servers) as storages:
        made = FolderWorld(db, None, settings, {}, None, None, output, {"flex-1": flex})  # type: ignore[arg-type]
        made.root = root
        made.publishers["folder"] = FolderPublisher(
            settings, storages, now=lambda: FIRST + timedelta(minutes=next(minutes))
        )
        made.deps = Deps(db, made.publishers, timedelta(seconds=30), Pace(), sleep=made.sleep)
        made.sender = PublishingWorker(
            made.deps, "unix:///nowhere", slots=1, automatic=None, options=PublishOptions()
        )
        await made.sender.report()
        yield made
    await bind.dispose()
