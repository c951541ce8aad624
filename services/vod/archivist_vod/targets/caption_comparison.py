"""Whether the captions that a VOD shows are those we wrote. Pure.

The server makes its own WebVTT of our SCC. Equal means: the same words in the same order, each cue where it belongs.
How they are broken into lines and cues, and in which case of letters, does not matter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Cue
from archivist_captions.formats import scc, vtt
from archivist_captions.formats.clock import clock, ms_of_clock

_TIMES = re.compile(r"\s*((?:\d+:)?\d+:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d+:\d{2}[.,]\d{1,3})")
_SLIVER_MS = 100  # what a cut by frames leaves of a cue, or does not; nobody can read it
_EDGE_MS = 50  # a frame and a half; pieces of a cue cut at the edge of a part lie no further apart
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]|_")
_CLOSES = frozenset(".,;:?!")
_CONTEXT = 4  # words shown on either side of a difference


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What comparing came to.

    first_difference: in words, with its time; None where equal. offset_ms: by how much the first cue is shown late,
    early where negative; drift_ms: how much later the last one is by then. Both None where the words differ.
    """

    equal: bool
    words_expected: int
    words_found: int
    first_difference: str | None = None
    offset_ms: int | None = None
    drift_ms: int | None = None


def expected_from_scc(data: bytes, options: SccOptions | None = None) -> tuple[Cue, ...]:
    """What a receiver shows of our own SCC file, as cues by the clock of the recording's file.

    options: those it was written with; the label of its first picture and its rate count here.
    Raises CannotRead for what is no SCC.
    """
    options = options or SccOptions()
    return scc.reading(data, options.rate, options.first_frame).captions.cues


def parse_vtt(text: str | bytes) -> tuple[Cue, ...]:
    """The cues of a WebVTT file or of a part of one, in order, as a server may write it.

    Bytes are UTF-8 whatever their headers say. Beside what WebVTT allows, the first line and the empty lines between
    cues may be missing; what holds no cue gives none. Raises CannotRead for more than a day of captions.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = text.removeprefix("\ufeff").replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    lines = ["WEBVTT", ""]
    for line in text.split("\n"):
        times = _TIMES.match(line)
        if times is None:
            lines.append(line if line.strip() else "")
            continue
        # Where no empty line stands between two cues, the number of the next one is no text of this one.
        numbered = lines[-1].strip().isdigit()
        lines.insert(len(lines) - numbered, "")
        start = times[1].replace(",", ".")
        lines.append(f"{start} --> {_end(start, times[2].replace(',', '.'))}")
    return vtt.read("\n".join(lines).encode("utf-8", "replace")).cues


def join_parts(parts: Iterable[Sequence[Cue]]) -> tuple[Cue, ...]:
    """The cues of a programme out of those of its parts, which overlap at their edges.

    A cue that stands in several parts is one, whether each part has all of it or only its own piece.
    """
    joined: list[Cue] = []
    seen_in: list[int] = []  # the last part in which each of them stood
    by_start: dict[tuple[int, str], int] = {}
    by_text: dict[str, int] = {}
    for number, part in enumerate(parts):
        for cue in sorted(part, key=lambda cue: cue.start_ms):
            index = by_start.get((cue.start_ms, cue.text))
            if index is None:
                before = by_text.get(cue.text)
                if before is not None and seen_in[before] == number - 1:
                    index = before if cue.start_ms <= joined[before].end_ms + _EDGE_MS else None
            if index is None:
                index = len(joined)
                joined.append(cue)
                seen_in.append(number)
            joined[index] = replace(joined[index], end_ms=max(joined[index].end_ms, cue.end_ms))
            seen_in[index] = number
            by_start[cue.start_ms, cue.text] = index
            by_text[cue.text] = index
    return tuple(sorted(joined, key=lambda cue: cue.start_ms))


def compare(expected: Sequence[Cue], found: Sequence[Cue], tolerance_ms: int = 1_000) -> ReadBack:
    """Whether `found` shows the words of `expected` in order, each cue within the tolerance of its time.

    Case, white space, line breaks, the spacing of punctuation and cues too short to read do not count. Characters
    that CEA-608 cannot show may be shown as it substitutes them; all others must be themselves.
    """
    ours, theirs = _tokens(expected), _tokens(found)
    counts = sum(token.is_word for token in ours), sum(token.is_word for token in theirs)
    difference = _first_difference(ours, theirs)
    if difference is not None:
        return ReadBack(False, *counts, difference)
    if not ours:
        return ReadBack(True, *counts, None, 0, 0)
    offset = theirs[0].cue.start_ms - ours[0].cue.start_ms
    drift = theirs[-1].cue.end_ms - ours[-1].cue.end_ms - offset
    late = _first_out_of_time(ours, theirs, tolerance_ms)
    return ReadBack(late is None, *counts, late, offset, drift)


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or a mark of punctuation, the cue it stands in, and whether it begins or ends that.

    text: what is compared; shown: what stood there.
    """

    text: str
    shown: str
    cue: Cue
    first: bool
    last: bool

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()


def _end(start: str, end: str) -> str:
    """The end of a cue; a millisecond after its start where it has no length: too short to be compared."""
    try:
        start_ms, end_ms = ms_of_clock(start), ms_of_clock(end)
    except ValueError:
        return end
    return end if end_ms > start_ms else clock(start_ms + 1, ".")


def _tokens(cues: Sequence[Cue]) -> list[_Token]:
    tokens: list[_Token] = []
    for cue in sorted(cues, key=lambda cue: cue.start_ms):
        if cue.end_ms - cue.start_ms < _SLIVER_MS:
            continue
        texts = _TOKEN.findall(transliterate(cue.text)[0])
        tokens += (_Token(text.casefold(), text, cue, n == 0, n == len(texts) - 1) for n, text in enumerate(texts))
    return tokens


def _first_difference(ours: Sequence[_Token], theirs: Sequence[_Token]) -> str | None:
    pairs = zip(ours, theirs, strict=False)
    at = next((n for n, (a, b) in enumerate(pairs) if a.text != b.text), min(len(ours), len(theirs)))
    if at == len(ours) == len(theirs):
        return None
    if not theirs:
        return f"the VOD shows no captions; ours begin at {_clock(ours[0].cue.start_ms)} with {_around(ours, 0)}"
    if at == len(ours):
        when = _clock(theirs[at].cue.start_ms)
        return f"at {when} the VOD goes on with {_around(theirs, at, 0)}, where ours have ended"
    when = _clock(ours[at].cue.start_ms)
    if at == len(theirs):
        ended = f"the VOD's captions end after {_around(theirs, at - 1)}"
        return f"{ended}; ours go on at {when} with {_around(ours, at, 0)}"
    return f"at {when} we wrote {_around(ours, at)}, the VOD shows {_around(theirs, at)}"


def _first_out_of_time(ours: Sequence[_Token], theirs: Sequence[_Token], tolerance_ms: int) -> str | None:
    """The first cue that is out of its time, in words. The words are known to be the same.

    Where a cue begins or ends within a cue of the VOD, its time has to lie within that one's.
    """
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        start, end = other.cue.start_ms, other.cue.end_ms
        if mine.first:
            wanted = mine.cue.start_ms
            off = start - wanted if other.first or number == 0 else _outside(wanted, start, end)
            if abs(off) > tolerance_ms:
                return f"at {_clock(wanted)}: {_around(ours, number)} begins {_seconds(off)}"
        if mine.last:
            wanted = mine.cue.end_ms
            off = end - wanted if other.last or number == len(ours) - 1 else _outside(wanted, start, end)
            if abs(off) > tolerance_ms:
                return f"at {_clock(wanted)}: {_around(ours, number)} ends {_seconds(off)}"
    return None


def _outside(moment: int, start: int, end: int) -> int:
    """How far a span lies behind a moment, before it where negative; 0 around it."""
    return max(0, start - moment) or min(0, end - moment)


def _around(tokens: Sequence[_Token], at: int, before: int = _CONTEXT) -> str:
    """The words around a place, in quotes."""
    few = tokens[max(0, at - before) : at + _CONTEXT + 1]
    text = "".join(token.shown if token.shown in _CLOSES else f" {token.shown}" for token in few).strip()
    return f"“{text}”"


def _seconds(off_ms: int) -> str:
    return f"{abs(off_ms) / 1_000:.1f} s {'late' if off_ms > 0 else 'early'}"


def _clock(ms: int) -> str:
    seconds = ms // 1_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
