"""Cablecast's shows, syncs with them, and a recording's show and chapters as the gateway takes and gives them."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field

from archivist_api.schemas.publishing import Suggestion
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
from archivist_common.chapters.detection import MOST as MOST_CHAPTERS
from archivist_common.chapters.detection import Chapter, Topic
from archivist_common.shows import queries, sync_runs
from archivist_common.shows.links import RecordingLink
from archivist_common.shows.matching import Scored
from archivist_common.states import VodStatus

LARGEST_ID = 2**31 - 1
MOST_WRITTEN = 4 * MOST_CHAPTERS
"""Chapters a person may write; the rules find fewer."""
_Name = Annotated[str, Field(max_length=1000)]


class Show(Response):
    """A show as the last sync saw it."""

    id: int = Field(ge=0, le=2**31, description="Cablecast's own number")
    title: str = Field(max_length=255)
    cg_title: str | None = Field(max_length=255, description="What the public sees")
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
    gone: datetime | None = Field(description="Since when a whole sync does not find it any more")

    @classmethod
    def of(cls, show: queries.Show) -> Self:
        return cls(**_show(show))


class Vod(Response):
    """A programme of a show on its VOD server."""

    vod_id: str = Field(max_length=100)
    title: str = Field(max_length=255)
    url: str | None = Field(max_length=500)
    status: VodStatus
    vendor_state: str | None = Field(max_length=50)
    is_watchable: bool | None
    published: datetime | None
    updated: datetime


class LinkedRecording(Response):
    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    score: int | None = Field(ge=0, le=100, description="Null where a person said so")
    reasons: list[Sentences] = Field(max_length=50)
    linked: datetime


class WholeShow(Show):
    vods: list[Vod] = Field(max_length=1000)
    recordings: list[LinkedRecording] = Field(max_length=1000, description="Recordings that are said to be of it")

    @classmethod
    def told(cls, show: queries.Show, vods: list[queries.Vod], recordings: list[queries.ShowRecording]) -> Self:
        return cls(
            **_show(show),
            vods=[
                Vod(
                    vod_id=one.id,
                    title=one.title,
                    url=one.url,
                    status=one.status,
                    vendor_state=one.vendor_state,
                    is_watchable=one.is_watchable,
                    published=one.published,
                    updated=one.updated,
                )
                for one in vods[:1000]
            ],
            recordings=[
                LinkedRecording(
                    storage=one.storage,
                    path=one.path,
                    score=one.score,
                    reasons=[reason[:2000] for reason in one.reasons[:50]],
                    linked=one.linked,
                )
                for one in recordings[:1000]
            ],
        )


class ShowPage(Response):
    items: list[Show] = Field(max_length=LONGEST_PAGE)
    next: str | None = Field(max_length=LONGEST_CURSOR, description="Cursor of the next page")


class SyncCreate(Request):
    kinds: list[sync_runs.SyncKind] = Field(default=list(sync_runs.SyncKind), min_length=1, max_length=2)
    mode: sync_runs.SyncMode = Field(
        default=sync_runs.SyncMode.CHANGES, description="`full` takes longer and finds out what is gone"
    )
    target: Text | None = Field(default=None, min_length=1, max_length=64)


class Sync(Response):
    """One sync of Cablecast's shows or VODs into ours."""

    id: int = Field(ge=1, le=2**63 - 1)
    target: str = Field(max_length=64)
    kind: sync_runs.SyncKind
    mode: sync_runs.SyncMode
    status: sync_runs.SyncStatus
    position: int = Field(ge=0, le=2**31, description="Rows dealt with")
    total: int | None = Field(ge=0, le=2**31)
    percent: int | None = Field(ge=0, le=100, description="Null while the total is not known")
    added: int = Field(ge=0, le=2**31)
    changed: int = Field(ge=0, le=2**31)
    gone: int = Field(ge=0, le=2**31)
    error: Failure | None
    asked_by: int | None = Field(ge=1, le=2**31)
    created: datetime
    started: datetime | None
    moved: datetime | None = Field(description="When it last got on")
    finished: datetime | None

    @classmethod
    def of(cls, run: sync_runs.SyncRunView, outward: Outward) -> Self:
        plain = {name: getattr(run, name) for name in cls.model_fields if name != "error"}
        message = outward(run.error_message or "")[:10_000]
        return cls(**plain, error=None if run.error_code is None else Failure(code=run.error_code, message=message))


class Syncs(Response):
    items: list[Sync] = Field(max_length=20, description="The last few of each kind, the newest first")
    last_good: dict[sync_runs.SyncKind, datetime | None] = Field(
        max_length=5, description="When one of a kind was last completed"
    )


class SyncsAsked(Response):
    items: list[Sync] = Field(max_length=2, description="One for each kind; one that waits or runs already is it")


class ShowChoice(Request):
    show_id: int = Field(ge=1, le=LARGEST_ID)
    force: bool = Field(default=False, description="Also a show that no sync has seen yet")


class RecordingShow(Response):
    """Which show a transcription's recording is."""

    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    show_id: int | None = Field(ge=0, le=2**31, description="Null while nobody and no rule has said which")
    title: str | None = Field(max_length=255)
    by_person: bool
    score: int | None = Field(ge=0, le=100)
    reasons: list[Sentences] = Field(max_length=50)
    linked_by: int | None = Field(ge=1, le=2**31)
    linked: datetime | None

    @classmethod
    def of(cls, storage: str, path: str, link: RecordingLink | None, title: str | None) -> Self:
        return cls(
            storage=storage,
            path=path,
            show_id=None if link is None else link.show_id,
            title=None if title is None else title[:255],
            by_person=link is not None and link.by_person,
            score=None if link is None else link.score,
            reasons=[] if link is None else [reason[:2000] for reason in link.reasons[:50]],
            linked_by=None if link is None else link.linked_by,
            linked=None if link is None else link.linked,
        )


class Suggestions(Response):
    """Shows that a recording may be, best first."""

    verdict: str = Field(
        max_length=20,
        description="`match`: publishing takes the first; `ambiguous` and `nothing`: a person has to say",
    )
    items: list[Suggestion] = Field(max_length=100)

    @classmethod
    def of(cls, verdict: str, scored: list[Scored]) -> Self:
        return cls(verdict=verdict, items=[_suggestion(one) for one in scored[:100]])


class ChapterRow(Response):
    start_ms: int = Field(ge=0, le=10**12, description="From the first picture of the recording")
    title: str = Field(max_length=1000)
    kind: Topic | None = Field(description="The step of the meeting; null for one that a person wrote")


class Chapters(Response):
    edited: datetime | None = Field(description="When a person wrote them; null: found by rules in what was said")
    edited_by: int | None = Field(ge=1, le=2**31)
    items: list[ChapterRow] = Field(max_length=10_000)

    @classmethod
    def of(cls, found: tuple[Chapter, ...], edited: datetime | None, edited_by: int | None) -> Self:
        rows = [ChapterRow(start_ms=one.start_ms, title=one.title, kind=one.kind) for one in found]
        return cls(edited=edited, edited_by=edited_by, items=rows)


class ChapterWritten(Request):
    start_ms: int = Field(ge=0, le=10**12, description="From the first picture of the recording")
    title: Text = Field(min_length=1, max_length=255)
    kind: Topic | None = None


class ChaptersWritten(Request):
    items: list[ChapterWritten] = Field(max_length=MOST_WRITTEN, description="All of them, in order; none for none")

    def chapters(self) -> tuple[Chapter, ...]:
        return tuple(Chapter(one.start_ms, one.title.strip(), one.kind) for one in self.items)


def _show(show: queries.Show) -> dict[str, object]:
    return {
        "id": show.id,
        "title": show.title,
        "cg_title": show.cg_title,
        "description": None if show.description is None else show.description[:100_000],
        "category": show.category,
        "producer": show.producer,
        "project": show.project,
        "location": show.location,
        "event_date": show.event_date,
        "length_s": show.length_s,
        "local_id": show.local_id,
        "files": [name[:1000] for name in show.files[:1000]],
        "vod_ids": list(show.vods[:1000]),
        "has_captions": show.has_captions,
        "modified": show.modified,
        "synced": show.synced,
        "gone": show.gone,
    }


def _suggestion(one: Scored) -> Suggestion:
    show = one.candidate
    title = show.cg_title or show.title
    return Suggestion(
        show_id=show.id,
        title=None if title is None else title[:255],
        event_date=None if show.event_date is None else show.event_date.isoformat(),
        score=one.score,
        reasons=[reason.text[:2000] for reason in one.reasons[:50]],
    )
