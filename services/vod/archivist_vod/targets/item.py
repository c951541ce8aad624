"""What is known of a recording at its target, kept as JSON with its publication. Pure.

Every target has the fields of `Item`; those that only one needs are in a class of its own, in that target's folder.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """show: its number, None where the target has no shows, or none was found yet. thumbnail_url: of its picture.

    vod_id: None until the programme is started.

    mark, elsewhere: what the last poll showed, and what the target was doing besides, to recognise a stall.
    missed: something of it was missing at the target once since it was last published.
    unknown: what another version of Archivist has stored, kept as it is.
    """

    REMEMBERED: ClassVar[frozenset[str]] = frozenset({"missed"})
    """Fields that remain valid when the recording is looked up again."""

    title: str = ""
    show: int | None = None
    thumbnail_url: str | None = None
    vod_id: int | str | None = None
    mark: str = ""
    elsewhere: str | None = None
    missed: bool = False
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any]) -> Self:
        """From the JSON of `publications.item`: what is missing there, or null, has its default."""
        known = {one.name for one in fields(cls)} - {"unknown"}
        given = {name: _frozen(value) for name, value in stored.items() if name in known and value is not None}
        return cls(**given, unknown={name: value for name, value in stored.items() if name not in known})

    def stored(self) -> dict[str, Any]:
        """As JSON, without what has its default."""
        given = {
            one.name: _thawed(getattr(self, one.name))
            for one in fields(self)
            if one.default is not MISSING and getattr(self, one.name) != one.default
        }
        return {**self.unknown, **given}

    def with_vod(self, vod_id: str) -> Self:
        """With the id that its publication has for it."""
        return replace(self, vod_id=vod_id)

    def remembered(self) -> Self:
        """An item that knows nothing but what remains valid when the recording is looked up again."""
        return type(self)(**{name: getattr(self, name) for name in self.REMEMBERED})

    def after(self, before: "Item") -> Self:
        """This one, just found, with what is remembered of the one before."""
        return replace(self, **{name: getattr(before, name) for name in self.REMEMBERED})


ItemT = TypeVar("ItemT", bound=Item)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _thawed(value: Any) -> Any:
    return list(map(_thawed, value)) if isinstance(value, tuple) else value
