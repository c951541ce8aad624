"""The targets there are. A new kind is one file and one line here; `tests/contract` puts it through the promises."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from archivist_common.settings import VodSettings
from archivist_common.storage.client import StorageClient
from archivist_vod.cablecast import publisher as cablecast
from archivist_vod.folder import publisher as folder
from archivist_vod.targets.interface import Publisher


@dataclass(frozen=True)
class TargetKind:
    """is_configured: whether the settings name a target of this kind. opened: that target, with all it holds."""

    is_configured: Callable[[VodSettings], bool]
    opened: Callable[[VodSettings, StorageClient], AbstractAsyncContextManager[Publisher]]


TARGETS: Mapping[str, TargetKind] = {
    "cablecast": TargetKind(lambda settings: settings.cablecast_api_url is not None, cablecast.opened),
    "folder": TargetKind(lambda settings: settings.publish_folder is not None, folder.opened),
}
