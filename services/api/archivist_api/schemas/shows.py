"""Cablecast's shows, and syncs of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field

from archivist_api.pagination import LONGEST_CURSOR, LONGEST_PAGE
from archivist_api.redaction import Redact
from archivist_api.schemas.common import Failure, Message, Request, Response, Text, clipped
from archivist_common.shows import queries, sync_runs
from archivist_common.states import VodStatus

LARGEST_ID = 2**31 - 1
_LONGEST_NAME = 1000
_Name = Annotated[str, Field(max_length=_LONGEST_NAME)]


class Show(Response):
    """A show as the last sync found it."""

    id: int = Field(ge=0, le=2**31, description="Cablecast's own number")
    title: str = Field(max_length=255)
    cg_title: str | None = Field(max_length=255, description="The public title")
    description: str | None = Field(max_length=100_000)
    category: str | None = Field(max_length=100)
    producer: str | None = Field(max_length=100)
    project: str | None = Field(max_length=255)
    location: int | None = Field(ge=0, le=2**31)
    event_date: date | None = Field(description="Day of the meeting, by the station's calendar")
    length_s: int | None = Field(ge=0, le=2**31)
    local_id: str | None = Field(max_length=255)
    files: list[_Name] = Field(max_length=1000, description="Names of its reels' files")
    vod_ids: list[Annotated[int, Field(ge=0, le=2**31)]] = Field(max_length=1000)
    has_captions: bool | None
    modified: datetime | None = Field(description="By Cablecast's clock")
    synced: datetime
    gone: datetime | None = Field(description="Since when a full sync no longer finds it")

    @classmethod
    def of(cls, show: queries.Show, **more: Any) -> Self:
        return cls.from_view(
            show,
            description=None if show.description is None else show.description[:100_000],
            files=[name[:_LONGEST_NAME] for name in show.files[:1000]],
            vod_ids=show.vods[:1000],
            **more,
        )


class Vod(Response):
    """A video on demand of a show."""

    vod_id: str = Field(max_length=100)
    title: str = Field(max_length=255)
    url: str | None = Field(max_length=500)
    status: VodStatus
    vendor_state: str | None = Field(max_length=50)
    is_watchable: bool | None
    published: datetime | None
    updated: datetime

    @classmethod
    def of(cls, vod: queries.Vod) -> Self:
        return cls.from_view(vod, vod_id=vod.id)


class LinkedRecording(Response):
    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    score: int | None = Field(ge=0, le=100, description="Null where a user chose it")
    reasons: list[Message] = Field(max_length=50)
    linked: datetime

    @classmethod
    def of(cls, recording: queries.ShowRecording) -> Self:
        return cls.from_view(recording, reasons=clipped(recording.reasons, 50))


class WholeShow(Show):
    vods: list[Vod] = Field(max_length=1000)
    recordings: list[LinkedRecording] = Field(max_length=1000, description="Recordings linked to it")

    @classmethod
    def whole(
        cls, show: queries.Show, vods: Sequence[queries.Vod], recordings: Sequence[queries.ShowRecording]
    ) -> Self:
        return cls.of(
            show,
            vods=[Vod.of(one) for one in vods[:1000]],
            recordings=[LinkedRecording.of(one) for one in recordings[:1000]],
        )


class ShowPage(Response):
    items: list[Show] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class SyncCreate(Request):
    kinds: list[sync_runs.SyncKind] = Field(default=list(sync_runs.SyncKind), min_length=1, max_length=2)
    mode: sync_runs.SyncMode = Field(
        default=sync_runs.SyncMode.CHANGES, description="`full` takes longer and detects what was deleted"
    )
    target: Text | None = Field(default=None, min_length=1, max_length=64)


class Sync(Response):
    """One sync of Cablecast's shows or VODs into ours."""

    id: int = Field(ge=1, le=2**63 - 1)
    target: str = Field(max_length=64)
    kind: sync_runs.SyncKind
    mode: sync_runs.SyncMode
    status: sync_runs.SyncStatus
    position: int = Field(ge=0, le=2**31, description="Rows processed")
    total: int | None = Field(ge=0, le=2**31)
    percent: int | None = Field(ge=0, le=100, description="Null while the total is not known")
    added: int = Field(ge=0, le=2**31)
    changed: int = Field(ge=0, le=2**31)
    gone: int = Field(ge=0, le=2**31)
    error: Failure | None
    asked_by: int | None = Field(ge=1, le=2**31)
    created: datetime
    started: datetime | None
    moved: datetime | None = Field(description="When it last made progress")
    finished: datetime | None

    @classmethod
    def of(cls, run: sync_runs.SyncRunView, redact: Redact) -> Self:
        return cls.from_view(run, error=Failure.of(run.error_code, run.error_message, redact))


class Syncs(Response):
    items: list[Sync] = Field(max_length=20, description="The last few of each kind, newest first")
    last_good: dict[sync_runs.SyncKind, datetime | None] = Field(
        max_length=5, description="When each kind last completed"
    )


class SyncsAsked(Response):
    items: list[Sync] = Field(
        max_length=2, description="One for each kind; where one waits or runs already, that one"
    )
