"""Which storage servers can be read now, so that no slot is spent on a recording that cannot be.

Each server is checked on its own, by a helper process that may be killed: one that hangs is known to hang after
its deadline, and delays no other check.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from archivist_common.storage.client import MountState, StorageClient, StorageServer

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)


class StorageWatch:
    """The state of every server of `storages`, each checked every few seconds while `run` runs.

    deadline: a server that has not responded by then hangs. every: the pause between two checks of one server.
    """

    def __init__(self, storages: StorageClient, deadline: timedelta, every: timedelta = EVERY) -> None:
        self._storages = storages
        self._deadline = deadline
        self._every = every
        self._states: dict[str, MountState] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for server in self._storages.servers:
                group.create_task(self._watch(server))

    def usable(self) -> frozenset[str]:
        """Names of the servers from which recordings can be read now; those not checked yet are not among them."""
        return frozenset(name for name, state in self._states.items() if state.readable and not state.hung)

    def states(self) -> Mapping[str, MountState]:
        """By name, as last seen."""
        return dict(self._states)

    async def _watch(self, server: StorageServer) -> None:
        before = None
        while True:
            state = await self._storages.state(server, self._deadline)
            self._states[server.name] = state
            trouble = trouble_of(server, state)
            if trouble != before:
                _tell(server, trouble, state)
            before = trouble
            await asyncio.sleep(self._every.total_seconds())


def trouble_of(server: StorageServer, state: MountState) -> str | None:
    """What is wrong with a server, in a sentence that stays the same for as long as it is; None when nothing is.

    One that we only read from may be full or read-only.
    """
    if state.hung:
        return "it hangs: its jobs wait"
    if not state.mounted and not state.readable:
        return "it is not mounted: its jobs wait"
    if not state.readable:
        return "it cannot be read: its jobs wait"
    if not server.beside or state.writable:
        return None
    if state.full:
        return "it is full: captions are not placed beside its recordings"
    return "it cannot be written: captions are not placed beside its recordings"


def _tell(server: StorageServer, trouble: str | None, state: MountState) -> None:
    if trouble is None:
        log.info("storage server available again", extra={"storage": server.name})
    else:
        log.warning(
            "storage server unavailable", extra={"storage": server.name, "trouble": trouble, "why": state.reason}
        )
