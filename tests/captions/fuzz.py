"""The long target: random programmes and damaged files until the time is up.

    python tests/captions/fuzz.py --seconds 60

Not part of pytest. A failure prints the seed that makes it happen again: `--seed N --seconds 0` runs that case alone.
"""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence

from archivist_captions.cea608.characters import SHOWABLE
from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cea608.verifier import compare, play, verify
from archivist_captions.convert import read
from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats import FORMATS
from archivist_captions.layout.layout import layout
from archivist_captions.profiles import PROFILES
from archivist_captions.report.data import report

_SHOWN = sorted(SHOWABLE)
_STRANGE = "’–…€👍М\u00a0\u200b\u0301ŁßİﬁⅨ\t\n>[]♪-—“”<&{}"


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every case held, 1 with the first that did not."""
    parser = argparse.ArgumentParser(description="fuzz the caption library")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="first case (default: from the clock)")
    asked = parser.parse_args(argv)
    seed = asked.seed if asked.seed is not None else time.time_ns() % 1_000_000_000
    ends = time.monotonic() + asked.seconds
    counts: Counter[str] = Counter()
    slowest = (0.0, seed)
    while True:
        chance = random.Random(seed)
        case = chance.choice(_CASES)
        begun = time.monotonic()
        try:
            case(chance)
        except Exception:  # the loop that owns the process: what was found is told and ends it
            traceback.print_exc()
            sys.stderr.write(f"\n{case.__name__} failed: --seed {seed} --seconds 0\n")
            return 1
        counts[case.__name__] += 1
        slowest = max(slowest, (time.monotonic() - begun, seed))
        seed += 1
        if time.monotonic() >= ends:
            break
    told = ", ".join(f"{count} {name.strip('_')}" for name, count in sorted(counts.items()))
    sys.stdout.write(f"held: {told}; slowest {slowest[0]:.2f} s (seed {slowest[1]})\n")
    return 0


def _programme(chance: random.Random) -> None:
    """Any cues: a clean file that shows every word, in either mode, from any label."""
    cues = _cues(chance)
    drop = chance.random() < 0.5
    options = SccOptions(
        drop_frame=drop,
        start_label=chance.choice(["", "01:00:00;00" if drop else "01:00:00:00"]),
        offset_ms=chance.choice([0, 0, 40, 3_001]),
        chain_gap_ms=chance.choice([0, 500, 1_000]),
        mode=chance.choice(["pop-on", "pop-on", "roll-up"]),
        depth=chance.choice([2, 3, 4]),
        newline=chance.choice(["\n", "\r\n"]),
    )
    encoded = encode(cues, options)
    # Who wants every gap blanked gets blinks.
    findings = [finding for finding in verify(encoded.text) if options.chain_gap_ms or finding.rule != "blink"]
    assert not findings, findings[:3]
    captions = Captions(tuple(cues))
    assert compare(captions, encoded.text, options) == (), compare(captions, encoded.text, options)[:3]
    report(captions, encoded.text, options, encoded.notes).as_dict()


def _identity(chance: random.Random) -> None:
    """What is read from a file of ours and written again shows the same rows at the same places and frames."""
    options = SccOptions(drop_frame=chance.random() < 0.5)
    text = encode(_cues(chance), options).text
    again = encode(read(text.encode(), "scc").captions.cues, options).text
    first, second = (
        [(screen.start, screen.end, [(row.number, row.text) for row in screen.rows]) for screen in play(each).screens]
        for each in (text, again)
    )
    assert first == second, next((a, b) for a, b in zip(first, second, strict=False) if a != b)


def _laid_out(chance: random.Random) -> None:
    """Any words, by any profile: none lost, added or moved, and a clean file of them."""
    words, clock = [], 0
    for _ in range(chance.randint(0, 150)):
        clock += chance.choice([0, 0, 0, 40, 200, 700, 3_000])
        text = "".join(_word(chance).split())
        if text:
            length = chance.randint(0, 600)
            words.append(Word(clock, clock + length, text, speaker=chance.choice([None, "A", "B"])))
            clock += length
    profile = chance.choice(list(PROFILES.values()))
    cues = layout(words, profile)
    marks = str.maketrans("", "", ">- ")
    shown = "".join(cue.text for cue in cues).translate(marks)
    assert shown == "".join(word.text for word in words).translate(marks)
    assert all(len(cue.lines) <= profile.max_rows for cue in cues)
    assert all(len(transliterate(line)[0]) <= profile.columns for cue in cues for line in cue.lines)
    assert verify(encode(cues).text) == ()


def _damaged(chance: random.Random) -> None:
    """A file of any format, damaged: read or refused, never a crash; what was read can be written in every format."""
    name = chance.choice([name for name, entry in FORMATS.items() if entry.read is not None])
    data = bytearray(FORMATS[name].write(Captions(tuple(_cues(chance)))))
    for _ in range(chance.randint(0, 30)):
        place = chance.randrange(len(data) + 1)
        if chance.random() < 0.5:
            data[place : place + chance.randint(0, 40)] = chance.randbytes(chance.randint(0, 10))
        else:
            data[place:place] = data[chance.randrange(len(data) + 1) :][: chance.randint(0, 300)]
    try:
        captions = read(bytes(data), name).captions
    except CannotRead:
        return
    for entry in FORMATS.values():
        if all(cue.end_ms < 80_000_000 for cue in captions.cues) or entry.name != "scc":
            entry.write(captions)


def _noise(chance: random.Random) -> None:
    """Bytes that are nothing, and words that are any: read or refused."""
    noise = chance.randbytes(chance.randint(0, 3_000))
    for name, entry in FORMATS.items():
        if entry.read is None:
            continue
        try:
            read(noise, name)
        except CannotRead:
            continue
    words = " ".join(f"{chance.getrandbits(16):04x}" for _ in range(chance.randint(0, 2_000)))
    verify(f"Scenarist_SCC V1.0\n\n00:00:01;00\t{words}\n\n")


_CASES: tuple[Callable[[random.Random], None], ...] = (_programme, _identity, _laid_out, _damaged, _noise)


def _cues(chance: random.Random) -> list[Cue]:
    clock, cues = chance.choice([0, 0, 3_000, 58_000, 3_590_000]), []
    for _ in range(chance.randint(0, 40)):
        length = chance.choice([1, 33, 200, 900, 1_400, 3_000, 9_000])
        lines = tuple(_line(chance) for _ in range(chance.choice([1, 1, 2, 2, 3, 4, 7])))
        cues.append(Cue(clock, clock + length, lines, chance.random() < 0.2))
        clock = max(
            0, clock + chance.choice([length, length, length + 33, length + 500, length + 5_000, length // 2])
        )
    return cues


def _line(chance: random.Random) -> str:
    return " ".join(_word(chance) for _ in range(chance.choice([0, 1, 2, 4, 6, 12])))


def _word(chance: random.Random) -> str:
    letters = chance.choice([_SHOWN, "abcdefgh", "abcdefgh", "abcdefgh", _STRANGE])
    return "".join(chance.choice(letters) for _ in range(chance.choice([1, 2, 3, 4, 5, 7, 10, 40])))


if __name__ == "__main__":
    sys.exit(main())
