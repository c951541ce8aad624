"""Options of a publication, and the codes under which it may be held for approval. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

APPROVAL_NEEDED = "APPROVAL_NEEDED"
DRY_RUN = "DRY_RUN"
SIDECARS_UNSUPPORTED = "SIDECARS_UNSUPPORTED"
_NOT_ASKED = frozenset({"two_step", "chapters_edition"})
"""Options that users do not request."""


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """Options that a user requests a publication with. None: as the settings have it.

    create_show: make show, media and reel where the target has none. quality: a VOD quality's id or name.
    without_captions: publish the programme even where the target takes no captions. two_step: "approve", or
    "two-people" where the user who requested it may not. chapters_edition: rises with every edit of the chapters.
    """

    create_show: bool = False
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    quality: str | None = None
    chapters: bool | None = None
    metadata: bool | None = None
    without_captions: bool = False
    dry_run: bool = False
    two_step: str | None = None
    chapters_edition: int = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        known = {name: value for name, value in stored.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "tags": tuple(known.get("tags", ()))})

    def stored(self) -> dict[str, Any]:
        """As JSON, without what has its default."""
        usual = asdict(type(self)())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def is_plain(self) -> bool:
        """No option is requested: those requested before remain."""
        return replace(self, two_step=None, chapters_edition=0) == PublishOptions()

    def after(self, before: Self) -> Self:
        """The options when these are requested after those. Whether it has to be approved is the settings' to say."""
        if not self.is_plain:
            return replace(self, chapters_edition=before.chapters_edition)
        return replace(before, dry_run=False, two_step=self.two_step)

    def adds_to(self, before: Self) -> bool:
        """Whether an option is requested that was not requested before."""
        known, ours = before.stored(), self.stored()
        return any(known.get(name) != value for name, value in ours.items() if name not in _NOT_ASKED)
