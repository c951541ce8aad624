"""Words with times to captions on a screen. The same words always give the same cues.

The programme is cut where the speaker changes or falls silent; between cuts the cheapest way to break it is found
over all ways (dynamic programming): grammar, row balance, reading speed and time on screen are one sum.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Cue, Word
from archivist_captions.grammar import break_cost, ends_sentence
from archivist_captions.profile import BROADCAST, Profile

_PER_CUE = 30  # what a caption costs: fewer, fuller ones
_ROW_BREAK = 0.5  # weight of a break between rows against one between captions
_TOP_HEAVY = 1.2  # per column that the upper row is longer than the lower
_UNBALANCED = 0.35  # per column of difference
_EXTRA_ROW = 130  # a row more than the profile likes
_FLASH = 260  # a caption that cannot stay floor_ms
_SHORT = 50  # one that cannot stay min_ms, in full; less as it comes nearer
_LONG = 150  # per second beyond max_ms
_FAST = 9  # per character a second above the target
_STUMP = 60  # one word of a sentence, cut off from the rest
_INNER_SENTENCE = 14  # a sentence that ends inside a caption
_INNER_PAUSE = 90  # per second of silence inside a caption beyond pause_ms
_INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, or a piece of one too long for a row, as it is to be shown.

    width: its columns on screen. own_row: whether it must begin a row. forced: whether a caption must end before.
    """

    start_ms: int
    end_ms: int
    text: str
    width: int
    own_row: bool = False
    forced: bool = False


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
    tokens = _tokens(words, profile, names or {}, frozenset(topics))
    spans = _spans(_text(tokens), profile)
    return tuple(_cues(tokens, spans, profile))


def _tokens(
    words: Sequence[Word], profile: Profile, names: Mapping[str, str], topics: Collection[int]
) -> list[_Token]:
    tokens: list[_Token] = []
    speaker: str | None = None
    named: set[str] = set()
    clock = 0
    label = labelled = False  # inside a label; just after one
    for index, word in enumerate(words):
        start = max(word.start_ms, clock)
        end = max(word.end_ms, start)
        mark = _mark(index, word, speaker, names, named, topics)
        if word.speaker is not None:
            speaker = word.speaker
        begins_label = word.text.startswith("[")
        own_row = bool(mark) or labelled or (begins_label and not label)
        label = (label or begins_label) and not word.text.endswith("]")
        labelled = word.text.endswith("]") and not label
        silent = bool(tokens) and start - tokens[-1].end_ms >= profile.silence_ms
        text = word.text.upper() if profile.capitals else word.text
        pieces = _pieces(mark, text, profile.columns)
        for number, piece in enumerate(pieces):
            begin = start + (end - start) * number // len(pieces)
            until = start + (end - start) * (number + 1) // len(pieces)
            first = number == 0
            tokens.append(_Token(begin, until, piece, _width(piece), own_row and first, silent and first))
        clock = start
    return tokens


def _mark(
    index: int,
    word: Word,
    before: str | None,
    names: Mapping[str, str],
    named: set[str],
    topics: Collection[int],
) -> str:
    """What stands before a word that begins a turn or a topic. Adds the speaker to `named` at first appearance."""
    changed = word.speaker is not None and word.speaker != before
    name = names.get(word.speaker, "") if word.speaker is not None and changed else ""
    if name and name not in named:
        named.add(name)
    else:
        name = ""
    if not name and index not in topics and not (changed and index > 0):
        return ""
    return f"{'>>>' if index in topics else '>>'} {name.upper() + ': ' if name else ''}"


def _pieces(mark: str, text: str, columns: int) -> list[str]:
    """The mark and the word as one, or in pieces that fit a row; a piece of a word cut in two ends with a hyphen."""
    if _width(mark + text) <= columns:
        return [mark + text]
    if mark:
        return [*_pieces("", mark.strip(), columns), *_pieces("", text, columns)]
    pieces: list[str] = []
    rest = text
    while _width(rest) > columns:
        size = columns - 1
        while _width(rest[:size]) > columns - 1:
            size -= 1
        pieces.append(rest[:size] + "-")
        rest = rest[size:]
    return [*pieces, rest]


def _width(text: str) -> int:
    """Columns on screen, where `…` takes three and an emoji none."""
    return len(text) if text.isascii() else len(transliterate(text)[0])


@dataclass(frozen=True, slots=True)
class _Text:
    """Tokens with what is asked of them over and over. columns[i]: width of all tokens before i, a space after each.

    breaks[i]: cost of a break before token i. marks[i]: how many tokens up to and with i must begin a row.
    """

    tokens: Sequence[_Token]
    columns: Sequence[int]
    breaks: Sequence[int]
    ends: Sequence[bool]
    marks: Sequence[int]

    def width(self, first: int, past: int) -> int:
        return self.columns[past] - self.columns[first] - 1


def _text(tokens: Sequence[_Token]) -> _Text:
    return _Text(
        tokens,
        columns=[0, *accumulate(token.width + 1 for token in tokens)],
        breaks=[0, *(break_cost(before.text, after.text) for before, after in pairwise(tokens)), 0],
        ends=[ends_sentence(token.text) for token in tokens],
        marks=list(accumulate(int(token.own_row) for token in tokens)),
    )


def _spans(text: _Text, profile: Profile) -> list[tuple[int, tuple[int, ...]]]:
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
            extra = _EXTRA_ROW if width > usual else 0
            cost = best[first] + _PER_CUE + inner + breaks[past]
            if cost + extra >= best[past]:
                continue
            cost += _time_cost(tokens, first, past, width, profile)
            cost += _stump(ends, first, past)
            if cost + extra >= best[past]:
                continue
            rows = _rows(text, first, past, profile)
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
    """Cost of a caption that is the last word of a sentence alone, or that ends with the first word of one."""
    if past - first == 1:
        return _STUMP if ends[first] and first > 0 and not ends[first - 1] else 0.0
    return _STUMP if past < len(ends) and ends[past - 2] and not ends[past - 1] else 0.0


def _time_cost(tokens: Sequence[_Token], first: int, past: int, width: int, profile: Profile) -> float:
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


def _rows(text: _Text, first: int, past: int, profile: Profile) -> tuple[float, tuple[int, ...]] | None:
    """Cheapest way to put tokens first..past on rows: its cost and where rows begin. None when they do not fit."""
    marks = text.marks[past - 1] - text.marks[first]
    if not marks and text.width(first, past) <= profile.columns:
        return 0.0, (first,)
    best: tuple[float, tuple[int, ...]] | None = None
    if marks <= 1 and profile.max_rows >= 2 and text.width(first, past) <= 2 * profile.columns + 1:
        best = _two_rows(text, first, past, marks, profile)
    if best is not None or marks >= profile.max_rows:
        return best
    return _more_rows(text, first, past, profile)


def _two_rows(
    text: _Text, first: int, past: int, marks: int, profile: Profile
) -> tuple[float, tuple[int, ...]] | None:
    best: tuple[float, tuple[int, ...]] | None = None
    extra = _EXTRA_ROW if profile.rows < 2 else 0
    for split in range(past - 1, first, -1):
        lower = text.width(split, past)
        if lower > profile.columns:
            break
        upper = text.width(first, split)
        if upper > profile.columns or (marks and not text.tokens[split].own_row):
            continue
        cost = extra + (0.0 if marks else text.breaks[split] * _ROW_BREAK + _balance(upper, lower))
        if best is None or cost < best[0]:
            best = (cost, (first, split))
    return best


def _more_rows(text: _Text, first: int, past: int, profile: Profile) -> tuple[float, tuple[int, ...]] | None:
    """Three rows or four, filled from the top with the cheapest break within reach."""
    starts = [first]
    cost = 0.0
    columns, breaks = text.columns, text.breaks
    while True:
        here = starts[-1]
        forced = past
        if text.marks[past - 1] != text.marks[here]:
            forced = next(place for place in range(here + 1, past) if text.tokens[place].own_row)
        if forced == past and text.width(here, past) <= profile.columns:
            return cost + _EXTRA_ROW * max(0, len(starts) - profile.rows), tuple(starts)
        rows_left = profile.max_rows - len(starts)
        if rows_left < 1:
            return None
        # The row may end before `furthest`, and must end so late that the rest fits the rows left.
        furthest = columns[here] + profile.columns + 1
        nearest = columns[past] - rows_left * (profile.columns + 1)
        choice: tuple[float, int] | None = None
        for split in range(min(forced, past - 1), here, -1):
            if columns[split] > furthest:
                continue
            if columns[split] < nearest:
                break
            row_cost = breaks[split] * _ROW_BREAK + (furthest - columns[split]) * _UNBALANCED
            price = 0.0 if split == forced else row_cost
            if choice is None or price < choice[0]:
                choice = (price, split)
        if choice is None:
            return None
        cost += choice[0]
        starts.append(choice[1])


def _balance(upper: int, lower: int) -> float:
    difference = upper - lower
    return difference * _TOP_HEAVY if difference > 0 else -difference * _UNBALANCED


def _cues(tokens: Sequence[_Token], spans: Sequence[tuple[int, tuple[int, ...]]], profile: Profile) -> list[Cue]:
    cues: list[Cue] = []
    first = 0
    for past, starts in spans:
        lines = tuple(
            " ".join(token.text for token in tokens[begin:end])
            for begin, end in zip(starts, (*starts[1:], past), strict=True)
        )
        start = tokens[first].start_ms
        following = tokens[past].start_ms if past < len(tokens) else None
        # An engine may give a word the silence after it: that is not spoken.
        spoken = min(tokens[past - 1].end_ms, max(start, tokens[past - 1].start_ms) + profile.silence_ms)
        end = _end(start, spoken, sum(map(len, lines)), following, profile)
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
