"""`archivist bench`: what this machine does, beside a peer, now. The benchmarks are a package of their own."""

import argparse
import subprocess
import sys
from importlib.util import find_spec

from archivist_cli.local.errors import StackError

_PACKAGE = "archivist_bench"  # started as a process: it imports a service, and the command line imports none


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("bench", help="measure this machine", add_help=False)
    parser.set_defaults(run=_bench, arguments=[])


def _bench(options: argparse.Namespace) -> int:
    if find_spec(_PACKAGE) is None:
        raise StackError("the benchmarks are not installed here: images of services come without them")
    return subprocess.run([sys.executable, "-m", _PACKAGE, *options.arguments], check=False).returncode
