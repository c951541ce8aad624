"""`archivist transcribe FILE…`: captions for one's own files, with no server left behind."""

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from archivist_cli import config, run_files
from archivist_cli.local.errors import StackError
from archivist_common.errors import ArchivistError
from archivist_common.storage.paths import OUTPUT_ENDINGS

_DEFAULT_MODEL = "small"  # the largest that keeps up with real time on one core of the machines we measured


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "transcribe",
        help="caption files on this machine",
        description="Write captions for recordings: FILE.scc, FILE.vtt … No server is needed or left behind.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--model",
        default=None,
        metavar="NAME|PATH",
        help="speech model: demo, a folder, or a size (tiny, base, small, medium, large-v3 …), fetched once where "
        f"there is internet access (default: WHISPER_MODEL_PATH, else {_DEFAULT_MODEL})",
    )
    parser.add_argument("--language", default="en", help="as in en, es, de; auto finds out (default: en)")
    parser.add_argument(
        "--format",
        action="append",
        choices=[*OUTPUT_ENDINGS, "all"],
        help="what to write; repeatable (default: all)",
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to (default: this folder)")
    parser.add_argument("--track", type=int, metavar="N", help="audio track, counted from 0 (default: the main one)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    for file in options.files:
        if not file.exists():
            raise StackError(f"{file}: there is no such file")
        if not file.is_file():
            raise StackError(f"{file}: is not a file")
    settings = config.settings()
    settings["WHISPER_MODEL_PATH"] = str(_model(options.model, settings))
    return asyncio.run(_transcribe(options, settings))


async def _transcribe(options: argparse.Namespace, settings: dict[str, str]) -> int:
    folders = run_files.folders(options.files)
    settings |= {"FLEX_SERVERS": config.storage_servers(folders)}
    names = {folder: name for name, folder in folders.items()}
    wanted = None if not options.format or "all" in options.format else set(options.format)
    files, failed = [], 0
    for file in options.files:  # before hours of work, not after
        try:
            run_files.targets(options.output, file.stem, overwrite=options.overwrite, wanted=wanted)
            files.append(file)
        except StackError as exc:
            failed += _complain(file, exc)
    if not files:
        return 1
    async with run_files.running_stack(settings) as running:
        # All are submitted before the first is followed: every slot of this machine has something to do.
        jobs: list[tuple[Path, dict[str, Any]]] = []
        for file in files:
            storage, real = names[file.resolve().parent], file.resolve()
            try:
                job = await running.gateway.submit(
                    storage, real.name, language=options.language, audio_track=options.track
                )
                jobs.append((file, job))
            except ArchivistError as exc:
                failed += _complain(file, f"{exc.code}: {exc}")
        for file, queued in jobs:
            try:
                job = await run_files.follow(running.gateway, queued)
                written = await run_files.save(
                    running.gateway, job, options.output, file.stem, overwrite=options.overwrite, wanted=wanted
                )
            except (ArchivistError, StackError) as exc:
                failed += _complain(file, exc)
                continue
            for warning in job["warnings"]:
                _complain(file, warning)
            for path in written.values():
                print(path)
    return 1 if failed else 0


def _complain(file: Path, what: object) -> int:
    print(f"archivist: {file}: {what}", file=sys.stderr)
    return 1


def _model(name: str | None, settings: dict[str, str]) -> Path:
    """The folder of the model asked for, fetched first where it is known by name and not here yet."""
    if name is None and "WHISPER_MODEL_PATH" in settings:
        return config.checked_model(Path(settings["WHISPER_MODEL_PATH"]).absolute())
    name = name or _DEFAULT_MODEL
    if name == "demo":
        return config.demo_folder()
    if "/" in name or Path(name).is_dir():
        return config.checked_model(Path(name).resolve())
    directory = config.model_directory(settings)
    # The speech room knows the names and does the fetching; it says in a sentence what went wrong.
    command = [sys.executable, "-m", "archivist_transcriber.engines.models", "fetch", name, "--into", str(directory)]
    if subprocess.run(command, check=False).returncode != 0:
        raise StackError(f"no captions without the model {name!r}")
    return directory / name
