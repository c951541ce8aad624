"""`archivist bench accuracy`: words right and wrong on recordings with references, beside faster-whisper."""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from archivist_bench.word_errors import Errors, Said, errors_of, segments_of
from archivist_captions.cue import Word
from archivist_captions.report.data import percentile
from archivist_cli.local.errors import StackError
from archivist_common.jobs.chunks import Cut
from archivist_common.storage.paths import MEDIA_SUFFIXES
from archivist_transcriber.engines import ENGINES, EngineSettings
from archivist_transcriber.protocol import ChunkWork, PlanWork, RecordingFile
from archivist_transcriber.slot import transcribe

BEAM, BATCH = 5, 8  # of faster-whisper, as its users run it
_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording with its reference."""

    path: Path
    language: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of one recording. unheard: stretches, in ms, that a finding says are without words."""

    words: tuple[Word, ...]
    unheard: tuple[tuple[int, int], ...] = ()


Way = Callable[[Recording], Heard]


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "accuracy",
        help="words right and wrong on recordings with references, beside faster-whisper",
        description="Transcribe every recording of a folder with a reference (JSON: `language` and `segments` "
        "of `start`, `end`, `text`) beside it: as a slot does, with faster-whisper's transcribe and with its batched "
        "pipeline, and print errors by kind, runs of four lost words, words where nobody speaks, and how far cues "
        "begin from speech.",
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="a Whisper model for CTranslate2")
    parser.add_argument("--speech", type=Path, required=True, metavar="FOLDER", help="recordings with references")
    parser.add_argument("--way", choices=list(WAYS), action="append", help="default: all; repeatable")
    parser.add_argument("--only", action="append", metavar="NAME", help="recordings by their names' beginnings")
    parser.add_argument("--beam", type=int, default=1, help="beam of ours (default: 1, greedy first)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit 0 whatever was measured. Raises StackError where there is nothing to measure."""
    recordings = with_references(options.speech, options.only)
    results: dict[str, dict[str, Errors]] = {}
    for title in options.way or list(WAYS):
        way = WAYS[title](options.model, options.beam)
        results[title], took = {}, 0.0
        for recording in recordings:
            began = time.process_time()
            heard = way(recording)
            took += time.process_time() - began
            found = errors_of(recording.said, heard.words, recording.language, heard.unheard)
            results[title][recording.path.name] = found
        seconds = sum(max((said.end_ms for said in recording.said), default=0) for recording in recordings) / 1000
        rate = 100 * sum(results[title].values(), Errors()).rate
        print(
            f"{title}: {rate:.1f} % of words wrong, {took:.0f} s of processor time for {seconds:.0f} s of recordings "
            "to the end of their speech",
            flush=True,
        )
    print()
    print("\n".join(table(results)))
    for title, errors in results.items():
        for line in lost_runs(title, errors):
            print(line)
    return 0


def with_references(folder: Path, only: Sequence[str] | None = None) -> list[Recording]:
    """The recordings of a folder that have a readable reference; the others are named with the reason."""
    if not folder.is_dir():
        raise StackError(f"{folder}: there is no such folder")
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in MEDIA_SUFFIXES or (only and not path.name.startswith(tuple(only))):
            continue
        reference = path.with_suffix(".json")
        try:
            data = json.loads(reference.read_text(encoding="utf-8"))
            found.append(Recording(path, str(data.get("language", "en")), segments_of(data)))
        except FileNotFoundError:
            print(f"skipped {path.name}: no {reference.name} beside it")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            print(f"skipped {path.name}: {reference.name} is no reference: {type(exc).__name__}: {exc}")
    if not found:
        raise StackError(f"{folder}: no recording has a reference")
    return found


def table(results: dict[str, dict[str, Errors]]) -> list[str]:
    """A Markdown table: a row for each recording and way, then each way over all."""
    lines = [
        "| Recording | Way | Words | WER % | Subst. | Del. | Ins. | Lost runs (found) | Where nobody speaks "
        "| Cue start ms, median / p90 |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    names = list(next(iter(results.values())))
    lines += [_row(name, title, by_name[name]) for name in names for title, by_name in results.items()]
    return [*lines, *(_row("**all**", title, sum(found.values(), Errors())) for title, found in results.items())]


def lost_runs(title: str, errors: dict[str, Errors]) -> list[str]:
    """A line for each run of lost words."""
    return [
        f"{title}: {name} {run.start_ms / 1000:.1f}-{run.end_ms / 1000:.1f} s, "
        f"{'a finding' if run.found else 'NO FINDING'}: "
        f"{' '.join(run.words[:14])}{' …' if len(run.words) > 14 else ''}"
        for name, found in errors.items()
        for run in found.lost
    ]


def _row(name: str, title: str, errors: Errors) -> str:
    starts = sorted(errors.start_errors_ms)
    near = f"{median(starts):.0f} / {percentile(starts, 90):.0f}" if starts else ""
    runs = f"{len(errors.lost)} ({sum(run.found for run in errors.lost)})"
    rate = f"{100 * errors.rate:.1f}" if errors.said else ""
    cells = (
        name, title, errors.said, rate, errors.substitutions, errors.deletions, errors.insertions, runs,
        errors.invented, near,
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _archivist(model: Path, beam: int) -> Way:
    """As a slot does: plan, then each chunk by itself."""
    engine = ENGINES["faster_whisper"](EngineSettings(model, "cpu", beam_size=beam))
    engine.load()

    def way(recording: Recording) -> Heard:
        file = RecordingFile("", recording.path.name, 0, 0, None)
        cuts: list[Cut] = []
        with recording.path.open("rb") as source:
            plan = PlanWork(file, "", recording.language)
            transcribe.plan(plan, engine, source.fileno(), _DEADLINE_S, cuts.append, _silently, _never)
            done = [
                transcribe.transcribe(
                    ChunkWork(file, "", cut), engine, source.fileno(), _DEADLINE_S, _silently, _never
                )
                for cut in cuts
            ]
        words = tuple(word for each in done for word in each.words)
        return Heard(words, tuple(stretch for each in done for stretch in each.unheard))

    return way


def _plain(model: Path, beam: int) -> Way:
    whisper = _theirs(model)
    return lambda recording: _written(
        whisper.transcribe(
            str(recording.path), language=recording.language, beam_size=BEAM, word_timestamps=True, vad_filter=False,
            condition_on_previous_text=False,
        )[0]
    )  # fmt: skip


def _batched(model: Path, beam: int) -> Way:
    from faster_whisper import BatchedInferencePipeline

    pipeline = BatchedInferencePipeline(_theirs(model))
    return lambda recording: _written(
        pipeline.transcribe(
            str(recording.path), language=recording.language, beam_size=BEAM, word_timestamps=True, batch_size=BATCH
        )[0]
    )


def _theirs(model: Path) -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


def _written(segments: Any) -> Heard:
    words: list[Word] = []
    for segment in segments:
        for word in segment.words or ():
            text = word.word.strip()
            start = max(0, round(float(word.start) * 1000))
            if text:
                words.append(Word(start, max(start, round(float(word.end) * 1000)), text))
    return Heard(tuple(words))


def _silently(*_: Any) -> None:
    """Nobody watches."""


def _never() -> bool:
    return False


WAYS: dict[str, Callable[[Path, int], Way]] = {"archivist": _archivist, "plain": _plain, "batched": _batched}
"""Ways of transcribing by name; each is made with a model's folder and our beam."""
