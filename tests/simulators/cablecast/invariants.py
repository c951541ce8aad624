"""What must never be seen of a client of the station, whatever went wrong meanwhile: `check` lists what was."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

from tests.simulators.cablecast.journal import Entry
from tests.simulators.cablecast.station import Station
from tests.simulators.cablecast.world import Row


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that was not kept, in a sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the client of a test promises.

    poll_floor_s: shortest time between two polls of one VOD. retry_after_cap_s: longest Retry-After that it obeys.
    clock: `virtual` or `real`, on which both are measured. slack_s: what measuring and requests under way may cost.
    sidecars: SHA-256 by `store/name` of the files that were signed off. only: the rules to check, all when empty.
    """

    poll_floor_s: float = 15
    retry_after_cap_s: float = 3600
    clock: str = "virtual"
    slack_s: float = 0.5
    sidecars: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()

    def arrived(self, entry: Entry) -> float:
        return entry.virtual if self.clock == "virtual" else entry.real

    def answered(self, entry: Entry) -> float | None:
        return entry.answered_virtual if self.clock == "virtual" else entry.answered_real


def check(station: Station, **said: Any) -> list[Violation]:
    """Every promise against the journal and the objects. Raises TypeError or ValueError for bounds that are none."""
    bounds = Bounds(
        **{**said, "sidecars": tuple(said.get("sidecars", {}).items()), "only": tuple(said.get("only", ()))}
    )
    if bounds.clock not in ("virtual", "real"):
        raise ValueError("clock may be virtual or real")
    unknown = set(bounds.only) - set(RULES)
    if unknown:
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
    rules = {name: rule for name, rule in RULES.items() if not bounds.only or name in bounds.only}
    return [Violation(name, sentence) for name, rule in rules.items() for sentence in rule(station, bounds)]


def _twins(station: Station, collection: str, key: Callable[[Row], Any], said: str) -> Iterator[str]:
    """Objects that stand for the same thing, at least one made through the API, none of them by a fault's replay."""
    groups = defaultdict(list)
    for row in station.world.rows[collection].values():
        if (collection, row["id"]) not in station.duplicated and (name := key(row)) is not None:
            groups[name].append(row["id"])
    for name, ids in groups.items():
        if len(ids) > 1 and any((collection, one) in station.world.made for one in ids):
            yield f"{collection} {', '.join(map(str, ids))} {said} {name}"


def _two_shows(station: Station, bounds: Bounds) -> Iterator[str]:
    return _twins(station, "shows", lambda row: row["localId"] or None, "have one localId")


def _two_vods(station: Station, bounds: Bounds) -> Iterator[str]:
    return _twins(
        station, "vods", lambda row: (row["show"], row["vodConfiguration"]), "have one show and configuration"
    )


def _two_reels(station: Station, bounds: Bounds) -> Iterator[str]:
    return _twins(station, "reels", lambda row: (row["show"], row["reelNumber"]), "have one show and number")


def _two_media(station: Station, bounds: Bounds) -> Iterator[str]:
    return _twins(station, "media", lambda row: (row["location"], row["mediaName"]), "have one location and name")


def _two_chapters(station: Station, bounds: Bounds) -> Iterator[str]:
    return _twins(
        station,
        "chapters",
        lambda row: None if row["deleted"] else (row["vod"], row["offset"], row["title"]),
        "have one vod, offset and title",
    )


def _anonymous_write(station: Station, bounds: Bounds) -> Iterator[str]:
    for entry in station.journal.entries:
        if entry.applied and entry.user is None:
            yield f"{entry.method} {entry.path} was done by nobody"


def _seen_at_once(kind: str) -> Callable[[Station, Bounds], Iterator[str]]:
    def found(station: Station, bounds: Bounds) -> Iterator[str]:
        return (said for entry in station.journal.entries for rule, said in entry.violations if rule == kind)

    return found


def _polled_too_often(station: Station, bounds: Bounds) -> Iterator[str]:
    """From a poll that was answered to the next one of the same VOD. On servers without vodstatuses a read of the VOD
    is a poll, unless it is the reading half of a PUT."""
    polls: dict[int, list[Entry]] = defaultdict(list)
    legacy = not station.profile.vod_state
    for entry in station.journal.entries:
        if entry.template == "vodstatuses/{id}" or (
            legacy and entry.template == "vods/{id}" and entry.method == "GET"
        ):
            polls[entry.ids[0]].append(entry)
        elif legacy and entry.template == "vods/{id}" and entry.method == "PUT" and polls[entry.ids[0]]:
            polls[entry.ids[0]].pop()
    for vod, entries in polls.items():
        for one, other in pairwise(entries):
            apart = bounds.arrived(other) - bounds.arrived(one)
            if one.status == 200 and one.fault is None and apart < bounds.poll_floor_s - bounds.slack_s:
                yield f"vod {vod} was polled again after {apart:.1f} s, which is less than {bounds.poll_floor_s:g} s"


def _ignored_retry_after(station: Station, bounds: Bounds) -> Iterator[str]:
    """After 429 or 503 with a Retry-After that means something: nothing before its end but what was under way."""
    closed: tuple[float, float, Entry] | None = None
    for entry in station.journal.entries:
        now = bounds.arrived(entry)
        if closed is not None and closed[0] + bounds.slack_s < now < closed[1] - bounds.slack_s:
            asked = closed[2]
            yield (
                f"{entry.method} {entry.path} came {now - closed[0]:.1f} s after {asked.method} {asked.path} was "
                f"answered {asked.status} with Retry-After {asked.retry_after}"
            )
        since, wait = bounds.answered(entry), _retry_after_s(entry)
        if since is not None and wait and (closed is None or since + wait > closed[1]):
            closed = (since, since + min(wait, bounds.retry_after_cap_s), entry)


def _retry_after_s(entry: Entry) -> float | None:
    if entry.status not in (429, 503) or entry.retry_after is None or entry.answered_real is None:
        return None
    if entry.retry_after.isdigit():
        return float(entry.retry_after)
    try:
        moment: datetime = parsedate_to_datetime(entry.retry_after)
    except ValueError:
        return None
    return moment.timestamp() - entry.answered_real


def _sidecar_changed(station: Station, bounds: Bounds) -> Iterator[str]:
    for place, wanted in bounds.sidecars:
        store, _, name = place.partition("/")
        path = station.files.store_named(store).folder / name
        if not path.is_file():
            yield f"{place} is not on the store"
        elif (found := hashlib.sha256(path.read_bytes()).hexdigest()) != wanted:
            yield f"{place} is not what was signed off: {found[:12]} instead of {wanted[:12]}"


RULES: dict[str, Callable[[Station, Bounds], Iterator[str]]] = {
    "two_shows_one_local_id": _two_shows,
    "two_vods_one_configuration": _two_vods,
    "two_reels_one_number": _two_reels,
    "two_media_one_name": _two_media,
    "two_chapters_one_place": _two_chapters,
    "anonymous_write": _anonymous_write,
    "polled_too_often": _polled_too_often,
    "ignored_retry_after": _ignored_retry_after,
    "sidecar_changed": _sidecar_changed,
    **{
        kind: _seen_at_once(kind)
        for kind in (
            "unsupported_call",
            "control_call",
            "put_dropped_field",
            "schedule_write",
            "caption_order",
            "secret_leaked",
        )
    },
}
