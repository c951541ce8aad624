"""Progress of a programme at its target, in the target's words and in ours. Pure."""

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
    """The target failed; an operator there may retry it."""
    FAILED = "failed"
    UNLISTED = "unlisted"
    """Taken off the public list at the target, on purpose."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """Progress of a programme. raw: the vendor's own word. why: what an operator has to do, in words.

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
