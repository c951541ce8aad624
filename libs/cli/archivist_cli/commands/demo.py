"""`archivist demo`: the bundled recording through the whole system, and whether the captions are right."""

import argparse
import asyncio
import json
import time
from pathlib import Path

from archivist_captions import evaluation
from archivist_captions.cea608 import verifier
from archivist_cli import config, run_files
from archivist_cli.commands.captions import play

_SAMPLE = "meeting-2min.ogg"
_MOST_ERRORS = 0.08  # the promise of the bundled model on its own sample
_SHOWN = 6


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="caption the bundled recording and show the result",
        description="Start everything in a temporary folder, caption the bundled two-minute council meeting over the "
        "REST API, show the captions as on screen, and check them. Exit 0 only if they are right.",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the files here (default: archivist-demo)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    return asyncio.run(_demo(options.output or Path("archivist-demo")))


async def _demo(output: Path) -> int:
    demo = config.demo_folder()
    reference = json.loads((demo / "samples" / _SAMPLE).with_suffix(".json").read_text())
    settings = config.settings() | {
        "FLEX_SERVERS": config.storage_servers({"demo": demo / "samples"}),
        "WHISPER_MODEL_PATH": str(demo),
        "DEFAULT_LANGUAGE": "en",
    }
    print("Starting database, Redis, gateway, speech workers and monitor …", flush=True)
    async with run_files.running_stack(settings) as running:
        began = time.monotonic()
        job = await run_files.follow(running.gateway, await running.gateway.submit("demo", _SAMPLE))
        took = time.monotonic() - began
        files = await run_files.save(running.gateway, job, output, Path(_SAMPLE).stem, overwrite=True)
        summary = await running.gateway.summary(job["id"])
    played = verifier.play(files["scc"].read_text("ascii"))
    print(f"\nThe captions as on screen ({len(played.screens)} in all):\n")
    print("\n".join(play.drawn(played.screens, _SHOWN)))
    print("\nSummary:")
    for sentence in summary["sentences"]:
        print(f"  {sentence['start_ms'] // 60_000:02}:{sentence['start_ms'] // 1000 % 60:02}  {sentence['text']}")
    print("\nFiles:")
    for path in files.values():
        print(f"  {path}")
    said = evaluation.words_of(" ".join(segment["text"] for segment in reference["segments"]))
    shown = evaluation.words_of(" ".join(shown.text for shown in played.screens))
    errors = evaluation.word_error_rate(said, shown)
    audio = float(job["audio_s"])
    broken = [finding for finding in played.findings if finding.severity == "error"]
    print(f"\nReal-time factor  {took / audio:.3f} ({audio:.0f} s of audio in {took:.1f} s, submit to captions)")
    print(f"Word error rate   {errors:.1%} of {len(said)} words (at most {_MOST_ERRORS:.0%})")
    print(f"SCC               {len(broken)} errors found by the decoder")
    for finding in broken:
        print(f"  line {finding.line}: {finding.message}")
    return 0 if not broken and played.screens and errors <= _MOST_ERRORS else 1
