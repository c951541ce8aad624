"""Circuit breaker of one host: Retry-After, consecutive failures, rejected credentials.

One object per server and process, consulted before every request and notified after it. Nothing here waits: a call
that may not go out raises at once, with the time until it may.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from prometheus_client import Gauge

from archivist_common.errors import TargetDenied, TargetUnavailable

log = logging.getLogger(__name__)

_OPEN_AFTER = 5  # failures in a row
_FIRST_REST_S = 30.0
_LONGEST_REST_S = 300.0
_LONGEST_PAUSE_S = 3600.0  # whatever Retry-After says
_FIRST_UNASKED_PAUSE_S = 5.0  # for a 429 or 503 that names no time; doubles while they keep coming
_LONGEST_UNASKED_PAUSE_S = 300.0


class Circuit(StrEnum):
    CLOSED = "closed"  # calls go out
    OPEN = "open"  # no call goes out
    HALF_OPEN = "half-open"  # the next call, or the one under way, decides


@dataclass(frozen=True, slots=True)
class HostState:
    """State of a server, for health checks and operators.

    failures: in a row. paused_s: seconds until it may be asked again, for whatever reason; 0 when now.
    denied: why it rejected our credentials; empty where it did not.
    """

    circuit: Circuit
    failures: int
    paused_s: float
    denied: str


class CircuitBreaker:
    """One server's pause, circuit breaker and latch for rejected credentials. For one event loop.

    clock: seconds, never going back.

    open_after: failures in a row.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        gauge: Gauge | None = None,
        open_after: int = _OPEN_AFTER,
    ) -> None:
        self.name = name
        self._clock = clock
        self._gauge = gauge
        self._open_after = open_after
        self._closed_until = -math.inf
        self._unasked_pause_s = _FIRST_UNASKED_PAUSE_S
        self._failures = 0
        self._last_failure = ""
        self._rest_s = 0.0  # 0: the circuit is closed
        self._rest_until = -math.inf
        self._trying = False  # the one call of a half-open circuit is out
        self._denied: TargetDenied | None = None
        self._trouble_since: float | None = None

    @property
    def state(self) -> HostState:
        now = self._clock()
        if not self._rest_s:
            circuit = Circuit.CLOSED
        else:
            circuit = Circuit.OPEN if now < self._rest_until else Circuit.HALF_OPEN
        rest = self._rest_until - now if self._rest_s else 0.0
        return HostState(
            circuit,
            self._failures,
            max(0.0, self._closed_until - now, rest),
            "" if self._denied is None else self._denied.message,
        )

    def admit(self, what: str) -> bool:
        """Let a call out; whether it is the one that a half-open circuit waits for.

        Every admitted call ends in `succeeded`, `failed` or `abandoned`, which take that answer.
        Raises TargetDenied after a 401 or 403, TargetUnavailable during a pause or while the circuit is open.
        """
        if self._denied is not None:
            raise TargetDenied(
                f"{what}: not sent, because {self._denied.message}",
                status=self._denied.status,
                body=self._denied.body,
            )
        now = self._clock()
        if now < self._closed_until:
            raise self._not_asked(what, "it responded with Retry-After", self._closed_until - now)
        if not self._rest_s:
            return False
        if now < self._rest_until:
            why = f"circuit breaker open after {self._failures} failures in a row, the last: {self._last_failure}"
            raise self._not_asked(what, why, self._rest_until - now)
        if self._trying:
            raise self._not_asked(what, "circuit breaker half-open, one request is out", 1.0)
        self._trying = True
        return True

    def succeeded(self) -> None:
        """It answered sensibly, be it with a no."""
        self._failures = 0
        self._trying = False
        self._rest_s = 0.0
        self._unasked_pause_s = _FIRST_UNASKED_PAUSE_S
        self._show_circuit(open_=False)
        if self._trouble_since is not None:
            seconds = round(self._clock() - self._trouble_since)
            log.info("server available again", extra={"host": self.name, "after_s": seconds})
            self._trouble_since = None

    def failed(self, reason: str, *, deciding: bool) -> None:
        """It gave no answer, no usable one, or an error of its own (5xx)."""
        self._failures += 1
        self._last_failure = reason
        if deciding:
            self._trying = False
        elif self._rest_s or self._failures < self._open_after:
            return  # a call from before it opened says nothing new
        self._rest_s = min(_LONGEST_REST_S, self._rest_s * 2 or _FIRST_REST_S)
        self._rest_until = self._clock() + self._rest_s
        self._show_circuit(open_=True)
        self._begin_trouble("circuit breaker open: server keeps failing", reason=reason, rest_s=self._rest_s)

    def abandoned(self, *, deciding: bool) -> None:
        """Nothing was learnt of its health: cancelled on our side, or rejected before it was handled."""
        if deciding:
            self._trying = False

    def asked_to_wait(self, seconds: float | None) -> float:
        """Close the gate after a 429 or 503; gives the pause. seconds: its Retry-After, None where it names none."""
        if seconds is None:
            seconds = self._unasked_pause_s
            self._unasked_pause_s = min(_LONGEST_UNASKED_PAUSE_S, 2 * seconds)
        seconds = min(seconds, _LONGEST_PAUSE_S)
        self._closed_until = max(self._closed_until, self._clock() + seconds)
        if seconds:
            self._begin_trouble("server sent Retry-After: no requests meanwhile", pause_s=round(seconds))
        return seconds

    def denied(self, error: TargetDenied) -> None:
        """Latch: every further call raises until `reset`, so that no account gets locked by our requests."""
        if self._denied is None:
            self._denied = error
            log.error(
                "server rejected our credentials: no further requests",
                extra={"host": self.name, "status": error.status, "reason": error.message},
            )
            self._trouble_since = self._clock() if self._trouble_since is None else self._trouble_since

    def reset(self) -> None:
        """New credentials, or an operator has resumed it: all failures and pauses are forgotten."""
        self._denied = None
        self._closed_until = -math.inf
        self._failures = 0
        self._rest_s = 0.0
        self._trying = False
        self._unasked_pause_s = _FIRST_UNASKED_PAUSE_S
        self._show_circuit(open_=False)

    def _not_asked(self, what: str, why: str, seconds: float) -> TargetUnavailable:
        return TargetUnavailable(
            f"{what}: no request to {self.name} for {math.ceil(seconds)} s more: {why}",
            retry_after_s=max(1, math.ceil(seconds)),
        )

    def _show_circuit(self, *, open_: bool) -> None:
        if self._gauge is not None:
            self._gauge.set(int(open_))

    def _begin_trouble(self, message: str, **fields: object) -> None:
        if self._trouble_since is None:
            self._trouble_since = self._clock()
            log.warning(message, extra={"host": self.name, **fields})


def retry_after_s(value: str | None, date: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3); None where it says nothing usable.

    A time of day is measured against the answer's own Date header where it has one, so that a server's wrong
    clock does no harm. A time that has passed is 0. Not capped here.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= 12 else _LONGEST_PAUSE_S  # more digits are past counting
    until = _http_date(text)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(date or "") or now)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
