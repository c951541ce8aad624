"""`archivist bench transcribe`: our slots on a long recording, beside faster-whisper on the same cores, now.

The work is done by `archivist_bench.transcribe_run`, a process for each slot or peer; this reads its JSON.
"""

import argparse
import itertools
import json
import os
import platform
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from archivist_captions.evaluation import word_error_rate, words_of
from archivist_cli import config
from archivist_cli.local.errors import StackError

OVERHEAD, TWO_SLOTS, PLAIN, BATCHED, MEMORY_MB = 0.10, 1.7, 1.8, 1.35, 600.0  # what is promised
_SAME_WORDS = 0.005  # word error rates this near are equal

_THEIR_BEAM = 5  # of faster-whisper, where none is asked for
_DEFAULT = (("demo", 10.0), ("random:base", 8.0), ("random:small", 4.0))
_QUICK = (("demo", 4.0), ("random:base", 4.0))
_BATCHES, _BEAMS = (1, 2, 4, 8), (1, 5)
_LEAST_FOR_SLOTS = 8.0  # minutes; in less there are too few pieces to share out
_PLAIN_MB_PER_MINUTE = 55.0  # of plain transcribe: 10 GB for three hours
_MB = 1_000_000
_STAGES = ("decode", "voice", "features", "encode", "generate", "align", "other")
_BARE = ("encode", "generate", "align")
_DEADLINE_S = 3_600.0  # for one run
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LEGEND = """\
one slot: a process on one core, planning included. decode, voice: sound out of the file (twice: to plan, to hear) and
the search for speech. features, encode, generate, align: the model's windows; the last three are bare CTranslate2
calls, and overhead is what all the rest adds to them. Peers get all the cores, int8, word times, no previous text.
They are judged with the beam they take unless told (5; ours decodes greedily, and again with care where that looks
wrong); with our own beam they are shown beside.
memory: the most held beyond the loaded model, the decoder's process included. ratio: their time by ours, in pairs."""


@dataclass
class _Tally:
    """The runs of one way."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    tokens: int = 0
    windows: int = 0
    words: list[str] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Way:
    """slots: processes with a core each; 0 for one process with all cores."""

    title: str
    way: str
    slots: int
    beam: int = 1


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "transcribe",
        help="transcription, beside faster-whisper on the same cores",
        description="Transcribe a recording in slots of one core each, with faster-whisper's transcribe and with its "
        "batched pipeline on the same cores, one after the other, and print times, errors, memory and ratios. "
        "Without --model: demo (which has a reference), and stand-ins of true size for base and small, made on the "
        "spot, that write a hundred tokens a window whatever they hear: speed without a download.",
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the demo recording, repeated")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|PATH",
        help="demo, random:tiny|base|small, a name, a folder; repeatable",
    )
    parser.add_argument("--slots", type=int, metavar="N", help="slots of one core (default: one a core, at most 2)")
    parser.add_argument("--minutes", type=float, metavar="M", help="length: the recording repeated to about this")
    parser.add_argument("--runs", type=int, choices=range(1, 10), default=1, help="default: 1; the median counts")
    parser.add_argument("--batch", type=int, default=4, help="windows decoded together by our slots (default: 4)")
    parser.add_argument("--beam", type=int, default=1, help="beam of ours (default: 1, greedy)")
    parser.add_argument("--quick", action="store_true", help="less of it, in two minutes")
    parser.add_argument("--alone", action="store_true", help="only ours: for long recordings")
    parser.add_argument(
        "--curve", action="store_true", help="only seconds by threads, batch and beam: to set them by"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit 0 whatever was measured: a busy machine is no failure. What is kept and what is not is printed."""
    if options.file is not None and not options.file.is_file():
        raise StackError(f"{options.file}: there is no such file")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    slots = options.slots or min(2, len(cores))
    if slots > len(cores):
        raise StackError(f"{slots} slots need {slots} cores; this process may use {len(cores)}")
    cores = cores[-slots:]
    print(f"{platform.machine()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB, Python {platform.python_version()}")
    print(f"pinned to {'cores' if slots > 1 else 'core'} {', '.join(map(str, cores))}; runs: {options.runs}")
    lengths = _QUICK if options.quick else _DEFAULT
    chosen = [(name, dict(lengths).get(name)) for name in options.model] if options.model else list(lengths)
    promises: list[tuple[str, bool | None]] = []
    with TemporaryDirectory(prefix="archivist-bench-", ignore_cleanup_errors=True) as folder:
        for name, minutes in chosen:
            length = options.minutes or (None if options.file else minutes or 10.0)
            judged = _bench(name, length, options, cores, Path(folder))
            promises += [(f"{name}: {promise}", kept) for promise, kept in judged]
    if options.curve:
        return 0
    print()
    print(_LEGEND)
    print()
    for promise, kept in promises:
        print(f"{'not measured' if kept is None else 'kept' if kept else 'NOT KEPT':<13} {promise}")
    return 0


def _bench(
    name: str, minutes: float | None, options: argparse.Namespace, cores: Sequence[int], folder: Path
) -> list[tuple[str, bool | None]]:
    """One model: measure, print, and judge what is promised."""
    sample = options.file or config.demo_folder() / "samples/meeting-10min.ogg"
    if minutes is not None and minutes < 9 and options.file is None:
        sample = sample.with_name("meeting-2min.ogg")
    made = _child(
        {
            "do": "prepare",
            "model": name if name.startswith("random:") or "/" not in name else str(Path(name).resolve()),
            "directory": str(config.model_directory(config.settings())),
            "folder": str(folder),
            "sample": str(sample.resolve()),
            "minutes": minutes,
        }
    )
    seconds = made["seconds"]
    spoken = _reference(sample, made["times"]) if not name.startswith("random:") else None
    print()
    if options.curve:
        _curve(name, made["model"], cores)
        return []
    print(f"{name} ({made['model_mb']:.0f} MB, int8), {seconds / 60:.1f} minutes of {sample.name}")
    ways = _ways(name, seconds, len(cores), options)
    tallies = {way.title: _Tally() for way in ways}
    for _ in range(options.runs):
        for way in [way for way in ways if way.title in tallies]:
            try:
                _measure(way, tallies[way.title], made, options, cores, folder)
            except StackError as exc:
                if way.way == "ours":
                    raise
                print(f"{way.title} is left out: {exc}")
                del tallies[way.title]
    one = tallies["one slot"]
    ours = tallies.get(f"{len(cores)} slots", one)
    _show(tallies, ours, seconds, spoken)
    stages = {stage: median(one.stages[stage]) for stage in _STAGES}
    print("one slot by stage: " + ", ".join(f"{stage} {took:.1f} s" for stage, took in stages.items()))
    overhead = sum(stages.values()) / sum(stages[stage] for stage in _BARE) - 1
    print(f"overhead over bare encode, generate and align: {100 * overhead:.1f} %", flush=True)
    return [*_judged_alone(seconds, overhead, one, ours, len(cores)), *_judged_beside(tallies, ours, spoken)]


def _ways(name: str, seconds: float, slots: int, options: argparse.Namespace) -> list[_Way]:
    """What is run, ours first."""
    ways = [_Way("one slot", "ours", 1, options.beam)]
    if slots > 1:
        ways.append(_Way(f"{slots} slots", "ours", slots, options.beam))
    if options.alone:
        return ways
    beams = [_THEIR_BEAM] if options.quick or name == "random:small" else [_THEIR_BEAM, options.beam]
    needed_mb = seconds / 60 * _PLAIN_MB_PER_MINUTE
    if needed_mb < _available_mb():
        ways += [_Way(f"transcribe, beam {beam}", "plain", 0, beam) for beam in dict.fromkeys(beams)]
    else:
        print(f"transcribe() is left out: it needs some {needed_mb / 1000:.0f} GB")
    return [*ways, *(_Way(f"batched, beam {beam}", "batched", 0, beam) for beam in dict.fromkeys(beams))]


def _show(tallies: dict[str, _Tally], ours: _Tally, seconds: float, spoken: list[str] | None) -> None:
    print(_row("", "seconds", "cpu s", "x real time", "tokens", "windows", "WER %", "memory MB", "ratio"))
    for title, tally in tallies.items():
        wer = f"{100 * _wer(spoken, tally):.1f}" if spoken else ""
        wall = median(tally.wall_s)
        print(
            _row(
                title, f"{wall:.1f}", f"{median(tally.cpu_s):.1f}", f"{seconds / wall:.1f}", tally.tokens,
                tally.windows, wer, f"{tally.memory_mb:.0f}", f"{_ratio(tally, ours):.2f}",
            )
        )  # fmt: skip


def _curve(name: str, model: str, cores: Sequence[int]) -> None:
    """Seconds of computing for 30 seconds of talk in one slot."""
    print(
        f"{name}: seconds for 30 seconds of talk (100 tokens) in one slot, times real time of all {len(cores)} cores"
    )
    print(_row("threads x slots", "batch", "beam", "seconds", "x real time"))
    for threads in sorted({1, len(cores)}):
        slots = len(cores) // threads
        for beam, batch in itertools.product(_BEAMS, _BATCHES):
            jobs = [
                {
                    "do": "measure", "model": model, "cores": list(cores[n * threads : (n + 1) * threads]),
                    "threads": threads, "batch_size": batch, "beam_size": beam,
                }
                for n in range(slots)
            ]  # fmt: skip
            with ExitStack() as stack:
                children = [stack.enter_context(_started(job)) for job in jobs]  # all at once: they share the memory
                window_s = median(json.loads(_hear(child))["window_s"] for child in children)
            print(
                _row(f"{threads} x {slots}", batch, beam, f"{window_s:.2f}", f"{30 * slots / window_s:.1f}"),
                flush=True,
            )


def _judged_alone(
    seconds: float, overhead: float, one: _Tally, ours: _Tally, slots: int
) -> list[tuple[str, bool | None]]:
    """Each goal with its measured value, and whether it is met (None: not measurable here)."""
    memory_mb = max(one.memory_mb, ours.memory_mb)
    told: list[tuple[str, bool | None]] = [
        (f"overhead {100 * overhead:.1f} % of at most {100 * OVERHEAD:.0f} %", overhead <= OVERHEAD),
        (
            f"{memory_mb:.0f} MB in a slot beside the model of at most {MEMORY_MB:.0f} ({seconds / 60:.0f} minutes)",
            memory_mb < MEMORY_MB,
        ),
    ]
    if slots > 1:
        speedup, enough = _ratio(one, ours), slots == 2 and seconds / 60 >= _LEAST_FOR_SLOTS
        why = "" if enough else f" (for two slots and {_LEAST_FOR_SLOTS:.0f} minutes)"
        told.append(
            (
                f"{slots} slots {speedup:.2f} times one, of at least {TWO_SLOTS}{why}",
                speedup >= TWO_SLOTS if enough else None,
            )
        )
    return told


def _judged_beside(
    tallies: dict[str, _Tally], ours: _Tally, spoken: list[str] | None
) -> list[tuple[str, bool | None]]:
    """What is promised beside others, on the same cores at the same word error rate or at equal tokens."""
    told: list[tuple[str, bool | None]] = []
    for title, bound in ((f"transcribe, beam {_THEIR_BEAM}", PLAIN), (f"batched, beam {_THEIR_BEAM}", BATCHED)):
        theirs = tallies.get(title)
        if theirs is None:
            told.append((f"at least {bound} times {title}", None))
            continue
        ratio = _ratio(theirs, ours)
        if spoken is None:  # per token, and never more than what the clock says
            ratio, same, how = min(ratio, ratio * ours.tokens / theirs.tokens), True, "at equal tokens"
        else:
            errors, others = _wer(spoken, ours), _wer(spoken, theirs)
            same, how = errors <= others + _SAME_WORDS, f"at {100 * errors:.1f} % word errors to {100 * others:.1f} %"
        told.append((f"{ratio:.2f} times {title}, of at least {bound}, {how}", ratio >= bound and same))
    return told


def _wer(spoken: list[str], tally: _Tally) -> float:
    return word_error_rate(spoken, words_of(" ".join(tally.words)))


def _ratio(theirs: _Tally, ours: _Tally) -> float:
    return median(their / own for their, own in zip(theirs.wall_s, ours.wall_s, strict=True))


def _reference(sample: Path, times: int) -> list[str] | None:
    """The words of FILE.json beside the recording, where there is one."""
    path = sample.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        segments = json.loads(path.read_text())["segments"]
        return words_of(" ".join(segment["text"] for segment in segments)) * times
    except (ValueError, KeyError, TypeError) as exc:
        raise StackError(f"{path} lies beside the recording and is no reference: {exc!r}") from exc


def _measure(
    way: _Way, tally: _Tally, made: dict[str, Any], options: argparse.Namespace, cores: Sequence[int], folder: Path
) -> None:
    """Run a way once and add what it took."""
    shares = [[core] for core in cores[-way.slots :]] if way.slots else [list(cores)]
    chunks = mkdtemp(dir=folder)
    with ExitStack() as stack:
        jobs = [
            {
                "do": "run", "way": way.way, "cores": share, "threads": len(share), "model": made["model"],
                "recording": made["recording"], "batch_size": options.batch, "beam_size": way.beam,
                "chunks": chunks, "plans": number == 0,
            }
            for number, share in enumerate(shares)
        ]  # fmt: skip
        children = []
        for job in jobs:
            children.append(stack.enter_context(_started(job)))
            stack.callback(children[-1].kill)  # comes before the wait for its end
        for child in children:
            _hear(child)
        began = time.perf_counter()
        for child in children:
            assert child.stdin is not None  # noqa: S101 -- a pipe was asked for
            child.stdin.write("go\n")
            child.stdin.flush()
        done = [json.loads(_hear(child)) for child in children]
        tally.wall_s.append(time.perf_counter() - began)
    tally.cpu_s.append(sum(result["cpu_s"] for result in done))
    tally.memory_mb = max(tally.memory_mb, *(result["memory_mb"] for result in done))
    tally.tokens = sum(result["tokens"] for result in done)
    tally.windows = sum(result["windows"] for result in done)
    parts = sorted(part for result in done for part in result["words"])
    tally.words = [word for _, words in parts for word in words]
    for stage in _STAGES:
        tally.stages.setdefault(stage, []).append(sum(result["stages"].get(stage, 0.0) for result in done))


def _started(job: dict[str, Any]) -> "subprocess.Popen[str]":
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(job.get("threads", 1)))}
    return subprocess.Popen(
        [sys.executable, "-m", "archivist_bench.transcribe_run", json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )


def _hear(child: "subprocess.Popen[str]") -> str:
    """The next line a measurement prints. Its errors go to standard error."""
    assert child.stdout is not None  # noqa: S101 -- a pipe was asked for
    if not select.select([child.stdout], [], [], _DEADLINE_S)[0]:
        raise StackError(f"a measurement took more than {_DEADLINE_S:.0f} s")
    line = child.stdout.readline()
    if not line:
        raise StackError(f"a measurement ended with exit code {child.wait()}")
    return line


def _child(job: dict[str, Any]) -> dict[str, Any]:
    with _started(job) as child:
        result: dict[str, Any] = json.loads(_hear(child))
    return result


def _row(*cells: object) -> str:
    title, *figures = map(str, cells)
    return f"{title:<20}" + " ".join(f"{text:>11}" for text in figures)


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _available_mb() -> float:
    """Memory that could be had now."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return 0.0
    line = next(line for line in path.read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1_024 / _MB
