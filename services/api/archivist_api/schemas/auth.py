"""Logging in and out."""

from pydantic import Field

from archivist_api.schemas.common import Request, Response, Secret, Text
from archivist_common.security.passwords import LONGEST as LONGEST_PASSWORD


class Login(Request):
    username: Text = Field(min_length=1, max_length=80, examples=["admin"])
    password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"])
    new_password: Secret | None = Field(
        default=None,
        max_length=LONGEST_PASSWORD,
        description="Replaces the password; required with a one-time password",
    )


class Refresh(Request):
    refresh_token: Secret = Field(min_length=43, max_length=43, description="Good for one use")


class PasswordChange(Request):
    current_password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD)
    new_password: Secret = Field(min_length=1, max_length=LONGEST_PASSWORD)


class Tokens(Response):
    access_token: str = Field(max_length=8192)
    token_type: str = Field(default="Bearer", max_length=10)
    expires_in_s: int = Field(ge=0, le=86_400, description="Lifetime of the access token, seconds")
    refresh_token: str = Field(max_length=43, description="Good for one use, for the next pair of tokens")
