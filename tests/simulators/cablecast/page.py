"""What a viewer sees of a show: a page with the programme, captions and chapters, and the data behind it."""

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulators.cablecast import output
from tests.simulators.cablecast.messages import Request, Response, json_answer, message, page_of_iis, text
from tests.simulators.cablecast.views import chapter_rows
from tests.simulators.cablecast.world import Row

if TYPE_CHECKING:
    from tests.simulators.cablecast.station import Station

_PAGE = Path(__file__).with_name("show.html").read_text(encoding="utf-8")
_PLACE = re.compile(r"\{(title|date|about|player|chapters)\}")


def public_data(station: "Station", request: Request, show: int) -> Response:
    """`publicsitedata/shows/{id}`: what the public site asks for, without credentials."""
    row = station.world.rows["shows"].get(show)
    if row is None:
        return message(404, f"There is no show {show}.")
    vod = _watchable(station, show)
    url = f"{request.origin}{station.views.folder(vod['id'])}" if vod else None
    transcripts = []
    if vod and url and station.profile.captions == "hls" and station.machine.work[vod["id"]].cues is not None:
        transcripts.append({"languageCode": "en", "url": f"{url}/transcript.en.txt"})
    marks = chapter_rows(station.world, vod["id"]) if vod and vod["chaptersPublished"] else []
    chapters = [{name: mark[name] for name in ("id", "title", "body", "order", "offset")} for mark in marks]
    data = {
        "showId": show,
        "title": row["cgTitle"] or row["title"],
        "thumbnailUrl": None,
        "thumbnailAltText": row["thumbnailAltText"],
        "vodUrl": f"{url}/vod.mp4" if url else None,
        "embedCode": None,
        "fieldDisplays": [],
        "upcomingRuns": [],
        "chapters": sorted(chapters, key=lambda mark: mark["offset"]),
        "vodTranscripts": transcripts,
        "isWatchable": vod is not None,
    }
    return json_answer(200, {"show": data})


def watch(station: "Station", request: Request, show: int) -> Response:
    """A page to watch the show on."""
    row = station.world.rows["shows"].get(show)
    if row is None:
        return page_of_iis(404)
    vod = _watchable(station, show)
    marks = chapter_rows(station.world, vod["id"]) if vod and vod["chaptersPublished"] else []
    title = html.escape(row["cgTitle"] or row["title"])
    about = html.escape(row["comments"] or "").replace("\n", "<br>")
    date = html.escape((row["eventDate"] or "")[:10])
    values = {"title": title, "date": date, "about": about, "player": _player(station, vod), "chapters": _list(marks)}
    body = _PLACE.sub(lambda found: values[found[1]], _PAGE)
    return text(200, body, "text/html; charset=utf-8")


def _watchable(station: "Station", show: int) -> Row | None:
    vods = [v for v in station.world.vods_of(show) if station.machine.work[v["id"]].watchable and not v["disabled"]]
    return max(vods, key=lambda vod: vod["id"], default=None)


def _player(station: "Station", vod: Row | None) -> str:
    if vod is None:
        return '<p class="none">This programme cannot be watched yet.</p>'
    folder, work = station.views.folder(vod["id"]), station.machine.work[vod["id"]]
    tracks = ""
    if work.cues is not None and station.profile.captions is not None:
        name = "captions.en.vtt" if station.profile.captions == "hls" else "captions.vtt"
        tracks += f'<track kind="captions" srclang="en" label="English" default src="{folder}/{name}">'
    # Anonymous reads of the API are cached for minutes; the number of chapters makes another address of it.
    marks = len(chapter_rows(station.world, vod["id"])) if vod["chaptersPublished"] else 0
    tracks += f'<track kind="chapters" srclang="en" src="/CablecastAPI/v1/vods/{vod["id"]}/chapters?n={marks}">'
    return f'<video id="player" controls preload="metadata" src="{folder}/vod.mp4">{tracks}</video>'


def _list(marks: list[Row]) -> str:
    if not marks:
        return ""
    rows = "".join(
        f'<li><a href="#t={mark["offset"]}" data-at="{mark["offset"]}">'
        f"<time>{output.clock(mark['offset'] * 1000)[:8]}</time>"
        f"<span>{html.escape(mark['title'])}</span></a></li>"
        for mark in sorted(marks, key=lambda mark: mark["offset"])
    )
    return f'<nav aria-label="Chapters"><h2>Chapters</h2><ol>{rows}</ol></nav>'
