"""WebVTT. Source: W3C WebVTT, sections 4 and 6. Written as UTF-8 with LF."""

import re
from collections.abc import Iterator

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats import markup
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import clock, one_line
from archivist_captions.formats.reading import RawCue, Reading, cues_of, text_of
from archivist_captions.formats.voices import Voices, voices_of, words_of
from archivist_captions.notes import Note, NoteKind

_SPACES = str.maketrans("\t\f", "  ")  # ASCII white space that a line may hold
_MOST_HOURS = 9_999
_TIMES = re.compile(
    r"[ \t\f]*((?:\d+:)?\d{2}:\d{2}\.\d{3})(?!\d)[ \t\f]*-->[ \t\f]*((?:\d+:)?\d{2}:\d{2}\.\d{3})(?!\d)(.*)", re.ASCII
)
_LINE = re.compile(r"line:(?:(\d+(?:\.\d+)?)%|(-?\d+(?:\.\d+)?))(?:,(?:start|center|end))?", re.ASCII)
_SILENT = re.compile(r"(?:NOTE|WEBVTT)(?:[ \t]|$)|(?:STYLE|REGION)[ \t]*$")  # what begins a block that is no text
_LINES = 15  # as on a television screen
_TOP_LINES = 7  # of those
_TOP_PERCENT = 45


def write(captions: Captions) -> bytes:
    """A WebVTT file: a note with the title where there is one, then numbered cues with positions and voices."""
    blocks = ["WEBVTT"]
    title = one_line(captions.title)
    if title:
        # A note may hold neither an arrow nor a blank line.
        blocks.append(f"NOTE {title.replace('-->', '->')}")
    voices = voices_of(captions)
    for index, cue in enumerate(captions.cues):
        blocks.append(_block(index + 1, clean(cue), voices.get(index)))
    return ("\n\n".join(blocks) + "\n").encode()


def reading(data: bytes) -> Reading:
    """The file's cues with italics and top placement; words too, spread by letters, where it names voices.

    Raises CannotRead for a file that does not begin with WEBVTT.
    """
    text, notes = text_of(data, nul="\ufffd")
    if not re.match(r"WEBVTT(?:[ \t\n]|$)", text):
        raise CannotRead("not a WebVTT file: its first line is not WEBVTT")
    raw: list[RawCue] = []
    voices: dict[int, Voices] = {}
    repairs: list[Note] = list(notes)
    for timing, payload in _blocks(text):
        match = _TIMES.fullmatch(timing)
        if match is None:
            if not _SILENT.match(timing or payload[0]):
                what = timing.strip() or payload[0]
                repairs.append(Note(NoteKind.REPAIRED, -1, f"text without times was left out: {what[:40]!r}"))
            continue
        start, end, settings = match[1], match[2], match[3]
        try:
            times = _ms(start), _ms(end)
        except ValueError as exc:
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: {exc}"))
            continue
        marked = markup.parse("\n".join(payload))
        raw.append(RawCue(*times, marked.lines, f"cue at {start.strip()}", _at_top(settings), marked.italics))
        if marked.lines and any(marked.voices):
            voices[id(raw[-1])] = marked.voices
    cues, more = cues_of(raw)
    words: tuple[Word, ...] = ()
    if voices:
        kept = sorted((cue for cue in raw if cue.lines), key=lambda cue: cue.start_ms)
        by_index = {index: voices[id(cue)] for index, cue in enumerate(kept) if id(cue) in voices}
        words = words_of(cues, by_index)
    return Reading(Captions(cues, words), (*repairs, *more))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def _block(number: int, cue: Cue, voices: Voices | None) -> str:
    lines: list[str] = []
    for place in range(len(cue.lines)):
        line = markup.with_tags(cue, place, escape=True)
        if line:
            voice = voices[place] if voices else None
            lines.append(f"<v {_name(voice)}>{line}</v>" if voice else line)
    settings = " line:0" if cue.top else ""
    times = f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}{settings}"
    return "\n".join([str(number), times, *(lines or ["&nbsp;"])])


def _name(voice: str) -> str:
    return one_line(voice).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """The line with the arrow and the lines of text of each block; the line is empty where a block has none.

    Source: W3C WebVTT 6.1, "collect a WebVTT block": an arrow in the first or second line of a block is its timing,
    any other begins the next block. The lines right after the first one of the file are its header.
    """
    lines = text.split("\n")
    place = 1
    while place < len(lines) and lines[place] and "-->" not in lines[place]:
        place += 1
    while place < len(lines):
        if not lines[place]:
            place += 1
            continue
        timing = ""
        payload: list[str] = []
        first = place
        while place < len(lines) and lines[place]:
            if "-->" not in lines[place]:
                payload.append(lines[place])
            elif place - first < 2 and not timing:
                timing, payload = lines[place], []
            else:
                break
            place += 1
        yield timing, payload


def _ms(text: str) -> int:
    """Milliseconds of a time stamp. Hours take any number of digits. Raises ValueError past 59 minutes or seconds."""
    fields = [0, *(int(field) for field in text.partition(".")[0].split(":"))][-3:]
    if max(fields[1:]) > 59 or fields[0] > _MOST_HOURS:
        raise ValueError(f"not a time: {text!r}")
    return ((fields[0] * 60 + fields[1]) * 60 + fields[2]) * 1_000 + int(text[-3:])


def _at_top(settings: str) -> bool:
    """Whether the last `line` that can be understood is in the upper part. Source: W3C WebVTT 6.3."""
    top = False
    for setting in settings.translate(_SPACES).split(" "):
        match = _LINE.fullmatch(setting)
        if match is None:
            continue
        if match[1] is None:
            number = float(match[2])
            top = (number if number >= 0 else _LINES + number) < _TOP_LINES
        elif float(match[1]) <= 100:
            top = float(match[1]) < _TOP_PERCENT
    return top
