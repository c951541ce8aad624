"""Publications and targets as the gateway takes and gives them. As `schemas.py`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from archivist_api.schemas.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    Failure,
    Outward,
    Request,
    Response,
    Sentences,
    Text,
)
from archivist_common.errors import ArchivistError
from archivist_common.publishing import effects, queries, targets
from archivist_common.publishing import options as publication_options
from archivist_common.states import EffectState, PublicationStatus, PublishStage

MOST_AT_ONCE = 100


class PublishOptions(Request):
    """How captions shall be published. What is left out is as the publisher's settings say."""

    create_show: bool = Field(default=False, description="Make a show where the target has none for the recording")
    title: Text | None = Field(default=None, min_length=1, max_length=255)
    description: Text | None = Field(default=None, max_length=5000)
    tags: list[Annotated[Text, Field(min_length=1, max_length=100)]] = Field(default=[], max_length=50)
    quality: Text | None = Field(
        default=None, min_length=1, max_length=100, description="Of the VOD: its number or name at the target"
    )
    chapters: bool | None = Field(default=None, description="Write chapters")
    metadata: bool | None = Field(default=None, description="Write title and description to the show")
    without_captions: bool = Field(default=False, description="Publish even where the target takes no captions")
    dry_run: bool = Field(default=False, description="Change nothing there: say what would be done, then wait")

    def wanted(self, two_step: str | None) -> publication_options.PublishOptions:
        """two_step: how the house has publications approved, None for not."""
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
        default=None, ge=1, le=10**6, description="Number of the version; the one before if left out"
    )


class Suggestion(Response):
    """A show that a recording may be."""

    show_id: int = Field(ge=0, le=2**31)
    title: str | None = Field(max_length=255)
    event_date: str | None = Field(max_length=10, description="Day of the meeting, by the station's calendar")
    score: int = Field(ge=0, le=100)
    reasons: list[Sentences] = Field(max_length=50)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            show_id=stored["show_id"],
            title=None if stored.get("title") is None else str(stored["title"])[:255],
            event_date=stored.get("event_date"),
            score=stored["score"],
            reasons=[str(reason)[:2000] for reason in stored["reasons"]][:50],
        )


class Chosen(Response):
    """What was asked for; null and false: nothing particular."""

    create_show: bool
    title: str | None = Field(max_length=255)
    description: str | None = Field(max_length=5000)
    tags: list[Sentences] = Field(max_length=50)
    quality: str | None = Field(max_length=100)
    chapters: bool | None
    metadata: bool | None
    without_captions: bool
    dry_run: bool
    approval: str | None = Field(max_length=20, description="`approve` or `two-people` where it has to be approved")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        options = publication_options.PublishOptions.read(stored)
        given = {name: getattr(options, name) for name in cls.model_fields if name not in {"tags", "approval"}}
        return cls(**given, tags=list(options.tags), approval=options.two_step)


class Vendor(Response):
    """What the target itself says, in its own words."""

    state: str | None = Field(max_length=50)
    percent: float | None = Field(ge=0, le=100)
    message: Sentences | None
    changed: datetime | None = Field(description="When it last showed a change")


class Attention(Response):
    """Somebody has to do something at the target; the publication goes on by itself then."""

    code: str = Field(max_length=50)
    message: Sentences
    since: datetime


class Publication(Response):
    """A recording's captions at a target, or on their way there."""

    id: UUID
    target: str = Field(max_length=64)
    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    transcription_id: UUID | None
    user_id: int | None = Field(ge=1, le=2**31, description="Who asked for it; null: published by itself")
    batch_id: UUID | None
    status: PublicationStatus
    stage: PublishStage
    waits_for: Sentences | None = Field(description="Why nothing happens now, in words")
    next_look: datetime | None = Field(description="When it goes on, where it is known")
    options: Chosen
    version: int | None = Field(ge=1, le=2**31, description="Of the captions that are to stand there")
    show_id: int | None = Field(ge=0, le=2**31)
    vod_id: str | None = Field(max_length=100)
    url: str | None = Field(max_length=500)
    vendor: Vendor
    attention: Attention | None
    plan: list[Sentences] | None = Field(max_length=100, description="What publishing it does, step by step")
    suggestions: list[Suggestion] | None = Field(
        max_length=100, description="Shows it may be, while it waits for a person to say which"
    )
    warnings: list[Sentences] = Field(max_length=1000)
    failures: int = Field(ge=0, le=2**31)
    withdrawing: bool
    approved_by: int | None = Field(ge=1, le=2**31)
    approved: datetime | None
    created: datetime
    published: datetime | None
    error: Failure | None = Field(description="Why it failed, is held, or is tried again")
    links: dict[str, str] = Field(max_length=20)

    @classmethod
    def of(cls, found: queries.PublicationView, outward: Outward) -> Self:
        here = f"/api/v1/publications/{found.id}"
        links = {"self": here, "versions": f"{here}/versions"}
        if found.transcription_id is not None:
            links["transcription"] = f"/api/v1/transcriptions/{found.transcription_id}"
        return cls(
            id=found.id,
            target=found.target,
            storage=found.storage,
            path=found.path,
            transcription_id=found.transcription_id,
            user_id=found.user_id,
            batch_id=found.batch_id,
            status=found.status,
            stage=found.stage,
            waits_for=_said(found.waits_for, outward),
            next_look=found.next_look,
            options=Chosen.of(found.options),
            version=found.version,
            show_id=found.show_id,
            vod_id=found.vod_id,
            url=found.url,
            vendor=Vendor(
                state=found.vendor_state,
                percent=found.vendor_percent,
                message=_said(found.vendor_message, outward),
                changed=found.vendor_changed,
            ),
            attention=_attention(found, outward),
            plan=None if found.plan is None else [outward(step)[:2000] for step in found.plan[:100]],
            suggestions=None
            if found.suggestions is None
            else [Suggestion.of(one) for one in found.suggestions[:100]],
            warnings=[outward(warning)[:2000] for warning in found.warnings[:1000]],
            failures=found.failures,
            withdrawing=found.withdrawing,
            approved_by=found.approved_by,
            approved=found.approved,
            created=found.created,
            published=found.published,
            error=None
            if found.error_code is None
            else Failure(code=found.error_code, message=outward(found.error_message or "")[:10_000]),
            links=links,
        )


class PublicationPage(Response):
    items: list[Publication] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class PublicationAnswer(Response):
    """What became of one transcription of many."""

    transcription_id: UUID
    publication_id: UUID | None
    status: PublicationStatus | None
    is_new: bool = Field(description="False where nothing was set going: it waits, runs or is published already")
    error: Failure | None

    @classmethod
    def refused(cls, job_id: UUID, error: ArchivistError, outward: Outward) -> Self:
        return cls(
            transcription_id=job_id,
            publication_id=None,
            status=None,
            is_new=False,
            error=Failure(code=error.code, message=outward(error.message)[:10_000]),
        )


class PublicationBatch(Response):
    batch_id: UUID
    target: str = Field(max_length=64)
    items: list[PublicationAnswer] = Field(
        max_length=MOST_AT_ONCE, description="In the order asked; one that was named twice is answered once"
    )
    links: dict[str, str] = Field(max_length=20)


class CaptionVersion(Response):
    """Captions that stood, stand or are to stand at a target."""

    number: int = Field(ge=1, le=2**31)
    transcription_id: UUID | None
    sha256: str = Field(max_length=64)
    restores: int | None = Field(ge=1, le=2**31, description="Number of the version it is a return to")
    created: datetime
    placed: datetime | None
    verified: datetime | None = Field(description="When they were read back from the target")

    @classmethod
    def of(cls, version: queries.PublicationVersion) -> Self:
        return cls(**{name: getattr(version, name) for name in cls.model_fields})


class CaptionVersions(Response):
    items: list[CaptionVersion] = Field(max_length=10_000)


class Effect(Response):
    """A change made at the target."""

    key: str = Field(max_length=200, description="What was done, and to what")
    state: EffectState = Field(description="`intended` and `unknown`: it may have happened")
    tries: int = Field(ge=0, le=2**31)
    external_id: str | None = Field(max_length=200)

    @classmethod
    def of(cls, entry: effects.LedgerEntry) -> Self:
        return cls(key=entry.key, state=entry.state, tries=entry.tries, external_id=entry.external_id)


class Effects(Response):
    items: list[Effect] = Field(max_length=100_000)


class Target(Response):
    """A place to publish to."""

    name: str = Field(max_length=64)
    kind: str = Field(max_length=20)
    state: str = Field(
        max_length=20, description="`ok`, `away`, `stopped` until somebody resumes it, or `unreported` by a publisher"
    )
    reason: Sentences | None = Field(description="Why it is not ok")
    code: str | None = Field(max_length=50, description="Of what stopped it")
    since: datetime | None = Field(description="Since when it is stopped or away")
    paused_until: datetime | None
    last_ok: datetime | None
    waiting: int = Field(ge=0, le=2**31, description="Publications that wait for it")
    automatic: bool = Field(description="What completes is published there by itself")
    capabilities: dict[str, Any] = Field(max_length=100, description="For operators")
    details: dict[str, Any] = Field(max_length=100, description="What its probe found, for operators")

    @classmethod
    def of(cls, target: targets.Target, outward: Outward, *, whole: bool) -> Self:
        return cls(
            name=target.name,
            kind=target.kind,
            state=target.state,
            reason=_said(target.reason, outward),
            code=target.stopped_code,
            since=target.stopped_at or target.away_since,
            paused_until=target.paused_until,
            last_ok=target.last_ok_at,
            waiting=target.waiting,
            automatic=target.automatic,
            capabilities=dict(target.capabilities) if whole else {},
            details=dict(target.details) if whole else {},
        )


class Targets(Response):
    items: list[Target] = Field(max_length=100)


def _attention(found: queries.PublicationView, outward: Outward) -> Attention | None:
    if found.attention_code is None or found.attention_since is None:
        return None
    message = outward(found.attention_message or "")[:2000]
    return Attention(code=found.attention_code, message=message, since=found.attention_since)


def _said(sentence: str | None, outward: Outward) -> str | None:
    return None if sentence is None else outward(sentence)[:2000]
