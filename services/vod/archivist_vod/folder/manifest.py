"""What Archivist has put into a recording's folder: names, hashes, and what the feed says of it. JSON in the folder.

A file is ours while it holds what the manifest says we wrote under its name once; anything else is somebody's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

NAME = ".archivist.json"
_SCHEMA = 1
_MOST_HASHES = 50
"""Remembered for each name; the oldest are forgotten."""


class ManifestDamaged(ValueError):
    """A manifest that is none of ours, or was edited."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A recording at the folder. key: of its publication, for ever; empty in the manifest of the folder itself.

    captions: the version that stands; 0 for none yet. published: when it first stood in the feed. changed: when
    anything of it last did. files: the hash of what stands under each name. ours: every hash that we have put, or
    were about to put, under a name.
    """

    key: str
    title: str
    language: str
    recording: str
    changed: datetime
    published: datetime | None = None
    is_listed: bool = False
    captions: int = 0
    length_s: int | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    chapters: tuple[tuple[int, str], ...] = ()
    media_url: str | None = None
    media_bytes: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    ours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def is_ours(self, name: str, sha256: str) -> bool:
        return sha256 in self.ours.get(name, ())

    def intending(self, wanted: Mapping[str, str]) -> Self:
        """With hashes that are about to be written: a file left by a crash is known as ours."""
        ours = dict(self.ours)
        for name, sha256 in wanted.items():
            known = tuple(one for one in ours.get(name, ()) if one != sha256)
            ours[name] = (*known, sha256)[-_MOST_HASHES:]
        return replace(self, ours=ours)

    def write(self) -> bytes:
        told: dict[str, Any] = {
            "schema": _SCHEMA,
            "key": self.key,
            "title": self.title,
            "language": self.language,
            "recording": self.recording,
            "changed": _written(self.changed),
            "published": None if self.published is None else _written(self.published),
            "is_listed": self.is_listed,
            "captions": self.captions,
            "length_s": self.length_s,
            "description": self.description,
            "tags": list(self.tags),
            "chapters": [list(chapter) for chapter in self.chapters],
            "media_url": self.media_url,
            "media_bytes": self.media_bytes,
            "files": dict(sorted(self.files.items())),
            "ours": {name: list(known) for name, known in sorted(self.ours.items())},
        }
        return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Raises ManifestDamaged."""
        try:
            told = json.loads(data)
            if told["schema"] != _SCHEMA:
                raise ManifestDamaged(f"its schema is {told['schema']!r}, not {_SCHEMA}")
            return cls(
                key=str(told["key"]),
                title=str(told["title"]),
                language=str(told["language"]),
                recording=str(told["recording"]),
                changed=datetime.fromisoformat(told["changed"]),
                published=None if told["published"] is None else datetime.fromisoformat(told["published"]),
                is_listed=told["is_listed"] is True,
                captions=int(told["captions"]),
                length_s=None if told["length_s"] is None else int(told["length_s"]),
                description=str(told["description"]),
                tags=tuple(str(tag) for tag in told["tags"]),
                chapters=tuple((int(start_ms), str(title)) for start_ms, title in told["chapters"]),
                media_url=told["media_url"],
                media_bytes=told["media_bytes"],
                files={str(name): str(sha256) for name, sha256 in told["files"].items()},
                ours={str(name): tuple(map(str, known)) for name, known in told["ours"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ManifestDamaged(f"it cannot be read: {exc!r}") from exc


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
