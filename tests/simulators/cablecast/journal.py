"""What happened: every request in order, never with a secret, and what was wrong with it at sight."""

import time
from dataclasses import dataclass, field, fields
from typing import Any

_KEPT_BACK = {"authorization", "cookie", "proxy-authorization"}


@dataclass(slots=True)
class Entry:
    """One request. `virtual` and `real` are seconds at its arrival, `answered` when its answer was ready.

    applied: it changed the world. fault: what was injected. violations: what nobody may do, as (kind, sentence).
    """

    number: int
    virtual: float
    real: float
    method: str
    path: str
    query: str
    user: str | None
    headers: dict[str, str]
    digest: str
    status: int | None = None
    fault: str | None = None
    applied: bool = False
    violations: list[tuple[str, str]] = field(default_factory=list)
    retry_after: str | None = None
    answered_virtual: float | None = None
    answered_real: float | None = None
    template: str = ""
    """The path without its prefix, in lower case, numbers as `{id}`: `vods/{id}`."""
    ids: tuple[int, ...] = ()


class Journal:
    """Entries in order of arrival."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def arrive(
        self, virtual: float, method: str, target: str, user: str | None, headers: dict[str, str], digest: str
    ) -> Entry:
        path, _, query = target.partition("?")
        kept = {name: value for name, value in headers.items() if name not in _KEPT_BACK}
        entry = Entry(len(self.entries), virtual, time.time(), method, path, query, user, kept, digest)
        self.entries.append(entry)
        return entry

    def as_json(self, since: int = 0) -> list[dict[str, Any]]:
        names = [field.name for field in fields(Entry)]
        return [{name: getattr(entry, name) for name in names} for entry in self.entries[since:]]
