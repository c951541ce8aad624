"""What was asked, answered, done and broken, as it happened: one line of JSON each, written by every process.

A line is one write to a file opened for appending: a process that is killed leaves whole lines.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """at: seconds since 1970, by this machine's clock. who: `client`, `worker`, `nemesis`, `reader` or `sampler`."""

    at: float
    who: str
    what: str
    facts: dict[str, Any]


class History:
    """Appends to a history. One per process and role."""

    def __init__(self, path: Path, who: str) -> None:
        self.path = path
        self._who = who
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, what: str, **facts: Any) -> None:
        line = json.dumps({"at": time.time(), "who": self._who, "what": what, **facts}, separators=(",", ":"))
        os.write(self._file, line.encode() + b"\n")

    def of(self, who: str) -> "History":
        """The same history, written by another role of this process."""
        return History(self.path, who)

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[Record]:
    """A history in the order of time. Raises ValueError for a line that is not one: nothing may be left out."""
    with path.open(encoding="utf-8") as lines:
        return sorted(_records(lines), key=lambda record: record.at)


def of(records: Iterable[Record], what: str) -> Iterator[Record]:
    return (record for record in records if record.what == what)


def _records(lines: Iterable[str]) -> Iterator[Record]:
    for line in lines:
        fields = json.loads(line)
        yield Record(fields.pop("at"), fields.pop("who"), fields.pop("what"), fields)
