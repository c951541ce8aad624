"""WebVTT. Source: W3C WebVTT, section 4. UTF-8, LF."""

from archivist_captions.cue import Captions, Cue
from archivist_captions.formats.clock import clock, one_line


def write(captions: Captions) -> bytes:
    """A WebVTT file: a note with the title where there is one, then numbered cues."""
    blocks = ["WEBVTT"]
    if captions.title.strip():
        # A note may hold neither an arrow nor a blank line.
        blocks.append(f"NOTE {one_line(captions.title).replace('-->', '->')}")
    blocks.extend(_block(number, cue) for number, cue in enumerate(captions.cues, 1))
    return ("\n\n".join(blocks) + "\n").encode()


def _block(number: int, cue: Cue) -> str:
    lines = "\n".join(_escape(one_line(line)) for line in cue.lines if line.strip()) or "&nbsp;"
    return f"{number}\n{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{lines}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
