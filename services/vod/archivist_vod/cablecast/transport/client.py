"""Calls to a Cablecast server: an object or a page comes back, or an error of ours that says what may be done next.

Rules, by what was seen (contract, section 6.9): what changes nothing when repeated is tried again here, a few times;
a POST never is: its answer lost, the thing may be there (OutcomeUnknown). 429 and 503 pause all requests,
five failures in a row open the circuit breaker, 401 and 403 stop all requests. Every wait has an
end, every body a limit.
"""

import asyncio
import logging
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import httpx

from archivist_common.errors import (
    OutcomeUnknown,
    PublishError,
    TargetDenied,
    TargetFailed,
    TargetMissing,
    TargetRefused,
    TargetUnavailable,
)
from archivist_common.settings import VodSettings
from archivist_vod.cablecast.transport import metrics
from archivist_vod.cablecast.transport.circuit_breaker import CircuitBreaker, retry_after_s
from archivist_vod.cablecast.transport.connection import Login, origin
from archivist_vod.cablecast.transport.envelopes import Json, Reader, Root, reader, why
from archivist_vod.cablecast.transport.request import Answer, Call, first_words, reason, shown

log = logging.getLogger(__name__)

TEXT_LIMIT = 64 * 2**20  # bytes
ERROR_KEPT = 2048  # bytes of an error's body: for a person, never parsed

_ERROR_BODY_S = 2.0  # an error's body is not waited for longer than this
_FIRST_BACK_OFF_S = 1.0
_REDIRECTS = 3  # followed for files only, never for the API
_OTHERS_KEPT = 16  # hosts of files
_SHORTEST_SECRET = 4  # characters; shorter ones are in every word
_UNKNOWN_USER = 401
_TOO_MANY = 429
_WAIT = frozenset({429, 503})
_DENIED = frozenset({401, 403})
_GONE = frozenset({404, 410})
_TOO_SLOW = frozenset({408, 425})

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list. count: of the whole list, None where the server does not say. document: with its sideloads."""

    rows: tuple[Json, ...]
    count: int | None
    document: Json


class CablecastClient:
    """One server. Paths are those below `/CablecastAPI/v1/`, without a slash in front; a root is an envelope's name.

    Raises, of `archivist_common.errors`: TargetUnavailable, TargetFailed, OutcomeUnknown (POST only), TargetRefused,
    TargetDenied, TargetMissing. request_timeout_s: for a call in all, its retries and its body included.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        host: CircuitBreaker | None = None,
        request_timeout_s: float = 30.0,
        retries: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self.host = host or CircuitBreaker(http.base_url.host, gauge=metrics.CIRCUIT_OPEN)
        self._others: dict[str, CircuitBreaker] = {}
        self._request_timeout_s = request_timeout_s
        self._retries = retries
        self.sleep = sleep
        self._jitter = jitter
        self._now = now
        self._warned: set[str] = set()
        self.serves_cached = False  # whether an answer to us came with leave to keep it: a CDN, not the server
        self._secrets = http.auth.secrets if isinstance(http.auth, Login) else ()

    @classmethod
    def of(cls, settings: VodSettings, http: httpx.AsyncClient, **given: Any) -> "CablecastClient":
        """A client with the settings' time-outs and retries."""
        return cls(
            http, request_timeout_s=settings.request_timeout.total_seconds(), retries=settings.max_retries, **given
        )

    @property
    def base(self) -> str:
        """The API's address. It holds no credentials: the settings refuse one that does."""
        return str(self._http.base_url)

    async def get(self, path: str, root: str, params: Params | None = None) -> Json:
        """The object under `root`, as it came."""
        document = await self._json("GET", path, Root(root, dict), params=params)
        found: Json = document[root]
        return found

    async def get_document(self, path: str, root: str | None = None, params: Params | None = None) -> Json:
        """The whole document: with what was sideloaded, or of an answer that has no envelope."""
        return await self._json("GET", path, Root(root, object), params=params)

    async def get_page(
        self, path: str, root: str, params: Params | None = None, *, offset: int = 0, page_size: int | None = None
    ) -> Page:
        """Rows of a list from `offset` on. The server may give fewer than `page_size`, or all of them."""
        asked: Json = {**(params or {}), "offset": offset}
        if page_size is not None:
            asked["page_size"] = page_size
        document = await self._json("GET", path, Root(root, list), params=asked)
        meta = document.get("meta")
        count = meta.get("count") if isinstance(meta, dict) else None
        return Page(tuple(document[root]), count if type(count) is int and count >= 0 else None, document)

    async def put(self, path: str, root: str, body: Mapping[str, Any]) -> Json:
        """Write an object whole; gives it as the server now has it. Repeated as a GET is: it changes nothing more.

        Send `edited(raw, …)`. Where the answer does not hold the object, it is read back.
        """
        document = await self._json("PUT", path, None, body={root: body})
        written = document.get(root)
        return written if isinstance(written, dict) else await self.get(path, root)

    async def post(self, path: str, root: str, body: Mapping[str, Any]) -> Json:
        """Make an object; gives it as made, with its id. Never repeated here.

        Raises OutcomeUnknown when it may have been made: look it up. After any other error it was not.
        """
        document = await self._json("POST", path, Root(root, dict, with_id=True), body={root: body}, repeats=False)
        made: Json = document[root]
        return made

    async def search(self, path: str, root: str, body: Mapping[str, Any]) -> Json:
        """A POST that only asks, so it is repeated as a GET is."""
        document = await self._json("POST", path, Root(root, dict), body={root: body})
        found: Json = document[root]
        return found

    async def delete(self, path: str) -> bool:
        """Delete, softly where the server keeps such things (chapters). False: it was not there any more."""
        try:
            await self._json("DELETE", path, None)
        except TargetMissing:
            return False
        return True

    async def post_segment(self, upload: int, segment: int, name: str, data: bytes, *, deadline_s: float) -> None:
        """Send one segment, counted from 0.

        Raises OutcomeUnknown when it may have arrived; sending it again is safe.
        """
        path = f"fileuploads/{upload}/upload"
        content = {
            "data": {"segment": str(segment)},
            "files": {"file": (name, data, "application/octet-stream")},
            "timeout": deadline_s,  # a server may write five megabytes slowly before it says a word
        }
        await self._tried(self._call("POST", path, reader(None), content, repeats=False), deadline_s)

    async def get_text(self, url: str, *, limit: int = TEXT_LIMIT, deadline_s: float | None = None) -> str:
        """A file's text, UTF-8 whatever the headers say, without a byte order mark. See `get_bytes`."""
        data = await self.get_bytes(url, limit=limit, deadline_s=deadline_s)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise TargetFailed(f"GET {shown(url)}: not UTF-8", status=200) from exc

    async def get_bytes(self, url: str, *, limit: int = TEXT_LIMIT, deadline_s: float | None = None) -> bytes:
        """What lies at an address the server named: on another host, or relative to the server's own.

        Redirects are followed; credentials go to the server alone. Raises TargetMissing while it is not there,
        TargetRefused where it is not for us: that says nothing of the API.
        """
        target = self._address(self.base, url)
        for _ in range(_REDIRECTS + 1):
            call = Call(
                "GET", self._scrubbed(shown(str(target))), target, None, {}, operation="GET file", limit=limit
            )
            answer = await self._tried(call, deadline_s)
            if answer.redirect is None:
                return answer.data
            target = self._address(str(target), answer.redirect)
        raise TargetFailed(f"GET {shown(url)}: redirected more than {_REDIRECTS} times", status=302)

    def _address(self, base: str, url: str) -> httpx.URL:
        try:
            address = httpx.URL(urljoin(base, url))
        except (ValueError, httpx.InvalidURL) as exc:
            raise TargetFailed("GET file: the server named something that is no address") from exc
        if address.scheme not in {"http", "https"} or not address.host:
            raise TargetFailed(f"GET {shown(str(address))}: not an http address")
        return address.copy_with(username=None, password=None)

    def _call(self, method: str, path: str, read: Reader | None, content: Json, *, repeats: bool = True) -> Call:
        operation = f"{method} {re.sub(r'/[0-9]+(?=/|$)', '/{id}', path)}"
        url = self._http.base_url.join(path)
        return Call(method, path, url, read, content, operation=operation, repeats=repeats)

    async def _json(
        self,
        method: str,
        path: str,
        root: Root | None,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        repeats: bool = True,
    ) -> Json:
        """An answer's document. It has `root`; where none is asked for it may be empty."""
        content = {name: value for name, value in (("params", params), ("json", body)) if value is not None}
        answer = await self._tried(self._call(method, path, reader(root), content, repeats=repeats), None)
        return answer.document

    async def _tried(self, call: Call, deadline_s: float | None) -> Answer:
        """A good answer, asked for as often as may be, within the deadline for all of it."""
        host = self._host(call)
        last: PublishError | None = None
        deciding = under_way = False
        deadline = asyncio.timeout(self._request_timeout_s if deadline_s is None else deadline_s)
        try:
            async with deadline:
                for tried in range(self._retries + 1):
                    deciding, under_way = host.admit(f"{call.method} {call.path}"), True
                    try:
                        answer = await self._once(call, host)
                    except PublishError as exc:
                        under_way = False
                        _notify(host, exc, deciding=deciding)
                        may_help = isinstance(exc, (TargetUnavailable, TargetFailed)) and call.repeats
                        if not may_help or tried == self._retries or host.state.paused_s:
                            raise
                        last = exc
                    else:
                        under_way = False
                        host.succeeded()
                        return answer
                    await self.sleep(_FIRST_BACK_OFF_S * 2**tried * (0.5 + self._jitter()))
        except TimeoutError as exc:
            if not deadline.expired():
                raise
            if last is not None and not under_way:
                raise last from exc
            under_way = False
            error = call.lost("its answer did not end in time")
            host.failed(error.message, deciding=deciding)
            raise error from exc
        finally:
            if under_way:
                host.abandoned(deciding=deciding)
        raise AssertionError("the last try returns or raises")

    async def _once(self, call: Call, host: CircuitBreaker) -> Answer:
        """One request and its whole answer. The only place where errors of the transport become ours."""
        began = time.monotonic()
        outcome = "cut_off"
        try:
            async with self._http.stream(call.method, call.url, **call.content) as response:
                self._note_headers(call, response)
                answer = await self._answer(call, response, host)
            outcome = "ok"
            return answer
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            outcome = "not_reached"
            raise TargetUnavailable(f"{call.what}: not reached: {self._scrubbed(reason(exc))}") from exc
        except httpx.TransportError as exc:
            outcome = "lost"
            raise call.lost(self._scrubbed(reason(exc))) from exc
        except httpx.RequestError as exc:  # a body that cannot be unpacked
            outcome = "malformed"
            raise call.failed(self._scrubbed(reason(exc)), None, "") from exc
        except PublishError as exc:
            outcome = exc.code.lower()
            raise
        finally:
            metrics.REQUESTS.labels(call.operation, outcome).inc()
            metrics.SECONDS.labels(call.operation).observe(time.monotonic() - began)

    async def _answer(self, call: Call, response: httpx.Response, host: CircuitBreaker) -> Answer:
        status = response.status_code
        if 300 <= status < 400:
            to = response.headers.get("Location", "")
            if call.read is None and to:
                return Answer(b"", {}, to)
            raise call.failed(f"HTTP {status}, sent on to {self._scrubbed(shown(to)) or 'nowhere'}", status, "")
        if 200 <= status < 300:
            return await self._good(call, response)
        body = self._scrubbed((await _some(response)).decode("utf-8", "replace"))
        what = f"{call.what}: HTTP {status}{first_words(body)}"
        if status in _DENIED:
            if host is not self.host or (call.read is None and status != _UNKNOWN_USER):
                raise TargetRefused(what, status=status, body=body)
            denied = TargetDenied(what, status=status, body=body)
            host.denied(denied)
            raise denied
        if status in _GONE:
            raise TargetMissing(what, status=status, body=body)
        if status in _WAIT:
            asked = retry_after_s(response.headers.get("Retry-After"), response.headers.get("Date"), self._now())
            seconds = max(1, math.ceil(host.asked_to_wait(asked)))
            # A 503 may come from a proxy behind which the server goes on; a 429 is a refusal to begin.
            kind = OutcomeUnknown if status != _TOO_MANY and not call.repeats else TargetUnavailable
            raise kind(what, status=status, body=body, retry_after_s=seconds)
        if status in _TOO_SLOW:
            raise call.lost(f"HTTP {status}{first_words(body)}", status, body)
        if status >= 500:
            raise call.failed(f"HTTP {status}{first_words(body)}", status, body)
        raise TargetRefused(what, status=status, body=body)

    async def _good(self, call: Call, response: httpx.Response) -> Answer:
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > call.limit:
                raise call.failed(f"more than {call.limit} bytes", response.status_code, "")
        if call.read is None:
            return Answer(bytes(data), {})
        try:
            return Answer(bytes(data), call.read(bytes(data)))
        except (ValueError, RecursionError) as exc:
            body = self._scrubbed(bytes(data[:ERROR_KEPT]).decode("utf-8", "replace"))
            raise call.failed(f"HTTP {response.status_code}, but {why(exc)}", response.status_code, body) from exc

    def _host(self, call: Call) -> CircuitBreaker:
        if origin(call.url) == origin(self._http.base_url):
            if self._http.auth is None:  # an anonymous answer may be minutes old
                raise TargetDenied(f"{call.what}: not sent, because no user and password are set")
            return self.host
        name = call.url.host
        if name not in self._others and len(self._others) >= _OTHERS_KEPT:
            self._others.pop(next(iter(self._others)))
        return self._others.setdefault(name, CircuitBreaker(name))

    def _note_headers(self, call: Call, response: httpx.Response) -> None:
        """The vendor marks what it means to take away with a Warning header: said once a path."""
        if call.read is not None and "public" in response.headers.get("Cache-Control", "").lower():
            self.serves_cached = True
        warning = response.headers.get("Warning")
        if warning and call.operation not in self._warned:
            self._warned.add(call.operation)
            extra = {"operation": call.operation, "warning": self._scrubbed(warning)[:200]}
            log.warning("server sent a Warning header", extra=extra)

    def _scrubbed(self, text: str) -> str:
        """Text of others without our credentials: some servers print the request into their error page."""
        for secret in self._secrets:
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text


def _notify(host: CircuitBreaker, error: PublishError, *, deciding: bool) -> None:
    """Notify the circuit breaker how a call ended."""
    if isinstance(error, TargetDenied) or error.status == _TOO_MANY:
        host.abandoned(deciding=deciding)
    elif isinstance(error, (TargetRefused, TargetMissing)):
        host.succeeded()  # it is well, and says no
    else:
        host.failed(error.message, deciding=deciding)


async def _some(response: httpx.Response) -> bytes:
    """The first of an error's body, as far as it comes soon; the rest is not read."""
    data = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_S):
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) >= ERROR_KEPT:
                    break
    except (TimeoutError, httpx.RequestError):
        pass  # the status says enough
    return bytes(data[:ERROR_KEPT])
