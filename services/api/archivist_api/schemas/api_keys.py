"""API keys."""

from datetime import datetime
from typing import Self

from pydantic import Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.schemas.common import Request, Response, Text
from archivist_common.security.api_keys import Key
from archivist_common.security.permissions import Permission


class ApiKeyCreate(Request):
    name: Text = Field(min_length=1, max_length=100, examples=["web team"])
    description: Text | None = Field(default=None, max_length=1000)
    permissions: list[Permission] = Field(
        default=[Permission.TRANSCRIPTIONS_READ, Permission.STORAGE_READ],
        min_length=1,
        max_length=10,
        description="At most those of the owner's role; `account` cannot be given",
    )
    expires_in_days: int = Field(default=90, ge=1, le=365)
    user_id: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="Owner, if it is another user; needs `admin`"
    )


class ApiKey(Response):
    id: int = Field(ge=1, le=2**31)
    user_id: int = Field(ge=1, le=2**31)
    name: str = Field(max_length=100)
    description: str | None = Field(max_length=1000)
    prefix: str = Field(max_length=32, description="Its public part")
    permissions: list[Permission] = Field(max_length=10)
    active: bool
    expires: datetime
    last_used: datetime | None = Field(description="Updated at most once a minute")
    created: datetime

    @classmethod
    def of(cls, key: Key) -> Self:
        return cls.from_view(key, permissions=sorted(key.permissions))


class ApiKeyCreated(Response):
    key: str = Field(max_length=100, description="Shown this once")
    api_key: ApiKey


class ApiKeyPage(Response):
    items: list[ApiKey] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")
