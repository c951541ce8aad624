"""The server that a target's syncs read one after the other: how much at once, and when it is left alone."""

import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from archivist_common.errors import TargetMissing, TargetRefused, TargetUnavailable
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.sync.rows import files_of
from archivist_vod.cablecast.transport import paging
from archivist_vod.cablecast.transport.envelopes import Json

log = logging.getLogger(__name__)

PAGE = 100
"""Rows asked for at once, and stored in one transaction."""
_LEAST_PAGE = 10
_LEAST_REST_S = 5.0
_REELS_AT_ONCE = 500


class Source:
    """page_size: rows to ask for at once; fewer after an answer that did not come. clock: seconds."""

    def __init__(
        self, catalogue: CablecastApi, page_size: int = PAGE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.catalogue = catalogue
        self.page_size = page_size
        self._clock = clock
        self._not_before = float("-inf")
        self._all_files: dict[int, list[str]] | None = None

    @property
    def rests(self) -> bool:
        """Whether the server is to be left alone at present."""
        return self._clock() < self._not_before or bool(self.catalogue.client.host.state.denied)

    def rest(self, seconds: float) -> None:
        self._not_before = self._clock() + max(seconds, _LEAST_REST_S)

    def was_lost(self, error: TargetUnavailable) -> None:
        """Leave the server alone for a while, and ask for less at once: long answers are what slow servers lose."""
        self.rest(error.retry_after_s)
        self.page_size = max(min(_LEAST_PAGE, self.page_size), self.page_size // 2)

    async def files(self) -> dict[int, list[str]]:
        """The files of every show, read once, for a server that sends no reels along with its shows."""
        if self._all_files is None:
            found: list[Json] = []
            try:
                rows = paging.rows(self.catalogue.client, "reels", "reels", page_size=_REELS_AT_ONCE)
                async with aclosing(rows) as listed:
                    found = [row async for row in listed]
            except (TargetMissing, TargetRefused):
                log.info("server lists no reels; shows are stored without their files")
            self._all_files = files_of({"reels": found}) or {}
        return self._all_files

    def forget_files(self) -> None:
        self._all_files = None
