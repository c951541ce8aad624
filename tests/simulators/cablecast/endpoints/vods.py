"""VODs: ordering, reading, polling, changing."""

from tests.simulators.cablecast import fields, output
from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import asked_for, change, paged, sideloaded, window
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer, text
from tests.simulators.cablecast.views import chapter_rows
from tests.simulators.cablecast.world import Row


@endpoint("vods", "GET")
def list_vods(call: Call) -> Response:
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
def create_vod(call: Call) -> Response:
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
def change_vod(call: Call) -> Response:
    answer = change(call, "vods")
    row = call.row("vods")
    call.station.machine.disable(row)
    return json_answer(answer.status, {"vod": call.station.views.vod(row, call.request.origin)})


@endpoint("vods/{id}", "DELETE")
def delete_vod(call: Call) -> Response:
    row = call.row("vods")
    call.station.machine.forget(row["id"])
    call.world.remove("vods", row["id"])
    call.applied()
    return Response(204)


@endpoint("vods/{id}/chapters", "GET")
def vod_chapters(call: Call) -> Response:
    row = call.row("vods")
    rows = chapter_rows(call.world, row["id"]) if row["chaptersPublished"] else []
    kind = "text/vtt; charset=utf-8" if call.station.switches.charset_header else "text/vtt"
    return text(200, output.chapters(rows, call.world.run_time(row["show"])), kind)


@endpoint("vodstatuses/{id}", "GET")
def vod_status(call: Call) -> Response:
    return json_answer(200, {"vodStatus": call.station.views.vod_status(call.row("vods"))})


@endpoint("vodtransactions", "GET")
def list_transactions(call: Call) -> Response:
    rows = asked_for(call, "vodtransactions", "vod")
    return paged(call, "vodtransactions", [call.station.views.finished(row) for row in rows])


@endpoint("vodtransactions/{id}", "GET")
def one_transaction(call: Call) -> Response:
    return json_answer(200, {"vodTransaction": call.station.views.finished(call.row("vodtransactions"))})
