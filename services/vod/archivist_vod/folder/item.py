"""What is known of a recording at a published folder. Pure."""

from dataclasses import dataclass

from archivist_vod.targets.item import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderItem(Item):
    """folder: the name of its folder. vod_id: the publication's key. captions: the version that was written.

    chapters: how many were written.
    """

    vod_id: str | None = None
    folder: str = ""
    captions: int | None = None
    chapters: int | None = None
