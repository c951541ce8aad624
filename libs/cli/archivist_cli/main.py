"""`archivist`: reads the sub-command, runs it, and turns what went wrong into one sentence."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from archivist_cli.local.errors import StackError
from archivist_common import __version__
from archivist_common.errors import ArchivistError

_COMMANDS = {
    "up": "up",
    "demo": "demo",
    "transcribe": "transcribe",
    "queue": "job_queue",
    "publish": "publish",
    "cablecast": "cablecast",
    "captions": "captions",
    "admin": "admin",
    "models": "models",
    "doctor": "doctor",
    "bench": "bench",
}
"""Sub-commands, and the module of `commands` with an `add_to` for each."""


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Knows one command, or all of them: checking a caption file shall not wait for a database driver to load."""
    result = argparse.ArgumentParser(prog="archivist", description="Broadcast captions from your own machines.")
    result.add_argument("--version", action="version", version=f"archivist {__version__}")
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        if command in (None, name):
            import_module(f"archivist_cli.commands.{module}").add_to(commands)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 it could not be done, 2 wrong usage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    known = parser(given[0] if given and given[0] in _COMMANDS else None)
    options = known.parse_args(given[:1] if given[:1] == ["bench"] else given)
    if given[:1] == ["bench"]:  # what follows is read by the benchmarks' own process, --help too
        options.arguments = given[1:]
    try:
        return int(options.run(options))
    except (StackError, ArchivistError) as exc:
        print(f"archivist: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1  # whoever read our output has gone


if __name__ == "__main__":
    sys.exit(main())
