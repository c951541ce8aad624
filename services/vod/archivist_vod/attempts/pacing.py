"""Polling policy: what to do next with a programme that its target works at. Pure.

Times of the contract (section 3, step 11): asked every 15 s for two minutes, every minute for an hour, every five
minutes after it, for a day. A stall is told by nothing having changed, never by how long the whole takes.
"""

from dataclasses import dataclass
from datetime import timedelta

from archivist_common.states import PublishStage
from archivist_vod.targets.progress import State, TargetProgress

VOD_WAITING = "VOD_WAITING"
VOD_ERROR = "VOD_ERROR"
VOD_STALLED = "VOD_STALLED"
CAPTIONS_NOT_TAKEN = "CAPTIONS_NOT_TAKEN"
CAPTIONS_PENDING = "CAPTIONS_PENDING_RETRANSCODE"
CAPTIONS_DIFFER = "CAPTIONS_DIFFER"

_OFTEN = timedelta(minutes=2)
_SOMETIMES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long. floor: between two questions about one programme, at the least.

    waiting: before somebody is told that the target waits for them. stalled: without a change before a stall is
    looked into. captions: before somebody is told that captions do not appear. budget: for the whole.
    """

    floor: timedelta = timedelta(seconds=15)
    waiting: timedelta = timedelta(minutes=30)
    stalled: timedelta = timedelta(hours=2)
    captions: timedelta = timedelta(minutes=15)
    budget: timedelta = timedelta(hours=24)

    @property
    def apart_s(self) -> float:
        """Between two looks for something whose making was not answered: five seconds at the usual floor."""
        return self.floor.total_seconds() / 3

    def at_least(self, stage: PublishStage) -> timedelta:
        """Until the next attempt, whatever ended this one: the time between two looks at a programme."""
        return self.floor if stage is PublishStage.FOLLOW else timedelta()

    def next_look(self, followed: timedelta) -> timedelta:
        """Until the next question about a programme that was begun so long ago."""
        if followed < _OFTEN:
            return self.floor
        return self.floor * 4 if followed < _SOMETIMES else self.floor * 20


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again later. attention: what somebody has to do meanwhile, as (code, sentence). suspects_stall: nothing has
    changed for so long that the target's other programmes should be looked at."""

    delay: timedelta
    attention: tuple[str, str] | None = None
    suspects_stall: bool = False


@dataclass(frozen=True, slots=True)
class GoOn:
    """The programme is complete."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    message: str


@dataclass(frozen=True, slots=True)
class Hold:
    code: str
    message: str


Step = Wait | GoOn | GiveUp | Hold


def follow(seen: TargetProgress, followed: timedelta, unchanged: timedelta, pace: Pace) -> Step:
    """After a look at a programme. followed: since it was begun; unchanged: since it last showed any change."""
    said = f": {seen.message}" if seen.message else ""
    match seen.state:
        case State.DONE:
            return GoOn()
        case State.FAILED:
            return GiveUp(f"the target failed for good ({seen.raw}){said}")
        case State.UNLISTED:
            return Hold("VOD_DISABLED", "the VOD was taken off the public list at the target; it is left so")
    if followed > pace.budget:
        hours = pace.budget.total_seconds() / 3600
        return GiveUp(f"the programme is not complete after {hours:g} hours; it is {seen.raw}{said}")
    delay = pace.next_look(followed)
    match seen.state:
        case State.NEEDS_HUMAN:
            why = seen.why or f"the target waits{said}"
            return Wait(delay, (VOD_WAITING, why) if unchanged >= pace.waiting else None)
        case State.BROKEN:
            return Wait(delay, (VOD_ERROR, f"the target failed{said}; press Retry there"))
    return Wait(delay, suspects_stall=unchanged >= pace.stalled)


def stalled(seen: TargetProgress, unchanged: timedelta) -> tuple[str, str]:
    """What to tell of a programme that stands still while its target does nothing else either."""
    hours = unchanged.total_seconds() / 3600
    at = "" if seen.percent is None else f" at {seen.percent:g} %"
    return VOD_STALLED, f"nothing has changed for {hours:.1f} hours: the programme is {seen.raw}{at}"


def captions_awaited(followed: timedelta, since_done: timedelta, difference: str | None, pace: Pace) -> Wait | GiveUp:
    """After a read-back without our captions. difference: what it shows instead, in words; None: nothing."""
    if followed > pace.budget:
        hours = pace.budget.total_seconds() / 3600
        shown = "shows no captions" if difference is None else f"shows other captions: {difference}"
        return GiveUp(f"the programme {shown}, {hours:g} hours after it was begun")
    told: tuple[str, str] | None = None
    if since_done >= pace.captions:
        told = (
            (CAPTIONS_PENDING, "the programme is complete and shows no captions; press Retranscode there")
            if difference is None
            else (
                CAPTIONS_DIFFER,
                f"the programme shows other captions ({difference}); press Retranscode there",
            )
        )
    return Wait(pace.next_look(since_done), told)
