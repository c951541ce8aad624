"""SubRip. No standard; as players read it: UTF-8 without a mark, CRLF, comma before milliseconds."""

import re
from itertools import zip_longest

from archivist_captions.cue import Captions
from archivist_captions.errors import CannotRead
from archivist_captions.formats import markup
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import clock, ms_of_clock
from archivist_captions.formats.reading import RawCue, Reading, cues_of, text_of
from archivist_captions.notes import Note, NoteKind

_TIMES = re.compile(r"^[ \t]*(\d[\d:.,]*)[ \t]*-->[ \t]*(\d[\d:.,]*)[^\n]*$", re.MULTILINE)
_NUMBER = re.compile(r"\n[ \t]*\d+[ \t]*$")
# What a file that was not written to its end leaves of its next cue: a number, and times as far as they came.
_HALF = re.compile(r"\n[ \t]*\n[ \t]*(\d+)[ \t]*(?:\n[ \t]*[\d:.,]*[ \t]*-{0,2}>?[ \t]*)?$")
_TORN = re.compile(r"(?:\n[ \t]*\d+[ \t]*)?\n[ \t]*(\d[\d:.,]*[ \t]*-->[^\n]*)[\s\S]*$")


def write(captions: Captions) -> bytes:
    """A SubRip file with italics as `<i>` and the top of the picture as `{\\an8}`. Text stands as it is: the
    format has no escape."""
    blocks = []
    for number, cue in enumerate(map(clean, captions.cues), 1):
        # An empty line would end the cue; a zero-width space holds the place of one that is all space.
        lines = [markup.with_tags(cue, place, escape=False) for place, line in enumerate(cue.lines) if line]
        lines = lines or ["\u200b"]
        if cue.top:
            lines[0] = "{\\an8}" + lines[0]
        times = f"{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}"
        blocks.append("\r\n".join([str(number), times, *lines, ""]))
    return "\r\n".join(blocks).encode()


def reading(data: bytes) -> Reading:
    """The file's cues. Numbers may be missing or wrong, text may hold blank lines; tags go, italics stay.

    Raises CannotRead for a file with text and no times.
    """
    text, notes = text_of(data)
    repairs: list[Note] = list(notes)
    matches = list(_TIMES.finditer(text))
    if not matches and text.strip():
        raise CannotRead("not a SubRip file: it has no line of times")
    raw: list[RawCue] = []
    for match, following in zip_longest(matches, matches[1:]):
        payload = text[match.end() : following.start() if following else len(text)].rstrip()
        if following is not None:
            payload = _NUMBER.sub("", "\n" + payload)  # the number of the next cue
        elif (half := _HALF.search(payload)) is not None and int(half[1]) == len(matches) + 1:
            payload = payload[: half.start()]
            repairs.append(Note(NoteKind.REPAIRED, -1, f"the file ends where cue {half[1]} begins"))
        if (torn := _TORN.search("\n" + payload)) is not None:
            payload = payload[: max(0, torn.start() - 1)]
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: not two times: {torn[1]!r}"))
        try:
            times = ms_of_clock(match[1]), ms_of_clock(match[2])
        except ValueError as exc:
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: {exc}"))
            continue
        marked = markup.parse(payload, entities=False)
        raw.append(RawCue(*times, marked.lines, f"cue at {match[1]}", marked.top, marked.italics))
    cues, more = cues_of(raw)
    return Reading(Captions(cues), (*repairs, *more))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions
