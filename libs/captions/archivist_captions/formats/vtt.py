"""WebVTT. Source: W3C WebVTT, sections 4 and 6. Written as UTF-8 with LF."""

import re

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats import markup
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import clock, ms_of_clock, one_line
from archivist_captions.formats.reading import RawCue, Reading, cues_of, text_of
from archivist_captions.formats.voices import Voices, voices_of, words_of
from archivist_captions.notes import Note, NoteKind

_LINE = re.compile(r"\bline:(-?\d+)(%?)")
_TOP_LINES = 7  # of 15, as on a television screen
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
    text, notes = text_of(data)
    if not re.match(r"WEBVTT(?:[ \t\n]|$)", text):
        raise CannotRead("not a WebVTT file: its first line is not WEBVTT")
    raw: list[RawCue] = []
    voices: dict[int, Voices] = {}
    repairs: list[Note] = list(notes)
    # After the first line there should be an empty one; where there is none the first cue follows at once.
    for number, block in enumerate(re.split(r"\n{2,}", text.partition("\n")[2])):
        lines = block.strip("\n").split("\n")
        at = next((place for place, line in enumerate(lines[:2]) if "-->" in line), None)
        if re.match(r"(?:NOTE|STYLE|REGION)\b", block.strip("\n")):
            continue
        if at is None:
            header = number == 0 and not block.startswith("\n")
            if block.strip() and not header:
                repairs.append(Note(NoteKind.REPAIRED, -1, f"text without times was left out: {lines[0][:40]!r}"))
            continue
        start, _, rest = lines[at].partition("-->")
        end, _, settings = rest.strip().partition(" ")
        try:
            times = ms_of_clock(start), ms_of_clock(end)
        except ValueError as exc:
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: {exc}"))
            continue
        marked = markup.parse("\n".join(lines[at + 1 :]), entities=True)
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


def _at_top(settings: str) -> bool:
    match = _LINE.search(settings)
    if match is None:
        return False
    value = int(match[1])
    return 0 <= value < (_TOP_PERCENT if match[2] else _TOP_LINES)
