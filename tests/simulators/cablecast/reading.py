"""HTTP/1.1 requests out of a stream of bytes."""

from tests.simulators.cablecast.messages import Request

_HEAD_MOST = 64 * 1024  # bytes of a request line and its headers
_BODY_MOST = 64 * 1024 * 1024  # bytes of a request body


class Malformed(Exception):
    """What came is no HTTP request."""


def take(buffer: bytearray, *, tls: bool) -> tuple[Request | None, bool]:
    """The first whole request, taken out of the buffer; None while some of it is still to come.

    The second value: its head is there and says that the caller waits to be told to go on. Raises Malformed.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > _HEAD_MOST:
            raise Malformed("the request's head is too long")
        return None, False
    first, *rest = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Malformed("not an HTTP/1.1 request line")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed("a header has no colon")
        headers[name.strip().lower()] = value.strip()
    body, used = _body(buffer, end + 4, headers)
    if body is None:
        return None, headers.get("expect", "").lower() == "100-continue"
    del buffer[:used]
    closes = headers.get("connection", "").lower() == "close" or words[2] == "HTTP/1.0"
    return Request(words[0], words[1], headers, body, closes=closes, tls=tls), False


def _body(buffer: bytearray, at: int, headers: dict[str, str]) -> tuple[bytes | None, int]:
    """The body that begins at `at`, and where it ends."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunked(buffer, at)
    said = headers.get("content-length", "0")
    if not said.isdigit() or int(said) > _BODY_MOST:
        raise Malformed("the body's length is no number, or too large")
    end = at + int(said)
    return (bytes(buffer[at:end]) if len(buffer) >= end else None), end


def _chunked(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    body = bytearray()
    while True:
        line = buffer.find(b"\r\n", at)
        if line < 0:
            return None, at
        try:
            size = int(bytes(buffer[at:line]).split(b";")[0], 16)
        except ValueError:
            raise Malformed("a chunk has no length") from None
        if size == 0:
            end = buffer.find(b"\r\n", line + 2)
            return (bytes(body), end + 2) if end >= 0 else (None, at)
        at = line + 2 + size + 2
        if len(buffer) < at:
            return None, at
        body += buffer[line + 2 : at - 2]
        if len(body) > _BODY_MOST:
            raise Malformed("the body is too large")
