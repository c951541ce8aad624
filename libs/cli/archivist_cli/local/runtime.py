"""A short, private folder for sockets: a socket's path may have no more than 107 bytes (unix(7))."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from archivist_cli.local.errors import StackError

_PREFIX = "archivist-"
_LONGEST_NAME = "/archivist-12345678/pg/.s.PGSQL.5432.lock"
_LIMIT = 107  # bytes
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")  # what goes into an address unquoted


def make() -> Path:
    """A new folder that only we may enter. Raises StackError when no place for one can be written."""
    for place in _places():
        if len(place.encode()) + len(_LONGEST_NAME) <= _LIMIT and _PLAIN.fullmatch(place):
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    raise StackError("no short folder for sockets can be written: set TMPDIR to one, such as /tmp")


def remove(folder: Path) -> None:
    """Remove a folder that `make` made. Anything else, or anybody else's, is left alone."""
    with contextlib.suppress(OSError):
        if folder.name.startswith(_PREFIX) and not folder.is_symlink() and folder.stat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


def _places() -> Iterator[str]:
    yield tempfile.gettempdir()
    yield "/tmp"  # noqa: S108 -- mkdtemp makes the name
    # Last: it is emptied when its user logs out, and a stack may run on.
    if "XDG_RUNTIME_DIR" in os.environ:
        yield os.environ["XDG_RUNTIME_DIR"]
