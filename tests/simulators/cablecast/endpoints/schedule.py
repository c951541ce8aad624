"""The schedule: to look at only."""

from datetime import datetime

from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import paged
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Delivery, Response, page_of_iis

_WINDOW_MOST_DAYS = 31
_GATEWAY_S = 60  # virtual seconds after which the gateway gives up


@endpoint("scheduleitems", "GET")
def list_schedule(call: Call) -> Response:
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
