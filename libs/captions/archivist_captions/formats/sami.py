"""SAMI, as Granicus and Windows players take it. Source: Microsoft, "Understanding SAMI 1.0". ASCII, CRLF."""

import html
from itertools import zip_longest

from archivist_captions.cue import Captions, Cue
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import one_line

_NAMES = {
    "en": ("English", "en-US"),
    "es": ("Spanish", "es-US"),
    "fr": ("French", "fr-FR"),
    "de": ("German", "de-DE"),
}


def write(captions: Captions) -> bytes:
    """A SAMI file. Letters beyond ASCII are numeric references, for players guess at encodings.

    A cue is blanked at its end unless the next begins there.
    """
    language = "".join(letter for letter in captions.language if letter.isascii() and letter.isalnum()) or "und"
    name, code = _NAMES.get(language[:2].lower(), (language, language))
    style = f"{code.replace('-', '').upper()}CC"
    lines = [
        "<SAMI>",
        "<HEAD>",
        f"<TITLE>{_escape(one_line(captions.title))}</TITLE>",
        '<STYLE TYPE="text/css">',
        "<!--",
        "P { font-family: monospace; text-align: center; color: white; background-color: black; }",
        f".{style} {{ Name: {name}; lang: {code}; SAMIType: CC; }}",
        "-->",
        "</STYLE>",
        "</HEAD>",
        "<BODY>",
    ]
    cues = tuple(map(clean, captions.cues))
    for cue, following in zip_longest(cues, cues[1:]):
        lines.append(f"<SYNC Start={cue.start_ms}><P Class={style}>{_text(cue)}</P></SYNC>")
        if following is None or following.start_ms > cue.end_ms:
            lines.append(f"<SYNC Start={cue.end_ms}><P Class={style}>&nbsp;</P></SYNC>")
    lines += ["</BODY>", "</SAMI>", ""]
    return "\r\n".join(lines).encode("ascii", "xmlcharrefreplace")


def _text(cue: Cue) -> str:
    rows: list[str] = []
    for number, line in enumerate(cue.lines):
        out: list[str] = []
        place = 0
        for start, end in sorted((span.start, span.end) for span in cue.italics if span.line == number):
            if start >= place:
                out += [_escape(line[place:start]), "<I>", _escape(line[start:end]), "</I>"]
                place = end
        rows.append("".join([*out, _escape(line[place:])]))
    return "<BR>".join(row for row in rows if row) or "&nbsp;"


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
