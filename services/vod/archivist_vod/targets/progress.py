"""Where a programme is on its way, as its target says it and in our words. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from archivist_vod.targets.item import Item


class State(StrEnum):
    """Where a programme is, in our words."""

    QUEUED = "queued"
    RUNNING = "running"
    USABLE = "usable"
    DONE = "done"
    NEEDS_HUMAN = "needs_human"
    BROKEN = "broken"
    """The target failed, and may be told to try again by a person there."""
    FAILED = "failed"
    UNLISTED = "unlisted"
    """Somebody took it off the public list on purpose."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """How a programme is getting on. raw: the vendor's own word. why: what somebody has to do, in words.

    mark: changes whenever the target shows any change, to recognise a stall. item: with what this poll has shown;
    None where it showed nothing to be kept.
    """

    state: State
    raw: str
    percent: float | None = None
    message: str | None = None
    url: str | None = None
    why: str | None = None
    mark: str = ""
    item: Item | None = None
