"""A cue whose lines every text format can hold."""

from archivist_captions.cue import Cue
from archivist_captions.formats.clock import is_plain, one_line


def clean(cue: Cue) -> Cue:
    """The cue with its lines free of line ends, controls and doubled spaces.

    A line that has to be changed loses its italics: where they began no longer counts.
    """
    if all(is_plain(line) for line in cue.lines):
        return cue
    changed = {number for number, line in enumerate(cue.lines) if not is_plain(line)}
    italics = tuple(italic for italic in cue.italics if italic.line not in changed)
    return Cue(cue.start_ms, cue.end_ms, tuple(one_line(line) for line in cue.lines), cue.top, italics)
