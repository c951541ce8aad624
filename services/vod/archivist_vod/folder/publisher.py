"""A folder as a target: captions in every format, chapters, pages and a Media RSS feed, for any web server to serve.

Nothing is asked of anybody: what is written is there. Recordings themselves are never copied; the feed names them
where PUBLISH_FOLDER_MEDIA_URL says where they are served.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from archivist_common.errors import (
    ArchivistError,
    CaptionsRefused,
    NeedsPerson,
    NotFound,
    StorageUnavailable,
    TargetMissing,
)
from archivist_common.settings import VodSettings
from archivist_common.shows.matching import KnownShows
from archivist_common.storage import os_errors
from archivist_common.storage.client import StorageClient
from archivist_vod.folder import contents
from archivist_vod.folder.item import FolderItem
from archivist_vod.folder.listing import Listing, tell_of_edits
from archivist_vod.folder.manifest import Manifest, ManifestDamaged
from archivist_vod.folder.shelf import FEED, INDEX, Memory, Shelf
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.interface import Accepted, Capabilities, Found, Ledger, Probe, Resolution, Work
from archivist_vod.targets.progress import State, TargetProgress

T = TypeVar("T")

_THREADS = 2  # a disk that hangs takes these and no more of the process
_LONGEST = timedelta(seconds=60)
_PROBE = timedelta(seconds=10)
_LISTED, _UNLISTED = "listed", "not listed"


@asynccontextmanager
async def opened(settings: VodSettings, storages: StorageClient) -> AsyncIterator["FolderPublisher"]:
    """The settings' folder, with the threads that write there."""
    folder = FolderPublisher(settings, storages)
    try:
        yield folder
    finally:
        folder.close()


class FolderPublisher:
    """One folder. now: the time, for the feed's dates."""

    kind = "folder"
    item_type = FolderItem

    def __init__(
        self,
        settings: VodSettings,
        storages: StorageClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if settings.publish_folder is None:
            raise ValueError("PUBLISH_FOLDER is not set")
        self.root: Path = settings.publish_folder
        self._url = settings.publish_folder_url
        self._listing = Listing(
            settings.publish_folder_title, settings.publish_folder_url or "", settings.publish_folder_feed_items
        )
        self._media_url = settings.publish_folder_media_url
        self._storages = storages
        self._now = now
        self._deadline = min(settings.vod_timeout, _LONGEST)
        self._memory = Memory()
        self._threads = ThreadPoolExecutor(_THREADS, "folder")

    def close(self) -> None:
        """Takes nothing more. A thread that a hung disk holds is left to it."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            caption_formats=("scc", "vtt", "srt"),
            captions_first=True,
            can_replace_captions=True,
            needs_media_upload=False,
            chapters=True,
            readback=True,
            asynchronous=False,
            id_kind="recording key",
            has_programmes=False,
        )

    def credentials_sha256(self) -> str | None:
        return None

    def resume(self) -> None:
        """There are no credentials to be refused."""

    async def probe(self) -> Probe:
        if not self._url:
            return Probe("set PUBLISH_FOLDER_URL to the address under which the folder is served")
        try:
            details = await self._on_disk(_probed, deadline=_PROBE)
        except ArchivistError as exc:
            return Probe(exc.message)
        return Probe(None, {"folder": str(self.root), "url": self._url, **details})

    async def resolve(self, work: Work, shows: Callable[[], Awaitable[KnownShows]]) -> Resolution:
        """Always found: a recording has its folder, or will have one."""
        title = work.title

        def look(shelf: Shelf) -> str:
            folder = shelf.find(work.key) or shelf.find_withdrawn(work.key)
            return contents.folder_name(work.key, title) if folder is None else folder.name

        return Found(FolderItem(folder=await self._on_disk(look), title=title))

    async def outline(self, work: Work, item: FolderItem) -> tuple[str, ...]:
        title = work.title
        name = item.folder or contents.folder_name(work.key, title)

        def look(shelf: Shelf) -> tuple[bool, bool, list[str]]:
            live, withdrawn = shelf.find(work.key), shelf.find_withdrawn(work.key)
            folder = live or withdrawn
            known = None if folder is None else _readable(shelf, folder)
            wanted = {} if work.options.without_captions else contents.captions(work)
            if folder is None or known is None:
                return live is not None, withdrawn is not None, list(wanted)
            return (
                live is not None,
                withdrawn is not None,
                [n for n, data in wanted.items() if shelf.held(folder, n) != contents.digest(data)],
            )

        is_there, is_withdrawn, files = await self._on_disk(look)
        lines = []
        if not is_there:
            lines.append(f"bring folder {name!r} back" if is_withdrawn else f"make folder {name!r}")
        if files:
            lines.append(f"write {', '.join(files)} there")
        if not work.options.without_captions:
            lines.append("compare the captions there, word for word")
        if work.chapters:
            lines.append(f"write {len(work.chapters)} chapters there")
        if work.description:
            lines.append("write the description there")
        lines.append(f"list {title!r} in {FEED} and {INDEX}")
        return tuple(lines)

    async def ensure(self, work: Work, item: FolderItem, ledger: Ledger) -> FolderItem:
        self._require_url()
        title = work.title
        name = contents.folder_name(work.key, title)
        media_url, media_bytes = await self._media(work)

        def act(shelf: Shelf) -> str:
            with shelf.locked():
                fresh = Manifest(work.key, title, work.track.language, work.path, self._moment())
                folder, known = _opened(shelf, work.key, name, fresh)
                told = replace(
                    known,
                    title=title,
                    language=work.track.language,
                    length_s=work.length_s or known.length_s,
                    media_url=media_url,
                    media_bytes=media_bytes,
                )
                shelf.settle(folder, told)
                return folder.name

        return replace(item, folder=await self._on_disk(act, ledger), title=title)

    async def put_captions(self, work: Work, item: FolderItem, ledger: Ledger) -> FolderItem:
        try:
            wanted = await asyncio.to_thread(contents.captions, work)
        except ValueError as exc:
            raise CaptionsRefused(f"the signed-off captions are no SCC: {exc}") from exc

        def act(shelf: Shelf) -> None:
            with shelf.locked():
                folder, known = _known(shelf, item)
                files = dict(wanted)
                before = shelf.read(folder, contents.SCC)
                existing = None if before is None else contents.digest(before)
                is_ours = existing is not None and (
                    known.is_ours(contents.SCC, existing) or existing in work.track.ours
                )
                if before is not None and is_ours and existing != work.track.sha256 and known.captions:
                    files = {contents.kept_name(known.captions): before, **files}
                known, _ = shelf.put(folder, known, files, also_ours=work.track.ours, strictly=True)
                shelf.settle(folder, replace(known, captions=work.version))

        await self._on_disk(act, ledger)
        return replace(item, captions=work.version)

    async def accepted(self, work: Work, item: FolderItem) -> Accepted:
        def look(shelf: Shelf) -> bool:
            folder, _ = _known(shelf, item)
            return shelf.held(folder, contents.SCC) == work.track.sha256

        return Accepted.YES if await self._on_disk(look) else Accepted.NOT_YET

    async def start(self, work: Work, item: FolderItem, ledger: Ledger) -> FolderItem:
        def act(shelf: Shelf) -> None:
            with shelf.locked():
                folder, known = _known(shelf, item)
                known = replace(known, is_listed=True, published=known.published or self._moment())
                self._listing.show(shelf, folder, known, ledger)

        await self._on_disk(act, ledger)
        return replace(item, vod_id=work.key)

    async def poll(self, item: FolderItem) -> TargetProgress:
        _, known = await self._on_disk(lambda shelf: _known(shelf, item))
        told = _LISTED if known.is_listed else _UNLISTED
        state = State.DONE if known.is_listed else State.UNLISTED
        return TargetProgress(state, told, percent=100.0, url=self._address(item), mark=f"{told} {known.captions}")

    async def works_elsewhere(self, item: FolderItem) -> str:
        return ""

    async def verify(self, work: Work, item: FolderItem) -> ReadBack | None:
        def look(shelf: Shelf) -> tuple[bytes | None, bytes | None]:
            folder, _ = _known(shelf, item)
            return shelf.read(folder, contents.SCC), shelf.read(folder, contents.VTT)

        scc, vtt = await self._on_disk(look)
        if scc is None or vtt is None:
            return None
        return await asyncio.to_thread(contents.read_back, work.track.data, scc, vtt)

    async def put_chapters(self, work: Work, item: FolderItem, ledger: Ledger) -> FolderItem:
        chapters = tuple((one.start_ms, one.title) for one in work.chapters)
        made = {contents.CHAPTERS_VTT: b"", contents.CHAPTERS_JSON: b""}
        if chapters:
            made = {
                contents.CHAPTERS_VTT: contents.chapters_vtt(chapters, work.length_s),
                contents.CHAPTERS_JSON: contents.chapters_json(chapters),
            }

        def act(shelf: Shelf) -> None:
            with shelf.locked():
                folder, known = _known(shelf, item)
                if chapters:
                    known, theirs = shelf.put(folder, known, made, strictly=False)
                    tell_of_edits(ledger, "CHAPTERS_BY_PEOPLE", theirs)
                else:
                    known = shelf.drop(folder, known, made)
                self._listing.show(shelf, folder, replace(known, chapters=chapters), ledger)

        await self._on_disk(act, ledger)
        return replace(item, chapters=len(chapters))

    async def put_metadata(self, work: Work, item: FolderItem, ledger: Ledger) -> FolderItem:
        title = work.title

        def act(shelf: Shelf) -> None:
            with shelf.locked():
                folder, known = _known(shelf, item)
                if work.description:
                    made = {contents.DESCRIPTION: (work.description + "\n").encode()}
                    known, theirs = shelf.put(folder, known, made, strictly=False)
                    tell_of_edits(ledger, "DESCRIPTION_BY_PEOPLE", theirs)
                else:
                    known = shelf.drop(folder, known, [contents.DESCRIPTION])
                known = replace(known, title=title, description=work.description, tags=work.tags)
                self._listing.show(shelf, folder, known, ledger)

        await self._on_disk(act, ledger)
        return replace(item, title=title)

    async def withdraw(self, item: FolderItem, ledger: Ledger) -> FolderItem:
        key = item.vod_id
        if key is None:
            return item

        def act(shelf: Shelf) -> None:
            with shelf.locked():
                folder = shelf.find(key)
                if folder is None:  # withdrawn before, or taken away by somebody
                    self._listing.refresh(shelf, ledger)
                    return
                known = _readable(shelf, folder)
                if known is not None:
                    shelf.settle(folder, replace(known, is_listed=False))
                # The feed first: it never names what is not there.
                self._listing.refresh(shelf, ledger)
                shelf.withdraw(folder)

        await self._on_disk(act, ledger)
        return item

    async def _media(self, work: Work) -> tuple[str | None, int | None]:
        """Where the recording itself is served, and its size in bytes; None for what is not known."""
        if not self._media_url:
            return None, None
        url = self._media_url.replace("{storage}", quote(work.storage, safe=""))
        url = url.replace("{path}", quote(work.path))
        try:
            server = self._storages.server(work.storage)
            found = await self._storages.stat_recording(server, work.path, _PROBE)
        except (ArchivistError, NotFound):
            return url, None  # served from elsewhere, or away for now: the feed does without the size
        return url, found.size_bytes

    def _address(self, item: FolderItem) -> str:
        return f"{self._url}/{item.folder}/{contents.PAGE}"

    def _require_url(self) -> None:
        if not self._url:
            raise NeedsPerson(
                "set PUBLISH_FOLDER_URL to the address under which the folder is served", why="FOLDER_WITHOUT_URL"
            )

    def _moment(self) -> datetime:
        return self._now().astimezone(UTC).replace(microsecond=0)

    async def _on_disk(
        self, act: Callable[[Shelf], T], ledger: Ledger | None = None, *, deadline: timedelta | None = None
    ) -> T:
        """What `act` gives, in a thread. Raises StorageUnavailable when it takes too long; it then writes no more."""
        wait_s = (deadline or self._deadline).total_seconds()
        given_up = threading.Event()

        def require() -> None:
            if given_up.is_set():
                raise StorageUnavailable("the folder took too long; nothing more is written")
            if ledger is not None:
                ledger.require()

        shelf = Shelf(self.root, self._memory, now=self._moment, require=require, wait_s=wait_s)

        def run() -> T:
            try:
                return act(shelf)
            except OSError as exc:
                raise os_errors.writing(exc, f"folder {str(self.root)!r}") from exc

        try:
            async with asyncio.timeout(wait_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except TimeoutError as exc:
            raise StorageUnavailable(f"folder {str(self.root)!r} did not answer within {wait_s:g} s") from exc
        finally:
            given_up.set()


def _probed(shelf: Shelf) -> Mapping[str, Any]:
    shelf.require_root()
    shelf.require_writable()
    everything, damaged = shelf.all_of(shelf.root)
    room = os.statvfs(shelf.root)
    return {
        "recordings": sum(one.is_listed for _, one in everything),
        "damaged": damaged,
        "free_bytes": room.f_bavail * room.f_frsize,
    }


def _opened(shelf: Shelf, key: str, name: str, fresh: Manifest) -> tuple[Path, Manifest]:
    try:
        return shelf.open(key, name, fresh)
    except ManifestDamaged as exc:
        raise _damaged(name, exc) from exc


def _known(shelf: Shelf, item: FolderItem) -> tuple[Path, Manifest]:
    """The recording's folder. Raises TargetMissing where it was taken away, NeedsPerson for a damaged manifest."""
    folder = shelf.root / item.folder
    try:
        known = shelf.manifest(folder)
    except ManifestDamaged as exc:
        raise _damaged(folder.name, exc) from exc
    if known is None:
        shelf.require_root()
        raise TargetMissing(f"the folder {folder.name!r} is not there any more")
    return folder, known


def _readable(shelf: Shelf, folder: Path) -> Manifest | None:
    try:
        return shelf.manifest(folder)
    except ManifestDamaged as exc:
        raise _damaged(folder.name, exc) from exc


def _damaged(name: str, exc: ManifestDamaged) -> NeedsPerson:
    return NeedsPerson(
        f"Archivist's own record in folder {name!r} is damaged ({exc}); put .archivist.json back from a backup, or "
        "move the folder away, and try again",
        why="MANIFEST_DAMAGED",
    )
