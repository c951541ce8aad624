"""`archivist captions`: caption files converted, checked and previewed, with no server and no database."""

import argparse

from archivist_cli.commands.captions import check, convert, countdown, preview


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("captions", help="convert, check and preview caption files")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for module in (convert, check, preview, countdown):
        module.add_to(actions)
