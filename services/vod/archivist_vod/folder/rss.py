"""A Media RSS feed out of data: recordings with their captions, chapters and transcripts, the newest first.

Sources: RSS 2.0 (RSS Advisory Board, 2.0.11); Media RSS 1.5.1; Podcasting 2.0 namespace (chapters, transcript); RFC
4287 for `atom:link`. Bytes depend on the data alone: the same recordings are the same feed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from archivist_captions.formats.clock import clock

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "http://search.yahoo.com/mrss/"
PODCAST = "https://podcastindex.org/namespace/1.0"

_MOST_TITLE = 255  # letters; chapter titles and names of recordings can be any length
# What XML 1.0 (section 2.2) cannot hold, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GENERATOR = "Archivist"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """The recording itself, where it can be reached. size_bytes: None while unknown."""

    url: str
    type: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A chapter: from here to before `end_ms`. Integer milliseconds from the first picture."""

    start_ms: int
    end_ms: int
    title: str


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One recording. Every address is absolute. length_s: None while unknown."""

    key: str
    title: str
    link: str
    published: datetime
    language: str
    description: str = ""
    length_s: int | None = None
    tags: tuple[str, ...] = ()
    vtt: str | None = None
    srt: str | None = None
    transcript: str | None = None
    chapters: str | None = None
    scenes: tuple[Scene, ...] = ()
    media: MediaFile | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """link: the page for people. address: of the feed itself. changed: when anything in it last did."""

    title: str
    link: str
    address: str
    description: str
    items: tuple[FeedItem, ...]
    changed: datetime | None = None


def write(feed: Feed) -> bytes:
    """The feed as UTF-8, the newest item first."""
    for prefix, uri in (("atom", ATOM), ("media", MEDIA), ("podcast", PODCAST)):
        ET.register_namespace(prefix, uri)
    rss = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(rss, "channel")
    _text(channel, "title", feed.title)
    _text(channel, "link", feed.link)
    # RSS asks for words here; an empty element is none.
    _text(channel, "description", feed.description or feed.title)
    ET.SubElement(channel, f"{{{ATOM}}}link", {"href": feed.address, "rel": "self", "type": "application/rss+xml"})
    _text(channel, "generator", _GENERATOR)
    if feed.changed is not None:
        _text(channel, "lastBuildDate", date_of(feed.changed))
    for item in newest_first(feed.items):
        _item(channel, item)
    ET.indent(rss)
    written: bytes = ET.tostring(rss, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def newest_first(items: Sequence[FeedItem]) -> list[FeedItem]:
    """In the feed's order; those of the same second by their keys, so that it never depends on the disk's."""
    return sorted(sorted(items, key=lambda item: item.key), key=lambda item: item.published, reverse=True)


def date_of(moment: datetime) -> str:
    """RFC 822 with the four-digit year that RSS prefers, in GMT: `Wed, 18 Nov 2026 22:04:11 GMT`."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def plain(text: str) -> str:
    """Text without what XML cannot hold, on one line where it had several blanks."""
    return " ".join(_NO_XML.sub(" ", text).split())


def _item(channel: ET.Element, item: FeedItem) -> None:
    made = ET.SubElement(channel, "item")
    title = plain(item.title)[:_MOST_TITLE] or item.key
    _text(made, "title", title)
    _text(made, "link", item.link)
    _text(made, "guid", item.key, isPermaLink="false")
    _text(made, "pubDate", date_of(item.published))
    if item.description:
        _text(made, "description", item.description)
    for tag in item.tags:
        _text(made, "category", tag)
    within = made
    if item.media is not None:
        # RSS: a length of 0 where it is not known (best practices profile of the RSS Advisory Board).
        size = str(item.media.size_bytes or 0)
        ET.SubElement(made, "enclosure", {"url": item.media.url, "length": size, "type": item.media.type})
        within = ET.SubElement(made, f"{{{MEDIA}}}content", _content(item, item.media))
    _media(within, item, title)
    _podcast(made, item)


def _content(item: FeedItem, media: MediaFile) -> dict[str, str]:
    told = {"url": media.url, "type": media.type, "medium": media.type.partition("/")[0], "expression": "full"}
    if media.size_bytes:
        told["fileSize"] = str(media.size_bytes)
    if item.length_s:
        told["duration"] = str(item.length_s)
    return told | {"lang": item.language}


def _media(within: ET.Element, item: FeedItem, title: str) -> None:
    """Media RSS: in `media:content` where there is one, else for the whole item."""
    ET.SubElement(within, f"{{{MEDIA}}}title", {"type": "plain"}).text = title
    if item.description:
        ET.SubElement(within, f"{{{MEDIA}}}description", {"type": "plain"}).text = plain(item.description)
    if item.tags:
        ET.SubElement(within, f"{{{MEDIA}}}keywords").text = ", ".join(plain(tag) for tag in item.tags)
    for address, kind in ((item.vtt, "text/vtt"), (item.srt, "application/x-subrip")):
        if address is not None:
            ET.SubElement(within, f"{{{MEDIA}}}subTitle", {"type": kind, "lang": item.language, "href": address})
    if item.scenes:
        scenes = ET.SubElement(within, f"{{{MEDIA}}}scenes")
        for scene in item.scenes:
            made = ET.SubElement(scenes, f"{{{MEDIA}}}scene")
            # The four have no namespace in the specification's own examples. Times: RFC 2326, section 3.6.
            _text(made, "sceneTitle", scene.title)
            _text(made, "sceneDescription", scene.title)
            _text(made, "sceneStartTime", clock(scene.start_ms, "."))
            _text(made, "sceneEndTime", clock(scene.end_ms, "."))


def _podcast(made: ET.Element, item: FeedItem) -> None:
    for address, kind, rel in (
        (item.vtt, "text/vtt", "captions"),
        (item.srt, "application/x-subrip", "captions"),
        (item.transcript, "text/plain", None),
    ):
        if address is not None:
            told = {"url": address, "type": kind, "language": item.language}
            ET.SubElement(made, f"{{{PODCAST}}}transcript", told if rel is None else told | {"rel": rel})
    if item.chapters is not None:
        told = {"url": item.chapters, "type": "application/json+chapters"}
        ET.SubElement(made, f"{{{PODCAST}}}chapters", told)


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = plain(text)
