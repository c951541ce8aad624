"""An outage of something we depend on, logged once when it begins and once when it ends."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from archivist_common.errors import ArchivistError


class Outage:
    """Whether one dependency is unavailable, as one loop or client sees it. Safe across threads and tasks.

    what: the dependency, as an operator greps for it: `database`. meanwhile: what follows for the work in hand.
    fields: put into both lines. clock: monotonic, seconds.
    """

    def __init__(
        self,
        log: logging.Logger,
        what: str,
        *,
        meanwhile: str,
        fields: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._what = what
        self._meanwhile = meanwhile
        self._fields = fields or {}
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failures = 0

    @property
    def is_active(self) -> bool:
        return self._since is not None

    def failed(self, reason: BaseException | str) -> None:
        """It did not answer. The first failure of an outage is logged as a warning, with its reason."""
        with self._lock:
            self._failures += 1
            if self._since is not None:
                return
            self._since = self._clock()
        extra = self._fields | {"reason": _text(reason)}
        self._log.warning("%s unavailable; %s", self._what, self._meanwhile, extra=extra)

    def recovered(self) -> None:
        """It answered. Logged where that ends an outage, with its length and how many attempts had failed."""
        with self._lock:
            if self._since is None:
                return
            lasted, failures = self._clock() - self._since, self._failures
            self._since, self._failures = None, 0
        extra = self._fields | {"outage_s": round(lasted, 1), "failures": failures}
        self._log.info("%s available again", self._what, extra=extra)

    @contextmanager
    def tolerated(self, *errors: type[Exception]) -> Iterator[None]:
        """Swallow these errors, as failures of the dependency; the block's end is its recovery.

        Any other exception passes, and says nothing of the dependency.
        """
        try:
            yield
        except errors as exc:
            self.failed(exc)
        else:
            self.recovered()


def _text(reason: BaseException | str) -> str:
    if isinstance(reason, ArchivistError):
        return reason.message
    return reason if isinstance(reason, str) else repr(reason)
