"""What attempts at publications work with."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from archivist_common.database.engine import Database
from archivist_common.shows.station import StationBodies
from archivist_vod.attempts.pacing import Pace
from archivist_vod.targets.interface import Publisher


@dataclass(frozen=True, slots=True)
class Deps:
    """sleep, clock: time, an argument."""

    db: Database
    publishers: Mapping[str, Publisher[Any]]
    lease: timedelta
    pace: Pace
    bodies: StationBodies = field(default_factory=StationBodies)
    wants_chapters: bool = True
    wants_metadata: bool = True
    auto_tags: bool = False
    stopped: Callable[[str], object] = lambda target: None
    """Called with the name of a target that was stopped, once that is stored."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
