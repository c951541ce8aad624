"""The tags inside a cue of SubRip or WebVTT: italics and voices are kept, everything else goes."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archivist_captions.cue import Cue, Italic

_TAG = re.compile(r"<(/?)([A-Za-z]*)([^<>]*)>|\{\\[^{}]*\}")
_SUBRIP_TAGS = frozenset({"b", "i", "u", "s", "font"})  # anything else in brackets is what the captioner wrote
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});", re.ASCII)
_UNSEEN = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))
_TIME_TAG = re.compile(r"<[\d:.]+>")
_TOP = re.compile(r"\{\\an[789]\}")


@dataclass(frozen=True, slots=True)
class Marked:
    """Lines of a cue without its tags. voices: for each line, the voice that speaks as it begins."""

    lines: tuple[str, ...]
    italics: tuple[Italic, ...]
    voices: tuple[str | None, ...]
    top: bool


def parse(payload: str, *, subrip: bool = False) -> Marked:
    """A cue's text taken apart. Marks of direction show nothing and go.

    subrip: only the tags of SubRip are tags, `\\N` ends a line, and a reference needs its semicolon.
    """
    if subrip:
        payload = payload.replace("\\N", "\n").replace("\\h", " ")
    letters: list[tuple[str, bool, str | None]] = []
    italic = 0
    voice: str | None = None
    for text, closing, tag, rest in _pieces(_TIME_TAG.sub("", payload), subrip=subrip):
        letters += ((letter, italic > 0, voice) for letter in unescape(text, subrip=subrip).translate(_UNSEEN))
        if tag == "i":
            italic = max(0, italic + (-1 if closing else 1))
        elif tag == "v":
            name = rest.partition(" ")[2].strip()  # after the classes, as in `<v.loud Mary>`
            voice = html.unescape(name) if name and not closing else None
    lines: list[str] = []
    italics: list[Italic] = []
    voices: list[str | None] = []
    for line in _lines(letters):
        text = "".join(letter for letter, _, _ in line)
        for start, end in _runs(text, [flag for _, flag, _ in line]):
            italics.append(Italic(len(lines), start, end))
        voices.append(next((speaker for letter, _, speaker in line if letter != " "), None))
        lines.append(text)
    return Marked(tuple(lines), tuple(italics), tuple(voices), _TOP.search(payload) is not None)


def unescape(text: str, *, subrip: bool = False) -> str:
    """The text with its character references resolved; of SubRip those with a semicolon, as players do."""
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), text) if subrip else html.unescape(text)


def with_tags(cue: Cue, number: int, escape: bool) -> str:
    """A line of a cue with its italics as tags."""
    line = cue.lines[number]
    spans = sorted((span.start, span.end) for span in cue.italics if span.line == number)
    out: list[str] = []
    place = 0
    for start, end in spans:
        start = max(start, place)
        if start >= end:
            continue
        out += [_escape(line[place:start], escape), "<i>", _escape(line[start:end], escape), "</i>"]
        place = end
    return "".join([*out, _escape(line[place:], escape)])


def _escape(text: str, escape: bool) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if escape else _unambiguous(text)


def _unambiguous(text: str) -> str:
    """SubRip has no escape; where a player would take the text for a reference, the sign that begins it is one."""
    return _REFERENCE.sub(lambda match: f"&amp;{match[0][1:]}", text)


def _pieces(payload: str, *, subrip: bool) -> Iterator[tuple[str, bool, str, str]]:
    """Text, then the tag after it: whether it closes, its name in lower case, what follows the name."""
    place = 0
    for match in _TAG.finditer(payload):
        if match[2] == "" and match[1] == "" and not match[0].startswith("{"):
            continue  # `<3` and the like are text
        if subrip and match[2] is not None and match[2].lower() not in _SUBRIP_TAGS:
            continue
        yield payload[place : match.start()], bool(match[1]), (match[2] or "").lower(), match[3] or ""
        place = match.end()
    yield payload[place:], False, "", ""


def _lines(letters: list[tuple[str, bool, str | None]]) -> Iterator[list[tuple[str, bool, str | None]]]:
    """Lines that have text, with every run of white space as one space."""
    line: list[tuple[str, bool, str | None]] = []
    for letter, italic, voice in [*letters, ("\n", False, None)]:
        if letter == "\n":
            while line and line[-1][0] == " ":
                line.pop()
            if line:
                yield line
            line = []
        elif not letter.isspace():
            line.append((letter, italic, voice))
        elif line and line[-1][0] != " ":
            line.append((" ", italic, voice))


def _runs(text: str, flags: list[bool]) -> Iterator[tuple[int, int]]:
    start = -1
    for place, flag in enumerate([*flags, False]):
        if flag and start < 0:
            start = place
        elif not flag and start >= 0:
            run = text[start:place]
            if run.strip():
                yield place - len(run.lstrip()), start + len(run.rstrip())
            start = -1
