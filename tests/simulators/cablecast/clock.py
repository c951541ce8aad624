"""The virtual clock: time that a test moves by hand, or that runs by itself at any speed."""

import asyncio
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class Clock:
    """Virtual seconds since 1970. `speed` 0 stands still until `advance`; 60 makes a minute of a second."""

    def __init__(self, start: datetime | None = None, speed: float = 0.0, zone: str = "America/Chicago") -> None:
        self.zone = ZoneInfo(zone)
        self._base = (start or datetime.now(UTC).replace(microsecond=0)).timestamp()
        self._since = time.monotonic()
        self.speed = speed
        self._moved: set[asyncio.Event] = set()

    def now(self) -> float:
        return self._base + (time.monotonic() - self._since) * self.speed

    def advance(self, seconds: float) -> float:
        """Move on by virtual seconds, whether it runs or stands. What it reads then."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._base += seconds
        self._wake()
        return self.now()

    def run(self, speed: float) -> None:
        """Run by itself at this speed from now on; 0 stops it."""
        if speed < 0:
            raise ValueError("time does not go back")
        self._base, self._since, self.speed = self.now(), time.monotonic(), speed
        self._wake()

    def iso(self, at: float | None = None) -> str:
        """A moment as the server writes it: with the local offset, `2026-11-23T00:00:00-06:00`."""
        return datetime.fromtimestamp(self.now() if at is None else at, self.zone).isoformat(timespec="seconds")

    def offset_s(self, at: float | None = None) -> int:
        """Seconds that local time is ahead of UTC."""
        offset = datetime.fromtimestamp(self.now() if at is None else at, self.zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    async def wait_until(self, moment: float) -> None:
        """Return when the clock reads `moment`, however it gets there."""
        moved = asyncio.Event()
        self._moved.add(moved)
        try:
            while (left := moment - self.now()) > 0:
                moved.clear()
                try:
                    await asyncio.wait_for(moved.wait(), left / self.speed if self.speed else None)
                except TimeoutError:
                    continue
        finally:
            self._moved.discard(moved)

    def _wake(self) -> None:
        for moved in self._moved:
            moved.set()
