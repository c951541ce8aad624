"""A validator of feeds for tests: what RSS 2.0, Media RSS and their companions ask of one. Nothing of the product.

Each rule names its source: RSS = RSS 2.0 specification (RSS Advisory Board, 2.0.11); BPP = its Best Practices
Profile; MRSS = Media RSS 1.5.1; PODCAST = Podcasting 2.0 namespace, tags "transcript" and "chapters"; ATOM = RFC
4287; XML = XML 1.0 and its namespaces.
"""

import re
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

ATOM = "{http://www.w3.org/2005/Atom}"
MEDIA = "{http://search.yahoo.com/mrss/}"
PODCAST = "{https://podcastindex.org/namespace/1.0}"

_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d{2}:\d{2}:\d{2} (GMT|UT|[+-]\d{4})"
)
_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NPT = re.compile(r"(\d+:)?[0-5]?\d:[0-5]\d(\.\d{1,3})?")
_CHANNEL_ONCE = {"title", "link", "description", "language", "pubDate", "lastBuildDate", "generator", "ttl"}
_ITEM_ONCE = {"title", "link", "description", "author", "comments", "enclosure", "guid", "pubDate", "source"}
_CHANNEL = _CHANNEL_ONCE | {
    "copyright", "managingEditor", "webMaster", "category", "docs", "cloud", "image", "rating", "textInput",
    "skipHours", "skipDays", "item",
}  # fmt: skip
_ITEM = _ITEM_ONCE | {"category"}
_MEDIUMS = {"image", "audio", "video", "document", "executable"}
_TRANSCRIPTS = {"text/plain", "text/html", "text/vtt", "application/json", "application/x-subrip", "application/srt"}

Problem = tuple[str, str]
"""The rule's name, and what breaks it."""


def problems(data: bytes) -> list[Problem]:
    """Everything that is wrong with a feed; empty is good."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError as exc:
        return [("well-formed", str(exc))]  # XML: nothing else can be said of it
    if root.tag != "rss" or root.get("version") != "2.0":
        return [("rss-element", f"{root.tag} {root.attrib}")]  # RSS: "rss" with a version attribute of 2.0
    channels = root.findall("channel")
    if len(channels) != 1 or len(root) != 1:
        return [("one-channel", f"{len(channels)}")]  # RSS: subordinate to rss is a single channel
    found = [(_name(rule), what) for rule in _CHANNEL_RULES for what in rule(channels[0])]
    for item in channels[0].findall("item"):
        found += [(_name(rule), what) for rule in _ITEM_RULES for what in rule(item)]
    return found


def _name(rule: "Rule") -> str:
    return rule.__name__.strip("_").replace("_", "-")


Rule = Callable[[ET.Element], Iterator[str]]


def _channel_has_its_three(channel: ET.Element) -> Iterator[str]:
    """RSS, required channel elements: title, link, description."""
    for name in ("title", "link", "description"):
        if not (channel.findtext(name) or "").strip():
            yield name


def _known_elements(channel: ET.Element) -> Iterator[str]:
    """RSS, extending: an element that is not described there must be in a namespace."""
    for element in channel:
        if not element.tag.startswith("{") and element.tag not in _CHANNEL:
            yield element.tag
    for item in channel.findall("item"):
        yield from (one.tag for one in item if not one.tag.startswith("{") and one.tag not in _ITEM)


def _known_namespaces(channel: ET.Element) -> Iterator[str]:
    """XML namespaces: a name of another namespace is another element, known to nobody (MRSS ends in a slash)."""
    for element in channel.iter():
        if element.tag.startswith("{") and not element.tag.startswith((ATOM, MEDIA, PODCAST)):
            yield element.tag


def _elements_once(channel: ET.Element) -> Iterator[str]:
    """RSS: each of these stands once; BPP on enclosures: readers take one only."""
    for parent, once in ((channel, _CHANNEL_ONCE), *((item, _ITEM_ONCE) for item in channel.findall("item"))):
        tags = [one.tag for one in parent]
        yield from sorted({tag for tag in tags if tag in once and tags.count(tag) > 1})


def _names_itself(channel: ET.Element) -> Iterator[str]:
    """BPP, namespace elements: an atom:link with rel self and the feed's own absolute address (ATOM 4.2.7)."""
    links = [one for one in channel.findall(f"{ATOM}link") if one.get("rel") == "self"]
    if len(links) != 1:
        yield f"{len(links)} links to itself"
    for link in links:
        if not _is_address(link.get("href", "")) or link.get("type") != "application/rss+xml":
            yield str(link.attrib)


def _guids_differ(channel: ET.Element) -> Iterator[str]:
    """RSS, guid: a string that uniquely identifies the item."""
    guids = [item.findtext("guid") or "" for item in channel.findall("item")]
    yield from sorted({guid for guid in guids if guids.count(guid) > 1})


def _dates(channel: ET.Element) -> Iterator[str]:
    """RSS: dates are RFC 822, with years of four digits preferred; BPP: the day of the week is the right one."""
    for element in channel.iter():
        if element.tag not in {"pubDate", "lastBuildDate"}:
            continue
        text = element.text or ""
        if not _DATE.fullmatch(text) or parsedate_to_datetime(text).strftime("%a") != text[:3]:
            yield text


def _newest_first(channel: ET.Element) -> Iterator[str]:
    """BPP, item: readers show items in the feed's order, the newest is expected first."""
    dates = [item.findtext("pubDate") or "" for item in channel.findall("item")]
    moments = [parsedate_to_datetime(one) for one in dates if _DATE.fullmatch(one)]
    if moments != sorted(moments, reverse=True):
        yield ", ".join(dates)


def _channel_links(channel: ET.Element) -> Iterator[str]:
    """RSS, link: begins with an IANA-registered scheme."""
    if not _is_address(channel.findtext("link") or ""):
        yield channel.findtext("link") or ""


def _item_says_something(item: ET.Element) -> Iterator[str]:
    """RSS, items: at least one of title or description must be present."""
    if not any((item.findtext(name) or "").strip() for name in ("title", "description")):
        yield item.findtext("guid") or "?"


def _guid(item: ET.Element) -> Iterator[str]:
    """RSS, guid: where isPermaLink is true, or is not said, it is an address. That each item has one is our rule."""
    guid = item.find("guid")
    if guid is None or not (guid.text or "").strip():
        yield "none"
    elif guid.get("isPermaLink", "true") not in {"true", "false"}:
        yield str(guid.attrib)
    elif guid.get("isPermaLink", "true") == "true" and not _is_address(guid.text or ""):
        yield guid.text or ""


def _links(item: ET.Element) -> Iterator[str]:
    """RSS, link; MRSS: urls and hrefs are direct; BPP: relative addresses are resolved by no two readers alike."""
    addresses = [item.findtext("link")] if item.find("link") is not None else []
    for element in item.iter():
        addresses += [element.get(name) for name in ("url", "href") if name in element.attrib]
    yield from (address or "" for address in addresses if not _is_address(address or ""))


def _enclosure(item: ET.Element) -> Iterator[str]:
    """RSS, enclosure: three required attributes; length in bytes (BPP: 0 where unknown), type a MIME type."""
    for one in item.findall("enclosure"):
        if (
            not {"url", "length", "type"} <= one.attrib.keys()
            or not one.get("length", "").isdecimal()
            or not _TYPE.fullmatch(one.get("type", ""))
        ):
            yield str(one.attrib)


def _media_content(item: ET.Element) -> Iterator[str]:
    """MRSS, media:content: url or media:player; type, medium, expression, duration in seconds, fileSize in bytes."""
    for one in item.iter(f"{MEDIA}content"):
        told = one.attrib
        if "url" not in told and one.find(f"{MEDIA}player") is None:
            yield "neither url nor player"
        if "type" in told and not _TYPE.fullmatch(told["type"]):
            yield told["type"]
        if told.get("medium", "video") not in _MEDIUMS or told.get("expression", "full") not in {
            "full", "sample", "nonstop",
        }:  # fmt: skip
            yield f"{told.get('medium')} {told.get('expression')}"
        for name in ("duration", "fileSize"):
            if name in told and not (told[name].isdecimal() and int(told[name]) > 0):
                yield f"{name} {told[name]}"
        if "lang" in told and not _LANGUAGE.fullmatch(told["lang"]):
            yield told["lang"]


def _enclosure_is_the_media(item: ET.Element) -> Iterator[str]:
    """MRSS, introduction: it supplements the enclosure; both name one file where an item has one of each."""
    contents = [one.get("url") for one in item.iter(f"{MEDIA}content")]
    enclosures = [one.get("url") for one in item.findall("enclosure")]
    if len(contents) == len(enclosures) == 1 and contents != enclosures:
        yield f"{contents} {enclosures}"


def _subtitles(item: ET.Element) -> Iterator[str]:
    """MRSS, media:subTitle: type (a MIME type), lang (RFC 3066), href."""
    for one in item.iter(f"{MEDIA}subTitle"):
        fits = _TYPE.fullmatch(one.get("type", "")) and _LANGUAGE.fullmatch(one.get("lang", ""))
        if not fits or not one.get("href"):
            yield str(one.attrib)


def _scenes(item: ET.Element) -> Iterator[str]:
    """MRSS, media:scenes: scenes of title, description and two times (normal play time), which follow one another."""
    for scenes in item.iter(f"{MEDIA}scenes"):
        last = -1.0
        for scene in scenes.findall(f"{MEDIA}scene"):
            if not (scene.findtext("sceneTitle") or "").strip():
                yield "a scene without a title"
            times = [scene.findtext(name) or "" for name in ("sceneStartTime", "sceneEndTime")]
            if not all(_NPT.fullmatch(time) for time in times):
                yield f"times {times}"
                continue
            start, end = map(_seconds, times)
            if not last <= start < end:
                yield f"times {times}"
            last = start


def _transcripts(item: ET.Element) -> Iterator[str]:
    """PODCAST, transcript: url and type are required; rel is captions where it is there; one of these types."""
    for one in item.iter(f"{PODCAST}transcript"):
        if one.get("type") not in _TRANSCRIPTS or not one.get("url") or one.get("rel", "captions") != "captions":
            yield str(one.attrib)


def _chapters(item: ET.Element) -> Iterator[str]:
    """PODCAST, chapters: at most one in an item; url and type, application/json+chapters."""
    found = list(item.iter(f"{PODCAST}chapters"))
    if len(found) > 1:
        yield f"{len(found)} of them"
    for one in found:
        if one.get("type") != "application/json+chapters" or not one.get("url"):
            yield str(one.attrib)


_CHANNEL_RULES: tuple[Rule, ...] = (
    _channel_has_its_three,
    _known_elements,
    _known_namespaces,
    _elements_once,
    _names_itself,
    _guids_differ,
    _dates,
    _newest_first,
    _channel_links,
)
_ITEM_RULES: tuple[Rule, ...] = (
    _item_says_something,
    _guid,
    _links,
    _enclosure,
    _media_content,
    _enclosure_is_the_media,
    _subtitles,
    _scenes,
    _transcripts,
    _chapters,
)
RULES = frozenset(
    {"well-formed", "rss-element", "one-channel"} | {_name(rule) for rule in (*_CHANNEL_RULES, *_ITEM_RULES)}
)


def _is_address(text: str) -> bool:
    """An absolute web address of characters that may stand in one (RFC 3986)."""
    parts = urlsplit(text)
    plain = re.fullmatch(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", text) is not None
    return plain and parts.scheme in {"http", "https"} and bool(parts.netloc)


def _seconds(time: str) -> float:
    seconds = 0.0
    for part in time.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
