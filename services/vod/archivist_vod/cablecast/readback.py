"""The captions that a VOD shows: read back from where players read them (contract, section 2, captions).

Cablecast makes them from our sidecar: WebVTT in one file, or in parts that a playlist names. Nothing there yet is no
error.
"""

import re
from urllib.parse import urljoin

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Cue
from archivist_captions.formats.reading import MOST_BYTES
from archivist_common.errors import TargetFailed, TargetMissing
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.targets import caption_comparison
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.interface import Track
from archivist_vod.targets.timeline import begins_at_ms, cues_on_vod

_SUBTITLES = re.compile(r"#EXT-X-MEDIA:(?=[^\n]*TYPE=SUBTITLES)[^\n]*")
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')
_TOLERANCE_MS = 1000
_MOST_PARTS = 6 * 60 * 24  # ten seconds each: a day


async def verify(client: CablecastClient, item: CablecastItem, track: Track, options: SccOptions) -> ReadBack | None:
    """What the VOD shows beside what we wrote, on the VOD's own time; None while it shows nothing.

    options: those the file was written with: its first label stands for the first picture.
    """
    folder = item.folder_url
    if not folder:
        return None
    found = await _cues(client, f"{folder}/", track.language)
    if found is None:
        return None
    reel, earlier = item.spans
    wanted = cues_on_vod(caption_comparison.expected_from_scc(track.data, options), reel, earlier)
    # Joined reels have captions of their own around ours.
    begin = begins_at_ms(reel, earlier)
    end = begin + 1000 * reel.length_s
    ours = [cue for cue in found if cue.end_ms > begin and cue.start_ms < end]
    return caption_comparison.compare(wanted, ours, tolerance_ms=_TOLERANCE_MS)


async def _cues(client: CablecastClient, folder: str, language: str) -> list[Cue] | None:
    for name in dict.fromkeys((f"captions.{language}.vtt", "captions.en.vtt")):
        text = await _text(client, folder + name)
        if text is not None:
            return list(caption_comparison.parse_vtt(text))
    parts = await _parts(client, folder, language)
    if parts is not None:
        return parts
    text = await _text(client, folder + "captions.vtt")
    return None if text is None else list(caption_comparison.parse_vtt(text))


async def _parts(client: CablecastClient, folder: str, language: str) -> list[Cue] | None:
    """From the parts that the VOD's playlist names, in our language where it has several."""
    master = await _text(client, folder + "vod.m3u8")
    if master is None:
        return None
    tracks = [dict(_ATTRIBUTE.findall(line)) for line in _SUBTITLES.findall(master)]
    tracks.sort(key=lambda track: track.get("LANGUAGE", "").strip('"').lower()[:2] != language[:2].lower())
    for track in tracks:
        uri = track.get("URI", "").strip('"')
        if not uri:
            continue
        address = urljoin(folder, uri)
        playlist = await _text(client, address)
        if playlist is None:
            continue
        names = [line.strip() for line in playlist.splitlines() if line.strip() and not line.startswith("#")]
        if len(names) > _MOST_PARTS:
            raise TargetFailed(f"a playlist of captions names {len(names)} parts", status=200)
        texts = [await _text(client, urljoin(address, name)) for name in names]
        if any(text is None for text in texts):
            return None  # still being written
        return list(
            caption_comparison.join_parts([caption_comparison.parse_vtt(text) for text in texts if text is not None])
        )
    return None


async def _text(client: CablecastClient, url: str) -> str | None:
    try:
        return await client.get_text(url, limit=MOST_BYTES)
    except TargetMissing:
        return None
