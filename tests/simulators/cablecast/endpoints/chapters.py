"""Chapters of a VOD: made one at a time, taken away softly."""

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import asked_for, change
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer


@endpoint("chapters", "GET")
def list_chapters(call: Call) -> Response:
    rows = asked_for(call, "chapters", "vod")
    deleted = call.request.first("deleted")
    if deleted is not None and deleted.lower() in ("true", "false"):
        rows = [row for row in rows if row["deleted"] == (deleted.lower() == "true")]
    for row in rows:
        call.reads("chapters", row)
    return json_answer(200, {"chapters": [call.station.views.finished(row) for row in rows]})


@endpoint("chapters", "POST")
def create_chapter(call: Call) -> Response:
    taken = fields.checked("chapters", call.sent("chapters"), call.world.exists, status=call.invalid, making=True)
    _check_offset(call, taken["vod"], taken["offset"])
    return call.made("chapters", call.world.make("chapters", taken))


@endpoint("chapters/{id}", "PUT")
def change_chapter(call: Call) -> Response:
    row = call.row("chapters")
    offset = (call.sent("chapters") or {}).get("offset")
    if isinstance(offset, int):
        _check_offset(call, row["vod"], offset)
    return change(call, "chapters")


@endpoint("chapters/{id}", "DELETE")
def delete_chapter(call: Call) -> Response:
    call.row("chapters")["deleted"] = True
    call.applied()
    return Response(204)


def _check_offset(call: Call, vod: int, offset: int) -> None:
    length = call.world.run_time(call.world.rows["vods"][vod]["show"])
    if offset > length:
        raise Refused(call.invalid, f"The offset {offset} lies beyond the vod's {length} seconds.")
