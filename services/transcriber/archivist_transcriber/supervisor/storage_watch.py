"""Which storage servers can be read now, so that no slot is spent on a recording that cannot be.

Each server is looked at on its own, by a helper process that may be killed: one that hangs is known to hang
after its deadline, and delays nobody else's answer.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from archivist_common.storage.client import MountState, StorageClient, StorageServer

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
_SLACK = timedelta(seconds=1)  # a state is there within its deadline, give or take the event loop's own delay


class StorageWatch:
    """The state of every server of `storages`, each looked at anew every few seconds while `run` runs.

    deadline: a server that has not answered by then hangs. every: the pause between two looks at one server.
    """

    def __init__(self, storages: StorageClient, deadline: timedelta, every: timedelta = EVERY) -> None:
        self._storages = storages
        self._deadline = deadline
        self._every = every
        self._states: dict[str, MountState] = {}
        self._all_seen = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for server in self._storages.servers:
                group.create_task(self._watch(server))

    async def first_round(self) -> None:
        """Return once every server has answered or is known to hang: within the deadline and a second."""
        if not self._storages.servers:
            return
        try:
            async with asyncio.timeout((self._deadline + _SLACK).total_seconds()):
                await self._all_seen.wait()
        except TimeoutError:
            log.warning("not every storage server was looked at in time", extra={"seen": sorted(self._states)})

    def usable(self) -> frozenset[str]:
        """Names of the servers from which recordings can be read now; those not looked at yet are not among them."""
        return frozenset(name for name, state in self._states.items() if state.readable and not state.hung)

    def states(self) -> Mapping[str, MountState]:
        """By name, as last seen."""
        return dict(self._states)

    async def _watch(self, server: StorageServer) -> None:
        before = None
        while True:
            state = await self._storages.state(server, self._deadline)
            self._states[server.name] = state
            if len(self._states) == len(self._storages.servers):
                self._all_seen.set()
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
        log.info("storage server is well again", extra={"storage": server.name})
    else:
        log.warning(
            "storage server in trouble", extra={"storage": server.name, "trouble": trouble, "why": state.reason}
        )
