"""What is on a Cablecast server: shows, reels, files, VODs, and the lists they refer to.

A filter is never trusted: servers ignore parameters they do not know and give the whole list, so every row is
looked at again here. Lists are read to their end though rows come and go meanwhile.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from archivist_common.errors import TargetFailed, TargetMissing, TargetRefused
from archivist_vod.cablecast import wire
from archivist_vod.cablecast.client import CablecastClient
from archivist_vod.cablecast.copying import Names
from archivist_vod.cablecast.listing import rows

LOOKUPS_KEPT_S = 3600.0
_IDS_AT_ONCE = 100  # shows fetched by id in one call, as the vendor's own plugin does
_SHOWS_AT_ONCE = 500
_ASSETS_AT_ONCE = 500
_FASTEST = 1000.0  # frames per second
_ROUNDED_BY = 0.005  # frames per second: what a rate with two decimals may be off
_NEWEST = 100  # shows looked through besides the search, which may lag behind

WireT = TypeVar("WireT", bound=wire.Wire)
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class VideoFile:
    """The file behind a reel, from an asset or, on older servers, a digitalfile.

    path: relative to its store. stores: ids of the file stores it lies on; empty where the server does not say.
    length_s: exact; None where it is not known. captions_compatible: None where the server does not say.
    """

    name: str
    path: str
    stores: tuple[int, ...]
    asset: int | None
    digital_file: int | None
    length_s: Fraction | None
    has_captions: bool | None
    captions_compatible: bool | None
    captions_message: str
    url: str
    reels: tuple[int, ...] = ()


class Catalogue:
    """Typed reading of one server. Lookups that hardly change are kept for an hour."""

    def __init__(self, client: CablecastClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, tuple[Any, ...]]] = {}
        self._without_statuses_until = float("-inf")

    # The server itself

    async def system_info(self) -> wire.SystemInfo:
        """Version and site. Some versions send it without an envelope."""
        return _read(wire.SystemInfo, await self._bare("systeminfo", "systemInfo"), "systeminfo")

    async def system_time(self) -> wire.SystemTime:
        return _read(wire.SystemTime, await self._bare("systemtime", "systemTime"), "systemtime")

    async def user_session(self) -> wire.UserSession:
        """Whom the server takes us for. Raises TargetMissing where the server has no such thing."""
        return _read(wire.UserSession, await self._bare("usersession", "userSession"), "usersession")

    async def _bare(self, path: str, root: str) -> dict[str, Any]:
        document = await self.client.get_document(path)
        for name, value in document.items():
            if name.lower() == root.lower() and isinstance(value, dict):
                return value
        return document

    async def zone(self) -> tzinfo | None:
        """Of the server's clock; None where it does not say."""
        try:
            said = await self.system_time()
        except TargetMissing:
            return None
        return _zone(said.iana_time_zone) or (said.time.tzinfo if said.time is not None else None)

    async def names(self) -> Names:
        """What the numbers in shows mean."""
        return Names(
            categories={one.id: one.name for one in await self.categories()},
            producers={one.id: one.name for one in await self.producers()},
            projects={one.id: one.name for one in await self.projects()},
            locations={one.id: one.name for one in await self.locations()},
            zone=await self.zone(),
        )

    # Lookups, kept for an hour

    async def locations(self) -> tuple[wire.Location, ...]:
        return await self._lookup("locations", "locations", wire.Location)

    async def formats(self) -> tuple[wire.Format, ...]:
        return await self._lookup("formats", "formats", wire.Format)

    async def categories(self) -> tuple[wire.Category, ...]:
        return await self._lookup("categories", "categories", wire.Category)

    async def producers(self) -> tuple[wire.Producer, ...]:
        return await self._lookup("producers", "producers", wire.Producer)

    async def projects(self) -> tuple[wire.Project, ...]:
        return await self._lookup("projects", "projects", wire.Project)

    async def show_fields(self) -> tuple[wire.ShowField, ...]:
        return await self._lookup("showfields", "showFields", wire.ShowField)

    async def field_definitions(self) -> tuple[wire.FieldDefinition, ...]:
        """The definitions that show fields refer to; they come along with those."""
        document = await self.client.get_document("showfields", "showFields")
        found = document.get("fieldDefinitions")
        return tuple(_read(wire.FieldDefinition, row, "showfields") for row in found or () if isinstance(row, dict))

    async def file_stores(self) -> tuple[wire.FileStore, ...]:
        return await self._lookup("filestores", "fileStores", wire.FileStore)

    async def vod_configurations(self) -> tuple[wire.VodConfiguration, ...]:
        return await self._lookup("vodconfigurations", "vodConfigurations", wire.VodConfiguration)

    async def qualities(self) -> tuple[wire.VodTranscodeQuality, ...]:
        return await self._lookup("vodtranscodequalities", "vodTranscodeQualities", wire.VodTranscodeQuality)

    def forget(self) -> None:
        """Read every lookup anew the next time."""
        self._kept.clear()

    async def _lookup(self, path: str, root: str, model: type[WireT]) -> tuple[WireT, ...]:
        read_at, kept = self._kept.get(path, (0.0, ()))
        if path in self._kept and self._clock() - read_at < LOOKUPS_KEPT_S:
            return kept
        found = tuple([row async for row in self._all(path, root, model)])
        self._kept[path] = (self._clock(), found)
        return found

    # Shows

    async def show(self, show: int) -> wire.Show:
        return await self._one(f"shows/{show}", "show", wire.Show)

    async def shows(self, ids: Iterable[int]) -> tuple[wire.Show, ...]:
        """Shows by id, in the order asked for, without those that are gone."""
        wanted = list(dict.fromkeys(ids))
        found: dict[int, wire.Show] = {}
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            some = wanted[start : start + _IDS_AT_ONCE]
            page = await self.client.get_page("shows", "shows", {"ids[]": some}, page_size=_IDS_AT_ONCE)
            found |= {show.id: show for show in _all(wire.Show, page.rows, "shows")}
            for missing in [id_ for id_ in some if id_ not in found]:
                try:
                    found[missing] = await self.show(missing)
                except TargetMissing:
                    continue
        return tuple(found[id_] for id_ in wanted if id_ in found)

    async def shows_by_local_id(self, key: str) -> tuple[wire.Show, ...]:
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
        found |= {show.id: show for show in _all(wire.Show, newest.rows, "shows") if show.local_id == key}
        return tuple(found.values())

    async def shows_between(self, start: datetime, end: datetime) -> tuple[wire.Show, ...]:
        """Shows whose eventDate lies in `start` to `end`, both included. Both with a zone."""
        try:
            ids = await self.search_shows(
                [
                    ("eventDate", "greaterThanOrEqual", start.isoformat()),
                    ("eventDate", "lessThanOrEqual", end.isoformat()),
                ]
            )
            candidates: Sequence[wire.Show] = await self.shows(ids)
        except (TargetMissing, TargetRefused):
            candidates = [show async for show in self.all_shows()]
        # A date without an offset is the server's own day: taken to be in the zone asked for.
        return tuple(
            show
            for show in candidates
            if show.event_date is not None
            and start <= (show.event_date if show.event_date.tzinfo else show.event_date.replace(tzinfo=start.tzinfo))
            and (show.event_date if show.event_date.tzinfo else show.event_date.replace(tzinfo=start.tzinfo)) <= end
        )

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

    async def all_shows(self) -> AsyncGenerator[wire.Show, None]:
        async with aclosing(self._all("shows", "shows", wire.Show, page_size=_SHOWS_AT_ONCE)) as found:
            async for show in found:
                yield show

    # Reels and files

    async def reel(self, reel: int) -> wire.Reel:
        return await self._one(f"reels/{reel}", "reel", wire.Reel)

    async def reels(self, show: wire.Show) -> tuple[wire.Reel, ...]:
        """A show's reels in playing order: those it lists; where it lists none, those that say they are its."""
        found: dict[int, wire.Reel] = {}
        if not show.reels:  # a server that ignores the filter gives the reels of every show
            listed = await self._of("reels", "reels", wire.Reel, {"show": show.id}, show.id)
            found = {reel.id: reel for reel in listed}
        for missing in [reel for reel in show.reels if reel not in found]:
            try:
                found[missing] = await self.reel(missing)
            except TargetMissing:
                continue
        return tuple(sorted(found.values(), key=lambda reel: (reel.reel_number or 0, reel.id)))

    async def asset(self, asset: int) -> wire.Asset:
        return await self._one(f"assets/{asset}", "asset", wire.Asset)

    async def file_of(self, reel: wire.Reel) -> VideoFile | None:
        """The file a reel plays, or None while it has none."""
        if reel.playback_asset is not None:
            try:
                return await self._asset_file(reel.playback_asset)
            except TargetMissing:
                pass  # no assets on this server, or this one is gone
        ids = reel.digital_files
        try:
            files = [await self._one(f"digitalfiles/{id_}", "digitalFile", wire.DigitalFile) for id_ in ids]
            if not files:
                listed = self._all("digitalfiles", "digitalFiles", wire.DigitalFile, page_size=_ASSETS_AT_ONCE)
                async with aclosing(listed):
                    async for file in listed:
                        if file.reel == reel.id:
                            files.append(file)
                            break
        except TargetMissing:
            return None
        return _digital(files[0]) if files else None

    async def video(self, name: str) -> VideoFile | None:
        """The video of exactly this name, in whatever store and folder; None where there is none, or several."""
        try:
            listed = self._all("assets", "assets", wire.Asset, {"sort": "last_modified"}, page_size=_ASSETS_AT_ONCE)
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
        return None if file is None else _digital(file)

    async def digital_file_by_id(self, id_: int) -> wire.DigitalFile:
        """It says whether its captions were understood."""
        return await self._one(f"digitalfiles/{id_}", "digitalFile", wire.DigitalFile)

    async def digital_file(self, name: str) -> wire.DigitalFile | None:
        """The digitalfile of exactly this name. Reads the list until it comes: keep its id."""
        listed = self._all("digitalfiles", "digitalFiles", wire.DigitalFile, page_size=_ASSETS_AT_ONCE)
        async with aclosing(listed):
            async for file in listed:
                if file.file_name.replace("\\", "/").rpartition("/")[2] == name:
                    return file
        return None

    async def sidecar(self, store: int, path: str, *, newest: int | None = None) -> wire.Asset | None:
        """The asset at exactly this path in a store, newest first; a name without folder is looked for in all.

        newest: how many assets to look at; None for all there are, which may be tens of thousands.
        """
        wanted = path.replace("\\", "/").lstrip("/")
        listed = self._all("assets", "assets", wire.Asset, {"sort": "last_modified"}, page_size=_ASSETS_AT_ONCE)
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
        asset = _read(wire.Asset, document["asset"], f"assets/{id_}")
        length = None
        for row in document.get("assetInfos") or ():
            if isinstance(row, dict) and row.get("id") in asset.asset_infos:
                info = _read(wire.AssetInfo, row, f"assets/{id_}")
                length = length or _length(info.frame_count, info.frame_rate)
        return VideoFile(
            asset.file_name,
            asset.path,
            asset.file_stores,
            asset.id,
            None,
            length,
            asset.has_captions,
            None,
            "",
            asset.url,
        )

    # VODs

    async def vod(self, vod: int) -> wire.Vod:
        return await self._one(f"vods/{vod}", "vod", wire.Vod)

    async def vods(self, show: wire.Show) -> tuple[wire.Vod, ...]:
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

    async def vod_status(self, vod: int) -> wire.VodStatus:
        """How far a VOD is, by the cheapest way the server has. Raises TargetMissing when the VOD is gone.

        Servers without vodState: `complete` once the last transaction says so, `unknown` until then.
        """
        return (await self.vod_look(vod))[0]

    async def vod_look(self, vod: int) -> tuple[wire.VodStatus, wire.Vod | None]:
        """As `vod_status`, and the VOD itself where that had to be read for it."""
        if self._clock() >= self._without_statuses_until:
            try:
                return await self._one(f"vodstatuses/{vod}", "vodStatus", wire.VodStatus), None
            except TargetMissing:
                found = await self.vod(vod)  # gone, too, when the VOD is
                self._without_statuses_until = self._clock() + LOOKUPS_KEPT_S
        else:
            found = await self.vod(vod)
        state = found.vod_state or (await self._legacy_state(found))
        status = {
            "id": vod,
            "vodState": state,
            "percentComplete": found.percent_complete,
            "errorMessage": found.error_message,
        }
        return wire.VodStatus.read(status), found

    async def _legacy_state(self, vod: wire.Vod) -> str:
        kind = vod.transaction_type
        if kind is None and vod.last_transaction is not None:
            try:
                transaction = await self._one(
                    f"vodtransactions/{vod.last_transaction}", "vodTransaction", wire.VodTransaction
                )
            except TargetMissing:
                return wire.UNKNOWN
            kind = transaction.transaction_type
        return wire.COMPLETE if kind == wire.READY_TRANSACTION else wire.UNKNOWN

    async def chapters(self, vod: int) -> tuple[wire.Chapter, ...]:
        """A VOD's chapters by time, deleted ones left out."""
        found = await self._of("chapters", "chapters", wire.Chapter, {"vod": vod, "deleted": "false"}, vod, key="vod")
        return tuple(sorted((c for c in found if not c.deleted), key=lambda c: (c.offset or 0, c.id)))

    # How rows become objects

    async def _one(self, path: str, root: str, model: type[WireT]) -> WireT:
        return _read(model, await self.client.get(path, root), path)

    async def _of(
        self, path: str, root: str, model: type[WireT], params: Mapping[str, Any], owner: int, key: str = "show"
    ) -> list[WireT]:
        """Rows whose `key` is `owner`, whatever the server made of the filter."""
        return [row async for row in self._all(path, root, model, params) if getattr(row, key) == owner]

    async def _all(
        self,
        path: str,
        root: str,
        model: type[WireT],
        params: Mapping[str, Any] | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[WireT, None]:
        async with aclosing(rows(self.client, path, root, params, page_size=page_size)) as listed:
            async for row in listed:
                yield _read(model, row, path)


def _read(model: type[ModelT], raw: Mapping[str, Any], path: str) -> ModelT:
    """An object of the server's. Raises TargetFailed for one that is not what it should be."""
    try:
        return model.read(raw) if issubclass(model, wire.Wire) else model.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TargetFailed(f"{path}: {where}: {first['msg']}", status=200) from exc


def _all(model: type[WireT], found: Iterable[Mapping[str, Any]], path: str) -> list[WireT]:
    return [_read(model, row, path) for row in found]


def _digital(file: wire.DigitalFile) -> VideoFile:
    return VideoFile(
        file.file_name.replace("\\", "/").rpartition("/")[2],
        file.path or file.file_name,
        (),
        None,
        file.id,
        _length(file.frame_count, file.frame_rate),
        file.has_captions,
        file.captions_are_compatible,
        file.captions_message,
        "",
        () if file.reel is None else (file.reel,),
    )


def _length(frames: int | None, rate: float | None) -> Fraction | None:
    """Seconds of so many frames, exactly; None where it cannot be known. A server's 29.97 is 30000/1001."""
    if not frames or not rate or not 0 < rate < _FASTEST:
        return None
    ntsc = Fraction(round(rate) * 1000, 1001)
    exact = ntsc if abs(rate - ntsc) < _ROUNDED_BY else Fraction(rate).limit_denominator(1000)
    return Fraction(frames) / exact


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # no such zone, or no list of zones on this machine
        return None
