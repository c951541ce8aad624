"""One API call on its way: what was sent, who sent it, what the journal has to know. `ENDPOINTS`: who answers."""

import json
from collections.abc import Callable
from typing import Any

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.journal import Entry
from tests.simulators.cablecast.messages import Request, Response, json_answer
from tests.simulators.cablecast.station import Station, User
from tests.simulators.cablecast.world import Row, World


class Call:
    """One API call on its way through an endpoint."""

    def __init__(
        self, station: Station, request: Request, user: User | None, entry: Entry, ids: tuple[int, ...]
    ) -> None:
        self.station = station
        self.request = request
        self.user = user
        self.entry = entry
        self.ids = ids
        self.invalid = station.switches.validation_status
        self._body: Any = None

    @property
    def world(self) -> World:
        return self.station.world

    def row(self, collection: str) -> Row:
        """The object that the path names. Raises Refused."""
        row = self.world.rows[collection].get(self.ids[0])
        if row is None:
            raise Refused(404, f"There is no {fields.ROOTS[collection][0]} {self.ids[0]}.")
        return row

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises Refused."""
        if self._body is None:
            self._body = parsed(self.request)
        if not isinstance(self._body, dict):
            raise Refused(self.invalid, "The body is not an object with one root.")
        return self._body

    def sent(self, collection: str) -> Any:
        """What stands under the singular root of the envelope. Raises Refused."""
        root = "savedShowSearch" if collection == "savedshowsearches" else fields.ROOTS[collection][0]
        body = self.body()
        if not isinstance(body.get(root), dict):
            raise Refused(self.invalid, f"The body has no root {root} with an object.")
        return body[root]

    def made(self, collection: str, row: Row) -> Response:
        self.applied()
        self.entry.ids = (*self.entry.ids, row["id"])
        self.reads(collection, row)
        answer = {fields.ROOTS[collection][0]: self.station.views.of(collection, row, self.request.origin)}
        return json_answer(self.station.switches.show_post_status, answer)

    def changed(self, collection: str, row: Row) -> Response:
        self.applied()
        answer = {fields.ROOTS[collection][0]: self.station.views.of(collection, row, self.request.origin)}
        return json_answer(200, answer)

    def applied(self) -> None:
        self.entry.applied = True

    def violates(self, kind: str, sentence: str) -> None:
        self.entry.violations.append((kind, sentence))

    def reads(self, collection: str, row: Row) -> None:
        """Remember that this caller has seen the object, so that a PUT that leaves something out can be told."""
        if self.user is not None and collection in fields.FIELDS:
            self.station.read_fields.add((self.user.name, collection, row["id"]))

    def checks_put(self, collection: str, row: Row) -> None:
        """A PUT that does not send back what its caller read, or that nobody read before."""
        sent, name = set(self.sent(collection)), fields.ROOTS[collection][0]
        whole = set(self.station.views.of(collection, row, self.request.origin))
        if self.user is None or (self.user.name, collection, row["id"]) not in self.station.read_fields:
            self.violates("put_dropped_field", f"PUT of {name} {row['id']} by {self.who}, who had not read it")
        elif dropped := sorted(whole - sent):
            self.violates(
                "put_dropped_field", f"PUT of {name} {row['id']} leaves out what was read: {', '.join(dropped)}"
            )

    @property
    def who(self) -> str:
        return self.user.name if self.user is not None else "anonymous"


Endpoint = Callable[[Call], Response]
ENDPOINTS: dict[str, dict[str, Endpoint]] = {}
"""By path, numbers as `{id}`, and method."""


def endpoint(path: str, method: str) -> Callable[[Endpoint], Endpoint]:
    """Enter a function for a path and a method."""

    def register(function: Endpoint) -> Endpoint:
        ENDPOINTS.setdefault(path, {})[method] = function
        return function

    return register


def parsed(request: Request) -> Any:
    """The JSON body. Raises Refused: 415 without a JSON content type, 400 where it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "The request contains an entity body but no JSON Content-Type header.")
    try:
        return json.loads(request.body)
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None
