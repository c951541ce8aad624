"""What is on a Cablecast server: shows, reels, files, VODs, and the lists they refer to.

A filter is never trusted: servers ignore parameters they do not know and give the whole list, so every row is
looked at again here. Lists are read to their end though rows come and go meanwhile.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from archivist_common.errors import TargetFailed, TargetMissing, TargetRefused
from archivist_vod.cablecast import models
from archivist_vod.cablecast.objects import Objects, read, read_all
from archivist_vod.cablecast.reference_data import KEPT_S, Lookups
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.video_file import VideoFile, of_asset, of_digital

_IDS_AT_ONCE = 100  # shows fetched by id in one call, as the vendor's own plugin does
_SHOWS_AT_ONCE = 500
_ASSETS_AT_ONCE = 500
_NEWEST = 100  # shows looked through besides the search, which may lag behind


class CablecastApi(Objects):
    """Of one server. lookups: what it says of itself, and the lists that its shows and VODs refer to."""

    def __init__(self, client: CablecastClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(client)
        self.lookups = Lookups(client, clock=clock)
        self._clock = clock
        self._without_statuses_until = float("-inf")

    # Shows

    async def show(self, show: int) -> models.Show:
        return await self.one(f"shows/{show}", "show", models.Show)

    async def shows(self, ids: Iterable[int]) -> tuple[models.Show, ...]:
        """Shows by id, in the order asked for, without those that are gone."""
        wanted = list(dict.fromkeys(ids))
        found: dict[int, models.Show] = {}
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            some = wanted[start : start + _IDS_AT_ONCE]
            page = await self.client.get_page("shows", "shows", {"ids[]": some}, page_size=_IDS_AT_ONCE)
            found |= {show.id: show for show in read_all(models.Show, page.rows, "shows")}
            for missing in [id_ for id_ in some if id_ not in found]:
                try:
                    found[missing] = await self.show(missing)
                except TargetMissing:
                    continue
        return tuple(found[id_] for id_ in wanted if id_ in found)

    async def shows_by_local_id(self, key: str) -> tuple[models.Show, ...]:
        """Every show whose localId is `key`; more than one is for a person to decide.

        What the search finds is looked at again, and what it does not find is looked for among the newest shows:
        a show just made may not be in its index yet.
        """
        try:
            ids = await self.search_shows([("localId", "equals", key)])
        except (TargetMissing, TargetRefused):
            return tuple([show async for show in self.all_shows() if show.local_id == key])
        found = {show.id: show for show in await self.shows(ids) if show.local_id == key}
        newest = await self.client.get_page("shows", "shows", page_size=_NEWEST)
        found |= {show.id: show for show in read_all(models.Show, newest.rows, "shows") if show.local_id == key}
        return tuple(found.values())

    async def search_shows(self, filters: Sequence[tuple[str, str, str]]) -> tuple[int, ...]:
        """Ids of shows that the server says meet every (field, operator, value). Look at each again.

        Raises TargetMissing where there is no such search, TargetRefused where it does not know a field.
        """
        query = {
            "groups": [
                {
                    "orAnd": "and",
                    "filters": [{"field": f, "operator": o, "searchValue": v} for f, o, v in filters],
                }
            ],
            "sortOptions": [{"field": "lastModified", "descending": True}],
        }
        answer = await self.client.search("shows/search/advanced", "savedShowSearch", {"name": "", "query": query})
        results = answer.get("results")
        if results is None:
            return ()
        if not isinstance(results, list) or not all(type(result) is int for result in results):
            raise TargetFailed("POST shows/search/advanced: its results are no ids", status=200)
        return tuple(results)

    async def all_shows(self) -> AsyncGenerator[models.Show, None]:
        async with aclosing(self.all("shows", "shows", models.Show, page_size=_SHOWS_AT_ONCE)) as found:
            async for show in found:
                yield show

    # Reels and files

    async def reel(self, reel: int) -> models.Reel:
        return await self.one(f"reels/{reel}", "reel", models.Reel)

    async def reels(self, show: models.Show) -> tuple[models.Reel, ...]:
        """A show's reels in playing order: those it lists; where it lists none, those that say they are its."""
        found: dict[int, models.Reel] = {}
        if not show.reels:  # a server that ignores the filter gives the reels of every show
            listed = await self.of("reels", "reels", models.Reel, {"show": show.id}, show.id)
            found = {reel.id: reel for reel in listed}
        for missing in [reel for reel in show.reels if reel not in found]:
            try:
                found[missing] = await self.reel(missing)
            except TargetMissing:
                continue
        return tuple(sorted(found.values(), key=lambda reel: (reel.reel_number or 0, reel.id)))

    async def asset(self, asset: int) -> models.Asset:
        return await self.one(f"assets/{asset}", "asset", models.Asset)

    async def file_of(self, reel: models.Reel) -> VideoFile | None:
        """The file a reel plays, or None while it has none."""
        if reel.playback_asset is not None:
            try:
                return await self._asset_file(reel.playback_asset)
            except TargetMissing:
                pass  # no assets on this server, or this one is gone
        ids = reel.digital_files
        try:
            files = [await self.one(f"digitalfiles/{id_}", "digitalFile", models.DigitalFile) for id_ in ids]
            if not files:
                listed = self.all("digitalfiles", "digitalFiles", models.DigitalFile, page_size=_ASSETS_AT_ONCE)
                async with aclosing(listed):
                    async for file in listed:
                        if file.reel == reel.id:
                            files.append(file)
                            break
        except TargetMissing:
            return None
        return of_digital(files[0]) if files else None

    async def video(self, name: str) -> VideoFile | None:
        """The video of exactly this name, in whatever store and folder; None where there is none, or several."""
        try:
            listed = self.all("assets", "assets", models.Asset, {"sort": "last_modified"}, page_size=_ASSETS_AT_ONCE)
            async with aclosing(listed):
                assets = [asset async for asset in listed if asset.file_name == name and asset.file_type != "caption"]
            if len(assets) == 1:
                return replace(await self._asset_file(assets[0].id), reels=assets[0].reels)
            if assets:
                return None
        except TargetMissing:
            pass  # a server without assets
        try:
            file = await self.digital_file(name)
        except TargetMissing:
            return None
        return None if file is None else of_digital(file)

    async def digital_file_by_id(self, id_: int) -> models.DigitalFile:
        """It says whether its captions were understood."""
        return await self.one(f"digitalfiles/{id_}", "digitalFile", models.DigitalFile)

    async def digital_file(self, name: str) -> models.DigitalFile | None:
        """The digitalfile of exactly this name. Reads the list until it comes: keep its id."""
        listed = self.all("digitalfiles", "digitalFiles", models.DigitalFile, page_size=_ASSETS_AT_ONCE)
        async with aclosing(listed):
            async for file in listed:
                if file.file_name.replace("\\", "/").rpartition("/")[2] == name:
                    return file
        return None

    async def sidecar(self, store: int, path: str, *, newest: int | None = None) -> models.Asset | None:
        """The asset at exactly this path in a store, newest first; a name without folder is looked for in all.

        newest: how many assets to look at; None for all there are, which may be tens of thousands.
        """
        wanted = path.replace("\\", "/").lstrip("/")
        listed = self.all("assets", "assets", models.Asset, {"sort": "last_modified"}, page_size=_ASSETS_AT_ONCE)
        looked_at = 0
        async with aclosing(listed):
            async for asset in listed:
                looked_at += 1
                if newest is not None and looked_at > newest:
                    return None
                if asset.file_stores and store not in asset.file_stores:
                    continue
                if asset.path.replace("\\", "/").lstrip("/") == wanted or (
                    "/" not in wanted and asset.file_name == wanted
                ):
                    return asset
        return None

    async def _asset_file(self, id_: int) -> VideoFile:
        document = await self.client.get_document(f"assets/{id_}", "asset")
        asset = read(models.Asset, document["asset"], f"assets/{id_}")
        infos = [
            read(models.AssetInfo, row, f"assets/{id_}")
            for row in document.get("assetInfos") or ()
            if isinstance(row, dict) and row.get("id") in asset.asset_infos
        ]
        return of_asset(asset, infos)

    # VODs

    async def vod(self, vod: int) -> models.Vod:
        return await self.one(f"vods/{vod}", "vod", models.Vod)

    async def vods(self, show: models.Show) -> tuple[models.Vod, ...]:
        """The VODs a show lists, without those that are gone or say they are another's."""
        found = []
        for id_ in show.vods:
            try:
                vod = await self.vod(id_)
            except TargetMissing:
                continue
            if vod.show in (None, show.id):
                found.append(vod)
        return tuple(found)

    async def vod_progress(self, vod: int) -> tuple[models.VodStatus, models.Vod | None]:
        """How far a VOD is, by the cheapest way the server has; the VOD itself where that had to be read for it.

        Servers without vodState: `complete` once the last transaction says so, `unknown` until then. Raises
        TargetMissing when the VOD is gone.
        """
        if self._clock() >= self._without_statuses_until:
            try:
                return await self.one(f"vodstatuses/{vod}", "vodStatus", models.VodStatus), None
            except TargetMissing:
                found = await self.vod(vod)  # gone, too, when the VOD is
                self._without_statuses_until = self._clock() + KEPT_S
        else:
            found = await self.vod(vod)
        state = found.vod_state or (await self._legacy_state(found))
        status = {
            "id": vod,
            "vodState": state,
            "percentComplete": found.percent_complete,
            "errorMessage": found.error_message,
        }
        return models.VodStatus.read(status), found

    async def _legacy_state(self, vod: models.Vod) -> str:
        kind = vod.transaction_type
        if kind is None and vod.last_transaction is not None:
            try:
                transaction = await self.one(
                    f"vodtransactions/{vod.last_transaction}", "vodTransaction", models.VodTransaction
                )
            except TargetMissing:
                return models.UNKNOWN
            kind = transaction.transaction_type
        return models.COMPLETE if kind == models.READY_TRANSACTION else models.UNKNOWN

    async def chapters(self, vod: int) -> tuple[models.Chapter, ...]:
        """A VOD's chapters by time, deleted ones left out."""
        found = await self.of(
            "chapters", "chapters", models.Chapter, {"vod": vod, "deleted": "false"}, vod, key="vod"
        )
        return tuple(sorted((c for c in found if not c.deleted), key=lambda c: (c.offset or 0, c.id)))
