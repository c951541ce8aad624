"""`archivist bench`: what this machine does, beside others, now."""

import argparse

from archivist_bench import captions, transcribe


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("bench", help="measure this machine")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    captions.add_to(actions)
    transcribe.add_to(actions)
