"""The checks by name. To add one: a module beside this one, a line in CHECKS; tests/contract tries it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archivist_common.database.engine import Database
from archivist_common.events.notify import Notifier
from archivist_common.settings import MonitorSettings
from archivist_common.storage.client import StorageClient
from archivist_monitor.check import Check
from archivist_monitor.checks.database import DatabaseCheck
from archivist_monitor.checks.pinned_cores import PinnedCores
from archivist_monitor.checks.redis import RedisCheck
from archivist_monitor.checks.storage import StorageCheck
from archivist_monitor.checks.system import SystemCheck
from archivist_monitor.checks.transcription import TranscriptionCheck
from archivist_monitor.checks.vod import VodCheck


@dataclass(frozen=True, slots=True)
class Clients:
    """What the process holds open for its checks."""

    settings: MonitorSettings
    db: Database
    notifier: Notifier
    storages: StorageClient


CHECKS: Mapping[str, Callable[[Clients], Check]] = {
    "database": lambda clients: DatabaseCheck(clients.db),
    "redis": lambda clients: RedisCheck(clients.notifier),
    "storage": lambda clients: StorageCheck(clients.storages, clients.settings.storage_deadline),
    "system": lambda clients: SystemCheck(PinnedCores(clients.db)),
    "transcription": lambda clients: TranscriptionCheck(clients.db),
    "vod": lambda clients: VodCheck(clients.db),
}
