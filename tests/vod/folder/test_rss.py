"""The Media RSS feed, read by a validator that knows nothing of the product; the validator, shown broken feeds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vod.folder.rss_validation import MEDIA, PODCAST, RULES, problems

from archivist_vod.folder import rss
from archivist_vod.folder.rss import Feed, FeedItem, MediaFile, Scene

AT = "https://captions.example.org/recordings"
WHEN = datetime(2026, 11, 18, 22, 4, 11, tzinfo=UTC)
ITEM = FeedItem(
    key="arc-0123456789abcdef",
    title="Harbor City Council 2026-11-18",
    link=f"{AT}/arc-0123456789abcdef-harbor/index.html",
    published=WHEN,
    language="en",
    description="The water tower needs paint.",
    length_s=7260,
    tags=("Public hearing",),
    vtt=f"{AT}/arc-0123456789abcdef-harbor/captions.vtt",
    srt=f"{AT}/arc-0123456789abcdef-harbor/captions.srt",
    transcript=f"{AT}/arc-0123456789abcdef-harbor/transcript.txt",
    chapters=f"{AT}/arc-0123456789abcdef-harbor/chapters.json",
    scenes=(Scene(0, 95_250, "Call to order"), Scene(95_250, 7_260_000, "Motion to approve the agenda")),
    media=MediaFile("https://media.example.org/flex-1/Harbor%20City%20Council.mp4", "video/mp4", 2_147_483_648),
)
OTHER = replace(ITEM, key="arc-fedcba9876543210", published=WHEN + timedelta(days=1), media=None)
FEED = Feed("Recordings", f"{AT}/index.html", f"{AT}/feed.xml", "With captions", (ITEM, OTHER), WHEN)
GOOD = rss.write(FEED).decode()


def test_a_feed_with_everything_in_it_is_valid() -> None:
    assert problems(GOOD.encode()) == []


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((), id="empty"),
        pytest.param((replace(OTHER, vtt=None, srt=None, transcript=None, chapters=None, scenes=()),), id="bare"),
        pytest.param((replace(ITEM, length_s=None, tags=(), description="", title="\x00 \ud800"),), id="no-title"),
        pytest.param((replace(ITEM, media=MediaFile(ITEM.link, "video/mp4")),), id="size-unknown"),
        pytest.param((replace(ITEM, title='<b>Q&A "é" \u2028 👍</b>' * 99),), id="hostile"),
    ],
)
def test_a_feed_with_little_or_odd_things_in_it_is_valid(items: tuple[FeedItem, ...]) -> None:
    assert problems(rss.write(replace(FEED, items=items, description="", changed=None))) == []


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.integers(0, 4_000_000_000))
@settings(max_examples=60, deadline=None)
def test_any_words_and_any_time_make_a_valid_feed(title: str, description: str, tags: list[str], second: int) -> None:
    item = replace(
        ITEM, title=title, description=description, tags=tuple(tags), published=datetime.fromtimestamp(second, UTC)
    )
    assert problems(rss.write(replace(FEED, title=title or "-", items=(item,)))) in (
        [],
        [("channel-has-its-three", "title")],  # a name of blanks is no name, and the settings' to mend
    )


def test_the_newest_comes_first_and_a_tie_is_told_by_the_key() -> None:
    same = [replace(ITEM, key=f"arc-{n}") for n in (3, 1, 2)]
    order = [item.key for item in rss.newest_first([*same, OTHER])]
    assert order == [OTHER.key, "arc-1", "arc-2", "arc-3"]
    assert rss.write(replace(FEED, items=(ITEM, OTHER))) == rss.write(replace(FEED, items=(OTHER, ITEM)))


def test_it_holds_what_players_look_for_under_the_names_they_look_for() -> None:
    item = ET.fromstring(GOOD).findall("channel/item")[1]
    content = item.find(f"{MEDIA}content")
    assert content is not None
    assert {name: content.get(name) for name in ("duration", "fileSize", "medium", "lang")} == {
        "duration": "7260",
        "fileSize": "2147483648",
        "medium": "video",
        "lang": "en",
    }
    vtt = content.findall(f"{MEDIA}subTitle")[0]
    assert vtt.attrib == {"type": "text/vtt", "lang": "en", "href": ITEM.vtt}
    assert [one.text for one in content.iter("sceneStartTime")] == ["00:00:00.000", "00:01:35.250"]
    assert [one.get("type") for one in item.findall(f"{PODCAST}transcript")] == [
        "text/vtt",
        "application/x-subrip",
        "text/plain",
    ]
    assert item.findtext("pubDate") == "Wed, 18 Nov 2026 22:04:11 GMT"
    guid = item.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == (ITEM.key, "false")


def test_without_media_the_captions_belong_to_the_item_itself() -> None:
    item = ET.fromstring(GOOD).findall("channel/item")[0]
    assert item.find("enclosure") is None
    assert item.find(f"{MEDIA}content") is None
    assert len(item.findall(f"{MEDIA}subTitle")) == 2


BROKEN = [
    pytest.param("well-formed", "</channel>", "", id="an-element-left-open"),
    pytest.param("rss-element", 'version="2.0"', 'version="0.91"', id="another-version"),
    pytest.param("one-channel", "</channel>", "</channel><channel/>", id="two-channels"),
    pytest.param("channel-has-its-three", "<description>With captions</description>", "", id="no-description"),
    pytest.param("known-elements", "<generator>Archivist</generator>", "<duration>1</duration>", id="own-element"),
    pytest.param("known-namespaces", "http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss", id="no-slash"),
    pytest.param("elements-once", "<generator>", "<title>Twice</title><generator>", id="two-titles"),
    pytest.param("names-itself", 'rel="self"', 'rel="next"', id="no-link-to-itself"),
    pytest.param("names-itself", f'href="{AT}/feed.xml"', 'href="feed.xml"', id="relative-link-to-itself"),
    pytest.param("guids-differ", OTHER.key + "</guid>", ITEM.key + "</guid>", id="one-guid-twice"),
    pytest.param("dates", "Wed, 18 Nov 2026 22:04:11 GMT", "2026-11-18T22:04:11Z", id="iso-date"),
    pytest.param("dates", "Wed, 18 Nov", "Tue, 18 Nov", id="wrong-day-of-the-week"),
    pytest.param("newest-first", "Thu, 19 Nov 2026", "Tue, 17 Nov 2026", id="oldest-first"),
    pytest.param("channel-links", f"<link>{AT}/index.html</link>", "<link>index.html</link>", id="relative-channel"),
    pytest.param("item-says-something", "TITLE-AND-DESCRIPTION", "", id="neither-title-nor-description"),
    pytest.param("guid", ' isPermaLink="false"', "", id="a-guid-that-claims-to-be-an-address"),
    pytest.param("links", ITEM.vtt, "captions.vtt", id="relative-captions"),
    pytest.param("links", "Harbor%20City%20Council.mp4", "Harbor City Council.mp4", id="blanks-in-an-address"),
    pytest.param("enclosure", ' length="2147483648"', "", id="no-length"),
    pytest.param("enclosure", ' length="2147483648"', ' length="2 GB"', id="length-in-words"),
    pytest.param("media-content", ' duration="7260"', ' duration="02:01:00"', id="duration-on-a-clock"),
    pytest.param("media-content", 'medium="video"', 'medium="film"', id="unknown-medium"),
    pytest.param("media-content", "MEDIA-URL", "", id="media-that-is-nowhere"),
    pytest.param("enclosure-is-the-media", "ENCLOSURE", "", id="two-different-files"),
    pytest.param("subtitles", 'type="text/vtt" lang="en"', 'type="vtt" lang="en"', id="no-mime-type"),
    pytest.param("subtitles", 'type="text/vtt" lang="en"', 'type="text/vtt" lang="English"', id="language-in-words"),
    pytest.param("scenes", "00:01:35.250</sceneStartTime>", "95 s</sceneStartTime>", id="scene-time-in-words"),
    pytest.param("scenes", "02:01:00.000</sceneEndTime>", "00:00:01.000</sceneEndTime>", id="ends-before-it-begins"),
    pytest.param("transcripts", 'rel="captions"', 'rel="subtitles"', id="unknown-relation"),
    pytest.param("chapters", "application/json+chapters", "application/json", id="chapters-of-another-type"),
]


@pytest.mark.parametrize(("rule", "good", "bad"), BROKEN)
def test_the_validator_finds_what_is_broken(rule: str, good: str, bad: str) -> None:
    broken = _broken(good, bad)
    assert broken != GOOD, "nothing was broken"
    assert rule in {name for name, _ in problems(broken.encode())}


def test_every_rule_of_the_validator_has_a_feed_that_breaks_it() -> None:
    assert {str(case.values[0]) for case in BROKEN} == RULES


def _broken(good: str, bad: str) -> str:
    """The good feed with a mistake in it; those that no replacement makes are made here."""
    content = f'<media:content url="{ITEM.media.url if ITEM.media else ""}"'
    if good == "MEDIA-URL":
        return GOOD.replace(content, "<media:content")
    if good == "ENCLOSURE":
        return GOOD.replace(content, f'<media:content url="{AT}/another.mp4"')
    if good == "TITLE-AND-DESCRIPTION":
        title, told = f"<title>{ITEM.title}</title>", f"<description>{ITEM.description}</description>"
        return GOOD.replace(title, "<title/>").replace(told, "")
    return GOOD.replace(good, bad)
