"""The targets there are. A new kind is one file and one line here; `tests/contract` puts it through the promises."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from archivist_common.settings import VodSettings
from archivist_common.storage import Storages
from archivist_vod.publisher import Publisher
from archivist_vod.publishers.cablecast import Cablecast
from archivist_vod.publishers.folder import Folder

Make = Callable[[VodSettings, httpx.AsyncClient, Storages], Publisher]

PUBLISHERS: Mapping[str, Make] = {
    "cablecast": Cablecast,
    "folder": Folder,
}


def is_configured(kind: str, settings: VodSettings) -> bool:
    """Whether the settings name a target of this kind."""
    wanted: Mapping[str, Any] = {"cablecast": settings.cablecast_api_url, "folder": settings.publish_folder}
    return wanted[kind] is not None
