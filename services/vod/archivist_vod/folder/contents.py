"""What the files of a recording's folder hold: captions in the formats players take, chapters, the words to read."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from archivist_captions.cue import Captions, Cue
from archivist_captions.errors import CannotRead
from archivist_captions.formats import FORMATS, scc, srt, vtt
from archivist_captions.formats import text as text_format
from archivist_captions.formats.clock import clock
from archivist_captions.timecode import frame_of_label
from archivist_vod.targets import caption_comparison
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.interface import Work

SCC, VTT, SRT, TRANSCRIPT = "captions.scc", "captions.vtt", "captions.srt", "transcript.txt"
CHAPTERS_VTT, CHAPTERS_JSON, DESCRIPTION, PAGE = "chapters.vtt", "chapters.json", "description.txt", "index.html"
CAPTIONS = (SCC, VTT, SRT, TRANSCRIPT)
"""Those that a person's own hand is asked about, rather than passed over."""

TOLERANCE_MS = 1000
_MOST_SLUG = 60  # letters
_LABEL_MS = 60_000
"""An SCC whose times are off by more than this counts from another label than zero (01:00:00;00), and is not late."""
_LABEL = re.compile(rb"^(\d\d):\d\d:\d\d([:;])\d\d", re.MULTILINE)
_MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".mkv": "video/matroska",
    ".webm": "video/webm",
    ".ts": "video/mp2t",
    ".avi": "video/vnd.avi",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
}  # as the IANA registry has them
_CHAPTERS_VERSION = "1.2.0"  # of the JSON chapters format


def kept_name(version: int) -> str:
    """Of the captions that stood before."""
    return f"captions.v{version}.scc"


def captions(work: Work) -> dict[str, bytes]:
    """The caption files and the transcript, by name. The SCC is what was signed off, to the byte.

    The others were laid out from the spoken words and show letters that CEA-608 has not. They are taken where they
    say, word for word, what the SCC says; else they are made of it. Raises ValueError for an SCC that is none.
    """
    try:
        shown = _from_zero(work.track.data, work.length_s)
    except CannotRead as exc:
        raise ValueError(str(exc)) from exc
    made = Captions(shown, language=work.track.language, title=work.title)
    spoken = _made(work, "vtt")
    same = spoken is not None and says_the_same(work.track.data, spoken).equal
    return {
        SCC: work.track.data,
        VTT: spoken if spoken is not None and same else vtt.write(made),
        SRT: (_made(work, "srt") if same else None) or srt.write(made),
        TRANSCRIPT: (_made(work, "txt") if same else None) or text_format.write(made),
    }


def says_the_same(scc_data: bytes, vtt_data: bytes) -> ReadBack:
    """A WebVTT file beside the SCC: word for word, and cue for cue within a second.

    The SCC may count from a label of the station's own; then all its times are off by the same, which is no fault.
    """
    wanted: Sequence[Cue] = caption_comparison.expected_from_scc(scc_data)
    found: Sequence[Cue] = caption_comparison.parse_vtt(vtt_data)
    if wanted and found and abs(off := wanted[0].start_ms - found[0].start_ms) > _LABEL_MS:
        found = [replace(cue, start_ms=cue.start_ms + off, end_ms=cue.end_ms + off) for cue in found]
    return caption_comparison.compare(wanted, found, tolerance_ms=TOLERANCE_MS)


def read_back(signed_off: bytes, scc_data: bytes, vtt_data: bytes) -> ReadBack:
    """What stands in the folder beside what was signed off: both files say its words, the SCC to the byte."""
    try:
        shown = caption_comparison.expected_from_scc(scc_data)
    except CannotRead as exc:
        shown = ()
        broken: str | None = f"captions.scc is no SCC any more: {exc}"
    else:
        broken = None
    read = caption_comparison.compare(
        caption_comparison.expected_from_scc(signed_off), shown, tolerance_ms=TOLERANCE_MS
    )
    if not read.equal or broken:
        return replace(read, equal=False, first_difference=broken or f"captions.scc: {read.first_difference}")
    if scc_data != signed_off:
        return replace(read, equal=False, first_difference="captions.scc is not to the byte what was signed off")
    read = says_the_same(signed_off, vtt_data)
    if not read.equal:
        return replace(read, first_difference=f"captions.vtt: {read.first_difference}")
    return read


def chapters_vtt(chapters: Sequence[tuple[int, str]], length_s: int | None) -> bytes:
    """WebVTT chapters (W3C WebVTT, section 4.4): each until the next begins, its title as the cue's text."""
    blocks = ["WEBVTT"]
    for number, (start_ms, end_ms, title) in enumerate(spans(chapters, length_s), 1):
        safe = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{number}\n{clock(start_ms, '.')} --> {clock(end_ms, '.')}\n{safe}")
    return ("\n\n".join(blocks) + "\n").encode()


def chapters_json(chapters: Sequence[tuple[int, str]]) -> bytes:
    """JSON chapters of Podcasting 2.0 (`application/json+chapters`); times in seconds."""
    told = {
        "version": _CHAPTERS_VERSION,
        "chapters": [{"startTime": start_ms / 1000, "title": name} for start_ms, name in chapters],
    }
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def spans(chapters: Sequence[tuple[int, str]], length_s: int | None) -> list[tuple[int, int, str]]:
    """Chapters with their ends in milliseconds. The last one ends with the recording; a second later where that is
    not known."""
    made = []
    for place, (start_ms, title) in enumerate(chapters):
        end_ms = chapters[place + 1][0] if place + 1 < len(chapters) else (length_s or 0) * 1000
        made.append((start_ms, end_ms if end_ms > start_ms else start_ms + 1000, " ".join(title.split())))
    return made


def folder_name(key: str, title: str) -> str:
    """Of a recording's folder: its key, then its title in letters that any server and address takes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:_MOST_SLUG].strip("-")
    return f"{key}-{slug}" if slug else key


def media_type(filename: str) -> str:
    """MIME type of a recording by its name, the same on every machine."""
    return _MEDIA_TYPES.get(PurePosixPath(filename).suffix.lower(), "application/octet-stream")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _from_zero(data: bytes, length_s: int | None) -> tuple[Cue, ...]:
    """An SCC's cues by the recording's clock: one that begins after the recording's end counts from a full hour."""
    cues = scc.read(data).cues
    label = _LABEL.search(data)
    if not cues or not length_s or label is None or cues[-1].start_ms <= length_s * 1000:
        return cues
    first = frame_of_label(f"{label[1].decode()}:00:00{label[2].decode()}00")
    return scc.reading(data, first_frame=first).captions.cues


def _made(work: Work, kind: str) -> bytes | None:
    """A file that was made with the captions; None where there is none any more."""
    path: Path | None = work.files.get(kind)
    if path is None or kind not in FORMATS:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None
