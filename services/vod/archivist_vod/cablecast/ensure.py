"""What captions stand on: show, media, reel and the file it plays; found, or made where that was asked for.

Made in the order of the vendor's sample. Each carries a mark by which it is found again when its answer is lost:
the show our key in `localId`, the media our key in its name, the reel its show and number.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from archivist_common.errors import NeedsPerson, TargetMissing
from archivist_common.shows.recording_names import read as read_name
from archivist_vod.cablecast import models
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.transport.paging import rows
from archivist_vod.cablecast.video_file import VideoFile
from archivist_vod.targets.interface import LONGEST_TITLE, Ledger, Work

_DIGITAL_FILE = 4  # `primitiveFormat` of a file on disk


@dataclass(frozen=True, slots=True)
class Place:
    """The reel that plays our recording, its file, and the reels of its show."""

    reel: models.Reel
    reels: tuple[models.Reel, ...]
    file: VideoFile | None


async def show(catalogue: CablecastApi, work: Work, location: int, ledger: Ledger) -> models.Show:
    """A new show for the recording. Made once, whatever becomes of the answer."""
    title = work.title

    async def make() -> str:
        made = await catalogue.client.post(
            "shows",
            "show",
            {
                "title": title,
                "cgTitle": title,
                "cgExempt": False,
                "comments": work.description,
                "location": location,
                "localId": work.key,
                "customFields": [],
            },
        )
        return str(made["id"])

    async def look() -> Sequence[str]:
        return [str(one.id) for one in await catalogue.shows_by_local_id(work.key)]

    made = await ledger.once(f"show:{work.key}", do=make, look=look, what="the show")
    return await catalogue.show(int(made))


async def place(catalogue: CablecastApi, work: Work, found: models.Show) -> Place | None:
    """Where the recording is in its show; None where no reel plays it."""
    reels = await catalogue.reels(found)
    files = {reel.id: await catalogue.file_of(reel) for reel in reels}
    chosen = _chosen(work, reels, files)
    return None if chosen is None else Place(chosen, reels, files[chosen.id])


async def new_place(catalogue: CablecastApi, work: Work, found: models.Show, ledger: Ledger) -> Place:
    """A place for the recording behind the show's other reels."""
    reels = await catalogue.reels(found)
    made = await _new_reel(catalogue, work, found, len(reels) + 1, ledger)
    return Place(made, reels, await catalogue.file_of(made))


def item_at(item: CablecastItem, found: models.Show, where: Place) -> CablecastItem:
    """The item with all that later stages need to know."""
    return item.with_show(found).with_reel(where.reel, where.reels).with_file(where.file)


def check_name(work: Work, item: CablecastItem) -> None:
    """Cablecast attaches a sidecar only where the names agree to the letter. Raises NeedsPerson otherwise."""
    file = item.file
    if file is None:
        raise NeedsPerson(f"show {item.show} has no file for this recording yet; link it in Cablecast", why="NO_FILE")
    ours, theirs = _base(work.filename), _base(file)
    if ours == theirs:
        return
    if _is_alike(ours, theirs):
        raise NeedsPerson(
            f"Cablecast knows the file as {file!r}, the recording is {work.filename!r}: "
            "captions are attached only where the names agree to the letter; rename one of them",
            why="NAME_MISMATCH",
        )
    if not work.link_by_person and read_name(work.filename).show_number != item.show:
        raise NeedsPerson(
            f"reel {item.reel_number} of show {item.show} plays {file!r}, not {work.filename!r}; "
            "link the show by hand if they are the same recording",
            why="FILE_MISMATCH",
        )


def _chosen(work: Work, reels: Sequence[models.Reel], files: Mapping[int, VideoFile | None]) -> models.Reel | None:
    """By the file it plays; then by the reel number in our name; then the only one there is."""
    named = [reel for reel in reels if _is_alike(_file_name(reel, files[reel.id]), work.filename)]
    if len(named) == 1:
        return named[0]
    number = read_name(work.filename).reel or 1
    numbered = [reel for reel in reels if reel.reel_number == number]
    if len(numbered) == 1 and (len(reels) > 1 or number == 1):
        return numbered[0]
    return reels[0] if len(reels) == 1 and number == 1 else None


def _file_name(reel: models.Reel, file: VideoFile | None) -> str:
    name = reel.user_file_name if file is None else file.name
    return name.replace("\\", "/").rpartition("/")[2]


async def _new_reel(
    catalogue: CablecastApi, work: Work, found: models.Show, number: int, ledger: Ledger
) -> models.Reel:
    """A media and a reel that play the recording's file, which must lie in one of the stores."""
    file = await catalogue.video(work.filename)
    if file is None:
        raise NeedsPerson(f"{work.filename!r} is in none of Cablecast's file stores", why="NO_FILE")
    length_s = math.ceil(file.length_s) if file.length_s is not None else (work.length_s or 0)
    location = found.location or 1
    formats = [one for one in await catalogue.lookups.formats() if one.primitive_format == _DIGITAL_FILE]
    here = [one for one in formats if one.location in (None, location)]
    if not here:
        raise NeedsPerson(f"location {location} has no format for files; add one in Cablecast", why="NO_FORMAT")
    # The name is the only place of a media that holds a mark.
    name = f"{work.title[: LONGEST_TITLE - len(work.key) - 3]} [{work.key}]"

    async def make_media() -> str:
        body = {"mediaName": name, "format": here[0].id, "location": location}
        return str((await catalogue.client.post("media", "media", body))["id"])

    async def look_for_media() -> Sequence[str]:
        try:
            async with aclosing(rows(catalogue.client, "media", "media")) as listed:
                return [str(row["id"]) async for row in listed if row.get("mediaName") == name]
        except TargetMissing:
            return []

    media = await ledger.once(f"media:{work.key}", do=make_media, look=look_for_media, what="the media")

    async def make_reel() -> str:
        body = {
            "show": found.id,
            "media": int(media),
            "reelNumber": number,
            "cue": 0,
            "length": length_s,
            "userFileName": file.path,
        }
        return str((await catalogue.client.post("reels", "reel", body))["id"])

    async def look_for_reel() -> Sequence[str]:
        now = await catalogue.show(found.id)
        return [str(reel.id) for reel in await catalogue.reels(now) if reel.media == int(media)]

    made = await ledger.once(f"reel:{found.id}:{work.key}", do=make_reel, look=look_for_reel, what="the reel")
    return await catalogue.reel(int(made))


def _base(name: str) -> str:
    return name.rpartition(".")[0] or name


def _is_alike(one: str, other: str) -> bool:
    """The same name but for case, spaces and the way accents are written: to a person, and not to Cablecast."""
    first, second = ("".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in (one, other))
    return first == second
