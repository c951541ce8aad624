"""`archivist`: reads the sub-command, runs it, and turns what went wrong into one sentence."""

import argparse
import sys
from collections.abc import Sequence

from archivist_cli import admin, captions, demo, models, transcribe, up
from archivist_cli.local.errors import StackError
from archivist_common import __version__
from archivist_common.errors import ArchivistError

_COMMANDS = (up, demo, transcribe, captions, admin, models)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="archivist", description="Broadcast captions from your own machines.")
    result.add_argument("--version", action="version", version=f"archivist {__version__}")
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_to(commands)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 it could not be done, 2 wrong usage, 130 interrupted."""
    options = parser().parse_args(arguments)
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
