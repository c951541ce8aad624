"""What the public sees of the folder: each recording's page, the index of all, and the Media RSS feed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from archivist_common.errors import NeedsPerson
from archivist_vod.folder import contents, pages, rss
from archivist_vod.folder.manifest import Manifest
from archivist_vod.folder.shelf import FEED, INDEX, WITHDRAWN, Shelf
from archivist_vod.targets.interface import Ledger


class Listing:
    """title, url: of the folder as it is served. most: how many of the newest recordings the feed has."""

    def __init__(self, title: str, url: str, most: int) -> None:
        self._title = title
        self._url = url
        self._most = most

    def show(self, shelf: Shelf, folder: Path, known: Manifest, ledger: Ledger) -> None:
        """The recording's page, its manifest and the feed say what is known now."""
        page = {contents.PAGE: pages.recording(known)}
        known, theirs = shelf.put(folder, known, page, strictly=False)
        tell_of_edits(ledger, "PAGE_BY_PEOPLE", theirs)
        shelf.settle(folder, known)
        self.refresh(shelf, ledger)

    def refresh(self, shelf: Shelf, ledger: Ledger) -> None:
        """Feed and index of what is listed. Raises NeedsPerson for a feed that somebody edited."""
        everything, damaged = shelf.all_of(shelf.root)
        for name in damaged:
            ledger.warn(
                f"MANIFEST_DAMAGED {name}",
                f"the feed leaves out {name!r}: its .archivist.json cannot be read; put it back, or move the folder "
                "away and publish the recording again",
            )
        withdrawn, _ = shelf.all_of(shelf.root / WITHDRAWN)
        listed = sorted((row for row in everything if row[1].is_listed), key=lambda row: row[1].key)
        listed.sort(key=lambda row: _since(row[1]), reverse=True)
        made = rss.Feed(
            title=self._title,
            link=f"{self._url}/{INDEX}",
            address=f"{self._url}/{FEED}",
            description=f"{self._title}, with captions",
            items=tuple(self._entry(name, one) for name, one in listed[: self._most]),
            changed=max((one.changed for _, one in [*everything, *withdrawn]), default=None),
        )
        files = {FEED: rss.write(made), INDEX: pages.index(self._title, listed)}
        own = shelf.manifest(shelf.root) or Manifest("", self._title, "", "", shelf.now())
        own, theirs = shelf.put(shelf.root, own, files, strictly=False)
        shelf.settle(shelf.root, own)
        if FEED in theirs:
            raise NeedsPerson(
                f"{FEED} in {str(shelf.root)!r} is not the one Archivist wrote; move it away, and try again",
                why="FEED_BY_PEOPLE",
            )
        tell_of_edits(ledger, "INDEX_BY_PEOPLE", theirs)

    def _entry(self, name: str, one: Manifest) -> rss.FeedItem:
        def at(file: str) -> str | None:
            return f"{self._url}/{name}/{file}" if file in one.files else None

        media = None
        if one.media_url is not None:
            media = rss.MediaFile(one.media_url, contents.media_type(one.recording), one.media_bytes)
        return rss.FeedItem(
            key=one.key,
            title=one.title,
            link=f"{self._url}/{name}/{contents.PAGE}",
            published=_since(one),
            language=one.language,
            description=one.description,
            length_s=one.length_s,
            tags=one.tags,
            vtt=at(contents.VTT),
            srt=at(contents.SRT),
            transcript=at(contents.TRANSCRIPT),
            chapters=at(contents.CHAPTERS_JSON),
            scenes=tuple(rss.Scene(*span) for span in contents.spans(one.chapters, one.length_s)),
            media=media,
        )


def tell_of_edits(ledger: Ledger, code: str, theirs: Sequence[str]) -> None:
    if theirs:
        ledger.warn(code, f"{', '.join(theirs)} was edited; Archivist does not overwrite it")


def _since(one: Manifest) -> datetime:
    return one.published or one.changed
