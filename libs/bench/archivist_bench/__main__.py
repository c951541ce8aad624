"""`archivist bench`: reads the sub-command and runs it."""

import argparse
import sys

from archivist_bench import accuracy, captions, matching, storage, transcribe
from archivist_cli.local.errors import StackError
from archivist_common.errors import ArchivistError


def main() -> int:
    """The exit code, as that of `archivist`: 0 done, 1 it could not be done, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="archivist bench", description="Measure this machine, beside a peer.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    accuracy.add_to(actions)
    captions.add_to(actions)
    matching.add_to(actions)
    storage.add_to(actions)
    transcribe.add_to(actions)
    options = parser.parse_args()
    try:
        return int(options.run(options))
    except (StackError, ArchivistError) as exc:
        print(f"archivist: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
