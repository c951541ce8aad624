"""Storage servers and the recordings on them."""

from datetime import datetime
from typing import Self

from pydantic import Field

from archivist_api.pagination import LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import Response, redacted
from archivist_common.storage.client import Listing, MountState


class Server(Response):
    """A storage server as it is now."""

    name: str = Field(max_length=64)
    mounted: bool
    readable: bool
    writable: bool
    hung: bool = Field(description="It did not respond within its deadline")
    total_bytes: int | None = Field(ge=0, le=2**63 - 1)
    free_bytes: int | None = Field(ge=0, le=2**63 - 1)
    full: bool = Field(description="It has no space left; so it is not writable")
    reason: str | None = Field(max_length=2000, description="What is wrong, if anything is")

    @classmethod
    def of(cls, state: MountState, redact: Redact) -> Self:
        return cls.from_view(state, name=state.server, reason=redacted(state.reason, redact))


class Servers(Response):
    items: list[Server] = Field(max_length=1000)


class File(Response):
    """A folder or a recording."""

    name: str = Field(max_length=500)
    path: str = Field(max_length=1000, description="Relative to the server's root; what a submission names")
    is_folder: bool
    size_bytes: int | None = Field(ge=0, le=2**63 - 1)
    modified: datetime
    has_captions: bool = Field(description="A caption file lies beside it")


class Files(Response):
    server: str = Field(max_length=64)
    path: str = Field(max_length=1000)
    items: list[File] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=16_384, description="Cursor of the next page")
    total: int = Field(ge=0, le=10_000, description="Folders and recordings in this folder")
    truncated: bool = Field(description="The folder has more entries than one listing reads")
    skipped: int = Field(ge=0, le=1_000_000, description="Left out because their name is not UTF-8")

    @classmethod
    def of(cls, listing: Listing, cursor: str | None) -> Self:
        return cls.from_view(listing, items=listing.entries, next=cursor)
