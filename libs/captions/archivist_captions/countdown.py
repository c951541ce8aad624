"""A two-minute test file that shows a station what its chain makes of time codes.

Play it with any video that starts at zero and look at the monitor. Each caption names the second at which it should
come up. Late or early by the same amount throughout: the first picture is not where the chain thinks zero is, and
the amount is the offset to set. Late by more and more: the chain counts the other kind of labels.
"""

from collections.abc import Iterator

from archivist_captions.cea608.encoder import Encoded, encode
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Cue
from archivist_captions.timecode import frame_at, label

LENGTH_S = 120
_EVERY_S = 2


def countdown(options: SccOptions | None = None) -> Encoded:
    """A caption every two seconds for two minutes, in the labels that the options ask for."""
    options = options or SccOptions()
    return encode(tuple(_cues(options)), options)


def _cues(options: SccOptions) -> Iterator[Cue]:
    kind = "drop-frame" if options.drop_frame else "non-drop"
    for second in range(_EVERY_S, LENGTH_S + 1, _EVERY_S):
        start_ms = second * 1_000
        frame = options.first_frame + frame_at(start_ms + options.offset_ms, options.rate)
        named = label(frame, drop_frame=options.drop_frame)
        lines = (f"{second} seconds, {LENGTH_S - second} to go", f"{named} {kind}")
        yield Cue(start_ms, start_ms + _EVERY_S * 1_000, lines)
