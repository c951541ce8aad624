"""The kinds of targets. A new one is a folder and a line here; `tests/contract` puts it through the promises."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from archivist_common.database.engine import Database
from archivist_common.settings import VodSettings
from archivist_common.storage.client import StorageClient
from archivist_vod.cablecast import publisher as cablecast
from archivist_vod.cablecast.sync import schedule
from archivist_vod.folder import publisher as folder
from archivist_vod.targets.interface import BackgroundLoop, Publisher

PublisherT = TypeVar("PublisherT", bound=Publisher[Any])


def _no_loops(settings: VodSettings, db: Database, name: str, publisher: object) -> tuple[BackgroundLoop, ...]:
    return ()


@dataclass(frozen=True)
class TargetKind(Generic[PublisherT]):
    """is_configured: whether the settings name a target of this kind. opened: that target, with all it holds.

    loops: what runs beside the publications of the target of this name, each until it is cancelled.
    """

    is_configured: Callable[[VodSettings], bool]
    opened: Callable[[VodSettings, StorageClient], AbstractAsyncContextManager[PublisherT]]
    loops: Callable[[VodSettings, Database, str, PublisherT], tuple[BackgroundLoop, ...]] = _no_loops


TARGETS: Mapping[str, TargetKind[Any]] = {
    "cablecast": TargetKind(
        lambda settings: settings.cablecast_api_url is not None, cablecast.opened, schedule.loops
    ),
    "folder": TargetKind(lambda settings: settings.publish_folder is not None, folder.opened),
}
"""By name; the first that is configured is published to where AUTO_PUBLISH_TO_VOD is on."""
