"""The VOD of a show: found or begun, followed, taken off the public list."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archivist_common.errors import NeedsPerson, TargetMissing, TargetRefused
from archivist_common.settings import VodSettings
from archivist_vod.cablecast import models, reference_data
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.targets.interface import Ledger, Work
from archivist_vod.targets.progress import State, TargetProgress

_CONFLICT = 409
_NEARLY = 0.97  # of the floor: who comes back after all of it, by another clock, looks for himself
_STATES: Mapping[str, State] = {
    "queued": State.QUEUED,
    "processing": State.RUNNING,
    "partial": State.USABLE,
    "complete": State.DONE,
    "waiting": State.NEEDS_HUMAN,
    "error": State.BROKEN,
    "permanentFailure": State.FAILED,
    "disabled": State.UNLISTED,
}
"""Cablecast's words and ours (contract, section 3). One not listed is kept asking about."""
_LOOKED_INTO = frozenset({State.USABLE, State.DONE, State.NEEDS_HUMAN, State.BROKEN, State.FAILED})
_MOST_LOOKED_AT = 500  # other VODs, to see whether the server works at all


async def start(
    catalogue: CablecastApi,
    work: Work,
    item: CablecastItem,
    ledger: Ledger,
    *,
    settings: VodSettings,
) -> CablecastItem:
    """The item with its VOD: the show's own where it has one, else one begun now, once."""
    show = await catalogue.show(item.known_show)
    vods = await catalogue.vods(show)
    quality = reference_data.quality(settings, await catalogue.lookups.qualities(), work.options.quality)
    chosen = await _configuration(catalogue, show, quality, settings.cablecast_vod_configuration)
    alike = [vod for vod in vods if vod.vod_configuration == chosen.id]
    existing = alike or (list(vods) if settings.cablecast_vod_configuration is None else [])
    key = f"vod:{show.id}:{chosen.id}"
    if not existing and (begun := await ledger.confirmed(key)) is not None:
        told = f"VOD {begun} was deleted in Cablecast; try again, and another one is made"
        raise NeedsPerson(told, why="VOD_GONE")
    if existing:
        if len(alike) > 1:
            ids = ", ".join(str(vod.id) for vod in alike)
            ledger.warn("DUPLICATE_AT_TARGET the VOD", f"show {show.id} has several VODs of one configuration: {ids}")
        vod_id = min(vod.id for vod in existing)
        await ledger.seen(key, str(vod_id))
    else:
        body: dict[str, Any] = {"show": show.id, "vodConfiguration": chosen.id}
        if quality is not None:
            body["quality"] = quality.id
        else:
            asked = work.options.quality or settings.vod_default_quality
            ledger.warn("VOD_QUALITY", f"Cablecast has no VOD quality {asked!r}; its own is used")

        async def look() -> Sequence[str]:
            now = await catalogue.vods(await catalogue.show(show.id))
            return sorted((str(vod.id) for vod in now if vod.vod_configuration == chosen.id), key=int)

        async def make() -> str:
            try:
                return str((await catalogue.client.post("vods", "vod", body))["id"])
            except TargetRefused as exc:
                there = await look() if exc.status == _CONFLICT else ()
                if not there:
                    raise
                return there[0]

        vod_id = int(await ledger.once(key, do=make, look=look, what="the VOD"))
    return await listed(replace(item, vod_id=vod_id, configuration=chosen.id), catalogue, ledger)


async def listed(item: CablecastItem, catalogue: CablecastApi, ledger: Ledger) -> CablecastItem:
    """A programme that Archivist once took off the list is put back on it; one that people took off is not."""
    if not item.withdrawn:
        return item
    vod = await catalogue.vod(item.known_vod)
    if vod.disabled:
        ledger.require()
        await catalogue.client.put(f"vods/{vod.id}", "vod", models.edited(vod.raw, disabled=False))
        await ledger.forget(f"withdrawn:{vod.id}")
    return replace(item, withdrawn=False)


class Looks:
    """The last look at each VOD, for all who follow it: recordings of one show follow the same VOD.

    floor_s: a VOD is asked about no more often. clock: seconds, never going back.
    """

    def __init__(self, catalogue: CablecastApi, floor_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalogue = catalogue
        self._kept_s = _NEARLY * floor_s
        self._clock = clock
        self._last: dict[int, tuple[float, tuple[models.VodStatus, models.Vod | None]]] = {}

    async def at(self, vod_id: int) -> tuple[models.VodStatus, models.Vod | None]:
        """As `CablecastApi.vod_progress`."""
        now = self._clock()
        self._last = {one: look for one, look in self._last.items() if now - look[0] < self._kept_s}
        if vod_id not in self._last:
            self._last[vod_id] = (now, await self._catalogue.vod_progress(vod_id))
        return self._last[vod_id][1]


async def poll(catalogue: CablecastApi, looks: Looks, item: CablecastItem) -> TargetProgress:
    """How the VOD is getting on. What its status does not say is read from the VOD itself, when its state changes."""
    status, read = await looks.at(item.known_vod)
    state = _STATES.get(status.vod_state, State.UNKNOWN)
    seen = replace(item, seen=status.vod_state)
    message = status.error_message or None
    if state in _LOOKED_INTO and (item.seen != status.vod_state or not item.folder_url):
        vod = read or await catalogue.vod(item.known_vod)
        # The origin's own address first: the other may be a cache's.
        url = vod.local_url or vod.url
        seen = replace(
            seen, url=vod.url or vod.local_url, folder_url=url.rpartition("/")[0], watchable=vod.is_watchable
        )
        message = message or vod.status_message or vod.error_message or None
        if state is State.DONE and item.reel is not None:
            seen = await _with_reels_now(catalogue, seen)
    if state is State.DONE and seen.watchable is False:
        state = State.USABLE  # every variant is made, and none can be seen yet
        seen = replace(seen, seen="")  # so that the next look reads it again
    why = await _what_is_missing(catalogue, item) if state is State.NEEDS_HUMAN else None
    return TargetProgress(
        state=state,
        raw=status.vod_state or models.UNKNOWN,
        percent=status.percent_complete,
        message=message,
        url=seen.url or None,
        why=why,
        mark=f"{status.vod_state} {status.percent_complete} {message or ''}",
        item=seen,
    )


async def works_elsewhere(catalogue: CablecastApi, item: CablecastItem) -> str:
    """How the other VODs that are being made stand, in one line that changes when any of them does."""
    page = await catalogue.client.get_page("vods", "vods", page_size=_MOST_LOOKED_AT)
    busy = [
        (row.get("id"), row.get("vodState"), row.get("percentComplete"))
        for row in page.rows
        if row.get("id") != item.vod_id and row.get("vodState") in {"processing", "partial"}
    ]
    return " ".join(":".join(map(str, one)) for one in sorted(busy, key=str))


async def withdraw(catalogue: CablecastApi, item: CablecastItem, ledger: Ledger) -> CablecastItem:
    """Off the public list. Nothing is deleted: publishing it again puts it back."""
    vod_id = item.vod_id or await _begun(catalogue, item, ledger)
    if vod_id is None:
        return item
    vod = await catalogue.vod(vod_id)
    item = replace(item, vod_id=vod_id)
    key = f"withdrawn:{vod.id}"
    if vod.disabled:
        # By people, or by an attempt of ours that died before it could say so.
        return replace(item, withdrawn=item.withdrawn or await ledger.begun(key))

    async def unlist() -> None:
        await catalogue.client.put(f"vods/{vod.id}", "vod", models.edited(vod.raw, disabled=True))

    await ledger.forget(key)  # of an earlier withdrawal: it has been listed again since
    await ledger.change(key, unlist)
    return replace(item, withdrawn=True)


async def _begun(catalogue: CablecastApi, item: CablecastItem, ledger: Ledger) -> int | None:
    """A VOD that Archivist has begun without ever getting to know its id; None where there is none."""
    if item.show is None:
        return None
    for vod in await catalogue.vods(await catalogue.show(item.show)):
        if await ledger.begun(f"vod:{item.show}:{vod.vod_configuration}"):
            return vod.id
    return None


async def _configuration(
    catalogue: CablecastApi, show: models.Show, quality: models.VodTranscodeQuality | None, wanted: int | None
) -> models.VodConfiguration:
    known = await catalogue.lookups.vod_configurations()
    if wanted is not None:
        named = next((one for one in known if one.id == wanted), None)
        if named is None:
            raise NeedsPerson(
                f"CABLECAST_VOD_CONFIGURATION names {wanted}, which is not there", why="VOD_CONFIGURATION"
            )
        return named
    found = reference_data.configuration(show.location or 0, quality, known)
    if found is None:
        raise NeedsPerson(f"location {show.location} has no VOD configuration in Cablecast", why="VOD_CONFIGURATION")
    return found


async def _with_reels_now(catalogue: CablecastApi, item: CablecastItem) -> CablecastItem:
    """In points and lengths as they are now: somebody may have set them while Cablecast waited for it."""
    reels = await catalogue.reels(await catalogue.show(item.known_show))
    ours = next((reel for reel in reels if reel.id == item.reel), None)
    return item if ours is None else item.with_reel(ours, reels)


async def _what_is_missing(catalogue: CablecastApi, item: CablecastItem) -> str:
    """Why Cablecast waits, in words: a reel without a length, or without a file."""
    try:
        reels = await catalogue.reels(await catalogue.show(item.known_show))
    except TargetMissing:
        return "Cablecast waits, and its show is gone"
    for reel in reels:
        if not reel.length:
            return f"reel {reel.reel_number} of show {item.show} has no length; set it in Cablecast"
        if reel.has_processing_file:
            return f"Cablecast is still reading the file of reel {reel.reel_number}"
        if reel.has_valid_file is False or reel.has_invalid_file:
            return f"reel {reel.reel_number} of show {item.show} has no valid file; link it in Cablecast"
    return "Cablecast waits for something; its VOD screen, tab Waiting, says for what"
