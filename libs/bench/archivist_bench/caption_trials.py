"""Synthetic programmes that SCC writers are measured with, and the measuring.

The same every time, so that results of two days, two machines or two writers can be compared.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cea608.verifier import Finding, Played, compare_played, plain, play, timings
from archivist_captions.cue import Captions, Cue
from archivist_captions.notes import NoteKind

_WORDS = (
    *("the", "council", "of", "this", "city", "will", "now", "hear", "public", "comment", "on", "item", "twelve"),
    *("regarding", "the", "zoning", "variance", "and", "we", "thank", "you", "for", "your", "patience"),
    *("tonight", "motion", "carries", "second"),
)


_LONG = 16  # letters of a word that a row may have to cut


@dataclass(frozen=True, slots=True)
class Judged:
    """Quality of an SCC file that a writer made of a trial's cues.

    findings: of the verifier, and against the cues. errors: frames by which cues that are found are shown off their
    time, without sign, in no order. cues_lost: how many are not shown as written. words: of all cues, as CEA-608 can
    show them; words_lost: how many of them are on no screen.
    """

    findings: tuple[Finding, ...]
    errors: tuple[int, ...]
    cues_lost: int
    words: int
    words_lost: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a trial. late: frames of each cue that the encoder said is late. Times are seconds of one process;
    verify_s is decoding the file and holding it against the cues."""

    cues: int
    encode_s: float
    verify_s: float
    late: tuple[int, ...]
    judged: Judged


def measure(cues: tuple[Cue, ...], options: SccOptions | None = None) -> Measured:
    """Encode the cues, decode the file again, and hold the two together."""
    begun = time.perf_counter()
    encoded = encode(cues, options)
    written = time.perf_counter()
    played = play(encoded.text)
    compared = compare_played(Captions(cues), played, options)
    checked = time.perf_counter()
    return Measured(
        cues=len(cues),
        encode_s=written - begun,
        verify_s=checked - written,
        late=tuple(note.frames for note in encoded.notes if note.kind is NoteKind.LATE),
        judged=_judged(cues, played, compared, options),
    )


def judge(cues: tuple[Cue, ...], scc_text: str, options: SccOptions | None = None) -> Judged:
    """Anybody's SCC file of these cues, by our decoder. Raises CannotRead when the text is no SCC file at all."""
    played = play(scc_text)
    return _judged(cues, played, compare_played(Captions(cues), played, options), options)


def _judged(cues: tuple[Cue, ...], played: Played, compared: Sequence[Finding], options: SccOptions | None) -> Judged:
    wanted = Counter(plain(word) for cue in cues for word in transliterate(cue.text)[0].split())
    shown = Counter(plain(word) for screen in played.screens for row in screen.rows for word in row.text.split())
    letters = plain("".join(played.receiver.letters))
    lost = 0
    for word, times in wanted.items():
        found = shown[word]
        if found < times and len(word) >= _LONG:  # it may be there, on two rows
            found = letters.count(word)
        lost += max(0, times - found)
    return Judged(
        findings=(*played.findings, *compared),
        errors=tuple(abs(timing.frames) for timing in timings(Captions(cues), played, options) if not timing.joined),
        cues_lost=sum(finding.rule == "text-missing" for finding in compared),
        words=wanted.total(),
        words_lost=lost,
    )


def easy() -> tuple[Cue, ...]:
    """60 two-row cues, one a minute."""
    chance = _chance(1)
    starts = [60_000 * minute + 5_000 + chance.randint(0, 999) for minute in range(60)]
    return tuple(Cue(start, start + 3_000, (_line(chance, 32), _line(chance, 32))) for start in starts)


def benign(count: int = 1_057) -> tuple[Cue, ...]:
    """Two-row cues with gaps of 0 to 2 s, about an hour of them."""
    chance = _chance(2)
    clock, cues = 3_000, []
    for _ in range(count):
        length = chance.randint(1_600, 3_200)
        cues.append(Cue(clock, clock + length, (_line(chance, 32), _line(chance, 30))))
        clock += length + chance.choice([0, 0, 33, 100, 300, 500, 600, 800, 1_000, 1_200, 2_000])
    return tuple(cues)


def fast(count: int = 4_000) -> tuple[Cue, ...]:
    """Two full rows every 2.7 s, three hours of them."""
    chance = _chance(3)
    starts = [2_000 + 2_700 * number for number in range(count)]
    return tuple(
        Cue(start, start + chance.randint(1_500, 2_500), (_line(chance, 32), _line(chance, 32))) for start in starts
    )


def hazards() -> tuple[Cue, ...]:
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
    return tuple(cues)


TRIALS: dict[str, Callable[[], tuple[Cue, ...]]] = {
    "easy": easy,
    "benign": benign,
    "fast": fast,
    "hazards": hazards,
}


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # nothing secret: it must be the same every time


def _line(chance: random.Random, columns: int) -> str:
    line = chance.choice(_WORDS).capitalize()
    while len(line) + 1 + len(word := chance.choice(_WORDS)) <= columns:
        line += f" {word}"
    return line
