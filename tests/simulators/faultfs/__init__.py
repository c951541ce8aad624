"""A pass-through file system with a fault switch: what a storage server that fails looks like, for real.

`Mounted` starts it as a process of its own. By hand, as root: `python -m tests.simulators.faultfs FOLDER POINT`,
then type one of

    ok                 everything works
    hang               nothing is answered: a hard mount whose server is unplugged; not even SIGKILL ends its callers
    slow:0.5           every call takes so many seconds longer
    estale, eio, …     every call fails with this error
    erofs              writing fails, reading works; enospc and edquot likewise, but what is there can be removed
    eio:fsync          only this call fails or hangs: lookup read write create fsync flush rename statfs …

It speaks the kernel's protocol itself (linux/fuse.h, version 7.31), so that it needs /dev/fuse and the right to
mount, and nothing else.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path


class NotHere(Exception):
    """This machine cannot mount it."""


class Mounted:
    """`folder` seen at `point`, through the switch. Close it, or leave its block."""

    def __init__(self, folder: Path, point: Path) -> None:
        """Raises NotHere."""
        self.point = point
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise NotHere("there is no /dev/fuse, or it may not be used")
        command = [sys.executable, "-m", "tests.simulators.faultfs", str(folder), str(point)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
        )
        said = self._answer()
        if said != "ready":
            self._end()
            raise NotHere(f"a file system cannot be mounted: {said}")

    def set(self, mode: str) -> None:
        """Switch, and return when it is switched."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode}\n")
        self._process.stdin.flush()
        assert self._answer() == mode

    def kill(self) -> None:
        """SIGKILL its process: the mount stays, and answers ENOTCONN."""
        self._process.kill()
        self._end()

    def close(self) -> None:
        """End it and unmount; whoever waits in it is answered with an error."""
        self._end()
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["umount", "-l", str(self.point)], capture_output=True)

    def __enter__(self) -> "Mounted":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait(timeout=10)
