"""Words with times to captions on a screen. The same words always give the same cues.

The programme is cut where it falls silent; between cuts the cheapest way to break it is found over all ways (dynamic
programming): grammar, row balance, reading speed, time on screen and time to be sent are one sum.
"""

from collections.abc import Collection, Mapping, Sequence

from archivist_captions.cue import Cue, Word
from archivist_captions.layout.rows import EXTRA_ROW, Text, best_rows, text_of
from archivist_captions.layout.tokens import Token, tokens_of
from archivist_captions.profiles import BROADCAST, MOST_COLUMNS, Profile

# Costs, in the currency of `grammar`.
_PER_CUE = 30  # what a caption costs: fewer, fuller ones
_FLASH = 260  # a caption that cannot stay floor_ms
_SHORT = 50  # one that cannot stay min_ms, in full; less as it comes nearer
_LONG = 150  # per second beyond max_ms
_FAST = 9  # per character a second above the target
_STUMP = 60  # one word of a sentence, cut off from the rest; two cost half
_INNER_SENTENCE = 14  # a sentence that ends inside a caption
_INNER_PAUSE = 90  # per second of silence inside a caption beyond pause_ms
_LATE = 25  # per 100 ms that a caption cannot be sent in the time its predecessor has
_INFINITE = float("inf")


def layout(
    words: Sequence[Word],
    profile: Profile = BROADCAST,
    *,
    names: Mapping[str, str] | None = None,
    topics: Collection[int] = (),
) -> tuple[Cue, ...]:
    """Cues that show every word once, in order, each cue starting with its first word.

    Rows have at most profile.columns, cues at most profile.max_rows. A word too long for a row is cut with a
    hyphen. Words must be in order of their start; an earlier start than the word before is taken as the same
    moment. Where the speaker changes a row begins with `>>`; at the first appearance of a speaker in `names` with
    the name in capitals and a colon; at a word whose index is in `topics` with `>>>`. A label in brackets, as
    `[APPLAUSE]`, has its own row.
    """
    tokens = tokens_of(words, profile, names or {}, frozenset(topics))
    spans = _spans(text_of(tokens), profile)
    return tuple(_cues(tokens, spans, profile))


def _spans(text: Text, profile: Profile) -> list[tuple[int, tuple[int, ...]]]:
    """Best cues as (index past the last token, indexes at which its rows begin)."""
    tokens, breaks, ends = text.tokens, text.breaks, text.ends
    count = len(tokens)
    best: list[float] = [0.0] + [_INFINITE] * count
    came: list[tuple[int, tuple[int, ...]]] = [(0, ())] * (count + 1)
    widest = profile.max_rows * (profile.columns + 1) - 1
    usual = profile.rows * (profile.columns + 1) - 1
    for past in range(1, count + 1):
        inner = 0.0
        # The shortest caption first: it is the likeliest, and what it costs rules most longer ones out early.
        for first in range(past - 1, -1, -1):
            width = text.columns[past] - text.columns[first] - 1
            if first < past - 1:
                if width > widest or tokens[first + 1].forced:
                    break
                gap = tokens[first + 1].start_ms - tokens[first].end_ms
                if gap > profile.pause_ms:
                    inner += _INNER_PAUSE * (gap - profile.pause_ms) / 1_000 + _INNER_PAUSE / 3
                inner += _INNER_SENTENCE * ends[first]
            extra = EXTRA_ROW if width > usual else 0
            cost = best[first] + _PER_CUE + inner + breaks[past]
            if cost + extra >= best[past]:
                continue
            cost += _time_cost(tokens, first, past, width, profile)
            cost += _stump(ends, first, past)
            if first and profile.columns <= MOST_COLUMNS:
                cost += _late_cost(tokens[first].start_ms - tokens[came[first][0]].start_ms, width, profile)
            if cost + extra >= best[past]:
                continue
            rows = best_rows(text, first, past, profile)
            if rows is not None and cost + rows[0] < best[past]:
                best[past] = cost + rows[0]
                came[past] = (first, rows[1])
    spans: list[tuple[int, tuple[int, ...]]] = []
    past = count
    while past:
        first, starts = came[past]
        spans.append((past, starts))
        past = first
    return spans[::-1]


def _stump(ends: Sequence[bool], first: int, past: int) -> float:
    """Cost of a caption that begins with the last words of a sentence, or ends with the first words of one.

    One word is worst, two are half as bad. A sentence that is whole, however short, costs nothing.
    """
    cost = 0.0
    if first > 0 and not ends[first - 1]:
        if ends[first]:
            cost += _STUMP
        elif past - first > 2 and ends[first + 1]:
            cost += _STUMP / 2
    if past < len(ends) and not ends[past - 1]:
        if past - first > 1 and ends[past - 2]:
            cost += _STUMP
        elif past - first > 2 and ends[past - 3]:
            cost += _STUMP / 2
    return cost


def _late_cost(has_ms: int, width: int, profile: Profile) -> float:
    """Cost of a caption of this width that is to be sent while its predecessor stands for has_ms.

    CEA-608 sends one word a frame: six for the caption, about four a row, one for every two letters.
    """
    rows = -(-width // profile.columns)
    needs_ms = (6 + 4 * rows + width // 2) * 1_001 / 30
    return max(0.0, needs_ms - has_ms) * _LATE / 100


def _time_cost(tokens: Sequence[Token], first: int, past: int, width: int, profile: Profile) -> float:
    start, spoken = tokens[first].start_ms, tokens[past - 1].end_ms
    stays = spoken - start + profile.linger_ms
    if past < len(tokens):
        stays = min(stays, tokens[past].start_ms - start)
    cost = 0.0
    if stays < profile.floor_ms:
        cost += _FLASH
    if stays < profile.min_ms:
        cost += _SHORT * (profile.min_ms - stays) / profile.min_ms
    if spoken - start > profile.max_ms:
        cost += _LONG * (spoken - start - profile.max_ms) / 1_000
    speed = width * 1_000 / max(stays, 1)
    if speed > profile.target_cps:
        cost += _FAST * min(speed - profile.target_cps, 30.0)
    return cost


def _cues(tokens: Sequence[Token], spans: Sequence[tuple[int, tuple[int, ...]]], profile: Profile) -> list[Cue]:
    cues: list[Cue] = []
    first = 0
    for past, starts in spans:
        lines = tuple(
            " ".join(token.text for token in tokens[begin:end])
            for begin, end in zip(starts, (*starts[1:], past), strict=True)
        )
        start = tokens[first].start_ms
        following = tokens[past].start_ms if past < len(tokens) else None
        end = _end(start, tokens[past - 1].end_ms, sum(map(len, lines)), following, profile)
        cues.append(Cue(start, end, lines))
        first = past
    return cues


def _end(start: int, spoken: int, letters: int, following: int | None, profile: Profile) -> int:
    """When a caption ends: after its last word, later if the reader needs it, at the next one's start if near."""
    needed = start + max(profile.min_ms, letters * 1_000 // profile.target_cps)
    end = max(spoken, min(needed, spoken + profile.linger_ms), start + 1)
    if following is not None and following > start and end + profile.chain_gap_ms > following:
        return following
    return end
