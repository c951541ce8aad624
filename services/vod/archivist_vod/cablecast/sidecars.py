"""The SCC beside the video, under exactly its name, in the same store: how Cablecast takes captions.

By a content share that is mounted here, or by the server's chunked upload. People's own captions are never replaced:
only a file that holds, to the byte, what Archivist wrote for this recording once.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Literal

from archivist_common.errors import CaptionsRefused, NeedsPerson, PublicNameTaken, TargetMissing, TargetRefused
from archivist_common.storage.client import StorageClient, StorageServer
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.uploads import UploadProgress, Uploads
from archivist_vod.targets.interface import Accepted, Ledger, Work

Way = Literal["auto", "share", "upload"]
_CONFLICT = 409
_NEWEST = 500  # assets looked at for a sidecar that the server has not taken into use yet
_LONGEST_SIDECAR = 16 * 2**20  # bytes; four hours of captions have two


@dataclass(frozen=True, slots=True)
class Share:
    """A store's folder, mounted here. path: of the sidecar beneath it."""

    server: StorageServer
    path: str


@dataclass(frozen=True, slots=True)
class Ways:
    """How sidecars are put in place. shares: storage server by store, by its number or name, `*` for all."""

    way: Way
    shares: Mapping[str, str]
    storages: StorageClient
    deadline: timedelta


def sidecar_path(item: CablecastItem) -> str:
    """Of the sidecar, as the video's: relative to its store."""
    path = PurePosixPath(item.path)
    return str(path.with_name(path.name.removesuffix(path.suffix) + ".scc"))


async def share_of(ways: Ways, catalogue: CablecastApi, work: Work, item: CablecastItem) -> Share | None:
    """The mounted folder to write to; None where it goes by upload."""
    if ways.way == "upload":
        return None
    names = {store.id: store.name for store in await catalogue.lookups.file_stores()} if item.stores else {}
    for key in [str(one) for store in item.stores or () for one in (store, names.get(store, ""))] + ["*"]:
        if (name := ways.shares.get(key)) is not None:
            return Share(ways.storages.server(name), sidecar_path(item))
    own = next((one for one in ways.storages.servers if one.name == work.storage), None)
    # Where captions go beside recordings, the storage server is Cablecast's own content folder.
    if own is not None and (own.beside or ways.way == "share"):
        folder = PurePosixPath(work.path).parent
        return Share(own, str(folder / PurePosixPath(sidecar_path(item)).name))
    return None


async def put(
    ways: Ways, catalogue: CablecastApi, uploads: Uploads, work: Work, item: CablecastItem, ledger: Ledger
) -> None:
    """The sidecar stands. Raises PublicNameTaken where people's does, NeedsPerson where there is no way to put it."""
    share = await share_of(ways, catalogue, work, item)
    if share is not None:
        ledger.require()
        await ways.storages.place(
            share.server,
            share.path,
            source=work.track.path,
            sha256=work.track.sha256,
            ours=work.track.ours,
            deadline=ways.deadline,
        )
        return
    if not item.stores:
        raise NeedsPerson(
            "the server does not say in which store the video lies, so nothing can be uploaded beside it; "
            "mount its content folder and name it in CABLECAST_STORES",
            why="NO_WAY_FOR_CAPTIONS",
        )
    if "/" in sidecar_path(item):  # an upload has a name and no folder (contract, section 2, fileUpload)
        raise NeedsPerson(
            f"the video lies in a folder of its store ({item.path!r}), where nothing can be uploaded; mount it "
            "and name it in CABLECAST_STORES",
            why="NO_WAY_FOR_CAPTIONS",
        )
    await _upload(catalogue, uploads, work, item, item.stores[0], ledger)


async def accepted(catalogue: CablecastApi, item: CablecastItem) -> Accepted:
    """Whether the server has found the sidecar and can read it. Raises CaptionsRefused with what it says."""
    judged = None
    if item.digital_file is not None:
        with suppress(TargetMissing):
            judged = await catalogue.digital_file_by_id(item.digital_file)
    if judged is not None and judged.captions_are_compatible is False:
        why = judged.captions_message or "it does not say why"
        raise CaptionsRefused(f"Cablecast cannot use the captions: {why}")
    has = judged is not None and judged.has_captions is True
    if item.asset is not None:
        has = (await catalogue.asset(item.asset)).has_captions is True
    return Accepted.YES if has else Accepted.NOT_YET


async def _upload(
    catalogue: CablecastApi, uploads: Uploads, work: Work, item: CablecastItem, store: int, ledger: Ledger
) -> None:
    path = sidecar_path(item)
    key = f"sidecar:{work.version}"
    # Where the video has captions already, who made them is found out, however long the list is.
    has_any = item.asset is None or (await catalogue.asset(item.asset)).has_captions is not False
    stands = await catalogue.sidecar(store, path, newest=None if has_any else _NEWEST)
    if stands is not None:
        held = await _sha256_at(catalogue, stands.url)
        if held == work.track.sha256:
            await ledger.seen(key, "done")
            return
        placed = await ledger.all_confirmed("sidecar:")
        if held not in work.track.ours and not (held is None and placed):
            raise PublicNameTaken(f"{path!r} in store {store} is not a file Archivist wrote, or was edited since")
    note = await ledger.note(key)

    async def keep(progress: UploadProgress) -> None:
        ledger.require()
        await ledger.note(key, progress.to_json())

    async def send() -> None:
        try:
            sent = await uploads.upload(
                path, store, work.track.data, progress=UploadProgress.from_json(dict(note) or None), keep=keep
            )
        except TargetRefused as exc:
            if exc.status == _CONFLICT and stands is not None:
                raise NeedsPerson(
                    f"the server refuses a second file named {path!r}; remove the old one there, or mount the store "
                    "and name it in CABLECAST_STORES",
                    why="SIDECAR_NOT_REPLACEABLE",
                ) from exc
            raise
        if sent.asset is not None:
            now = (await catalogue.asset(sent.asset)).path.replace("\\", "/").lstrip("/")
            if now != path:
                raise NeedsPerson(
                    f"the server kept the upload as {now!r} beside the old {path!r}, where it is not used; remove "
                    "the old one there, or mount the store and name it in CABLECAST_STORES",
                    why="SIDECAR_RENAMED",
                )

    await ledger.change(key, send)


async def _sha256_at(catalogue: CablecastApi, url: str) -> str | None:
    if not url:
        return None
    try:
        data = await catalogue.client.get_bytes(url, limit=_LONGEST_SIDECAR)
    except (TargetMissing, TargetRefused):
        return None
    return hashlib.sha256(data).hexdigest()
