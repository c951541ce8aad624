"""Chapters, title, description, tags and thumbnail of a programme: read, changed where it is ours, written back."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from archivist_common.chapters.detection import Chapter
from archivist_vod.cablecast import models
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.objects import read
from archivist_vod.targets.interface import LONGEST_TITLE, Ledger, Work
from archivist_vod.targets.timeline import chapters_on_vod

_MARK = "archivist "
"""Begins the operator's note of every chapter that Archivist writes; the recording's key follows."""


async def put_chapters(catalogue: CablecastApi, work: Work, item: CablecastItem, ledger: Ledger) -> CablecastItem:
    """The recording's chapters stand at its VOD, each once, and are published. People's own are left alone."""
    vod_id = item.known_vod
    existing = await catalogue.chapters(vod_id)
    if any(_is_by_people(chapter) for chapter in existing):
        ledger.warn("CHAPTERS_BY_PEOPLE", "the VOD has chapters that Archivist did not write; it adds none")
        return item
    note = _MARK + work.key
    reel, earlier = item.spans
    wanted = {
        (chapter.start_ms // 1000, _title(chapter)) for chapter in chapters_on_vod(work.chapters, reel, earlier)
    }
    for chapter in existing:
        if chapter.operator_note == note and (chapter.offset or 0, chapter.title) not in wanted:
            ledger.require()
            await catalogue.client.put(f"chapters/{chapter.id}", "chapter", models.edited(chapter.raw, deleted=True))
    there = {(one.offset or 0, one.title): one.id for one in existing if one.operator_note == note}
    for offset, title in sorted(wanted & there.keys()):
        await ledger.seen(_key(vod_id, offset, title, work), str(there[offset, title]))
    for offset, title in sorted(wanted - there.keys()):
        await _add(catalogue, vod_id, offset, title, note, work, ledger)
    if wanted - there.keys():
        await _settle(catalogue, vod_id, wanted, note, work, ledger)
    if wanted:
        vod = await catalogue.vod(vod_id)
        if not vod.chapters_published:
            ledger.require()
            await catalogue.client.put(f"vods/{vod_id}", "vod", models.edited(vod.raw, chaptersPublished=True))
    return replace(item, chapters=len(wanted))


async def put_metadata(
    catalogue: CablecastApi, work: Work, item: CablecastItem, ledger: Ledger, *, tags_field: str
) -> CablecastItem:
    """What the show lacks, or what was asked for: public title, description, tags, thumbnail. All else stays.

    A description that is not empty and not the one Archivist wrote is somebody's: it stays.
    """
    show = await catalogue.show(item.known_show)
    changes: dict[str, Any] = {}
    if work.options.title is not None or not show.cg_title.strip():
        title = work.title if work.options.title is not None else " ".join((show.title or work.title).split())
        if title[:LONGEST_TITLE] != show.cg_title:
            changes["cgTitle"] = title[:LONGEST_TITLE]
    ours = _digest(show.comments) == item.description_sha256
    is_free = work.options.description is not None or ours or not show.comments.strip()
    if work.description and work.description != show.comments and is_free:
        changes["comments"] = work.description
    if work.tags and tags_field:
        fields = await _with_tags(catalogue, show, work.tags, tags_field, ledger)
        if fields is not None:
            changes["customFields"] = fields
    options = show.raw.get("thumbnailOptions")
    if show.raw.get("thumbnail") is None and isinstance(options, list) and options and "thumbnail" in show.raw:
        changes["thumbnail"] = options[len(options) // 2]
    if not changes:
        return item
    # There is no If-Match: what somebody changed since we read it is looked for as late as can be.
    now = await catalogue.show(show.id)
    if now.last_modified != show.last_modified:
        ledger.warn(
            "METADATA_CHANGED",
            "the show was changed meanwhile; its title and description are not written",
        )
        return item
    ledger.require()
    shown = await catalogue.client.put(f"shows/{show.id}", "show", models.edited(now.raw, **changes))
    item = replace(item, thumbnail_url=read(models.Show, shown, f"shows/{show.id}").thumbnail_url)
    written = changes.get("comments")
    return item if written is None else replace(item, description_sha256=_digest(written))


async def _add(
    catalogue: CablecastApi, vod_id: int, offset: int, title: str, note: str, work: Work, ledger: Ledger
) -> None:
    async def make() -> str:
        body = {
            "vod": vod_id,
            "title": title,
            "body": "",
            "operatorNote": note,
            "offset": offset,
            "quickAdded": False,
            "order": None,
            "deleted": False,
            "hidden": False,
        }
        return str((await catalogue.client.post("chapters", "chapter", body))["id"])

    async def look() -> Sequence[str]:
        return [
            str(one.id)
            for one in await catalogue.chapters(vod_id)
            if (one.offset or 0, one.title, one.operator_note) == (offset, title, note)
        ]

    key = _key(vod_id, offset, title, work)
    await ledger.once(key, do=make, look=look, what=f"the chapter at {offset} s", look_first=False)


async def _settle(
    catalogue: CablecastApi, vod_id: int, wanted: Collection[tuple[int, str]], note: str, work: Work, ledger: Ledger
) -> None:
    """Each once: what the ledger knows and the VOD does not is made again, a twin is taken away."""
    seen: set[tuple[int, str]] = set()
    for chapter in await catalogue.chapters(vod_id):
        place = (chapter.offset or 0, chapter.title)
        if chapter.operator_note != note:
            continue
        if place in seen:
            ledger.require()
            await catalogue.client.put(f"chapters/{chapter.id}", "chapter", models.edited(chapter.raw, deleted=True))
        seen.add(place)
    for offset, title in sorted(set(wanted) - seen):
        await ledger.forget(_key(vod_id, offset, title, work))
        await _add(catalogue, vod_id, offset, title, note, work, ledger)


def _key(vod_id: int, offset: int, title: str, work: Work) -> str:
    return f"chapter:{vod_id}:{work.version}:{offset}:{_digest(title)[:16]}"


async def _with_tags(
    catalogue: CablecastApi, show: models.Show, tags: Sequence[str], field: str, ledger: Ledger
) -> list[dict[str, Any]] | None:
    """The show's custom fields with the tags in theirs; None where that changes nothing or there is no such field."""
    names = {one.id: one.name for one in await catalogue.lookups.field_definitions()}
    known = await catalogue.lookups.show_fields()
    found = [
        one.id
        for one in known
        if field in (str(one.id), one.label)
        or names.get(one.field_definition or 0, "").casefold() == field.casefold()
    ]
    if not found:
        ledger.warn("NO_TAGS_FIELD", f"CABLECAST_TAGS_FIELD names {field!r}, which no field of Cablecast is")
        return None
    text = ", ".join(tags)
    existing = [dict(one) for one in show.raw.get("customFields") or () if isinstance(one, dict)]
    for one in existing:
        if one.get("showField") == found[0]:
            if one.get("value") == text:
                return None
            one["value"] = text
            return existing
    return [*existing, {"showField": found[0], "value": text}]


def _is_by_people(chapter: models.Chapter) -> bool:
    return not chapter.deleted and not chapter.operator_note.startswith(_MARK)


def _title(chapter: Chapter) -> str:
    return " ".join(chapter.title.split())[:LONGEST_TITLE]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
