"""The advanced search for shows: groups of filters, and an order. Answers ids only."""

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.world import Row

if TYPE_CHECKING:
    from tests.simulators.cablecast.station import Station

FIELDS = (
    "showId", "localId", "project", "title", "cgTitle", "eventDate", "trt", "hasValidFile", "hasInvalidFile",
    "category", "producer", "lastModified", "disposition", "dispositionDate", "dispositionCreation",
    "preAssignedDevice", "comments",
    *(f"custom{n}" for n in range(1, 9)), "runCount", "location", "channelShowRuns", "hasVod", "mediaCreation",
    "customField", "killDateStart", "killDateEnd", "cgExempt", "audioPrograms", "closedCaptions",
)  # fmt: skip
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "notEquals": operator.ne,
    "greaterThan": operator.gt,
    "lessThan": operator.lt,
    "greaterThanOrEqual": operator.ge,
    "lessThanOrEqual": operator.le,
    "notGreaterThan": operator.le,
    "notGreaterThanOrEqual": operator.lt,
    "notLessThan": operator.ge,
    "notLessThanOrEqual": operator.gt,
}
_WITHOUT_VALUE = {"empty": True, "notEmpty": False}


def run(saved: Row, station: "Station", *, status: int) -> list[int]:
    """The ids that a saved search finds, in its order. Raises Refused for a field or operator that is not there."""
    query = saved.get("query")
    if not isinstance(query, dict) or not isinstance(query.get("groups"), list):
        raise Refused(status, "The search has no query with groups.")
    groups = [_group(group, status) for group in query["groups"]]
    order = query.get("sortOptions") or []
    for option in order:
        if not isinstance(option, dict) or option.get("field") not in FIELDS:
            raise Refused(status, "A sort option names no field that can be searched.")
    rows = [row for row in station.world.rows["shows"].values() if all(group(row, station) for group in groups)]
    for option in reversed(order):
        rows.sort(
            key=lambda row: str(_value(row, option["field"], {}, station)), reverse=bool(option.get("descending"))
        )
    return [row["id"] for row in rows]


def _group(group: Any, status: int) -> Callable[[Row, "Station"], bool]:
    if (
        not isinstance(group, dict)
        or group.get("orAnd") not in ("and", "or")
        or not isinstance(group.get("filters"), list)
    ):
        raise Refused(status, "A group needs orAnd and filters.")
    for item in group["filters"]:
        if not isinstance(item, dict) or item.get("field") not in FIELDS:
            raise Refused(
                status, f"There is no field {item.get('field') if isinstance(item, dict) else item!r} to search."
            )
        if item.get("operator") not in (*OPERATORS, *_WITHOUT_VALUE):
            raise Refused(status, f"There is no operator {item.get('operator')!r}.")
    join: Callable[[Iterator[bool]], bool] = all if group["orAnd"] == "and" else any
    return lambda row, station: join(_holds(row, item, station) for item in group["filters"])


def _holds(row: Row, item: Row, station: "Station") -> bool:
    found = _value(row, item["field"], item, station)
    if item["operator"] in _WITHOUT_VALUE:
        return (found in (None, "", [])) == _WITHOUT_VALUE[item["operator"]]
    wanted = item.get("searchValue")
    if isinstance(found, bool):
        return OPERATORS[item["operator"]](found, str(wanted).lower() == "true")
    if isinstance(found, int | float):
        try:
            return OPERATORS[item["operator"]](float(found), float(str(wanted)))
        except ValueError:
            return False
    if found is None:
        return str(item["operator"]).startswith("not")
    return OPERATORS[item["operator"]](str(found).casefold(), str(wanted).casefold())


def _value(row: Row, field: str, item: Row, station: "Station") -> Any:
    reels = station.world.reels_of(row["id"])
    match field:
        case "showId":
            return row["id"]
        case "trt":
            return station.world.run_time(row["id"])
        case "hasVod":
            return bool(station.world.vods_of(row["id"]))
        case "hasValidFile" | "hasInvalidFile":
            wanted = "valid" if field == "hasValidFile" else "invalid"
            videos = [station.files.of_reel(reel) for reel in reels]
            return any(video is not None and video.status == wanted for video in videos)
        case "closedCaptions":
            return bool(station.views.show(row)["hasCaptions"])
        case "customField":
            found = (one["value"] for one in row["customFields"] if one["showField"] == item.get("showField"))
            return next(found, None)
        case "mediaCreation":
            return next((station.world.rows["media"][reel["media"]]["creationDate"] for reel in reels), None)
        case _:
            return row.get(field)
