"""From a request to an answer: prefix, caller, rights, content types, caches, faults, and a line in the journal."""

import base64
import binascii
import re
import time
from typing import Any
from urllib.parse import unquote

from tests.simulators.cablecast import output, page
from tests.simulators.cablecast.call import Call
from tests.simulators.cablecast.endpoints import ENDPOINTS
from tests.simulators.cablecast.faults import Fault
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.journal import Entry
from tests.simulators.cablecast.messages import (
    Later,
    Request,
    Response,
    file_answer,
    message,
    page_of_iis,
)
from tests.simulators.cablecast.station import Station, User

_PREFIX = "/cablecastapi/v1/"
_QUERY_MOST = 2048  # characters of a query that the web server in front lets through
_PRIVATE = {"assets", "assetreellinks", "filestores", "fileuploads", "usersession", "recordevents", "texttracks"}
_OPEN_POSTS = {"shows/search/advanced"}
# What clients have called although nobody documents it: never answered, always a violation.
_UNSUPPORTED = re.compile(
    r"vods/(?:[^/]+/)?(?:captions|upload|status|embed|stream|download)|runs(?:/.*)?|qualities(?:/.*)?"
)
# What drives hardware or spends money: never answered, always a violation when it is written to.
_FORBIDDEN_WRITES = {
    "schedule_write": re.compile(
        r"(?:scheduleitems|recordevents|crawlevents|autopilotsends?|firstruns|eventsummaries|manualevents|controlmodulesets|"
        r"channels|livestreams)(?:/.*)?"
    ),
    "caption_order": re.compile(r"(?:texttracks|captionvocabularies|texttrackjobs)(?:/.*)?"),
}
_WRITES = ("POST", "PUT", "DELETE", "PATCH")


class Routing:
    """The application of the first port."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.server: Any = None

    def receive(self, request: Request) -> Response | Later:
        station = self.station
        station.look()
        try:
            user: User | None = self._caller(request)
            known = True
        except Refused:
            user, known = None, False
        name = user.name if user is not None else None
        digest, now = request.digest(), station.clock.now()
        entry = station.journal.arrive(now, request.method, request.target, name, request.headers, digest)
        station.leaks.look(request, entry)
        fault = station.faults.draw(request, name)
        if fault is not None:
            entry.fault = fault.label
            if (
                fault.action == "delay"
                and fault.phase == "before"
                and fault.options.get("where") in (None, "before_headers")
            ):
                return Later(
                    float(fault.options.get("seconds", 1.0)),
                    lambda: self._finish(request, user, known, entry, None),
                    lambda: self._closed(entry),
                )
        return self._finish(request, user, known, entry, fault)

    def _finish(
        self, request: Request, user: User | None, known: bool, entry: Entry, fault: Fault | None
    ) -> Response:
        station = self.station
        name = user.name if user is not None else None
        answer = station.faults.instead(fault, request, name) if fault is not None else None
        if answer is None:
            if fault is not None and fault.action == "vanish":
                self._vanish(request, fault)
            answer = self._answer(request, user, known, entry)
            station.faults.remember(request, name, answer)
            if fault is not None:
                if fault.action == "duplicate":
                    answer = self._again(request, user, known, entry, answer, fault)
                answer = station.faults.spoil(fault, answer)
        entry.status = answer.status
        entry.retry_after = answer.headers.get("Retry-After")
        self._closed(entry)
        return answer

    def _closed(self, entry: Entry) -> None:
        entry.answered_virtual, entry.answered_real = self.station.clock.now(), time.time()

    def _answer(self, request: Request, user: User | None, known: bool, entry: Entry) -> Response:
        path = request.path
        lowered = path.lower()
        if lowered.startswith("/__sim"):
            entry.violations.append(("control_call", f"{request.method} {path} on the station's own port"))
            return page_of_iis(404)
        if len(request.target.partition("?")[2]) > _QUERY_MOST:
            return page_of_iis(404)
        if not lowered.startswith(_PREFIX):
            return self._outside(request, path)
        if not known:
            return unauthorized()
        segments = [segment for segment in lowered[len(_PREFIX) :].split("/") if segment]
        ids = tuple(int(segment) for segment in segments if segment.isdigit())
        template = "/".join("{id}" if segment.isdigit() else segment for segment in segments)
        entry.template, entry.ids = template, ids
        return self._api(request, user, entry, "/".join(segments), template, ids)

    def _api(
        self, request: Request, user: User | None, entry: Entry, path: str, template: str, ids: tuple[int, ...]
    ) -> Response:
        station, method = self.station, request.method
        call = Call(station, request, user, entry, ids)
        if _UNSUPPORTED.fullmatch(path):
            call.violates("unsupported_call", f"{method} {path} is no call that Cablecast documents")
            return page_of_iis(404)
        if method in _WRITES:
            for kind, pattern in _FORBIDDEN_WRITES.items():
                if pattern.fullmatch(path):
                    call.violates(kind, f"{method} {path} by {call.who}")
        refused = self._rights(call, path, template)
        if refused is not None:
            return refused
        methods = self._methods(template)
        if not methods:
            return page_of_iis(404)
        function = methods.get("GET" if method == "HEAD" else method)
        if function is None:
            return page_of_iis(405)
        kind = request.headers.get("accept", "*/*").lower()
        if "xml" in kind and "json" not in kind and "*/*" not in kind and not template.endswith("/chapters"):
            return xml(template) if station.switches.xml else page_of_iis(406)
        cached = user is None or station.profile.read_only
        if cached and method in ("GET", "HEAD"):
            return self._cached(request, lambda: self._run(function, call))
        answer = self._run(function, call)
        answer.headers.setdefault("Cache-Control", "no-cache")
        if method in ("GET", "HEAD"):
            answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    def _run(self, function: Any, call: Call) -> Response:
        try:
            return function(call)  # type: ignore[no-any-return]
        except Refused as exc:
            return message(exc.status, exc.text)

    def _methods(self, template: str) -> dict[str, Any]:
        root, profile = template.partition("/")[0], self.station.profile
        if root in ("assets", "assetreellinks") and not profile.assets:
            return {}
        if root == "fileuploads" and not profile.uploads:
            return {}
        if (root == "vodstatuses" and not profile.vod_state) or (root == "filestores" and not profile.sidecars):
            return {}
        return ENDPOINTS.get(template, {})

    def _rights(self, call: Call, path: str, template: str) -> Response | None:
        station, method, user = self.station, call.request.method, call.user
        root = template.partition("/")[0]
        if method in _WRITES:
            if template in _OPEN_POSTS:
                return None
            if station.profile.read_only:
                return page_of_iis(405)
            if user is None and station.switches.anonymous_writes == "refused":
                return unauthorized()
            if user is not None and user.level != "write":
                return message(403, "Authorization has been denied for this request.")
        elif user is None and root in _PRIVATE:
            return unauthorized()
        return None

    def _cached(self, request: Request, make: Any) -> Response:
        """An anonymous read: as it was when it was first asked for, until that is old."""
        now, station = self.station.clock.now(), self.station
        kept = station.frozen.get(request.target)
        if kept is not None and kept[0] > now:
            answer = kept[1]
            return Response(answer.status, dict(answer.headers), answer.body, None, answer.data)
        answer = make()
        if answer.status == 200:
            answer.headers["Cache-Control"] = f"public, max-age={int(station.switches.anon_cache_s)}"
            answer.headers["Access-Control-Allow-Origin"] = "*"
            station.frozen[request.target] = (now + station.switches.anon_cache_s, answer)
        return answer  # type: ignore[no-any-return]

    # Who calls

    def _caller(self, request: Request) -> User | None:
        """The user of a Basic header, None without one. Raises Refused for one that is not good."""
        said = request.headers.get("authorization")
        if said is None:
            return None
        kind, _, rest = said.partition(" ")
        try:
            name, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(401, "bad header") from None
        user = self.station.users.get(name)
        if kind.lower() != "basic" or not colon or user is None or user.level == "disabled" or user.secret != secret:
            raise Refused(401, "bad credentials")
        return user

    # Beside the API

    def _outside(self, request: Request, path: str) -> Response:
        station = self.station
        if request.method not in ("GET", "HEAD"):
            return page_of_iis(405)
        if found := re.fullmatch(r"/cablecastapi/publicsitedata/shows/(\d+)", path, re.IGNORECASE):
            return page.public_data(station, request, int(found[1]))
        if found := re.fullmatch(r"/cablecastpublicsite/show/(\d+)", path, re.IGNORECASE):
            return page.watch(station, request, int(found[1]))
        if found := re.fullmatch(r"/store-files/(\d+)/(.+)", path):
            return self._store_file(request, int(found[1]), found[2])
        if found := re.fullmatch(r"/store-(\d+)/([^/]+)/(.+)", path):
            return self._vod_file(request, found[2], found[3])
        return page_of_iis(404)

    def _store_file(self, request: Request, store: int, name: str) -> Response:
        asset = self.station.files.at(store, name)
        if asset is None or not asset.is_there or not self.station.profile.assets:
            return page_of_iis(404)
        return file_answer(request, asset.path, "application/octet-stream")

    def _vod_file(self, request: Request, folder: str, name: str) -> Response:
        station = self.station
        for key, work in station.machine.work.items():
            if work.folder == folder and work.watchable and key in station.world.rows["vods"]:
                length = station.world.run_time(station.world.rows["vods"][key]["show"])
                charset = station.switches.charset_header
                answer = output.answer(request, unquote(name), work, length, station.profile.captions, charset)
                return answer or page_of_iis(404)
        return page_of_iis(404)

    # Faults that need the station

    def _again(
        self, request: Request, user: User | None, known: bool, entry: Entry, first: Response, fault: Fault
    ) -> Response:
        """What a proxy does that sends a request twice."""
        before = set(self.station.world.made)
        second = self._answer(request, user, known, entry)
        self.station.duplicated |= self.station.world.made - before
        return second if fault.options.get("answer") == "second" else first

    def _vanish(self, request: Request, fault: Fault) -> None:
        """The object that the path names is gone, or its file lies in another store, as if a person had done it."""
        station = self.station
        segments = [segment for segment in request.path.lower()[len(_PREFIX) :].split("/") if segment]
        if len(segments) < 2 or not segments[1].isdigit():
            return
        root, key = segments[0], int(segments[1])
        if fault.options.get("move_to"):
            asset = station.files.assets.get(key)
            if asset is not None and asset.is_there:
                asset.path.rename(station.files.store_named(fault.options["move_to"]).folder / asset.name)
                station.files.scan(whole=True)
        elif root in ("vods", "vodstatuses") and key in station.world.rows["vods"]:
            station.machine.forget(key)
            station.world.remove("vods", key)
        elif root == "shows" and key in station.world.rows["shows"]:
            for vod in station.world.vods_of(key):
                station.machine.forget(vod["id"])
            station.world.remove("shows", key)


def unauthorized() -> Response:
    answer = message(401, "Authorization has been denied for this request.")
    answer.headers["WWW-Authenticate"] = 'Basic realm="Cablecast"'
    return answer


def xml(template: str) -> Response:
    body = f'<?xml version="1.0" encoding="utf-8"?><{template.partition("/")[0]}/>'
    return Response(200, {"Content-Type": "application/xml"}, body.encode())
