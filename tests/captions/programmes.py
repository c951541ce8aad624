"""Programmes to put on air: the four inputs that SCC writers are measured with."""

import random

from archivist_captions.cue import Cue, Word

_WORDS = [
    "the",
    "council",
    "of",
    "this",
    "city",
    "will",
    "now",
    "hear",
    "public",
    "comment",
    "on",
    "item",
    "twelve",
    "regarding",
    "the",
    "zoning",
    "variance",
    "and",
    "we",
    "thank",
    "you",
    "for",
    "your",
    "patience",
    "tonight",
    "motion",
    "carries",
    "second",
]


def _line(random_: random.Random, columns: int) -> str:
    line = random_.choice(_WORDS).capitalize()
    while len(line) + 1 + len(word := random_.choice(_WORDS)) <= columns:
        line += f" {word}"
    return line


def easy() -> list[Cue]:
    """60 two-row cues, one a minute."""
    chance = random.Random(1)
    starts = [60_000 * minute + 5_000 + chance.randint(0, 999) for minute in range(60)]
    return [Cue(start, start + 3_000, (_line(chance, 32), _line(chance, 32))) for start in starts]


def benign(count: int = 1_057) -> list[Cue]:
    """Two-row cues with gaps of 0 to 2 s, about an hour of them."""
    chance = random.Random(2)
    clock, cues = 3_000, []
    for _ in range(count):
        length = chance.randint(1_600, 3_200)
        cues.append(Cue(clock, clock + length, (_line(chance, 32), _line(chance, 30))))
        clock += length + chance.choice([0, 0, 33, 100, 300, 500, 600, 800, 1_000, 1_200, 2_000])
    return cues


def hazards() -> list[Cue]:
    """What breaks SCC writers: 0.0 s, bursts, accents, quotes, notes, emoji, overlaps, six rows, past an hour."""
    texts = [
        "“Don’t delay” — he said", "We’re O’Brien’s", "Übung, Zürich ñ é", "{brace} \\ ^ _ | ~ * `", "♪♪ Oh say ♪",
        "Thank you 👍 all", "ten – twelve… ¾ €5", "x" * 80, "A line much longer than thirty two columns it is",
        "Aye.", "Nay.", "👍", "“" + "q" * 30 + "”", "Ü" * 32,
    ]  # fmt: skip
    cues = [Cue(0, 1_000, ("Good evening.",))]
    clock = 1_033
    for text in texts * 2:
        cues.append(Cue(clock, clock + 900, (text,)))
        clock += 933
    for _ in range(15):
        cues.append(Cue(clock, clock + 200, ("Aye.",)))
        clock += 233
    clock += 2_000
    for _ in range(8):
        cues.append(Cue(clock, clock + 1_200, ("x" * 31 + "y", "z" * 32)))
        clock += 1_200
    clock += 3_000
    cues.append(Cue(clock, clock + 5_000, tuple(f"row {row}" for row in range(6))))
    cues.append(Cue(clock + 1_000, clock + 2_000, ("overlap",)))
    cues.append(Cue(clock + 1_000, clock + 2_000, ("same time",)))
    cues.append(Cue(3_700_000, 3_701_000, ("Past an hour.",)))
    return cues


def words_of(cues: list[Cue]) -> list[Word]:
    """The words of cues, spread evenly over their time."""
    words: list[Word] = []
    for cue in cues:
        texts = cue.text.split()
        length = cue.end_ms - cue.start_ms
        for place, text in enumerate(texts):
            begin, end = (cue.start_ms + length * number // len(texts) for number in (place, place + 1))
            words.append(Word(begin, end, text))
    return words
