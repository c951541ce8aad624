"""Cablecast's shows as of the last sync: a page of a search, one with its VODs, those to match against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, extract, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.models import CablecastShow, ShowLink, VodContent
from archivist_common.errors import NotFound
from archivist_common.shows.bodies import TitleCount
from archivist_common.shows.matching import Candidate
from archivist_common.shows.recording_names import RecordingName
from archivist_common.states import VodStatus

Place = tuple[date, int]
"""Where a page ended: day and number of its last show; `UNDATED` for one that has no day."""

UNDATED = date.min
_MOST_WORDS = 10  # of a search; each is looked for by itself
_LARGEST = 2**31 - 1  # a number beyond is no show's
_NEAR = timedelta(days=10)  # a show whose day is further from a recording's is none that it may be
_MOST_CANDIDATES = 2_000


@dataclass(frozen=True, slots=True)
class Show:
    """A show. event_date: day of the meeting, by the station's calendar. gone: since when a sync did not find it."""

    id: int
    title: str
    cg_title: str | None
    description: str | None
    category: str | None
    producer: str | None
    project: str | None
    location: int | None
    event_date: date | None
    length_s: int | None
    local_id: str | None
    files: tuple[str, ...]
    vods: tuple[int, ...]
    has_captions: bool | None
    modified: datetime | None
    synced: datetime
    gone: datetime | None


@dataclass(frozen=True, slots=True)
class Vod:
    """A VOD of a show on its server."""

    id: str
    title: str
    url: str | None
    status: VodStatus
    vendor_state: str | None
    is_watchable: bool | None
    published: datetime | None
    updated: datetime


@dataclass(frozen=True, slots=True)
class ShowRecording:
    """A recording linked to a show. score: None where a user chose it."""

    storage: str
    path: str
    score: int | None
    reasons: tuple[str, ...]
    linked: datetime


@dataclass(frozen=True, slots=True)
class ShowFilter:
    """None does not filter. search: words that all occur in a show's titles, local id or files, or its number."""

    search: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    location: int | None = None
    has_captions: bool | None = None
    has_vod: bool | None = None


async def page(session: AsyncSession, which: ShowFilter, after: Place | None, limit: int) -> Sequence[Show]:
    """Shows, the latest meeting first, those after `after`. Those that are gone are left out."""
    day = func.coalesce(CablecastShow.event_date, UNDATED)
    query = (
        select(CablecastShow)
        .where(CablecastShow.gone_at.is_(None), *_conditions(which))
        .order_by(day.desc(), CablecastShow.cablecast_id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    if after is not None:
        query = query.where(tuple_(day, CablecastShow.cablecast_id) < tuple_(*after))
    return [_show(row) for row in await session.scalars(query)]


async def get(session: AsyncSession, show_id: int) -> Show:
    """One show by Cablecast's number; one that is gone as well. Raises NotFound."""
    row = await session.scalar(
        select(CablecastShow).where(CablecastShow.cablecast_id == show_id).execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(f"no sync has seen a show {show_id}")
    return _show(row)


async def titles(session: AsyncSession, ids: Sequence[int]) -> dict[int, str]:
    """Public titles by number, of shows that a sync has stored."""
    name = func.coalesce(func.nullif(CablecastShow.cg_title, ""), CablecastShow.title)
    rows = await session.execute(select(CablecastShow.cablecast_id, name).where(CablecastShow.cablecast_id.in_(ids)))
    return {row[0]: row[1] for row in rows}


async def vods(session: AsyncSession, show_id: int) -> Sequence[Vod]:
    """Its VODs, the newest first."""
    rows = await session.scalars(
        select(VodContent)
        .outerjoin(CablecastShow, CablecastShow.id == VodContent.cablecast_show_id)
        .where(or_(VodContent.show == show_id, CablecastShow.cablecast_id == show_id), VodContent.gone_at.is_(None))
        .order_by(VodContent.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        Vod(
            id=row.vod_id,
            title=row.title,
            url=row.url,
            status=VodStatus(row.status),
            vendor_state=row.vendor_state,
            is_watchable=row.is_watchable,
            published=row.published_date,
            updated=row.updated_date,
        )
        for row in rows
    ]


async def recordings(session: AsyncSession, show_id: int) -> Sequence[ShowRecording]:
    """Recordings linked to it."""
    rows = await session.scalars(
        select(ShowLink)
        .where(ShowLink.cablecast_id == show_id)
        .order_by(ShowLink.storage, ShowLink.file_path)
        .execution_options(populate_existing=True)
    )
    return [ShowRecording(row.storage, row.file_path, row.score, tuple(row.reasons), row.linked_date) for row in rows]


async def candidates(session: AsyncSession, name: RecordingName, key: str) -> list[Candidate]:
    """Shows to match a recording of this name against: by number, our key, its file, and near its days.

    Matching against every show of a station takes seconds, and shows years away would not be suggested.
    Without any day in the name: the latest shows. key: as `publishing.requests.key_of`.
    """
    named = or_(
        CablecastShow.cablecast_id == _number(name.show_number),
        CablecastShow.local_id == key,
        _some_file(lambda file: func.lower(file) == name.file.lower()),
    )
    days = [_near(day) for day in (*name.dates, *([name.captured] if name.captured else []))]
    if name.month_day is not None:
        month, day = name.month_day
        days.append(
            and_(
                extract("month", CablecastShow.event_date) == month,
                extract("day", CablecastShow.event_date).between(day - 1, day + 1),
            )
        )
    found: dict[int, CablecastShow] = {}
    for condition in (named, or_(*days) if days else CablecastShow.id.is_not(None)):
        rows = await session.scalars(
            select(CablecastShow)
            .where(CablecastShow.gone_at.is_(None), condition)
            .order_by(CablecastShow.event_date.desc().nulls_last(), CablecastShow.cablecast_id.desc())
            .limit(_MOST_CANDIDATES)
            .execution_options(populate_existing=True)
        )
        found |= {row.cablecast_id: row for row in rows}
    return [
        Candidate(
            id=row.cablecast_id,
            title=row.title,
            cg_title=row.cg_title,
            event_date=row.event_date,
            created=None if row.created_date is None else row.created_date.date(),
            length_s=row.runtime,
            local_id=row.local_id,
            files=tuple(row.files),
            place=row.project,
        )
        for row in found.values()
    ]


async def title_counts(session: AsyncSession) -> list[TitleCount]:
    """What all shows are called, counted: titles that differ in their digits alone are one, with `#` for these."""
    title, cg_title = (
        func.regexp_replace(column, "[0-9]+", "#", "g") for column in (CablecastShow.title, CablecastShow.cg_title)
    )
    rows = await session.execute(
        select(title, cg_title, CablecastShow.project, func.count())
        .where(CablecastShow.gone_at.is_(None))
        .group_by(title, cg_title, CablecastShow.project)
    )
    return [TitleCount(row[0], row[1], row[2], row[3]) for row in rows]


def _conditions(which: ShowFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [_holds(word) for word in (which.search or "").split()[:_MOST_WORDS]]
    if which.date_from is not None:
        conditions.append(CablecastShow.event_date >= which.date_from)
    if which.date_to is not None:
        conditions.append(CablecastShow.event_date <= which.date_to)
    if which.location is not None:
        conditions.append(CablecastShow.location == which.location)
    if which.has_captions is not None:
        conditions.append(func.coalesce(CablecastShow.has_captions, False) == which.has_captions)
    if which.has_vod is not None:
        conditions.append((func.jsonb_array_length(CablecastShow.vods) > 0) == which.has_vod)
    return conditions


def _holds(word: str) -> ColumnElement[bool]:
    columns = (CablecastShow.title, CablecastShow.cg_title, CablecastShow.local_id)
    places = [column.icontains(word, autoescape=True) for column in columns]
    places.append(_some_file(lambda file: file.icontains(word, autoescape=True)))
    if word.isascii() and word.isdecimal():
        places.append(CablecastShow.cablecast_id == _number(int(word)))
    return or_(*places)


def _some_file(holds: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> ColumnElement[bool]:
    files = func.jsonb_array_elements_text(CablecastShow.files).table_valued("name")
    return select(literal(1)).select_from(files).where(holds(files.c.name)).exists()


def _number(number: int | None) -> int:
    """A number as the column takes it; one that is no show's for none and for what is too large."""
    return number if number is not None and number <= _LARGEST else -1


def _near(day: date) -> ColumnElement[bool]:
    first, last = day - _NEAR, day + _NEAR
    return or_(
        CablecastShow.event_date.between(first, last), func.date(CablecastShow.created_date).between(first, last)
    )


def _show(row: CablecastShow) -> Show:
    return Show(
        id=row.cablecast_id,
        title=row.title,
        cg_title=row.cg_title,
        description=row.description,
        category=row.category,
        producer=row.producer,
        project=row.project,
        location=row.location,
        event_date=row.event_date,
        length_s=row.runtime,
        local_id=row.local_id,
        files=tuple(row.files),
        vods=tuple(row.vods),
        has_captions=row.has_captions,
        modified=row.last_modified,
        synced=row.updated_date,
        gone=row.gone_at,
    )
