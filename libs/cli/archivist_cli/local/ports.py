"""Ports on this machine, reserved before anything is started."""

import errno
import socket
from dataclasses import dataclass

from archivist_cli.local.errors import StackError


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the services listen; 0 takes any free port. Only the gateway's is meant for users."""

    api: int = 8000
    transcriber: int = 0
    vod: int = 0
    monitor: int = 0


class Reserved:
    """A port held by a socket that does not listen: a service of ours may still listen there, and may again
    after a restart, while the system gives the number to nobody else.

    Raises StackError, one sentence, for a port that is taken or not allowed.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
        except OSError as exc:
            self._socket.close()
            raise StackError(_sentence(host, port, exc)) from exc
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


def _sentence(host: str, port: int, exc: OSError) -> str:
    match exc.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use by another program: choose another with --port"
        case errno.EACCES:
            return f"port {port} needs more rights than we have: choose one above 1023 with --port"
        case _:
            return f"cannot listen on {host}, port {port}: {exc.strerror}"
