"""SubRip. No standard; as players read it: UTF-8 without a mark, CRLF, comma before milliseconds."""

import re
from itertools import zip_longest

from archivist_captions.cue import Captions
from archivist_captions.errors import CannotRead
from archivist_captions.formats import markup
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import clock
from archivist_captions.formats.reading import RawCue, Reading, cues_of, text_of
from archivist_captions.notes import Note, NoteKind

_TIME = r"-?\d+(?::-?\d+){1,3}(?:[.,;]\d+)?"
_ARROW = r"(?:[-–—=]+[ \t]?(?:>|&gt;)|→)"  # dashes that editors make of hyphens
_TIMES = re.compile(rf"^[ \t]*(?:\d+[ \t]+)?({_TIME})[ \t]*{_ARROW}[ \t]*({_TIME})[^\n]*$", re.MULTILINE | re.ASCII)
_NUMBER = re.compile(r"\n[ \t]*\d+[ \t]*$", re.ASCII)
_MOST_HOURS = 9_999
_CARRIED = 60  # minutes or seconds that rounding may make
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
    text = text.replace("\ufeff", "")  # files that were joined keep the mark of each
    repairs: list[Note] = list(notes)
    matches = list(_TIMES.finditer(text))
    if not matches and text.strip():
        raise CannotRead("not a SubRip file: it has no line of times")
    numbered = bool(matches) and text[: matches[0].start()].strip().isdecimal()
    raw: list[RawCue] = []
    for match, following in zip_longest(matches, matches[1:]):
        between = text[match.end() : following.start() if following else len(text)]
        payload = between.rstrip()
        if following is not None:
            # The number of the next cue; in a file that numbers none, one before an empty line is what was said.
            if numbered or not between.endswith("\n\n"):
                payload = _NUMBER.sub("", "\n" + payload)
        elif (half := _HALF.search(payload)) is not None and int(half[1]) == len(matches) + 1:
            payload = payload[: half.start()]
            repairs.append(Note(NoteKind.REPAIRED, -1, f"the file ends where cue {half[1]} begins"))
        if (torn := _TORN.search("\n" + payload)) is not None:
            payload = payload[: max(0, torn.start() - 1)]
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: not two times: {torn[1]!r}"))
        try:
            times = _ms(match[1]), _ms(match[2])
        except ValueError as exc:
            repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: {exc}"))
            continue
        if times[0] < 0:
            if times[1] <= 0:
                repairs.append(Note(NoteKind.REPAIRED, -1, f"a cue was left out: it ends before zero: {match[2]}"))
                continue
            repairs.append(Note(NoteKind.REPAIRED, -1, f"cue at {match[1]}: begins at zero"))
            times = 0, times[1]
        marked = markup.parse(payload, subrip=True)
        raw.append(RawCue(*times, marked.lines, f"cue at {match[1]}", marked.top, marked.italics))
    cues, more = cues_of(raw)
    return Reading(Captions(cues), (*repairs, *more))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def _ms(text: str) -> int:
    """Milliseconds of a time as the world writes it: one digit is enough, no fraction is zero, 1000 ms carry.

    Negative where the time is. Raises ValueError for minutes or seconds above 60, and past 9,999 hours.
    """
    clock, _, fraction = text.replace(";", ".").replace(",", ".").partition(".")
    fields = clock.replace("-", "").split(":")
    if len(fields) == 4:  # a colon before the milliseconds
        fraction = fields.pop()
    hours, minutes, seconds = [0, *(int(field) for field in fields)][-3:]
    if minutes > _CARRIED or seconds > _CARRIED or hours > _MOST_HOURS:
        raise ValueError(f"not a time: {text!r}")
    ms = 1_000 if fraction == "1000" else int(fraction[:3].ljust(3, "0"))
    whole = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms
    return -whole if "-" in text else whole
