"""What a server says of itself, the lists that its shows and VODs refer to, and what those mean by them.

The lists are kept for an hour.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from archivist_common.errors import TargetMissing
from archivist_common.settings import VodSettings
from archivist_vod.cablecast import models
from archivist_vod.cablecast.objects import Objects, WireT, read
from archivist_vod.cablecast.transport.client import CablecastClient

KEPT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Names:
    """What numbers in a show mean. zone: of the server's clock, None where it does not say."""

    categories: Mapping[int, str] = field(default_factory=dict)
    producers: Mapping[int, str] = field(default_factory=dict)
    projects: Mapping[int, str] = field(default_factory=dict)
    locations: Mapping[int, str] = field(default_factory=dict)
    zone: tzinfo | None = None


class Lookups(Objects):
    """Of one server. clock: seconds."""

    def __init__(self, client: CablecastClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(client)
        self._clock = clock
        self._kept: dict[str, tuple[float, tuple[Any, ...]]] = {}

    async def system_info(self) -> models.SystemInfo:
        """Version and site. Some versions send it without an envelope."""
        return read(models.SystemInfo, await self._bare("systeminfo", "systemInfo"), "systeminfo")

    async def system_time(self) -> models.SystemTime:
        return read(models.SystemTime, await self._bare("systemtime", "systemTime"), "systemtime")

    async def user_session(self) -> models.UserSession:
        """Whom the server takes us for. Raises TargetMissing where the server has no such thing."""
        return read(models.UserSession, await self._bare("usersession", "userSession"), "usersession")

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

    async def locations(self) -> tuple[models.Location, ...]:
        return await self._lookup("locations", "locations", models.Location)

    async def formats(self) -> tuple[models.Format, ...]:
        return await self._lookup("formats", "formats", models.Format)

    async def categories(self) -> tuple[models.Category, ...]:
        return await self._lookup("categories", "categories", models.Category)

    async def producers(self) -> tuple[models.Producer, ...]:
        return await self._lookup("producers", "producers", models.Producer)

    async def projects(self) -> tuple[models.Project, ...]:
        return await self._lookup("projects", "projects", models.Project)

    async def show_fields(self) -> tuple[models.ShowField, ...]:
        return await self._lookup("showfields", "showFields", models.ShowField)

    async def field_definitions(self) -> tuple[models.FieldDefinition, ...]:
        """The definitions that show fields refer to; they come along with those."""
        document = await self.client.get_document("showfields", "showFields")
        found = document.get("fieldDefinitions")
        return tuple(read(models.FieldDefinition, row, "showfields") for row in found or () if isinstance(row, dict))

    async def file_stores(self) -> tuple[models.FileStore, ...]:
        return await self._lookup("filestores", "fileStores", models.FileStore)

    async def vod_configurations(self) -> tuple[models.VodConfiguration, ...]:
        return await self._lookup("vodconfigurations", "vodConfigurations", models.VodConfiguration)

    async def qualities(self) -> tuple[models.VodTranscodeQuality, ...]:
        return await self._lookup("vodtranscodequalities", "vodTranscodeQualities", models.VodTranscodeQuality)

    def forget(self) -> None:
        """Read every lookup anew the next time."""
        self._kept.clear()

    async def _lookup(self, path: str, root: str, model: type[WireT]) -> tuple[WireT, ...]:
        read_at, kept = self._kept.get(path, (0.0, ()))
        if path in self._kept and self._clock() - read_at < KEPT_S:
            return kept
        found = tuple([row async for row in self.all(path, root, model)])
        self._kept[path] = (self._clock(), found)
        return found


def place(show: models.Show, names: Names) -> str:
    """Where a show belongs: its project and its location, `City Council (Harbor City)`. Matching reads both.

    Empty where neither is known.
    """
    project = "" if show.project is None else names.projects.get(show.project, "")
    location = "" if show.location is None else names.locations.get(show.location, "")
    if project and location and location.casefold() not in project.casefold():
        return f"{project} ({location})"
    return project or location


def day(value: datetime | None, zone: tzinfo | None) -> date | None:
    """The day of a date by the server's calendar, which it writes as midnight in its own zone.

    Its offset is believed as it stands, for some servers write today's offset into dates of the other half of the
    year; only a date in UTC is brought into the server's zone.
    """
    if value is None:
        return None
    if zone is not None and value.utcoffset() == timedelta():
        return value.astimezone(zone).date()
    return value.date()


def aware(value: datetime | None, zone: tzinfo | None) -> datetime | None:
    """A moment. One without an offset is by the server's own clock; unknown where that is unknown."""
    if value is None or value.utcoffset() is not None:
        return value
    return None if zone is None else value.replace(tzinfo=zone)


def quality(
    settings: VodSettings, qualities: Sequence[models.VodTranscodeQuality], asked: str | None = None
) -> models.VodTranscodeQuality | None:
    """The quality that `asked`, or else VOD_DEFAULT_QUALITY, means; None where the server has none like it.

    An id comes before a number in a name, and of several names the lowest id: `1080` means `1080 HD`.
    """
    wanted = (asked or settings.vod_default_quality).strip().lower()
    named = {
        "low": settings.vod_quality_low,
        "medium": settings.vod_quality_medium,
        "high": settings.vod_quality_high,
        "original": settings.vod_quality_original,
    }
    id_ = named.get(wanted, int(wanted) if wanted.isascii() and wanted.isdigit() else None)
    known = sorted(qualities, key=lambda one: one.id)
    by_id = next((one for one in known if one.id == id_), None)
    if by_id is not None or wanted in named:
        return by_id
    number = re.fullmatch(r"([0-9]+)p?", wanted)
    if number is None:
        return next((one for one in known if one.name.strip().lower() == wanted), None)
    return next((one for one in known if number[1] in re.findall(r"[0-9]+", one.name)), None)


def configuration(
    location: int, wanted: models.VodTranscodeQuality | None, configurations: Sequence[models.VodConfiguration]
) -> models.VodConfiguration | None:
    """A location's VOD configuration: one that makes the wanted quality before others, then the lowest id."""
    ours = [one for one in configurations if one.location == location]
    makes_it = [one for one in ours if wanted is not None and wanted.id in one.vod_transcode_qualities]
    return min(makes_it or ours, key=lambda one: one.id, default=None)


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # no such zone, or no list of zones on this machine
        return None
