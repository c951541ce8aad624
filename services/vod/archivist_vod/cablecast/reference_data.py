"""What a server says of itself, and the lists its shows and VODs refer to. The lists are kept for an hour."""

import time
from collections.abc import Callable
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from archivist_common.errors import TargetMissing
from archivist_vod.cablecast import models
from archivist_vod.cablecast.objects import Objects, WireT, read
from archivist_vod.cablecast.sync.rows import Names
from archivist_vod.cablecast.transport.client import CablecastClient

KEPT_S = 3600.0


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


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # no such zone, or no list of zones on this machine
        return None
