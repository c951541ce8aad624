"""What a show and a VOD of Cablecast are in our tables. No database: what came in, a row out.

Texts are cut to their columns and cleaned of what PostgreSQL refuses; a number that fits no column is left out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from archivist_common.database.text import storable
from archivist_common.states import VodStatus
from archivist_vod.cablecast import models
from archivist_vod.cablecast.reference_data import Names, aware, day, place
from archivist_vod.cablecast.transport.envelopes import Json

_TITLE, _NAME, _URL, _STATE = 255, 100, 500, 50  # characters of the columns
_LARGEST = 2**31 - 1  # of an integer column

_STATUSES: Mapping[str, VodStatus] = {
    models.COMPLETE: VodStatus.PUBLISHED,
    models.ERROR: VodStatus.FAILED,
    models.PERMANENT_FAILURE: VodStatus.FAILED,
    models.DISABLED: VodStatus.REMOVED,
}
"""Cablecast's states of a VOD that Archivist did not publish; any other one is still being made."""


def show_row(raw: Json, names: Names, files: Iterable[str]) -> dict[str, Any] | None:
    """A row of `cablecast_shows`, by column; None for a show that cannot be read."""
    try:
        show = models.Show.read(raw)
    except ValidationError:
        return None
    if not fits(show.id):
        return None
    title = _line(show.title, _TITLE)
    return {
        "cablecast_id": show.id,
        "title": title or _line(show.cg_title, _TITLE) or f"show {show.id}",
        "cg_title": _line(show.cg_title, _TITLE) or None,
        "description": storable(show.comments) or None,
        "category": _named(show.category, names.categories),
        "producer": _named(show.producer, names.producers),
        "project": _line(place(show, names), _TITLE) or None,
        "runtime": _number(show.total_run_time),
        "created_date": aware(models.moment(raw.get("created")), names.zone),
        "event_date": day(show.event_date, names.zone),
        "local_id": _line(show.local_id, _TITLE) or None,
        "location": _number(show.location),
        "files": sorted({name for name in map(file_name, files) if name}),
        "vods": [vod for vod in show.vods if fits(vod)],
        "has_captions": show.has_captions,
        "last_modified": aware(show.last_modified, names.zone),
    }


def vod_row(
    raw: Json, target: str, titles: Mapping[int, str], thumbnails: Mapping[int, str]
) -> dict[str, Any] | None:
    """A row of `vod_content`, by column; None for a VOD that cannot be read.

    titles, thumbnails: of shows, by number.
    """
    try:
        vod = models.Vod.read(raw)
    except ValidationError:
        return None
    if not fits(vod.id):
        return None
    url = storable(vod.url or vod.local_url)
    show = _number(vod.show)
    known = None if show is None else titles.get(show)
    state = vod_state(vod)
    return {
        "vod_id": str(vod.id),
        "target": target,
        "show": show,
        "title": _line(known or (f"VOD {vod.id}" if show is None else f"show {show}"), _TITLE),
        "url": url if 0 < len(url) <= _URL else None,  # half an address leads nowhere
        "thumbnail_url": None if show is None else thumbnails.get(show),
        "duration": _number(vod.length),
        "quality": _number(vod.quality),
        "status": VodStatus.REMOVED if vod.disabled else _STATUSES.get(state, VodStatus.PROCESSING),
        "vendor_state": _line(state, _STATE) or None,
        "is_watchable": vod.is_watchable,
    }


def vod_state(vod: models.Vod) -> str:
    """Cablecast's word. Servers without one say by a transaction, or by an address, that it is complete."""
    if vod.vod_state:
        return vod.vod_state
    ready = (
        vod.transaction_type == models.READY_TRANSACTION
        or vod.is_watchable
        or (vod.transaction_type is None and vod.url)
    )
    return models.COMPLETE if ready else models.UNKNOWN


def modified(raw: Json) -> datetime | None:
    """When a show was changed last, as it says."""
    return models.moment(raw.get("lastModified"))


def files_of(document: Json) -> dict[int, list[str]] | None:
    """The files of each show, from the reels and digital files that came along with a page; None where none did."""
    reels = document.get("reels")
    if not isinstance(reels, list):
        return None
    found: dict[int, list[str]] = {}
    shows: dict[int, int] = {}
    for row in reels:
        if not isinstance(row, dict) or type(row.get("show")) is not int:
            continue
        if type(row.get("id")) is int:
            shows[row["id"]] = row["show"]
        if isinstance(row.get("userFileName"), str):
            found.setdefault(row["show"], []).append(row["userFileName"])
    digital = document.get("digitalFiles")
    for row in digital if isinstance(digital, list) else ():
        reel = row.get("reel") if isinstance(row, dict) else None
        show = shows.get(reel) if type(reel) is int else None
        if show is not None and isinstance(row.get("fileName"), str):
            found.setdefault(show, []).append(row["fileName"])
    return found


def thumbnails_of(document: Json) -> dict[int, str]:
    """The address of each show's picture, from the shows that came along with a page."""
    found: dict[int, str] = {}
    shows = document.get("shows")
    for row in shows if isinstance(shows, list) else ():
        try:
            show = models.Show.read(row)
        except ValidationError:
            continue
        url = storable(show.thumbnail_url or "")
        if 0 < len(url) <= _URL:
            found[show.id] = url
    return found


def file_name(path: str) -> str:
    return storable(path).replace("\\", "/").rpartition("/")[2]


def fits(number: object) -> bool:
    return type(number) is int and 0 <= number <= _LARGEST


def _number(value: int | None) -> int | None:
    return value if fits(value) else None


def _named(number: int | None, names: Mapping[int, str]) -> str | None:
    return _line(names.get(number, ""), _NAME) or None if number is not None else None


def _line(text: str, most: int) -> str:
    """One line of at most so many characters."""
    return " ".join(storable(text).split())[:most].rstrip()
