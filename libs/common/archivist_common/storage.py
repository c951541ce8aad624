"""Storage servers: mounts that may be slow, hung, read-only, full or simply not there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class StorageServer:
    """One mount with recordings. `beside`: the SCC goes beside each recording too."""

    name: str
    path: Path
    beside: bool = False

    @classmethod
    def parse(cls, entry: str) -> Self:
        """`/mnt/flex-1`, `birchwood=/mnt/flex-1` or either with `+beside` behind it.

        Raises ValueError for a path that is not absolute or a name of other characters than A-Z a-z 0-9 . _ -
        """
        text = entry.strip()
        beside = text.endswith("+beside")
        name, equals, path_text = text.removesuffix("+beside").rpartition("=")
        path = Path(path_text)
        return cls._checked(name if equals else path.name, path, text.endswith("+beside"))

    @classmethod
    def from_json(cls, entry: object) -> Self:
        """`{"name": …, "path": …, "beside": …}`; for paths that hold a comma. Raises ValueError as `parse` does."""
        match entry:
            case {"name": str(name), "path": str(path)}:
                return cls._checked(name, Path(path), entry.get("beside") is True)
        raise ValueError(f"a storage server needs a name and a path: {entry!r}")

    @classmethod
    def _checked(cls, name: str, path: Path, beside: bool) -> Self:
        if not path.is_absolute():
            raise ValueError(f"a storage server's path must be absolute: {str(path)!r}")
        if not name or not all(c.isascii() and (c.isalnum() or c in "._-") for c in name):
            raise ValueError(f"a storage server's name may hold letters, digits, '.', '_' and '-': {name!r}")
        return cls(name, path, beside)
