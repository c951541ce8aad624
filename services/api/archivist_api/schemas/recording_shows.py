"""Which show a transcription's recording is."""

from datetime import datetime
from typing import Self

from pydantic import Field

from archivist_api.schemas.common import Message, Request, Response, clipped
from archivist_api.schemas.publications import Suggestion
from archivist_api.schemas.shows import LARGEST_ID
from archivist_common.shows.links import RecordingLink
from archivist_common.shows.matching import Scored


class ShowChoice(Request):
    show_id: int = Field(ge=1, le=LARGEST_ID)
    force: bool = Field(default=False, description="Accept a show that no sync has found yet")


class RecordingShow(Response):
    """Which show a transcription's recording is."""

    storage: str = Field(max_length=64)
    path: str = Field(max_length=500)
    show_id: int | None = Field(ge=0, le=2**31, description="Null while no user and no rule has chosen one")
    title: str | None = Field(max_length=255)
    by_person: bool
    score: int | None = Field(ge=0, le=100)
    reasons: list[Message] = Field(max_length=50)
    linked_by: int | None = Field(ge=1, le=2**31)
    linked: datetime | None

    @classmethod
    def of(cls, storage: str, path: str, link: RecordingLink | None, title: str | None) -> Self:
        if link is None:
            nothing = dict.fromkeys(("show_id", "title", "score", "linked_by", "linked"))
            return cls(storage=storage, path=path, by_person=False, reasons=[], **nothing)
        title = None if title is None else title[:255]
        return cls.from_view(link, storage=storage, path=path, title=title, reasons=clipped(link.reasons, 50))


class Suggestions(Response):
    """Shows that a recording may be, best first."""

    verdict: str = Field(
        max_length=20,
        description="`match`: publishing takes the first; `ambiguous` and `nothing`: a user has to choose",
    )
    items: list[Suggestion] = Field(max_length=100)

    @classmethod
    def of(cls, verdict: str, scored: list[Scored]) -> Self:
        return cls(verdict=verdict, items=[_suggestion(one) for one in scored[:100]])


def _suggestion(one: Scored) -> Suggestion:
    show = one.candidate
    title = show.cg_title or show.title
    return Suggestion(
        show_id=show.id,
        title=None if title is None else title[:255],
        event_date=None if show.event_date is None else show.event_date.isoformat(),
        score=one.score,
        reasons=clipped((reason.text for reason in one.reasons), 50),
    )
