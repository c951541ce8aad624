"""`archivist bench`: what this machine does, beside others, now."""

import argparse

from archivist_cli import bench_captions, bench_transcribe


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("bench", help="measure this machine")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    bench_captions.add_to(actions)
    bench_transcribe.add_to(actions)
