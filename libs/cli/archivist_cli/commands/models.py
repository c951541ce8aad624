"""`archivist models`: fetch a speech model, or see which are here."""

import argparse
import subprocess
import sys
from pathlib import Path

from archivist_cli import config


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("models", help="fetch a speech model, or list those on this machine")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fetch = actions.add_parser("fetch", help="download a model by name: tiny, base, small, medium, large-v3 …")
    fetch.add_argument("name")
    fetch.set_defaults(run=_fetch)
    listing = actions.add_parser("list", help="the models on this machine and their folders")
    listing.set_defaults(run=_list)


def _fetch(options: argparse.Namespace) -> int:
    directory = config.model_directory(config.settings())
    command = [
        sys.executable,
        "-m",
        "archivist_transcriber.engines.models",
        "fetch",
        options.name,
        "--into",
        str(directory),
    ]
    return subprocess.run(command, check=False).returncode


def _list(_: argparse.Namespace) -> int:
    directory = config.model_directory(config.settings())
    print(f"demo\t{config.demo_folder()}")
    for folder in sorted(directory.iterdir()) if directory.is_dir() else []:
        if Path(folder / "model.bin").is_file():
            print(f"{folder.name}\t{folder}")
    return 0
