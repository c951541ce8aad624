"""Captions that roll: a cue repeats the lines of the one before and adds its own, as video sites write them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from archivist_captions.cue import Cue

_NEXT_MS = 100  # a cue that carries lines over begins as the one before ends
_MOSTLY = 0.8  # of the cues that follow at once carry lines over, in a file that rolls
_LEAST_GROWN = 2  # cues that carry a line and add another: two people who say "Aye." do not


def said_once(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues without the lines they carry over from the one before, in a file that rolls; else as they are."""
    near = [pair for pair in pairwise(cues) if abs(pair[1].start_ms - pair[0].end_ms) <= _NEXT_MS]
    carried = [(_carried(before, cue), len(cue.lines)) for before, cue in near]
    grown = sum(0 < count < lines for count, lines in carried)
    if grown < _LEAST_GROWN or sum(count > 0 for count, _ in carried) < _MOSTLY * len(near):
        return tuple(cues)
    kept = [cues[0]]
    for before, cue in pairwise(cues):
        count = _carried(before, cue) if abs(cue.start_ms - before.end_ms) <= _NEXT_MS else 0
        if count < len(cue.lines):
            kept.append(replace(cue, lines=cue.lines[count:], italics=()) if count else cue)
    return tuple(kept)


def _carried(before: Cue, cue: Cue) -> int:
    """How many first lines of the cue are the last ones of the cue before."""
    most = min(len(before.lines), len(cue.lines))
    return next((count for count in range(most, 0, -1) if before.lines[-count:] == cue.lines[:count]), 0)
