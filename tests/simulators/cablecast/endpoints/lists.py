"""Lists and single objects: pages, what comes beside them, and the lookups, which are nothing else."""

from typing import Any

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.call import Call, Endpoint, endpoint
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer
from tests.simulators.cablecast.world import LOOKUPS, Row

_PAGE_MOST = 5000  # rows


def listed(collection: str) -> Endpoint:
    def answer(call: Call) -> Response:
        rows = list(call.world.rows[collection].values())
        place = call.request.first("location")
        if place is not None and rows and "location" in rows[0]:
            rows = [row for row in rows if str(row["location"]) == place]
        data: Row = {fields.ROOTS[collection][1]: [call.station.views.finished(row) for row in rows]}
        if collection == "showfields":
            data["fieldDefinitions"] = list(call.world.rows["fielddefinitions"].values())
        return json_answer(200, data)

    return answer


def one(collection: str) -> Endpoint:
    def answer(call: Call) -> Response:
        row = call.row(collection)
        call.reads(collection, row)
        data: Row = {fields.ROOTS[collection][0]: call.station.views.of(collection, row, call.request.origin)}
        if collection in ("shows", "reels", "vods"):
            data |= sideloaded(call, collection, [row])
        return json_answer(200, data)

    return answer


def create(collection: str) -> Endpoint:
    def answer(call: Call) -> Response:
        taken = fields.checked(collection, call.sent(collection), call.world.exists, status=call.invalid, making=True)
        return call.made(collection, call.world.make(collection, taken))

    return answer


for _collection in LOOKUPS:
    endpoint(_collection, "GET")(listed(_collection))
for _collection in (*LOOKUPS, "shows", "media", "reels", "vods", "chapters", "fileuploads"):
    endpoint(f"{_collection}/{{id}}", "GET")(one(_collection))
for _collection in ("categories", "projects", "producers"):
    endpoint(_collection, "POST")(create(_collection))


def change(call: Call, collection: str) -> Response:
    """PUT of one object. Raises Refused."""
    row = call.row(collection)
    taken = fields.checked(collection, call.sent(collection), call.world.exists, status=call.invalid, making=False)
    call.checks_put(collection, row)
    return call.changed(collection, call.world.change(collection, row["id"], taken))


def asked_for(call: Call, collection: str, field: str) -> list[Row]:
    """The rows of a collection, or those whose field has the value that the query names."""
    said = call.request.first(field)
    if said is None:
        return list(call.world.rows[collection].values())
    return call.world.where(collection, field, int(said)) if said.isdigit() else []


def paged(call: Call, collection: str, rows: list[Row], **more: Any) -> Response:
    """A page of rows that are ready to go out, with `meta`. Raises Refused for an offset or size that cannot be."""
    offset, size = window(call)
    data = {fields.ROOTS[collection][1]: rows[offset : offset + size], **more}
    data["meta"] = {"offset": offset, "pageSize": size, "count": len(rows)}
    return json_answer(200, data)


def window(call: Call) -> tuple[int, int]:
    """Offset and page size that a caller asks for. Raises Refused."""
    found = []
    for name, default, least, most in (
        ("offset", 0, 0, 10**9),
        ("page_size", call.station.switches.default_page, 1, _PAGE_MOST),
    ):
        said = call.request.first(name)
        if said is not None and not (said.isdigit() and least <= int(said) <= most):
            raise Refused(call.invalid, f"{name} must be a number from {least} to {most}.")
        found.append(int(said) if said is not None else default)
    return found[0], found[1]


def sideloaded(call: Call, collection: str, rows: list[Row]) -> dict[str, list[Row]]:
    """What `include` asks for, beside the objects themselves. Names nobody knows are passed over."""
    asked = [name.strip().lower() for said in call.request.all("include") for name in said.split(",") if name.strip()]
    if not asked:
        return {}
    world, views, origin = call.world, call.station.views, call.request.origin
    shows = rows if collection == "shows" else [world.rows["shows"][row["show"]] for row in rows]
    reels = [reel for show in shows for reel in world.reels_of(show["id"])]
    found: dict[str, list[Row]] = {}
    for name in asked:
        match name:
            case "reel":
                found["reels"] = [views.reel(reel) for reel in reels]
            case "vod":
                vods = [vod for show in shows for vod in world.vods_of(show["id"])]
                found["vods"] = [views.vod(vod, origin) for vod in vods]
            case "media":
                found["media"] = [views.finished(world.rows["media"][reel["media"]]) for reel in reels]
            case "show" if collection != "shows":
                found["shows"] = [views.show(show) for show in shows]
            case "category" | "project" | "producer":
                plural = {"category": "categories", "project": "projects", "producer": "producers"}[name]
                keys = sorted({show[name] for show in shows if show[name] is not None})
                found[plural] = [views.finished(world.rows[plural][key]) for key in keys if key in world.rows[plural]]
            case "thumbnail" | "webfile":
                found[{"thumbnail": "thumbnails", "webfile": "webFiles"}[name]] = []
            case "digitalfile":
                videos = [video for reel in reels if (video := call.station.files.of_reel(reel)) is not None]
                found["digitalFiles"] = [views.digital_file(video) for video in videos]
    return found
