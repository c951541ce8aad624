"""The station about itself: its version, its clock, and whom it takes the caller for."""

from datetime import datetime
from typing import Any

from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.messages import Response, json_answer, message


@endpoint("systeminfo", "GET")
def systeminfo(call: Call) -> Response:
    profile = call.station.profile
    info = {
        "cablecastVersion": profile.version,
        "cablecastFriendlyVersion": f"Cablecast {'.'.join(profile.version.split('.')[:2])}",
        "siteName": "Harbor Community Television",
        "baseUrlForEmbeds": call.request.origin,
    }
    return json_answer(200, {"systemInfo": call.station.views.finished(info)})


@endpoint("systemtime", "GET")
def systemtime(call: Call) -> Response:
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
def usersession(call: Call) -> Response:
    assert call.user is not None
    verbs = ["read", "write", "delete"] if call.user.level == "write" else ["read"]
    permissions = {"cablecast": dict.fromkeys(("shows", "media", "reels", "vods", "chapters", "assets"), verbs)}
    session = {"user": call.user.name, "isAdmin": False, "permissions": permissions}
    return json_answer(200, {"userSession": session})
