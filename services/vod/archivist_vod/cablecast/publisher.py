"""Cablecast as a target: the show found, the SCC beside the video, the VOD followed, its captions read back."""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from archivist_common.errors import NeedsPerson, PublishError, TargetDenied, TargetMissing
from archivist_common.publishing.options import SIDECARS_UNSUPPORTED
from archivist_common.settings import VodSettings, scc_options_of
from archivist_common.shows.matching import KnownShows
from archivist_common.storage.client import StorageClient
from archivist_vod.cablecast import ensure, metadata, readback, resolve, sidecars, vods
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.sidecars import Ways
from archivist_vod.cablecast.transport import connection
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.uploads import Uploads
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.interface import Accepted, Capabilities, Ledger, Probe, Resolution, Work
from archivist_vod.targets.progress import TargetProgress

SIDECARS_SINCE = (7, 1)
"""The version from which servers take sidecars (vendor's support article)."""


@asynccontextmanager
async def opened(settings: VodSettings, storages: StorageClient) -> AsyncIterator["CablecastPublisher"]:
    """The settings' server, with the one pool of connections to it."""
    late = None if settings.cablecast_ca_bundle is None else connection.LateBundle(settings)
    async with connection.http(settings, transport=late) as http:
        yield CablecastPublisher(settings, CablecastClient.of(settings, http), storages)


class CablecastPublisher:
    """One Cablecast server. Its client is handed in; whoever made it closes it."""

    kind = "cablecast"
    item_type = CablecastItem

    def __init__(
        self,
        settings: VodSettings,
        client: CablecastClient,
        storages: StorageClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self.client = client
        self.catalogue = CablecastApi(self.client)
        floor_s = settings.vod_status_check_interval.total_seconds()
        self._looks = vods.Looks(self.catalogue, floor_s, clock)
        self._uploads = Uploads(self.client, deadline_s=settings.vod_timeout.total_seconds())
        self._ways = Ways(
            settings.cablecast_sidecar,
            settings.cablecast_stores,
            storages,
            min(settings.vod_timeout, timedelta(seconds=60)),
        )

    def capabilities(self) -> Capabilities:
        return Capabilities(
            caption_formats=("scc",),
            captions_first=True,
            can_replace_captions=True,
            needs_media_upload=False,
            chapters=True,
            readback=True,
            asynchronous=True,
            id_kind="show and VOD numbers",
            has_programmes=True,
        )

    def credentials_sha256(self) -> str | None:
        login = self._settings.cablecast_login
        if login is None:
            return None
        # With the address: the same password at another server is another credential.
        text = f"{self.client.base}\0{login[0]}\0{login[1].get_secret_value()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def resume(self) -> None:
        self.client.host.reset()

    async def probe(self) -> Probe:
        if self._settings.cablecast_login_trouble is not None:
            return Probe(self._settings.cablecast_login_trouble)
        try:
            info = await self.catalogue.lookups.system_info()
        except TargetDenied as exc:
            return Probe(exc.message, denied=True)
        except PublishError as exc:
            return Probe(exc.message)
        version = info.cablecast_friendly_version or info.cablecast_version
        details = {"site": info.site_name, "version": version, "sidecars": info.version >= SIDECARS_SINCE}
        return Probe(None, details)

    async def resolve(self, work: Work, shows: Callable[[], Awaitable[KnownShows]]) -> Resolution:
        return await resolve.resolve(self.catalogue, work, shows)

    async def outline(self, work: Work, item: CablecastItem) -> tuple[str, ...]:
        lines = []
        if item.show is None:
            lines.append(f"make a show, {work.title!r}, with a reel that plays {work.filename!r}")
        else:
            lines.append(f"use show {item.show}, {item.title!r}")
            show = await self.catalogue.show(item.show)
            where = await ensure.place(self.catalogue, work, show)
            if where is None:
                lines.append(
                    f"make a reel that plays {work.filename!r}"
                    if work.options.create_show
                    else "stop: no reel of it plays this"
                )
            else:
                at = ensure.item_at(item, show, where)
                if not work.options.without_captions:
                    ensure.check_name(work, at)
                    share = await sidecars.share_of(self._ways, self.catalogue, work, at)
                    way = "upload it" if share is None else f"write it to {share.server.name}"
                    size = len(work.track.data)
                    lines.append(f"put {sidecars.sidecar_path(at)!r} ({size} bytes) beside the video: {way}")
            there = await self.catalogue.vods(show)
            lines.append(f"follow VOD {there[0].id}" if there else "start a VOD, and follow it until it is complete")
        if not work.options.without_captions:
            lines.append("compare the captions it shows, word for word")
        if work.chapters:
            lines.append(f"write and publish {len(work.chapters)} chapters, unless there are others")
        if work.description or work.tags:
            lines.append("fill in title, description and tags where they are empty")
        return tuple(lines)

    async def ensure(self, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        await self._require_sidecars(work)
        if item.show is None:
            show = await ensure.show(self.catalogue, work, self._settings.cablecast_location_id, ledger)
        else:
            show = await self.catalogue.show(item.show)
        where = await ensure.place(self.catalogue, work, show)
        if where is None and work.options.create_show:
            where = await ensure.new_place(self.catalogue, work, show, ledger)
        if where is None:
            if work.options.without_captions:
                return item.with_show(show)
            told = (
                f"no reel of show {show.id} plays {work.filename!r}; link the file in Cablecast, or publish "
                "with create_show to have a reel made"
            )
            raise NeedsPerson(told, why="NO_REEL")
        if work.options.create_show:  # those of a try whose answer was lost are found as any others are
            await ledger.seen(f"show:{work.key}", str(show.id))
            await ledger.seen(f"media:{work.key}", str(where.reel.media))
            await ledger.seen(f"reel:{show.id}:{work.key}", str(where.reel.id))
        found = ensure.item_at(item, show, where)
        if not work.options.without_captions:
            ensure.check_name(work, found)
        return found

    async def put_captions(self, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        await sidecars.put(self._ways, self.catalogue, self._uploads, work, item, ledger)
        judge = item.digital_file
        if judge is None:
            with suppress(TargetMissing):  # a server without such files
                found = await self.catalogue.digital_file(str(item.file))
                judge = None if found is None else found.id
        return replace(item, sidecar=sidecars.sidecar_path(item), digital_file=judge)

    async def accepted(self, work: Work, item: CablecastItem) -> Accepted:
        return await sidecars.accepted(self.catalogue, item)

    async def start(self, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        return await vods.start(self.catalogue, work, item, ledger, settings=self._settings)

    async def poll(self, item: CablecastItem) -> TargetProgress:
        return await vods.poll(self.catalogue, self._looks, item)

    async def works_elsewhere(self, item: CablecastItem) -> str:
        return await vods.works_elsewhere(self.catalogue, item)

    async def verify(self, work: Work, item: CablecastItem) -> ReadBack | None:
        options = self._settings.scc_options
        server = self._settings.storage(work.storage)
        if server is not None:
            options = scc_options_of(server, options)
        return await readback.verify(self.client, item, work.track, options)

    async def put_chapters(self, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        return await metadata.put_chapters(self.catalogue, work, item, ledger)

    async def put_metadata(self, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        field = self._settings.cablecast_tags_field
        return await metadata.put_metadata(self.catalogue, work, item, ledger, tags_field=field)

    async def withdraw(self, item: CablecastItem, ledger: Ledger) -> CablecastItem:
        return await vods.withdraw(self.catalogue, item, ledger)

    async def _require_sidecars(self, work: Work) -> None:
        """Raises NeedsPerson for a server that takes no captions, unless somebody has said to go without."""
        if work.options.without_captions:
            return
        try:
            version = (await self.catalogue.lookups.system_info()).version
        except TargetMissing:
            return  # a server that does not say; the read-back tells
        if version and version < SIDECARS_SINCE:
            said = ".".join(map(str, version))
            raise NeedsPerson(
                f"Cablecast {said} takes no caption sidecars (7.1 and later do); approve to publish the programme "
                "without captions",
                why=SIDECARS_UNSUPPORTED,
            )
