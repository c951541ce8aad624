"""Tokens on the rows of one caption: where to break, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from archivist_captions.layout.grammar import break_cost, ends_sentence
from archivist_captions.layout.tokens import Token
from archivist_captions.profiles import Profile

EXTRA_ROW = 130  # cost of a row more than the profile likes
_ROW_BREAK = 0.5  # weight of a break between rows against one between captions
_TOP_HEAVY = 1.2  # per column that the upper row is longer than the lower
_UNBALANCED = 0.35  # per column of difference

Rows = tuple[float, tuple[int, ...]]  # a cost, and the indexes at which rows begin


@dataclass(frozen=True, slots=True)
class Text:
    """Tokens with what is asked of them over and over. columns[i]: width of all tokens before i, a space after each.

    breaks[i]: cost of a break before token i. marks[i]: how many tokens up to and with i must begin a row.
    """

    tokens: Sequence[Token]
    columns: Sequence[int]
    breaks: Sequence[int]
    ends: Sequence[bool]
    marks: Sequence[int]

    def width(self, first: int, past: int) -> int:
        return self.columns[past] - self.columns[first] - 1


def text_of(tokens: Sequence[Token]) -> Text:
    """The tokens, measured once."""
    return Text(
        tokens,
        columns=[0, *accumulate(token.width + 1 for token in tokens)],
        breaks=[0, *(break_cost(before.text, after.text) for before, after in pairwise(tokens)), 0],
        ends=[ends_sentence(token.text) for token in tokens],
        marks=list(accumulate(int(token.own_row) for token in tokens)),
    )


def best_rows(text: Text, first: int, past: int, profile: Profile) -> Rows | None:
    """Cheapest way to put tokens first..past on rows: its cost and where rows begin. None when they do not fit."""
    marks = text.marks[past - 1] - text.marks[first]
    if not marks and text.width(first, past) <= profile.columns:
        return 0.0, (first,)
    best: Rows | None = None
    if marks <= 1 and profile.max_rows >= 2 and text.width(first, past) <= 2 * profile.columns + 1:
        best = _two_rows(text, first, past, marks, profile)
    if best is not None or marks >= profile.max_rows:
        return best
    return _more_rows(text, first, past, profile)


def _two_rows(text: Text, first: int, past: int, marks: int, profile: Profile) -> Rows | None:
    best: Rows | None = None
    extra = EXTRA_ROW if profile.rows < 2 else 0
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


def _more_rows(text: Text, first: int, past: int, profile: Profile) -> Rows | None:
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
            return cost + EXTRA_ROW * max(0, len(starts) - profile.rows), tuple(starts)
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
