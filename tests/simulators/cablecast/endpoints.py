"""The calls of the API: what each checks, does and answers. `ENDPOINTS` lists them by path and method."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulators.cablecast import fields, output, search
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import (
    Delivery,
    Request,
    Response,
    json_answer,
    message,
    page_of_iis,
    parts,
    text,
)
from tests.simulators.cablecast.views import DIGITAL_FILE_IDS, chapter_rows
from tests.simulators.cablecast.world import LOOKUPS, Row

if TYPE_CHECKING:
    from tests.simulators.cablecast.routing import Call

Endpoint = Callable[["Call"], Response]
ENDPOINTS: dict[str, dict[str, Endpoint]] = {}
_PAGED = {"shows", "media", "vods", "assets", "digitalfiles", "vodtransactions", "scheduleitems"}
_PAGE_MOST = 5000  # rows
_WINDOW_MOST_DAYS = 31  # of scheduleitems
_GATEWAY_S = 60  # virtual seconds after which the gateway gives up


def endpoint(path: str, method: str) -> Callable[[Endpoint], Endpoint]:
    def register(function: Endpoint) -> Endpoint:
        ENDPOINTS.setdefault(path, {})[method] = function
        return function

    return register


# The station itself


@endpoint("systeminfo", "GET")
def systeminfo(call: "Call") -> Response:
    profile = call.station.profile
    info = {
        "cablecastVersion": profile.version,
        "cablecastFriendlyVersion": f"Cablecast {'.'.join(profile.version.split('.')[:2])}",
        "siteName": "Harbor Community Television",
        "baseUrlForEmbeds": call.request.origin,
    }
    return json_answer(200, {"systemInfo": call.station.views.finished(info)})


@endpoint("systemtime", "GET")
def systemtime(call: "Call") -> Response:
    clock = call.station.clock
    offset = clock.offset_s()
    said = call.request.first("client_time")
    moment: dict[str, Any] = {
        "time": clock.iso(),
        "timeZone": "Central Standard Time",
        "gmtOffset": offset / 3600,
        "clientOffset": None,
        "ianaTimeZone": str(clock.zone),
    }
    if said:
        try:
            moment["clientOffset"] = round(
                clock.now() - datetime.fromisoformat(said.replace(" ", "+")).timestamp(), 1
            )
        except ValueError:
            return message(call.invalid, "client_time is not a date.")
    return json_answer(200, {"systemTime": moment})


@endpoint("usersession", "GET")
def usersession(call: "Call") -> Response:
    assert call.user is not None
    verbs = ["read", "write", "delete"] if call.user.level == "write" else ["read"]
    permissions = {"cablecast": dict.fromkeys(("shows", "media", "reels", "vods", "chapters", "assets"), verbs)}
    session = {"user": call.user.name, "isAdmin": False, "permissions": permissions}
    return json_answer(200, {"userSession": session})


# Lists and single objects


def _list(collection: str) -> Endpoint:
    def answer(call: "Call") -> Response:
        rows = list(call.world.rows[collection].values())
        place = call.request.first("location")
        if place is not None and rows and "location" in rows[0]:
            rows = [row for row in rows if str(row["location"]) == place]
        data: Row = {fields.ROOTS[collection][1]: [call.station.views.finished(row) for row in rows]}
        if collection == "showfields":
            data["fieldDefinitions"] = list(call.world.rows["fielddefinitions"].values())
        return json_answer(200, data)

    return answer


def _one(collection: str) -> Endpoint:
    def answer(call: "Call") -> Response:
        row = call.row(collection)
        call.reads(collection, row)
        data: Row = {fields.ROOTS[collection][0]: call.station.views.of(collection, row, call.request.origin)}
        if collection in ("shows", "reels", "vods"):
            data |= sideloaded(call, collection, [row])
        return json_answer(200, data)

    return answer


def _create(collection: str) -> Endpoint:
    def answer(call: "Call") -> Response:
        taken = fields.checked(collection, call.sent(collection), call.world.exists, status=call.invalid, making=True)
        return call.made(collection, call.world.make(collection, taken))

    return answer


for _collection in LOOKUPS:
    endpoint(_collection, "GET")(_list(_collection))
    endpoint(f"{_collection}/{{id}}", "GET")(_one(_collection))
for _collection in ("categories", "projects", "producers"):
    endpoint(_collection, "POST")(_create(_collection))


def paged(call: "Call", collection: str, rows: list[Row], **more: Any) -> Response:
    """A page of rows that are ready to go out, with `meta`. Raises Refused for an offset or size that cannot be."""
    offset, size = window(call)
    data = {fields.ROOTS[collection][1]: rows[offset : offset + size], **more}
    data["meta"] = {"offset": offset, "pageSize": size, "count": len(rows)}
    return json_answer(200, data)


def window(call: "Call") -> tuple[int, int]:
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


def sideloaded(call: "Call", collection: str, rows: list[Row]) -> dict[str, list[Row]]:
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


# Shows


@endpoint("shows", "GET")
def list_shows(call: "Call") -> Response:
    rows = sorted(call.world.rows["shows"].values(), key=lambda row: -row["id"])
    ids = call.request.all("ids[]")
    if ids:
        if not all(said.isdigit() for said in ids):
            raise Refused(call.invalid, "ids[] must be numbers.")
        wanted = set(map(int, ids))
        rows = [row for row in rows if row["id"] in wanted]
    asked = call.request.first("search")
    if asked and call.station.switches.search_param == "works":
        words = asked.casefold()
        rows = [
            row
            for row in rows
            if any(words in (row[name] or "").casefold() for name in ("title", "cgTitle", "localId"))
        ]
    since = call.request.first("since")
    if since:
        try:
            moment = datetime.fromisoformat(since.replace(" ", "+"))
        except ValueError:
            raise Refused(call.invalid, "since is not a date.") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=call.station.clock.zone)
        rows = [row for row in rows if datetime.fromisoformat(row["lastModified"]) >= moment]
    offset, size = window(call)
    here = rows[offset : offset + size]
    for row in here:
        call.reads("shows", row)
    data: Row = {"shows": [call.station.views.show(row) for row in here]}
    data |= sideloaded(call, "shows", here)
    data["meta"] = {"offset": offset, "pageSize": size, "count": len(rows)}
    return json_answer(200, data)


@endpoint("shows", "POST")
def create_show(call: "Call") -> Response:
    return call.made("shows", call.world.make("shows", _show_fields(call, making=True)))


@endpoint("shows/{id}", "PUT")
def change_show(call: "Call") -> Response:
    row = call.row("shows")
    taken = _show_fields(call, making=False)
    if taken.get("generateCaptions") and not row["generateCaptions"]:
        call.violates(
            "caption_order", f"generateCaptions was turned on for show {row['id']}: that orders paid captions"
        )
    call.checks_put("shows", row)
    return call.changed("shows", call.world.change("shows", row["id"], taken))


@endpoint("shows/{id}", "DELETE")
def delete_show(call: "Call") -> Response:
    row = call.row("shows")
    for vod in call.world.vods_of(row["id"]):
        call.station.machine.forget(vod["id"])
    call.world.remove("shows", row["id"])
    call.station.reels_changed()
    call.applied()
    return Response(204)


def _show_fields(call: "Call", *, making: bool) -> Row:
    sent = call.sent("shows")
    taken = fields.checked("shows", sent, call.world.exists, status=call.invalid, making=making)
    if making and taken.get("generateCaptions"):
        call.violates("caption_order", "generateCaptions was turned on for a new show: that orders paid captions")
    if taken.get("customFields") is not None:
        taken["customFields"] = [_custom_field(call, item) for item in taken["customFields"]]
    return taken


def _custom_field(call: "Call", item: Any) -> Row:
    if not isinstance(item, dict) or not isinstance(item.get("showField"), int):
        raise Refused(call.invalid, "A custom field names no showField.")
    field = call.world.rows["showfields"].get(item["showField"])
    if field is None:
        raise Refused(call.invalid, f"No showField has the id {item['showField']}.")
    definition = call.world.rows["fielddefinitions"].get(field.get("fieldDefinition", 0), {})
    value = item.get("value")
    named = {"fieldName": definition.get("name"), "type": definition.get("type"), "fieldValueString": value}
    key = item.get("id") or call.world.add("customfields", {"value": value})["id"]
    if item.get("id") is None:
        del call.world.rows["customfields"][key]
    return {"id": key, "showField": item["showField"], "value": value, **named}


@endpoint("shows/search/advanced", "POST")
def search_shows(call: "Call") -> Response:
    saved = call.sent("savedshowsearches")
    results = search.run(saved, call.station, status=call.invalid)
    row = call.world.add("savedsearches", {"name": saved.get("name", ""), "query": saved["query"]})
    return json_answer(200, {"savedShowSearch": {**row, "results": results}})


@endpoint("shows/search/advanced/{id}", "GET")
def run_search(call: "Call") -> Response:
    row = call.world.rows["savedsearches"].get(call.ids[0])
    if row is None:
        raise Refused(404, f"There is no saved search {call.ids[0]}.")
    results = search.run(row, call.station, status=call.invalid)
    return json_answer(200, {"savedShowSearch": {**row, "results": results}})


# Media and reels


@endpoint("media", "GET")
def list_media(call: "Call") -> Response:
    return paged(call, "media", [call.station.views.finished(row) for row in call.world.rows["media"].values()])


@endpoint("reels", "GET")
def list_reels(call: "Call") -> Response:
    rows = list(call.world.rows["reels"].values())
    show = call.request.first("show")
    if show is not None:
        rows = [row for row in rows if str(row["show"]) == show]
    for row in rows:
        call.reads("reels", row)
    return json_answer(
        200, {"reels": [call.station.views.reel(row) for row in rows], **sideloaded(call, "reels", rows)}
    )


@endpoint("media/{id}", "PUT")
def change_media(call: "Call") -> Response:
    return _change(call, "media")


@endpoint("reels/{id}", "PUT")
def change_reel(call: "Call") -> Response:
    _change(call, "reels")
    call.station.reels_changed()
    return json_answer(200, {"reel": call.station.views.reel(call.row("reels"))})


@endpoint("reels", "POST")
def create_reel(call: "Call") -> Response:
    taken = _reel_fields(call, call.sent("reels"))
    row = call.world.make("reels", taken)
    call.station.reels_changed()
    return call.made("reels", row)


@endpoint("reels/batch", "POST")
def create_reels(call: "Call") -> Response:
    """All of them or none."""
    sent = call.body().get("reels")
    if not isinstance(sent, list) or not sent:
        raise Refused(call.invalid, "The body has no root reels with a list.")
    checked = [_reel_fields(call, one) for one in sent]
    rows = [call.world.make("reels", taken) for taken in checked]
    call.station.reels_changed()
    for row in rows:
        call.made("reels", row)
    return json_answer(
        call.station.switches.show_post_status, {"reels": [call.station.views.reel(row) for row in rows]}
    )


def _reel_fields(call: "Call", sent: Any) -> Row:
    return fields.checked("reels", sent, call.world.exists, status=call.invalid, making=True)


def _change(call: "Call", collection: str) -> Response:
    row = call.row(collection)
    taken = fields.checked(collection, call.sent(collection), call.world.exists, status=call.invalid, making=False)
    call.checks_put(collection, row)
    return call.changed(collection, call.world.change(collection, row["id"], taken))


endpoint("media", "POST")(_create("media"))
for _collection in ("shows", "media", "reels", "vods", "chapters", "fileuploads"):
    endpoint(f"{_collection}/{{id}}", "GET")(_one(_collection))


# Files


@endpoint("assets", "GET")
def list_assets(call: "Call") -> Response:
    assets = list(call.station.files.assets.values())
    wanted = {said.lower().replace("missing & deleted", "missing") for said in call.request.all("status_type[]")}
    if wanted:
        assets = [asset for asset in assets if asset.status in wanted]
    purpose = call.request.first("purpose_type")
    if purpose is not None:
        on_vod = purpose.lower() == "vod"
        assets = [asset for asset in assets if (asset.store.kind == "VOD") == on_vod]
    if call.request.first("sort") == "last_modified":
        assets.sort(key=lambda asset: -asset.changed)
    offset, size = window(call)
    here = assets[offset : offset + size]
    views, origin = call.station.views, call.request.origin
    infos = [views.asset_info(asset) for asset in here if asset.kind == "video" and asset.due is None]
    meta = {"offset": offset, "pageSize": size, "count": len(assets)}
    return json_answer(200, {"assets": [views.asset(a, origin) for a in here], "assetInfos": infos, "meta": meta})


@endpoint("assets/{id}", "GET")
def one_asset(call: "Call") -> Response:
    asset = call.station.files.assets.get(call.ids[0])
    if asset is None:
        raise Refused(404, f"There is no asset {call.ids[0]}.")
    views = call.station.views
    infos = [views.asset_info(asset)] if asset.kind == "video" and asset.due is None else []
    return json_answer(200, {"asset": views.asset(asset, call.request.origin), "assetInfos": infos})


@endpoint("assetreellinks", "GET")
def list_links(call: "Call") -> Response:
    return json_answer(200, {"assetReelLinks": call.station.views.links()})


@endpoint("assetreellinks/{id}", "GET")
def one_link(call: "Call") -> Response:
    found = next((link for link in call.station.views.links() if link["id"] == call.ids[0]), None)
    if found is None:
        raise Refused(404, f"There is no assetReelLink {call.ids[0]}.")
    return json_answer(200, {"assetReelLink": found})


@endpoint("digitalfiles", "GET")
def list_digital_files(call: "Call") -> Response:
    videos = [asset for asset in call.station.files.assets.values() if asset.kind == "video" and asset.is_there]
    return _deprecated(
        call, paged(call, "digitalfiles", [call.station.views.digital_file(video) for video in videos])
    )


@endpoint("digitalfiles/{id}", "GET")
def one_digital_file(call: "Call") -> Response:
    video = call.station.files.assets.get(call.ids[0] - DIGITAL_FILE_IDS)
    if video is None or video.kind != "video":
        raise Refused(404, f"There is no digitalFile {call.ids[0]}.")
    return _deprecated(call, json_answer(200, {"digitalFile": call.station.views.digital_file(video)}))


def _deprecated(call: "Call", answer: Response) -> Response:
    if call.station.switches.warning_header:
        answer.headers["Warning"] = '299 Cablecast "This endpoint is deprecated, use assets"'
    return answer


@endpoint("fileuploads", "GET")
def list_uploads(call: "Call") -> Response:
    if not call.station.switches.fileuploads_list:
        return page_of_iis(405)
    rows = [call.station.views.finished(row) for row in call.world.rows["fileuploads"].values()]
    return json_answer(200, {"fileUploads": rows})


@endpoint("fileuploads", "POST")
def begin_upload(call: "Call") -> Response:
    taken = fields.checked(
        "fileuploads", call.sent("fileuploads"), call.world.exists, status=call.invalid, making=True
    )
    call.station.uploads.check_name(taken["fileName"], taken["destinationStore"])
    row = call.world.make("fileuploads", {**taken, "state": 1})
    call.station.uploads.begin(row)
    return call.made("fileuploads", row)


@endpoint("fileuploads/{id}/upload", "POST")
def upload_segment(call: "Call") -> Response:
    row = call.row("fileuploads")
    try:
        sent = {part.name: part for part in parts(call.request)}
    except ValueError as exc:
        raise Refused(call.invalid, str(exc)) from None
    number = sent["segment"].data.decode("ascii", "replace") if "segment" in sent else ""
    if not number.isdigit() or "file" not in sent or sent["file"].filename is None:
        raise Refused(call.invalid, "The form needs a field segment with a number and a field file with a file name.")
    call.station.uploads.segment(row, int(number), sent["file"].data)
    call.applied()
    return json_answer(200, {"fileUpload": call.station.views.finished(row)})


@endpoint("fileuploads/{id}", "PUT")
def end_upload(call: "Call") -> Response:
    row = call.row("fileuploads")
    sent = call.sent("fileuploads")
    if not isinstance(sent, dict) or sent.get("state") != 2:
        raise Refused(call.invalid, "The state can be set to 2 and to nothing else.")
    call.station.uploads.finish(row)
    return call.changed("fileuploads", row)


# VODs


@endpoint("vods", "GET")
def list_vods(call: "Call") -> Response:
    """In no order that helps anyone; `showId` is passed over."""
    rows = sorted(call.world.rows["vods"].values(), key=lambda row: row["id"] * 2_654_435_761 % 2**32)
    offset, size = window(call)
    here = rows[offset : offset + size]
    for row in here:
        call.reads("vods", row)
    data: Row = {"vods": [call.station.views.vod(row, call.request.origin) for row in here]}
    data |= sideloaded(call, "vods", here)
    data["meta"] = {"offset": offset, "pageSize": size, "count": len(rows)}
    return json_answer(200, data)


@endpoint("vods", "POST")
def create_vod(call: "Call") -> Response:
    taken = fields.checked("vods", call.sent("vods"), call.world.exists, status=call.invalid, making=True)
    show = call.world.rows["shows"][taken["show"]]
    if call.world.rows["vodconfigurations"][taken["vodConfiguration"]]["location"] != show["location"]:
        raise Refused(call.invalid, "The vodConfiguration belongs to another location than the show.")
    same = [vod for vod in call.world.vods_of(show["id"]) if vod["vodConfiguration"] == taken["vodConfiguration"]]
    if same and call.station.switches.vod_duplicate == "409":
        raise Refused(409, f"Show {show['id']} has a vod for this configuration already.")
    row = call.world.make("vods", taken)
    call.station.machine.add(row)
    return call.made("vods", row)


@endpoint("vods/{id}", "PUT")
def change_vod(call: "Call") -> Response:
    answer = _change(call, "vods")
    row = call.row("vods")
    call.station.machine.disable(row)
    return json_answer(answer.status, {"vod": call.station.views.vod(row, call.request.origin)})


@endpoint("vods/{id}", "DELETE")
def delete_vod(call: "Call") -> Response:
    row = call.row("vods")
    call.station.machine.forget(row["id"])
    call.world.remove("vods", row["id"])
    call.applied()
    return Response(204)


@endpoint("vods/{id}/chapters", "GET")
def vod_chapters(call: "Call") -> Response:
    row = call.row("vods")
    rows = chapter_rows(call.world, row["id"]) if row["chaptersPublished"] else []
    kind = "text/vtt; charset=utf-8" if call.station.switches.charset_header else "text/vtt"
    return text(200, output.chapters(rows, call.world.run_time(row["show"])), kind)


@endpoint("vodstatuses/{id}", "GET")
def vod_status(call: "Call") -> Response:
    return json_answer(200, {"vodStatus": call.station.views.vod_status(call.row("vods"))})


@endpoint("vodtransactions", "GET")
def list_transactions(call: "Call") -> Response:
    rows = list(call.world.rows["vodtransactions"].values())
    vod = call.request.first("vod")
    if vod is not None:
        rows = [row for row in rows if str(row["vod"]) == vod]
    return paged(call, "vodtransactions", [call.station.views.finished(row) for row in rows])


@endpoint("vodtransactions/{id}", "GET")
def one_transaction(call: "Call") -> Response:
    return json_answer(200, {"vodTransaction": call.station.views.finished(call.row("vodtransactions"))})


# Chapters


@endpoint("chapters", "GET")
def list_chapters(call: "Call") -> Response:
    rows = list(call.world.rows["chapters"].values())
    vod = call.request.first("vod")
    if vod is not None:
        rows = [row for row in rows if str(row["vod"]) == vod]
    deleted = call.request.first("deleted")
    if deleted is not None and deleted.lower() in ("true", "false"):
        rows = [row for row in rows if row["deleted"] == (deleted.lower() == "true")]
    for row in rows:
        call.reads("chapters", row)
    return json_answer(200, {"chapters": [call.station.views.finished(row) for row in rows]})


@endpoint("chapters", "POST")
def create_chapter(call: "Call") -> Response:
    taken = fields.checked("chapters", call.sent("chapters"), call.world.exists, status=call.invalid, making=True)
    _check_offset(call, taken["vod"], taken["offset"])
    return call.made("chapters", call.world.make("chapters", taken))


@endpoint("chapters/{id}", "PUT")
def change_chapter(call: "Call") -> Response:
    row = call.row("chapters")
    offset = (call.sent("chapters") or {}).get("offset")
    if isinstance(offset, int):
        _check_offset(call, row["vod"], offset)
    return _change(call, "chapters")


@endpoint("chapters/{id}", "DELETE")
def delete_chapter(call: "Call") -> Response:
    call.row("chapters")["deleted"] = True
    call.applied()
    return Response(204)


def _check_offset(call: "Call", vod: int, offset: int) -> None:
    length = call.world.run_time(call.world.rows["vods"][vod]["show"])
    if offset > length:
        raise Refused(call.invalid, f"The offset {offset} lies beyond the vod's {length} seconds.")


# Schedule: to look at only


@endpoint("scheduleitems", "GET")
def list_schedule(call: "Call") -> Response:
    bounds = []
    for name in ("start", "end"):
        said = call.request.first(name)
        try:
            bounds.append(datetime.fromisoformat(said.replace(" ", "+")) if said else None)
        except ValueError:
            raise Refused(call.invalid, f"{name} is not a date.") from None
    start, end = ((b.replace(tzinfo=b.tzinfo or call.station.clock.zone) if b else None) for b in bounds)
    if start is None or end is None or (end - start).days > _WINDOW_MOST_DAYS:
        answer = page_of_iis(504)
        answer.delivery = Delivery(until=call.station.clock.now() + _GATEWAY_S)
        return answer
    rows = [
        row
        for row in call.world.rows["scheduleitems"].values()
        if start <= datetime.fromisoformat(row["runDateTime"]) <= end
        and all(call.request.first(name) in (None, str(row.get(name))) for name in ("channel", "show"))
    ]
    return paged(call, "scheduleitems", rows)


def parsed(request: Request) -> Any:
    """The JSON body. Raises Refused: 415 without a JSON content type, 400 where it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "The request contains an entity body but no JSON Content-Type header.")
    try:
        return json.loads(request.body)
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None
