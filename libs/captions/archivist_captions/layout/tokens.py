"""Words as they are to be shown: with marks before them, cut where they are too long, in capitals if asked."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Word
from archivist_captions.profiles import Profile

_GIVEN = re.compile(r"(>>>?) (\S.*)", re.DOTALL)  # a mark that came with its word


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a piece of one too long for a row, as it is to be shown.

    width: its columns on screen. own_row: whether it must begin a row. forced: whether a caption must end before.
    """

    start_ms: int
    end_ms: int
    text: str
    width: int
    own_row: bool = False
    forced: bool = False


def tokens_of(
    words: Sequence[Word], profile: Profile, names: Mapping[str, str], topics: Collection[int]
) -> list[Token]:
    """The words as they are to be shown, with the marks of speakers and topics."""
    tokens: list[Token] = []
    speaker: str | None = None
    named: set[str] = set()
    clock = 0
    label = labelled = False  # inside a label; just after one
    for index, word in enumerate(words):
        start = max(word.start_ms, clock)
        # An engine may give a word the silence after it: that is not spoken.
        end = min(max(word.end_ms, start), start + profile.silence_ms)
        given = _GIVEN.match(word.text)
        mark = given[1] + " " if given else _mark(index, word, speaker, names, named, topics)
        if word.speaker is not None:
            speaker = word.speaker
        begins_label = word.text.startswith("[")
        own_row = bool(mark) or word.text.startswith(">>") or labelled or (begins_label and not label)
        label = (label or begins_label) and not word.text.endswith("]")
        labelled = word.text.endswith("]") and not label
        silent = bool(tokens) and start - tokens[-1].end_ms >= profile.silence_ms
        text = given[2] if given else word.text
        text = text.upper() if profile.capitals else text
        pieces = _pieces(mark, text, profile.columns)
        for number, piece in enumerate(pieces):
            begin = start + (end - start) * number // len(pieces)
            until = start + (end - start) * (number + 1) // len(pieces)
            first = number == 0
            tokens.append(Token(begin, until, piece, _width(piece), own_row and first, silent and first))
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
