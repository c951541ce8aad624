"""Publications: captions published to a target, their versions, and the changes made there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import (
    LONGEST_MESSAGE,
    Failure,
    Message,
    Request,
    Response,
    Text,
    clipped,
    redacted,
)
from archivist_common.errors import ArchivistError
from archivist_common.publishing import options as publication_options
from archivist_common.publishing import queries
from archivist_common.states import EffectState, PublicationStatus, PublishStage

MOST_AT_ONCE = 100


class PublishOptions(Request):
    """How captions are published. What is left out is as the publisher's settings say."""

    create_show: bool = Field(default=False, description="Create a show where the target has none for the recording")
    title: Text | None = Field(default=None, min_length=1, max_length=255)
    description: Text | None = Field(default=None, max_length=5000)
    tags: list[Annotated[Text, Field(min_length=1, max_length=100)]] = Field(default=[], max_length=50)
    quality: Text | None = Field(
        default=None, min_length=1, max_length=100, description="Of the VOD: its number or name at the target"
    )
    chapters: bool | None = Field(default=None, description="Write chapters")
    metadata: bool | None = Field(default=None, description="Write title and description to the show")
    without_captions: bool = Field(default=False, description="Publish even where the target takes no captions")
    dry_run: bool = Field(
        default=False, description="Change nothing there: plan what would be done, then wait for approval"
    )

    def wanted(self, two_step: str | None) -> publication_options.PublishOptions:
        """two_step: how this station has publications approved, None for not."""
        given = {name: getattr(self, name) for name in PublishOptions.model_fields}
        return publication_options.PublishOptions(**{**given, "tags": tuple(self.tags)}, two_step=two_step)


class PublicationCreate(PublishOptions):
    transcription_id: UUID
    target: Text | None = Field(
        default=None, min_length=1, max_length=64, description="Cablecast, or the only one there is, if left out"
    )


class PublicationBatchCreate(Request):
    transcription_ids: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)
    target: Text | None = Field(default=None, min_length=1, max_length=64)
    options: PublishOptions = Field(default=PublishOptions(), description="For each of them")


class Rollback(Request):
    to: int | None = Field(
        default=None, ge=1, le=10**6, description="Number of the version; the previous one if left out"
    )


class Suggestion(Response):
    """A show that a recording may be."""

    show_id: int = Field(ge=0, le=2**31)
    title: str | None = Field(max_length=255)
    event_date: str | None = Field(max_length=10, description="Day of the meeting, by the station's calendar")
    score: int = Field(ge=0, le=100)
    reasons: list[Message] = Field(max_length=50)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            show_id=stored["show_id"],
            title=None if stored.get("title") is None else str(stored["title"])[:255],
            event_date=stored.get("event_date"),
            score=stored["score"],
            reasons=clipped(map(str, stored["reasons"]), 50),
        )


class Chosen(Response):
    """The options requested; null and false: nothing particular."""

    create_show: bool
    title: str | None = Field(max_length=255)
    description: str | None = Field(max_length=5000)
    tags: list[Message] = Field(max_length=50)
    quality: str | None = Field(max_length=100)
    chapters: bool | None
    metadata: bool | None
    without_captions: bool
    dry_run: bool
    approval: str | None = Field(max_length=20, description="`approve` or `two-people` where it has to be approved")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        options = publication_options.PublishOptions.read(stored)
        return cls.from_view(options, approval=options.two_step)


class Vendor(Response):
    """What the target itself reports, in its own words."""

    state: str | None = Field(max_length=50)
    percent: float | None = Field(ge=0, le=100)
    message: Message | None
    changed: datetime | None = Field(description="When what it reports last changed")


class Attention(Response):
    """An operator has to act at the target; the publication then continues by itself."""

    code: str = Field(max_length=50)
    message: Message
    since: datetime


class Publication(Response):
    """A recording's captions at a target, or on their way there."""

    id: UUID
    target: str = Field(max_length=64)
    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    transcription_id: UUID | None
    user_id: int | None = Field(ge=1, le=2**31, description="Who requested it; null: published automatically")
    batch_id: UUID | None
    status: PublicationStatus
    stage: PublishStage
    waits_for: Message | None = Field(description="Why nothing happens now, in words")
    next_look: datetime | None = Field(description="When it is checked next, where that is known")
    options: Chosen
    version: int | None = Field(ge=1, le=2**31, description="Of the captions to be published")
    show_id: int | None = Field(ge=0, le=2**31)
    vod_id: str | None = Field(max_length=100)
    url: str | None = Field(max_length=500)
    vendor: Vendor
    attention: Attention | None
    plan: list[Message] | None = Field(max_length=100, description="What publishing it does, step by step")
    suggestions: list[Suggestion] | None = Field(
        max_length=100, description="Shows it may be, while it waits for a user to choose one"
    )
    warnings: list[Message] = Field(max_length=1000)
    failures: int = Field(ge=0, le=2**31)
    withdrawing: bool
    approved_by: int | None = Field(ge=1, le=2**31)
    approved: datetime | None
    created: datetime
    published: datetime | None
    error: Failure | None = Field(description="Why it failed, is held, or is retried")
    links: dict[str, str] = Field(max_length=20)

    @classmethod
    def of(cls, found: queries.PublicationView, redact: Redact) -> Self:
        here = f"/api/v1/publications/{found.id}"
        links = {"self": here, "versions": f"{here}/versions"}
        if found.transcription_id is not None:
            links["transcription"] = f"/api/v1/transcriptions/{found.transcription_id}"
        return cls.from_view(
            found,
            waits_for=redacted(found.waits_for, redact),
            options=Chosen.of(found.options),
            vendor=Vendor(
                state=found.vendor_state,
                percent=found.vendor_percent,
                message=redacted(found.vendor_message, redact),
                changed=found.vendor_changed,
            ),
            attention=_attention(found, redact),
            plan=None if found.plan is None else clipped(found.plan, 100, redact),
            suggestions=None
            if found.suggestions is None
            else [Suggestion.of(one) for one in found.suggestions[:100]],
            warnings=clipped(found.warnings, 1000, redact),
            error=Failure.of(found.error_code, found.error_message, redact),
            links=links,
        )


class PublicationPage(Response):
    items: list[Publication] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class PublicationAnswer(Response):
    """The outcome for one transcription of many."""

    transcription_id: UUID
    publication_id: UUID | None
    status: PublicationStatus | None
    is_new: bool = Field(description="False where nothing was started: it waits, runs or is published already")
    error: Failure | None

    @classmethod
    def requested(cls, job_id: UUID, found: queries.PublicationView, *, is_new: bool) -> Self:
        return cls(transcription_id=job_id, publication_id=found.id, status=found.status, is_new=is_new, error=None)

    @classmethod
    def refused(cls, job_id: UUID, error: ArchivistError, redact: Redact) -> Self:
        failure = Failure.of(error.code, error.message, redact)
        return cls(transcription_id=job_id, publication_id=None, status=None, is_new=False, error=failure)


class PublicationBatch(Response):
    batch_id: UUID
    target: str = Field(max_length=64)
    items: list[PublicationAnswer] = Field(
        max_length=MOST_AT_ONCE, description="In the order requested; a transcription named twice has one"
    )
    links: dict[str, str] = Field(max_length=20)


class CaptionVersion(Response):
    """A version of the captions at a target: past, present or next."""

    number: int = Field(ge=1, le=2**31)
    transcription_id: UUID | None
    sha256: str = Field(max_length=64)
    restores: int | None = Field(ge=1, le=2**31, description="Number of the version that it restores")
    created: datetime
    placed: datetime | None
    verified: datetime | None = Field(description="When they were read back from the target")


class CaptionVersions(Response):
    items: list[CaptionVersion] = Field(max_length=10_000)


class Effect(Response):
    """A change made at the target."""

    key: str = Field(max_length=200, description="What was done, and to what")
    state: EffectState = Field(description="`intended` and `unknown`: it may have happened")
    tries: int = Field(ge=0, le=2**31)
    external_id: str | None = Field(max_length=200)


class Effects(Response):
    items: list[Effect] = Field(max_length=100_000)


def _attention(found: queries.PublicationView, redact: Redact) -> Attention | None:
    if found.attention_code is None or found.attention_since is None:
        return None
    message = redact(found.attention_message or "")[:LONGEST_MESSAGE]
    return Attention(code=found.attention_code, message=message, since=found.attention_since)
