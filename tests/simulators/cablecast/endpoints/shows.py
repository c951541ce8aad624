"""Shows: reading, writing, searching."""

from datetime import datetime
from typing import Any

from tests.simulators.cablecast import fields, search
from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import sideloaded, window
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer
from tests.simulators.cablecast.world import Row


@endpoint("shows", "GET")
def list_shows(call: Call) -> Response:
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
def create_show(call: Call) -> Response:
    return call.made("shows", call.world.make("shows", _show_fields(call, making=True)))


@endpoint("shows/{id}", "PUT")
def change_show(call: Call) -> Response:
    row = call.row("shows")
    taken = _show_fields(call, making=False)
    if taken.get("generateCaptions") and not row["generateCaptions"]:
        call.violates(
            "caption_order", f"generateCaptions was turned on for show {row['id']}: that orders paid captions"
        )
    call.checks_put("shows", row)
    return call.changed("shows", call.world.change("shows", row["id"], taken))


@endpoint("shows/{id}", "DELETE")
def delete_show(call: Call) -> Response:
    row = call.row("shows")
    for vod in call.world.vods_of(row["id"]):
        call.station.machine.forget(vod["id"])
    call.world.remove("shows", row["id"])
    call.station.reels_changed()
    call.applied()
    return Response(204)


def _show_fields(call: Call, *, making: bool) -> Row:
    sent = call.sent("shows")
    taken = fields.checked("shows", sent, call.world.exists, status=call.invalid, making=making)
    if making and taken.get("generateCaptions"):
        call.violates("caption_order", "generateCaptions was turned on for a new show: that orders paid captions")
    if taken.get("customFields") is not None:
        taken["customFields"] = [_custom_field(call, item) for item in taken["customFields"]]
    return taken


def _custom_field(call: Call, item: Any) -> Row:
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
def search_shows(call: Call) -> Response:
    saved = call.sent("savedshowsearches")
    results = search.run(saved, call.station, status=call.invalid)
    row = call.world.add("savedsearches", {"name": saved.get("name", ""), "query": saved["query"]})
    return json_answer(200, {"savedShowSearch": {**row, "results": results}})


@endpoint("shows/search/advanced/{id}", "GET")
def run_search(call: Call) -> Response:
    row = call.world.rows["savedsearches"].get(call.ids[0])
    if row is None:
        raise Refused(404, f"There is no saved search {call.ids[0]}.")
    results = search.run(row, call.station, status=call.invalid)
    return json_answer(200, {"savedShowSearch": {**row, "results": results}})
