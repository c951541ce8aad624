"""The last lines of a child's standard error, bounded and made plain: for the log, and for nothing else."""

import os

LINES = 20
BYTES = 4096
_MOST_READ = 64 * 1024  # bytes at a time: what a pipe holds
_GARBAGE = "\ufffd"


class LastLines:
    """The reading end of a child's standard error. It is read whenever there is something, so that nobody waits."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.is_open = True
        self._kept = b""
        os.set_blocking(fd, False)

    def read(self) -> None:
        """Take what there is; never waits. `is_open` is false once the child has closed it."""
        try:
            data = os.read(self.fd, _MOST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_open = False
        self._kept = (self._kept + data)[-BYTES:]

    def rest(self) -> str:
        """What a child that has ended has left, and what it wrote before: see `plain`."""
        for _ in range(2):  # what a pipe holds, and its end
            if self.is_open:
                self.read()
        return plain(self._kept)


def plain(text: bytes) -> str:
    """At most LINES lines of at most BYTES bytes; whatever could forge or hide a line of a log is replaced."""
    lines = text[-BYTES:].decode(errors="replace").splitlines()[-LINES:]
    return "\n".join("".join(c if c.isprintable() else _GARBAGE for c in line) for line in lines)
