"""SubRip. No standard; as every player reads it: UTF-8 without a mark, CRLF, comma before milliseconds."""

from archivist_captions.cue import Captions
from archivist_captions.formats.clock import clock, one_line


def write(captions: Captions) -> bytes:
    """A SubRip file. Text stands as it is: the format has no escape."""
    blocks = []
    for number, cue in enumerate(captions.cues, 1):
        # An empty line would end the cue; a zero-width space holds the place of one that is all space.
        lines = [one_line(line) for line in cue.lines if line.strip()] or ["\u200b"]
        times = f"{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}"
        blocks.append("\r\n".join([str(number), times, *lines, ""]))
    return "\r\n".join(blocks).encode()
