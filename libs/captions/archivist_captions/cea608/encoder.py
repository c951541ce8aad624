"""Cues to a Scenarist SCC file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archivist_captions.cea608 import popon, rollup
from archivist_captions.cea608.codes import hex_of
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.screens import Screen, screens_of
from archivist_captions.cue import Cue
from archivist_captions.errors import CannotEncode
from archivist_captions.notes import Note
from archivist_captions.timecode import LAST_DROP_FRAME, LAST_NON_DROP, frame_at, label

__all__ = ["Encoded", "SccOptions", "encode"]

HEADER = "Scenarist_SCC V1.0"


@dataclass(frozen=True, slots=True)
class Encoded:
    """An SCC file and what it took. Notes are in the order of the cues."""

    text: str
    notes: tuple[Note, ...]


def encode(cues: Sequence[Cue], options: SccOptions | None = None) -> Encoded:
    """The SCC file of these cues in CC1. No cues give a file of the header alone.

    Every caption is shown at the frame nearest to its start, or as soon after it as one word a frame allows.
    Raises CannotEncode, naming the cue, when it falls before the first label or past the last one of the day.
    """
    options = options or SccOptions()
    first = options.first_frame
    screens, notes = screens_of(cues, options.rate, options.offset_ms, first)
    origin = max(0, min(first, first + frame_at(options.offset_ms, options.rate)))
    runs: Iterable[tuple[int, tuple[int, ...]]]
    if options.mode == "pop-on":
        placed = popon.schedule(screens, origin, frame_at(options.chain_gap_ms, options.rate))
        _refuse_outside_the_day(((caption.screen, caption.end) for caption in placed), cues, options)
        notes.extend(popon.notes_on(placed))
        runs = popon.runs(placed)
    else:
        rolled = rollup.schedule(screens, origin, options.depth)
        _refuse_outside_the_day(((row.screen, row.end) for row in rolled), cues, options)
        notes.extend(rollup.notes_on(rolled))
        runs = rollup.runs(rolled)
    notes.sort(key=lambda note: note.cue)
    lines = [HEADER, ""]
    for frame, words in runs:
        hexes = " ".join(map(hex_of, words))
        lines += [f"{label(frame, drop_frame=options.drop_frame)}\t{hexes}", ""]
    return Encoded("".join(line + options.newline for line in lines), tuple(notes))


def _refuse_outside_the_day(ends: Iterable[tuple[Screen, int]], cues: Sequence[Cue], options: SccOptions) -> None:
    last = LAST_DROP_FRAME if options.drop_frame else LAST_NON_DROP
    for screen, end in ends:
        number = screen.cues[0]
        where = f"cue {number + 1} ({cues[number].start_ms} ms, {cues[number].text!r})"
        if screen.end < 0:
            raise CannotEncode(f"{where} falls before the first label")
        if end + 1 > last:
            day = label(last, drop_frame=options.drop_frame)
            raise CannotEncode(f"{where} falls past the last label of the day, {day}")
