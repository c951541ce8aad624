"""Media and reels: what ties a show to its recordings."""

from typing import Any

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import asked_for, change, create, paged, sideloaded
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer
from tests.simulators.cablecast.world import Row


@endpoint("media", "GET")
def list_media(call: Call) -> Response:
    return paged(call, "media", [call.station.views.finished(row) for row in call.world.rows["media"].values()])


@endpoint("reels", "GET")
def list_reels(call: Call) -> Response:
    rows = asked_for(call, "reels", "show")
    for row in rows:
        call.reads("reels", row)
    return json_answer(
        200, {"reels": [call.station.views.reel(row) for row in rows], **sideloaded(call, "reels", rows)}
    )


@endpoint("media/{id}", "PUT")
def change_media(call: Call) -> Response:
    return change(call, "media")


@endpoint("reels/{id}", "PUT")
def change_reel(call: Call) -> Response:
    change(call, "reels")
    call.station.reels_changed()
    return json_answer(200, {"reel": call.station.views.reel(call.row("reels"))})


@endpoint("reels", "POST")
def create_reel(call: Call) -> Response:
    taken = _reel_fields(call, call.sent("reels"))
    row = call.world.make("reels", taken)
    call.station.reels_changed()
    return call.made("reels", row)


@endpoint("reels/batch", "POST")
def create_reels(call: Call) -> Response:
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


def _reel_fields(call: Call, sent: Any) -> Row:
    return fields.checked("reels", sent, call.world.exists, status=call.invalid, making=True)


endpoint("media", "POST")(create("media"))
