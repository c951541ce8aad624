"""The lines of a Scenarist SCC file, as they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archivist_captions.errors import CannotRead

_HEADER = "Scenarist_SCC V1.0"
_LINE = re.compile(r"(\d{2}:\d{2}:\d{2}[:;.,]\d{2})[ \t]+(.*)", re.ASCII)
_WORD = re.compile(r"[0-9A-Fa-f]{4}", re.ASCII)
MOST_CHARACTERS = 64_000_000  # a day of words is 13 million characters


@dataclass(frozen=True, slots=True)
class SccLine:
    """One data line. number counts from 1. words keep their parity bits; torn: what is not four hex digits."""

    number: int
    label: str
    words: tuple[int, ...]
    torn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SccFile:
    """An SCC file taken apart. unreadable: number and text of the lines that are no data lines."""

    header: str
    lines: tuple[SccLine, ...]
    unreadable: tuple[tuple[int, str], ...]
    unspaced: tuple[int, ...]

    @property
    def has_header(self) -> bool:
        return self.header == _HEADER


def parse(text: str) -> SccFile:
    """The file's lines. Damage is recorded, not raised.

    unspaced: numbers of the data lines without a blank line before them.
    Raises CannotRead when nothing says that this is SCC, or when it is too large to be.
    """
    if len(text) > MOST_CHARACTERS:
        raise CannotRead(f"{len(text)} characters is more than a day of captions")
    rows = text.removeprefix("\ufeff").splitlines()
    header = rows[0].rstrip() if rows else ""
    lines: list[SccLine] = []
    unreadable: list[tuple[int, str]] = []
    unspaced: list[int] = []
    for number, row in enumerate(rows[1:], 2):
        if not row.strip():
            continue
        match = _LINE.fullmatch(row.rstrip())
        if match is None:
            unreadable.append((number, row[:80]))
            continue
        if rows[number - 2].strip():
            unspaced.append(number)
        words, torn = _words(match[2])
        lines.append(SccLine(number, match[1], words, torn))
    if not header.startswith("Scenarist_SCC") and not lines:
        raise CannotRead(f"not an SCC file: begins with {header[:40]!r}")
    return SccFile(header, tuple(lines), tuple(unreadable), tuple(unspaced))


def _words(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    words: list[int] = []
    torn: list[str] = []
    for item in text.split():
        if _WORD.fullmatch(item):
            words.append(int(item, 16))
        else:
            torn.append(item[:20])
    return tuple(words), tuple(torn)


def frames(lines: tuple[SccLine, ...], first_frames: tuple[int, ...]) -> Iterator[tuple[int, SccLine, int]]:
    """Each word with the frame that carries it and its line: one word a frame, so an early line waits."""
    free = -1
    for line, first in zip(lines, first_frames, strict=True):
        frame = max(first, free)
        for word in line.words:
            yield frame, line, word
            frame += 1
        free = frame
