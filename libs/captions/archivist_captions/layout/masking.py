"""Words a station does not show: an option, off by default, and every use of it is reported."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from archivist_captions.cue import Word

_CORE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Masking:
    """Words with some of them masked, and the indexes of those."""

    words: tuple[Word, ...]
    masked: tuple[int, ...]


def mask(words: Sequence[Word], listed: Collection[str]) -> Masking:
    """Each listed word as its first letter and hyphens, its punctuation kept: `Darn!` -> `D---!`.

    Case does not count and a word is listed as a whole: `darn` leaves `darning` alone.
    """
    wanted = {word.casefold() for word in listed}
    out: list[Word] = []
    masked: list[int] = []
    for index, word in enumerate(words):
        match = _CORE.match(word.text)
        if match is not None and match[2] and match[2].casefold() in wanted:
            hidden = match[2][0] + "-" * (len(match[2]) - 1)
            out.append(replace(word, text=f"{match[1]}{hidden}{match[3]}"))
            masked.append(index)
        else:
            out.append(word)
    return Masking(tuple(out), tuple(masked))
