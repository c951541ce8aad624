"""The sockets: HTTP/1.1 on loopback, as good or as bad as it is told to be.

Keep-alive, Content-Length and chunked bodies in, HEAD, big files in pieces. An answer's `Delivery` may hold it
back, drip it, cut it short or reset the connection. Work that need not wait is done in the reader's own turn, so
that a storm of requests costs little.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any, Protocol, TypeVar

from tests.simulators.cablecast.clock import Clock
from tests.simulators.cablecast.messages import REASONS, Delivery, FilePart, Later, Request, Response, message
from tests.simulators.cablecast.reading import Malformed, take

_PIECE = 256 * 1024  # bytes of a file read at a time

_Answer = TypeVar("_Answer", bound=Response | Later)


class Application(Protocol):
    """What stands behind the sockets."""

    def receive(self, request: Request) -> Response | Later: ...


class Server:
    """One listening port. `most`: connections beyond it are refused with 503."""

    def __init__(self, application: Application, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self.application = application
        self.clock = clock
        self.tls = tls
        self.most: int | None = None
        self.open: set[Connection] = set()
        self.peak = 0
        self.total = 0
        self.refused = 0
        self.port = 0
        self._stalled_until = 0.0
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; the port that it got."""
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024, reuse_port=False)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.spawn(self._accept(self._listener))
        return self.port

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.open):
            connection.end()
        if self._listener is not None:
            self._listener.close()
        await asyncio.sleep(0)

    def stall(self, seconds: float) -> None:
        """Take no connection for so many real seconds; callers wait in the queue of the kernel."""
        self._stalled_until = time.monotonic() + seconds

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            while (left := self._stalled_until - time.monotonic()) > 0:
                await asyncio.sleep(left)
            self.spawn(self._connect(accepted))

    async def _connect(self, accepted: socket.socket) -> None:
        # A caller that breaks off the handshake, or does not trust the certificate, is gone: nothing to answer.
        with contextlib.suppress(OSError, ConnectionError, ssl.SSLError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(lambda: Connection(self), accepted, ssl=self.tls)


class Connection(asyncio.Protocol):
    """One caller. Requests are answered in order, one at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._requests: deque[Request] = deque()
        self._busy = False
        self._gone = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._refused = False
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        server = self._server
        server.open.add(self)
        server.total += 1
        server.peak = max(server.peak, len(server.open))
        self._refused = server.most is not None and len(server.open) > server.most

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self)
        self._gone.set()
        self._may_write.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while True:
                request, is_expecting = take(self._buffer, tls=self._server.tls is not None)
                if is_expecting and not self._continued:
                    self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self._continued = is_expecting
                if request is None:
                    break
                self._requests.append(request)
        except Malformed as exc:
            self._put(message(400, str(exc)), "GET", closes=True)
            return
        self._pump()

    def end(self, reset: bool = False) -> None:
        if self._transport is None or self._gone.is_set():
            return
        if reset:
            raw = self._transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    # Answering

    def _pump(self) -> None:
        while self._requests and not self._busy and not self._gone.is_set():
            request = self._requests.popleft()
            if self._refused:
                self._server.refused += 1
                self._put(message(503, "Too many connections."), request.method, closes=True)
                return
            answer = self._ask(request)
            if isinstance(answer, Later) or answer.delivery is not None or isinstance(answer.body, FilePart):
                self._busy = True
                self._server.spawn(self._slowly(request, answer))
            else:
                self._put(answer, request.method, closes=request.closes)

    def _ask(self, request: Request) -> Response | Later:
        return self._guarded(lambda: self._server.application.receive(request))

    @staticmethod
    def _guarded(work: "Callable[[], _Answer]") -> "_Answer | Response":
        """A bug of ours is an answer 501, which no fault gives, and a traceback in the log."""
        try:
            return work()
        except Exception:
            sys.stderr.write(traceback.format_exc())
            sys.stderr.flush()
            return message(501, "The simulator has a bug; see its log.")

    async def _slowly(self, request: Request, answer: Response | Later) -> None:
        if isinstance(answer, Later):
            if await self._outlives(answer.seconds):
                answer.gone()
                return
            answer = self._guarded(answer.then)
        how = answer.delivery or Delivery()
        if how.until is not None:
            await self._gone_or(self._server.clock.wait_until, how.until)
        if how.delay_s and await self._outlives(how.delay_s):
            return
        if how.cut == "before" or self._gone.is_set():
            self.end(how.reset)
            return
        await self._send(request, answer, how)
        self._busy = False
        self._pump()

    async def _send(self, request: Request, answer: Response, how: Delivery) -> None:
        plain = not (how.cut or how.drip_s or how.pause_s or isinstance(answer.body, FilePart))
        if plain or request.method == "HEAD":
            self._put(answer, request.method, closes=request.closes)
            return
        self._write(self._head(answer, request.method, request.closes))
        if how.cut == "headers":
            self.end(how.reset)
            return
        if how.pause_s and await self._outlives(how.pause_s):
            return
        left = answer.length() // 2 if how.cut == "body" else answer.length()
        if isinstance(answer.body, FilePart):
            await self._send_file(answer.body, left)
        elif how.drip_s:
            for at in range(left):
                self._write(answer.body[at : at + 1])
                if await self._outlives(how.drip_s):
                    return
        else:
            self._write(answer.body[:left])
        if how.cut == "body" or request.closes:
            self.end(how.reset)

    async def _send_file(self, part: FilePart, length: int) -> None:
        with part.path.open("rb") as file:
            file.seek(part.start)
            while length > 0 and not self._gone.is_set():
                data = file.read(min(_PIECE, length))
                if not data:  # it has shrunk since: the caller sees a body that ends too soon
                    self.end()
                    return
                self._write(data)
                length -= len(data)
                await self._may_write.wait()

    def _put(self, answer: Response, method: str, closes: bool) -> None:
        body = b"" if method == "HEAD" or isinstance(answer.body, FilePart) else answer.body
        self._write(self._head(answer, method, closes) + body)
        if closes:
            self.end()

    def _head(self, answer: Response, method: str, closes: bool) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}", "Server: Microsoft-IIS/10.0"]
        lines.append(f"Date: {formatdate(usegmt=True)}")
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status != 204:
            lines.append(f"Content-Length: {answer.length()}")
        if closes:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def _outlives(self, seconds: float) -> bool:
        """Wait; true where the caller has gone before the time was over."""
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _gone_or(self, wait: Callable[[float], Coroutine[Any, Any, None]], moment: float) -> None:
        waits = [asyncio.ensure_future(wait(moment)), asyncio.ensure_future(self._gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
