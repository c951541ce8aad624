"""After the storm: each goal beside its bound."""

from collections.abc import Sequence

from sqlalchemy import text
from tests.goals import Goal
from tests.vod.recordings import ends
from tests.vod.storm.weather import FASTER, FLOOR_S, POINTS, Storm

from archivist_common.maintenance import invariants

_SHOWN = 3  # findings of a goal
_SLACK_S = 1.0  # virtual; what measuring costs
_INVARIANTS = tuple(one for one in invariants.INVARIANTS if one.id in {"I8", "I16", "LEASE", "VERIFIED"})
"""Those of publications; the recordings of the storm were captioned by nobody."""
_COUNTED = ("publication", "show", "show link", "reel", "media", "VOD", "event vod.published")
_INTRUDERS = "SELECT intruder || ' at ' || publication_id FROM storm_intruders"


async def goals(storm: Storm, asked: int) -> list[Goal]:
    """What was to be shown, and what came out. asked: how many publications the storm was to have at the least."""
    found, count = await ends(storm.world, storm.recordings), len(storm.recordings)
    return [
        Goal("publications asked for, each twice at once", str(count), f">= {asked}", count >= asked),
        _none("publications that are not published", [end.standing for end in found if end.standing]),
        *(_each(count, f"one {name} for each recording", [end.numbers[name] for end in found]) for name in _COUNTED),
        _none("sidecars that are not what was signed off", [said for end in found for said in end.sidecar]),
        _none("files that are neither a recording nor its sidecar", await _strays(storm)),
        _none("programmes whose chapters are not those wanted", [said for end in found for said in end.chapters]),
        _none("warnings of twins at the target", [said for end in found for said in end.twins]),
        _none("changes of which nobody knows whether they happened", [said for end in found for said in end.doubts]),
        _none("writes of attempts that had lost their publication", await _column(storm, _INTRUDERS)),
        _none("invariants of the database broken", await _broken(storm)),
        _none("promises of the contract (6.7) broken", await _promises(storm)),
        _none("kill points not reached", [point for point in POINTS if not storm.injected.kills[point]]),
        _none("given up for any other reason than three kills at one step", storm.injected.given_up),
    ]


async def _strays(storm: Storm) -> list[str]:
    wanted = {(one.store, name) for one in storm.recordings for name in (one.path, one.sidecar)}
    there = {(store, file["name"]) for store, files in (await storm.sim.control.store()).items() for file in files}
    return [f"{store}/{name}" for store, name in sorted(there - wanted)]


async def _broken(storm: Storm) -> list[str]:
    async with storm.world.db.transaction() as session:
        found = await invariants.violations(session, storm.world.settings.job_lease, _INVARIANTS)
    return [f"{one.invariant.id}: {row}" for one in found for row in one.rows]


async def _promises(storm: Storm) -> list[str]:
    found = await storm.sim.control.invariants(poll_floor_s=FLOOR_S * FASTER, slack_s=_SLACK_S)
    return [f"{one.rule}: {one.sentence}" for one in found]


async def _column(storm: Storm, query: str) -> list[str]:
    async with storm.world.db.transaction() as session:
        return [str(value) for value in (await session.scalars(text(query))).all()]


def _each(count: int, what: str, numbers: Sequence[int]) -> Goal:
    with_one, with_more = sum(one == 1 for one in numbers), sum(one > 1 for one in numbers)
    figure = f"{with_one}; {count - with_one - with_more} without, {with_more} with more"
    return Goal(what, figure, str(count), with_one == count == len(numbers))


def _none(what: str, those: Sequence[str]) -> Goal:
    return Goal(what, str(len(those)) + "".join(f"; {one}" for one in those[:_SHOWN]), "0", not those)
