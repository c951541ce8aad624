"""Publishing targets."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from archivist_api.redaction import Redact
from archivist_api.schemas.common import Message, Response, redacted
from archivist_common.publishing import targets


class Target(Response):
    """A place to publish to."""

    name: str = Field(max_length=64)
    kind: str = Field(max_length=20)
    state: str = Field(
        max_length=20,
        description="`ok`, `away` while it is unavailable, `stopped` until an operator resumes it, or `unreported` "
        "by a publisher",
    )
    reason: Message | None = Field(description="Why it is not ok")
    code: str | None = Field(max_length=50, description="Of the error that stopped it")
    since: datetime | None = Field(description="Since when it is stopped or unavailable")
    paused_until: datetime | None
    last_ok: datetime | None
    waiting: int = Field(ge=0, le=2**31, description="Publications that wait for it")
    automatic: bool = Field(description="Every completed transcription is published there automatically")
    capabilities: dict[str, Any] = Field(max_length=100, description="For operators")
    details: dict[str, Any] = Field(max_length=100, description="What its last probe found, for operators")

    @classmethod
    def of(cls, target: targets.Target, redact: Redact, *, whole: bool) -> Self:
        """whole: with what is for operators."""
        return cls.from_view(
            target,
            reason=redacted(target.reason, redact),
            code=target.stopped_code,
            since=target.stopped_at or target.away_since,
            last_ok=target.last_ok_at,
            capabilities=dict(target.capabilities) if whole else {},
            details=dict(target.details) if whole else {},
        )


class Targets(Response):
    items: list[Target] = Field(max_length=100)
