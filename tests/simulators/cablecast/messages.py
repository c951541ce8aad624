"""HTTP messages as data: what came in, what goes out, and how the bytes of an answer are put on the wire."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 302: "Found", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    409: "Conflict", 411: "Length Required", 413: "Payload Too Large", 415: "Unsupported Media Type",
    416: "Range Not Satisfiable", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


@dataclass(slots=True)
class Request:
    """One request. Header names are lower case; `path` is percent-decoded, `query` keeps order and repeats."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    path: str = ""
    query: list[tuple[str, str]] = field(default_factory=list)
    closes: bool = False
    tls: bool = False

    def __post_init__(self) -> None:
        path, _, query = self.target.partition("?")
        self.path = unquote(path)
        self.query = parse_qsl(query, keep_blank_values=True) if query else []

    @property
    def origin(self) -> str:
        """`http://host:port` as the caller wrote it."""
        return f"{'https' if self.tls else 'http'}://{self.headers.get('host', '127.0.0.1')}"

    def first(self, name: str) -> str | None:
        """The first value of a query word, or None."""
        return next((value for key, value in self.query if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of a query word, `ids[]=1&ids[]=2`."""
        return [value for key, value in self.query if key == name]

    def digest(self) -> str:
        """SHA-256 of the body, or an empty text where there is none."""
        return hashlib.sha256(self.body).hexdigest() if self.body else ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes of a file, sent without being read whole."""

    path: Path
    start: int
    length: int


@dataclass(slots=True)
class Delivery:
    """How an answer is spoiled on its way. Seconds are real ones.

    cut: the connection ends `before` the headers, after the `headers`, or half way through the `body`.
    reset: it ends with RST rather than FIN. drip_s: seconds between two bytes of the body.
    until: nothing is sent before the virtual clock reads this.
    """

    delay_s: float = 0.0
    pause_s: float = 0.0
    drip_s: float = 0.0
    cut: str | None = None
    reset: bool = False
    until: float | None = None


@dataclass(slots=True)
class Response:
    """One answer. `data` is the object behind a JSON body, kept so that a fault can spoil it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: "bytes | FilePart" = b""
    delivery: Delivery | None = None
    data: Any = None

    def length(self) -> int:
        return self.body.length if isinstance(self.body, FilePart) else len(self.body)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is not worked out before so many real seconds have gone by."""

    seconds: float
    then: Callable[[], Response]
    gone: Callable[[], None]
    """Called instead of `then` where the caller has gone meanwhile."""


def json_answer(status: int, data: Any, **headers: str) -> Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json; charset=utf-8", **headers}, body, data=data)


def message(status: int, text: str, **more: Any) -> Response:
    """A refusal as ASP.NET words it: `{"message": …}`."""
    return json_answer(status, {"message": text, **more})


def page_of_iis(status: int) -> Response:
    """A refusal as the web server in front words it: an HTML page."""
    reason = REASONS.get(status, "Error")
    body = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\r\n'
        f"<html><head><title>{status} - {reason}.</title></head>\r\n"
        f'<body><div id="header"><h1>Server Error</h1></div><h2>{status} - {reason}.</h2></body></html>\r\n'
    )
    return Response(status, {"Content-Type": "text/html"}, body.encode())


def text(status: int, body: str, kind: str) -> Response:
    return Response(status, {"Content-Type": kind}, body.encode())


def file_answer(request: Request, path: Path, kind: str) -> Response:
    """A file, whole or the part that `Range` asks for: 200, 206 or 416."""
    size = path.stat().st_size
    headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").strip())
    if asked is None or asked.group(0) == "bytes=-":
        return Response(200, headers, FilePart(path, 0, size))
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        return Response(416, {**headers, "Content-Range": f"bytes */{size}"})
    return Response(
        206, {**headers, "Content-Range": f"bytes {start}-{end}/{size}"}, FilePart(path, start, end - start + 1)
    )


def bytes_answer(request: Request, body: bytes, kind: str) -> Response:
    """Bytes in memory, whole or the part that `Range` asks for."""
    headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "").strip())
    if asked is None:
        return Response(200, headers, body)
    start, end = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
    if start > end:
        return Response(416, {**headers, "Content-Range": f"bytes */{len(body)}"})
    return Response(206, {**headers, "Content-Range": f"bytes {start}-{end}/{len(body)}"}, body[start : end + 1])


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    name: str
    filename: str | None
    data: bytes


def parts(request: Request) -> list[Part]:
    """The parts of a multipart/form-data body. Raises ValueError where it is none."""
    kind = request.headers.get("content-type", "")
    found = re.search(r'boundary="?([^";,]+)"?', kind)
    if not kind.lower().startswith("multipart/form-data") or found is None:
        raise ValueError("the body is not multipart/form-data with a boundary")
    mark = b"--" + found[1].encode()
    pieces = (b"\r\n" + request.body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("the multipart body has no end")
    read = []
    for piece in pieces[1:-1]:
        head, gap, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = re.search(rb'(?i)content-disposition:[^\r\n]*?[; ]name="([^"]*)"', head)
        if not gap or said is None:
            raise ValueError("a part of the multipart body has no name")
        named = re.search(rb'(?i)filename="([^"]*)"', head)
        read.append(Part(said[1].decode(), named[1].decode() if named else None, data))
    return read
