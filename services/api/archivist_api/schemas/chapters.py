"""The chapters of a transcription."""

from datetime import datetime
from typing import Self

from pydantic import Field

from archivist_api.schemas.common import Request, Response, Text
from archivist_common.chapters.detection import MOST as MOST_CHAPTERS
from archivist_common.chapters.detection import Chapter, Topic

MOST_WRITTEN = 4 * MOST_CHAPTERS
"""Chapters a user may write; the rules find fewer."""


class ChapterRow(Response):
    start_ms: int = Field(ge=0, le=10**12, description="From the first frame of the recording")
    title: str = Field(max_length=1000)
    kind: Topic | None = Field(description="The step of the meeting; null for one that a user wrote")


class Chapters(Response):
    edited: datetime | None = Field(description="When a user wrote them; null: detected by rules in the transcript")
    edited_by: int | None = Field(ge=1, le=2**31)
    items: list[ChapterRow] = Field(max_length=10_000)
    reason: str | None = Field(default=None, max_length=200, description="Why rules can find none: CHAPTERS_LANGUAGE")

    @classmethod
    def of(
        cls, found: tuple[Chapter, ...], edited: datetime | None, edited_by: int | None, reason: str | None = None
    ) -> Self:
        return cls.model_validate({"edited": edited, "edited_by": edited_by, "items": found, "reason": reason})


class ChapterWritten(Request):
    start_ms: int = Field(ge=0, le=10**12, description="From the first frame of the recording")
    title: Text = Field(min_length=1, max_length=255)
    kind: Topic | None = None


class ChaptersWritten(Request):
    items: list[ChapterWritten] = Field(max_length=MOST_WRITTEN, description="All of them, in order; none for none")

    def chapters(self) -> tuple[Chapter, ...]:
        return tuple(Chapter(one.start_ms, one.title.strip(), one.kind) for one in self.items)
