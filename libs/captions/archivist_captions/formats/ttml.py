"""TTML in the IMSC 1.1 text profile. Sources: W3C TTML2, W3C IMSC1.1. UTF-8."""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from archivist_captions.cue import Captions, Cue
from archivist_captions.formats.clean import clean
from archivist_captions.formats.clock import clock, one_line

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xmlns:tts="http://www.w3.org/ns/ttml#styling"
    ttp:contentProfiles="http://www.w3.org/ns/ttml/profile/imsc1.1/text" ttp:timeBase="media"
    ttp:cellResolution="32 15" xml:lang={language}>
  <head>
    <metadata><ttm:title>{title}</ttm:title></metadata>
    <styling>
      <style xml:id="caption" tts:fontFamily="monospaceSansSerif" tts:fontSize="80%" tts:lineHeight="125%"
             tts:color="#FFFFFF" tts:backgroundColor="#000000" tts:textAlign="center"/>
      <style xml:id="italic" tts:fontStyle="italic"/>
    </styling>
    <layout>
      <region xml:id="bottom" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="after"/>
      <region xml:id="top" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="before"/>
    </layout>
  </head>
  <body style="caption">
    <div>
"""
_FOOT = """\
    </div>
  </body>
</tt>
"""


def write(captions: Captions) -> bytes:
    """A TTML file: one paragraph a cue, in a region at the bottom or the top."""
    head = _HEAD.format(
        language=quoteattr(one_line(captions.language) or "und"), title=escape(one_line(captions.title))
    )
    paragraphs = (_paragraph(number, clean(cue)) for number, cue in enumerate(captions.cues, 1))
    return "".join([head, *paragraphs, _FOOT]).encode()


def _paragraph(number: int, cue: Cue) -> str:
    region = "top" if cue.top else "bottom"
    text = "<br/>".join("".join(_spans(cue, place)) for place in range(len(cue.lines)))
    times = f'begin="{clock(cue.start_ms, ".")}" end="{clock(cue.end_ms, ".")}"'
    return f'      <p xml:id="c{number}" {times} region="{region}"><span>{text}</span></p>\n'


def _spans(cue: Cue, number: int) -> Iterator[str]:
    line = cue.lines[number]
    place = 0
    for start, end in sorted((span.start, span.end) for span in cue.italics if span.line == number):
        if start >= place:
            yield escape(line[place:start])
            yield f'<span style="italic">{escape(line[start:end])}</span>'
            place = end
    yield escape(line[place:])
