"""User accounts."""

from collections.abc import Collection
from datetime import datetime
from typing import Self

from pydantic import Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.schemas.common import Request, Response, Text
from archivist_common.security.accounts import Account, OneTime
from archivist_common.security.permissions import Permission
from archivist_common.states import Role


class UserCreate(Request):
    username: Text = Field(min_length=3, max_length=80, examples=["lee"])
    email: Text | None = Field(default=None, max_length=120, examples=["lee@example.org"])
    role: Role = Role.USER


class UserChange(Request):
    role: Role | None = None
    active: bool | None = Field(default=None, description="False deactivates the account from its next request on")


class User(Response):
    id: int = Field(ge=1, le=2**31)
    username: str = Field(max_length=80)
    email: str = Field(max_length=120)
    role: Role
    active: bool
    created: datetime
    last_login: datetime | None


class Me(User):
    permissions: list[Permission] = Field(max_length=20, description="What this session or key may do")

    @classmethod
    def of(cls, account: Account, permissions: Collection[Permission]) -> Self:
        return cls.from_view(account, permissions=sorted(permissions))


class UserCreated(Response):
    user: User
    one_time_password: str = Field(max_length=64, description="Shown once; exchanged at the first log-in")
    until: datetime

    @classmethod
    def of(cls, created: OneTime) -> Self:
        return cls.from_view(created, user=created.account, one_time_password=created.password)


class UserPage(Response):
    items: list[User] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")
