"""An HTTP/1.1 server on a real socket whose answers a test writes byte for byte, faults of the transport too."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

BASE = "/CablecastAPI/v1/"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. path: below the API's base where it is."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path.removeprefix(BASE)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def offset(self) -> int:
        return int(self.query.get("offset", ["0"])[0])


Handler = Callable[[Seen, asyncio.StreamWriter], Awaitable[bytes | None]]
"""Gives the answer's bytes, or None when it wrote what it wanted and the connection is to be closed."""


def answer(status: int = 200, body: Any = b"", **headers: str) -> bytes:
    """An answer. body: bytes as they are, anything else as JSON. Header names take _ for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(data)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@dataclass
class Scripted:
    """A running server. seen: its requests in order. most: connections open at once, at the most."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    open: int = 0
    most: int = 0

    def asked(self, method: str, path: str) -> int:
        return sum((one.method, one.path) == (method, path) for one in self.seen)

    @classmethod
    @asynccontextmanager
    async def serve(cls, handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator["Scripted"]:
        state = cls("")
        tasks: set[asyncio.Task[None]] = set()

        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            state.open += 1
            state.most = max(state.most, state.open)
            try:
                while (request := await _request(reader)) is not None:
                    state.seen.append(request)
                    reply = await handler(request, writer)
                    if reply is None:
                        return
                    writer.write(reply)
                    await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                state.open -= 1
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

        def began(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(began, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        state.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield state
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body)
