"""The objects as they are served: what is stored, and what is worked out from the rest at that moment."""

from typing import Any
from urllib.parse import quote

from tests.simulators.cablecast.files import Asset, Files
from tests.simulators.cablecast.vods import Machine
from tests.simulators.cablecast.world import Row, World

INFO_IDS = 20_000  # the id of an asset's info is the asset's and this
DIGITAL_FILE_IDS = 1_300  # the id of a video's digital file is the asset's and this
_FRAME_RATE = 29.97


class Views:
    """Answers ready for an envelope. `origin` is the `http://host:port` that the caller used."""

    def __init__(self, world: World, files: Files, machine: Machine) -> None:
        self._world = world
        self._files = files
        self._machine = machine

    def of(self, collection: str, row: Row, origin: str) -> Row:
        match collection:
            case "shows":
                return self.show(row)
            case "reels":
                return self.reel(row)
            case "vods":
                return self.vod(row, origin)
            case _:
                return self.finished(row)

    def finished(self, row: Row) -> Row:
        """A row as it goes out: nothing of ours in it, and by the switches something nobody knows."""
        out = {name: value for name, value in row.items() if not name.startswith("_")}
        switches = self._world.switches
        if switches.omit_nulls:
            out = {name: value for name, value in out.items() if value is not None}
        if switches.extra_fields:
            out["stationNote"] = f"kept {row.get('id', '')}"
        return out

    def show(self, row: Row) -> Row:
        reels = self._world.reels_of(row["id"])
        videos = [self._files.of_reel(reel) for reel in reels]
        more = {
            "reels": [reel["id"] for reel in reels],
            "vods": [vod["id"] for vod in self._world.vods_of(row["id"])],
            "totalRunTime": sum(reel["length"] for reel in reels),
            "hasCaptions": any(has_captions(video) for video in videos),
        }
        return self.finished({**row, **more})

    def reel(self, row: Row) -> Row:
        video = self._files.of_reel(row)
        more: Row = {
            "hasValidFile": video is not None and video.status == "valid",
            "hasInvalidFile": video is not None and video.status == "invalid",
            "hasProcessingFile": video is not None and video.status == "processing",
        }
        if self._world.profile.assets:
            more["playbackAsset"] = video.id if video is not None else None
            more["assetReelLinks"] = [link["id"] for link in self._links_of(row, video)]
            return self.finished({**row, **more})
        old = {name: value for name, value in row.items() if name not in ("playbackAsset", "assetReelLinks")}
        more["digitalFiles"] = [video.id + DIGITAL_FILE_IDS] if video is not None else []
        return self.finished({**old, **more})

    def vod(self, row: Row, origin: str) -> Row:
        work = self._machine.work[row["id"]]
        percent, part = self._machine.progress(row, self._world.clock.now())
        url = f"{origin}{self.folder(row['id'])}/vod.mp4" if work.watchable else None
        waits = self._machine.missing(row) if row["vodState"] == "waiting" else None
        more = {
            "url": url,
            "localUrl": url,
            "fileName": f"{work.folder}.mp4" if work.watchable else None,
            "embedCode": f'<iframe src="{origin}/CablecastAPI/embed?show_id={row["show"]}"></iframe>'
            if url
            else None,
            "nonReflectEmbedCode": None,
            "webVtt": f"{origin}/cablecastapi/v1/vods/{row['id']}/chapters",
            "length": self._world.run_time(row["show"]) or None,
            "chapters": [c["id"] for c in self._world.where("chapters", "vod", row["id"]) if not c["deleted"]],
            "percentComplete": row["percentComplete"] if row.get("_held") else percent,
            "stateProgress": part,
            "isWatchable": work.watchable,
            "statusMessage": row["statusMessage"] if waits is None else waits,
        }
        if not self._world.profile.vod_state:
            gone = ("vodState", "vodStatus", "percentComplete", "stateProgress", "statusMessage", "stateChange")
            return self.finished({name: value for name, value in {**row, **more}.items() if name not in gone})
        return self.finished({**row, **more})

    def vod_status(self, row: Row) -> Row:
        full = self.vod(row, "")
        return self.finished({name: full.get(name) for name in ("id", "vodState", "percentComplete", "errorMessage")})

    def folder(self, vod: int) -> str:
        """The path of a VOD's folder, `/store-15/4120-harbor-council-v913`."""
        store = next((store.id for store in self._files.stores.values() if store.kind == "VOD"), 0)
        return f"/store-{store}/{self._machine.work[vod].folder}"

    def asset(self, asset: Asset, origin: str) -> Row:
        reel = self._files.reel_of(asset)
        clock = self._world.clock
        return self.finished(
            {
                "id": asset.id,
                "path": asset.name,
                "url": f"{origin}/store-files/{asset.store.id}/{quote(asset.name)}",
                "extension": asset.name.rpartition(".")[2],
                "fileStatus": asset.status,
                "fileType": asset.kind,
                "hasCaptions": has_captions(asset),
                "hasMultipleAudioProgram": False,
                "size": asset.size,
                "thumbnailState": "none",
                "thumbnailUrl": None,
                "vods": [],
                "reels": [reel["id"]] if reel is not None else [],
                "fileStores": [asset.store.id],
                "assetInfos": [asset.id + INFO_IDS] if asset.kind == "video" and asset.due is None else [],
                "assetLogs": [],
                "assetThumbnails": [],
                "fileStoreAssets": [],
                "created": clock.iso(asset.created),
                "lastModified": clock.iso(asset.changed),
            }
        )

    def asset_info(self, asset: Asset) -> Row:
        frames = round((asset.length_ms or 0) / 1000 * _FRAME_RATE)
        info = {"id": asset.id + INFO_IDS, "asset": asset.id, "frameCount": frames, "frameRate": _FRAME_RATE}
        return self.finished(info)

    def links(self) -> list[Row]:
        """Every tie between a reel and a file: its video, and the video's sidecar."""
        reels = self._world.rows["reels"].values()
        return [link for reel in reels for link in self._links_of(reel, self._files.of_reel(reel))]

    def _links_of(self, reel: Row, video: Asset | None) -> list[Row]:
        if video is None:
            return []
        links = [{"id": reel["id"] * 10, "asset": video.id, "reel": reel["id"], "linkType": "playback"}]
        if video.twin is not None:
            links.append(
                {"id": reel["id"] * 10 + 1, "asset": video.twin.id, "reel": reel["id"], "linkType": "caption"}
            )
        return links

    def digital_file(self, asset: Asset) -> Row:
        reel, clock, sidecar = self._files.reel_of(asset), self._world.clock, asset.twin
        return self.finished(
            {
                "id": asset.id + DIGITAL_FILE_IDS,
                "fileName": asset.name,
                "path": asset.name,
                "server": asset.store.id,
                "location": 1,
                "show": asset.show,
                "reelNumber": asset.reel_number if asset.show is not None else None,
                "reel": reel["id"] if reel is not None else None,
                "fileSize": asset.size,
                "frameCount": round((asset.length_ms or 0) / 1000 * _FRAME_RATE),
                "frameRate": _FRAME_RATE,
                "isValid": asset.status in ("valid", "unlinked"),
                "partial": asset.status == "processing",
                "ambiguous": self._is_ambiguous(asset),
                "problemDescription": asset.problem,
                "hasCaptions": has_captions(asset),
                "captionsAreCompatible": sidecar is None or sidecar.problem is None,
                "captionsMessage": sidecar.problem if sidecar is not None else None,
                "isStreamable": asset.status == "valid",
                "sha1": None,
                "createdDateTime": clock.iso(asset.created),
                "updatedDateTime": clock.iso(asset.changed),
            }
        )

    def _is_ambiguous(self, asset: Asset) -> bool:
        if asset.show is None:
            return False
        same = [a for a in self._files.named_after(asset.show) if a.reel_number == asset.reel_number and a.is_there]
        return len(same) > 1


def has_captions(asset: Asset | None) -> bool:
    """Whether a video has a sidecar beside it, good or bad."""
    return asset is not None and asset.kind == "video" and asset.twin is not None


def chapter_rows(world: World, vod: int) -> list[dict[str, Any]]:
    """The chapters of a VOD that a viewer sees."""
    return [row for row in world.where("chapters", "vod", vod) if not row["deleted"] and not row["hidden"]]
