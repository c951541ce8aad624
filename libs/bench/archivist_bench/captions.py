"""`archivist bench captions`: what our SCC encoder does with the trials, beside others, on this machine, now."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from archivist_bench.caption_trials import TRIALS
from archivist_cli.local.errors import StackError

ENCODE_S, VERIFY_S, MEMORY_MB = 1.0, 3.0, 150.0  # what is promised for the fast trial: 4,000 cues over 3 h
_OURS = "archivist"
_PEERS = ("pycaption", "ttconv")
_RUNS = 3
_ENOUGH_S = 5.0  # a peer that takes longer is run once
_DEADLINE_S = 300.0  # for one run of one writer, start to judgement
_LEGEND = f"""\
ratio: its encode time by ours in the same run. findings: errors that our decoder finds in the file, and in holding
it against the cues. words lost: on no screen. start error: the largest, in frames; some of the hazards cannot be
sent in their time, and a finding would say if the channel had been idle meanwhile.
Promised, and fast (4,000 cues in 3 h) is the hardest: encode {ENCODE_S} s, verify {VERIFY_S} s, {MEMORY_MB:.0f} MB;
no finding, no word lost, no start error above 1 but of hazards."""
_WIDTHS = (9, 7, 9, 6, 9, 13, 11)


@dataclass
class _Tally:
    """The runs of one writer on one trial. told: what was left out for it, or why there is no result.

    first: index of the cue it was given first.
    """

    encode_s: list[float] = field(default_factory=list)
    verify_s: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    judged: dict[str, Any] = field(default_factory=dict)
    told: str = ""
    first: int = 0

    @property
    def again(self) -> bool:
        return not self.encode_s or self.encode_s[-1] < _ENOUGH_S


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    captions = actions.add_parser(
        "captions",
        help="the SCC encoder, beside pycaption and ttconv where they are installed",
        description="Encode the trial programmes, decode them again and count what is wrong, beside other writers on "
        "the same cues, each run in a process of its own on one core. Exit 0 only if the bounds are kept.",
    )
    captions.add_argument(
        "--trial", action="append", choices=list(TRIALS), help="which; repeatable (default: all four)"
    )
    captions.add_argument(
        "--runs", type=int, choices=range(1, 10), default=_RUNS, help="default: 3; the median counts"
    )
    captions.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    names = options.trial or list(TRIALS)
    core = _core()
    versions = {peer: _child("version", peer).get("version") for peer in _PEERS}
    pinned = f"pinned to core {core}" if core is not None else "not pinned: this system cannot"
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {pinned}")
    print(f"median of {options.runs} paired runs; the encode time leaves reading out, memory is the writer's process")
    for peer, version in versions.items():
        if version is None:
            print(f"{peer} is not installed (a development extra): left out")
    peers = [peer for peer in _PEERS if versions[peer] is not None]
    kept = True
    print()
    print(_row("trial", "writer", "encode s", "ratio", "verify s", "MB", "findings", "words lost", "start error"))
    for name in names:
        tallies = _measure(name, [_OURS, *peers], options.runs, core)
        for writer, tally in tallies.items():
            version = versions.get(writer)
            print(_figures(name, f"{writer} {version}" if version else writer, tally, tallies[_OURS]), flush=True)
        kept = kept and _kept(name, tallies[_OURS])
    print()
    print(_LEGEND)
    print("All kept." if kept else "NOT KEPT.")
    if peers:
        print()
        print("Our files in other readers (screens that start at the same frame as in our decoder):")
        for line in _agreement(names, peers, core):
            print(line, flush=True)
    return 0 if kept else 1


def _measure(name: str, writers: Sequence[str], runs: int, core: int | None) -> dict[str, _Tally]:
    tallies = {writer: _Tally() for writer in writers}
    for number in range(runs):
        for writer, tally in tallies.items():
            if not tally.again and number:
                tally.told = tally.told or "one run: it is slow"
                continue
            judge = "judge" if number == 0 else ""
            done = _child("write", writer, name, judge, str(tally.first), core=core)
            if "error" in done and number == 0:  # as with a cue at 0.0, which leaves no time to send it
                tally.told, tally.first = f"without cue 1, on which it {done['error']}", 1
                done = _child("write", writer, name, judge, str(tally.first), core=core)
            if "error" in done:
                tally.told = f"it {done['error']}"
                continue
            tally.encode_s.append(done["encode_s"])
            tally.memory_mb = max(tally.memory_mb, done["memory_mb"])
            if "verify_s" in done:
                tally.verify_s.append(done["verify_s"])
            if number == 0:
                tally.judged = done["judged"]
    return tallies


def _figures(name: str, writer: str, tally: _Tally, ours: _Tally) -> str:
    if not tally.judged:
        return _row(name, writer, tally.told)
    ratios = [theirs / own for theirs, own in zip(tally.encode_s, ours.encode_s, strict=False)]
    judged = tally.judged
    row = _row(
        name,
        writer,
        f"{median(tally.encode_s):.3f}",
        f"{median(ratios):.2f}" if ratios else "",
        f"{median(tally.verify_s):.3f}" if tally.verify_s else "",
        f"{tally.memory_mb:.0f}",
        judged["errors"],
        f"{judged['words_lost']} of {judged['words']}",
        judged["largest"],
    )
    return f"{row}  {tally.told}".rstrip()


def _kept(name: str, ours: _Tally) -> bool:
    if not ours.judged:
        return False
    quick = median(ours.encode_s) <= ENCODE_S and median(ours.verify_s) <= VERIFY_S and ours.memory_mb < MEMORY_MB
    exact = name == "hazards" or ours.judged["largest"] <= 1
    return quick and exact and not ours.judged["errors"] and not ours.judged["words_lost"]


def _agreement(names: Sequence[str], peers: Sequence[str], core: int | None) -> Iterator[str]:
    yield _row("trial", "reader", "ours", "theirs", "same", "", "", "labels")
    for name in names:
        for peer in peers:
            kind = "drop-frame" if peer == "ttconv" else "non-drop"  # pycaption reads these alone on time
            done = _child("read", peer, name, kind, core=core)
            if "error" in done:
                yield _row(name, peer, done["error"])
            else:
                yield _row(name, peer, done["screens"], done["theirs"], done["same"], "", "", kind)


def _row(*cells: object) -> str:
    """A line of the table: two names, then numbers, or a remark in their place."""
    trial, writer, *figures = map(str, cells)
    columns = [f"{text:>{width}}" for text, width in zip(figures, _WIDTHS, strict=False)]
    return f"{trial:<8} {writer:<17} {' '.join(columns)}".rstrip()


def _core() -> int | None:
    """The last core this process may use: the first one is where most else runs."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _child(*what: str, core: int | None = None) -> dict[str, Any]:
    """One measurement in a process of its own: nothing that ran before it is warm or in its memory."""
    command = [sys.executable, "-m", "archivist_bench.peers", "" if core is None else str(core), *what]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {_DEADLINE_S:.0f} s"}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        if what[1] == _OURS:
            raise StackError(f"the measurement ended with exit code {done.returncode}: {last}")
        return {"error": f"fails: {last}"}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
