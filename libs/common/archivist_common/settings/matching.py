"""Settings of matching: who meets at this station."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from archivist_common.settings.common import CommonSettings


class MatchingSettings(CommonSettings):
    """What matching recordings to shows needs to know of the station."""

    meeting_bodies: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    """Who meets, and what titles call them: `White Bear Lake=WBL,White Bear;White Bear Township=WBT`. A body needs no
    further names: `Oakdale;Grant`. What the synced shows name is known without."""

    @field_validator("meeting_bodies", mode="before")
    @classmethod
    def _parse_bodies(cls, value: Any) -> Any:
        return meeting_bodies(value) if isinstance(value, str) else value


def meeting_bodies(text: str) -> dict[str, tuple[str, ...]]:
    """Bodies and their other names of `Name=alias,alias;Name2`. Raises ValueError, which names the entry at fault."""
    found: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for entry in text.split(";"):
        if not entry.strip():
            continue
        name, equals, listed = (part.strip() for part in entry.partition("="))
        names = tuple(one.strip() for one in listed.split(",")) if equals else ()
        if not name or "" in names or "=" in listed or "," in name:
            raise ValueError(
                f"MEETING_BODIES: {entry.strip()!r} is not a body; write Name=alias,alias;Other name=alias"
            )
        for one in dict.fromkeys(part.casefold() for part in (name, *names)):
            if one in owners:
                raise ValueError(
                    f"MEETING_BODIES: {entry.strip()!r} names {one!r}, which {owners[one]!r} has already"
                )
            owners[one] = name
        found[name] = names
    return found
