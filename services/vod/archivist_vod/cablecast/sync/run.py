"""One sync of Cablecast's shows or VODs: read page by page, each stored with how far the run is.

One that is cut off anywhere goes on from there. One request is out at a time, and none once publishing has found that
the target is away or stopped.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.errors import (
    ArchivistError,
    Fenced,
    PublishError,
    TargetDenied,
    TargetMissing,
    TargetRefused,
    TargetUnavailable,
)
from archivist_common.publishing import targets
from archivist_common.shows.sync_runs import SyncKind, SyncMode
from archivist_vod import metrics
from archivist_vod.cablecast.reference_data import Names, aware
from archivist_vod.cablecast.sync import runs, store
from archivist_vod.cablecast.sync.rows import files_of, fits, modified, show_row, thumbnails_of, vod_row
from archivist_vod.cablecast.sync.runs import Run
from archivist_vod.cablecast.sync.source import Source
from archivist_vod.cablecast.sync.store import TooManyGone
from archivist_vod.cablecast.transport import paging
from archivist_vod.cablecast.transport.client import Page
from archivist_vod.cablecast.transport.envelopes import Json

log = logging.getLogger(__name__)

_MOST_PASSES = 3  # over a list that says it has more rows than came
_MOST_SINGLE = 50  # objects asked for one by one; more are read from the list
_OVERLAP = timedelta(minutes=65)  # some servers compare local times as text: an hour may come twice, or never
_WITH_FILES = {"include": "reel,digitalfile"}
_WITH_SHOW = {"include": "show"}


class _GiveWay(Exception):
    """The target is not to be asked at present."""


class _Useless(Exception):
    """The server has no search, or one that finds everything."""


class Sync:
    """One run, in hand."""

    def __init__(self, db: Database, source: Source, run: Run) -> None:
        self._db = db
        self._source = source
        self._catalogue = source.catalogue
        self._client = source.catalogue.client
        self._run = run
        self._seen: set[int] = set()
        self._names = Names()

    async def work(self) -> None:
        """To its end, or to where it has to wait."""
        run = self._run
        told = {"sync": run.id, "kind": run.kind, "mode": run.mode}
        try:
            await self._read()
        except _GiveWay:
            await self._end(put_off=True)
        except TargetDenied as exc:
            async with self._db.transaction() as session:
                await targets.stop(session, run.target, exc.code, exc.message)
            await self._end(put_off=True)
        except TargetUnavailable as exc:
            log.warning("sync waits: target unavailable", extra={**told, "detail": exc.message})
            self._source.was_lost(exc)
            await self._end(put_off=True)
        except TooManyGone as exc:
            await self._end(runs.TOO_MANY_GONE, str(exc))
        except PublishError as exc:
            await self._end(exc.code, exc.message)
        except Fenced:
            log.warning("sync lease lost: another process has it", extra=told)
        except asyncio.CancelledError:  # the process stops: the next one goes on at once
            with contextlib.suppress(ArchivistError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._end(put_off=True)
            raise
        else:
            metrics.SYNCED.labels(run.kind).set_to_current_time()
            done = {"added": self._run.added, "changed": self._run.changed, "gone": self._run.gone}
            log.info("sync completed", extra={**told, **done})

    async def _end(self, code: str = "", message: str = "", *, put_off: bool = False) -> None:
        try:
            async with self._db.transaction() as session:
                if put_off:
                    await runs.release(session, self._run)
                else:
                    await runs.fail(session, self._run, code, message)
        except Fenced:
            return
        if not put_off:
            log.error("sync failed", extra={"sync": self._run.id, "code": code, "detail": message})

    async def _read(self) -> None:
        self._names = await self._meanings()
        self._source.forget_files()
        if self._run.mode is SyncMode.FULL:
            is_whole = await self._pages(resume=True)
            async with self._db.transaction() as session:
                gone, note = 0, {}
                if is_whole:
                    confirmed = await runs.is_confirmed(session, self._run)
                    gone = await store.mark_unseen(session, self._run, confirmed=confirmed)
                else:
                    said = f"the server gave {len(self._seen)} of {self._run.total}; what is gone was not looked for"
                    note = {"error_code": runs.INCOMPLETE, "error_message": said}
                await self._complete(session, gone=gone, **note)
            return
        since = self._run.since or await self._changed_since()
        await self._keep((), since=since)
        gone = await (self._changed_shows(since) if self._run.kind is SyncKind.SHOWS else self._changed_vods(since))
        async with self._db.transaction() as session:
            await self._complete(session, gone=gone)

    async def _complete(self, session: Any, **values: Any) -> None:
        await store.link_vods(session, self._run.target)
        await runs.complete(session, self._run, **values)
        self._run = replace(self._run, gone=values["gone"])

    # the whole list

    async def _pages(self, *, resume: bool = False, until_unchanged: datetime | None = None) -> bool:
        """Read the list to its end and keep every row. True when all the rows it says it has were seen.

        until_unchanged: stop after a page on which nothing was changed since then.
        """
        path, params = ("shows", _WITH_FILES) if self._run.kind is SyncKind.SHOWS else ("vods", _WITH_SHOW)
        start = 0
        if resume and self._run.total is not None and self._run.position:
            async with self._db.transaction() as session:
                self._seen = await store.met(session, self._run)
            start = max(0, min(self._run.position, len(self._seen)) - 1)
        count: int | None = None
        for _ in range(_MOST_PASSES):
            pages = paging.pages(
                self._client,
                path,
                path,
                params,
                page_size=self._source.page_size,
                start=start,
                known=self._seen if start else (),
            )
            async with aclosing(pages) as listed:
                async for page in listed:
                    count = page.count
                    await self._keep(page.rows, document=page.document, total=count)
                    if until_unchanged is not None and not self._any_changed(page.rows, until_unchanged):
                        return False
            if count is None or len(self._seen) >= count:
                return True
            start = 0
        return False

    # what changed

    async def _changed_since(self) -> datetime | None:
        """From when on, by Cablecast's clock; None where there is nothing to go by: then everything is read.

        The last run's beginning by that clock as it goes now; where it cannot be read, the newest change we know.
        What a clock that was put right hides, the next whole run finds.
        """
        async with self._db.transaction() as session:
            age = await runs.age_of_last(session, self._run.target, self._run.kind)
            newest = await store.newest_change(session)
        if age is None or newest is None:
            return None
        now = await self._now()
        found = (newest if now is None else now - age) - _OVERLAP
        return found if self._names.zone is None else found.astimezone(self._names.zone)

    async def _changed_shows(self, since: datetime | None) -> int:
        if since is None:
            await self._pages()
            return 0
        if self._names.zone is not None:
            since = since.astimezone(self._names.zone)
        # The newest ones whatever the search says: its index may lag behind.
        newest = await self._client.get_page("shows", "shows", _WITH_FILES, page_size=self._source.page_size)
        await self._keep(newest.rows, document=newest.document)
        try:
            return await self._searched(since)
        except (TargetMissing, TargetRefused, _Useless):
            await self._pages(until_unchanged=since)
            return 0

    async def _searched(self, since: datetime) -> int:
        wanted = await self._catalogue.search_shows(
            [("lastModified", "greaterThanOrEqual", since.isoformat(timespec="seconds"))]
        )
        ids = [show for show in dict.fromkeys(wanted) if show not in self._seen]
        gone = 0
        for first in range(0, len(ids), self._source.page_size):
            some = ids[first : first + self._source.page_size]
            page = await self._by_ids(some)
            rows = [row for row in page.rows if row["id"] in some]
            missing = set(some) - {row["id"] for row in rows}
            if len(missing) > _MOST_SINGLE or (rows and not self._any_changed(rows, since)):
                raise _Useless
            await self._keep(rows, document=page.document, total=len(ids))
            gone += await self._one_by_one("shows", "show", missing, store.gone_shows)
        return gone

    async def _by_ids(self, ids: list[int]) -> Page:
        return await self._client.get_page("shows", "shows", {**_WITH_FILES, "ids[]": ids}, page_size=len(ids))

    async def _changed_vods(self, since: datetime | None) -> int:
        async with self._db.transaction() as session:
            wanted = await store.vods_to_look_at(session, self._run.target, since)
        if len(wanted) > _MOST_SINGLE:
            await self._pages()
            return 0
        return await self._one_by_one("vods", "vod", wanted, store.gone_vods, total=len(wanted))

    async def _one_by_one(
        self, path: str, root: str, ids: Collection[int], mark_gone: Any, *, total: int | None = None
    ) -> int:
        """Objects by number, a request for each; how many of them are not there any more."""
        rows: list[Json] = []
        documents: list[Json] = []
        missing: list[int] = []
        params = _WITH_FILES if path == "shows" else _WITH_SHOW
        for number in sorted(ids, reverse=True):
            try:
                document = await self._client.get_document(f"{path}/{number}", root, params)
            except TargetMissing:
                missing.append(number)
                continue
            row = document[root]
            if isinstance(row, dict) and row.get("id") == number:
                rows.append(row)
                documents.append(document)
        reels = {name: _joined(documents, name) for name in ("reels", "digitalFiles", "shows")}
        await self._keep(
            rows, document={name: found for name, found in reels.items() if found is not None}, total=total
        )
        async with self._db.transaction() as session:
            return int(await mark_gone(session, self._run, missing))

    # storing

    async def _keep(
        self,
        rows: Iterable[Json],
        *,
        document: Json | None = None,
        total: int | None = None,
        since: datetime | None = None,
    ) -> None:
        """Store rows not met before, and how far the run is. Raises Fenced, and _GiveWay where the target rests."""
        fresh = [row for row in rows if row["id"] not in self._seen]
        if self._run.kind is SyncKind.SHOWS:
            files = files_of(document or {})
            if files is None and any(row.get("reels") for row in fresh):
                files = await self._source.files()
            made = [show_row(row, self._names, (files or {}).get(row["id"], ())) for row in fresh]
        else:
            numbers = {row["show"] for row in fresh if fits(row.get("show"))}
            async with self._db.transaction() as session:
                titles = await store.titles(session, numbers)
            thumbnails = thumbnails_of(document or {})
            made = [vod_row(row, self._run.target, titles, thumbnails) for row in fresh]
        read = [row for row in made if row is not None]
        unread = [row["id"] for row, known in zip(fresh, made, strict=True) if known is None]
        if unread:
            log.warning("sync skipped rows that cannot be read", extra={"kind": self._run.kind, "ids": unread[:20]})
        values: dict[str, Any] = {}
        seen = len(self._seen) + len(fresh)
        if total is not None:
            values |= {"total": total, "position": min(seen, total)}
        elif document is not None:
            values["position"] = seen
        if since is not None:
            values["since"] = since
        async with self._db.transaction() as session:
            await self._store(session, read, [one for one in unread if fits(one)], values)
        self._seen.update(row["id"] for row in fresh)
        failpoints.reach("sync-page")
        async with self._db.transaction() as session:
            known = {one.name: one for one in await targets.all_of(session)}
        if known[self._run.target].state in {"stopped", "away"}:
            raise _GiveWay

    async def _store(
        self, session: Any, read: list[dict[str, Any]], unread: list[int], values: dict[str, Any]
    ) -> None:
        if self._run.kind is SyncKind.SHOWS:
            stored = await store.store_shows(session, self._run, read)
            await store.seen_shows(session, self._run, unread)
        else:
            stored = await store.store_vods(session, self._run, read)
            await store.seen_vods(session, self._run, map(str, unread))
        self._run = await runs.advance(
            session,
            self._run,
            added=self._run.added + stored.added,
            changed=self._run.changed + stored.changed,
            **values,
        )

    # what the server says of itself

    async def _meanings(self) -> Names:
        """What numbers in shows mean, and the zone of the server's clock."""
        if self._run.kind is not SyncKind.SHOWS:
            return Names(zone=await self._catalogue.lookups.zone())
        return await self._catalogue.lookups.names()

    async def _now(self) -> datetime | None:
        try:
            return aware((await self._catalogue.lookups.system_time()).time, self._names.zone)
        except TargetMissing:
            return None

    def _any_changed(self, rows: Iterable[Json], since: datetime) -> bool:
        """Whether one of them was changed since then, or may have been."""
        for row in rows:
            moment = aware(modified(row), self._names.zone)
            if moment is None or moment >= since:
                return True
        return False


def _joined(documents: Iterable[Mapping[str, Any]], name: str) -> list[Any] | None:
    """The rows of a sideloaded list over several answers; None where none has it."""
    found = [document[name] for document in documents if isinstance(document.get(name), list)]
    return [row for rows in found for row in rows] if found else None
