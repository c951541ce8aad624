"""What lies in the folder of a VOD: the programme, its playlists, its captions as WebVTT, its transcript."""

import html
import math

from tests.simulators.cablecast import media
from tests.simulators.cablecast.cea608 import Cue
from tests.simulators.cablecast.messages import Request, Response, bytes_answer, file_answer, text
from tests.simulators.cablecast.vods import VARIANTS, Work

PART_S = 10  # seconds of programme in one part of the captions


def answer(
    request: Request, name: str, work: Work, length_s: int, kind: str | None, charset: bool
) -> Response | None:
    """One file of a VOD's folder, or None where there is no such file. kind: the profile's `captions`."""
    vtt = "text/vtt; charset=utf-8" if charset else "text/vtt"
    plain = "text/plain; charset=utf-8" if charset else "text/plain"
    playlist = "application/vnd.apple.mpegurl"
    if name == "vod.mp4":
        source = next((asset.path for asset in work.media if asset.path.is_file()), None)
        if source is None:
            return bytes_answer(request, media.stub(length_s), "video/mp4")
        return file_answer(request, source, "video/mp4")
    if kind == "vtt" and name == "captions.vtt" and work.cues is not None:
        return text(200, webvtt(work.cues), vtt)
    if kind != "hls":
        return None
    if name == "vod.m3u8":
        return text(200, _master(work), playlist)
    if name in [f"{variant}.m3u8" for variant in VARIANTS[: max(1, work.done)]]:
        return text(200, _media([("vod.mp4", float(length_s))]), playlist)
    if work.cues is None:
        return None
    if name == "captions.en.m3u8":
        spans = [(part_name(n), float(min(PART_S, length_s - n * PART_S))) for n in range(part_count(length_s))]
        return text(200, _media(spans), playlist)
    if name == "captions.en.vtt":
        return text(200, webvtt(work.cues), vtt)
    if name == "transcript.en.txt":
        return text(200, transcript(work.cues), plain)
    number = name.removeprefix("subtitles/captions.en.").removesuffix(".vtt")
    if number.isdigit() and name == part_name(int(number)) and int(number) < part_count(length_s):
        return text(200, webvtt(part(work.cues, int(number))), vtt)
    return None


def part_name(number: int) -> str:
    return f"subtitles/captions.en.{number:05}.vtt"


def part_count(length_s: int) -> int:
    return max(1, math.ceil(length_s / PART_S))


def part(cues: tuple[Cue, ...], number: int) -> tuple[Cue, ...]:
    """The cues that touch one part, at their times in the whole: a cue over an edge stands in both parts."""
    start, end = number * PART_S * 1000, (number + 1) * PART_S * 1000
    return tuple(cue for cue in cues if cue.start_ms < end and cue.end_ms > start)


def webvtt(cues: tuple[Cue, ...]) -> str:
    blocks = [f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}\n{html.escape(cue.text, quote=False)}" for cue in cues]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def transcript(cues: tuple[Cue, ...]) -> str:
    """The words with a time stamp each minute or so: no good for captions, as on the real server."""
    lines, last = [], -60_000
    for cue in cues:
        if cue.start_ms - last >= 60_000:
            lines.append(f"\n[{clock(cue.start_ms)}]")
            last = cue.start_ms
        lines.append(" ".join(cue.rows))
    return "\n".join(lines).strip() + "\n"


def clock(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{ms:03}"


def chapters(rows: list[dict[str, object]], length_s: int) -> str:
    """Chapter markers as WebVTT: from one offset to the next; the last ends with the programme."""
    marks = sorted((int(str(row["offset"])), str(row["title"])) for row in rows)
    ends = [*(start for start, _ in marks[1:]), length_s][: len(marks)]
    blocks = [
        f"{clock(start * 1000)} --> {clock(max(end, start + 1) * 1000)}\n"
        + html.escape(" ".join(title.split()), quote=False)
        for (start, title), end in zip(marks, ends, strict=True)
    ]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def _master(work: Work) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:4"]
    group = ""
    if work.cues is not None:
        group = ',SUBTITLES="subs"'
        lines.append(
            '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,'
            'FORCED=NO,URI="captions.en.m3u8"'
        )
    for variant in VARIANTS[: max(1, work.done)]:
        height = int(variant)
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={height * 4000},RESOLUTION={height * 16 // 9}x{height}{group}",
            f"{variant}.m3u8",
        ]
    return "\n".join(lines) + "\n"


def _media(spans: list[tuple[str, float]]) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{math.ceil(max(s for _, s in spans))}"]
    lines += ["#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD"]
    for name, seconds in spans:
        lines += [f"#EXTINF:{seconds:.3f},", name]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
