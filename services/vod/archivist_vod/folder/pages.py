"""Pages for people, out of manifests: one for all recordings, one for each. No script, nothing from elsewhere."""

import html
from collections.abc import Sequence
from urllib.parse import quote

from archivist_captions.formats.clock import clock
from archivist_vod.folder import contents
from archivist_vod.folder.manifest import Manifest

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.1rem}a{color:#0b57a4}"
    "time,.length{color:#555;font-variant-numeric:tabular-nums}li{margin:.35rem 0}video{width:100%}"
)
_NAMED = {
    contents.VTT: "WebVTT captions",
    contents.SRT: "SubRip captions",
    contents.SCC: "Scenarist SCC captions, as signed off",
    contents.TRANSCRIPT: "Transcript",
    contents.CHAPTERS_VTT: "Chapters (WebVTT)",
    contents.CHAPTERS_JSON: "Chapters (JSON)",
    contents.DESCRIPTION: "Description",
}


def index(title: str, listed: Sequence[tuple[str, Manifest]]) -> bytes:
    """All recordings, in the order given. listed: each with the name of its folder."""
    rows = [
        f'<li><a href="{quote(folder)}/{contents.PAGE}">{html.escape(one.title)}</a>'
        f"{_length(one.length_s)} {_day(one)}</li>"
        for folder, one in listed
    ]
    what = f"<ul>{''.join(rows)}</ul>" if rows else "<p>There is nothing here yet.</p>"
    feed = '<p><a href="feed.xml">Feed of these recordings</a></p>'
    return _page(title, "en", f"<h1>{html.escape(title)}</h1>{what}{feed}", feed="feed.xml")


def recording(one: Manifest) -> bytes:
    """One recording: what it is, its chapters, its files."""
    body = [f"<h1>{html.escape(one.title)}</h1>"]
    if one.media_url is not None:
        tracks = "".join(
            f'<track kind="{kind}" src="{name}" srclang="{html.escape(one.language)}"{default}>'
            for kind, name, default in (
                ("captions", contents.VTT, " default"),
                ("chapters", contents.CHAPTERS_VTT, ""),
            )
            if name in one.files
        )
        body.append(f'<video controls preload="metadata" src="{html.escape(one.media_url)}">{tracks}</video>')
    if one.description:
        body.append(f"<p>{html.escape(one.description)}</p>")
    if one.chapters:
        rows = "".join(
            f"<li><time>{clock(start_ms, '.')[:8]}</time> {html.escape(title)}</li>"
            for start_ms, title in one.chapters
        )
        body.append(f"<h2>Chapters</h2><ul>{rows}</ul>")
    files = "".join(
        f'<li><a href="{name}">{html.escape(label)}</a></li>' for name, label in _NAMED.items() if name in one.files
    )
    earlier = "".join(f'<li><a href="{name}">{name}</a></li>' for name in sorted(one.files) if _is_earlier(name))
    body.append(f"<h2>Files</h2><ul>{files}{earlier}</ul>")
    body.append(f'<p><a href="../{contents.PAGE}">All recordings</a></p>')
    return _page(one.title, one.language, "".join(body))


def _is_earlier(name: str) -> bool:
    return name.startswith("captions.v") and name.endswith(".scc")


def _length(length_s: int | None) -> str:
    return "" if not length_s else f' <span class="length">{clock(length_s * 1000, ".")[:8]}</span>'


def _day(one: Manifest) -> str:
    if one.published is None:
        return ""
    return f'<time datetime="{one.published.isoformat()}">{one.published.date().isoformat()}</time>'


def _page(title: str, language: str, body: str, *, feed: str | None = None) -> bytes:
    link = (
        ""
        if feed is None
        else f'<link rel="alternate" type="application/rss+xml" title="{html.escape(title)}" href="{feed}">'
    )
    return (
        f'<!doctype html>\n<html lang="{html.escape(language)}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>'
        f"{link}<style>{_STYLE}</style></head>\n<body>{body}</body>\n</html>\n"
    ).encode()
